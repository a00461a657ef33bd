"""Reads how a study's battles were spread over its contestants, and audits it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from django.db.models import Count, DateField, Func, Max, Min
from django.utils.translation import gettext_noop

from leaderboards.ranking.audit import Attendance, SamplingAudit, audit, audit_single
from leaderboards.ranking.outcomes import IntArray
from leaderboards.ranking.policies import SamplingRules
from raters.models import Battle
from studies.models import Contestant, Study

NOT_NAMED: Final = gettext_noop("not named")
# Both databases hold instants in UTC. TruncDate is called back in Python by SQLite, row by row,
# which takes longer than everything else.
UTC_DAY: Final = Func("created_at", function="DATE", output_field=DateField())


@dataclass(frozen=True)
class ContestantSampling:
    """A contestant's battles, and the part of all battles that it is in.

    `of_equal` is the part that it had of an equal share of the battles of its whole days, None
    without any; `side_a` that of its battles with it on side A, None without any, or sides.
    """

    contestant: Contestant
    battles: int
    share: float
    of_equal: float | None
    side_a: float | None


@dataclass(frozen=True)
class DeveloperSampling:
    """A developer's contestants, and the part of all battles that any of them is in."""

    name: str
    contestants: int
    share: float


@dataclass(frozen=True)
class DayShare:
    """A contestant's battles of a day, and their part of the day's."""

    contestant: Contestant
    battles: int
    share: float
    is_over_cap: bool
    is_whole_day: bool


@dataclass(frozen=True)
class DaySampling:
    """The battles that began on a day (UTC); `shares` are in the order of the contestants."""

    day: date
    battles: int
    shares: tuple[DayShare, ...]


@dataclass(frozen=True)
class Sampling:
    """How a study's battles were spread: contestants by slug, developers by name, days in order.

    Battles are those that were judged or are under way. `cap` holds among those that stand now.
    """

    study: Study
    rules: SamplingRules
    cap: float
    battles: int
    contestants: tuple[ContestantSampling, ...]
    developers: tuple[DeveloperSampling, ...]
    days: tuple[DaySampling, ...]
    audit: SamplingAudit

    @property
    def is_single(self) -> bool:
        """Whether one model at a time is met, so that there are neither pairs nor sides."""
        return self.study.protocol == Study.Protocol.SINGLE


@dataclass(frozen=True)
class _Counted:
    """Battles by day, side A and side B (D, K, K), or by day and contestant (D, K)."""

    days: tuple[date, ...]
    met: IntArray
    attendance: Attendance


def read_sampling(study: Study) -> Sampling:
    """Audit a study's battles as they are now, by its own rules, in two queries."""
    contestants = tuple(study.contestants.select_related("chat_model").order_by("slug"))
    names = [each.chat_model.developer or NOT_NAMED for each in contestants]
    developers = sorted(set(names))
    counted = _count(study, contestants)
    rules = SamplingRules(cap=study.battle_cap, floor=study.battle_floor)
    is_single = study.protocol == Study.Protocol.SINGLE
    found = (audit_single if is_single else audit)(
        counted.met,
        developer=[developers.index(name) for name in names],
        rules=rules,
        attendance=counted.attendance,
    )
    return Sampling(
        study=study,
        rules=rules,
        cap=rules.cap_among(int((~counted.attendance.withdrawn).sum())),
        battles=int(counted.met.sum()),
        contestants=_contestants(contestants, found),
        developers=tuple(
            DeveloperSampling(name, names.count(name), float(share))
            for name, share in zip(developers, found.exposure.by_developer, strict=True)
        ),
        days=_days(contestants, counted, found),
        audit=found,
    )


def _count(study: Study, contestants: Sequence[Contestant]) -> _Counted:
    rows = list(_rows(study))
    days = tuple(sorted({day for day, *_ in rows}))
    on = {day: d for d, day in enumerate(days)}
    place: dict[int | None, int] = {each.pk: k for k, each in enumerate(contestants)}
    sides = 1 if study.protocol == Study.Protocol.SINGLE else 2
    met = np.zeros((len(days), *(len(contestants),) * sides), np.int64)
    begun = [each.entered_at for each in contestants]
    opens: dict[date, datetime] = {}
    ends: dict[date, datetime] = {}
    for day, a, b, times, first, last in rows:
        seats = [place[side] for side in (a, b)[:sides]]
        met[(on[day], *seats)] = times
        for seat in seats:
            # Battles that were imported are older than their contestants' entry.
            begun[seat] = min(begun[seat], first)
        opens[day] = min(first, opens.get(day, first))
        ends[day] = max(last, ends.get(day, last))
    whole = [
        [
            since <= opens[day] and (each.withdrawn_at is None or each.withdrawn_at >= ends[day])
            for since, each in zip(begun, contestants, strict=True)
        ]
        for day in days
    ]
    return _Counted(
        days,
        met,
        Attendance(
            np.array(whole, bool).reshape(len(days), len(contestants)),
            np.array([each.withdrawn_at is not None for each in contestants], bool),
        ),
    )


def _rows(study: Study) -> Any:
    """Day, side A, side B, how many battles, and when the first and the last of them began."""
    return (
        Battle.objects.taken_up(study)
        .annotate(day=UTC_DAY)
        .values_list("day", "side_a_id", "side_b_id")
        .annotate(times=Count("pk"), first=Min("created_at"), last=Max("created_at"))
    )


def _contestants(
    contestants: Sequence[Contestant], found: SamplingAudit
) -> tuple[ContestantSampling, ...]:
    exposure = found.exposure
    return tuple(
        ContestantSampling(
            each,
            battles=int(exposure.battles[k]),
            share=float(exposure.share[k]),
            of_equal=_known(exposure.of_equal[k]),
            side_a=_known(found.side_a[k]),
        )
        for k, each in enumerate(contestants)
    )


def _days(
    contestants: Sequence[Contestant], counted: _Counted, found: SamplingAudit
) -> tuple[DaySampling, ...]:
    battles = counted.met.sum(axis=tuple(range(1, counted.met.ndim)))
    return tuple(
        DaySampling(
            day,
            int(battles[d]),
            tuple(
                DayShare(
                    each,
                    battles=round(found.exposure.by_day[d, k] * battles[d]),
                    share=float(found.exposure.by_day[d, k]),
                    is_over_cap=bool(found.over_cap[d, k]),
                    is_whole_day=bool(counted.attendance.whole_days[d, k]),
                )
                for k, each in enumerate(contestants)
            ),
        )
        for d, day in enumerate(counted.days)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
