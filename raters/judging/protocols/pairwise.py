"""Two sides against each other."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from raters.judging.answers import Schema, an_object, one_of
from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Question
from raters.judging.fence import Line
from raters.judging.findings import Finding, Sample, find_by_comparing
from raters.judging.logprobs import probabilities_at
from raters.judging.orders import WINNERS, View, draw_views
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.settings import Settings
from raters.judging.writing import (
    a_reason,
    example_lines,
    list_besides,
    list_questions,
    pair_lines,
    write_call,
)


class Pairwise(JudgingProtocol):
    """Both sides in one call, once in each order (Zheng et al. 2023, arXiv 2306.05685)."""

    key = "pairwise"
    name = "Pairwise, both orders"
    explanation = (
        "Compares both sides in one call, in each order; where the orders disagree it is a tie."
    )
    asks = Asks.PAIRS
    settings = EVERY_CALL | {"orders", "instructions", "examples"}

    template: ClassVar[str] = "pairwise"

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """One step: a call for each order and repeat."""
        self.check(case, questions, settings)
        views = draw_views(settings, seed=seed)
        calls = tuple(
            write_call(
                view.key,
                self.template,
                (*example_lines(questions, settings), *self.lines(case, view)),
                an_object({question.key: self.schema(settings) for question in questions}),
                settings,
                seed=seed,
                questions=list_questions(questions),
                **self.parts(settings),
            )
            for view in views
        )
        answers = yield calls
        return find_in_views(questions, views, calls, answers)

    def lines(self, case: Case, view: View) -> Iterator[Line]:
        """The data of one call."""
        return pair_lines(case, view.shown)

    def schema(self, settings: Settings) -> Schema:
        """What is answered on one dimension."""
        return an_object({"reason": a_reason(settings), "winner": one_of(WINNERS)})

    def parts(self, settings: Settings) -> dict[str, str]:
        """What the template names besides questions, data and answer."""
        return {"besides": list_besides(settings)}


def find_in_views(
    questions: Sequence[Question],
    views: Sequence[View],
    calls: Sequence[Call],
    answers: Sequence[Answer],
) -> tuple[Finding, ...]:
    """Findings of calls that name a winner on each dimension, one call for each view."""
    asked = [
        (view, answer, call.read(answer))
        for view, call, answer in zip(views, calls, answers, strict=True)
    ]
    return tuple(
        find_by_comparing(
            question.key,
            [_sample(view, answer, read[question.key], question) for view, answer, read in asked],
        )
        for question in questions
    )


def _sample(view: View, answer: Answer, said: dict[str, object], question: Question) -> Sample:
    certainty = said.get("certainty")
    outcome = view.outcome_of(str(said["winner"]))
    by_label = probabilities_at(answer, (question.key, "winner"), WINNERS)
    return Sample(
        view.key,
        reason=str(said["reason"]),
        order=view.order,
        outcome=outcome,
        certainty=certainty / 100 if isinstance(certainty, int) and outcome else None,
        probabilities=view.probabilities_of(by_label) if outcome else None,
    )
