"""Steps of a study's page along its life: open, pause, close, archive."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from accounts.admin_pages import Step, page_of, take_step
from studies.admin.links import StudyLinks
from studies.errors import StudyError
from studies.life_cycle import move_study
from studies.models import Study
from studies.planning import open_study


class LifeCycleSteps(StudyLinks):
    """Open, pause, close, archive."""

    @action(
        description=gettext_lazy("Open"), icon="play_arrow", url_path="open", permissions=["change"]
    )
    def open(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.OPEN,
            _("Raters can take part until you pause or close it."),
        )

    @action(
        description=gettext_lazy("Pause"), icon="pause", url_path="pause", permissions=["change"]
    )
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.PAUSED,
            _("Nobody new can take part until you open it again."),
        )

    @action(
        description=gettext_lazy("Close"), icon="stop", url_path="close", permissions=["change"]
    )
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.CLOSED,
            _(
                "No more verdicts come in. A closed study can't be opened again; boards "
                "can be taken."
            ),
        )

    @action(
        description=gettext_lazy("Archive"),
        icon="inventory_2",
        url_path="archive",
        permissions=["change"],
    )
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(
            request,
            object_id,
            Study.State.ARCHIVED,
            _("It is over for good. Its boards stay public."),
        )

    def _move(
        self, request: HttpRequest, object_id: str, to: Study.State, note: str
    ) -> HttpResponse:
        study = self._study(request, object_id)
        verb = {
            "open": _("Open"),
            "paused": _("Pause"),
            "closed": _("Close"),
            "archived": _("Archive"),
        }[to]

        def act(_data: dict[str, Any]) -> str:
            if to == Study.State.OPEN:
                open_study(study, at=timezone.now())
            else:
                move_study(study, to=to, at=timezone.now())
            return _("The study is %(label)s now.") % {"label": to.label}

        step = Step(
            question=_("%(verb)s this study?") % {"verb": verb},
            note=note,
            button=verb,
            act=act,
            refusals=(StudyError,),
            back=page_of(study),
            is_final=to in {Study.State.CLOSED, Study.State.ARCHIVED},
        )
        return take_step(self, request, study, step)
