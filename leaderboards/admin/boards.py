"""Admin pages of published boards."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import F, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin_pages import (
    ReadOnlyAdmin,
    ReasonForm,
    Step,
    StepForm,
    actor,
    link_to,
    page_of,
    stack,
    table,
    take_step,
)
from leaderboards.admin.controls import controls_page
from leaderboards.admin.criteria import criteria_page
from leaderboards.admin.exports import export_file, exports_page
from leaderboards.admin.labels import labels_page, safety_page
from leaderboards.admin.multiverse import study_multiverse
from leaderboards.admin.planning import planning_page
from leaderboards.admin.routing import routing_page
from leaderboards.admin.scoring import download_scorer, export_preferences, scorer_page
from leaderboards.admin.stopping import stopping_page
from leaderboards.admin.taking import taking_page
from leaderboards.admin.topics import topics_page
from leaderboards.admin.tuning import tuning_page
from leaderboards.errors import BoardError
from leaderboards.exclusions import left_out_of, together
from leaderboards.models import Board, BoardRow
from leaderboards.models.boards import ENGINE_NAMES
from leaderboards.pages.words import day_and_time
from leaderboards.ranking.boards import Engine, Scope
from leaderboards.ranking.errors import RankingError
from leaderboards.reports import BOARD
from leaderboards.services.boards import ENGINES, engines_for, withdraw_board
from leaderboards.services.reports import ask_for_report
from studies.models import Study

REFUSALS = (BoardError, RankingError)


class ChooseEngineForm(StepForm):
    """How the board of a study that compares models is to be computed."""

    engine = forms.ChoiceField(
        choices=[(engine, ENGINE_NAMES[engine]) for engine in ENGINES[Study.Protocol.PAIRWISE]],
        initial=Engine.DAVIDSON,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "Davidson is the engine of published boards. TrueSkill is reserved by its "
            "owner for non-commercial use."
        ),
        label=gettext_lazy("Engine"),
    )


@admin.register(Board)
class BoardAdmin(ReadOnlyAdmin):
    """Published boards. They are taken and withdrawn; nothing else ever happens to them."""

    list_display = ["study", "taken_at", "engine", "raters", "verdicts", "exclusions", "standing"]
    list_display_links = ["study", "taken_at"]
    list_filter = ["study", "engine", ("withdrawal", admin.EmptyFieldListFilter)]
    search_fields = ["input_digest__exact", "study__slug", "study__title"]
    ordering = ["-taken_at"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "study",
                    "standing",
                    "taken_at",
                    "taken_by",
                    ("raters", "verdicts", "exclusions"),
                    ("first_battle_at", "last_battle_at"),
                    "succession",
                    "withdrawal_reason",
                ]
            },
        ),
        (gettext_lazy("Left out"), {"fields": ["left_out"], "classes": ["full-width"]}),
        (gettext_lazy("Ranking"), {"fields": ["ranking"], "classes": ["full-width"]}),
        (gettext_lazy("Sections"), {"fields": ["sections"], "classes": ["full-width"]}),
        (
            gettext_lazy("How it was computed"),
            {"fields": ["engine", "code_version", "input_digest", "parameters"]},
        ),
    ]
    actions_detail = ["see", "export", "multiverse", "withdraw"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Board]:
        return (
            Board.objects.visible_to(request.user)
            .select_related("study", "taken_by", "withdrawal", "supersedes")
            .annotate(successor=F("superseded_by"))
            .defer("document", "supersedes__document")
        )

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (
            ("take/<int:study_id>/", "leaderboards_board_take", self.take),
            ("take/<int:study_id>/<slug:engine>/", "leaderboards_board_taking", taking_page),
            (
                "study/<int:study_id>/multiverse/",
                "leaderboards_study_multiverse",
                study_multiverse,
            ),
            ("study/<int:study_id>/controls/", "leaderboards_study_controls", controls_page),
            ("study/<int:study_id>/plan/", "leaderboards_study_plan", planning_page),
            ("study/<int:study_id>/routing/", "leaderboards_study_routing", routing_page),
            ("study/<int:study_id>/scorer/", "leaderboards_study_scorer", scorer_page),
            (
                "study/<int:study_id>/scorer/download/",
                "leaderboards_study_scorer_download",
                download_scorer,
            ),
            (
                "study/<int:study_id>/scorer/export/",
                "leaderboards_study_scorer_export",
                export_preferences,
            ),
            ("study/<int:study_id>/stopping/", "leaderboards_study_stopping", stopping_page),
            ("study/<int:study_id>/topics/", "leaderboards_study_topics", topics_page),
            ("study/<int:study_id>/labels/", "leaderboards_study_labels", labels_page),
            ("study/<int:study_id>/safety/", "leaderboards_study_safety", safety_page),
            ("study/<int:study_id>/criteria/", "leaderboards_study_criteria", criteria_page),
            ("study/<int:study_id>/tuning/", "leaderboards_study_tuning", tuning_page),
            ("study/<int:study_id>/exports/", "leaderboards_study_exports", exports_page),
            (
                "study/<int:study_id>/exports/<uuid:export_id>/file/",
                "leaderboards_export_file",
                export_file,
            ),
        )

    def has_withdraw_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("leaderboards.add_boardwithdrawal")

    @display(
        description=gettext_lazy("Standing"),
        label={"stands": "success", "superseded": "default", "withdrawn": "danger"},
    )
    def standing(self, board: Board) -> str:
        if hasattr(board, "withdrawal"):
            return _("withdrawn")
        return _("superseded") if getattr(board, "successor", None) else _("stands")

    @display(description=gettext_lazy("Before and after"))
    def succession(self, board: Board) -> SafeString | str:
        parts = []
        if board.supersedes is not None:
            parts.append(
                link_to(
                    board.supersedes,
                    _("Supersedes that of %(supersedes)s")
                    % {"supersedes": day_and_time(board.supersedes.taken_at)},
                )
            )
        successor = Board.objects.defer("document").filter(supersedes=board).first()
        if successor is not None:
            parts.append(
                link_to(
                    successor,
                    _("Superseded by that of %(successor)s")
                    % {"successor": day_and_time(successor.taken_at)},
                )
            )
        return stack(parts) or _("The only board so far.")

    @display(description=gettext_lazy("Withdrawn because"))
    def withdrawal_reason(self, board: Board) -> str:
        withdrawal = getattr(board, "withdrawal", None)
        return "–" if withdrawal is None else str(withdrawal)

    @display(description=gettext_lazy("Overall"))
    def ranking(self, board: Board) -> SafeString | str:
        scopes = [Scope.ELECTORATE.value, Scope.SAMPLE.value]
        overall = board.study.dimensions.filter(is_overall=True).values_list("key", flat=True)
        sections = board.sections.filter(scope__in=scopes, dimension_key__in=overall)
        ranked = sorted(sections, key=lambda section: scopes.index(section.scope))
        section = next((section for section in ranked if not section.refusal), None)
        if section is None:
            return _("Nobody is ranked overall; the sections below say why.")
        return table(
            [
                *(_("Rank"), _("Contestant"), _("Developer"), _("#Win share"), "#P(best)"),
                _("#Ratings") if board.is_of_ratings else _("#Battles"),
            ],
            [_line(row) for row in section.rows.order_by("rank")],
            caption=str(section),
        )

    @display(description=gettext_lazy("All sections"))
    def sections(self, board: Board) -> SafeString:
        first = Prefetch("rows", BoardRow.objects.filter(rank=1), to_attr="leaders")
        rows = [
            (
                section.dimension_name,
                f"{section.axis_name}: {section.group_name}"
                if section.group_name
                else section.get_scope_display().capitalize(),
                f"{section.raters:,}",
                f"{section.battles:,}",
                section.refusal or ", ".join(row.name for row in section.leaders),
            )
            for section in board.sections.prefetch_related(first).order_by("pk")
        ]
        answers = _("#Ratings") if board.is_of_ratings else _("#Battles")
        return table(
            [_("Dimension"), _("For whom"), _("#Raters"), answers, _("First, or why not")], rows
        )

    @display(description=gettext_lazy("Exclusions that applied"))
    def left_out(self, board: Board) -> SafeString | str:
        applied = together(left_out_of(board))
        if not applied:
            return _("None applied.")
        rows = [
            (
                each.words,
                each.reason,
                f"{each.exclusions:,}",
                "–" if each.participations is None else f"{each.participations:,}",
                "–" if each.verdicts is None else f"{each.verdicts:,}",
            )
            for each in applied
        ]
        answers = f"#{board.answers.capitalize()}"
        return table([_("Left out"), _("Reason"), _("#Exclusions"), _("#Raters"), answers], rows)

    def unfit_steps(self, board: Board) -> Iterable[str]:
        return ["withdraw"] if hasattr(board, "withdrawal") else []

    @action(
        description=gettext_lazy("Public page"),
        icon="open_in_new",
        url_path="see",
        permissions=["view"],
    )
    def see(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect("leaderboards:board", slug=board.study.slug, board_id=board.pk)

    @action(
        description=gettext_lazy("Export"), icon="download", url_path="export", permissions=["view"]
    )
    def export(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect("api:board-export", slug=board.study.slug, board_id=board.pk)

    @action(
        description=gettext_lazy("Multiverse"),
        icon="account_tree",
        url_path="multiverse",
        permissions=["view"],
    )
    def multiverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect("admin:leaderboards_study_multiverse", study_id=board.study_id)

    @action(
        description=gettext_lazy("Withdraw"),
        icon="block",
        url_path="withdraw",
        permissions=["withdraw"],
    )
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        board = get_object_or_404(self.get_queryset(request), pk=object_id)

        def act(data: dict[str, Any]) -> str:
            withdraw_board(board, reason=data["reason"], by=actor(request), at=timezone.now())
            return _("The board is withdrawn.")

        step = Step(
            question=_("Withdraw this board?"),
            note=_(
                "It stays at its address with all its numbers, and says that it is "
                "withdrawn and why. This can't be undone; a new board can be taken at any "
                "time."
            ),
            button=_("Withdraw"),
            act=act,
            refusals=REFUSALS,
            back=page_of(board),
            form=ReasonForm,
            is_final=True,
        )
        return take_step(self, request, board, step)

    def take(self, request: HttpRequest, study_id: int, **_rest: Any) -> HttpResponse:
        """Publish a board of a study; the study's page leads here."""
        if not request.user.has_perm("leaderboards.add_board"):
            raise PermissionDenied
        study = get_object_or_404(Study.objects.visible_to(request.user), pk=study_id)

        asked: list[Engine] = []

        def act(data: dict[str, Any]) -> str:
            # Where one engine alone will do, nothing was asked.
            engine = Engine(data["engine"]) if data else engines_for(study)[0]
            ask_for_report(study, BOARD, engine, by=actor(request), at=timezone.now())
            asked.append(engine)
            return _("A board is asked for.")

        step = Step(
            question=_("Take a board of this study?"),
            note=_(
                "All dimensions and groups are computed from what raters said and counts "
                "then, and published as a snapshot. Nobody can change it afterwards; the "
                "next one supersedes it. A large study takes some seconds."
            ),
            button=_("Take and publish"),
            act=act,
            refusals=REFUSALS,
            back=page_of(study),
            form=ChooseEngineForm if len(engines_for(study)) > 1 else StepForm,
        )
        response = take_step(self, request, study, step)
        for engine in asked:
            return redirect("admin:leaderboards_board_taking", study_id=study.pk, engine=engine)
        return response


def _line(row: BoardRow) -> tuple[str, ...]:
    ranks = (
        str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
    )
    return (
        ranks,
        _("%(name)s (provisional)") % {"name": row.name} if row.is_provisional else row.name,
        row.developer,
        f"{row.win_share:.1%}",
        f"{row.p_best:.1%}",
        f"{row.battles:,}",
    )
