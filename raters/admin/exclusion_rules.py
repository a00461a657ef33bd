"""A step of a study's page that leaves out by rule: all that are of a kind, or will be."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget

from accounts.admin_pages import Step, StepForm, actor, take_step
from raters.errors import RaterError
from raters.models import Exclusion
from raters.services.exclusions import exclude_by_rule
from studies.models import Study


class RuleForm(StepForm):
    """By which rule, and why."""

    rule = forms.ChoiceField(
        label=gettext_lazy("Leave out"),
        choices=Exclusion.Rule.choices,
        widget=UnfoldAdminRadioSelectWidget,
    )
    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "One or two sentences. Anybody may read it, on boards and in the study's ledger."
        ),
        label=gettext_lazy("Reason"),
    )


def rule_step(request: HttpRequest, study_id: int, model_admin: ModelAdmin) -> HttpResponse:
    """Ask for a rule and a reason, then exclude; and back to the study's exclusions."""
    if not request.user.has_perm("raters.add_exclusion"):
        raise PermissionDenied
    study = get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)

    def act(data: dict[str, Any]) -> str:
        rule = Exclusion.Rule(data["rule"])
        exclude_by_rule(study, rule, reason=data["reason"], by=actor(request), at=timezone.now())
        return _("Boards taken from now on leave out %(label)s.") % {"label": rule.label}

    step = Step(
        question=_("Exclude from the boards of “%(study)s” by rule?") % {"study": study},
        note=_(
            "The rule holds for all that it speaks of now or later, until somebody lifts "
            "it. Nothing is deleted, and boards that are published stay as they are."
        ),
        button=_("Exclude"),
        act=act,
        refusals=(RaterError,),
        back=exclusions_of(study),
        form=RuleForm,
    )
    return take_step(model_admin, request, study, step)


def exclusions_of(study: Study) -> str:
    """The register's page of a study's exclusions."""
    return f"{reverse('admin:raters_exclusion_changelist')}?study__id__exact={study.pk}"
