"""Each side by itself, from 1 to 5."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from raters.judging.answers import A_SCORE, an_object
from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Question, Side
from raters.judging.fence import Line
from raters.judging.findings import Finding, Sample, find_by_scores
from raters.judging.logprobs import weighted_score
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.settings import Settings
from raters.judging.writing import a_reason, list_questions, side_lines, write_call

# The side that a call is about, and which repeat it is, from 1.
Asked = tuple[Side, int]


class Single(JudgingProtocol):
    """A score for each dimension with the reason before it, each side in calls of its own.

    Weighted by the scores' probabilities where they are asked for and come (Liu et al. 2023,
    G-Eval, arXiv 2303.16634).
    """

    key = "single"
    name = "Single, 1 to 5"
    explanation = "Scores each side by itself from 1 to 5, with a reason before each score."
    asks = Asks.SINGLE
    settings = EVERY_CALL | {"margin"}

    template: ClassVar[str] = "single"

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """One step: a call for each side and repeat."""
        self.check(case, questions, settings)
        calls = {
            (side, repeat): score_call(
                self.template,
                (side, repeat),
                self.lines(case, side),
                questions,
                settings,
                seed=seed,
                **self.parts(questions, settings),
            )
            for side, repeat in list_asked(case, settings)
        }
        answers = yield tuple(calls.values())
        return find_scores(questions, calls, answers, settings)

    def lines(self, case: Case, side: Side) -> Iterator[Line]:
        """The data of one call."""
        return side_lines(case, side)

    def parts(
        self,
        questions: Sequence[Question],  # noqa: ARG002  for those that have any
        settings: Settings,  # noqa: ARG002
    ) -> dict[str, str]:
        """What the template names besides questions, data and answer."""
        return {}


def list_asked(case: Case, settings: Settings) -> list[Asked]:
    """The calls that score each side of a case as often as settings ask for."""
    return [(side, n) for side in case.sides for n in range(1, settings.repeats + 1)]


def key_of(asked: Asked) -> str:
    """The key of a call about one side."""
    side, repeat = asked
    return f"side:{side}/sample:{repeat}"


def score_call(
    template: str,
    asked: Asked,
    lines: Iterator[Line],
    questions: Sequence[Question],
    settings: Settings,
    *,
    seed: int,
    **parts: str,
) -> Call:
    """A call that scores one side on each dimension."""
    score = an_object({"reason": a_reason(settings), "score": A_SCORE})
    return write_call(
        key_of(asked),
        template,
        lines,
        an_object({question.key: score for question in questions}),
        settings,
        seed=seed,
        questions=list_questions(questions),
        **parts,
    )


def find_scores(
    questions: Sequence[Question],
    calls: Mapping[Asked, Call],
    answers: Sequence[Answer],
    settings: Settings,
) -> tuple[Finding, ...]:
    """Findings of calls that score one side each; the side with the higher mean wins."""
    read = [
        (side, call.key, answer, call.read(answer))
        for ((side, _), call), answer in zip(calls.items(), answers, strict=True)
    ]
    return tuple(
        find_by_scores(
            question.key,
            [
                _sample(key, side, answer, said[question.key], question)
                for side, key, answer, said in read
            ],
            margin=settings.margin,
        )
        for question in questions
    )


def _sample(
    key: str, side: Side, answer: Answer, said: Mapping[str, object], question: Question
) -> Sample:
    weighted = weighted_score(answer, (question.key, "score"))
    score = float(str(said["score"])) if weighted is None else weighted
    return Sample(key, reason=str(said["reason"]), side=side, score=score)
