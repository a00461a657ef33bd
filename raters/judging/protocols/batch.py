"""Several conversations on one task ranked in one call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from raters.judging.answers import an_object, one_of
from raters.judging.calls import Call
from raters.judging.cases import Case, Exchange, Question
from raters.judging.fence import Line
from raters.judging.findings import Outcome, Sample, find_by_comparing
from raters.judging.orders import View, draw_views
from raters.judging.protocols.base import EVERY_CALL, Asks, JudgingProtocol, Steps
from raters.judging.settings import Settings
from raters.judging.writing import (
    a_reason,
    exchange_lines,
    list_questions,
    task_lines,
    write_call,
)


@dataclass(frozen=True)
class Batch:
    """Conversations as one call shows them; `members` are what stands under 1, 2, …

    Members are counted as the findings do: 0 is side a, 1 side b, and then come the others.
    """

    view: View
    members: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What the conversations are called, in the order shown."""
        return tuple(str(n) for n in range(1, len(self.members) + 1))

    def places_of(self, by_label: Mapping[str, int]) -> tuple[int, ...]:
        """Places by label as places by member."""
        return tuple(by_label[str(self.members.index(n) + 1)] for n in range(len(self.members)))


class BatchRanking(JudgingProtocol):
    """Both sides among other conversations, ranked together (Yuan et al. 2024, arXiv 2401.00437).

    The conversations are shuffled by the seed, anew for each repeat; the other order of a shuffle
    is its reverse. Places may be shared, and a place that the sides share is a tie.
    """

    key = "batch"
    name = "Batch ranking"
    explanation = (
        "Ranks both sides together with other conversations on the same task, in each order."
    )
    asks = Asks.PAIRS
    settings = (EVERY_CALL - {"logprobs"}) | {"orders", "batch_size"}
    needs_others = True

    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Steps:
        """One step: a call for each order and repeat."""
        self.check(case, questions, settings)
        conversations = (
            *(case.alone(side) for side in case.sides),
            *case.others[: settings.batch_size - 2],
        )
        batches = [
            draw_batch(view, len(conversations), seed=seed)
            for view in draw_views(settings, seed=seed)
        ]
        calls = tuple(
            _call(case, conversations, batch, questions, settings, seed=seed) for batch in batches
        )
        answers = yield calls
        read = [
            (batch, call.read(answer))
            for batch, call, answer in zip(batches, calls, answers, strict=True)
        ]
        return tuple(
            find_by_comparing(
                question.key, [_sample(batch, said[question.key]) for batch, said in read]
            )
            for question in questions
        )


def draw_batch(view: View, size: int, *, seed: int) -> Batch:
    """A shuffle of `size` conversations in which the view's first side comes before the other."""
    members = list(range(size))
    Random(f"{seed}:{view.repeat}").shuffle(members)  # noqa: S311  no secrets hang on it
    is_ab = members.index(0) < members.index(1)
    if is_ab != (view.order == "ab"):
        members.reverse()
    return Batch(view, tuple(members))


def _call(
    case: Case,
    conversations: Sequence[tuple[Exchange, ...]],
    batch: Batch,
    questions: Sequence[Question],
    settings: Settings,
    *,
    seed: int,
) -> Call:
    place = one_of(range(1, len(batch.members) + 1))
    ranking = an_object(
        {"reason": a_reason(settings), "places": an_object(dict.fromkeys(batch.labels, place))}
    )
    return write_call(
        batch.view.key,
        "batch",
        _lines(case, conversations, batch),
        an_object({question.key: ranking for question in questions}),
        settings,
        seed=seed,
        questions=list_questions(questions),
    )


def _lines(
    case: Case, conversations: Sequence[tuple[Exchange, ...]], batch: Batch
) -> Iterator[Line]:
    yield from task_lines(case)
    for label, member in zip(batch.labels, batch.members, strict=True):
        yield from exchange_lines(conversations[member], conversation=label)


def _sample(batch: Batch, said: Mapping[str, Any]) -> Sample:
    places = batch.places_of(said["places"])
    outcome: Outcome = "tie"
    if places[0] != places[1]:
        outcome = "a" if places[0] < places[1] else "b"
    return Sample(
        batch.view.key,
        reason=said["reason"],
        order=batch.view.order,
        outcome=outcome,
        places=places,
    )
