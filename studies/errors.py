"""What can go wrong with a study's design. Each message is for a person."""


class StudyError(Exception):
    """Base of what studies refuse."""


class StateError(StudyError):
    """The study's life cycle does not allow this step."""


class ElectorateConflictError(StudyError):
    """An electorate of this slug stands already, with other figures."""
