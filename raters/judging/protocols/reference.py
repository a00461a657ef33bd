"""Two sides against each other, beside what a person replied."""

from collections.abc import Iterator

from raters.judging.cases import Case
from raters.judging.fence import Line
from raters.judging.orders import View
from raters.judging.protocols.base import EVERY_CALL
from raters.judging.protocols.pairwise import Pairwise
from raters.judging.writing import pair_lines, reference_lines


class HumanReference(Pairwise):
    """Compares with a person's reply in view (Lyu et al. 2024, HREF, arXiv 2412.15524)."""

    key = "reference"
    name = "Human reference reply"
    explanation = (
        "Compares both sides in each order with a person's reply to the same message in view."
    )
    settings = EVERY_CALL | {"orders"}
    needs_reference = True

    template = "reference"

    def lines(self, case: Case, view: View) -> Iterator[Line]:
        """The reference after the conversation, so that no label stands between the turns."""
        yield from pair_lines(case, view.shown)
        yield from reference_lines(case)
