"""How far a study is, counted when somebody asks: quotas, battles, calls, latency, cost, pace.

Nothing is stored for it. Every figure is an aggregate over the whole study, in a number of
queries that does not depend on its size, except latency, which is that of the newest answers.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from statistics import median
from typing import Any, Final, Self

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Substr, TruncHour
from django.utils.translation import gettext as _

from raters.models import Battle, Participation, Rating, Reply, Turn, Verdict
from raters.querysets import BattleQuerySet
from raters.quotas import QuotaFill, places
from raters.services.panel import IS_KEPT
from studies.models import ChatModel, Contestant, Study
from studies.spending import Spending, spending_by_contestant, total

State = Participation.State

# Latency is that of so many of the newest answers: what an endpoint did last week is past.
LATEST: Final = 5_000
# Hours that the page looks back, and those that the pace is taken from.
HOURS_SHOWN: Final = 12
PACE_OVER: Final = timedelta(hours=6)
# An error begins with its kind; so many letters hold it.
KIND_LENGTH: Final = 40


@dataclass(frozen=True, slots=True)
class Division:
    """The quotas of one axis, or of the cells."""

    name: str
    fills: tuple[QuotaFill, ...]

    @property
    def to_complete(self) -> int:
        """Raters who have still to complete the study."""
        return sum(max(0, fill.target - fill.completed) for fill in self.fills)


@dataclass(frozen=True, slots=True)
class BattleCount:
    """Battles by what became of them. `judged` have verdicts, `left` never will."""

    judged: int = 0
    under_way: int = 0
    left: int = 0

    @property
    def total(self) -> int:
        return self.judged + self.under_way + self.left

    def __add__(self, other: "BattleCount") -> "BattleCount":
        return BattleCount(
            self.judged + other.judged, self.under_way + other.under_way, self.left + other.left
        )


@dataclass(frozen=True, slots=True)
class ContestantLine:
    """One contestant's battles; of them, those in which it was asked who it is, or gave it away."""

    contestant: Contestant
    battles: BattleCount
    asked_who: int
    gave_away: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and 95th percentile in milliseconds; None without an answer."""

    median: float | None = None
    p95: int | None = None

    @classmethod
    def of(cls, times: Sequence[int]) -> Self:
        if not times:
            return cls()
        # The nearest rank: a time that was really measured.
        return cls(median(times), sorted(times)[math.ceil(0.95 * len(times)) - 1])


@dataclass(frozen=True, slots=True)
class Calls:
    """Replies of one endpoint by what became of them; `retries` are attempts after the first."""

    finished: int = 0
    failed: int = 0
    being_asked: int = 0
    waiting: int = 0
    retries: int = 0

    def __add__(self, other: "Calls") -> "Calls":
        return Calls(
            self.finished + other.finished,
            self.failed + other.failed,
            self.being_asked + other.being_asked,
            self.waiting + other.waiting,
            self.retries + other.retries,
        )

    @property
    def failure_share(self) -> float | None:
        """The share of replies given up, from 0 to 1; None before the first has ended."""
        ended = self.finished + self.failed
        return self.failed / ended if ended else None


@dataclass(frozen=True, slots=True)
class EndpointLine:
    """One chat model's calls in the study. `errors` counts the kinds of those that stand now."""

    chat_model: ChatModel
    calls: Calls
    first_piece: Latency
    whole: Latency
    errors: tuple[tuple[str, int], ...]
    spending: Spending


