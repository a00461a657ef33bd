"""When a study's question is answered, on its page: its rules, and the step that goes on."""

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline
from unfold.decorators import action
from unfold.forms import PaginationInlineFormSet

from accounts.admin_pages import Step, page_of, take_step
from studies.admin.links import StudyLinks
from studies.errors import StudyError
from studies.models import Contestant, StoppingRule, Study
from studies.stopping import (
    CONTESTANTS_NEEDED,
    NO_QUEUE,
    are_rules_fixed,
    flaw_among,
    flaws_of_fields,
    take_raters_again,
)

SECTION = gettext_lazy("Queue and stopping")
# What the pairs in the queue were chosen by.
QUEUE_SETTINGS = ("policy", "battle_cap", "battle_floor")


class StoppingRuleForm(ModelForm):  # type: ignore[type-arg]
    """A rule. Who takes part its form set knows."""

    class Meta:
        model = StoppingRule
        fields = ["kind", "ranking", "confidence", "sigma", "top", "first", "second"]
        labels = {
            "first": gettext_lazy("First of the pair"),
            "second": gettext_lazy("Second of the pair"),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind"):
            for field, flaw in flaws_of_fields(StoppingRule(**data_of(data))):
                if field not in self.errors:
                    self.add_error(field, flaw)
        return data

    def _get_validation_exclusions(self) -> set[str]:
        # `flaws_of_fields` says which fields a kind needs; the constraints would say it in code.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"kind"}


def data_of(data: dict[str, Any]) -> dict[str, Any]:
    """What a form says about the rule itself."""
    return {name: data.get(name) for name in StoppingRuleForm.Meta.fields if name in data}


class StoppingRuleFormSet(PaginationInlineFormSet):
    """The rules of a study, each of which can be fulfilled, and is not from the start."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name in ("first", "second"):
            if name in form.fields:
                form.fields[name].queryset = self._standing()
                # Contestants have their own place on the page, above.
                form.fields[name].widget.can_view_related = False

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        if kept and self.instance.protocol == Study.Protocol.SINGLE:
            raise ValidationError(
                _("%(no_queue)s Remove the rules, or let raters compare two.")
                % {"no_queue": _(NO_QUEUE)}
            )
        standing = list(self._standing())
        # Contestants may still be entered; before it opens the study is told what is missing.
        if len(standing) >= CONTESTANTS_NEEDED:
            for form in kept:
                if flaw := flaw_among(form.instance, standing):
                    form.add_error("kind", flaw)

    def _standing(self) -> Any:
        if not self.instance.pk:
            return Contestant.objects.none()
        return self.instance.contestants.filter(withdrawn_at=None)


class StoppingRuleInline(StackedInline):
    """When the study's question is answered; all rules together end it."""

    model = StoppingRule
    form = StoppingRuleForm
    formset = StoppingRuleFormSet
    extra = 0
    fields = StoppingRuleForm.Meta.fields
    after = SECTION

    def get_formset(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> Any:
        # Open where rules are to be written; folded where their names say all.
        self.collapsible = _is_fixed(obj)
        return super().get_formset(request, obj, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _is_fixed(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _is_fixed(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return not _is_fixed(obj) and bool(super().has_delete_permission(request, obj))


def _is_fixed(study: Study | None) -> bool:
    return study is not None and bool(study.pk) and are_rules_fixed(study)


def words_of_stopping(study: Study) -> str:
    """What ends the study, and whether that can still be changed."""
    if study.protocol == Study.Protocol.SINGLE:
        return _(NO_QUEUE)
    rules = study.stopping_rules.count()
    if are_rules_fixed(study):
        stand = (
            _("The rules below are fixed") if rules else _("There are none, and none can be added")
        )
        since = _("has raters") if study.state == Study.State.DRAFT else _("has opened")
        return _(
            "%(stand)s, since the study %(since)s: whoever sees its figures could "
            "otherwise choose the rule that is just fulfilled. How pairs are chosen "
            "may change; the queue is then filled anew."
        ) % {"stand": stand, "since": since}
    what = (
        _("Once all rules below are fulfilled, the study's question is answered.")
        if rules
        else _(
            "None yet: the study goes on until its places are filled. Add below what has "
            "to be known for its question to be answered."
        )
    )
    return _(
        "%(what)s Rules can't be changed once the study has opened; how pairs are chosen can."
    ) % {"what": what}


class StoppingSteps(StudyLinks):
    """Go on where a study has ended by its stopping rules."""

    @action(
        description=gettext_lazy("Take raters again"),
        icon="group_add",
        url_path="take-again",
        permissions=["change"],
    )
    def take_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)

        def act(_data: dict[str, Any]) -> str:
            take_raters_again(study, at=timezone.now())
            return _("The study takes raters again, as long as it is open and has places.")

        step = Step(
            question=_("Take raters again?"),
            note=_(
                "The question is answered by the study's stopping rules, so nobody new can "
                "take part. Places may still be open, and more battles make every figure "
                "surer. The rules stay answered; they no longer end the study."
            ),
            button=_("Take raters again"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
        )
        return take_step(self, request, study, step)
