"""From verdicts to rankings: pure functions of arrays, without Django or models."""
