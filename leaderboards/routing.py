"""Whom to believe and whom to ask: which verdicts of judges are relied on, and where people go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, Self

import numpy as np
from django.utils.translation import gettext as _

from leaderboards.comparison.cascade import Cascade, Point, Stage, accuracy_by_cost
from leaderboards.comparison.certainty import Curve
from leaderboards.comparison.items import NO_OUTCOME
from leaderboards.comparison.reliability import Reliability, estimate_reliability
from leaderboards.comparison.routing import (
    Asked,
    expected_gains,
    judge_columns,
    next_items,
    pair_gains,
    pair_steer,
)
from leaderboards.comparison.routing_curve import Reached, replay
from leaderboards.errors import NothingToRankError, RoutingError
from leaderboards.facts import UnknownFactsError, as_json, parse
from leaderboards.machines.reading import Sheet, read_together
from leaderboards.machines.runs import counting_runs
from leaderboards.models import Report
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.policies import steer_by
from leaderboards.reports import ROUTING, Json
from leaderboards.services.multiverse import dimension_named
from leaderboards.verdicts import Frame
from raters.models import JudgeRun
from studies.models import Study

# As many battles are listed for people.
MOST: Final = 200
# A replay of fewer items that several people compared would be noise.
LEAST_REPLAYED: Final = 30
REPLAY_SEEDS: Final = range(5)
MOST_JUDGES: Final = 2


@dataclass(frozen=True)
class RoutingWanted:
    """Which runs, by number, the cheap judge's first; and what a person's verdict costs in US $.

    Without a cost, it is what the study pays; see `person_cost_of`.
    """

    runs: tuple[int, ...]
    person_cost: Decimal | None = None

    @property
    def subject(self) -> str:
        """How reports name it: "3", "3+5", or "3+5@0.40"."""
        numbers = "+".join(map(str, self.runs))
        return numbers if self.person_cost is None else f"{numbers}@{self.person_cost}"

    @classmethod
    def parse(cls, subject: str) -> Self:
        """From a report's subject; RoutingError for what is none."""
        numbers, at, cost = subject.partition("@")
        try:
            runs = tuple(map(int, numbers.split("+")))
            given = Decimal(cost) if at else None
        except (ValueError, InvalidOperation) as error:
            raise RoutingError(_("“%(subject)s” names no runs.") % {"subject": subject}) from error
        if not 1 <= len(set(runs)) == len(runs) <= MOST_JUDGES:
            raise RoutingError(_("A cascade has one run, or two different ones."))
        if given is not None and not (given.is_finite() and given > 0):
            raise RoutingError(_("What a person's verdict costs is more than nothing."))
        return cls(runs, given)


@dataclass(frozen=True)
class Relied:
    """How far each verdict of a run is relied on; see `comparison.reliability`.

    `battles` are in order, with a `reliability` each; `cost` of a verdict is in US $, NaN where no
    answer has a price.
    """

    run: int
    judge: str
    battles: tuple[int, ...]
    reliability: tuple[float, ...]
    curve: Curve
    area: float
    brier_gain: float
    n: int
    cost: float

    def below(self, threshold: float) -> tuple[int, ...]:
        """The battles of which it is unsure, the least sure first."""
        found = zip(self.reliability, self.battles, strict=True)
        return tuple(battle for sure, battle in sorted(found) if sure < threshold)

    def by_battle(self) -> dict[int, float]:
        """The reliability of each battle's verdict."""
        return dict(zip(self.battles, self.reliability, strict=True))


@dataclass(frozen=True)
class Pair:
    """What one more verdict of a person on a pair of contestants is worth, in no unit.

    By `steer`, which see `comparison.routing.pair_steer`, the policy `routed` multiplies gains; NaN
    where it can't be told.
    """

    a: str
    b: str
    worth: float
    steer: float


@dataclass(frozen=True)
class Next:
    """A battle that people should look at, with its worth, and how far each run is relied on.

    NaN of a run that said nothing of it. `votes` are people's that are there.
    """

    battle: int
    a: str
    b: str
    worth: float
    votes: int
    reliability: tuple[float, ...]


