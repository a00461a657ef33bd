"""What all protocols are: something that asks, is answered, and finds."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from enum import StrEnum
from typing import ClassVar, Final, Generic, TypeVar

from raters.judging.calls import Answer, Call
from raters.judging.cases import Case, Question
from raters.judging.errors import CaseError
from raters.judging.findings import Finding
from raters.judging.labels import Label
from raters.judging.settings import Rubric, Settings

# What a judge says of a case: findings, by which sides are compared, or labels.
Found = TypeVar("Found", Finding, Label)
# Yields the calls of a step, which may be made at once; is sent their answers in the same order.
Steps = Generator[tuple[Call, ...], tuple[Answer, ...], tuple[Finding, ...]]
LabelSteps = Generator[tuple[Call, ...], tuple[Answer, ...], tuple[Label, ...]]

EVERY_CALL: Final = frozenset({"temperature", "repeats", "max_words", "logprobs"})


class Asks(StrEnum):
    """What a judge is asked about: two sides against each other, or one side at a time."""

    PAIRS = "pairs"
    SINGLE = "single"


class Asking(ABC, Generic[Found]):
    """A way to ask. `settings` are those that it reads, `required` those it can't do without."""

    key: ClassVar[str]
    name: ClassVar[str]
    explanation: ClassVar[str]
    asks: ClassVar[Asks]
    settings: ClassVar[frozenset[str]]
    required: ClassVar[frozenset[str]] = frozenset()
    rubric: ClassVar[Rubric | None] = None
    needs_reference: ClassVar[bool] = False
    needs_others: ClassVar[bool] = False

    @abstractmethod
    def judge(
        self, case: Case, questions: Sequence[Question], settings: Settings, *, seed: int
    ) -> Generator[tuple[Call, ...], tuple[Answer, ...], tuple[Found, ...]]:
        """Ask about a case in one step or more, and say what was found.

        Raises CaseError for a case that `refusal` refuses, and UnreadableAnswerError for an
        answer that `Call.read` refuses: who reads each answer as it comes, and asks again, is
        never met by the latter.
        """

    def refusal(self, case: Case, questions: Sequence[Question], settings: Settings) -> str:
        """Why this case can't be judged so, in a sentence; "" if it can."""
        missing = [q.key for q in questions if q.key not in settings.rubric]
        if not questions:
            return "There is no dimension to judge."
        if self.asks is Asks.PAIRS and len(case.sides) != 2:
            return f"{self.name} compares two sides, and the case has one."
        if self.needs_reference and not case.reference.strip():
            return f"{self.name} needs a human reference reply."
        if self.needs_others and not case.others:
            return f"{self.name} needs other conversations on the same task."
        if "rubric" in self.required and missing:
            return f"The rubric says nothing of {', '.join(missing)}."
        return ""

    def check(self, case: Case, questions: Sequence[Question], settings: Settings) -> None:
        """CaseError for a case that can't be judged so."""
        if refusal := self.refusal(case, questions, settings):
            raise CaseError(refusal)


class JudgingProtocol(Asking[Finding]):
    """A way to judge: it finds on each question, in their order."""
