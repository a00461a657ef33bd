"""Ratings of PRISM (Kirk et al. 2024): `utterances.jsonl` and `conversations.jsonl`.

To the opening message of a conversation several models reply, and the person scores each from 1 to
100. Every two of these replies are a comparison: the higher score wins, equal ones tie. Later turns
have replies of one model alone, and are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any, Final

from raters.imports.plain import Comparison, Record, Rows
from raters.imports.reading import TableFile

UTTERANCES: Final = frozenset({"interaction_id", "user_id", "turn", "model_name", "score"})
CONVERSATIONS: Final = frozenset({"conversation_id", "user_id", "conversation_history"})


@dataclass(frozen=True)
class _Reply:
    line: int
    model: str
    score: float
    place: str


def is_prism(header: frozenset[str]) -> bool:
    """Whether a file with these columns is one of PRISM's."""
    return header >= UTTERANCES or header >= CONVERSATIONS


def read_prism(file: TableFile) -> Rows:
    """Line numbers and comparisons. Raises ImportRefusedError for what is no such rating."""
    is_long = {*file.header} >= UTTERANCES
    return _of_utterances(file) if is_long else _of_conversations(file)


def _of_utterances(file: TableFile) -> Rows:
    """Replies of one interaction stand one after the other."""
    seen = set[str]()
    opening = (
        record
        for line, values in file.records()
        for record in [Record(file, line, values)]
        if record.number("turn") == 0
    )
    for name, those in groupby(opening, key=lambda record: record.text("interaction_id")):
        records = list(those)
        if name in seen:
            raise file.refusal(
                f'the interaction "{name}" is there already, further up', records[0].line
            )
        seen.add(name)
        yield from _pairs(records[0], name, [_reply(record) for record in records])


def _of_conversations(file: TableFile) -> Rows:
    for line, values in file.records():
        record = Record(file, line, values)
        replies = [_reply(reply) for reply in _opening(record)]
        yield from _pairs(record, record.text("conversation_id"), replies)


def _opening(record: Record) -> Iterator[Record]:
    """The replies to the first message, of a conversation's history."""
    history: Any = record.values.get("conversation_history")
    if not isinstance(history, list) or not all(isinstance(each, dict) for each in history):
        raise record.file.refusal('"conversation_history" is no list of objects', record.line)
    for values in history:
        each = Record(record.file, record.line, values)
        if each.text("role") == "model" and each.number("turn") == 0:
            yield each


def _reply(record: Record) -> _Reply:
    place = record.text("within_turn_id")
    return _Reply(record.line, record.text("model_name"), record.number("score"), place)


def _pairs(
    record: Record, name: str, replies: Sequence[_Reply]
) -> Iterable[tuple[int, Comparison]]:
    rater = record.text("user_id")
    for one, other in combinations(replies, 2):
        if one.model == other.model:
            raise record.file.refusal(f'"{one.model}" replies twice to one message', other.line)
        is_tie = one.score == other.score
        yield (
            other.line,
            Comparison(
                rater=rater,
                model_a=one.model,
                model_b=other.model,
                outcome="tie" if is_tie else "a" if one.score > other.score else "b",
                battle=f"{name} {one.place} {other.place}",
            ),
        )
