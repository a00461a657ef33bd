"""What a study compares, on its page: contestants and dimensions."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_pages import NeverDeleted, link_to
from studies.admin.contestants import standing_of
from studies.models import Contestant, Dimension, Study


class ContestantForm(ModelForm):  # type: ignore[type-arg]
    """An entry. Whether name and model are free in the study, its form set says more kindly."""

    class Meta:
        model = Contestant
        fields = ["chat_model", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "name" in self.fields:
            self.fields["name"].required = False
            self.fields["name"].help_text = _("How boards name it; empty: as the model is named.")

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
                form.add_error("chat_model", _("%(model)s takes part already.") % {"model": model})
            elif name in names:
                form.add_error("name", _("Another contestant is named %(name)s.") % {"name": name})
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
    after = gettext_lazy("The question")

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
        return link_to(contestant, _("Open")) if contestant.pk else ""


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
            raise ValidationError(
                _("Two dimensions have the key %(twice)s: give one another.") % {"twice": twice[0]}
            )
        overall = [dimension["name"] for dimension in kept if dimension["is_overall"]]
        if len(overall) > 1:
            raise ValidationError(
                _(
                    "Only one dimension can be the overall one, and these are ticked: "
                    "%(overall)s. Choose the one that the board should open with."
                )
                % {"overall": ", ".join(overall)}
            )
        if not overall:
            raise ValidationError(
                _("Tick “is overall” on one dimension: it is the one that the board opens with.")
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
    after = gettext_lazy("The question")

    def get_extra(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> int:
        return 0 if obj else 1

    def get_formset(self, request: HttpRequest, obj: Study | None = None, **kwargs: Any) -> Any:
        # Open where the first dimension is to be read; folded where there are some already.
        self.collapsible = obj is not None
        return super().get_formset(request, obj, **kwargs)
