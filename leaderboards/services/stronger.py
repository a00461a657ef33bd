"""Lets a stronger judge rate what another one is relied on for too little."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.errors import RoutingError
from leaderboards.routing import Relied, run_of
from raters.models import Judge, JudgeRun
from raters.services.judge_runs import Selection, start_run
from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User


def ask_stronger(
    study: Study,
    first: Relied,
    judge: Judge,
    *,
    below: float,
    budget: Decimal | None = None,
    by: "User | None" = None,
    at: datetime,
) -> JudgeRun:
    """Let another judge rate what a run is relied on for with less than `below`.

    Raises RoutingError if that is nothing or the judge is the same, JudgeError as `start_run` does.
    """
    run = run_of(study, first.run)
    if judge.pk == run.judge_id:
        raise RoutingError(
            _("%(judge)s has rated them already: choose another judge.") % {"judge": judge}
        )
    battles = first.below(below)
    if not battles:
        raise RoutingError(
            _("%(run)s is relied on for every battle, with %(least)s at least.")
            % {"run": run, "least": f"{below:.2f}"}
        )
    words = ngettext(
        "%(n)s battle for which run %(run)s is relied on below %(below)s",
        "%(n)s battles for which run %(run)s is relied on below %(below)s",
        len(battles),
    ) % {"n": f"{len(battles):,}", "run": run.number, "below": f"{below:.2f}"}
    selection = Selection(battles=battles, words=words)
    return start_run(judge, study, selection, budget=budget, by=by, at=at)
