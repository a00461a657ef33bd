"""Addresses of the REST interface, its schema and its documentation."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.urls import URLPattern, path, re_path
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from leaderboards.api import boards
from leaderboards.api.controls import ControlsDetail
from leaderboards.api.labels import LabelsDetail, SafetyDetail
from leaderboards.api.machines import (
    JudgeRunDetail,
    JudgeRunList,
    MachineCard,
    MachineComparison,
)
from leaderboards.api.multiverse import MultiverseDetail
from leaderboards.api.routing import RoutingDetail
from leaderboards.api.sampling import SamplingDetail
from leaderboards.api.topics import TopicsDetail
from raters.api import AgreementDetail
from studies import api as studies

app_name = "api"


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "hustings.rest.TokenAuthentication"
    name = "token"


class Root(APIView):
    """Where everything else is found."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        names = {"studies": "study-list", "schema": "schema", "docs": "docs"}
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
    path("studies/", studies.StudyList.as_view(), name="study-list"),
    path("studies/<slug:slug>/", studies.StudyDetail.as_view(), name="study-detail"),
    path(
        "studies/<slug:slug>/contestants/", studies.ContestantList.as_view(), name="contestant-list"
    ),
    path("studies/<slug:slug>/boards/", boards.BoardList.as_view(), name="board-list"),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/",
        boards.BoardDetail.as_view(),
        name="board-detail",
    ),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/rows/",
        boards.RowList.as_view(),
        name="row-list",
    ),
    path(
        "studies/<slug:slug>/boards/<uuid:board_id>/export/",
        boards.BoardExport.as_view(),
        name="board-export",
    ),
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
    path("studies/<slug:slug>/ledger/", studies.LedgerDetail.as_view(), name="ledger"),
    path("studies/<slug:slug>/agreement/", AgreementDetail.as_view(), name="agreement"),
    re_path("", Unknown.as_view()),
]
