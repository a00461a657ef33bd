"""How well careless raters are told from honest ones, on real data with known answers.

Rater reliability is measured on crowd labels with gold, speeding and straight lines on attention
checks, and the screens' false positives on human chat.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, count_outcomes
from raters.quality.effort import find_short_conversation, screen_message
from raters.quality.fraud import likelihood_test, sequential_test, without_ties
from raters.quality.pace import battle_seconds, estimate_population, find_straight_lines
from raters.quality.reliability import fit_dawid_skene, majority

# A worker is poor below this share of right labels, and measured if so many have a gold label:
# with fewer, chance decides who is poor.
POOR: Final = 0.6
MIN_GOLD: Final = 5
AGGREGATED: Final = ("rte", "bluebirds", "product")
LIMITS_SECONDS: Final = (30, 45, 60)
SCALE: Final = ("q1", "q2_reversed", "q3", "q4")
MIDPOINT: Final = 50
# A conversation is measured as one from so many messages of a person.
MIN_MESSAGES: Final = 3
LONG_SERIES: Final = 30

Row = dict[str, str]


@dataclass(frozen=True)
class Aggregation:
    """Share of items whose label is right: by majority, ties counted in part, and by the model."""

    set: str
    items: int
    majority: float
    dawid_skene: float


@dataclass(frozen=True)
class Spam:
    """How well reliability and information find poor workers: areas under the ROC curve.

    Of `workers` with at least five gold labels, `poor` are right in less than .6 of them.
    `disputed` items have more than one label: without any, nothing can be learned of anybody.
    """

    set: str
    workers: int
    poor: int
    disputed: int
    reliability_auc: float
    information_auc: float


@dataclass(frozen=True)
class Limit:
    """A limit in seconds: which part of the careless and of the others is faster."""

    seconds: int
    found: float
    false_positive_rate: float


@dataclass(frozen=True)
class ScreenRates:
    """Part of a corpus's messages that each screen flags, and of its conversations."""

    corpus: str
    messages: int
    flagged: dict[str, float]
    conversations: int
    short_conversations: float


@dataclass(frozen=True)
class Votes:
    """Part of real workers that the tests of votes flag, and of made-up ones who vote at random.

    The made-up ones stand for the `long_series` workers with at least 30 decided votes.
    """

    workers: int
    sequential_flagged: float
    likelihood_flagged: float
    long_series: int
    sequential_found: float
    likelihood_found: float


@dataclass(frozen=True)
class CarelessFigures:
    """All figures.

    `speeding_auc` is of seconds against a failed attention check, which also ended the survey:
    who failed had no time to be slow. `speeding_auc_straight_lines` is of seconds against
    straight lines among those who went on. `straight_lining_auc` against a failed check is None
    where nobody who failed was shown the scale. `straight_lines` is the part of those who passed
    that answered all four items alike, the reversed one too, `straight_lines_off_midpoint` that
    part without the midpoint. `label_speed_auc` is of seconds against a wrong label.
    `fast_battles` is the part of human-bot conversations under the least seconds for their text.
    Of `experts` who compared texts on two dimensions `straight_lining_experts` are flagged.
    """

    aggregations: tuple[Aggregation, ...]
    hitspam: Spam
    adult2: Spam
    speeding_auc: float
    speeding_limits: tuple[Limit, ...]
    speeding_auc_straight_lines: float
    straight_lining_auc: float | None
    straight_lines: float
    straight_lines_off_midpoint: float
    label_speed_auc: dict[str, float]
    fast_battles: float
    experts: int
    straight_lining_experts: int
    votes: Votes
    screens: tuple[ScreenRates, ...]


def measure_careless(folder: Path) -> CarelessFigures:
    """Measure on the data sets in `folder`; FileNotFoundError names the one that is missing."""
    people = _rows(folder / "persuasion" / "attention.csv.gz")
    seconds = np.array([float(row["seconds"]) for row in people])
    failed = np.array([not int(row["attention_pass"]) for row in people])
    answered = np.array([all(row[item] for item in SCALE) for row in people])
    scale = np.array(
        [[float(row[i]) for i in SCALE] for row in people if all(row[i] for i in SCALE)]
    )
    straight = (scale == scale[:, :1]).all(axis=1)
    passed = ~failed[answered]
    experts, flagged = _flag_experts(folder)
    return CarelessFigures(
        aggregations=tuple(_aggregate(folder, name) for name in AGGREGATED),
        hitspam=_find_spam(folder, "hitspam"),
        adult2=_find_spam(folder, "adult2"),
        speeding_auc=area_under_curve(-seconds, failed),
        speeding_limits=tuple(
            Limit(
                limit,
                float((seconds[failed] < limit).mean()),
                float((seconds[~failed] < limit).mean()),
            )
            for limit in LIMITS_SECONDS
        ),
        speeding_auc_straight_lines=area_under_curve(-seconds[answered][passed], straight[passed]),
        straight_lining_auc=(
            None if passed.all() else area_under_curve(straight.astype(float), ~passed)
        ),
        straight_lines=float(straight[passed].mean()),
        straight_lines_off_midpoint=float((straight & (scale[:, 0] != MIDPOINT))[passed].mean()),
        label_speed_auc={
            name: _label_speed(folder, name) for name in ("sentiment_amt", "weather_amt")
        },
        fast_battles=_fast_battles(folder),
        experts=experts,
        straight_lining_experts=flagged,
        votes=_test_votes(folder),
        screens=_screen_rates(folder),
    )


