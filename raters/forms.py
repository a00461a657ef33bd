"""What raters send, read and checked."""

from typing import Any

from django import forms

from raters.models import Outcome
from studies.models import Axis, Dimension

LONGEST_MESSAGE = 8_000
RATHER_NOT = "rather-not-say"


class EntranceForm(forms.Form):
    """Who comes in: what the recruiting platform calls her, if it sent her."""

    recruiting_id = forms.CharField(max_length=200, required=False)


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
    """One message to both sides; its number makes sending it again harmless."""

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


class VerdictsForm(forms.Form):
    """An outcome for every dimension of a study, and why."""

    reason = forms.CharField(max_length=2_000, required=False)

    def __init__(self, dimensions: list[Dimension], data: Any = None) -> None:
        super().__init__(data)
        self.dimensions = dimensions
        for dimension in dimensions:
            self.fields[f"outcome-{dimension.key}"] = forms.ChoiceField(
                choices=Outcome.choices,
                error_messages={"required": f"An answer is missing: {dimension.name}."},
            )

    def outcomes(self) -> dict[str, str]:
        """The outcome of each dimension, by its key."""
        return {each.key: self.cleaned_data[f"outcome-{each.key}"] for each in self.dimensions}
