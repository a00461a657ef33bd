"""What can go wrong with raters' work. Each message is for a person."""


class RaterError(Exception):
    """Base of what raters refuses."""


class ImportRefusedError(RaterError):
    """A file cannot be imported; the message names file and, where there is one, the line."""


class ExclusionError(RaterError):
    """An exclusion that says nothing, or that is there or lifted already."""
