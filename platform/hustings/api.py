"""Addresses of the REST interface, its schema and its documentation."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.urls import URLPattern, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

import hustings.rest.schema  # noqa: F401  for how it describes tokens
from hustings.rest.answers import finished
from hustings.rest.kept import kept
from leaderboards.api import boards
from leaderboards.api.asking import ReportDetail, ReportList
from leaderboards.api.controls import ControlsDetail
from leaderboards.api.conversations import ConversationList
from leaderboards.api.exports import ExportDetail, ExportFile, ExportList
from leaderboards.api.head_to_head import HeadToHeadDetail
from leaderboards.api.labels import LabelsDetail, SafetyDetail
from leaderboards.api.machines import (
    JudgeRunDetail,
    JudgeRunList,
    MachineCard,
    MachineComparison,
)
from leaderboards.api.multiverse import MultiverseDetail
from leaderboards.api.raters import RaterList
from leaderboards.api.routing import RoutingDetail
from leaderboards.api.rows import RowList
from leaderboards.api.sampling import SamplingDetail
from leaderboards.api.standings import StandingList
from leaderboards.api.topics import TopicsDetail
from leaderboards.api.transparency import TransparencyDetail
from raters.api.agreement import AgreementDetail
from raters.api.comparisons import ComparisonList
from raters.api.progress import ProgressDetail
from studies.api import studies
from studies.api.electorates import ElectorateDetail, ElectorateList
from studies.api.steps import StepList

app_name = "api"


class Root(APIView):
    """Where everything else is found."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        names = {
            "studies": "study-list",
            "electorates": "electorate-list",
            "schema": "schema",
            "docs": "docs",
        }
        return Response(
            {word: reverse(f"api:{name}", request=request) for word, name in names.items()}
        )


class Unknown(APIView):
    """An address that is none: said in JSON, as everything here is."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        docs = reverse("api:docs", request=request)
        raise NotFound(f"There is nothing at {request.path}. What there is, is told at {docs}.")


# Swagger UI writes styles into its elements; its scripts are local files.
docs = csp_replace({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api:schema")
)

urlpatterns: list[URLPattern] = [
    path("", Root.as_view(), name="root"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
    path("electorates/", ElectorateList.as_view(), name="electorate-list"),
    path("electorates/<slug:slug>/", ElectorateDetail.as_view(), name="electorate-detail"),
    path("studies/", studies.StudyList.as_view(), name="study-list"),
    path("studies/<slug:slug>/", studies.StudyDetail.as_view(), name="study-detail"),
    path(
        "studies/<slug:slug>/contestants/", studies.ContestantList.as_view(), name="contestant-list"
    ),
    path("studies/<slug:slug>/steps/", StepList.as_view(), name="step-list"),
    path("studies/<slug:slug>/reports/", ReportList.as_view(), name="report-list"),
    path("studies/<slug:slug>/reports/<int:pk>/", ReportDetail.as_view(), name="report-detail"),
    path("studies/<slug:slug>/boards/", boards.BoardList.as_view(), name="board-list"),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/",
        boards.BoardDetail.as_view(),
        name="board-detail",
    ),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/rows/",
        RowList.as_view(),
        name="row-list",
    ),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/export/",
        boards.BoardExport.as_view(),
        name="board-export",
    ),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/head-to-head/",
        HeadToHeadDetail.as_view(),
        name="head-to-head",
    ),
    path("studies/<slug:slug>/standings/", StandingList.as_view(), name="standing-list"),
    path("studies/<slug:slug>/comparisons/", ComparisonList.as_view(), name="comparison-list"),
    path(
        "studies/<slug:slug>/conversations/", ConversationList.as_view(), name="conversation-list"
    ),
    path("studies/<slug:slug>/raters/", RaterList.as_view(), name="rater-list"),
    path("studies/<slug:slug>/progress/", ProgressDetail.as_view(), name="progress"),
    path("studies/<slug:slug>/transparency/", TransparencyDetail.as_view(), name="transparency"),
    path("studies/<slug:slug>/multiverse/", MultiverseDetail.as_view(), name="multiverse"),
    path("studies/<slug:slug>/controls/", ControlsDetail.as_view(), name="controls"),
    path("studies/<slug:slug>/topics/", TopicsDetail.as_view(), name="topics"),
    path("studies/<slug:slug>/labels/", LabelsDetail.as_view(), name="labels"),
    path("studies/<slug:slug>/safety/", SafetyDetail.as_view(), name="safety"),
    path("studies/<slug:slug>/judges/", JudgeRunList.as_view(), name="judge-run-list"),
    path(
        "studies/<slug:slug>/judges/<int:number>/",
        JudgeRunDetail.as_view(),
        name="judge-run-detail",
    ),
    path(
        "studies/<slug:slug>/judges/<int:number>/comparison/",
        MachineComparison.as_view(),
        name="machine-comparison",
    ),
    path(
        "studies/<slug:slug>/judges/<int:number>/report-card/",
        MachineCard.as_view(),
        name="machine-card",
    ),
    path("studies/<slug:slug>/routing/", RoutingDetail.as_view(), name="routing"),
    path("studies/<slug:slug>/sampling/", SamplingDetail.as_view(), name="sampling"),
    path("studies/<slug:slug>/exports/", ExportList.as_view(), name="export-list"),
    path(
        "studies/<slug:slug>/exports/<uuid:export_id>/",
        ExportDetail.as_view(),
        name="export-detail",
    ),
    path(
        "studies/<slug:slug>/exports/<uuid:export_id>/file/",
        ExportFile.as_view(),
        name="export-file",
    ),
    path("studies/<slug:slug>/ledger/", studies.LedgerDetail.as_view(), name="ledger"),
    path("studies/<slug:slug>/agreement/", AgreementDetail.as_view(), name="agreement"),
    re_path("", Unknown.as_view()),
]
for pattern in urlpatterns:
    pattern.callback = finished(pattern.callback)
    if pattern.name in {"board-detail", "row-list", "board-export"}:
        pattern.callback = kept(pattern.callback)