@dataclass(frozen=True)
class Routing:
    """A report of the kind `routing`, on the study's overall dimension.

    `pairs` are all, and `battles` those that people should look at next, in their order.
    `reached` is empty where few conversations were compared by several people.
    """

    dimension: str
    computed_at: datetime
    contestants: tuple[str, ...]
    person_cost: float
    runs: tuple[Relied, ...]
    cascade: Cascade
    pairs: tuple[Pair, ...]
    battles: tuple[Next, ...]
    reached: tuple[Reached, ...]

    @property
    def best(self) -> Point | None:
        """The cheapest cascade that is right as often as a person; else that most often right."""
        if not self.cascade.curve:
            return None
        person = self.cascade.alone[-1].accuracy.value
        enough = [each for each in self.cascade.curve if each.accuracy.value >= person]
        if enough:
            return min(enough, key=lambda each: each.cost)
        return max(self.cascade.curve, key=lambda each: each.accuracy.value)

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The reliability that each judge should reach: of the best cascade, 1 if it never does.

        Without a cascade, half of each judge's verdicts stay with it.
        """
        if self.best is None:
            return tuple(float(np.median(each.reliability)) for each in self.runs)
        return tuple(1.0 if each is None else each for each in self.best.thresholds)

    def left_to_people(self, thresholds: Sequence[float]) -> tuple[int, ...]:
        """The battles that no judge is relied on for, the least sure first.

        Of a second judge, which said nothing of a battle, no threshold is reached.
        """
        first, *others = self.runs
        left = first.below(thresholds[0])
        for each, threshold in zip(others, thresholds[1:], strict=True):
            sure = each.by_battle()
            left = tuple(battle for battle in left if sure.get(battle, 0.0) < threshold)
        return left


def person_cost_of(study: Study) -> Decimal | None:
    """What a study pays for one verdict on one dimension, in US $; None where it pays otherwise."""
    dimensions = study.dimensions.count()
    if study.pay is None or not study.pay or study.currency != "USD" or not dimensions:
        return None
    return study.pay / (study.battles_each * dimensions)


def report_routing(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `routing`.

    Raises RoutingError for a subject that names no runs or no cost, NothingToRankError where a run
    does not count, or people have compared none of its conversations.
    """
    wanted = RoutingWanted.parse(subject)
    cost = person_cost_of(study) if wanted.person_cost is None else wanted.person_cost
    if cost is None:
        raise RoutingError(_("Say what a person's verdict costs in US dollars."))
    return as_json(route(study, [run_of(study, n) for n in wanted.runs], float(cost), at=at))


def run_of(study: Study, number: int) -> JudgeRun:
    """The study's run of this number that counts; NothingToRankError for none."""
    run = counting_runs(study).filter(number=number).first()
    if run is None:
        raise NothingToRankError(
            _("The study %(study)s has no run %(run)s that counts.")
            % {"study": study.slug, "run": number}
        )
    return run


def route(study: Study, runs: Sequence[JudgeRun], person_cost: float, *, at: datetime) -> Routing:
    """Find what to rely on and whom to ask, from one run or two, the cheap judge's first."""
    if study.protocol == Study.Protocol.SINGLE:
        raise RoutingError(_("The study rates one model at a time: nobody compares in it."))
    dimension = dimension_named(study, "")
    sheets = read_together(Frame.of(study), runs, dimension)
    items, votes = sheets[0].items, sheets[0].votes
    judges = [sheet.judged for sheet in sheets]
    estimates = _estimates(sheets)
    relied = tuple(map(_relied, sheets, estimates))
    stages = tuple(
        Stage(sheet.judged, estimate, float(np.nan_to_num(each.cost)))
        for sheet, estimate, each in zip(sheets, estimates, relied, strict=True)
    )
    counts = votes.counts(items)
    # One more vote of everything: which would be worth most?
    wanted = counts.sum(axis=1).astype(np.int64) + 1
    asked = Asked(items, wanted, counts, judge_columns(items, judges))
    several = (counts.sum(axis=1) > 1).sum()
    return Routing(
        dimension=dimension.key,
        computed_at=at,
        contestants=items.contestants,
        person_cost=person_cost,
        runs=relied,
        cascade=accuracy_by_cost(items, votes, stages, person_cost=person_cost),
        pairs=_pairs(items.contestants, pair_gains(asked), pair_steer(items, counts, judges)),
        battles=_battles(asked, sheets[0], [each.reliability for each in estimates]),
        reached=(
            replay(items, votes, judges, seeds=REPLAY_SEEDS) if several >= LEAST_REPLAYED else ()
        ),
    )


