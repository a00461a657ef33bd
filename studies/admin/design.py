"""Admin pages of studies: the question, who takes part, what is compared, for whom."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import action, display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import (
    HustingsAdmin,
    NeverDeleted,
    Step,
    link_to,
    page_of,
    take_step,
)
from studies.admin.contestants import standing_of
from studies.errors import StudyError
from studies.models import Contestant, Dimension, Electorate, Study
from studies.services import NEXT_STATES, enter_contestant, give_electorate, move_study

STATE_COLOURS = {
    "draft": "info",
    "open": "success",
    "paused": "warning",
    "closed": "primary",
    "archived": "default",
}


class ContestantForm(ModelForm):  # type: ignore[type-arg]
    """An entry. Whether name and model are free in the study, its form set says more kindly."""

    class Meta:
        model = Contestant
        fields = ["chat_model", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].required = False
            self.fields["name"].help_text = "How boards name it; empty: as the model is named."

    def clean_name(self) -> str:
        model = self.cleaned_data.get("chat_model")
        return self.cleaned_data["name"] or (str(model) if model else "")

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"name", "chat_model"}


class ContestantFormSet(PaginationInlineFormSet):
    """The contestants of a study, each chat model and each name once."""

    def clean(self) -> None:
        super().clean()
        standing = self.instance.contestants.all() if self.instance.pk else []
        names = {contestant.name for contestant in standing}
        models = {contestant.chat_model_id for contestant in standing}
        for form in self.extra_forms:
            if not form.has_changed() or form.errors:
                continue
            name, model = form.cleaned_data["name"], form.cleaned_data["chat_model"]
            if model.pk in models:
                form.add_error("chat_model", f"{model} takes part already.")
            elif name in names:
                form.add_error("name", f"Another contestant is named {name}.")
            names.add(name)
            models.add(model.pk)


class ContestantInline(NeverDeleted, TabularInline):
    """Who takes part. A chat model is entered here and withdrawn on its own page."""

    model = Contestant
    form = ContestantForm
    formset = ContestantFormSet
    extra = 0
    fields = ["chat_model", "name", "developer", "battles", "standing", "page"]
    readonly_fields = ["developer", "battles", "standing", "page"]
    autocomplete_fields = ["chat_model"]
    can_delete = False
    hide_title = True

    def has_change_permission(self, request: HttpRequest, obj: Study | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contestant]:
        queryset: QuerySet[Contestant] = super().get_queryset(request)
        # Counted one by one: joined to both sides at once, every battle would count many times.
        return queryset.select_related("chat_model").annotate(
            as_a=_count("battles_as_a"), as_b=_count("battles_as_b")
        )

    def developer(self, contestant: Contestant) -> str:
        return contestant.chat_model.developer if contestant.pk else ""

    def battles(self, contestant: Contestant) -> str:
        return f"{contestant.as_a + contestant.as_b:,}" if contestant.pk else ""  # type: ignore[attr-defined]

    def standing(self, contestant: Contestant) -> str:
        return standing_of(contestant) if contestant.pk else ""

    @display(description="")
    def page(self, contestant: Contestant) -> str:
        return link_to(contestant, "Open") if contestant.pk else ""


def _count(battles: str) -> Coalesce:
    """How many battles each contestant has on one side."""
    counted = (
        Contestant.objects.filter(pk=OuterRef("pk"))
        .order_by()
        .annotate(n=Count(battles))
        .values("n")
    )
    return Coalesce(Subquery(counted), 0)


class DimensionForm(ModelForm):  # type: ignore[type-arg]
    """A dimension. Its key is in addresses and in published boards, so it stays."""

    class Meta:
        model = Dimension
        fields = ["key", "name", "question", "help", "weight", "position", "is_overall"]
        widgets = {"help": UnfoldAdminTextareaWidget(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["key"].disabled = True

    def has_changed(self) -> bool:
        # The overall dimension that a new study starts with counts, even if nobody touches it.
        return super().has_changed() or bool(
            self.initial.get("is_overall") and not self.instance.pk
        )

    def _get_validation_exclusions(self) -> set[str]:
        # One form alone cannot tell: the overall dimension may just move to another row.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"is_overall", "key"}


class DimensionFormSet(PaginationInlineFormSet):
    """The dimensions of a study, of which exactly one is the overall one."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        keys = [dimension["key"] for dimension in kept]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValidationError(f"Two dimensions have the key {twice[0]}: give one another.")
        overall = [dimension["name"] for dimension in kept if dimension["is_overall"]]
        if len(overall) > 1:
            raise ValidationError(
                "Only one dimension can be the overall one, and these are ticked: "
                f"{', '.join(overall)}. Choose the one that the board should open with."
            )
        if not overall:
            raise ValidationError(
                "Tick “is overall” on one dimension: it is the one that the board opens with."
            )

    def save(self, commit: bool = True) -> list[Dimension]:  # noqa: FBT001, FBT002
        """Save, the overall one last: the database allows no two at any time."""
        changed: list[Dimension] = super().save(commit=False)
        if commit:
            for dimension in self.deleted_objects:
                dimension.delete()
            for dimension in sorted(changed, key=lambda dimension: dimension.is_overall):
                dimension.save()
            self.save_m2m()
        return changed