def area_under_curve(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive has the higher score than another, ties counted half.

    ValueError if all or none are positive.
    """
    if positive.all() or not positive.any():
        raise ValueError("A curve needs positives and others.")
    ordered = np.sort(score[~positive])
    below = np.searchsorted(ordered, score[positive], side="left")
    up_to = np.searchsorted(ordered, score[positive], side="right")
    return float(((below + up_to) / 2).mean() / len(ordered))


@dataclass(frozen=True)
class _Labels:
    """N labels (N,) by index, and the gold label (I,) of each item, −1 without."""

    item: NDArray[np.int64]
    rater: NDArray[np.int64]
    label: NDArray[np.int64]
    gold: NDArray[np.int64]
    classes: int


def _labels(folder: Path, name: str) -> _Labels:
    rows = _rows(folder / "crowd" / f"{name}.csv.gz")
    item, label = _index([row["item"] for row in rows]), _index([row["label"] for row in rows])
    gold = np.full(int(item.max()) + 1, -1)
    code = {row["label"]: int(index) for row, index in zip(rows, label, strict=True)}
    for row, index in zip(rows, item, strict=True):
        gold[index] = code.get(row["gold"], -1)
    return _Labels(item, _index([row["worker"] for row in rows]), label, gold, len(code))


def _aggregate(folder: Path, name: str) -> Aggregation:
    data = _labels(folder, name)
    known = data.gold >= 0
    gold = data.gold[known]
    votes = majority(data.item, data.label, items=len(known), classes=data.classes)[known]
    fitted = fit_dawid_skene(data.item, data.rater, data.label).posterior[known]
    return Aggregation(
        name,
        int(known.sum()),
        float(votes[np.arange(len(gold)), gold].mean()),
        float((fitted.argmax(axis=1) == gold).mean()),
    )


def _find_spam(folder: Path, name: str) -> Spam:
    data = _labels(folder, name)
    crowd = fit_dawid_skene(data.item, data.rater, data.label)
    known = data.gold[data.item] >= 0
    raters = len(crowd.labels)
    given = np.bincount(data.rater[known], minlength=raters)
    right = np.bincount(
        data.rater[known], data.label[known] == data.gold[data.item[known]], minlength=raters
    )
    measured = given >= MIN_GOLD
    poor = right[measured] < POOR * given[measured]
    kinds = {*zip(data.item.tolist(), data.label.tolist(), strict=True)}
    return Spam(
        name,
        int(measured.sum()),
        int(poor.sum()),
        sum(labels > 1 for labels in Counter(item for item, _ in kinds).values()),
        area_under_curve(-crowd.reliability[measured], poor),
        area_under_curve(-crowd.information[measured], poor),
    )


def _label_speed(folder: Path, name: str) -> float:
    rows = [r for r in _rows(folder / "crowd" / f"{name}.csv.gz") if r["gold"] not in ("", "-1")]
    wrong = np.array([row["label"] != row["gold"] for row in rows])
    return area_under_curve(np.array([-float(row["seconds"]) for row in rows]), wrong)


def _flag_experts(folder: Path) -> tuple[int, int]:
    """How many experts compared on two dimensions, and how many have straight lines."""
    outcomes: dict[str, list[list[str]]] = {}
    with (folder / "judges" / "news_pairs.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            battles = outcomes.setdefault(row["evaluator"], [])
            battles.append([row["overall"], row["informative"]])
    alike = np.array([sum(x == y for x, y in battles) for battles in outcomes.values()])
    population = estimate_population(alike, np.array([len(each) for each in outcomes.values()]))
    coded = [_index(np.ravel(each).tolist()).reshape(-1, 2) for each in outcomes.values()]
    return len(coded), sum(find_straight_lines(each, population) is not None for each in coded)


def _test_votes(folder: Path) -> Votes:
    """The tests on the workers of llmfao, predicted by a Davidson model of all their votes."""
    rows = _rows(folder / "llmfao" / "human.csv.gz")
    models = _index([row["model_x"] for row in rows] + [row["model_y"] for row in rows])
    a, b = models.reshape(2, -1)
    code = {"left": A_WINS, "tie": TIE, "right": B_WINS}
    outcome = np.array([code[row["winner"]] for row in rows])
    fit = fit_davidson(count_outcomes(a, b, outcome, contestants=int(models.max()) + 1))
    half = (fit.skill[a] - fit.skill[b] + fit.side_effect) / 2
    weights = np.stack([np.exp(half), np.full(len(a), fit.tie_propensity), np.exp(-half)], axis=1)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    worker, rng = _index([row["worker"] for row in rows]), np.random.default_rng(0)
    flagged, found = [], []
    for w in range(int(worker.max()) + 1):
        hers = worker == w
        decided, said = without_ties(probabilities[hers], outcome[hers])
        flagged.append(_flags(decided, said))
        if len(said) >= LONG_SERIES:
            found.append(_flags(decided, rng.integers(0, 2, len(said))))
    sequential, likelihood = np.mean(flagged, axis=0)
    sequential_found, likelihood_found = np.mean(found, axis=0)
    return Votes(
        len(flagged),
        float(sequential),
        float(likelihood),
        len(found),
        float(sequential_found),
        float(likelihood_found),
    )


def _flags(probabilities: NDArray[np.float64], said: NDArray[np.int64]) -> tuple[bool, bool]:
    sequential = sequential_test(probabilities, said).flagged_at is not None
    return sequential, likelihood_test(probabilities, said, seed=0, simulations=999).is_flagged


def _fast_battles(folder: Path) -> float:
    fast = []
    for battle in _objects(folder / "convai2" / "conversations.jsonl.gz"):
        said: dict[str, list[str]] = {"human": [], "bot": []}
        for turn in battle["turns"]:
            said["human" if turn["role"] == "human" else "bot"].append(turn["text"])
        if len(said["human"]) >= MIN_MESSAGES:
            took = datetime.fromisoformat(battle["end"]) - datetime.fromisoformat(battle["start"])
            needed = battle_seconds(said["human"], [[text] for text in said["bot"]])
            fast.append(took.total_seconds() < needed)
    return sum(fast) / len(fast)


def _screen_rates(folder: Path) -> tuple[ScreenRates, ...]:
    """Rates of the screens on what one person wrote in one conversation.

    As task card stands the bot's profile where there is one, which people see it talk about.
    """

    def convai2(chat: Any) -> list[tuple[list[str], str]]:
        mine = [turn["text"] for turn in chat["turns"] if turn["role"] == "human"]
        return [(mine, " ".join(chat["bot_profile"] or ()))]

    def topicalchat(chat: Any) -> list[tuple[list[str], str]]:
        turns = chat["turns"]
        return [
            ([turn["text"] for turn in turns if turn["agent"] == agent], "")
            for agent in ("agent_1", "agent_2")
        ]

    def tiage(chat: Any) -> list[tuple[list[str], str]]:
        return [([turn["text"] for turn in chat["turns"][first::2]], "") for first in (0, 1)]

    corpora: dict[str, tuple[str, Callable[[Any], list[tuple[list[str], str]]]]] = {
        "convai2": ("convai2/conversations.jsonl.gz", convai2),
        "topicalchat": ("topicalchat/conversations_valid.jsonl.gz", topicalchat),
        "tiage": ("topicshift/tiage_train.jsonl.gz", tiage),
    }
    return tuple(
        _rates(name, [part for chat in _objects(folder / path) for part in split(chat)])
        for name, (path, split) in corpora.items()
    )


def _rates(corpus: str, parts: list[tuple[list[str], str]]) -> ScreenRates:
    flagged: Counter[str] = Counter()
    for messages, task in parts:
        for place, text in enumerate(messages):
            flaws = screen_message(text, earlier=messages[:place], task=task)
            flagged.update(flaw.kind.value for flaw in flaws)
    total = sum(len(messages) for messages, _ in parts)
    whole = [messages for messages, _ in parts if len(messages) >= MIN_MESSAGES]
    short = sum(find_short_conversation(messages) is not None for messages in whole)
    return ScreenRates(
        corpus,
        total,
        {kind: round(count / total, 5) for kind, count in sorted(flagged.items())},
        len(whole),
        short / len(whole),
    )


def _index(names: list[str]) -> NDArray[np.int64]:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _objects(path: Path) -> list[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
