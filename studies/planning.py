"""What makes a design a study that can be run: quotas from shares, and the check at opening."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import comb
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studies.census.quotas import (
    Allocation,
    CellKey,
    QuotaPlan,
    allocate_cells,
    allocate_margins,
)
from studies.checks import missing_of_checks
from studies.dimension_templates import dimension_templates
from studies.errors import QuotaError, StudyNotReadyError
from studies.ledger import changing_rules
from studies.life_cycle import mark_open, refused_step, states_before
from studies.models import Cell, CompletionCode, Contestant, Electorate, Group, Quota, Study
from studies.providers import ProviderError, check_address
from studies.registry import address_rules, endpoint_of
from studies.services import CELL_SEPARATOR
from studies.spending import overspending
from studies.stopping import missing_of_stopping

# The states of a participation that take a place in every quota of its groups. They stand here,
# below the app that owns participations, so that quotas and places are counted in one way.
TAKES_A_PLACE: Final = ("reserved", "active", "completed")

CONTESTANTS_NEEDED: Final = 2
CODES_NEEDED: Final = (CompletionCode.Outcome.COMPLETED, CompletionCode.Outcome.SCREENED_OUT)

# How a question gives away that it compares: who talks with one assistant can't answer it.
COMPARES: Final = re.compile(r"\bof the two\b|^which one\b", re.IGNORECASE)
# Where mails go to the screen of the server, nobody who signs up gets hers.
MAIL_TO_NOBODY: Final = "django.core.mail.backends.console.EmailBackend"


@dataclass(frozen=True, slots=True)
class Division:
    """All places divided over the groups of one axis, or over the cells.

    `subjects` and the quotas of `allocation`, which says what whole raters cost, in one order.
    """

    name: str
    subjects: Sequence[Group | Cell]
    allocation: Allocation[str] | Allocation[CellKey]

    @property
    def rows(self) -> tuple[tuple[Group | Cell, QuotaPlan[str] | QuotaPlan[CellKey]], ...]:
        """Each group or cell with its quota."""
        return tuple(zip(self.subjects, self.allocation.quotas, strict=True))


def plan_quotas(study: Study, *, raters: int) -> tuple[Division, ...]:
    """How so many places would be divided: one division for each axis, or one over the cells.

    Nothing is stored. Raises QuotaError without an electorate, and for less than one place.
    """
    if study.electorate is None:
        raise QuotaError(_("Choose an electorate first: places are divided by its shares."))
    if raters < 1:
        raise QuotaError(_("Ask for at least one rater."))
    return tuple(
        Division(name, subjects, _allocate(subjects, raters))
        for name, subjects in _subjects(study.electorate, study.quota_by).items()
    )


@transaction.atomic
def allocate_quotas(study: Study, *, raters: int, at: datetime) -> tuple[Division, ...]:
    """Divide places by the electorate's shares, in place of the study's quotas.

    By groups or cells as `study.quota_by` says. Raises QuotaError as `plan_quotas` does, and
    where a quota would fall below the places that are taken.
    """
    # Places are taken under the same lock, so none is taken between the count and the change.
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    divisions = plan_quotas(locked, raters=raters)
    targets = {subject: plan.target for division in divisions for subject, plan in division.rows}
    _require_room(locked, targets)
    with changing_rules(locked, at=at):
        locked.quotas.all().delete()
        Quota.objects.bulk_create(
            Quota(study=locked, cell=subject, target=target)
            if isinstance(subject, Cell)
            else Quota(study=locked, group=subject, target=target)
            for subject, target in targets.items()
        )
        Study.objects.filter(pk=study.pk).update(raters_wanted=raters)
    study.refresh_from_db()
    return divisions


def _subjects(electorate: Electorate, quota_by: str) -> dict[str, Sequence[Group | Cell]]:
    """What places are divided among: the groups of each axis by its name, or the cells."""
    if quota_by == Study.QuotaBy.CELLS:
        return {"Cells": list(electorate.cells.order_by("key"))}
    groups = Group.objects.filter(axis__electorate=electorate).select_related("axis")
    subjects: dict[str, Sequence[Group | Cell]] = {}
    for axis in electorate.axes.order_by("position"):
        subjects[axis.name] = [group for group in groups if group.axis_id == axis.pk]
    return subjects


def _allocate(
    subjects: Sequence[Group | Cell], raters: int
) -> Allocation[str] | Allocation[CellKey]:
    if isinstance(subjects[0], Cell):
        return allocate_cells(
            {tuple(s.key.split(CELL_SEPARATOR)): s.share for s in subjects}, raters
        )
    return allocate_margins({"": {s.key: s.share for s in subjects}}, raters)[""]


def places_taken(study: Study) -> "Counter[int]":
    """Places that are taken, by the key of the group or cell; counted, never stored."""
    is_by_cell = study.quota_by == Study.QuotaBy.CELLS
    path = "cell_id" if is_by_cell else "cell__cell_groups__group_id"
    taking = study.participations.filter(state__in=TAKES_A_PLACE).order_by()
    return Counter(dict(taking.values_list(path).annotate(Count("pk"))))


def _require_room(study: Study, targets: Mapping[Group | Cell, int]) -> None:
    """Raise QuotaError if more places are taken in a group or cell than it would have."""
    taken = places_taken(study)
    for subject, target in targets.items():
        if taken[subject.pk] > target:
            raise QuotaError(
                _(
                    "%(subject)s would have %(target)s places, but %(taken)s are taken. "
                    "Ask for more raters."
                )
                % {"subject": subject, "target": target, "taken": taken[subject.pk]}
            )


def missing_before_opening(study: Study) -> tuple[str, ...]:
    """What has to be done before the study can open, in sentences; empty if it is ready.

    Resolves the host names of its contestants' endpoints, so not to be called in a transaction.
    """
    return (
        *_missing_of_contestants(study),
        *_missing_of_dimensions(study),
        *_missing_of_quotas(study),
        *_missing_of_tasks(study),
        *missing_of_checks(study),
        *missing_of_stopping(study),
        *_missing_of_texts(study),
        *_missing_of_entrance(study),
        *_missing_of_pay(study),
        *filter(None, [overspending(study)]),
    )


def open_study(study: Study, *, at: datetime) -> None:
    """Open a study that is a draft or paused, if its design is complete.

    The only way to open one. Raises StudyNotReadyError, which lists what is missing, and
    StateError where the life cycle does not allow it.
    """
    study.refresh_from_db()
    if study.state not in states_before(Study.State.OPEN):
        raise refused_step(study, Study.State.OPEN)
    if missing := missing_before_opening(study):
        raise StudyNotReadyError(_("The study can't open yet."), missing)
    mark_open(study, at=at)


def _missing_of_contestants(study: Study) -> Iterator[str]:
    contestants = list(study.contestants.filter(withdrawn_at=None).select_related("chat_model"))
    if len(contestants) < CONTESTANTS_NEEDED:
        yield _("Enter at least two contestants; %(number)s would take part now.") % {
            "number": len(contestants) or _("none")
        }
    else:
        yield from _missing_of_meetings(study, len(contestants))
    for contestant in contestants:
        yield from _missing_of_endpoint(contestant)


def _missing_of_meetings(study: Study, contestants: int) -> Iterator[str]:
    """A rater meets a pair, or in a study of one at a time a contestant, only once."""
    if study.protocol == Study.Protocol.SINGLE:
        most, what = (
            contestants,
            _("there are %(contestants)s contestants") % {"contestants": contestants},
        )
    else:
        most = comb(contestants, 2)
        what = ngettext(
            "%(contestants)s contestants make %(most)s pair",
            "%(contestants)s contestants make %(most)s pairs",
            most,
        ) % {"contestants": contestants, "most": f"{most:,}"}
    if study.battles_each > most:
        yield (
            _(
                "Each rater is asked for %(battles_each)s battles, but %(what)s: ask for "
                "fewer, or enter more contestants."
            )
            % {"battles_each": study.battles_each, "what": what}
        )


def _missing_of_endpoint(contestant: Contestant) -> Iterator[str]:
    try:
        endpoint = endpoint_of(contestant.chat_model)
    except ProviderError as error:
        yield _("%(contestant)s can't be asked: %(error)s.") % {
            "contestant": contestant,
            "error": error,
        }
        return
    rules = address_rules()
    for check in (partial(check_address, endpoint.base_url, rules), endpoint.read_key):
        try:
            check()
        except ProviderError as error:
            yield _("%(contestant)s can't be asked: %(error)s.") % {
                "contestant": contestant,
                "error": error,
            }


def _missing_of_dimensions(study: Study) -> Iterator[str]:
    dimensions = list(study.dimensions.all())
    # The database allows one at most.
    if not any(dimension.is_overall for dimension in dimensions):
        yield _("Make one dimension the overall one.")
    for dimension in dimensions:
        if not dimension.question.strip():
            yield _("Give the dimension %(dimension)s the question that raters are asked.") % {
                "dimension": dimension
            }
        elif study.protocol == Study.Protocol.SINGLE and _compares(dimension.question):
            yield (
                _(
                    "Ask about one assistant on the dimension %(dimension)s (“How well "
                    "…?”): raters talk with one at a time, and its question compares two."
                )
                % {"dimension": dimension}
            )
        elif study.protocol == Study.Protocol.PAIRWISE and _rates(dimension.question):
            yield (
                _(
                    "Ask which of the two did better on the dimension %(dimension)s: "
                    "raters compare two, and its question is about one."
                )
                % {"dimension": dimension}
            )


def _compares(question: str) -> bool:
    return bool(COMPARES.search(question.strip()))


def _rates(question: str) -> bool:
    """Whether it is one of ours about one assistant; of other people's words nobody can tell."""
    specs = (spec for template in dimension_templates().values() for spec in template.dimensions)
    return question.strip() in {spec.rating_question for spec in specs}


