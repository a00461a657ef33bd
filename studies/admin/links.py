"""Links of a study's page to pages about it that stand elsewhere, found by their names.

Apps above this one own most of them, so nothing of theirs is imported.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from accounts.admin_pages import HustingsAdmin
from studies.models import Study


class StudyLinks(HustingsAdmin):
    """To the public page, and to the admin's pages of what becomes of the study."""

    # By a method: named with a dot, the theme's system check looks it up in the database.
    def has_take_board_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leaderboards.add_board")

    def has_exclude_by_rule_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.add_exclusion")

    @action(
        description=gettext_lazy("Public page"),
        icon="open_in_new",
        url_path="see",
        permissions=["view"],
    )
    def see(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        return redirect("leaderboards:study", slug=study.slug)

    @action(
        description=gettext_lazy("Live"), icon="monitoring", url_path="live", permissions=["view"]
    )
    def live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:raters_study_live", request, object_id)

    @action(
        description=gettext_lazy("Preview"),
        icon="preview",
        url_path="preview",
        permissions=["change"],
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:raters_study_preview", request, object_id)

    @action(
        description=gettext_lazy("Plan"), icon="calculate", url_path="plan", permissions=["view"]
    )
    def plan(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_plan", request, object_id)

    @action(
        description=gettext_lazy("Take a board"),
        icon="photo_camera",
        url_path="take-board",
        permissions=["take_board"],
    )
    def take_board(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_board_take", request, object_id)

    @action(
        description=gettext_lazy("Stopping"), icon="flag", url_path="stopping", permissions=["view"]
    )
    def stopping_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_stopping", request, object_id)

    @action(
        description=gettext_lazy("Multiverse"),
        icon="account_tree",
        url_path="multiverse",
        permissions=["view"],
    )
    def multiverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_multiverse", request, object_id)

    @action(
        description=gettext_lazy("Robustness"),
        icon="verified",
        url_path="robustness",
        permissions=["view"],
    )
    def robustness(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_controls", request, object_id)

    def has_judge_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("raters.add_judgerun")

    @action(
        description=gettext_lazy("Judge"), icon="gavel", url_path="judge", permissions=["judge"]
    )
    def judge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:raters_study_judge", request, object_id)

    @action(
        description=gettext_lazy("Topics"), icon="category", url_path="topics", permissions=["view"]
    )
    def topics(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_topics", request, object_id)

    @action(
        description=gettext_lazy("Routing"),
        icon="alt_route",
        url_path="routing",
        permissions=["view"],
    )
    def routing(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_routing", request, object_id)

    @action(
        description=gettext_lazy("Labels"), icon="label", url_path="labels", permissions=["view"]
    )
    def labels(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_labels", request, object_id)

    @action(
        description=gettext_lazy("Safety"),
        icon="health_and_safety",
        url_path="safety",
        permissions=["view"],
    )
    def safety(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_safety", request, object_id)

    @action(
        description=gettext_lazy("Scorer"),
        icon="model_training",
        url_path="scorer",
        permissions=["view"],
    )
    def scorer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_scorer", request, object_id)

    @action(
        description=gettext_lazy("Criteria"),
        icon="checklist",
        url_path="criteria",
        permissions=["view"],
    )
    def criteria(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_criteria", request, object_id)

    @action(
        description=gettext_lazy("Exports"),
        icon="download",
        url_path="exports",
        permissions=["view"],
    )
    def exports(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:leaderboards_study_exports", request, object_id)

    @action(
        description=gettext_lazy("Sampling"),
        icon="balance",
        url_path="sampling",
        permissions=["view"],
    )
    def sampling(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        return redirect("leaderboards:sampling", slug=study.slug)

    @action(
        description=gettext_lazy("Integrity"),
        icon="verified_user",
        url_path="integrity",
        permissions=["view"],
    )
    def integrity(self, request: HttpRequest, object_id: str) -> HttpResponse:
        study = self._study(request, object_id)
        return redirect("leaderboards:integrity", slug=study.slug)

    @action(
        description=gettext_lazy("Exclude by rule"),
        icon="rule",
        url_path="exclude-by-rule",
        permissions=["exclude_by_rule"],
    )
    def exclude_by_rule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._to_page("admin:raters_exclusion_rule", request, object_id)

    def _to_page(self, name: str, request: HttpRequest, object_id: str) -> HttpResponse:
        """To the admin's page of this name, about a study that this person may see."""
        return redirect(name, study_id=self._study(request, object_id).pk)

    def _study(self, request: HttpRequest, object_id: str) -> Study:
        return get_object_or_404(Study.objects.visible_to(request.user), pk=object_id)
