"""A first look at both sides says by what to tell them apart; then each is scored by that."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from raters.judging.answers import an_object, texts
from raters.judging.calls import Call
from raters.judging.cases import Case, Question, Side
from raters.judging.fence import Line
from raters.judging.orders import View, draw_views
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.protocols.single import find_scores, list_asked, score_call
from raters.judging.settings import Settings
from raters.judging.writing import list_questions, pair_lines, side_lines, write_call

MOST_CRITERIA: Final = 5


class Criteria(JudgingProtocol):
    """Criteria derived from a pre-comparison, then pointwise scores by them.

    After PC2, which derives them from replies other than those to be scored: Wang et al. (2025),
    From rankings to insights, arXiv 2505.06698. The pre-comparison names no winner. It is made in
    each order that the settings ask for, and the criteria of all are used for both sides alike.
    """

    key = "criteria"
    name = "Criteria from a pre-comparison"
    explanation = (
        "Looks at both sides for what tells them apart, then scores each by itself by that."
    )
    asks = Asks.PAIRS
    settings = EVERY_CALL | {"orders", "margin"}

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """Two steps: a pre-comparison in each order, then a call for each side and repeat."""
        self.check(case, questions, settings)
        orders = dict.fromkeys(view.order for view in draw_views(settings, seed=seed))
        looking = tuple(
            _criteria_call(case, View(order, 1), questions, settings, seed=seed) for order in orders
        )
        found = yield looking
        criteria = _pooled(
            questions, [call.read(said) for call, said in zip(looking, found, strict=True)]
        )
        calls = {
            asked: score_call(
                "criteria_score",
                asked,
                _lines(case, asked[0], criteria),
                questions,
                settings,
                seed=seed,
            )
            for asked in list_asked(case, settings)
        }
        answers = yield tuple(calls.values())
        return find_scores(questions, calls, answers, settings)


def _criteria_call(
    case: Case, view: View, questions: Sequence[Question], settings: Settings, *, seed: int
) -> Call:
    criteria = texts("a criterion, in one sentence that names no assistant")
    return write_call(
        f"criteria:{view.order}",
        "criteria_find",
        pair_lines(case, view.shown),
        an_object({question.key: criteria for question in questions}),
        settings,
        seed=seed,
        questions=list_questions(questions),
        most=str(MOST_CRITERIA),
    )


def _pooled(
    questions: Sequence[Question], answers: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """The criteria of all pre-comparisons, each once, and of each no more than were asked for."""
    return {
        question.key: tuple(
            dict.fromkeys(
                criterion
                for answer in answers
                for criterion in answer[question.key][:MOST_CRITERIA]
            )
        )
        for question in questions
    }


def _lines(case: Case, side: Side, criteria: Mapping[str, Sequence[str]]) -> Iterator[Line]:
    """Criteria are data too: they are made of replies, and may carry what a reply demands."""
    yield from side_lines(case, side)
    for key, found in criteria.items():
        for criterion in found:
            yield {"about": key, "who": "criterion", "text": criterion}