def _missing_of_quotas(study: Study) -> Iterator[str]:
    if study.electorate is None:
        yield _("Choose the electorate that the study speaks for.")
        return
    quotas = study.quotas.select_related("group__axis", "cell")
    standing = {quota.group or quota.cell: quota.target for quota in quotas}
    if not standing or not study.raters_wanted:
        yield _("Say how many raters you want, and divide their places into quotas.")
        return
    divided = _subjects(study.electorate, study.quota_by)
    if standing.keys() != {subject for subjects in divided.values() for subject in subjects}:
        yield (
            _(
                "The quotas are of another electorate, or by groups where the study says "
                "cells or the other way round: divide the places again."
            )
        )
        return
    for name, subjects in divided.items():
        total = sum(standing[subject] for subject in subjects)
        if total != study.raters_wanted:
            yield (
                _(
                    "%(name)s: the quotas add up to %(total)s places, not "
                    "%(raters_wanted)s; divide them again."
                )
                % {"name": name, "total": f"{total:,}", "raters_wanted": f"{study.raters_wanted:,}"}
            )


def _missing_of_tasks(study: Study) -> Iterator[str]:
    wanted = list(study.tasks.values_list("battles_wanted", flat=True))
    if not wanted and not study.task.strip():
        yield _("Write the task, or add tasks: what raters are asked to talk about.")
    said = sum(battles is not None for battles in wanted)
    if 0 < said < len(wanted):
        yield (
            _(
                "Say of every task how many battles it should have, or of none: %(said)s "
                "of %(wanted)s say it now."
            )
            % {"said": f"{said:,}", "wanted": f"{len(wanted):,}"}
        )


