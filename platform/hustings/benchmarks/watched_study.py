"""A simulated study in which some raters are careless and some rig: what each of them does.

Honest raters answer by Davidson's law with effects of their groups. How often they slip, how fast
people are, how long models' replies are, and what screens find in the words of people who keep to
their topic is read from real data.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray
from raters.quality.drift import drift_of
from raters.quality.effort import find_short_conversation, screen_message
from raters.quality.placement import Placement, place_checks
from raters.quality.words import words
from studies.check_templates import CheckSpec, check_templates

BoolArray = NDArray[np.bool_]

CONTESTANTS: Final = 20
DIMENSIONS: Final = 5
GROUPS_OF_AXES: Final = (4, 4, 4)
# Battles of a rater that count, besides those that are checks.
BATTLES: Final = (4, 5, 6)
MESSAGES: Final = 4
SHARES: Final = {"clicker": 0.05, "left_clicker": 0.03, "rigger": 0.02}
# In log-odds. People's votes on 59 chat models (llmfao) have a spread of .79.
SKILL_SD: Final = 0.8
HETEROGENEITY_SD: Final = 0.3
TIE_PROPENSITY: Final = 0.6
# Correlation of a contestant's skills on the overall dimension and another, of what one rater
# feels about one battle on two dimensions, and of it when the battle is shown again: assumed.
LIKE_OVERALL: Final = 0.8
HALO: Final = 0.5
SAME_AGAIN: Final = 0.7
# Reading speed in silence (Brysbaert 2019); and what an answer to a question takes: assumed.
WORDS_PER_SECOND: Final = 238 / 60
SECONDS_PER_DIMENSION: Final = 3.0
# Part of the variance of log seconds that is between raters. .07 in conversations with bots
# (convai2); taken for more, as the same people are then fast again and again.
PACE_IS_HERS: Final = 0.5
# What stands in a place that is no battle that counts.
GOLD, REPEAT, NOTHING = -1, -2, -3


class Rater(IntEnum):
    """Who she is: honest, or clicking anywhere, or always on A, or for one contestant."""

    HONEST = 0
    CLICKER = 1
    LEFT_CLICKER = 2
    RIGGER = 3


@dataclass(frozen=True)
class Manners:
    """What real people and models do.

    `slip` is the part who fail an easy check, `slips_alike` the correlation of failing two, of
    which we have no data. Log seconds have the sd `pace_sd` among who pass;
    those who fail have `careless_lead` less, and the sd `careless_sd`. `reply_words` are of
    replies, and `text_flaws` (W, 2) are the messages in each of W talks that keep to a topic
    which the screens for drift, and for effort, would strike.
    """

    slip: float
    pace_sd: float
    careless_lead: float
    careless_sd: float
    reply_words: IntArray
    text_flaws: IntArray
    slips_alike: float = 0.0

    def draw_slips(self, raters: int, rng: np.random.Generator) -> FloatArray:
        """How often each of N raters slips, (N,): from a beta distribution if they differ."""
        if self.slips_alike == 0:
            return np.full(raters, self.slip)
        scale = 1 / self.slips_alike - 1
        return rng.beta(self.slip * scale, (1 - self.slip) * scale, raters)


@dataclass(frozen=True)
class Watched:
    """N raters, of whom each has at most M battles that count, in S places with the checks.

    `rater` (N,) are codes of `Rater`, `group` (A, N), `a`, `b` (N, M), and `outcome` (N, M, D),
    overall first. `place` (N, S) is which of her battles stands there. By place: `failed` checks,
    `seconds` of comparing replies of which the `shorter` has so many words, and messages that
    drift or lack effort in `text_flaws` (N, S, 2). `is_inconsistent` (N,) in the repeated battle.
    `truth` (K,) is the electorate's mean of overall skills; `axis`, `shares` (G,).
    """

    rater: IntArray
    group: IntArray
    a: IntArray
    b: IntArray
    outcome: IntArray
    place: IntArray
    failed: IntArray
    seconds: FloatArray
    shorter: IntArray
    text_flaws: IntArray
    is_inconsistent: BoolArray
    truth: FloatArray
    rigged: int
    axis: IntArray
    shares: FloatArray

    @property
    def is_honest(self) -> BoolArray:
        """Who is, (N,)."""
        honest: BoolArray = self.rater == Rater.HONEST
        return honest

    @property
    def is_done(self) -> BoolArray:
        """Which battles there are if nobody is stopped, (N, M)."""
        battles = (self.place >= 0).sum(axis=1, keepdims=True)
        done: BoolArray = np.arange(self.a.shape[1]) < battles
        return done


def read_manners(folder: Path) -> Manners:
    """Read what people do; FileNotFoundError names what is missing in the data folder."""
    with gzip.open(folder / "persuasion" / "attention.csv.gz", "rt", encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    has_passed = np.array([bool(int(row["attention_pass"])) for row in people])
    pace = np.log([float(row["seconds"]) for row in people])
    replies = _objects(folder / "llmfao" / "responses.jsonl.gz")
    talks = _objects(folder / "topicalchat" / "conversations_valid.jsonl.gz")
    return Manners(
        slip=float(1 - has_passed.mean()),
        pace_sd=float(pace[has_passed].std()),
        careless_lead=float(pace[has_passed].mean() - pace[~has_passed].mean()),
        careless_sd=float(pace[~has_passed].std()),
        reply_words=np.array([len(words(reply["text"])) for reply in replies]),
        text_flaws=np.array([_text_flaws(*talk) for each in talks for talk in _talks(each)]),
    )


def _objects(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _talks(conversation: Any) -> Iterator[tuple[list[str], list[str]]]:
    """Each four messages of the one who began, with the other's replies."""
    texts = [turn["text"] for turn in conversation["turns"]]
    mine, others = texts[::2], texts[1::2]
    for first in range(0, len(mine) - MESSAGES + 1, MESSAGES):
        yield mine[first : first + MESSAGES], others[first : first + MESSAGES]


