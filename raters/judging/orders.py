"""In which orders the sides are shown, and whom a label means then."""

from dataclasses import dataclass
from random import Random
from typing import Final

from raters.judging.cases import SIDES, Side
from raters.judging.findings import Order, Outcome, Probabilities
from raters.judging.settings import Orders, Settings

# Neutral, and each begins with a letter of its own, so that its first token tells it.
FIRST, SECOND, TIE, ABSTAIN = "first", "second", "tie", "abstain"
LABELS: Final = (FIRST, SECOND)
WINNERS: Final = (*LABELS, TIE)


@dataclass(frozen=True)
class View:
    """One showing of both sides: the order, and which repeat of it this is, from 1."""

    order: Order
    repeat: int

    @property
    def key(self) -> str:
        """The key of the call that asks about it."""
        return f"order:{self.order}/sample:{self.repeat}"

    @property
    def shown(self) -> tuple[Side, ...]:
        """The sides as they are shown."""
        return SIDES if self.order == "ab" else SIDES[::-1]

    def outcome_of(self, label: str) -> Outcome | None:
        """Whom a label means; None for an abstention, KeyError for what is no label."""
        first, second = self.shown
        meanings: dict[str, Outcome | None] = {
            FIRST: first, SECOND: second, TIE: "tie", ABSTAIN: None,
        }  # fmt: skip
        return meanings[label]

    def probabilities_of(self, by_label: dict[str, float] | None) -> Probabilities | None:
        """Probabilities of labels as those of a, tie and b."""
        if by_label is None:
            return None
        first, second = by_label[FIRST], by_label[SECOND]
        a, b = (first, second) if self.order == "ab" else (second, first)
        return a, by_label[TIE], b


def draw_views(settings: Settings, *, seed: int) -> tuple[View, ...]:
    """The showings that settings ask for; with `random`, the seed draws each one's order."""
    repeats = range(1, settings.repeats + 1)
    match settings.orders:
        case Orders.BOTH:
            return tuple(View(order, n) for n in repeats for order in _orders())
        case Orders.AS_SHOWN:
            return tuple(View("ab", n) for n in repeats)
        case Orders.SWAPPED:
            return tuple(View("ba", n) for n in repeats)
        case Orders.RANDOM:
            chance = Random(seed)  # noqa: S311  no secrets hang on it
            return tuple(View(chance.choice(_orders()), n) for n in repeats)


def _orders() -> tuple[Order, ...]:
    return "ab", "ba"
