"""What battles of a study are about, on its page: tasks one by one, and many at once."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import page_of
from studies.errors import StudyError, TaskListError
from studies.forms import TaskListForm
from studies.models import Study, Task
from studies.task_list import add_tasks

# What raters were asked is on record, as soon as a battle has the task.
RECORDED = ("area", "category", "name", "text")
OVER = (Study.State.CLOSED, Study.State.ARCHIVED)


class TaskForm(ModelForm):  # type: ignore[type-arg]
    """A task. What it says stays once a battle has it; its quota and its place may change."""

    class Meta:
        model = Task
        fields = ["area", "category", "name", "text", "battles_wanted", "position"]
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_battles(self.instance):
            for name in RECORDED:
                if name in self.fields:
                    self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("category") and not data.get("area"):
            self.add_error("area", _("Name the area that the category lies in."))
        return data

    def _get_validation_exclusions(self) -> set[str]:
        # The form set tells it, of two new ones too.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"name"}


class TaskFormSet(PaginationInlineFormSet):
    """The tasks of a study, or a page of them, of which those that battles have stay."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        # Django would refuse it by naming every battle of the task.
        if DELETION_FIELD_NAME in form.fields and has_battles(form.instance):
            form.fields[DELETION_FIELD_NAME].disabled = True

    def clean(self) -> None:
        super().clean()
        for form in self.initial_forms:
            if has_battles(form.instance) and form.data.get(form.add_prefix(DELETION_FIELD_NAME)):
                raise ValidationError(
                    _(
                        "Battles have the task “%(instance)s”: it is part of the record, "
                        "and stays. Nothing was changed."
                    )
                    % {"instance": form.instance}
                )
        if any(self.errors):
            return
        tasks = self._tasks()
        twice = [task for task, count in Counter(map(str, tasks)).items() if count > 1]
        if twice:
            raise ValidationError(
                _("Two tasks are “%(twice)s”: give one another name.") % {"twice": twice[0]}
            )
        # In a draft this is told with whatever else is missing; later nobody would tell it.
        is_draft = self.instance.state == Study.State.DRAFT
        quotas = [task.battles_wanted for task in tasks]
        if not is_draft and any(quotas) and not all(quotas):
            raise ValidationError(
                _("Say of every task how many battles it should have, or of none.")
            )

    def _tasks(self) -> list[Task]:
        """The tasks as they will be, with those on other pages of the form."""
        kept = [form for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        shown = [form.instance.pk for form in self.initial_forms]
        others = self.instance.tasks.exclude(pk__in=shown) if self.instance.pk else []
        return [*others, *(form.instance for form in kept)]


class TaskInline(StackedInline):
    """What each battle is about, where the study has more than one task."""

    model = Task
    form = TaskForm
    formset = TaskFormSet
    extra = 0
    # Each form has nine fields, and Django takes a thousand in one answer.
    per_page = 20
    fields = [
        ("area", "category"),
        "name",
        "text",
        ("battles_wanted", "position"),
        "battles",
    ]
    readonly_fields = ["battles"]
    collapsible = True
    after = gettext_lazy("Task and turns")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        queryset: QuerySet[Task] = super().get_queryset(request)
        # Grouped to be counted, they would lose the order that pages need.
        counted = queryset.annotate(battle_count=Count("battles"))
        return counted.order_by("position", "area", "category", "name")

    def has_add_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        is_over = obj is not None and obj.state in OVER
        return not is_over and bool(super().has_add_permission(request, obj))

    def battles(self, task: Task) -> str:
        return f"{getattr(task, 'battle_count', 0):,}"


def has_battles(task: Task) -> bool:
    """Whether raters have met the task, so that what it says is on record."""
    count: int | None = getattr(task, "battle_count", None)
    if count is None and task.pk is not None:
        count = Task.objects.filter(pk=task.pk).aggregate(count=Count("battles"))["count"]
    return bool(count)


def battles_planned_of(study: Study) -> str:
    """How many battles raters will hold, and how many the tasks should have, in a sentence."""
    wanted = [quota for quota in study.tasks.values_list("battles_wanted", flat=True) if quota]
    if not study.raters_wanted:
        return _("Allocate quotas, and how many battles there will be shows here.")
    held = study.raters_wanted * study.battles_each
    planned = _("%(held)s: %(raters_wanted)s raters hold %(battles_each)s each.") % {
        "held": f"{held:,}",
        "raters_wanted": f"{study.raters_wanted:,}",
        "battles_each": study.battles_each,
    }
    if not wanted:
        return planned
    return _("%(planned)s The tasks' quotas add up to %(wanted)s; battles are divided by them.") % {
        "planned": planned,
        "wanted": f"{sum(wanted):,}",
    }


def task_list_page(admin: ModelAdmin, request: HttpRequest, study: Study) -> HttpResponse:
    """Ask for a table of tasks, and add all of them, or say what is wrong with which line."""
    answer = (request.POST, request.FILES) if request.method == "POST" else ()
    form = TaskListForm(*answer)
    if form.is_valid():
        try:
            added = add_tasks(study, form.specs)
        except TaskListError as error:
            form.add_error("file" if form.cleaned_data["file"] else "table", list(error.flaws))
        except StudyError as refusal:
            form.add_error(None, str(refusal))
        else:
            done = (
                _("%(added)s tasks are added.") % {"added": f"{len(added):,}"}
                if len(added) > 1
                else _("One task is added.")
            )
            admin.log_change(request, study, done)
            messages.success(request, done)
            return redirect(page_of(study))
    context = admin.admin_site.each_context(request) | {
        "title": _("Add tasks"),
        "opts": admin.model._meta,
        "original": study,
        "form": form,
        "back": page_of(study),
    }
    return TemplateResponse(request, "admin/studies/study/add_tasks.html", context)
