"""Answers as rows, whatever file they are read from, and the forms that are our own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from raters.imports.reading import MAX_LENGTH, TableFile, Values


class Comparison(NamedTuple):
    """One comparison, every value as it stands in our own form of file; None is not given."""

    rater: str
    model_a: str
    model_b: str
    outcome: str
    dimension: str | None = None
    battle: str | None = None
    created_at: str | None = None
    conversation: str | None = None
    recorded_at: str | None = None
    is_excluded: str | None = None


COMPARED: Final = ("rater", "model_a", "model_b", "outcome")
RATED: Final = ("rater", "model", "score")
OPTIONAL: Final = (
    "dimension", "battle", "created_at", "conversation", "recorded_at", "is_excluded",
)  # fmt: skip
# Line numbers, and values in the order of a comparison's. A rating is one of a model with none,
# and its score stands for the outcome.
Rows = Iterator[tuple[int, Values]]


def read_plain(file: TableFile) -> Rows:
    """Line numbers and comparisons of a file in our own form. Raises ImportRefusedError."""
    return file.rows(COMPARED, OPTIONAL)


def read_ratings(file: TableFile) -> Rows:
    """Line numbers and ratings of a file in our own form. Raises ImportRefusedError."""
    for line, (rater, model, score, *rest) in file.rows(RATED, OPTIONAL):
        yield line, (rater, model, None, score, *rest)


@dataclass(frozen=True)
class Record:
    """One record of somebody else's file, whose values are checked as they are read."""

    file: TableFile
    line: int
    values: dict[str, Any]

    def text(self, *names: str) -> str:
        """The first of these values that is given, as text. Raises ImportRefusedError for none."""
        for name in names:
            value = self.file.text(self.values, name, self.line)
            if value:
                if len(value) > MAX_LENGTH or "\0" in value:
                    raise self.file.refusal(
                        f'"{name}" has a NUL character or more than {MAX_LENGTH} characters: '
                        f"{value[:40]!r}…",
                        self.line,
                    )
                return value
        raise self.file.refusal(f'"{names[0]}" is empty', self.line)

    def one_of(self, name: str, known: dict[str, str]) -> str:
        """What a value stands for. Raises ImportRefusedError, which lists what is known."""
        value = self.text(name)
        if value not in known:
            raise self.file.refusal(
                f'{name} "{value}" is unknown; there are: {", ".join(known)}', self.line
            )
        return known[value]

    def number(self, name: str) -> float:
        """A value as a number. Raises ImportRefusedError for what is none."""
        value = self.text(name)
        try:
            return float(value)
        except ValueError as error:
            raise self.file.refusal(f'{name} "{value}" is no number', self.line) from error