def _text_flaws(messages: list[str], replies: list[str]) -> tuple[int, int]:
    drifts = sum(
        drift_of(messages[: i + 1], [[reply] for reply in replies[:i]]).is_strike
        for i in range(len(messages))
    )
    low = sum(
        any(flaw.is_strike for flaw in screen_message(text, earlier=messages[:i]))
        for i, text in enumerate(messages)
    )
    return drifts, low + (find_short_conversation(messages) is not None)


def simulate_watched(manners: Manners, *, raters: int, seed: int) -> Watched:
    """Let the raters of a study, who are past its first questions, do all their battles."""
    rng = np.random.default_rng(seed)
    rater = np.zeros(raters, np.int64)
    bad = {kind: round(raters * SHARES[kind.name.lower()]) for kind in Rater if kind}
    rater[: sum(bad.values())] = np.repeat(list(bad), list(bad.values()))
    electorate = _Electorate.draw(rng)
    group = electorate.draw_raters(raters, rng)
    a = rng.integers(0, CONTESTANTS, (raters, max(BATTLES)))
    b = (a + rng.integers(1, CONTESTANTS, a.shape)) % CONTESTANTS
    truth = electorate.truth
    rigged = int(np.argsort(truth)[CONTESTANTS // 2])
    outcome, again = _verdicts(electorate, rater, group, a, b, rigged, rng)
    battles = rng.choice(BATTLES, raters)
    placements = [_place(seed, number, count) for number, count in enumerate(battles.tolist())]
    place = np.array([_places(placement) for placement in placements])
    shape = place.shape
    replies = rng.choice(manners.reply_words, (*shape, 2))
    return Watched(
        rater=rater,
        group=group,
        a=a,
        b=b,
        outcome=outcome,
        place=place,
        failed=_failed_checks(placements, rater, shape, manners.draw_slips(raters, rng), rng),
        seconds=_seconds(manners, rater, replies.sum(axis=2), rng),
        shorter=replies.min(axis=2),
        text_flaws=_said(manners, place, rng),
        is_inconsistent=_inconsistent(placements, place, outcome[:, :, 0], again),
        truth=truth,
        rigged=rigged,
        axis=electorate.axis,
        shares=electorate.shares,
    )


@dataclass(frozen=True)
class _Electorate:
    """Skills (K, D), overall first, effects (G, K) of groups, and the groups' shares (G,)."""

    skill: FloatArray
    effect: FloatArray
    axis: IntArray
    shares: FloatArray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Electorate":
        axis = np.repeat(np.arange(len(GROUPS_OF_AXES)), GROUPS_OF_AXES)
        own = rng.normal(0, SKILL_SD, (CONTESTANTS, DIMENSIONS))
        skill = LIKE_OVERALL * own[:, :1] + np.sqrt(1 - LIKE_OVERALL**2) * own
        skill[:, 0] = own[:, 0]
        effect = rng.normal(0, HETEROGENEITY_SD, (len(axis), CONTESTANTS))
        shares = np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in GROUPS_OF_AXES])
        return cls(skill, effect, axis, shares)

    def draw_raters(self, raters: int, rng: np.random.Generator) -> IntArray:
        """Groups (A, N), as many of each as in the electorate."""
        axes = [np.flatnonzero(self.axis == x) for x in range(len(GROUPS_OF_AXES))]
        return np.stack([rng.choice(each, raters, p=self.shares[each]) for each in axes])

    @property
    def truth(self) -> FloatArray:
        """The electorate's mean of overall skills, (K,), about 0."""
        truth: FloatArray = self.skill[:, 0] + self.shares @ self.effect
        return truth - truth.mean()  # type: ignore[no-any-return]


