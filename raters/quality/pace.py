"""Too fast to have been read or typed, and verdicts that don't look at the battle.

What speed is worth, measured by `hustings.benchmarks.careless`: respondents who failed an
attention check were faster (area under the ROC curve .89), but they were also sent away at the
check; among those who went on, speed tells nothing about straight lines or contradictions (.5),
and in two labelling tasks the faster labels are the better ones. So the limits here are those of
what a person can do, not of what most people do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, exp, lgamma
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.words import words

# Scanning, the fastest of Carver's (1992) five gears, is 600 words a minute; people read at 238
# on average (Brysbaert 2019).
WORDS_PER_SECOND: Final = 10.0
# 120 words of five signs a minute: the fastest of 168,000 people (Dhakal et al. 2018), whose
# mean is 52.
SIGNS_PER_SECOND: Final = 10.0
# A verdict is some clicks; Potato warns of answers in less.
MIN_COMPARISON_SECONDS: Final = 3.0
# Part of a battle with the page out of sight. Nothing was there to measure it by.
AWAY: Final = 0.5
# So often away while one message was written. Nothing was there to measure it by either.
OFTEN_AWAY: Final = 5
# A p-value under this is a flaw: one honest rater in a thousand. Asked again after each of 20
# battles it is at most one in fifty, by the union bound.
STRAIGHT_LINE_LEVEL: Final = 0.001
# One dimension is always the same as itself.
MIN_DIMENSIONS: Final = 2

IntArray = NDArray[np.int64]


def find_fast_message(
    text: str, *, seconds: float, pasted_signs: int = 0, signs_per_second: float = SIGNS_PER_SECOND
) -> Flaw | None:
    """A message that nobody types in so many seconds: a signal, since it may be dictated."""
    typed = max(0, len(text) - pasted_signs)
    needed = typed / signs_per_second
    if seconds >= needed:
        return None
    evidence = f"{typed} signs of {quote(text)} were written in {seconds:.1f} seconds."
    figures = {"seconds": seconds, "needed_seconds": needed}
    return Flaw(FlawKind.SPEEDING, evidence, "find_fast_message", is_strike=False, figures=figures)


def find_fast_comparison(
    replies: Sequence[str], *, seconds: float, words_per_second: float = WORDS_PER_SECOND
) -> Flaw | None:
    """A verdict sooner than the shorter of the replies to the last turn can be scanned.

    `seconds` run from when the replies began to appear to the verdict.
    """
    shorter = min((len(words(reply)) for reply in replies), default=0)
    needed = max(MIN_COMPARISON_SECONDS, shorter / words_per_second)
    if seconds >= needed:
        return None
    evidence = (
        f"You compared the replies after {seconds:.1f} seconds; the shorter has {shorter} words."
    )
    figures = {"seconds": seconds, "needed_seconds": needed}
    return Flaw(
        FlawKind.SPEEDING, evidence, "find_fast_comparison", is_strike=True, figures=figures
    )


def find_fast_battle(
    messages: Sequence[str],
    replies: Sequence[Sequence[str]],
    *,
    seconds: float,
    pasted_signs: int = 0,
    words_per_second: float = WORDS_PER_SECOND,
) -> Flaw | None:
    """A whole battle in less time than its text takes to type and scan, see `battle_seconds`."""
    needed = battle_seconds(
        messages, replies, pasted_signs=pasted_signs, words_per_second=words_per_second
    )
    if seconds >= needed:
        return None
    evidence = (
        f"Your battle took {seconds:.1f} seconds; to write its messages and scan one reply to "
        f"each takes {needed:.0f}."
    )
    figures = {"seconds": seconds, "needed_seconds": needed}
    return Flaw(FlawKind.SPEEDING, evidence, "find_fast_battle", is_strike=True, figures=figures)


def battle_seconds(
    messages: Sequence[str],
    replies: Sequence[Sequence[str]],
    *,
    pasted_signs: int = 0,
    words_per_second: float = WORDS_PER_SECOND,
) -> float:
    """The least seconds for all her messages and, of each turn's replies, the shorter one."""
    typed = max(0, sum(map(len, messages)) - pasted_signs)
    scanned = sum(min(len(words(reply)) for reply in turn) for turn in replies if turn)
    return typed / SIGNS_PER_SECOND + scanned / words_per_second


def find_away(*, seconds_away: float, seconds: float, share: float = AWAY) -> Flaw | None:
    """The page out of sight for much of a battle, by the browser's word: a signal only."""
    if seconds_away <= 0 or seconds_away < share * seconds:
        return None
    evidence = f"The page was out of sight for {seconds_away:.0f} of {seconds:.0f} seconds."
    figures = {"seconds_away": seconds_away, "seconds": seconds}
    return Flaw(FlawKind.AWAY, evidence, "find_away", is_strike=False, figures=figures)


def find_often_away(times_away: int, *, limit: float = OFTEN_AWAY) -> Flaw | None:
    """The page left again and again before one message, by the browser's word: a signal only."""
    if times_away < max(1, limit):
        return None
    evidence = f"The page was left {times_away} times before the message was sent."
    figures = {"times_away": times_away}
    return Flaw(FlawKind.AWAY, evidence, "find_often_away", is_strike=False, figures=figures)


@dataclass(frozen=True)
class Population:
    """How a study's raters do something in a `share` of their battles.

    `correlation`, 0 to 1, is that of two battles of one rater: how much raters differ.
    """

    share: float
    correlation: float


