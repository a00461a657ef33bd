"""One row of what a judge said elsewhere, parsed; whatever is wrong is named with its line."""

from dataclasses import dataclass
from math import isfinite
from typing import Final, cast

from raters.imports.reading import TableFile, Values
from raters.judging.findings import Order, Outcome, Probabilities

REQUIRED: Final = ("model_a", "model_b")
# An outcome may be empty: the judge abstained.
OPTIONAL: Final = (
    "outcome", "conversation", "battle", "rater", "dimension", "order", "sample", "certainty",
    "p_a", "p_tie", "p_b", "score_a", "score_b", "cost", "seconds",
)  # fmt: skip
PROSE: Final = ("reason",)
OUTCOMES: Final = ("a", "tie", "b")
ORDERS: Final = ("ab", "ba")
# Probabilities that were written with two digits.
ROUNDING: Final = 0.02


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """What a judge said once: `outcome` and all else in terms of the row's models a and b.

    `outcome` is None where it abstained; `order` is `ab` where model a was shown first.
    """

    line: int
    model_a: str
    model_b: str
    conversation: str
    battle: str
    rater: str
    dimension: str
    outcome: Outcome | None
    order: Order
    sample: str
    certainty: float | None
    probabilities: Probabilities | None
    score_a: float | None
    score_b: float | None
    cost: float | None
    seconds: float | None
    reason: str

    @property
    def key(self) -> str:
        """What names the row among those of its conversation and dimension."""
        return f"order:{self.order}/sample:{self.sample}"

    @property
    def named(self) -> str:
        """The conversation in words."""
        what = f'conversation "{self.conversation}"'
        if not self.conversation:
            what = f'battle "{self.battle}" of rater "{self.rater}"'
        return f'{what} between "{self.model_a}" and "{self.model_b}"'


def read_row(file: TableFile, line: int, values: Values) -> JudgeRow:
    """Parse a row of the columns above. Raises ImportRefusedError for what is no such value."""
    texts = dict(
        zip((*REQUIRED, *OPTIONAL, *PROSE), (value or "" for value in values), strict=True)
    )
    parse = _Cells(file, line, texts)
    if not texts["conversation"] and not (texts["battle"] and texts["rater"]):
        raise file.refusal(
            'it names no conversation: "conversation", or "battle" and "rater"', line
        )
    if texts["model_a"] == texts["model_b"]:
        raise file.refusal(f'"{texts["model_a"]}" is compared with itself', line)
    return JudgeRow(
        line=line,
        model_a=texts["model_a"],
        model_b=texts["model_b"],
        conversation=texts["conversation"],
        battle=texts["battle"],
        rater=texts["rater"],
        dimension=texts["dimension"],
        outcome=cast("Outcome | None", parse.one_of("outcome", OUTCOMES) or None),
        order=cast("Order", parse.one_of("order", ORDERS) or "ab"),
        sample=texts["sample"] or "1",
        certainty=parse.number("certainty", most=1),
        probabilities=parse.probabilities(),
        score_a=parse.number("score_a", least=None),
        score_b=parse.number("score_b", least=None),
        cost=parse.number("cost"),
        seconds=parse.number("seconds"),
        reason=texts["reason"],
    )


@dataclass(frozen=True)
class _Cells:
    file: TableFile
    line: int
    texts: dict[str, str]

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        text = self.texts[name]
        if text and text not in known:
            raise self.file.refusal(
                f'{name} "{text}" is unknown; there are: {", ".join(known)}', self.line
            )
        return text

    def number(
        self, name: str, *, least: float | None = 0, most: float | None = None
    ) -> float | None:
        text = self.texts[name]
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        is_low = least is not None and value < least
        if not isfinite(value) or is_low or (most is not None and value > most):
            upto = "" if most is None else f" to {most:g}"
            wanted = "a number" if least is None else f"a number from {least:g}{upto}"
            raise self.file.refusal(f'{name} "{text}" is not {wanted}', self.line)
        return value

    def probabilities(self) -> Probabilities | None:
        a, tie, b = (self.number(name, most=1) for name in ("p_a", "p_tie", "p_b"))
        if a is None and tie is None and b is None:
            return None
        if a is None or tie is None or b is None or abs(a + tie + b - 1) > ROUNDING:
            raise self.file.refusal("p_a, p_tie and p_b are three that add up to 1", self.line)
        return a, tie, b
