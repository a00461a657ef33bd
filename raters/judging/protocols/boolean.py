"""A list of yes-or-no items, of which only those count that matter here."""

from collections.abc import Mapping, Sequence

from raters.judging.answers import A_FLAG, an_object
from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Question
from raters.judging.findings import Finding, Sample, find_by_scores
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.protocols.single import Asked, key_of, list_asked
from raters.judging.settings import Rubric, Settings
from raters.judging.writing import (
    a_reason,
    items_of,
    list_questions,
    message_lines,
    side_lines,
    write_call,
)

# The items that count, by name, for each dimension that has any.
Relevant = Mapping[str, Mapping[str, str]]


class BooleanRubric(JudgingProtocol):
    """Adaptive Precise Boolean rubrics (Mallinar et al. 2025, arXiv 2503.23339).

    First the items are filtered by what the rater said, before any reply is seen; then each side
    is checked against the rest. The share of items that hold is put on the scale of scores,
    1 + 4·share. A dimension of which no item is relevant is an abstention.
    """

    key = "boolean"
    name = "Boolean rubric, filtered"
    explanation = (
        "Picks the yes-or-no items that matter for what was asked, and checks each side by them."
    )
    asks = Asks.SINGLE
    settings = (EVERY_CALL - {"logprobs"}) | {"margin", "rubric"}
    required = frozenset({"rubric"})
    rubric = Rubric.ITEMS

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """Two steps: one call for relevance, then one for each side and repeat, if any is left."""
        self.check(case, questions, settings)
        filtering = _relevance_call(case, questions, settings, seed=seed)
        (answer,) = yield (filtering,)
        relevant = _relevant_items(questions, settings, filtering.read(answer))
        calls: dict[Asked, Call] = {}
        answers: tuple[Answer, ...] = ()
        if relevant:
            kept = [question for question in questions if question.key in relevant]
            calls = {
                asked: _check_call(case, asked, kept, relevant, settings, seed=seed)
                for asked in list_asked(case, settings)
            }
            answers = yield tuple(calls.values())
        said = {
            asked: call.read(answer)
            for (asked, call), answer in zip(calls.items(), answers, strict=True)
        }
        return tuple(_find(question, said, settings) for question in questions)


def _relevance_call(
    case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
) -> Call:
    flags = {
        question.key: an_object(dict.fromkeys(items_of(question, settings), A_FLAG))
        for question in questions
    }
    return write_call(
        "relevance",
        "boolean_relevance",
        message_lines(case),
        an_object(flags),
        settings,
        seed=seed,
        questions=list_questions(questions),
        items=_list_items({q.key: items_of(q, settings) for q in questions}),
    )


def _relevant_items(
    questions: Sequence[Question], settings: Settings, flags: Mapping[str, Mapping[str, bool]]
) -> Relevant:
    relevant = {
        question.key: {
            name: item
            for name, item in items_of(question, settings).items()
            if flags[question.key][name]
        }
        for question in questions
    }
    return {key: items for key, items in relevant.items() if items}


def _check_call(
    case: Case,
    asked: Asked,
    questions: Sequence[Question],
    relevant: Relevant,
    settings: Settings,
    *,
    seed: int,
) -> Call:
    checks = {
        question.key: an_object(
            {"reason": a_reason(settings), **dict.fromkeys(relevant[question.key], A_FLAG)}
        )
        for question in questions
    }
    return write_call(
        key_of(asked),
        "boolean_items",
        side_lines(case, asked[0]),
        an_object(checks),
        settings,
        seed=seed,
        questions=list_questions(questions),
        items=_list_items(relevant),
    )


def _find(
    question: Question, said: Mapping[Asked, Mapping[str, Mapping[str, object]]], settings: Settings
) -> Finding:
    samples = []
    for asked, answer in said.items():
        if checks := dict(answer.get(question.key, {})):
            reason = str(checks.pop("reason"))
            share = sum(held is True for held in checks.values()) / len(checks)
            score = 1 + 4 * share
            samples.append(Sample(key_of(asked), reason=reason, side=asked[0], score=score))
    return find_by_scores(question.key, samples, margin=settings.margin)


def _list_items(items: Relevant) -> str:
    lines = []
    for key, named in items.items():
        lines.append(f"{key}:")
        lines += [f"- {name}: {item}" for name, item in named.items()]
    return "\n".join(lines)
