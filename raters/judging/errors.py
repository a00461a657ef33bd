"""What can go wrong in judging. Each message is for an admin."""


class JudgingError(Exception):
    """Base of what judging refuses."""


class SettingsError(JudgingError):
    """A protocol's setting that says nothing it knows; `field` is the setting's name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class CaseError(JudgingError):
    """A case that is none, or that lacks what a protocol needs."""


class UnreadableAnswerError(JudgingError):
    """An answer that is not what was asked for; `key` names the call, to be asked again."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class LeakError(JudgingError):
    """What is held out was about to be seen; `pair` is the battle that it happened to."""

    def __init__(self, pair: int, message: str) -> None:
        super().__init__(message)
        self.pair = pair
