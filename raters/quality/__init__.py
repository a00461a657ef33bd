"""Whether to believe what is said: pure functions on text and numbers."""
