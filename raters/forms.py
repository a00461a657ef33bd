"""What raters send, read and checked."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from raters.models import Outcome
from raters.services.battles import SCALE
from raters.services.strikes import LONGEST_OBJECTION
from studies.models import AttentionCheck, Axis, Dimension

LONGEST_MESSAGE = 8_000
MOST_TOLD = 1_000_000
RATHER_NOT = "rather-not-say"


class WithdrawForm(forms.Form):
    """Whether her account goes with what she said."""

    delete_account = forms.BooleanField(required=False)


class ConsentForm(forms.Form):
    """Her answer to one version of the consent text."""

    version = forms.IntegerField()
    answer = forms.ChoiceField(choices=[("agree", "I agree"), ("decline", "I do not agree")])
    releases_words = forms.BooleanField(required=False)


class WordsForm(forms.Form):
    """Whether her words may be published from now on."""

    answer = forms.ChoiceField(choices=[("release", "may be published"), ("take-back", "may not")])


class QuestionForm(forms.Form):
    """Her group on one axis, or that she would rather not say."""

    group = forms.ChoiceField(
        error_messages={"required": _("Choose one answer; the last one is there to choose too.")}
    )

    def __init__(self, axis: Axis, data: Any = None) -> None:
        super().__init__(data)
        groups = [(group.key, group.name) for group in axis.groups.all()]
        self.fields["group"].choices = [*groups, (RATHER_NOT, "")]  # type: ignore[attr-defined]


def name_of(check: AttentionCheck) -> str:
    """The field of a check: nothing in it tells that it is one."""
    return f"question-{check.pk}"


def missing(question: str) -> str:
    """What is said where a question has no answer."""
    return gettext("An answer is missing: %(question)s") % {"question": question}


class ComprehensionForm(forms.Form):
    """Her answers to all questions before the first battle, and which try that is."""

    attempt = forms.IntegerField(
        min_value=1, error_messages={"required": _("Please answer every question.")}
    )

    def __init__(self, checks: Sequence[AttentionCheck], data: Any = None) -> None:
        super().__init__(data)
        self.names = {check: name_of(check) for check in checks}
        for check, name in self.names.items():
            self.fields[name] = forms.ChoiceField(
                choices=[(answer, answer) for answer in check.own_answers],
                error_messages={"required": missing(check.question)},
            )

    def given(self) -> dict[int, str]:
        """The answer to each check, by its id."""
        return {check.pk: self.cleaned_data[name] for check, name in self.names.items()}


class MessageForm(forms.Form):
    """One message to every side; its number makes sending it again harmless."""

    number = forms.IntegerField(min_value=1)
    text = forms.CharField(
        max_length=LONGEST_MESSAGE,
        error_messages={
            "required": _("Write a message first."),
            "max_length": _("That is longer than a message may be: %(limit_value)d characters."),
        },
    )
    # What her browser tells, where it runs our script.
    pasted_signs = forms.IntegerField(required=False, min_value=0, max_value=MOST_TOLD)
    times_away = forms.IntegerField(required=False, min_value=0, max_value=MOST_TOLD)


class ObjectionForm(forms.Form):
    """Why she thinks that a strike is wrong, in her words."""

    text = forms.CharField(
        max_length=LONGEST_OBJECTION,
        error_messages={
            "required": _("Say in your own words why you think that this is wrong."),
            "max_length": _("That is longer than it may be: %(limit_value)d characters."),
        },
    )


class RetryForm(forms.Form):
    """Which reply to try again."""

    number = forms.IntegerField(min_value=1)
    side = forms.ChoiceField(choices=[("a", "A"), ("b", "B")])


class JudgingForm(forms.Form):
    """An answer for every dimension of a study and every check among them, and why."""

    field_prefix: ClassVar[str]
    answers: ClassVar[Sequence[tuple[str | int, str | Promise]]]

    reason = forms.CharField(max_length=2_000, required=False)

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        items: Sequence[AttentionCheck] = (),
        data: Any = None,
    ) -> None:
        super().__init__(data)
        self.dimensions, self.checks = dimensions, items
        self.names: dict[Dimension | AttentionCheck, str] = {}
        for dimension in dimensions:
            self.names[dimension] = name = f"{self.field_prefix}-{dimension.key}"
            self.fields[name] = forms.TypedChoiceField(
                choices=self.answers,
                coerce=type(self.answers[0][0]),
                error_messages={"required": missing(f"{dimension.name}.")},
            )
        for check in items:
            self.names[check] = name = name_of(check)
            self.fields[name] = forms.ChoiceField(
                choices=[(each, each) for each in check.answers_for(check.study.protocol)],
                error_messages={"required": missing(check.question)},
            )

    def given(self) -> dict[str, Any]:
        """The answer for each dimension, by its key."""
        return {each.key: self.cleaned_data[self.names[each]] for each in self.dimensions}

    def given_items(self) -> dict[int, str]:
        """The answer to each check, by its id."""
        return {check.pk: self.cleaned_data[self.names[check]] for check in self.checks}


class VerdictsForm(JudgingForm):
    """An outcome for every dimension."""

    field_prefix = "outcome"
    answers = ((Outcome.A, "A"), (Outcome.TIE, _("About the same")), (Outcome.B, "B"))


class RatingsForm(JudgingForm):
    """A score for every dimension."""

    field_prefix = "score"
    answers = tuple((score, str(score)) for score in SCALE)
