"""When a study's question is answered: which rules make sense, and what follows once they hold."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from studies.errors import StateError
from studies.ledger import By, changing_rules, record
from studies.models import Contestant, LedgerEntry, StoppingRule, Study, WebhookEvent
from studies.webhooks import announce

Kind = StoppingRule.Kind

# Fewer have no order.
CONTESTANTS_NEEDED: Final = 2

NO_QUEUE: Final = gettext_noop(
    "A study of one model at a time has no battle queue and no stopping rules: nobody "
    "meets anybody. It goes on until its places are filled or you close it."
)
# Which fields belong to one kind alone: what to do where it has none, and where another has it.
OWN_FIELDS: Final = {
    "sigma": (Kind.SIGMA, gettext_noop("Say how small every standard deviation has to be.")),
    "top": (Kind.TOP, gettext_noop("Say how many contestants the top has.")),
    "first": (Kind.PAIR, gettext_noop("Say which two contestants.")),
    "second": (Kind.PAIR, gettext_noop("Say which two contestants.")),
}


def flaws_of_fields(rule: StoppingRule) -> Iterator[tuple[str, str]]:
    """What a rule lacks, or has too much of, for its kind: each field and what to do about it."""
    for field, (kind, words) in OWN_FIELDS.items():
        is_given = getattr(rule, field) is not None
        if rule.kind == kind and not is_given:
            yield field, _(words)
        elif rule.kind != kind and is_given:
            yield field, _("Leave it empty: it is only for “%(label)s”.") % {"label": kind.label}
    if rule.kind == Kind.PAIR and rule.first is not None and rule.first == rule.second:
        yield "second", _("Nobody is separated from itself: choose another one.")


def flaw_among(rule: StoppingRule, standing: Collection[Contestant]) -> str:
    """Why a rule can never be fulfilled among those that take part, or always is; else empty."""
    if len(standing) < CONTESTANTS_NEEDED:
        return _("Fewer than two contestants take part.")
    if rule.kind == Kind.TOP and (rule.top or 0) >= len(standing):
        return _(
            "A top of %(top)s is always settled where %(standing)s contestants take "
            "part: ask for a smaller one."
        ) % {"top": rule.top, "standing": len(standing)}
    named = [each for each in (rule.first, rule.second) if each is not None]
    if rule.kind == Kind.PAIR and (gone := [each for each in named if each not in standing]):
        names = _(" and ").join(map(str, gone))
        return ngettext(
            "%(names)s does not take part: name another pair.",
            "%(names)s do not take part: name another pair.",
            len(gone),
        ) % {"names": names}
    return ""


def missing_of_stopping(study: Study) -> Iterator[str]:
    """Why a study's stopping rules could not end it, in sentences."""
    rules = list(study.stopping_rules.select_related("first", "second"))
    if rules and study.protocol == Study.Protocol.SINGLE:
        yield _(
            "Remove the stopping rules: raters rate one model at a time, so nobody meets anybody."
        )
        return
    standing = list(study.contestants.filter(withdrawn_at=None))
    # That too few take part is said elsewhere, once.
    if len(standing) >= CONTESTANTS_NEEDED:
        for rule in rules:
            if flaw := flaw_among(rule, standing):
                yield _("Change the stopping rule “%(rule)s”. %(flaw)s") % {
                    "rule": rule,
                    "flaw": flaw,
                }


def are_rules_fixed(study: Study) -> bool:
    """Whether somebody may have seen figures, and could choose the rule that is just fulfilled."""
    return study.state != Study.State.DRAFT or study.participations.exists()


def has_ended(study: Study) -> bool:
    """Whether the question is answered, and the study takes nobody new for that reason."""
    return study.answered_at is not None and study.ends_when_answered


def takes_nobody_new(study: Study) -> bool:
    """Whether nobody can come in now. Who is inside goes on where it is open and has ended."""
    return study.state != Study.State.OPEN or has_ended(study)


@transaction.atomic
def mark_answered(study: Study, *, at: datetime) -> None:
    """Say that all stopping rules of a study are fulfilled. The first time stands."""
    answered = Study.objects.filter(pk=study.pk, answered_at=None).update(answered_at=at)
    study.refresh_from_db(fields=["answered_at"])
    if answered:
        record(study, LedgerEntry.Kind.STUDY_ANSWERED, {}, by=By.PLATFORM, at=at)
        facts = {"because": "answered"}
        announce(study, WebhookEvent.Kind.STUDY_FINISHED, facts, key="answered", at=at)


def take_raters_again(study: Study, *, at: datetime) -> None:
    """Let a study go on although its question is answered, until its places are filled.

    Raises StateError if it has not ended in this way.
    """
    with changing_rules(study, at=at):
        ended = Study.objects.filter(
            pk=study.pk, answered_at__isnull=False, ends_when_answered=True
        ).update(ends_when_answered=False)
    study.refresh_from_db(fields=["answered_at", "ends_when_answered"])
    if not ended:
        raise StateError(
            _("The study %(slug)s has not ended by its stopping rules.") % {"slug": study.slug}
        )


def empty_queue(study: Study) -> None:
    """Forget which pairs come next: they were chosen by other settings. A task fills it again."""
    study.matchups.all().delete()
