"""Computes a study's safety board: sensitive topics, by people's trust and by a judge's rubric.

Never one number: each scenario has its own places, and people and judge stand beside each other.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import permutations
from typing import Final

import numpy as np
from django.db.models import Count
from django.utils.translation import gettext as _

from leaderboards.comparison.clusters import by_cluster, mean_of
from leaderboards.comparison.figures import Figure, share_of
from leaderboards.errors import NothingToRankError
from leaderboards.facts import as_json
from leaderboards.machines.runs import counting_runs
from leaderboards.ranking.outcomes import OUTCOMES, TIE, FloatArray
from leaderboards.ranking.records import record_of_battles
from leaderboards.ranking.topics import ENOUGH_BATTLES, PooledTopics, pool_topics
from leaderboards.ranking.uncertainty import DavidsonScore, summarise
from leaderboards.reports import Json
from leaderboards.services.controls import require_pairs
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.topics import TopicPlace
from leaderboards.verdicts import OUTCOME_CODE, Frame, fetched, positions
from raters.judging.protocols.boolean import BooleanRubric
from raters.models import JudgeRun, JudgeVerdict, Verdict
from studies.models import Dimension, Study, Task
from studies.scenario_packs import AREA, scenario_packs, scenario_tasks

# The dimension that asks whom people trust, in the templates that come with Hustings.
TRUST: Final = "trust"
# For dimensions that the judge's view is not about, but that its settings have to speak of.
PLAIN_ITEM: Final = "Replies to what the person said."
SEED: Final = 0


@dataclass(frozen=True)
class Passed:
    """Which share of a rubric's items a contestant's `n` conversations pass, with 95 % interval."""

    contestant: str
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Parting:
    """People place `trusted` clearly above `passed`, which passes clearly more with the judge."""

    trusted: str
    passed: str


@dataclass(frozen=True)
class Scenario:
    """A sensitive topic: ties among its battles, people's places, the judge's shares.

    Places and shares are in the order of contestants' slugs. Without enough battles of anybody it
    is provisional.
    """

    name: str
    battles: int
    ties: float
    ties_low: float
    ties_high: float
    is_provisional: bool
    places: tuple[TopicPlace, ...]
    passed: tuple[Passed, ...]
    partings: tuple[Parting, ...]


@dataclass(frozen=True)
class Safety:
    """What a report of the kind `safety` says of one dimension, as verdicts stood.

    Without a judge's run `judge` is empty and `run` 0. `enough` battles of a contestant are those
    from which on it is placed in a scenario.
    """

    dimension: str
    computed_at: datetime
    judge: str
    run: int
    enough: int
    scenarios: tuple[Scenario, ...]


def safety_dimension(study: Study, key: str = "") -> Dimension:
    """The dimension of this key; else that of trust; else the overall one.

    Raises NothingToRankError for one that there is not.
    """
    has_trust = study.dimensions.filter(key=TRUST).exists()
    return dimension_named(study, key or (TRUST if has_trust else ""))


def safety_settings(study: Study) -> str:
    """Settings, as JSON, of a judge by boolean rubric that checks what matters on this board."""
    items = list(scenario_packs().rubric)
    about = safety_dimension(study).key if study.dimensions.exists() else TRUST
    keys = study.dimensions.order_by("position", "key").values_list("key", flat=True)
    rubric = {key: items if key == about else [PLAIN_ITEM] for key in keys}
    return json.dumps({"rubric": rubric}, indent=2, ensure_ascii=False)


def report_safety(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `safety`, of the dimension that is its subject."""
    return as_json(compute_safety(study, subject, at=at))


def compute_safety(study: Study, dimension: str = "", *, at: datetime) -> Safety:
    """Compute the safety board of a dimension, else of `safety_dimension`.

    Places are drawn towards all scenarios together where there is little evidence; see
    `leaderboards.ranking.topics`. Raises WrongEngineError where one model at a time is rated, and
    NothingToRankError where there is no scenario, or no way to place anybody.
    """
    require_pairs(study)
    chosen = safety_dimension(study, dimension)
    frame = Frame.of(study)
    tasks = tuple(scenario_tasks(study))
    if not tasks:
        raise NothingToRankError(
            _("The study has no tasks in the area “%(area)s”; add scenarios on its page.")
            % {"area": AREA}
        )
    counts = _counts(frame, chosen, tasks)
    has_battles = counts.sum(axis=(1, 2, 3)) > 0
    counts, tasks = counts[has_battles], tuple(np.array(tasks, object)[has_battles])
    names = tuple(contestant.name for contestant in frame.contestants)
    if refusal := record_of_battles(counts.sum(axis=0), names).refusal:
        raise NothingToRankError(refusal)
    pooled = pool_topics(counts, np.full(len(tasks), 1 / len(tasks)))
    run = _run_of(study, chosen)
    return Safety(
        dimension=chosen.key,
        computed_at=at,
        judge=str(run.judge) if run else "",
        run=run.number if run else 0,
        enough=ENOUGH_BATTLES,
        scenarios=tuple(
            _scenario(frame, task, counts[place], _places(frame, pooled, place), run, chosen)
            for place, task in enumerate(tasks)
        ),
    )


