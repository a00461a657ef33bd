"""Each side by itself, by a rubric and beside a reference."""

from collections.abc import Iterator, Sequence

from raters.judging.cases import Case, Question, Side
from raters.judging.fence import Line
from raters.judging.protocols.base import EVERY_CALL
from raters.judging.protocols.single import Single
from raters.judging.settings import Rubric, Settings
from raters.judging.writing import list_rubric, reference_lines, side_lines


class RubricWithReference(Single):
    """Scores by a rubric that says what each score means (Kim et al. 2023, arXiv 2310.08491).

    As in Prometheus a reference reply worth a 5 is shown; where a case has none it goes without.
    """

    key = "rubric"
    name = "Rubric with reference"
    explanation = (
        "Scores each side by itself from 1 to 5 by a written rubric, beside a reference reply "
        "where there is one."
    )
    settings = EVERY_CALL | {"margin", "rubric"}
    required = frozenset({"rubric"})
    rubric = Rubric.TEXT

    template = "rubric"

    def lines(self, case: Case, side: Side) -> Iterator[Line]:
        """The conversation, and the reference after it."""
        yield from side_lines(case, side)
        yield from reference_lines(case)

    def parts(self, questions: Sequence[Question], settings: Settings) -> dict[str, str]:
        """The rubric of each dimension."""
        return {"rubric": list_rubric(questions, settings)}
