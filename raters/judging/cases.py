"""What is judged: a conversation of one rater with one or two sides, and the questions about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from raters.judging.errors import CaseError

Side = Literal["a", "b"]
SIDES: Final[tuple[Side, ...]] = ("a", "b")


@dataclass(frozen=True)
class Exchange:
    """One turn: the rater's message and the reply of each side, A's first."""

    message: str
    replies: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A dimension of the study, as raters are asked about it."""

    key: str
    name: str
    question: str
    help: str = ""


@dataclass(frozen=True)
class Case:
    """A conversation to judge, with one side or two. Who the sides are is not in it.

    `reference` is what a person replied to the first message, "" if nobody did. `others` are
    conversations on the same task with one side each, for protocols that rank several. Raises
    CaseError for a conversation without turns, and for turns with different numbers of sides.
    """

    task: str
    exchanges: tuple[Exchange, ...]
    reference: str = ""
    others: tuple[tuple[Exchange, ...], ...] = ()

    def __post_init__(self) -> None:
        if _sides_of(self.exchanges) not in (1, 2):
            raise CaseError("Every turn has the replies of the same one or two sides.")
        if any(_sides_of(other) != 1 for other in self.others):
            raise CaseError("Every turn of another conversation has one reply.")

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that reply."""
        return SIDES[: _sides_of(self.exchanges)]

    @property
    def messages(self) -> tuple[str, ...]:
        """What the rater said."""
        return tuple(exchange.message for exchange in self.exchanges)

    def alone(self, side: Side) -> tuple[Exchange, ...]:
        """The conversation with one side only."""
        place = SIDES.index(side)
        return tuple(
            Exchange(exchange.message, (exchange.replies[place],)) for exchange in self.exchanges
        )

    def swapped(self) -> "Case":
        """The same case with the sides exchanged."""
        return replace(
            self,
            exchanges=tuple(
                Exchange(exchange.message, exchange.replies[::-1]) for exchange in self.exchanges
            ),
        )


def _sides_of(exchanges: Sequence[Exchange]) -> int:
    """How many sides reply in every turn; 0 if that is not one number."""
    counts = {len(exchange.replies) for exchange in exchanges}
    return counts.pop() if len(counts) == 1 else 0
