"""Decided pairs, dealt into parts that share nothing, and the guard that holds them apart."""

import json
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import combinations
from random import Random
from typing import Final, TypeVar

from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Side
from raters.judging.errors import LeakError
from raters.judging.fence import LINE_ENDS, Line
from raters.judging.findings import Order
from raters.judging.writing import pair_lines

T = TypeVar("T")
# Yields the calls of a step, is sent their answers, None for each that could not be had, and finds.
StepsTo = Generator[tuple[Call, ...], tuple[Answer | None, ...], T]

# Shorter texts, such as thanks, are anyone's.
SHORTEST_TELLING: Final = 40
# By so much of its beginning a longer text is known again, wherever it was cut.
KNOWN_BY: Final = 200
# As much of a text is a quotation.
QUOTATION: Final = 40
# Of a longer text the beginning is shown where several pairs share a prompt.
LONGEST_SHOWN: Final = 4_000

Link = tuple[str, str]
Parts = Mapping[str, tuple["Pair", ...]]


@dataclass(frozen=True)
class Pair:
    """A battle of which its rater preferred a side.

    `key` is the battle's; `conversation` names what several raters may have judged. `reason` is
    why, in her words.
    """

    key: int
    rater: str
    conversation: str
    case: Case
    preferred: Side
    reason: str = ""

    @property
    def texts(self) -> frozenset[str]:
        """Whatever was said in it at some length."""
        said = [
            self.reason,
            *(text for each in self.case.exchanges for text in (each.message, *each.replies)),
        ]
        return frozenset(text for text in said if len(text) >= SHORTEST_TELLING)

    @property
    def links(self) -> frozenset[Link]:
        """What two parts must not share: rater, conversation, first message, and other words."""
        opening = " ".join(self.case.messages[0].split()).casefold()
        return frozenset(
            [
                ("rater", self.rater),
                ("conversation", self.conversation),
                ("first message", opening),
                *(("text", text[:KNOWN_BY]) for text in self.texts),
            ]
        )


def deal_pairs(
    pairs: Iterable[Pair],
    wanted: Mapping[str, int],
    *,
    seed: int,
    seen: Collection[int] = (),
    tested: Collection[int] = (),
) -> dict[str, tuple[Pair, ...]]:
    """Deal pairs into parts of up to `wanted` each, no two of which share a link.

    A pair that is tied to two parts is left out. The last part takes none of the pairs `seen`
    earlier, by key, nor any that shares a link with them; those `tested` on earlier are for it
    alone, and come first.
    """
    every = sorted(pairs, key=lambda pair: (pair.key not in tested, _drawn(seed, pair)))
    last = list(wanted)[-1]
    barred = {link for pair in every if pair.key in seen for link in pair.links}
    dealt: dict[str, list[Pair]] = {part: [] for part in wanted}
    owner: dict[Link, str] = {}
    for pair in every:
        homes = {owner[link] for link in pair.links if link in owner}
        fitting = [
            part
            for part in wanted
            if homes <= {part}
            and len(dealt[part]) < wanted[part]
            and (part == last or pair.key not in tested)
            and (part != last or barred.isdisjoint(pair.links))
        ]
        if fitting:
            part = min(fitting, key=lambda each: len(dealt[each]) / wanted[each])
            dealt[part].append(pair)
            owner |= dict.fromkeys(pair.links, part)
    parts = {part: tuple(own) for part, own in dealt.items()}
    check_parts(parts)
    return parts


def check_parts(parts: Parts) -> None:
    """LeakError, naming the pairs, if two parts share a rater, a conversation or words."""
    for (one, own), (other, others) in combinations(parts.items(), 2):
        holder = {link: pair for pair in own for link in pair.links}
        for pair in others:
            for link in sorted(pair.links & holder.keys()):
                raise LeakError(
                    pair.key,
                    f"Battle {pair.key} of the {other} part has the same {link[0]} as battle "
                    f"{holder[link].key} of the {one} part.",
                )


def check_unseen(held_out: Iterable[Pair], seen: Collection[int]) -> None:
    """LeakError, naming the pair, if one that is held out was seen earlier, by key."""
    for pair in held_out:
        if pair.key in seen:
            raise LeakError(
                pair.key, f"Battle {pair.key} was seen earlier: it can't be held out any more."
            )


def guard(calls: Iterable[Call], held_out: Sequence[Pair]) -> None:
    """LeakError, naming the pair, if words of one that is held out stand in what is asked."""
    for call in calls:
        asked = "\n".join(message.content for message in call.messages)
        for pair in held_out:
            if any(_as_written(text) in asked for text in pair.texts):
                raise LeakError(
                    pair.key,
                    f"Words of battle {pair.key}, which is held out, stand in “{call.key}”.",
                )


def quotes(text: str, pairs: Iterable[Pair]) -> bool:
    """Whether a text repeats some fifty signs of what was said in pairs, letter by letter."""
    starts = range(0, len(text) - QUOTATION + 1, QUOTATION // 4)
    pieces = [text[start : start + QUOTATION] for start in starts]
    return any(piece in said for pair in pairs for said in pair.texts for piece in pieces)


def draw_order(pair: Pair, *, seed: int) -> Order:
    """In which order a pair's sides are shown, so that the place tells nothing of who won."""
    orders: tuple[Order, Order] = ("ab", "ba")
    return Random(f"{seed}:{pair.key}").choice(orders)  # noqa: S311  no secrets hang on it


def decided_lines(pair: Pair, number: int, order: Order) -> list[Line]:
    """A pair with the choice that was made, as one of several in a prompt."""
    shown: tuple[Side, ...] = ("a", "b") if order == "ab" else ("b", "a")
    chosen = "first" if shown[0] == pair.preferred else "second"
    lines: list[Line] = [
        {"pair": number, **_shortened(line)} for line in pair_lines(pair.case, shown)
    ]
    return [*lines, {"pair": number, "who": "choice", "text": chosen}]


def in_batches(pairs: Sequence[Pair], size: int) -> list[tuple[Pair, ...]]:
    """Pairs, so many at a time."""
    return [tuple(pairs[start : start + size]) for start in range(0, len(pairs), size)]


def _drawn(seed: int, pair: Pair) -> str:
    """By which pairs are put in an order that new ones don't upset."""
    return blake2b(f"{seed}:{pair.key}".encode(), digest_size=16).hexdigest()


def _as_written(text: str) -> str:
    """How a text begins as a value in a line of data; a short one with its end."""
    written = json.dumps(text[:KNOWN_BY], ensure_ascii=False).translate(LINE_ENDS)
    return written if len(text) <= KNOWN_BY else written[:-1]


def _shortened(line: Line) -> Line:
    text = str(line["text"])
    if len(text) <= LONGEST_SHOWN:
        return line
    return {**line, "text": text[:LONGEST_SHOWN], "cut_characters": len(text) - LONGEST_SHOWN}
