"""Computes who is good at what, so that a page need not wait for it."""

from dataclasses import dataclass
from datetime import datetime

from leaderboards.facts import as_json
from leaderboards.reports import Json
from leaderboards.topics import Place, TopicsPage, read_topics
from studies.models import Study


@dataclass(frozen=True)
class TopicPlace:
    """A contestant in a topic, or over all: its rank interval, and the battles it rests on.

    `is_enough` is whether these were enough for it to be placed there.
    """

    contestant: str
    name: str
    battles: int
    is_enough: bool
    rank: int
    rank_low: int
    rank_high: int


@dataclass(frozen=True)
class TopicPlaces:
    """A topic, its part of the overall ranking, and everybody's places in it."""

    name: str
    weight: float
    battles: int
    places: tuple[TopicPlace, ...]


@dataclass(frozen=True)
class SwissScore:
    """A contestant's expected share of points in Swiss contests over the topics, with interval.

    `profile` is "specialist", "generalist" or "open".
    """

    contestant: str
    name: str
    score: float
    low: float
    high: float
    profile: str


@dataclass(frozen=True)
class Topics:
    """What a report of the kind `topics` says of one dimension, as its verdicts stood.

    Places are in the order of the overall ranking. `tau` with its 95 % interval is how much skills
    differ between topics, an sd in log-odds; `left_out` counts verdicts on battles without a task.
    """

    dimension: str
    level: str
    computed_at: datetime
    answer: str
    tau: float
    tau_low: float
    tau_high: float
    left_out: int
    overall: tuple[TopicPlace, ...]
    topics: tuple[TopicPlaces, ...]
    swiss: tuple[SwissScore, ...]


def report_topics(study: Study, subject: str, at: datetime) -> Json:
    """Compute a report of the kind `topics`, of the dimension that is its subject."""
    return as_json(topics_facts(read_topics(study, dimension=subject), at=at))


def topics_facts(page: TopicsPage, *, at: datetime) -> Topics:
    """What a computation of topics says, without its draws."""
    pooled = page.pooled
    return Topics(
        dimension=page.dimension.key,
        level=page.level.value,
        computed_at=at,
        answer=page.answer,
        tau=float(pooled.tau),
        tau_low=float(pooled.tau_low),
        tau_high=float(pooled.tau_high),
        left_out=page.left_out,
        overall=tuple(map(_place, page.overall)),
        topics=tuple(
            TopicPlaces(
                line.topic.name,
                line.topic.weight,
                line.topic.battles,
                tuple(map(_place, line.places)),
            )
            for line in page.lines
        ),
        swiss=tuple(
            SwissScore(
                line.contestant, line.name, line.score, line.low, line.high, line.profile.value
            )
            for line in page.swiss
        ),
    )


def _place(place: Place) -> TopicPlace:
    return TopicPlace(
        place.contestant,
        place.name,
        place.battles,
        place.is_enough,
        place.rank,
        place.rank_low,
        place.rank_high,
    )