def _estimates(sheets: Sequence[Sheet]) -> list[Reliability]:
    found = []
    for place, sheet in enumerate(sheets):
        # What a judge before it said is known by then; the cheap one is alone as it is asked.
        before = [each.judged for each in sheets[:place]]
        estimate = estimate_reliability(sheet.items, sheet.votes, sheet.judged, others=before)
        if not estimate.n:
            raise NothingToRankError(
                _("%(run)s has judged no conversation of which a verdict of people counts.")
                % {"run": sheet.run}
            )
        found.append(estimate)
    return found


def _relied(sheet: Sheet, estimate: Reliability) -> Relied:
    said = np.flatnonzero(sheet.judged.says(sheet.items) != NO_OUTCOME)
    said = said[np.argsort(sheet.battle[said])]
    return Relied(
        run=sheet.run.number,
        judge=str(sheet.run.judge),
        battles=tuple(sheet.battle[said].tolist()),
        reliability=tuple(np.round(estimate.reliability[said], 4).tolist()),
        curve=estimate.curve,
        area=estimate.area,
        brier_gain=estimate.brier_gain,
        n=estimate.n,
        cost=_cost(sheet),
    )


def _cost(sheet: Sheet) -> float:
    """Mean cost of a verdict in US $, all its orders and samples together; NaN if not known."""
    paid = np.isfinite(sheet.judged.cost)
    items = len(np.unique(sheet.judged.item[paid]))
    return float(sheet.judged.cost[paid].sum() / items) if items else float("nan")


def _pairs(contestants: Sequence[str], worth: FloatArray, steer: FloatArray) -> tuple[Pair, ...]:
    i, j = np.triu_indices(len(contestants), 1)
    columns = zip(i.tolist(), j.tolist(), worth[i, j].tolist(), steer[i, j].tolist(), strict=True)
    return tuple(
        Pair(contestants[a], contestants[b], gain, weight) for a, b, gain, weight in columns
    )


def _battles(asked: Asked, sheet: Sheet, reliability: Sequence[FloatArray]) -> tuple[Next, ...]:
    worth, there = expected_gains(asked), asked.counts.sum(axis=1)
    names = asked.items.contestants
    return tuple(
        Next(
            battle=int(sheet.battle[n]),
            a=names[int(asked.items.a[n])],
            b=names[int(asked.items.b[n])],
            worth=float(worth[n]),
            votes=int(there[n]),
            reliability=tuple(float(each[n]) for each in reliability),
        )
        for n in next_items(asked, votes=MOST, seed=0).tolist()
    )


def newest_subject(study: Study) -> str:
    """Of which runs a report was asked for last, in its own spelling; empty if of none."""
    asked = Report.objects.filter(study=study, kind=ROUTING).order_by("-pk")
    return asked.values_list("subject", flat=True).first() or ""


def subject_after(run: JudgeRun) -> str:
    """Of which runs a report is due once a run has ended; empty if of none.

    Those that somebody chose last, if it is one of them: whom to rely on is theirs to say, and a
    queue may be steered by it. Where nobody chose, of the run alone. Without a cost of a person's
    verdict there can be none.
    """
    study = run.study
    chosen = Report.objects.filter(study=study, kind=ROUTING, asked_by__isnull=False)
    subject = chosen.order_by("-pk").values_list("subject", flat=True).first()
    if subject is not None:
        return subject if run.number in RoutingWanted.parse(subject).runs else ""
    is_single = study.protocol == Study.Protocol.SINGLE
    if is_single or person_cost_of(study) is None:
        return ""
    return RoutingWanted((run.number,)).subject


def newest_routing(study: Study) -> Routing | None:
    """What the newest finished report says, of whichever runs; None where there is none."""
    found = Report.objects.filter(study=study, kind=ROUTING, state=Report.State.FINISHED)
    report = found.order_by("-finished_at", "-pk").first()
    try:
        return None if report is None else parse(Routing, report.document)
    except UnknownFactsError:
        return None


def steer_of(study: Study, contestants: Sequence[str]) -> FloatArray | None:
    """What the policy `routed` multiplies gains by, (K, K), of contestants by slug.

    Of the newest report, with a mean of 1; None without one. Who entered since counts as the mean.
    """
    routing = newest_routing(study)
    if routing is None:
        return None
    place = {slug: k for k, slug in enumerate(contestants)}
    worth = np.full((len(place), len(place)), np.nan)
    for pair in routing.pairs:
        if pair.a in place and pair.b in place:
            a, b = place[pair.a], place[pair.b]
            worth[a, b] = worth[b, a] = pair.steer
    return steer_by(worth)
