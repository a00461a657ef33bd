"""Battles of LMArena (Chatbot Arena), as its files of battles and preferences have them.

A battle is `model_a`, `model_b` and `winner`. Who voted is `judge`, `judge_hash` or
`evaluation_session_id`; where none is told each battle has a rater of its own. Battles whose
models were named to the rater (`anony` false) are read as excluded: LMArena leaves them out too.
"""

from datetime import UTC, datetime
from typing import Final

from raters.imports.plain import Comparison, Record, Rows
from raters.imports.reading import TableFile

COLUMNS: Final = frozenset({"model_a", "model_b", "winner"})
# One of these tells its files from MT-bench's.
ITS_OWN: Final = frozenset(
    {"tstamp", "timestamp", "anony", "judge_hash", "evaluation_session_id", "language"}
)
OUTCOMES: Final = {
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "tie (bothbad)": "tie",
    "both_bad": "tie",
}


def is_lmarena(header: frozenset[str]) -> bool:
    """Whether a file with these columns is one of LMArena's."""
    return header >= COLUMNS and bool(header & ITS_OWN)


def read_lmarena(file: TableFile) -> Rows:
    """Line numbers and comparisons. Raises ImportRefusedError for what is no such battle."""
    has_raters = {"judge", "judge_hash", "evaluation_session_id"} & {*file.header}
    has_names = {"question_id", "id"} & {*file.header}
    for line, values in file.records():
        record = Record(file, line, values)
        battle = record.text("question_id", "id") if has_names else f"{file.digest}-{line}"
        yield (
            line,
            Comparison(
                rater=record.text("judge", "judge_hash", "evaluation_session_id")
                if has_raters
                else f"of {battle}",
                model_a=record.text("model_a"),
                model_b=record.text("model_b"),
                outcome=record.one_of("winner", OUTCOMES),
                battle=battle,
                created_at=_instant(record),
                is_excluded="true" if values.get("anony") in {False, "False", "false"} else None,
            ),
        )


def _instant(record: Record) -> str | None:
    """When it was, as our own form spells it: `tstamp` counts seconds since 1970."""
    if record.values.get("tstamp") is not None:
        seconds = record.number("tstamp")
        try:
            return datetime.fromtimestamp(seconds, UTC).isoformat()
        except (OverflowError, ValueError, OSError) as error:
            raise record.file.refusal(f"tstamp {seconds} is no instant", record.line) from error
    given = record.values.get("timestamp")
    return record.text("timestamp") if given is not None else None
