"""Opens a study to simulated raters, who need neither endpoints nor codes, nor many words."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from studies.errors import StateError, StudyNotReadyError
from studies.ledger import changing_rules
from studies.life_cycle import mark_open
from studies.models import Study
from studies.planning import CONTESTANTS_NEEDED, allocate_quotas
from studies.services import add_consent_text, choose_overall_dimension
from studies.stopping import empty_queue

CONSENT: Final = "The raters of this study are simulated: nobody has to agree to anything."


@transaction.atomic
def open_to_simulated_raters(
    study: Study, *, raters: int, policy: str | None = None, at: datetime
) -> None:
    """Open a simulated study, if it is a draft or paused, and give it what its raters need.

    That are quotas for so many raters, where it has an electorate and none yet, a consent text
    and an overall dimension; nothing is asked of contestants' endpoints. `policy` replaces the
    study's own. Raises StateError for a study of people, for one that rates one model at a time,
    and where its life cycle has ended; StudyNotReadyError where there is nothing to compare.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    require_simulated(locked)
    _require_comparisons(locked)
    choose_overall_dimension(locked)
    if not locked.consent_texts.exists():
        add_consent_text(locked, summary=CONSENT, text=CONSENT)
    if locked.electorate is not None and not locked.quotas.exists():
        allocate_quotas(locked, raters=raters, at=at)
    if policy is not None:
        choose_policy(locked, policy, at=at)
    if locked.state != Study.State.OPEN:
        mark_open(locked, at=at)
    study.refresh_from_db()


def choose_policy(study: Study, policy: str, *, at: datetime) -> None:
    """Say how a study's pairs are chosen, from the next one on."""
    changed = Study.objects.filter(pk=study.pk).exclude(policy=policy)
    with changing_rules(study, at=at):
        if changed.update(policy=Study.Policy(policy)):
            empty_queue(study)
    study.refresh_from_db()


def require_simulated(study: Study) -> None:
    """Raise StateError for a study of people, which simulated raters would falsify."""
    if not study.is_simulated:
        raise StateError(
            _(
                "The study %(study)s has real raters: simulated ones would falsify it. Tick “is "
                "simulated” in a study of its own."
            )
            % {"study": study.slug}
        )


def _require_comparisons(study: Study) -> None:
    if study.protocol != Study.Protocol.PAIRWISE:
        raise StateError(
            _("Simulated raters compare, and the study %(study)s is of %(protocol)s.")
            % {"study": study.slug, "protocol": study.get_protocol_display()}
        )
    missing = []
    if study.contestants.filter(withdrawn_at=None).count() < CONTESTANTS_NEEDED:
        missing.append(_("Enter at least two contestants."))
    if not study.dimensions.exists():
        missing.append(_("Add a dimension that raters compare them on."))
    if missing:
        raise StudyNotReadyError(_("The study can't open yet."), tuple(missing))
