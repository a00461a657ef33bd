"""Exports over REST: asked for, watched, and fetched in as many goes as it takes."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from leaderboards.errors import ExportError
from leaderboards.exports.serving import answer_file
from leaderboards.models import Export
from leaderboards.services.exports import ask_for_export
from studies.access import Scope
from studies.api import Linked, OfLiveStudy, Writes

RANGE = OpenApiParameter(
    "Range", str, OpenApiParameter.HEADER, description="Of bytes; `If-Range` takes the ETag."
)


class ExportOut(Linked):
    rows = serializers.JSONField(help_text="How many rows each file has, or has so far.")
    url = serializers.SerializerMethodField()
    file_url = serializers.SerializerMethodField(help_text="Null while there is no file.")

    class Meta:
        model = Export
        fields = [
            "id",
            "format",
            "is_release",
            "state",
            "asked_at",
            "finished_at",
            "expires_at",
            "rows",
            "size",
            "sha256",
            "error",
            "url",
            "file_url",
        ]

    @extend_schema_field(serializers.URLField)
    def get_url(self, export: Export) -> str:
        return self._link("export-detail", export)

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_file_url(self, export: Export) -> str | None:
        is_ready = export.state == Export.State.READY
        return self._link("export-file", export) if is_ready else None

    def _link(self, name: str, export: Export) -> str:
        return self.link(name, slug=export.study.slug, export_id=export.pk)


class ExportIn(serializers.Serializer[Export]):
    format = serializers.ChoiceField(Export.Format.choices, default=Export.Format.CSV)
    is_release = serializers.BooleanField(
        default=False, help_text="Only what may be published; else for the study's team."
    )


class OfExports(OfLiveStudy):
    """A view of a study's exports that the asker may fetch.

    A full one holds conversations and groups: it needs the scope for them, and the permission to
    change the study.
    """

    def exports(self) -> QuerySet[Export]:
        found = self.study.exports.select_related("study").order_by("-asked_at", "-pk")
        may_change = self.request.user.has_perm("studies.change_study")
        if may_change and self.asker.may(Scope.CONVERSATIONS, self.study):
            return found
        return found.filter(is_release=True)

    def export(self) -> Export:
        return get_object_or_404(self.exports(), pk=self.kwargs["export_id"])


@extend_schema_view(
    get=extend_schema(
        summary="Exports of a study",
        description="Newest first; full ones only for who may read conversations and change the "
        "study.",
        tags=["exports"],
    )
)
class ExportList(Writes, OfExports, generics.ListAPIView[Export]):
    serializer_class = ExportOut
    queryset = Export.objects.none()
    takes = ExportIn
    refusals = (ExportError,)
    permission = "studies.change_study"

    def get_queryset(self) -> QuerySet[Export]:
        return self.exports()

    @extend_schema(
        summary="Ask for an export",
        description="A worker builds it; `url` says how far it is.",
        request=ExportIn,
        responses={202: ExportOut},
        tags=["exports"],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)

    def write(self, given: dict[str, Any]) -> Response:
        user = self.request.user
        refusal = self.asker.refusal(Scope.CONVERSATIONS, self.study)
        if refusal and not given["is_release"]:
            self.permission_denied(self.request, refusal)
        export = ask_for_export(
            self.study,
            form=given["format"],
            is_release=given["is_release"],
            by=user if isinstance(user, User) else None,
            at=timezone.now(),
        )
        return Response(ExportOut(export, context={"request": self.request}).data, status=202)


@extend_schema_view(get=extend_schema(summary="One export", tags=["exports"]))
class ExportDetail(OfExports, generics.RetrieveAPIView[Export]):
    serializer_class = ExportOut
    queryset = Export.objects.none()

    def get_object(self) -> Export:
        return self.export()


class ExportFile(OfExports):
    """An export's file."""

    @extend_schema(
        summary="File of an export",
        description="A ZIP. A download that broke off goes on by `Range`, with the ETag, which is "
        "the file's SHA-256, as `If-Range`.",
        tags=["exports"],
        parameters=[RANGE],
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            (206, "application/zip"): OpenApiTypes.BINARY,
            416: OpenApiResponse(description="The file has no such part."),
        },
    )
    def get(self, request: Request, slug: str, export_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        try:
            return answer_file(request._request, self.export())  # noqa: SLF001
        except ExportError as error:
            raise NotFound(str(error)) from error

    def head(self, request: Request, slug: str, export_id: UUID) -> HttpResponseBase:
        return self.get(request, slug, export_id)
