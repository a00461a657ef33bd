"""What each side does for each dimension is written down first, and only that is compared."""

from collections.abc import Iterator, Mapping, Sequence

from raters.judging.answers import a_text, an_object, one_of
from raters.judging.calls import Call
from raters.judging.cases import Case, Question, Side
from raters.judging.fence import Line
from raters.judging.orders import LABELS, WINNERS, View, draw_views
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.protocols.pairwise import find_in_views
from raters.judging.settings import Rubric, Settings
from raters.judging.writing import (
    a_reason,
    list_questions,
    list_rubric,
    side_lines,
    write_call,
)

# What a side does for each dimension, by the dimension's key.
Breakdown = Mapping[str, str]


class Breakdowns(JudgingProtocol):
    """Concept-guided chain of thought (Wu et al. 2023, CGCoT, arXiv 2310.12049).

    The rubric's items are the questions that guide a breakdown; without one the dimension's own
    question does. Breakdowns are compared, never the texts. The comparisons are added up by
    Bradley-Terry where all verdicts are, in the tournament.
    """

    key = "breakdown"
    name = "Concept-guided breakdown"
    explanation = (
        "Writes down what each side does for each dimension, and compares what it wrote down."
    )
    asks = Asks.PAIRS
    settings = EVERY_CALL | {"orders", "rubric"}
    rubric = Rubric.ITEMS

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """Two steps: a breakdown of each side, then a call for each order and repeat."""
        self.check(case, questions, settings)
        writing = {
            side: _breakdown_call(case, side, questions, settings, seed=seed) for side in case.sides
        }
        texts = yield tuple(writing.values())
        breakdowns = {
            side: call.read(answer)
            for (side, call), answer in zip(writing.items(), texts, strict=True)
        }
        views = draw_views(settings, seed=seed)
        calls = tuple(
            _compare_call(view, breakdowns, questions, settings, seed=seed) for view in views
        )
        answers = yield calls
        return find_in_views(questions, views, calls, answers)


def _breakdown_call(
    case: Case, side: Side, questions: Sequence[Question], settings: Settings, *, seed: int
) -> Call:
    length = a_text(f"what the assistant does, in at most {2 * settings.max_words} words")
    return write_call(
        f"breakdown:{side}",
        "breakdown_write",
        side_lines(case, side),
        an_object({question.key: length for question in questions}),
        settings,
        seed=seed,
        questions=list_questions(questions),
        guide=list_rubric(questions, settings) or "The dimensions' own questions.",
    )


def _compare_call(
    view: View,
    breakdowns: Mapping[Side, Breakdown],
    questions: Sequence[Question],
    settings: Settings,
    *,
    seed: int,
) -> Call:
    verdict = an_object({"reason": a_reason(settings), "winner": one_of(WINNERS)})
    return write_call(
        view.key,
        "breakdown_compare",
        _lines(view, breakdowns, questions),
        an_object({question.key: verdict for question in questions}),
        settings,
        seed=seed,
        questions=list_questions(questions),
    )


def _lines(
    view: View, breakdowns: Mapping[Side, Breakdown], questions: Sequence[Question]
) -> Iterator[Line]:
    for question in questions:
        for label, side in zip(LABELS, view.shown, strict=True):
            yield {"about": question.key, "who": label, "text": breakdowns[side][question.key]}