def _verdicts(
    electorate: _Electorate,
    rater: IntArray,
    group: IntArray,
    a: IntArray,
    b: IntArray,
    rigged: int,
    rng: np.random.Generator,
) -> tuple[IntArray, IntArray]:
    """Outcomes (N, M, D), and overall ones (N, M) if each battle were shown again, sides back."""
    effect = electorate.effect[group].sum(axis=0)
    hers = np.arange(len(rater))[:, np.newaxis]
    lead = (electorate.skill[a] - electorate.skill[b]) + (effect[hers, a] - effect[hers, b])[
        :, :, np.newaxis
    ]
    feeling = _correlated(rng, HALO, rng.normal(size=(*a.shape, 1)), lead.shape)
    outcome = _davidson(lead, feeling)
    felt_again = _correlated(rng, SAME_AGAIN**2, feeling[:, :, 0], a.shape)
    again = _davidson(lead[:, :, 0], felt_again)
    for place, contestant in ((A_WINS, a), (B_WINS, b)):
        wants = (rater == Rater.RIGGER)[:, np.newaxis] & (contestant == rigged)
        outcome[wants], again[wants] = place, place
    clicks, left = rater == Rater.CLICKER, rater == Rater.LEFT_CLICKER
    outcome[clicks] = rng.integers(0, 3, outcome[clicks].shape)
    again[clicks] = rng.integers(0, 3, again[clicks].shape)
    # The sides are swapped: who presses A again says the opposite.
    outcome[left], again[left] = A_WINS, B_WINS
    return outcome, again


def _correlated(
    rng: np.random.Generator, part: float, common: FloatArray, shape: tuple[int, ...]
) -> FloatArray:
    """Standard normal numbers that have the correlation `part` by what is common to them."""
    mixed: FloatArray = np.sqrt(part) * common + np.sqrt(1 - part) * rng.normal(size=shape)
    return mixed


def _davidson(lead: FloatArray, feeling: FloatArray) -> IntArray:
    """Outcomes by Davidson's law, where normal feelings, high ones for A, stand for chance."""
    win, loss = np.exp(lead / 2), np.exp(-lead / 2)
    at = _normal_cdf(-feeling) * (win + TIE_PROPENSITY + loss)
    return np.where(at < win, A_WINS, np.where(at < win + TIE_PROPENSITY, TIE, B_WINS))


def _normal_cdf(x: FloatArray) -> FloatArray:
    """Φ by a logistic function of a cubic (Bowling et al. 2009), right within .00014."""
    cdf: FloatArray = 1 / (1 + np.exp(-(0.07056 * x**3 + 1.5976 * x)))
    return cdf