@dataclass(frozen=True, slots=True)
class Hour:
    """What ended within one hour."""

    begins_at: datetime
    battles: int
    raters: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the study will be through, if it goes on as in the last hours.

    `to_complete` raters are wanted still, None if nobody said how many; `completed` did so
    within `over`.
    """

    to_complete: int | None
    completed: int
    over: timedelta

    @property
    def an_hour(self) -> float:
        """Raters who complete the study in an hour."""
        return self.completed / (self.over / timedelta(hours=1))

    @property
    def time_left(self) -> timedelta | None:
        """None where the pace or the goal is not known."""
        if self.to_complete is None or not (self.completed or self.to_complete == 0):
            return None
        if self.to_complete == 0:
            return timedelta()
        return self.over * (self.to_complete / self.completed)


@dataclass(frozen=True)
class Progress:
    """A study as it stands at one instant."""

    study: Study
    at: datetime
    divisions: tuple[Division, ...]
    participations: dict[str, int]
    battles: BattleCount
    marked: int
    contestants: tuple[ContestantLine, ...]
    endpoints: tuple[EndpointLine, ...]
    hours: tuple[Hour, ...]
    forecast: Forecast

    @property
    def spending(self) -> Spending:
        return total(line.spending for line in self.endpoints)

    @property
    def budget_share(self) -> float | None:
        """The part of the budget that is spent, 1 for all of it; None without a budget."""
        return float(self.spending.cost / self.study.budget) if self.study.budget else None

    @property
    def cost_per_battle(self) -> Decimal | None:
        """What all replies cost, for each judged battle."""
        return self.spending.cost / self.battles.judged if self.battles.judged else None


def read_progress(study: Study, *, at: datetime) -> Progress:
    """How far the study is."""
    contestants = list(study.contestants.select_related("chat_model").order_by("slug"))
    divisions = _divisions(study)
    states = _participations(study)
    return Progress(
        study=study,
        at=at,
        divisions=divisions,
        participations=states,
        battles=BattleCount(**_battles(study).aggregate(**_fates())),
        marked=_battles(study).marked().count(),
        contestants=_contestants(study, contestants),
        endpoints=_endpoints(study, contestants),
        hours=_hours(study, at),
        forecast=_forecast(study, divisions, states[State.COMPLETED], at),
    )


def _battles(study: Study) -> BattleQuerySet:
    return Battle.objects.filter(participation__study=study).order_by()


# Places and raters


def _divisions(study: Study) -> tuple[Division, ...]:
    def name(fill: QuotaFill) -> str:
        return fill.quota.group.axis.name if fill.quota.group else _("Cells")

    return tuple(Division(axis, tuple(fills)) for axis, fills in groupby(places(study), key=name))


def _participations(study: Study) -> dict[str, int]:
    """Raters by the state of their participation, every state in its order."""
    rows = study.participations.order_by().values_list("state").annotate(Count("pk"))
    counted = Counter(dict(rows))
    return {state: counted[state] for state in State.values}


# Battles


def _fates() -> dict[str, Count]:
    """What became of battles, as aggregates over them."""
    is_judged = (
        # A battle that was simulated has verdicts, and no instant at which they were given.
        Q(judged_at__isnull=False)
        | Q(Exists(Verdict.objects.filter(battle=OuterRef("pk"))))
        | Q(Exists(Rating.objects.filter(battle=OuterRef("pk"))))
    )
    later = Battle.objects.filter(participation=OuterRef("participation"), pk__gt=OuterRef("pk"))
    is_under_way = Q(participation__state__in=IS_KEPT) & ~Q(Exists(later))
    return {
        "judged": Count("pk", filter=is_judged),
        "under_way": Count("pk", filter=~is_judged & is_under_way),
        "left": Count("pk", filter=~is_judged & ~is_under_way),
    }


def _contestants(study: Study, contestants: Sequence[Contestant]) -> tuple[ContestantLine, ...]:
    battles: defaultdict[int, BattleCount] = defaultdict(BattleCount)
    asked_who: Counter[int] = Counter()
    gave_away: Counter[int] = Counter()
    probes = Turn.objects.filter(battle__participation__study=study, is_identity_probe=True)
    for side in Reply.Side.values:
        for pk, *fates in _battles(study).values_list(f"side_{side}").annotate(**_fates()):
            battles[pk] += BattleCount(*fates)
        asked = probes.order_by().values_list(f"battle__side_{side}")
        asked_who.update(dict(asked.annotate(Count("battle", distinct=True))))
        leaks = _replies_of(study, side).filter(masked__gt=0)
        gave_away.update(dict(leaks.annotate(Count("turn__battle", distinct=True))))
    return tuple(
        ContestantLine(each, battles[each.pk], asked_who[each.pk], gave_away[each.pk])
        for each in contestants
    )


# Endpoints


def _replies_of(study: Study, side: str) -> "QuerySet[Reply, tuple[int]]":
    """One side's replies, by the contestant that answers on it."""
    replies = Reply.objects.filter(turn__battle__participation__study=study, side=side)
    return replies.order_by().values_list(f"turn__battle__side_{side}")