def estimate_population(count: IntArray, battles: IntArray) -> Population:
    """The population of R raters, from `count` of `battles` (R,) in which each did it.

    Beta-binomial by moments (Kleinman 1973), raters weighted by their battles. Raters without
    battles say nothing; with none at all ValueError is raised.
    """
    count, battles = np.asarray(count), np.asarray(battles)
    played = battles > 0
    count, battles = count[played], battles[played]
    if not len(battles):
        raise ValueError("There are no battles to estimate a population from.")
    weight = battles / battles.sum()
    share = float(count.sum() / battles.sum())
    spread = float(weight @ np.square(count / battles - share))
    lone = float((weight * (1 - weight) / battles).sum())
    shared = float((weight * (1 - weight)).sum()) - lone
    if share in (0, 1) or shared <= 0:
        return Population(share, 0.0)
    correlation = (spread / (share * (1 - share)) - lone) / shared
    return Population(share, min(max(correlation, 0.0), 0.99))


def at_least_p_value(count: int, battles: int, population: Population) -> float:
    """Probability that a rater of the population does it in at least `count` of `battles`.

    The tail of the beta-binomial; of the binomial where raters don't differ.
    """
    if count <= 0:
        return 1.0
    terms = [_mass(k, battles, population) for k in range(count, battles + 1)]
    return min(1.0, sum(terms))


def longest_run_p_value(run: int, battles: int, share: float) -> float:
    """Probability that one of two sides wins `run` or more battles in a row, of `battles`.

    Side A wins each with probability `share`, whatever came before. Exact, by the length of the
    run that is open (Fu and Koutras 1994).
    """
    if run <= 1:
        return 1.0 if battles >= run else 0.0
    # open_runs[side, r]: probability that the last r battles, 1 … run − 1, went to `side`.
    open_runs = np.zeros((2, run))
    wins = np.array([share, 1 - share])
    done = 0.0
    for battle in range(battles):
        began = wins if battle == 0 else wins * open_runs.sum(axis=1)[::-1]
        done += float(wins @ open_runs[:, -1])
        open_runs[:, 2:] = wins[:, np.newaxis] * open_runs[:, 1:-1]
        open_runs[:, 1] = began
    return min(1.0, done)


def find_straight_lines(
    outcomes: IntArray, population: Population, *, level: float = STRAIGHT_LINE_LEVEL
) -> Flaw | None:
    """The same outcome on all D dimensions, in more of B battles than honest raters have.

    `outcomes` (B, D) are codes; `population` says in how many battles the study's raters answer
    alike on all dimensions, which a better contestant makes them do too.
    """
    battles, dimensions = np.asarray(outcomes).shape
    if dimensions < MIN_DIMENSIONS:
        return None
    alike = int((outcomes == outcomes[:, :1]).all(axis=1).sum())
    p_value = at_least_p_value(alike, battles, population)
    if p_value >= level:
        return None
    evidence = (
        f"In {alike} of your {battles} battles you gave the same answer on all {dimensions} "
        f"questions; others do in {population.share:.0%} (p = {p_value:.1g})."
    )
    figures = {"alike": alike, "battles": battles, "others": population.share, "p_value": p_value}
    return Flaw(
        FlawKind.STRAIGHT_LINING, evidence, "find_straight_lines", is_strike=True, figures=figures
    )


def find_one_side(
    sides: Sequence[str], *, share_of_a: float = 0.5, level: float = STRAIGHT_LINE_LEVEL
) -> Flaw | None:
    """The same side again and again: too often in all, or too often in a row.

    `sides` are those that won her battles in order, "a" or "b", ties left out. Sides are drawn
    at random, so an honest rater's battles are independent, with the study's `share_of_a`. The
    smaller of the two p-values counts double.
    """
    a, decided = sum(side == "a" for side in sides), len(sides)
    if set(sides) - {"a", "b"}:
        raise ValueError(f"Sides are a and b, not {sorted(set(sides) - {'a', 'b'})}.")
    run = _longest_run(sides)
    often = 2 * min(
        at_least_p_value(a, decided, Population(share_of_a, 0)),
        at_least_p_value(decided - a, decided, Population(1 - share_of_a, 0)),
    )
    p_value = 2 * min(often, longest_run_p_value(run, decided, share_of_a))
    if p_value >= level:
        return None
    side, most = ("A", a) if 2 * a >= decided else ("B", decided - a)
    evidence = (
        f"In {most} of {decided} battles you preferred side {side}, and one side {run} times in a "
        f"row; sides are drawn at random (p = {p_value:.1g})."
    )
    figures = {"side_a": a, "decided": decided, "longest_run": run, "p_value": p_value}
    return Flaw(FlawKind.ONE_SIDED, evidence, "find_one_side", is_strike=True, figures=figures)


def _longest_run(sides: Sequence[str]) -> int:
    longest, length, last = 0, 0, None
    for side in sides:
        length = length + 1 if side == last else 1
        longest, last = max(longest, length), side
    return longest


def _mass(count: int, battles: int, population: Population) -> float:
    share, correlation = population.share, population.correlation
    if correlation == 0 or share in (0, 1):
        return float(comb(battles, count) * share**count * (1 - share) ** (battles - count))
    scale = 1 / correlation - 1
    alpha, beta = share * scale, (1 - share) * scale
    return comb(battles, count) * exp(
        lgamma(count + alpha)
        + lgamma(battles - count + beta)
        - lgamma(battles + scale)
        + lgamma(scale)
        - lgamma(alpha)
        - lgamma(beta)
    )
