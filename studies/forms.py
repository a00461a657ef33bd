"""What people fill in about studies."""

from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from studies.census import (
    ElectorateError,
    ElectorateSpec,
    load_shipped,
    parse_electorate,
    shipped_electorates,
)
from studies.census.reading import SIZE_LIMIT
from studies.errors import TaskListError
from studies.task_list import TaskSpec, decode_tasks, parse_tasks

LARGEST_TASK_FILE: Final = 2_000_000


class ElectorateForm(forms.Form):
    """An electorate: one that Hustings ships, or one from a file. Valid, it holds a `spec`."""

    shipped = forms.ChoiceField(
        label=gettext_lazy("One that comes with Hustings"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Every figure with its source."),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy(
            "CSV with the columns axis, group, share, source (or one column for each axis, "
            "for joint shares), or TOML; plain or packed as .gz."
        ),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy(
            "Of a file's electorate; without it, what the file says or is called."
        ),
    )

    spec: ElectorateSpec

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(slug, load_shipped(slug).name) for slug in shipped_electorates()]
        self.fields["shipped"].choices = [("", _("Choose one")), *names]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        shipped, file = data.get("shipped"), data.get("file")
        if self.errors:
            return data
        if bool(shipped) == bool(file):
            raise forms.ValidationError(_("Choose one that comes with Hustings, or give a file."))
        try:
            self.spec = _spec_of(file, data.get("name")) if file else load_shipped(str(shipped))
        except ElectorateError as error:
            self.add_error("file" if file else "shipped", str(error))
        return data


def _spec_of(file: "UploadedFile[Any]", name: str | None) -> ElectorateSpec:
    if (file.size or 0) > SIZE_LIMIT:
        # Before any of it is read; what it unfolds to is looked at as well.
        raise ElectorateError(
            _("%(size_limit)s bytes are the most at once") % {"size_limit": f"{SIZE_LIMIT:,}"},
            where=file.name or "",
        )
    return parse_electorate(file.read(), file_name=file.name or "", name=name or None)


class TaskListForm(forms.Form):
    """Many tasks: a table that is pasted, or one from a file. Valid, it holds `specs`."""

    table = forms.CharField(
        label=gettext_lazy("Paste a table"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
        help_text=gettext_lazy(
            "Its first line names the columns: area, category, task, text, battles. Only "
            "task and text have to be there. Commas, tabs or semicolons between them."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text=gettext_lazy("The same as CSV, in UTF-8."),
    )

    specs: tuple[TaskSpec, ...]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        table, file = data.get("table"), data.get("file")
        if self.errors:
            return data
        if bool(table) == bool(file):
            raise forms.ValidationError(_("Paste a table, or give a file."))
        if file and file.size > LARGEST_TASK_FILE:
            self.add_error(
                "file",
                _("%(largest_task_file)s bytes are the most at once.")
                % {"largest_task_file": f"{LARGEST_TASK_FILE:,}"},
            )
            return data
        try:
            self.specs = parse_tasks(decode_tasks(file.read()) if file else str(table))
        except TaskListError as error:
            self.add_error("file" if file else "table", list(error.flaws))
        return data