def _endpoints(study: Study, contestants: Sequence[Contestant]) -> tuple[EndpointLine, ...]:
    """A chat model takes part in a study once, so an endpoint is a contestant's."""
    calls, errors = _calls(study), _errors(study)
    first_pieces, wholes = _latencies(study)
    spending = spending_by_contestant(study)
    return tuple(
        EndpointLine(
            chat_model=each.chat_model,
            calls=calls[each.pk],
            first_piece=Latency.of(first_pieces[each.pk]),
            whole=Latency.of(wholes[each.pk]),
            errors=tuple(errors[each.pk].most_common()),
            spending=spending.get(each.pk, Spending()),
        )
        for each in contestants
    )


def _calls(study: Study) -> defaultdict[int, Calls]:
    states = Reply.State
    # Only a whole answer has the time that it took; erased, it was an answer all the same.
    finished = Q(state=states.FINISHED) | Q(state=states.ERASED, total_ms__isnull=False)
    again = Q(attempts__gt=1)
    calls: defaultdict[int, Calls] = defaultdict(Calls)
    for side in Reply.Side.values:
        rows = _replies_of(study, side).annotate(
            finished=Count("pk", filter=finished),
            failed=Count("pk", filter=Q(state=states.FAILED)),
            being_asked=Count("pk", filter=Q(state=states.CLAIMED)),
            waiting=Count("pk", filter=Q(state=states.WAITING)),
            retries=Sum("attempts", filter=again, default=0) - Count("pk", filter=again),
        )
        for pk, *counts in rows:
            calls[pk] += Calls(*counts)
    return calls


def _errors(study: Study) -> defaultdict[int, Counter[str]]:
    """The kinds of errors that replies ended with, or wait with to be asked for again."""
    errors: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for side in Reply.Side.values:
        troubled = _replies_of(study, side).exclude(error="")
        begins = troubled.annotate(begin=Substr("error", 1, KIND_LENGTH), count=Count("pk"))
        for pk, beginning, count in begins:
            errors[pk][beginning.partition(":")[0]] += count
    return errors


def _latencies(study: Study) -> tuple[defaultdict[int, list[int]], defaultdict[int, list[int]]]:
    """Milliseconds to the first piece and to the end of the newest answers, by contestant."""
    newest = (
        Reply.objects.filter(turn__battle__participation__study=study, total_ms__isnull=False)
        .order_by("-pk")
        .values_list(
            "side", "turn__battle__side_a", "turn__battle__side_b", "first_piece_ms", "total_ms"
        )
    )
    first_pieces: defaultdict[int, list[int]] = defaultdict(list)
    wholes: defaultdict[int, list[int]] = defaultdict(list)
    for side, a, b, first_piece, whole in newest[:LATEST]:
        contestant = a if side == Reply.Side.A else b
        if whole is not None:
            wholes[contestant].append(whole)
        if first_piece is not None:
            first_pieces[contestant].append(first_piece)
    return first_pieces, wholes


# Pace


def _hours(study: Study, at: datetime) -> tuple[Hour, ...]:
    """The last hours, the one under way last."""
    last = at.replace(minute=0, second=0, microsecond=0)
    begins = [last - timedelta(hours=n) for n in reversed(range(HOURS_SHOWN))]
    since = begins[0]
    judged = _battles(study).filter(judged_at__gte=since, judged_at__lte=at)
    battles = _by_hour(judged, "judged_at")
    completed = study.participations.filter(state=State.COMPLETED, ended_at__gte=since)
    raters = _by_hour(completed.filter(ended_at__lte=at).order_by(), "ended_at")
    return tuple(Hour(begin, battles[begin], raters[begin]) for begin in begins)


def _by_hour(rows: "QuerySet[Any]", instant: str) -> "Counter[datetime]":
    counted = rows.annotate(hour=TruncHour(instant, tzinfo=UTC)).values_list("hour")
    return Counter(dict(counted.annotate(Count("pk"))))


def _forecast(
    study: Study, divisions: Sequence[Division], completed_until_now: int, at: datetime
) -> Forecast:
    """The fullest need of any axis over the pace of the last hours, or since the opening."""
    to_complete: int | None = None
    if divisions:
        to_complete = max(division.to_complete for division in divisions)
    elif study.raters_wanted:
        to_complete = max(0, study.raters_wanted - completed_until_now)
    over = PACE_OVER
    if study.opened_at is not None and study.opened_at < at:
        over = min(over, at - study.opened_at)
    completed = study.participations.filter(
        state=State.COMPLETED, ended_at__gt=at - over, ended_at__lte=at
    )
    return Forecast(to_complete, completed.count(), over)
