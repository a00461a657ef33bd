"""How well a study's own quality control does, counted when somebody asks.

What it strikes for, how often a reviewer overturns it, where raters drop out, how long they take,
and whether its screens hit one group harder than the others.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from statistics import median
from typing import Final

from django.db.models import Count, Exists, Max, OuterRef, Q
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from raters.grouping import LEAST_RATERS, Members, groups_of
from raters.models import Battle, Participation, Strike, Turn
from raters.quality.agreement import Share, wilson
from raters.quality.fairness import Rate, RateRatio, flags_by_chance, holm, rate_ratio
from studies.models import Group, Study

State = Participation.State

# Times are those of so many of the newest battles: how raters did last month is past.
LATEST: Final = 5_000
# What a rater does one after the other, and what keeps her from the next.
STEPS: Final = (
    gettext_noop("agreed to take part"),
    gettext_noop("found a place"),
    gettext_noop("opened a battle"),
    gettext_noop("sent a message"),
    gettext_noop("judged a battle"),
    gettext_noop("completed the study"),
)
ANY_KIND: Final = "any"


@dataclass(frozen=True, slots=True)
class KindLine:
    """The strikes of one kind; `false_share` is of those that were reviewed."""

    kind: str
    given: int
    waiting: int
    false_share: Share


@dataclass(frozen=True, slots=True)
class Day:
    """The strikes of one day (UTC) by kind."""

    day: date
    strikes: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.strikes.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: how many came so far, and the states of those who came no further."""

    name: str
    raters: int
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in seconds; None without any. `group` is None for everybody.

    `message`: from the answers, or the battle's beginning, to her next message. `compare`: from
    the last answer to her verdicts. `whole`: from her place to the end, of who completed it.
    """

    group: Group | None
    raters: int
    message: float | None = None
    compare: float | None = None
    battle: float | None = None
    whole: float | None = None


@dataclass(frozen=True, slots=True)
class FairnessLine:
    """How often raters of a group are struck, against the rest of its axis.

    `kind` is ANY_KIND for strikes of any. `stands`: it is flagged, and many looks don't explain
    it (Holm).
    """

    kind: str
    group: Group
    ratio: RateRatio
    stands: bool


@dataclass(frozen=True)
class QualityReport:
    """A study's quality control at one instant."""

    study: Study
    kinds: tuple[KindLine, ...]
    every_kind: KindLine
    days: tuple[Day, ...]
    steps: tuple[Step, ...]
    times: tuple[Times, ...]
    fairness: tuple[FairnessLine, ...]

    @property
    def flagged(self) -> int:
        """How many ratios have an interval without 1."""
        return sum(line.ratio.is_flagged for line in self.fairness)

    @property
    def flagged_by_chance(self) -> float:
        """How many would have on average if no screen hit any group harder."""
        return flags_by_chance([line.ratio for line in self.fairness])


def read_quality(study: Study) -> QualityReport:
    """Read how a study's quality control does."""
    groups = groups_of(study)
    kinds = _kinds(study)
    return QualityReport(
        study=study,
        kinds=kinds,
        every_kind=_together(kinds),
        days=_days(study),
        steps=_steps(study),
        times=_times(study, groups),
        fairness=_fairness(study, groups, [line.kind for line in kinds]),
    )


# Strikes


def _kinds(study: Study) -> tuple[KindLine, ...]:
    strikes = Strike.objects.filter(participation__study=study).order_by("kind")
    waiting = Counter(strikes.awaiting_review().values_list("kind", flat=True))
    rows = strikes.values_list("kind").annotate(
        given=Count("pk"),
        reviewed=Count("pk", filter=~Q(decision="")),
        overturned=Count("pk", filter=Q(decision=Strike.Decision.OVERTURNED)),
    )
    return tuple(
        KindLine(kind, given, waiting[kind], wilson(overturned, reviewed))
        for kind, given, reviewed, overturned in rows
    )


def _together(lines: Sequence[KindLine]) -> KindLine:
    return KindLine(
        ANY_KIND,
        sum(line.given for line in lines),
        sum(line.waiting for line in lines),
        wilson(
            sum(line.false_share.count for line in lines), sum(line.false_share.n for line in lines)
        ),
    )


def _days(study: Study) -> tuple[Day, ...]:
    strikes = Strike.objects.filter(participation__study=study).order_by()
    by_day = strikes.annotate(day=TruncDate("created_at", tzinfo=UTC))
    days: defaultdict[date, dict[str, int]] = defaultdict(dict)
    for day, kind, count in by_day.values_list("day", "kind").annotate(Count("pk")):
        days[day][kind] = count
    return tuple(Day(day, dict(sorted(days[day].items()))) for day in sorted(days))


# The way through the study


def _steps(study: Study) -> tuple[Step, ...]:
    hers = Battle.objects.filter(participation=OuterRef("pk"))
    is_judged = Q(judged_at__isnull=False) | Q(verdicts__isnull=False) | Q(ratings__isnull=False)
    rows = (
        study.participations.order_by()
        .annotate(
            has_battle=Exists(hers),
            has_message=Exists(Turn.objects.filter(battle__participation=OuterRef("pk"))),
            has_judged=Exists(hers.filter(is_judged)),
        )
        .values_list("state", "has_battle", "has_message", "has_judged")
        .annotate(Count("pk"))
    )
    reached: list[Counter[str]] = [Counter() for _ in STEPS]
    for state, has_battle, has_message, has_judged, count in rows:
        did = (True, state != State.SCREENED_OUT, has_battle, has_message, has_judged)
        furthest = max(step for step, done in enumerate(did) if done)
        reached[len(STEPS) - 1 if state == State.COMPLETED else furthest][state] += count
    return tuple(
        Step(_(name), sum(sum(c.values()) for c in reached[n:]), _in_order(reached[n]))
        for n, name in enumerate(STEPS)
    )


