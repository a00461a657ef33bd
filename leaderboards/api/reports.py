"""Reports over REST: what one says, or that it is being computed."""

from datetime import timedelta
from typing import Final, TypeVar

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
)
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.response import Response

from accounts.models import User
from leaderboards.errors import NothingToRankError
from leaderboards.models import Report
from leaderboards.services.multiverse import dimension_named
from leaderboards.services.reports import ask_for_report, report_status
from studies.api import OfLiveStudy
from studies.models import Dimension

T = TypeVar("T")

RETRY_AFTER_SECONDS: Final = 5
# Whoever asks so long after a report has failed gets it computed anew.
FAILURE_HOLDS: Final = timedelta(minutes=1)

DIMENSION: Final = OpenApiParameter(
    "dimension", str, description="A dimension's key; else the overall."
)


class UnderWayOut(serializers.Serializer[Report]):
    state = serializers.CharField(help_text="`waiting`, or `claimed` by a worker.")
    asked_at = serializers.DateTimeField()


class OfReport(OfLiveStudy):
    """A view of what a report of a study says, for whoever may see its live figures."""

    parameters = ("dimension",)

    def dimension(self) -> Dimension:
        """The dimension that is asked for, or else the overall. Raises NotFound without any."""
        try:
            return dimension_named(self.study, self.asked_dimension())
        except NothingToRankError as error:
            raise NotFound(str(error)) from error

    def read(self, kind: str, subject: str, facts: type[T]) -> T | Response:
        """What the newest report says; or, of one that a worker has yet to compute, a 202.

        One that nobody has asked for is asked for now. Raises NotFound where it just failed.
        """
        now = timezone.now()
        status = report_status(self.study, kind, subject)
        found = status.facts(facts)
        if found is not None:
            return found
        later = status.later
        if later is None or (later.finished_at and now - later.finished_at > FAILURE_HOLDS):
            by = self.request.user if isinstance(self.request.user, User) else None
            later = ask_for_report(self.study, kind, subject, by=by, at=now)
        if later.state == Report.State.FAILED:
            raise NotFound(later.error)
        return Response(
            UnderWayOut(later).data,
            status=202,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


def responses(
    of: type[serializers.Serializer[T]] | PolymorphicProxySerializer,
) -> dict[int, object]:
    """What a view of a report answers, for the schema."""
    computing = OpenApiResponse(
        UnderWayOut,
        description="It is being computed: ask again after as many seconds as Retry-After says.",
    )
    return {200: of, 202: computing}
