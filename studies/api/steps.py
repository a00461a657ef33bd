"""Steps of a study's life over REST: open, pause, close, archive."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from studies.api.studies import StudySummaryOut
from studies.api.writes import Writes, log_change
from studies.errors import StudyError
from studies.life_cycle import move_study
from studies.models import Study
from studies.planning import open_study

STEPS: Final = {
    "open": Study.State.OPEN,
    "pause": Study.State.PAUSED,
    "close": Study.State.CLOSED,
    "archive": Study.State.ARCHIVED,
}


class StepIn(serializers.Serializer[dict[str, Any]]):
    """Where the study goes."""

    step = serializers.ChoiceField(
        list(STEPS), help_text="`open` also goes on after a pause; `close` and `archive` are final."
    )


@extend_schema_view(
    post=extend_schema(
        summary="Move a study",
        description="Open, pause, go on, close or archive it, with the checks of the admin. Where "
        "it is not ready or can't go there, `errors.study` says why, and nothing is done.",
        tags=["studies"],
        request=StepIn,
        responses={200: StudySummaryOut},
    )
)
class StepList(Writes):
    """Steps of a study."""

    permission = "studies.change_study"
    takes = StepIn
    refusals = (StudyError,)
    # Opening looks up the hosts of chat models. Done again, it is refused: the study is there.
    is_atomic = False

    def write(self, given: dict[str, Any]) -> Response:
        to, study = STEPS[given["step"]], self.study
        if to == Study.State.OPEN:
            open_study(study, at=timezone.now())
        else:
            move_study(study, to=to, at=timezone.now())
        log_change(self.request, study, f"The study is {to.label} now.")
        return Response(StudySummaryOut(study, context={"request": self.request}).data)
