"""What raters send, read and checked."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms

from raters.models import Outcome
from raters.services.battles import SCALE
from studies.models import Axis, Dimension

LONGEST_MESSAGE = 8_000
RATHER_NOT = "rather-not-say"


class WithdrawForm(forms.Form):
    """Whether her account goes with what she said."""

    delete_account = forms.BooleanField(required=False)


class ConsentForm(forms.Form):
    """Her answer to one version of the consent text."""

    version = forms.IntegerField()
    answer = forms.ChoiceField(choices=[("agree", "I agree"), ("decline", "I do not agree")])


class QuestionForm(forms.Form):
    """Her group on one axis, or that she would rather not say."""

    group = forms.ChoiceField(
        error_messages={"required": "Choose one answer; the last one is there to choose too."}
    )

    def __init__(self, axis: Axis, data: Any = None) -> None:
        super().__init__(data)
        groups = [(group.key, group.name) for group in axis.groups.all()]
        self.fields["group"].choices = [*groups, (RATHER_NOT, "")]  # type: ignore[attr-defined]


class MessageForm(forms.Form):
    """One message to every side; its number makes sending it again harmless."""

    number = forms.IntegerField(min_value=1)
    text = forms.CharField(
        max_length=LONGEST_MESSAGE,
        error_messages={
            "required": "Write a message first.",
            "max_length": "That is longer than a message may be: %(limit_value)d characters.",
        },
    )


class RetryForm(forms.Form):
    """Which reply to try again."""

    number = forms.IntegerField(min_value=1)
    side = forms.ChoiceField(choices=[("a", "A"), ("b", "B")])


class JudgingForm(forms.Form):
    """An answer for every dimension of a study, and why."""

    field_prefix: ClassVar[str]
    answers: ClassVar[Sequence[tuple[str | int, str]]]

    reason = forms.CharField(max_length=2_000, required=False)

    def __init__(self, dimensions: Sequence[Dimension], data: Any = None) -> None:
        super().__init__(data)
        self.names = {each.key: f"{self.field_prefix}-{each.key}" for each in dimensions}
        for dimension in dimensions:
            self.fields[self.names[dimension.key]] = forms.TypedChoiceField(
                choices=self.answers,
                coerce=type(self.answers[0][0]),
                error_messages={"required": f"An answer is missing: {dimension.name}."},
            )

    def given(self) -> dict[str, Any]:
        """The answer for each dimension, by its key."""
        return {key: self.cleaned_data[name] for key, name in self.names.items()}


class VerdictsForm(JudgingForm):
    """An outcome for every dimension."""

    field_prefix = "outcome"
    answers = ((Outcome.A, "A"), (Outcome.TIE, "About the same"), (Outcome.B, "B"))


class RatingsForm(JudgingForm):
    """A score for every dimension."""

    field_prefix = "score"
    answers = tuple((score, str(score)) for score in SCALE)
