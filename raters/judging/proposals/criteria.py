"""Proposing criteria, testing them on pairs, and finding them in what raters said."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from raters.judging.answers import A_FLAG, an_object, one_of, texts
from raters.judging.calls import Call
from raters.judging.cases import Question
from raters.judging.fence import Line
from raters.judging.findings import Order
from raters.judging.orders import WINNERS, View
from raters.judging.proposals.pairs import (
    Pair,
    StepsTo,
    decided_lines,
    draw_order,
    guard,
    in_batches,
    quotes,
)
from raters.judging.settings import Settings
from raters.judging.writing import list_questions, pair_lines, write_call

PAIRS_AT_ONCE: Final = 5
REASONS_AT_ONCE: Final = 10
# Of one prompt, and of all together: more tests than pairs find something by chance.
MOST_PROPOSED: Final = 5
MOST_CRITERIA: Final = 12
LONGEST_NAME: Final = 60
LONGEST_CRITERION: Final = 300
# Two criteria with so many of their weighty words in common are one.
ALIKE: Final = 0.5
STEM: Final = 5
SETTINGS: Final = Settings()
ORDERS: Final[tuple[Order, Order]] = ("ab", "ba")

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Criterion:
    """Something that a reply has more or less of: `text` says what one with much of it does."""

    key: str
    name: str
    text: str


@dataclass(frozen=True)
class Trials:
    """Which side has more of each criterion, by pairs and criteria (P, C).

    `more` is 1 where side A has more in both orders of the sides, −1 where B has, 0 where neither
    or the orders disagree, NaN where no answer could be read. `disagree` is whether they do.
    """

    more: FloatArray
    disagree: NDArray[np.bool_]


def propose_criteria(
    training: Sequence[Pair], held_out: Sequence[Pair], question: Question, *, seed: int
) -> StepsTo[tuple[Criterion, ...]]:
    """One step: what preferred replies have more or less of than the others, pairs by pairs.

    Those that say the same are merged, and those said most often come first; one that quotes
    somebody is left out. Raises LeakError if words of a pair that is held out stand in a prompt.
    """
    calls = tuple(
        _proposing(number, some, question, seed=seed)
        for number, some in enumerate(in_batches(training, PAIRS_AT_ONCE), start=1)
    )
    guard(calls, held_out)
    answers = yield calls
    proposed = [
        text
        for call, answer in zip(calls, answers, strict=True)
        if answer is not None
        for text in call.read(answer)["criteria"][:MOST_PROPOSED]
    ]
    return merge_criteria([text for text in proposed if not quotes(text, training)])


def try_criteria(
    pairs: Sequence[Pair], criteria: Sequence[Criterion], *, seed: int
) -> StepsTo[Trials]:
    """One step: which side of each pair has more of each criterion, in both orders.

    Nobody is told who won.
    """
    calls = tuple(_testing(pair, order, criteria, seed=seed) for pair in pairs for order in ORDERS)
    answers = yield calls
    said = np.full((len(calls), len(criteria)), np.nan)
    for row, (call, answer) in enumerate(zip(calls, answers, strict=True)):
        if answer is not None:
            read = call.read(answer)
            view = View(ORDERS[row % 2], 1)
            signs = {"a": 1.0, "tie": 0.0, "b": -1.0}
            said[row] = [signs[view.outcome_of(read[each.key]) or "tie"] for each in criteria]
    ab, ba = said[0::2], said[1::2]
    more = np.where(ab == ba, ab, 0.0)
    is_missing = np.isnan(ab) | np.isnan(ba)
    more[is_missing] = np.nan
    return Trials(more, (ab != ba) & ~is_missing)


def code_reasons(
    pairs: Sequence[Pair], criteria: Sequence[Criterion], *, seed: int
) -> StepsTo[FloatArray]:
    """One step: which criteria the reason of each pair names, (P, C) of 1 and 0.

    NaN where a pair has no reason, or no answer could be read.
    """
    given = [(row, pair.reason) for row, pair in enumerate(pairs) if pair.reason.strip()]
    batches = [
        given[start : start + REASONS_AT_ONCE] for start in range(0, len(given), REASONS_AT_ONCE)
    ]
    calls = tuple(
        _coding(number, [reason for _, reason in some], criteria, seed=seed)
        for number, some in enumerate(batches, start=1)
    )
    answers = yield calls
    named = np.full((len(pairs), len(criteria)), np.nan)
    for some, call, answer in zip(batches, calls, answers, strict=True):
        if answer is not None:
            read = call.read(answer)
            for number, (row, _) in enumerate(some, start=1):
                flags = read[f"reason_{number}"]
                named[row] = [flags[each.key] for each in criteria]
    return named


def merge_criteria(proposed: Sequence[str]) -> tuple[Criterion, ...]:
    """Criteria of what was proposed, each once: the most often said first, then as they came.

    Alike are texts that share half of their weighty words, of both together (Jaccard).
    """
    clusters: list[tuple[frozenset[str], list[str]]] = []
    for text in (" ".join(each.split())[:LONGEST_CRITERION] for each in proposed):
        stems = _stems(text)
        for known, members in clusters:
            if len(stems & known) >= ALIKE * len(stems | known):
                members.append(text)
                break
        else:
            clusters.append((stems, [text]))
    ranked = sorted(clusters, key=lambda cluster: -len(cluster[1]))[:MOST_CRITERIA]
    return tuple(
        _criterion(f"criterion_{number}", members[0])
        for number, (_, members) in enumerate(ranked, start=1)
    )


def _criterion(key: str, text: str) -> Criterion:
    """“Brevity: comes to the point” has a name; without a colon its first words are the name."""
    name, colon, rest = text.partition(":")
    if colon and rest.strip() and len(name) <= LONGEST_NAME:
        return Criterion(key, name.strip(), rest.strip())
    return Criterion(key, text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…", text)


def _stems(text: str) -> frozenset[str]:
    weighty = [word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3]
    return frozenset(word[:STEM] for word in weighty) or frozenset([text.casefold()])


def _proposing(number: int, pairs: Sequence[Pair], question: Question, *, seed: int) -> Call:
    return write_call(
        f"propose:{number}",
        "proposals_propose",
        (
            line
            for place, pair in enumerate(pairs, start=1)
            for line in decided_lines(pair, place, draw_order(pair, seed=seed))
        ),
        an_object({"criteria": texts("a name of up to four words: what a reply does that has it")}),
        SETTINGS,
        seed=seed,
        questions=list_questions([question]),
        most=str(MOST_PROPOSED),
    )


def _testing(pair: Pair, order: Order, criteria: Sequence[Criterion], *, seed: int) -> Call:
    view = View(order, 1)
    return write_call(
        f"test:{pair.key}/{order}",
        "proposals_test",
        (*_criterion_lines(criteria), *pair_lines(pair.case, view.shown)),
        an_object({each.key: one_of(WINNERS) for each in criteria}),
        SETTINGS,
        seed=seed,
    )


def _coding(
    number: int, reasons: Sequence[str], criteria: Sequence[Criterion], *, seed: int
) -> Call:
    names = [f"reason_{place}" for place in range(1, len(reasons) + 1)]
    flags = an_object({each.key: A_FLAG for each in criteria})
    said: list[Line] = [
        {"about": name, "who": "reason", "text": reason}
        for name, reason in zip(names, reasons, strict=True)
    ]
    return write_call(
        f"code:{number}",
        "proposals_code",
        (*_criterion_lines(criteria), *said),
        an_object(dict.fromkeys(names, flags)),
        SETTINGS,
        seed=seed,
    )


def _criterion_lines(criteria: Sequence[Criterion]) -> Iterator[Line]:
    """Criteria are data too: they are made of replies, and may carry what a reply demands."""
    for each in criteria:
        yield {"about": each.key, "who": "criterion", "text": f"{each.name}: {each.text}"}