class DimensionInline(StackedInline):
    """What raters compare."""

    model = Dimension
    form = DimensionForm
    formset = DimensionFormSet
    extra = 0
    fields = [("name", "key"), "question", "help", ("weight", "position", "is_overall")]

    def get_extra(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def get_formset(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> Any:
        # Open where the first dimension is to be read; folded where there are some already.
        self.collapsible = obj is not None
        return super().get_formset(request, obj, **kwargs)


FIRST_DIMENSION = {
    "key": "overall",
    "name": "Overall",
    "question": "Which of the two would you rather have talked to?",
    "is_overall": True,
}


class StudyForm(ModelForm):  # type: ignore[type-arg]
    """A study. Whom it speaks for can be said as long as it has no raters."""

    def clean_electorate(self) -> Electorate | None:
        electorate: Electorate | None = self.cleaned_data["electorate"]
        had = self.instance.electorate_id
        if had and electorate is None:
            raise ValidationError("Choose another electorate; a study keeps one once it has one.")
        return electorate


@admin.register(Study)
class StudyAdmin(NeverDeleted, HustingsAdmin):
    """Studies, in the order in which a person thinks: question, contestants, dimensions, whom."""

    form = StudyForm
    list_display = ["title", "standing", "electorate", "is_public", "raters", "created_at"]
    list_display_links = ["title"]
    list_filter = ["state", "is_public", "is_simulated"]
    list_select_related = ["electorate"]
    search_fields = ["slug", "title"]
    prepopulated_fields = {"slug": ["title"]}
    autocomplete_fields = ["electorate", "team"]
    inlines = [ContestantInline, DimensionInline]
    change_form_template = "admin/studies/study/change_form.html"
    fieldsets = [
        (
            "The question",
            {"fields": ["title", "slug", "question", "state", "progress", "is_simulated"]},
        ),
        (
            "Electorate and visibility",
            {"fields": ["electorate", "is_public", "team"], "classes": ["after-inlines"]},
        ),
    ]
    actions_detail = ["see", "take_board", "open", "pause", "close", "archive"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Study]:
        queryset = Study.objects.visible_to(request.user)
        return queryset.annotate(rater_count=Count("participations"))

    def get_readonly_fields(self, request: HttpRequest, obj: Study | None = None) -> list[str]:
        fields = ["state", "progress"]
        if obj is None:
            return fields
        return [*fields, "slug", *(["electorate"] if obj.participations.exists() else [])]

    def get_fieldsets(self, request: HttpRequest, obj: Study | None = None) -> Any:
        if obj is not None:
            return self.fieldsets
        question, electorate = self.fieldsets
        fields = ["title", "slug", "question", "is_simulated"]
        return [(question[0], {"fields": fields}), electorate]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Study | None = None) -> Any:
        return {} if obj else self.prepopulated_fields

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Study, inline: Any, prefix: str
    ) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, DimensionInline) and not obj.pk:
            kwargs["initial"] = [FIRST_DIMENSION]
        return kwargs

    def save_model(self, request: HttpRequest, obj: Study, form: StudyForm, change: bool) -> None:  # noqa: FBT001
        electorate = form.cleaned_data.get("electorate")
        if change and "electorate" in form.changed_data:
            obj.electorate_id = form.initial["electorate"]
        super().save_model(request, obj, form, change)
        if electorate is not None:
            try:
                give_electorate(obj, electorate)
            except StudyError as refusal:
                messages.error(request, str(refusal))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: FBT001
        if formset.model is not Contestant:
            super().save_formset(request, form, formset, change)
            return
        entered = formset.save(commit=False)
        formset.new_objects = [
            enter_contestant(form.instance, name=entry.name, chat_model=entry.chat_model)
            for entry in entered
        ]

    # By a method: named with a dot, the theme's system check looks it up in the database.
    def has_take_board_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leaderboards.add_board")

    @display(description="State", label=STATE_COLOURS, ordering="state")
    def standing(self, study: Study) -> tuple[str, str]:
        return study.state, study.get_state_display()

    @display(description="Raters", ordering="rater_count")
    def raters(self, study: Study) -> str:
        return f"{getattr(study, 'rater_count', 0):,}"

    @display(description="So far")
    def progress(self, study: Study) -> str:
        verdicts = study.dimensions.aggregate(n=Count("verdicts"))["n"]
        battles = study.contestants.aggregate(n=Count("battles_as_a"))["n"]
        return (
            f"{study.participations.count():,} raters · {battles:,} battles · {verdicts:,} verdicts"
        )

    def unfit_steps(self, study: Study) -> Iterable[str]:
        steps = {"open": "open", "paused": "pause", "closed": "close", "archived": "archive"}
        yield from (step for state, step in steps.items() if state not in NEXT_STATES[study.state])
        if study.state == Study.State.DRAFT:
            yield "take_board"

    @action(description="Public page", icon="open_in_new", url_path="see", permissions=["view"])
    def see(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        return redirect("leaderboards:study", slug=study.slug)

    @action(
        description="Take a board",
        icon="photo_camera",
        url_path="take-board",
        permissions=["take_board"],
    )
    def take_board(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        return redirect("admin:leaderboards_board_take", study_id=study.pk)

    @action(description="Open", icon="play_arrow", url_path="open", permissions=["change"])
    def open(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.OPEN,
            "Raters can take part until you pause or close it.",
        )

    @action(description="Pause", icon="pause", url_path="pause", permissions=["change"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.PAUSED,
            "Nobody new can take part until you open it again.",
        )

    @action(description="Close", icon="stop", url_path="close", permissions=["change"])
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.CLOSED,
            "No more verdicts come in. A closed study can't be opened again; boards can be taken.",
        )

    @action(description="Archive", icon="inventory_2", url_path="archive", permissions=["change"])
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request, object_id, Study.State.ARCHIVED, "It is over for good. Its boards stay public."
        )

    def _move(
        self, request: HttpRequest, object_id: str, to: Study.State, note: str
    ) -> HttpResponse:
        study = self._study(request, object_id)
        verb = {"open": "Open", "paused": "Pause", "closed": "Close", "archived": "Archive"}[to]

        def act(_data: dict[str, Any]) -> str:
            move_study(study, to=to)
            return f"The study is {to.label} now."

        step = Step(
            question=f"{verb} this study?",
            note=note,
            button=verb,
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            is_final=to in {Study.State.CLOSED, Study.State.ARCHIVED},
        )
        return take_step(self, request, study, step)

    def _study(self, request: HttpRequest, object_id: str) -> Study:
        return get_object_or_404(Study.objects.visible_to(request.user), pk=object_id)