def _in_order(states: Counter[str]) -> dict[str, int]:
    return {state: states[state] for state in State.values if states[state]}


# Times


def _times(study: Study, groups: Sequence[Members]) -> tuple[Times, ...]:
    """Medians of everybody first, then of each group that has raters enough."""
    measured = {**_of_battles(study), "whole": _wholes(study)}

    def line(group: Group | None, is_in: Callable[[int | None], bool]) -> Times:
        raters: set[int] = set()
        medians: dict[str, float | None] = {}
        for name, rows in measured.items():
            chosen = [(rater, seconds) for rater, cell, seconds in rows if is_in(cell)]
            raters.update(rater for rater, _ in chosen)
            medians[name] = median(s for _, s in chosen) if chosen else None
        if group is not None and len(raters) < LEAST_RATERS:
            return Times(group, len(raters))
        return Times(group, len(raters), **medians)

    everybody = line(None, lambda _cell: True)
    return (everybody, *(line(each.group, each.cells.__contains__) for each in groups))


# Participation, her cell, and seconds.
Measured = list[tuple[int, int | None, float]]


def _of_battles(study: Study) -> dict[str, Measured]:
    """Times in the newest judged battles. One that repeats another has no conversation."""
    judged = Battle.objects.filter(
        participation__study=study, judged_at__isnull=False, repeats=None
    ).order_by("-pk")[:LATEST]
    times: dict[str, Measured] = {"message": [], "compare": [], "battle": []}
    begun: dict[int, tuple[tuple[int, int | None], datetime, datetime]] = {}
    silent_since: dict[int, datetime | None] = {}
    fields = ("pk", "participation_id", "participation__cell_id", "created_at", "judged_at")
    for pk, rater, cell, created_at, judged_at in judged.values_list(*fields):
        begun[pk] = (rater, cell), created_at, judged_at
        silent_since[pk] = created_at
        times["battle"].append((rater, cell, _seconds(created_at, judged_at)))
    turns = (
        Turn.objects.filter(battle__in=judged.values("pk"))
        .order_by("battle", "number")
        .annotate(answered_at=Max("replies__finished_at"))
        .values_list("battle_id", "created_at", "answered_at")
    )
    for pk, sent_at, answered_at in turns:
        since = silent_since[pk]
        if since is not None and since <= sent_at:
            times["message"].append((*begun[pk][0], _seconds(since, sent_at)))
        silent_since[pk] = answered_at
    for pk, (who, created_at, judged_at) in begun.items():
        since = silent_since[pk]
        if since is not None and created_at < since <= judged_at:
            times["compare"].append((*who, _seconds(since, judged_at)))
    return times


def _wholes(study: Study) -> Measured:
    completed = study.participations.filter(state=State.COMPLETED, ended_at__isnull=False)
    rows = completed.order_by().values_list("pk", "cell_id", "created_at", "ended_at")
    return [(pk, cell, _seconds(begin, end)) for pk, cell, begin, end in rows if end is not None]


def _seconds(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()


# Does a screen hit one group harder?


def _fairness(
    study: Study, groups: Sequence[Members], kinds: Iterable[str]
) -> tuple[FairnessLine, ...]:
    """Strikes as they were given, whatever became of them: it is the screens that are looked at.

    Of raters who opened a battle, or were struck before it; a ratio needs LEAST_RATERS of them
    on both of its sides.
    """
    is_at_risk = Exists(Battle.objects.filter(participation=OuterRef("pk"))) | Exists(
        Strike.objects.filter(participation=OuterRef("pk"))
    )
    came_in = study.participations.filter(is_at_risk).order_by()
    at_risk: Counter[int | None] = Counter(came_in.values_list("cell_id", flat=True))
    hit: dict[str, Counter[int | None]] = {ANY_KIND: Counter(), **{k: Counter() for k in kinds}}
    struck = Strike.objects.filter(participation__study=study).order_by()
    who = set(struck.values_list("kind", "participation_id", "participation__cell_id").distinct())
    for kind, _rater, cell in who | {(ANY_KIND, rater, cell) for _kind, rater, cell in who}:
        hit[kind][cell] += 1
    found = [
        (kind, each.group, ratio)
        for kind, cells in hit.items()
        for each in groups
        if (ratio := _ratio(each, groups, cells, at_risk)) is not None
    ]
    stands = holm([ratio.p_value for _, _, ratio in found])
    return tuple(
        FairnessLine(kind, group, ratio, it_stands)
        for (kind, group, ratio), it_stands in zip(found, stands, strict=True)
    )


def _ratio(
    each: Members,
    groups: Sequence[Members],
    hit: Counter[int | None],
    at_risk: Counter[int | None],
) -> RateRatio | None:
    axis = [other for other in groups if other.group.axis_id == each.group.axis_id]
    rest = frozenset().union(*(other.cells for other in axis)) - each.cells
    rates = [_rate(cells, hit, at_risk) for cells in (each.cells, rest)]
    if min(rate.n for rate in rates) < LEAST_RATERS:
        return None
    return rate_ratio(*rates)


def _rate(cells: frozenset[int], hit: Counter[int | None], at_risk: Counter[int | None]) -> Rate:
    return Rate(sum(hit[cell] for cell in cells), sum(at_risk[cell] for cell in cells))