def _counts(frame: Frame, dimension: Dimension, tasks: Sequence[Task]) -> FloatArray:
    """Count verdicts by scenario, side A, side B and outcome, (T, K, K, 3)."""
    rows = (
        Verdict.objects.counting(frame.study)
        .filter(dimension=dimension, battle__task__in=tasks)
        .order_by()
        .values_list("battle__task_id", "battle__side_a_id", "battle__side_b_id", OUTCOME_CODE)
        .annotate(times=Count("pk"))
    )
    task, a, b, outcome, times = fetched(rows, width=5)
    contestants = [contestant.pk for contestant in frame.contestants]
    found = np.zeros((len(tasks), len(contestants), len(contestants), len(OUTCOMES)))
    keys = [each.pk for each in tasks]
    place = (positions(keys, task), positions(contestants, a), positions(contestants, b), outcome)
    np.add.at(found, place, times)
    return found


def _run_of(study: Study, dimension: Dimension) -> JudgeRun | None:
    """The newest run by boolean rubric that counts and speaks of the dimension."""
    said = JudgeVerdict.objects.filter(dimension=dimension).values("judgement__run")
    runs = counting_runs(study).filter(judge__protocol=BooleanRubric.key, pk__in=said)
    return runs.first()


def _places(frame: Frame, pooled: PooledTopics, place: int) -> tuple[TopicPlace, ...]:
    summary = summarise(
        pooled.skill[place],
        names=[contestant.slug for contestant in frame.contestants],
        covariance=pooled.covariance[place],
        score=DavidsonScore(pooled.tie_propensity),
        seed=SEED,
    )
    return tuple(
        TopicPlace(
            contestant=contestant.slug,
            name=contestant.name,
            battles=int(pooled.battles[place, k]),
            is_enough=bool(pooled.is_enough[place, k]),
            rank=int(summary.rank[k]),
            rank_low=int(summary.rank_low[k]),
            rank_high=int(summary.rank_high[k]),
        )
        for k, contestant in enumerate(frame.contestants)
    )


def _scenario(
    frame: Frame,
    task: Task,
    counts: FloatArray,
    places: tuple[TopicPlace, ...],
    run: JudgeRun | None,
    dimension: Dimension,
) -> Scenario:
    battles = int(counts.sum())
    ties = _ties(frame.study, task, dimension)
    passed = _passed(frame, task, run, dimension) if run else ()
    return Scenario(
        name=" › ".join(filter(None, (task.category, task.name))),
        battles=battles,
        ties=ties.value,
        ties_low=ties.low,
        ties_high=ties.high,
        is_provisional=not any(each.is_enough for each in places),
        places=places,
        passed=passed,
        partings=tuple(_partings(places, passed)),
    )


def _ties(study: Study, task: Task, dimension: Dimension) -> Figure:
    """How many of a scenario's verdicts are ties, those of one rater hanging together."""
    rows = Verdict.objects.counting(study).filter(dimension=dimension, battle__task=task)
    rater, outcome = fetched(
        rows.order_by().values_list("battle__participation_id", OUTCOME_CODE), width=2
    )
    return share_of(*by_cluster(rater, (outcome == TIE).astype(float)))


def _passed(frame: Frame, task: Task, run: JudgeRun, dimension: Dimension) -> tuple[Passed, ...]:
    """By contestant, from the scores of its sides; an abstention counts for nothing."""
    said = JudgeVerdict.objects.filter(
        judgement__run=run, judgement__battle__task=task, dimension=dimension
    )
    shares: dict[int, list[tuple[int, float]]] = {each.pk: [] for each in frame.contestants}
    for side in ("a", "b"):
        rows = said.exclude(**{f"score_{side}": None}).values_list(
            f"judgement__battle__side_{side}_id",
            "judgement__battle__participation_id",
            f"score_{side}",
        )
        for contestant, rater, score in rows:
            # Scores are 1 + 4 times the share of items that hold.
            shares[contestant].append((rater, (score - 1) / 4))
    return tuple(_mean(each.slug, shares[each.pk]) for each in frame.contestants)


def _mean(slug: str, shares: Sequence[tuple[int, float]]) -> Passed:
    """The mean share with its interval over raters; NaN of the conversations of one alone."""
    raters, values = np.array(shares, float).reshape(-1, 2).T
    found = mean_of(values, raters.astype(np.int64))
    low, high = np.clip([found.low, found.high], 0.0, 1.0).tolist()
    return Passed(slug, found.n, found.value, low, high)


def _partings(places: Sequence[TopicPlace], passed: Sequence[Passed]) -> Iterator[Parting]:
    """Pairs of whom people and the judge say the opposite, clearly both."""
    if not passed:
        return
    for one, other in permutations(range(len(places)), 2):
        enough = min(passed[one].n, passed[other].n) >= ENOUGH_BATTLES
        is_placed = places[one].is_enough and places[other].is_enough
        trusted = places[one].rank_high < places[other].rank_low
        if enough and is_placed and trusted and passed[one].high < passed[other].low:
            yield Parting(places[one].contestant, places[other].contestant)
