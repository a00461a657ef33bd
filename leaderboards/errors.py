"""What can go wrong with boards. Each message is for a person."""


class BoardError(Exception):
    """Base of what boards refuse."""


class NothingToRankError(BoardError):
    """The study has no verdict or rating that counts, or no such dimension or group."""


class WrongEngineError(BoardError):
    """Verdicts were to be ranked as ratings, or ratings as verdicts."""


class BoardMismatchError(BoardError):
    """A board's export does not recompute to what it says."""
