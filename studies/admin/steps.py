"""Steps of a study's page that change its design, or make a new one like it."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin_pages import Step, StepForm, page_of, take_step
from studies.admin.links import StudyLinks
from studies.admin.quotas import allocation_page
from studies.admin.tasks import task_list_page
from studies.check_templates import add_check_template, check_templates
from studies.cloning import clone_study
from studies.dimension_templates import add_dimension_template, dimension_templates
from studies.errors import StudyError
from studies.models import Study
from studies.scenario_packs import AREA, add_scenario_pack, scenario_packs


class TemplateForm(StepForm):
    """Which dimensions to start from."""

    template = forms.ChoiceField(
        label=gettext_lazy("Template"), widget=UnfoldAdminRadioSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["template"].choices = [  # type: ignore[attr-defined]
            (template.key, template.name) for template in dimension_templates().values()
        ]


class CheckTemplateForm(StepForm):
    """Which attention checks to start from."""

    template = forms.ChoiceField(
        label=gettext_lazy("Template"), widget=UnfoldAdminRadioSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["template"].choices = [  # type: ignore[attr-defined]
            (template.key, template.name) for template in check_templates().values()
        ]


class ScenarioPackForm(StepForm):
    """Which sensitive topics to add."""

    pack = forms.ChoiceField(label=gettext_lazy("Pack"), widget=UnfoldAdminRadioSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pack"].choices = [  # type: ignore[attr-defined]
            (pack.key, pack.name) for pack in scenario_packs().packs.values()
        ]


class CloneForm(StepForm):
    """What the new study is called, and where its pages are."""

    title = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, label=gettext_lazy("Title")
    )
    slug = forms.SlugField(
        required=False,
        max_length=50,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What it is called in addresses; empty: made of the title."),
        label=gettext_lazy("Slug"),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        slug = data.get("slug") or slugify(data.get("title", ""))[:50]
        if not self.errors and not slug:
            self.add_error("slug", _("Say what it is called in addresses: a to z, 0 to 9 and -."))
        elif Study.objects.filter(slug=slug).exists():
            self.add_error(
                "slug",
                _("Another study has the address “%(slug)s”: choose another one.") % {"slug": slug},
            )
        return data | {"slug": slug}


class DesignSteps(StudyLinks):
    """Allocate quotas, start from templates of dimensions and checks, add tasks, clone."""

    @action(
        description=gettext_lazy("Allocate quotas"),
        icon="groups",
        url_path="allocate",
        permissions=["change"],
    )
    def allocate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return allocation_page(self, request, self._study(request, object_id))

    @action(
        description=gettext_lazy("Add dimensions"),
        icon="playlist_add",
        url_path="add-dimensions",
        permissions=["change"],
    )
    def add_template(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)

        def act(data: dict[str, Any]) -> str:
            added = add_dimension_template(study, template=data["template"])
            names = ", ".join(str(dimension) for dimension in added)
            return (
                _("Added: %(names)s.") % {"names": names}
                if added
                else _("The study has all of them already.")
            )

        step = Step(
            question=_("Add dimensions from a template?"),
            note=" ".join(
                f"{template.name}: {', '.join(spec.name for spec in template.dimensions)}."
                for template in dimension_templates().values()
            )
            + " "
            + _(
                "Their questions are those for %(protocol)s. They are added "
                "to those that the study has; one whose key it has already stays as it is, "
                "and so does the overall one. You can change their words afterwards."
            )
            % {"protocol": study.get_protocol_display()},
            button=_("Add"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            form=TemplateForm,
        )
        return take_step(self, request, study, step)

    @action(
        description=gettext_lazy("Add tasks"),
        icon="add_notes",
        url_path="add-tasks",
        permissions=["change"],
    )
    def add_tasks(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return task_list_page(self, request, self._study(request, object_id))

    @action(
        description=gettext_lazy("Add sensitive topics"),
        icon="health_and_safety",
        url_path="add-scenarios",
        permissions=["change"],
    )
    def add_scenarios(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)

        def act(data: dict[str, Any]) -> str:
            added = add_scenario_pack(study, pack=data["pack"])
            return (
                _("Added: %(added)s tasks.") % {"added": len(added)}
                if added
                else _("The study has all of them already.")
            )

        step = Step(
            question=_("Add sensitive topics?"),
            note=" ".join(
                f"{pack.name}: {pack.description}" for pack in scenario_packs().packs.values()
            )
            + " "
            + _(
                "Each is a task in the area “%(area)s”, whose card says where help is; "
                "change the help lines to those of your raters’ country. Tell raters of it "
                "in the consent, and ask on a dimension whom they trust: the safety board "
                "is of that."
            )
            % {"area": AREA},
            button=_("Add"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            form=ScenarioPackForm,
        )
        return take_step(self, request, study, step)

    @action(
        description=gettext_lazy("Add checks"),
        icon="fact_check",
        url_path="add-checks",
        permissions=["change"],
    )
    def add_checks(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)

        def act(data: dict[str, Any]) -> str:
            added = add_check_template(study, template=data["template"])
            if not added:
                return _("The study has all of them already.")
            return _("Added: %(added)s checks.") % {"added": len(added)}

        step = Step(
            question=_("Add attention checks from a template?"),
            note=" ".join(
                f"{template.name}: {template.description}"
                for template in check_templates().values()
            )
            + " "
            + _(
                "Their words are those for %(protocol)s. Where each rater "
                "meets them is drawn for her. You can change them until the first rater "
                "has come."
            )
            % {"protocol": study.get_protocol_display()},
            button=_("Add"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            form=CheckTemplateForm,
        )
        return take_step(self, request, study, step)

    def has_clone_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("studies.add_study")

    @action(
        description=gettext_lazy("Clone"),
        icon="content_copy",
        url_path="clone",
        permissions=["clone"],
    )
    def clone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        clones: list[Study] = []

        def act(data: dict[str, Any]) -> str:
            clones.append(clone_study(study, slug=data["slug"], title=data["title"]))
            return _("“%(clones)s” is a draft with the design of “%(study)s”.") % {
                "clones": clones[0],
                "study": study,
            }

        step = Step(
            question=_("Clone “%(study)s”?") % {"study": study},
            note=_(
                "A draft with its contestants, dimensions, electorate, quotas, tasks, "
                "rules, checks, pay, latest consent text and completion codes; without its "
                "raters, boards and team, and not public. Codes are usually new for each "
                "study on the recruiting platform: check them."
            ),
            button=_("Clone"),
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            form=CloneForm,
        )
        answer = take_step(self, request, study, step)
        return redirect(page_of(clones[0])) if clones else answer
