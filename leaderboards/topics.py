"""Reads a study's ranking by topic, and what Swiss contests over its topics come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.errors import NothingToRankError
from leaderboards.pages.words import listed
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from leaderboards.ranking.records import record_of_battles
from leaderboards.ranking.swiss import Profile, Swiss, play_swiss
from leaderboards.ranking.topics import ENOUGH_BATTLES, BoolArray, PooledTopics, pool_topics
from leaderboards.ranking.uncertainty import DavidsonScore, Summary, summarise
from leaderboards.services.multiverse import dimension_named
from leaderboards.verdicts import OUTCOME_CODE, Frame, fetched, positions
from raters.models import Verdict
from raters.querysets import VerdictQuerySet
from studies.models import Contestant, Dimension, Study, Task

# With few contestants a contest costs little, and part of a place more or less is worth telling.
FEWEST_CONTESTS: Final = 2_000
MOST_CONTESTS: Final = 10_000
CONTESTANTS_PLAYED: Final = 60_000
SEED: Final = 0


class Level(StrEnum):
    """Where a study's tree of tasks is cut into topics; a branch that ends above is one."""

    AREA = "area"
    CATEGORY = "category"
    TASK = "task"

    def node_of(self, task: Task) -> tuple[str, ...]:
        """The topic that a task belongs to: an area, a category in it, or the task itself."""
        if self is Level.TASK or not task.area:
            return task.area, task.category, task.name
        if self is Level.AREA:
            return (task.area,)
        return (task.area, task.category) if task.category else (task.area, "", task.name)


@dataclass(frozen=True)
class Topic:
    """A node of the tree: its name, its part of the overall ranking, and its battles."""

    name: str
    weight: float
    battles: int


@dataclass(frozen=True)
class Place:
    """A contestant in a topic, or over all: its rank interval and skill, with 95 % intervals.

    `is_enough` is whether it was in enough battles there to be placed. Skills are in log-odds.
    """

    contestant: str
    name: str
    battles: int
    is_enough: bool
    rank: int
    rank_low: int
    rank_high: int
    skill: float
    low: float
    high: float


@dataclass(frozen=True)
class TopicLine:
    """A topic with the places of all contestants, in the order of the overall ranking."""

    topic: Topic
    places: tuple[Place, ...]


@dataclass(frozen=True)
class SwissLine:
    """A contestant in Swiss contests: without eliminations, and with the most of them.

    `score` is its expected share of points, with 95 % interval; `wins` the probability of most
    points; `rank` and `rank_most` the expected ranks. `sensitivity` is in places.
    """

    contestant: str
    name: str
    score: float
    low: float
    high: float
    score_most: float
    wins: float
    wins_most: float
    rank: float
    rank_most: float
    sensitivity: float
    error: float
    profile: Profile


@dataclass(frozen=True)
class TopicsPage:
    """A study's topics on one level and dimension; contestants in the order of their names.

    `left_out` counts verdicts on battles without a task.
    """

    study: Study
    dimension: Dimension
    level: Level
    levels: tuple[Level, ...]
    contestants: tuple[Contestant, ...]
    topics: tuple[Topic, ...]
    pooled: PooledTopics
    contests: Swiss
    left_out: int

    @cached_property
    def overall(self) -> tuple[Place, ...]:
        """Over all topics, weighted, in order of rank."""
        summary = self._summary(self.pooled.overall, self.pooled.overall_covariance)
        battles = self.pooled.battles.sum(axis=0)
        places = self._places(summary, battles, battles >= ENOUGH_BATTLES)
        return tuple(sorted(places, key=lambda place: place.rank))

    @cached_property
    def lines(self) -> tuple[TopicLine, ...]:
        """The topics with everybody's places in them."""
        order = [place.contestant for place in self.overall]
        found = []
        for t, topic in enumerate(self.topics):
            summary = self._summary(self.pooled.skill[t], self.pooled.covariance[t])
            places = self._places(summary, self.pooled.battles[t], self.pooled.is_enough[t])
            places.sort(key=lambda place: order.index(place.contestant))
            found.append(TopicLine(topic, tuple(places)))
        return tuple(found)

    @cached_property
    def swiss(self) -> tuple[SwissLine, ...]:
        """The contestants in Swiss contests, the greatest expected score first."""
        contests = self.contests
        lines = [
            SwissLine(
                contestant=contestant.slug,
                name=contestant.name,
                score=float(contests.score[0, k]),
                low=float(contests.score_low[0, k]),
                high=float(contests.score_high[0, k]),
                score_most=float(contests.score[-1, k]),
                wins=float(contests.wins[0, k]),
                wins_most=float(contests.wins[-1, k]),
                rank=float(contests.rank[0, k]),
                rank_most=float(contests.rank[-1, k]),
                sensitivity=float(contests.sensitivity[0, k]),
                error=float(contests.error[0, k]),
                profile=contests.profiles[k],
            )
            for k, contestant in enumerate(self.contestants)
        ]
        return tuple(sorted(lines, key=lambda line: (-line.score, line.name)))

    @property
    def answer(self) -> str:
        """What the contests say of specialists and generalists, in a sentence."""
        said = {
            profile: [line.name for line in self.swiss if line.profile is profile]
            for profile in Profile
        }
        parts = []
        if names := said[Profile.SPECIALIST]:
            are = ngettext("%(names)s is a specialist", "%(names)s are specialists", len(names))
            parts.append(are % {"names": listed(names)})
        if names := said[Profile.GENERALIST]:
            are = ngettext("%(names)s is a generalist", "%(names)s are generalists", len(names))
            parts.append(are % {"names": listed(names)})
        if names := said[Profile.OPEN]:
            whom = listed(names) if parts else _("any contestant")
            parts.append(_("of %(whom)s it can’t be told yet") % {"whom": whom})
        sentence = "; ".join(parts)
        return f"{sentence[0].upper()}{sentence[1:]}."

    def _summary(self, mean: FloatArray, covariance: FloatArray) -> Summary:
        return summarise(
            mean,
            names=[contestant.slug for contestant in self.contestants],
            covariance=covariance,
            score=DavidsonScore(self.pooled.tie_propensity),
            seed=SEED,
        )

    def _places(self, summary: Summary, battles: FloatArray, is_enough: BoolArray) -> list[Place]:
        return [
            Place(
                contestant=contestant.slug,
                name=contestant.name,
                battles=int(battles[k]),
                is_enough=bool(is_enough[k]),
                rank=int(summary.rank[k]),
                rank_low=int(summary.rank_low[k]),
                rank_high=int(summary.rank_high[k]),
                skill=float(summary.mean[k]),
                low=float(summary.low[k]),
                high=float(summary.high[k]),
            )
            for k, contestant in enumerate(self.contestants)
        ]


