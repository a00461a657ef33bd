"""Everything that writes exclusions."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from raters.errors import ExclusionError
from raters.models import Battle, Exclusion, Participation, Rating, Verdict
from studies.ledger import By, Kind, record
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def exclude(subject: Participation | Battle, *, reason: str, by: "User", at: datetime) -> Exclusion:
    """Leave a participation's verdicts, or one battle's, out of boards from now on.

    Nothing is deleted, and boards already published stay as they are. Raises ExclusionError
    without a reason, for one that names the rater by her code, or where it is left out already.
    """
    if not reason.strip():
        raise ExclusionError(
            _("Say why %(subject)s is left out: boards publish the reason.") % {"subject": subject}
        )
    is_battle = isinstance(subject, Battle)
    participation = subject.participation if isinstance(subject, Battle) else subject
    if participation.rater.code.casefold() in reason.casefold():
        raise ExclusionError(_("Leave the rater's code out of the reason: anybody may read it."))
    named = {"battle": subject} if is_battle else {"participation": subject}
    # Two people excluding the same at once would leave two exclusions to lift.
    study = Study.objects.select_for_update().get(pk=participation.study_id)
    standing = study.exclusions.active().filter(**named).first()
    if standing is not None:
        raise ExclusionError(
            _("%(subject)s is left out already: %(reason)s")
            % {"subject": subject, "reason": standing.reason}
        )
    exclusion = Exclusion.objects.create(
        study=study, reason=reason.strip(), actor=by, created_at=at, **named
    )
    is_single = study.protocol == Study.Protocol.SINGLE
    answers = (Rating if is_single else Verdict).objects.countable(study)
    of = {"battle": subject} if is_battle else {"battle__participation": subject}
    facts = _facts(exclusion) | {"verdicts": answers.filter(**of).count()}
    record(study, Kind.EXCLUSION_MADE, facts, by=By.ADMIN, at=at)
    return exclusion


@transaction.atomic
def exclude_by_rule(
    study: Study, rule: Exclusion.Rule, *, reason: str, by: "User", at: datetime
) -> Exclusion:
    """Leave all that a rule speaks of out of a study's boards, and all that it will speak of.

    Nothing is deleted, and boards already published stay as they are. Raises ExclusionError
    without a reason, or where the rule stands already.
    """
    if not reason.strip():
        raise ExclusionError(
            _("Say why %(rule)s are left out: boards publish the reason.") % {"rule": rule.label}
        )
    # Two people excluding by the same rule at once would leave two exclusions to lift.
    study = Study.objects.select_for_update().get(pk=study.pk)
    standing = study.exclusions.active().filter(rule=rule).first()
    if standing is not None:
        raise ExclusionError(
            _("The rule stands already, for %(rule)s: %(reason)s")
            % {"rule": rule.label, "reason": standing.reason}
        )
    exclusion = Exclusion.objects.create(
        study=study, rule=rule, reason=reason.strip(), actor=by, created_at=at
    )
    record(study, Kind.EXCLUSION_MADE, _facts(exclusion), by=By.ADMIN, at=at)
    return exclusion


def exclude_what_was_withdrawn(participation: Participation, *, reason: str, at: datetime) -> None:
    """Leave a participation out for good, since the rater herself withdrew; nobody can lift it.

    To be called under the study's lock. The ledger says that somebody withdrew, and not how much
    she had said, by which she might be told.
    """
    exclusion = Exclusion.objects.create(
        study=participation.study, participation=participation, reason=reason, created_at=at
    )
    record(participation.study, Kind.EXCLUSION_MADE, _facts(exclusion), by=By.RATER, at=at)


@transaction.atomic
def lift_exclusion(exclusion: Exclusion, *, by: "User", at: datetime) -> None:
    """Let what was excluded count again. That it was excluded stays on record.

    Raises ExclusionError if it is lifted already, and where the rater herself withdrew: what
    she took back has no words or groups any more.
    """
    if exclusion.actor_id is None:
        raise ExclusionError(_("The rater withdrew: what she took back stays out for good."))
    # The study first, as everything does that locks both.
    study = Study.objects.select_for_update(no_key=True).get(pk=exclusion.study_id)
    lifted = Exclusion.objects.active().filter(pk=exclusion.pk).update(lifted_at=at, lifted_by=by)
    exclusion.refresh_from_db()
    if not lifted:
        raise ExclusionError(
            _("The exclusion was lifted already, on %(day)s, by %(by)s.")
            % {
                "day": date_format(exclusion.lifted_at or at, "DATE_FORMAT"),
                "by": exclusion.lifted_by,
            }
        )
    record(study, Kind.EXCLUSION_LIFTED, _facts(exclusion), by=By.ADMIN, at=at)


def _facts(exclusion: Exclusion) -> dict[str, object]:
    """What the public ledger says of an exclusion: never of whom, or which battle."""
    return {"of": exclusion.kind, "reason": exclusion.reason}
