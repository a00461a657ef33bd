"""Electorates over REST: whom studies speak for."""

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request

from studies.api.guards import asker_of
from studies.api.parts import Linked
from studies.api.studies import ElectorateOut
from studies.models import Electorate


class ElectorateSummaryOut(Linked):
    url = serializers.SerializerMethodField()

    class Meta:
        model = Electorate
        fields = ["slug", "name", "description", "url"]

    @extend_schema_field(serializers.URLField)
    def get_url(self, electorate: Electorate) -> str:
        return self.link("electorate-detail", slug=electorate.slug)


@extend_schema_view(
    get=extend_schema(
        summary="Electorates",
        description="Of the studies that the asker may see, by slug.",
        tags=["electorates"],
    )
)
class ElectorateList(generics.ListAPIView[Electorate]):
    serializer_class = ElectorateSummaryOut
    queryset = Electorate.objects.none()

    def get_queryset(self) -> QuerySet[Electorate]:
        return electorates_of(self.request).order_by("slug")


@extend_schema_view(
    get=extend_schema(
        summary="One electorate",
        description="Its axes and groups, their shares, and the source of every share.",
        tags=["electorates"],
    )
)
class ElectorateDetail(generics.RetrieveAPIView[Electorate]):
    serializer_class = ElectorateOut
    queryset = Electorate.objects.none()
    lookup_field = "slug"

    def get_object(self) -> Electorate:
        slug = self.kwargs["slug"]
        found = electorates_of(self.request).filter(slug=slug)
        electorate = found.prefetch_related("axes__groups__source", "sources").first()
        if electorate is None:
            raise Http404(f"No study here speaks for an electorate “{slug}”.")
        return electorate


def electorates_of(request: Request) -> QuerySet[Electorate]:
    """The electorates of studies that the asker may see."""
    studies = asker_of(request).studies().filter(electorate=OuterRef("pk"))
    return Electorate.objects.filter(Exists(studies))
