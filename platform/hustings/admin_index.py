"""What study admins see first: their studies as they stand, and the way to everything else."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from leaderboards.models import Board
from raters.admin.review import may_review
from raters.review import waiting_for
from studies.models import Study

RECENT: Final = 10

# In the order in which a person thinks: what is asked, who answers, what it adds up to, who acts.
NAVIGATION: Final = (
    (
        gettext_lazy("Design"),
        (
            (gettext_lazy("Studies"), "ballot", "studies", "study"),
            (gettext_lazy("Contestants"), "groups", "studies", "contestant"),
            (gettext_lazy("Chat models"), "smart_toy", "studies", "chatmodel"),
            (gettext_lazy("Electorates"), "public", "studies", "electorate"),
        ),
    ),
    (
        gettext_lazy("Answers"),
        (
            (gettext_lazy("Raters"), "person", "raters", "rater"),
            (gettext_lazy("Participations"), "assignment_ind", "raters", "participation"),
            (gettext_lazy("Battles"), "forum", "raters", "battle"),
            (gettext_lazy("Verdicts"), "how_to_vote", "raters", "verdict"),
            (gettext_lazy("Strikes"), "report", "raters", "strike"),
            (gettext_lazy("Signals"), "flag", "raters", "signal"),
            (gettext_lazy("Exclusions"), "block", "raters", "exclusion"),
        ),
    ),
    (
        gettext_lazy("Machines"),
        (
            (gettext_lazy("Judges"), "gavel", "raters", "judge"),
            (gettext_lazy("Runs"), "smart_toy", "raters", "judgerun"),
        ),
    ),
    (
        gettext_lazy("Results"),
        (
            (gettext_lazy("Boards"), "leaderboard", "leaderboards", "board"),
            (gettext_lazy("Tournaments"), "trophy", "leaderboards", "tournament"),
        ),
    ),
    (
        gettext_lazy("Access"),
        (
            (gettext_lazy("Users"), "account_circle", "accounts", "user"),
            (gettext_lazy("Roles"), "badge", "auth", "group"),
            (gettext_lazy("Email addresses"), "mail", "account", "emailaddress"),
            (gettext_lazy("Second factors"), "phonelink_lock", "mfa", "authenticator"),
            (gettext_lazy("Tokens"), "key", "studies", "apitoken"),
        ),
    ),
    (
        gettext_lazy("Programs"),
        (
            (gettext_lazy("Webhooks"), "webhook", "studies", "webhookendpoint"),
            (gettext_lazy("Messages sent"), "outbox", "studies", "webhookdelivery"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: what this person may look at, and nothing else."""
    overview = {"title": _("Overview"), "icon": "home", "link": reverse("admin:index")}
    parts: list[dict[str, Any]] = [{"title": "", "items": [overview]}]
    for title, entries in NAVIGATION:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")}
            for name, icon, app, model in entries
            if _may_look(request, app, model)
        ]
        if items:
            parts.append({"title": title, "separator": True, "items": items})
    return parts


def _may_look(request: HttpRequest, app: str, model: str) -> bool:
    return any(request.user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change"))


@dataclass(frozen=True)
class StudyLine:
    """A study as the index shows it."""

    study: Study
    raters: int
    verdicts: int
    board: Board | None


def add_studies(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Put the newest studies on the index, each with how far it is."""
    context |= {"title": _("Overview")}
    if may_review(request):
        context |= {"strikes_waiting": waiting_for(request.user).count()}
    if not _may_look(request, "studies", "study"):
        return context
    visible = Study.objects.visible_to(request.user)
    studies = list(visible.select_related("electorate").order_by("-created_at")[: RECENT + 1])
    return context | {
        "study_lines": _lines(studies[:RECENT]),
        "has_more_studies": len(studies) > RECENT,
    }


def _lines(studies: list[Study]) -> list[StudyLine]:
    chosen = Study.objects.filter(pk__in=[study.pk for study in studies])
    raters = dict(chosen.order_by().annotate(n=Count("participations")).values_list("pk", "n"))
    verdicts = dict(
        chosen.order_by().annotate(n=Count("dimensions__verdicts")).values_list("pk", "n")
    )
    standing = Board.objects.standing().defer("document", "parameters").order_by("taken_at")
    boards = {
        study.pk: study.boards.all()
        for study in chosen.prefetch_related(Prefetch("boards", standing))
    }
    return [
        StudyLine(
            study=study,
            raters=raters[study.pk],
            verdicts=verdicts[study.pk],
            board=max(boards[study.pk], key=lambda board: board.taken_at, default=None),
        )
        for study in studies
    ]
