"""What can go wrong with boards. Each message is for a person."""


class BoardError(Exception):
    """Base of what boards refuse."""


class NothingToRankError(BoardError):
    """The study has no verdict or rating that counts, or no such dimension or group."""


class WrongEngineError(BoardError):
    """Verdicts were to be ranked as ratings, or ratings as verdicts."""


class BoardMismatchError(BoardError):
    """A board's export does not recompute to what it says."""


class NothingToExportError(BoardError):
    """No verdict may leave the study with its words, or what was asked for is not there."""


class CriteriaError(BoardError):
    """Criteria that can't be found, or a judge that can't be tuned, and why."""


class RoutingError(BoardError):
    """Runs of judges that people's verdicts can't be routed by, and why."""


class ExportError(BoardError):
    """An export that can't be built, or is not there to be fetched, and why."""