def read_topics(study: Study, *, dimension: str = "", level: Level | None = None) -> TopicsPage:
    """Rank a study's contestants by topic, from the verdicts that count as boards count them.

    Without a dimension it is the overall one; without a level, the first on which there are
    topics to compare. Topics are weighted by their tasks' quotas, or tasks are equal. Raises
    NothingToRankError where there is nothing to compare, and RankingError for too many topics.
    """
    if study.protocol == Study.Protocol.SINGLE:
        raise NothingToRankError(_("Topics are ranked by comparisons; here raters rate one model."))
    tasks = tuple(study.tasks.all())
    levels = _levels(tasks)
    if not levels:
        raise NothingToRankError(_too_few(study, tasks))
    if level is not None and level not in levels:
        raise NothingToRankError(
            _("On the level %(level)s there are no topics of their own; there are on: %(levels)s.")
            % {"level": level, "levels": listed([each.value for each in levels])}
        )
    frame = Frame.of(study)
    chosen = dimension_named(study, dimension)
    level = level or levels[0]
    nodes = [level.node_of(task) for task in tasks]
    topics = list(dict.fromkeys(nodes))
    of_task = np.array([topics.index(node) for node in nodes])
    counts = _read_counts(frame, chosen, tasks, of_task, len(topics))
    names = tuple(contestant.name for contestant in frame.contestants)
    if refusal := record_of_battles(counts.sum(axis=0), names).refusal:
        raise NothingToRankError(refusal)
    weights = np.bincount(of_task, _weights(tasks), minlength=len(topics)).astype(float)
    pooled = pool_topics(counts, weights)
    contests = play_swiss(
        pooled.draw(_contests(len(names)), seed=SEED),
        weights,
        tie_propensity=pooled.tie_propensity,
        seed=SEED,
    )
    return TopicsPage(
        study=study,
        dimension=chosen,
        level=level,
        levels=levels,
        contestants=frame.contestants,
        topics=tuple(
            Topic(" › ".join(filter(None, node)), float(weight), int(battles))
            for node, weight, battles in zip(
                topics, weights, counts.sum(axis=(1, 2, 3)), strict=True
            )
        ),
        pooled=pooled,
        contests=contests,
        left_out=_counting(frame, chosen).filter(battle__task__isnull=True).count(),
    )


def _contests(contestants: int) -> int:
    return min(max(CONTESTANTS_PLAYED // contestants, FEWEST_CONTESTS), MOST_CONTESTS)


def _levels(tasks: Sequence[Task]) -> tuple[Level, ...]:
    """The levels with topics to compare, each with more of them than the one above."""
    found, most = [], 1
    for level in Level:
        nodes = len({level.node_of(task) for task in tasks})
        if nodes > most:
            found.append(level)
            most = nodes
    return tuple(found)


def _too_few(study: Study, tasks: Sequence[Task]) -> str:
    words = (
        _("The study %(study)s has one task: there are no topics to compare.")
        if tasks
        else _("The study %(study)s has no tasks: all its battles are about the same.")
    )
    return words % {"study": study.slug}


def _weights(tasks: Sequence[Task]) -> FloatArray:
    """What part of all battles each task should have: by quotas, or else all alike."""
    quotas = [task.battles_wanted for task in tasks]
    wanted = np.array([quota or 1 for quota in quotas] if all(quotas) else [1] * len(tasks), float)
    weights: FloatArray = wanted / wanted.sum()
    return weights


def _counting(frame: Frame, dimension: Dimension) -> VerdictQuerySet:
    return Verdict.objects.counting(frame.study).filter(dimension=dimension)


def _read_counts(
    frame: Frame, dimension: Dimension, tasks: Sequence[Task], of_task: IntArray, topics: int
) -> FloatArray:
    """Count verdicts by topic, side A, side B and outcome, (T, K, K, 3)."""
    rows = (
        _counting(frame, dimension)
        .filter(battle__task__isnull=False)
        .order_by()
        .values_list("battle__task_id", "battle__side_a_id", "battle__side_b_id", OUTCOME_CODE)
        .annotate(times=Count("pk"))
    )
    task, a, b, outcome, times = fetched(rows, width=5)
    contestants = [contestant.pk for contestant in frame.contestants]
    place = (
        of_task[positions([task.pk for task in tasks], task)],
        positions(contestants, a),
        positions(contestants, b),
        outcome,
    )
    counts = np.zeros((topics, len(contestants), len(contestants), len(OUTCOMES)))
    np.add.at(counts, place, times)
    return counts
