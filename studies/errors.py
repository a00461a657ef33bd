"""What can go wrong with a study's design. Each message is for a person."""


class StudyError(Exception):
    """Base of what studies refuse."""


class StateError(StudyError):
    """The study's life cycle does not allow this step."""


class ElectorateConflictError(StudyError):
    """An electorate of this slug stands already, with other figures."""


class QuotaError(StudyError):
    """Places can't be divided in this way, or fewer would be left than are taken."""


class StudyNotReadyError(StudyError):
    """The study can't open yet: so it is `said`, before the sentences on what is `missing`."""

    def __init__(self, said: str, missing: tuple[str, ...]) -> None:
        super().__init__(" ".join((said, *missing)))
        self.missing = missing


class SlugTakenError(StudyError):
    """Another study has this slug, and with it the address of its pages."""


class TaskListError(StudyError):
    """A list of tasks can't be taken. `flaws` says in sentences what is wrong, and where."""

    def __init__(self, flaws: tuple[str, ...]) -> None:
        super().__init__(" ".join(flaws))
        self.flaws = flaws


class LedgerError(StudyError):
    """Something is no ledger, or nothing that a ledger can hold."""


class KeyReusedError(StudyError):
    """An Idempotency-Key came again, with another request."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key came with another request before: take a new key for each."
        )


class WriteUnderWayError(StudyError):
    """The same request is being done already."""

    def __init__(self) -> None:
        super().__init__("The same request is under way: ask again once it has been answered.")
