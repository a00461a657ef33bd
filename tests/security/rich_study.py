"""A study that is not public, with one of everything, and whoever may ask for a page of it."""

from dataclasses import dataclass
from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group as Role
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.models import User
from leaderboards.machines.asking import ask_for_machine_reports
from leaderboards.models import Board, Export, Report
from leaderboards.reports import BOARD
from leaderboards.services.exports import ask_for_export, build_export
from leaderboards.services.standings import fold_standings
from raters.models import Battle, JudgeRun, Strike
from raters.quality.flaws import Flaw, FlawKind
from raters.services.exclusions import exclude
from raters.services.strikes import give_signal, give_strike
from raters.simulation import Population, simulate_raters
from studies.models import ApiToken, AttentionCheck, ChatModel, Study, WebhookEndpoint, WebhookEvent
from studies.tokens import issue_token
from studies.webhooks import announce
from tests.cast import NOW, complete_design, make_admin, make_board, make_study, make_user
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.test_machines import make_judge
from tests.raters.live_study import make_replies
from tests.raters.steps import begin, say

# What somebody might write where words are asked for: a tag of its own, a way out of an attribute
# or a script, links of Markdown, a formula, a template's braces. The contestants echo it.
NASTY = (
    "=1+1 <x-nasty onmouseover=alert(1)>oven</x-nasty> \" x-nasty=1 ' x-nasty=2 "
    "</script><x-nasty> [a](javascript:alert(1)) ![b](https://evil.example/b.png) {{ 7 }}"
)
# What a study admin may do: all that is about studies, nothing that is about accounts.
OF_STUDIES = ("studies", "raters", "leaderboards")
READER = (
    "studies.view_study", "raters.view_participation", "raters.view_battle", "raters.view_verdict",
    "leaderboards.view_board",
)  # fmt: skip


@dataclass(frozen=True)
class RichStudy:
    """The study and, of each kind, the one that addresses name; battle and strike are hers."""

    study: Study
    battle: Battle
    strike: Strike
    board: Board
    judge_run: JudgeRun
    report: Report
    export: Export
    boss: User

    def one_of(self, model: type[Model]) -> Model:
        """The row of a register that its addresses name: of this study where it has such."""
        known = {type(row): row for row in (self.study, self.battle, self.strike, self.board)}
        found = known.get(model) or model._default_manager.order_by("pk").first()
        assert found is not None, f"The rich study has no {model._meta.label}: give it one."
        return found


def make_rich_study(rater: Client, other_rater: Client) -> RichStudy:
    """Make it; `rater` and `other_rater` are left in the middle of their first battles."""
    boss = make_admin("boss")
    study = make_study(state=Study.State.OPEN, raters=0, is_public=False)
    Study.objects.filter(pk=study.pk).update(min_turns=1)
    # Bots know no temperature.
    ChatModel.objects.filter(contestants__study=study).update(parameters={})
    complete_design(study, raters=60)
    simulate_raters(study, raters=8, battles_each=3, seed=1, population=Population(), at=NOW)
    fold_standings(study)
    begin(other_rater, "?PROLIFIC_PID=another")
    hers = begin(rater, "?PROLIFIC_PID=hers")
    say(rater, NASTY)
    make_replies()
    judged = hers.battles.get()
    said = {"outcome-overall": "a", "outcome-warmth": "tie", "reason": NASTY}
    rater.post(f"/join/tea/battle/{judged.key}/compare/", said)
    # Her second: the other rater, whose battles are counted on their own, has none of that key.
    rater.get("/join/tea/battle/")
    say(rater, NASTY)
    flaw = Flaw(FlawKind.GIBBERISH, f"“{NASTY}” can't be read.", "find_gibberish", True)
    strike = give_strike(hers, flaw, key="turn 1", at=timezone.now())
    assert strike is not None
    away = Flaw(FlawKind.AWAY, "Looked away often.", "find_away", False, {"times_away": 9})
    give_signal(hers, away, key="away", at=timezone.now())
    AttentionCheck.objects.create(study=study, kind="instructed", question="B?", accepted="B")
    exclude(study.participations.order_by("pk")[0], reason="Asleep.", by=boss, at=NOW)
    WebhookEndpoint.objects.create(study=study, url="https://example.org/", created_at=NOW)
    announce(study, WebhookEvent.Kind.REVIEW_WAITING, {}, key="of-this-test", at=NOW)
    Role.objects.create(name="Reviewers")
    EmailAddress.objects.create(user=boss, email="boss@example.org")
    Authenticator.objects.create(user=boss, type=Authenticator.Type.TOTP, data={"secret": "s"})
    ApiToken.objects.create(boss)
    export = ask_for_export(study, form="csv", is_release=True, at=timezone.now())
    build_export(export.pk, at=timezone.now())
    export.refresh_from_db()
    run = make_judge(study, battles=10)
    ask_for_machine_reports(run, at=NOW)
    write_due_reports()
    return RichStudy(
        study=study,
        battle=hers.battles.latest("pk"),
        strike=strike,
        board=make_board(study),
        judge_run=run,
        report=Report.objects.create(study=study, kind=BOARD, asked_at=NOW),
        export=export,
        boss=boss,
    )


def make_people(rich: RichStudy, rater: Client, other_rater: Client) -> dict[str, Client]:
    """Seven people with a browser each."""
    reviewer = make_user("reviewer", "raters.change_strike", is_staff=True)
    rich.study.team.add(reviewer)
    study_admin = make_user("study-admin", is_staff=True)
    study_admin.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=OF_STUDIES)
    )
    users = {
        "viewer": make_user("viewer", *READER, is_staff=True),
        "reviewer": reviewer,
        "study-admin": study_admin,
        "superuser": rich.boss,
    }
    people = {"anonymous": Client(), "rater": rater, "other-rater": other_rater}
    for name, user in users.items():
        people[name] = Client()
        people[name].force_login(user)
    return people


def make_programs(rich: RichStudy) -> dict[str, Client]:
    """Four tokens of one who may do everything: each may do no more than it is for."""
    scopes = {
        "reads": {},
        "talks": {"may_read_conversations": True},
        "manages": {"may_manage": True},
        "elsewhere": {"may_read_conversations": True, "may_manage": True},
    }
    elsewhere = Study.objects.create(slug="other", title="Another", electorate=None)
    programs = {}
    for name, given in scopes.items():
        studies = [elsewhere] if name == "elsewhere" else [rich.study]
        validity = timedelta(days=1)
        _, secret = issue_token(rich.boss, label=name, validity=validity, studies=studies, **given)
        programs[name] = Client(headers={"Authorization": f"Token {secret}"})
    return programs