def _missing_of_texts(study: Study) -> Iterator[str]:
    if not study.consent_texts.exists():
        yield _("Write the consent text that raters agree to.")
    has = set(study.completion_codes.values_list("outcome", flat=True))
    for outcome in CODES_NEEDED:
        if outcome not in has:
            yield _("Add the completion code for: %(label)s.") % {"label": outcome.label}


def _missing_of_entrance(study: Study) -> Iterator[str]:
    if study.entrance == Study.Entrance.RECRUITED:
        completed = study.completion_codes.filter(outcome=CompletionCode.Outcome.COMPLETED)
        if completed.filter(redirect_url="").exists():
            yield (
                _(
                    "Add the redirect to the completion code for: completed. Raters come "
                    "from a recruiting platform, and it has to learn that they are through."
                )
            )
    elif study.entrance == Study.Entrance.ACCOUNT and not _sends_mail():
        yield (
            _(
                "Set EMAIL_URL in the server's environment: raters sign up with an e-mail "
                "address, and no mail is sent now."
            )
        )


def _sends_mail() -> bool:
    """Whether mails leave the server; embedded, who runs it reads them on its screen."""
    return settings.IS_EMBEDDED or settings.EMAIL_BACKEND != MAIL_TO_NOBODY


def _missing_of_pay(study: Study) -> Iterator[str]:
    if study.pay and not study.minutes_estimated:
        yield _("Say how many minutes a rater will need: the pay for an hour is shown to her.")
