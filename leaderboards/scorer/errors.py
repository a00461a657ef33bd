"""What a scorer refuses, by name."""

from leaderboards.ranking.errors import RankingError


class ScorerError(RankingError):
    """Verdicts from which no scorer can be trained, or a server that can't train one."""
