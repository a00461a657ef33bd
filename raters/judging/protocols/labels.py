"""What a conversation is about, and what each side does in it, from closed lists: no verdicts."""

from collections.abc import Iterable, Sequence

from raters.judging.answers import Schema, an_object, one_of
from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Question, Side
from raters.judging.labels import Label, LabelSpec, agree_on, of_conversation, of_sides
from raters.judging.protocols.base import Asking, Asks, LabelSteps
from raters.judging.settings import Settings
from raters.judging.writing import (
    a_reason,
    list_besides,
    message_lines,
    side_lines,
    write_call,
)


class Labels(Asking[Label]):
    """Labels a conversation as a whole by what its rater said, and each side by its replies.

    So no reply reaches who says what the conversation is about, and no side is seen beside the
    other. Of several repeats the value counts that most of them gave.
    """

    key = "labels"
    name = "Labels"
    explanation = (
        "Says what each conversation is about, and what each side does in it. It gives no "
        "verdicts, and is never a part of a ranking."
    )
    asks = Asks.SINGLE
    settings = frozenset({"temperature", "repeats", "max_words", "instructions"})

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> LabelSteps:
        """One step: a call for the whole and one for each side, as often as settings ask for."""
        self.check(case, questions, settings)
        calls = {
            (side, repeat): _call(case, side, repeat, settings, seed=seed)
            for side in (None, *case.sides)
            for repeat in range(1, settings.repeats + 1)
        }
        answers = yield tuple(calls.values())
        return agree_on(
            [
                _labels(side, call, answer)
                for ((side, _), call), answer in zip(calls.items(), answers, strict=True)
            ]
        )


def _specs(side: Side | None) -> tuple[LabelSpec, ...]:
    return of_sides() if side else of_conversation()


def _call(case: Case, side: Side | None, repeat: int, settings: Settings, *, seed: int) -> Call:
    specs = _specs(side)
    return write_call(
        f"side:{side}/sample:{repeat}" if side else f"whole/sample:{repeat}",
        "labels_side" if side else "labels_whole",
        side_lines(case, side) if side else message_lines(case),
        an_object({spec.key: _answer_to(spec, settings) for spec in specs}),
        settings,
        seed=seed,
        labels=_list_labels(specs),
        besides=list_besides(settings),
    )


def _answer_to(spec: LabelSpec, settings: Settings) -> Schema:
    return an_object({"reason": a_reason(settings), "value": one_of(tuple(spec.values))})


def _list_labels(specs: Iterable[LabelSpec]) -> str:
    lines = []
    for spec in specs:
        lines.append(f"{spec.key}: {spec.question}")
        lines += [f"- {value}: {meaning}" for value, meaning in spec.values.items()]
    return "\n".join(lines)


def _labels(side: Side | None, call: Call, answer: Answer) -> tuple[Label, ...]:
    said = call.read(answer)
    return tuple(Label(spec.key, side or "", str(said[spec.key]["value"])) for spec in _specs(side))
