"""Admin pages of who answers, and what is left out. Many rows: no page counts them all."""

from typing import Any, Final

from django.contrib.admin import RelatedFieldListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from raters.models import Participation
from studies.models import Study

# Who calls raters by ids that somebody may look for.
LOOKED_FOR: Final = (Participation.Source.RECRUITED, Participation.Source.OWN)


class OfVisibleStudies:
    """Mixed into a register: shows what belongs to studies that the person may see.

    What is said in a preview is nobody's answer, and shown to nobody.
    """

    model: type[Model]
    study_path = "study"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        previews = Study.objects.filter(preview_of__isnull=False)
        if not request.user.has_perm("studies.view_study"):
            return queryset.filter(pk__in=self._of(Study.objects.visible_to(request.user)))
        if not previews.exists():
            # All of them: this spares the database a look at the study of every row.
            return queryset
        return queryset.exclude(pk__in=self._of(previews))

    def _of(self, studies: QuerySet[Study]) -> QuerySet[Any]:
        """By key: joined to her participations, a rater would be there once for each."""
        of_them = self.model._default_manager.filter(**{f"{self.study_path}__in": studies})
        return of_them.order_by().values("pk")


class OfRealStudies(RelatedFieldListFilter):
    """A filter by study, previews aside."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(
            include_blank=False, ordering=ordering, limit_choices_to={"preview_of": None}
        )


class FoundByIdentity:
    """Mixed into a register: finds raters by the whole id that they have outside as well.

    No column holds it, so it is looked up by the marks that it would have.
    """

    search_help_text = gettext_lazy(
        "A rater's code, or the whole id that the recruiting platform gave."
    )
    # From a participation to the register's rows.
    identity_path: str

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found: QuerySet[Any]
        found, may_repeat = super().get_search_results(request, queryset, search_term)  # type: ignore[misc]
        if not search_term.strip() or found.exists():
            return found, may_repeat
        named = Participation.objects.named_anywhere(search_term.strip(), sources=LOOKED_FOR)
        return queryset.filter(pk__in=named.order_by().values(self.identity_path)), False


class Excludable:
    """Mixed into a register: what of it can be left out of boards."""

    # By a method: named with a dot, the theme's system check looks it up in the database.
    def has_exclude_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.add_exclusion")
