"""What can go wrong with raters' work. Each message is for a person."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from raters.models import Participation


class RaterError(Exception):
    """Base of what raters refuses."""


class IdentityKeyError(RaterError):
    """No key of this process opens what the database holds of who raters are."""

    def __init__(self) -> None:
        super().__init__(
            "Who the raters are was sealed under another key: IDENTITY_KEY, or one of "
            "IDENTITY_KEY_FALLBACKS, has to be the one that this database was written with."
        )


class ImportRefusedError(RaterError):
    """A file cannot be imported; the message names file and, where there is one, the line."""


class ExclusionError(RaterError):
    """An exclusion that says nothing, or that is there or lifted already."""


class StudyClosedError(RaterError):
    """The study takes nobody new."""


class GroupsError(RaterError):
    """The groups given are not one of each axis of the study's electorate."""


class MovedOnError(RaterError):
    """What she does belongs to where she was: she goes on elsewhere, and is led there."""


class PlaceLostError(MovedOnError):
    """The participation has ended, so the rater has no place to go on with."""


class AnswersMissingError(RaterError):
    """Not every question before the first battle has one of its answers."""


class QuotaFullError(RaterError):
    """No place is left in `full`, the rater's groups; `participation` is recorded as screened out.

    `full` holds what the groups are called, such as "Age: 18-34".
    """

    def __init__(self, participation: "Participation", full: tuple[str, ...]) -> None:
        super().__init__(_("No place is left for: %(groups)s.") % {"groups": ", ".join(full)})
        self.participation = participation
        self.full = full


class BattleOverError(MovedOnError):
    """The battle is judged, or another has taken its place."""


class BattleError(RaterError):
    """Base of what a battle refuses: it can't go on in this way, and the message says why."""


class StudyRestsError(BattleError):
    """The study is not open, so that nothing new begins in it."""


class MessageRefusedError(BattleError):
    """A message that is empty, too long, or more than the study allows."""


class TurnConflictError(BattleError):
    """Another message stands under this number, or the number is not the next one."""


class ReplyPendingError(BattleError):
    """A side is still answering the last message."""


class SideFailedError(BattleError):
    """A side could not answer the last message; it has to be asked again first."""


class RetryRefusedError(BattleError):
    """Only a side that could not answer the last message is asked again."""


class JudgementRefusedError(BattleError):
    """Not one known verdict, or rating, for each dimension; or it comes too early."""


class NobodyLeftError(BattleError):
    """The rater has met everybody who could take the place of those she is talking with."""


class TopicStaysError(BattleError):
    """Only a sensitive topic is put away, not too often, and where another one is left."""


class ObjectionRefusedError(RaterError):
    """An objection that says nothing, says too much, or comes where there is nothing to decide."""


class UnreadableScreenError(RaterError):
    """What a screener answered is not the one JSON object that it was asked for."""


class PreviewRefusedError(RaterError):
    """A study that nobody could walk through. `missing` says in sentences what it lacks."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(" ".join((_("The study can't be previewed yet."), *missing)))
        self.missing = missing


class DecidedAlreadyError(RaterError):
    """Another reviewer has decided about this strike meanwhile; the first decision stands."""


class JudgeError(RaterError):
    """A judge, a run or a case of one that there can't be."""


class PartitionError(RaterError):
    """Tables that can't be taken apart, or not into so many parts, and why."""
