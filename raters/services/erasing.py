"""Everything that takes raters' words and data away: once she wants them back, or time is over.

What stays are facts without her in them: that somebody with a random code took part and agreed,
and rows of verdicts that no board counts any more.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from raters.models import (
    Battle,
    CheckAnswer,
    JudgeAnswer,
    JudgeLabel,
    JudgeVerdict,
    Participation,
    Reply,
    SideStyle,
    Signal,
    Strike,
    Turn,
)
from raters.services.exclusions import exclude_what_was_withdrawn
from raters.services.panel import account_id
from raters.services.replies import UNCLAIMED
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User

Source = Participation.Source

WITHDREW: Final = "The rater withdrew."
# What stands in place of who she is to the recruiting platform, and of her browser.
NOBODY: Final = {
    "source": Source.ERASED,
    "identity_mark": None,
    "identity_sealed": "",
    "address_hash": "",
    "device_hash": "",
}


@transaction.atomic
def withdraw_and_erase(participation: Participation, *, at: datetime) -> None:
    """End a participation in any state for good, and erase what she said and who she is.

    Boards from now on leave her verdicts out; published ones stay as they are. A worker that is
    writing a reply to her finds its claim gone. Withdrawn already, nothing changes.
    """
    # The study first, as everything does that locks both: two would wait for each other.
    study = Study.objects.select_for_update(no_key=True).get(pk=participation.study_id)
    hers = Participation.objects.select_for_update(of=("self",)).get(pk=participation.pk)
    if hers.state != Participation.State.WITHDRAWN:
        _erase_words(hers)
        _erase_findings(hers)
        _erase_person(hers, at=at)
        # In a preview there are no verdicts to leave out, and an exclusion could never be removed.
        if study.preview_of_id is None:
            exclude_what_was_withdrawn(hers, reason=WITHDREW, at=at)
    participation.refresh_from_db()


def erase_after_retention(*, at: datetime) -> list[Study]:
    """Erase who the raters of studies were that closed long enough ago; returns those studies.

    Words go too, but for those that a rater released. Her verdicts and groups stay, under a code
    that leads to nobody; boards are what they were.
    """
    closed = Study.objects.filter(
        closed_at__isnull=False, identities_erased_at=None, preview_of=None
    )
    over = [s for s in closed if s.closed_at and s.closed_at + timedelta(s.retention_days) <= at]
    for study in over:
        # One by one: no lock is held for minutes, and it goes on where it broke off.
        left = study.participations.exclude(source=Source.ERASED)
        for participation in left.order_by("pk").iterator():
            _forget(participation)
        Study.objects.filter(pk=study.pk).update(identities_erased_at=at)
    return over


@transaction.atomic
def _forget(participation: Participation) -> None:
    """Erase who somebody was, and what she wrote unless she released it."""
    hers = Participation.objects.select_for_update(of=("self",)).get(pk=participation.pk)
    if hers.words_released_at is None:
        _erase_words(hers)
    _erase_findings(hers)
    Participation.objects.filter(pk=hers.pk).update(**NOBODY)


def _erase_words(participation: Participation) -> None:
    """Her messages, the answers to them, and her reasons; what answers cost is kept."""
    replies = Reply.objects.filter(turn__battle__participation=participation)
    # Workers and the beat hold some of these rows too: in one order nobody waits in a circle.
    ids = list(replies.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    Reply.objects.filter(pk__in=ids).update(
        **UNCLAIMED, state=Reply.State.ERASED, text="", error=""
    )
    Turn.objects.filter(battle__participation=participation).update(
        text="", is_erased=True, pasted_signs=None, times_away=None
    )
    SideStyle.objects.filter(battle__participation=participation).delete()
    Battle.objects.filter(participation=participation).update(reason="")
    # What judges say quotes her.
    of_hers = {"judgement__battle__participation": participation}
    JudgeAnswer.objects.filter(**of_hers).update(text="", token_logprobs=None)
    JudgeVerdict.objects.filter(**of_hers).update(reason="", samples=[])
    # What her conversation was about is as much hers as its words.
    JudgeLabel.objects.filter(**of_hers).delete()


def _erase_findings(participation: Participation) -> None:
    """What was found in her words, and what was said about it; that it was found is kept."""
    Strike.objects.filter(participation=participation).update(evidence="", objection="", note="")
    Signal.objects.filter(participation=participation).update(evidence="", figures={})
    CheckAnswer.objects.filter(participation=participation).update(answer="")


def _erase_person(participation: Participation, *, at: datetime) -> None:
    """Who she is to the recruiting platform, her groups, and what told her browser apart."""
    Participation.objects.filter(pk=participation.pk).update(
        **NOBODY,
        state=Participation.State.WITHDRAWN,
        cell=None,
        words_released_at=None,
        kept_until=None,
        ended_at=at,
    )


def may_delete_account(user: "User", participation: Participation) -> bool:
    """Whether this is an account for raters only, and used in no other participation."""
    hers = Participation.objects.named_anywhere(account_id(user), sources=[Source.ACCOUNT])
    is_only_rater = not (user.is_staff or user.is_superuser or user.studies.exists())
    return is_only_rater and not hers.exclude(pk=participation.pk).exists()