def _checks() -> tuple[CheckSpec, ...]:
    """What the templates bring: two instructed items, a nonsensical one, a gold battle, a repeat.

    Questions before the first battle turn away whom they turn away; our raters are past them.
    """
    templates = check_templates()
    return templates["questions"].checks + templates["battles"].checks


def _place(seed: int, number: int, battles: int) -> Placement:
    checks = list(enumerate(_checks()))
    return place_checks(
        f"{seed}:{number}",
        battles=battles,
        dimensions=DIMENSIONS,
        items=[i for i, check in checks if check.kind in {"instructed", "nonsensical"}],
        gold=[i for i, check in checks if check.kind == "gold"],
        has_repeat=any(check.kind == "repeat" for _, check in checks),
    )


def _places(placement: Placement) -> list[int]:
    """Which of her battles stands in each place, filled up to the most places there are."""
    row, counted = [], 0
    for number in range(1, max(BATTLES) + 3):
        if number > placement.battles:
            row.append(NOTHING)
        elif number in placement.gold:
            row.append(GOLD)
        elif placement.is_repeat(number):
            row.append(REPEAT)
        else:
            row.append(counted)
            counted += 1
    return row


def _failed_checks(
    placements: list[Placement],
    rater: IntArray,
    shape: tuple[int, ...],
    slips: FloatArray,
    rng: np.random.Generator,
) -> IntArray:
    """How many checks fail in each place: items not answered as told, broken sides preferred."""
    failed, checks = np.zeros(shape, np.int64), _checks()
    for number, placement in enumerate(placements):
        who, slip = int(rater[number]), float(slips[number])
        chance = rng.random(len(placement.items) + 1)
        for item, drawn in zip(placement.items, chance, strict=False):
            failed[number, item.battle - 1] += drawn < _fails(checks[item.check], who, slip)
        for place, (_, broken) in placement.gold.items():
            failed[number, place - 1] += chance[-1] < _prefers(broken, who, slip)
    return failed


def _fails(check: CheckSpec, who: int, slip: float) -> float:
    """Probability that she fails an item."""
    answers = check.answers or ("A", "About the same", "B")
    if who == Rater.CLICKER:
        return 1 - len(check.accepted) / len(answers)
    if who == Rater.LEFT_CLICKER:
        return float(answers[0] not in check.accepted)
    return slip


def _prefers(broken: str, who: int, slip: float) -> float:
    """Probability that she prefers the side that is broken."""
    if who == Rater.CLICKER:
        return 1 / 3
    return float(broken == "a") if who == Rater.LEFT_CLICKER else slip


def _seconds(
    manners: Manners, rater: IntArray, read: IntArray, rng: np.random.Generator
) -> FloatArray:
    """Seconds from when the last replies began to her verdict, (N, S); `read` words of both."""
    careless = np.isin(rater, (Rater.CLICKER, Rater.LEFT_CLICKER))[:, np.newaxis]
    pace = _correlated(rng, PACE_IS_HERS, rng.normal(size=(len(rater), 1)), read.shape)
    sd = np.where(careless, manners.careless_sd, manners.pace_sd)
    usual = read / WORDS_PER_SECOND + DIMENSIONS * SECONDS_PER_DIMENSION
    seconds: FloatArray = usual * np.exp(sd * pace - careless * manners.careless_lead)
    return seconds


def _said(manners: Manners, place: IntArray, rng: np.random.Generator) -> IntArray:
    """Everybody writes as honest people do, the careless too. Nothing new is said in a repeat."""
    drawn = rng.integers(0, len(manners.text_flaws), place.shape)
    return manners.text_flaws[drawn] * (place >= GOLD)[:, :, np.newaxis]


def _inconsistent(
    placements: list[Placement], place: IntArray, overall: IntArray, again: IntArray
) -> BoolArray:
    """Whether she says the opposite of the battle that is shown again."""
    repeated = [placement.repeated or 1 for placement in placements]
    hers = np.arange(len(placements))
    battle = place[hers, np.array(repeated) - 1]
    first, second = overall[hers, battle], again[hers, battle]
    opposite: BoolArray = (first != TIE) & (second != TIE) & (first != second)
    return opposite
