"""Whom to believe and whom to ask: the report and its page, a stronger judge, the queue."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from leaderboards.comparison.cascade import Cascade
from leaderboards.comparison.certainty import Curve
from leaderboards.errors import RoutingError
from leaderboards.facts import parse
from leaderboards.machines.reading import read_sheet, read_together
from leaderboards.models import Report
from leaderboards.ranking.policies import Pair as Planned
from leaderboards.reports import ROUTING
from leaderboards.routing import (
    Relied,
    Routing,
    RoutingWanted,
    newest_routing,
    person_cost_of,
    steer_of,
)
from leaderboards.scheduling.knowledge import Folded
from leaderboards.scheduling.refill import plan_queue
from leaderboards.scheduling.state import read_state
from leaderboards.services.reports import ask_for_report, write_report
from leaderboards.services.stronger import ask_stronger
from leaderboards.tallies import Tallies
from leaderboards.verdicts import Frame
from raters.imports.comparisons import import_comparisons
from raters.imports.judgements import import_judgements
from raters.models import Battle, JudgeRun
from studies.models import Study
from tests.browser import DESKTOP, PHONE, Visit, flaws_of, keep
from tests.cast import NOW, make_admin, make_study, make_user
from tests.kept import kept
from tests.leaderboards.talked import make_talked_study
from tests.leaderboards.test_machines import make_judge as make_simulated_judge
from tests.raters.judging_study import make_judge

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NAMES = ("Ash", "Elm", "Fir", "Oak", "Yew")


def compute(study: Study, subject: str) -> Report:
    """A report by way of a worker's service."""
    report = ask_for_report(study, ROUTING, subject, at=NOW)
    write_report(report.pk, at=NOW)
    report.refresh_from_db()
    return report


def routing(study: Study, subject: str) -> Routing:
    report = compute(study, subject)
    assert report.error == ""
    json.dumps(report.document, allow_nan=False)
    return parse(Routing, report.document)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people on 120 conversations, and two judges; the first says when it guesses."""
    folder = tmp_path_factory.mktemp("said")
    rng = np.random.default_rng(2)
    people: list[dict[str, Any]] = []
    judges: dict[str, list[dict[str, Any]]] = {"Wren": [], "Owl": []}
    for n in range(120):
        a, b = rng.choice(len(NAMES), 2, replace=False)
        talk = {"conversation": f"t{n}", "model_a": NAMES[a], "model_b": NAMES[b]}
        better, worse = ("a", "b") if a < b else ("b", "a")
        for person in range(4):
            said = better if rng.random() < 0.85 else worse
            people.append(
                {"rater": f"p{person}", "battle": f"{n}-{person}", **talk, "outcome": said}
            )
        for name, guesses in (("Wren", n % 2), ("Owl", n % 10 == 0)):
            right = rng.random() < (0.5 if guesses else 0.95)
            judges[name].append(
                talk
                | {"outcome": better if right else worse, "order": "ab", "cost": 0.01}
                | {"certainty": 0.55 if guesses else 0.95}
            )
    for name, rows in {"people": people, **judges}.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture
def shared(files: Path) -> Study:
    """The study of these, whose judges are runs 1 and 2."""
    study = Study.objects.create(slug="shared", title="Shared", state=Study.State.CLOSED)
    import_comparisons(study, files / "people.jsonl", may_create=True, at=NOW)
    for name in ("Wren", "Owl"):
        import_judgements(study, files / f"{name}.jsonl", judge=name, at=NOW)
    return study


@pytest.fixture
def talked() -> Study:
    """A study whose conversations can be judged, and a simulated judge of half of them."""
    study: Study = kept(make_talked_study)
    make_simulated_judge(study, battles=60)
    return study


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_admin())
    return client


def page_of(study: Study) -> str:
    return reverse("admin:leaderboards_study_routing", args=[study.pk])


# What it says


@pytest.mark.parametrize("subject", ["3", "3+5", "3+5@0.40"])
def test_a_subject_is_spelled_as_it_is_read(subject: str) -> None:
    assert RoutingWanted.parse(subject).subject == subject


@pytest.mark.parametrize("subject", ["", "x", "3+3", "1+2+3", "3@", "3@-1", "3@NaN"])
def test_what_names_no_runs_is_refused(subject: str) -> None:
    with pytest.raises(RoutingError):
        RoutingWanted.parse(subject)


@pytest.mark.every_database
def test_runs_that_are_read_together_are_of_the_same_items(shared: Study) -> None:
    frame, dimension = Frame.of(shared), shared.dimensions.get()
    runs = list(shared.judge_runs.order_by("number"))
    together = read_together(frame, runs, dimension)
    alone = [read_sheet(frame, run, [dimension]) for run in runs]
    for both, own in zip(together, alone, strict=True):
        assert (both.battle == together[0].battle).all()
        assert len(both.judged.item) == len(own.judged.item)
        assert both.votes.counts(both.items).sum() == 480


def test_judges_that_say_when_they_guess_are_relied_on_where_they_do_not(shared: Study) -> None:
    found = routing(shared, "1+2@0.50")
    cheap, strong = found.runs
    assert [(each.run, each.judge, each.n) for each in found.runs] == [
        (1, "Wren", 120),
        (2, "Owl", 120),
    ]
    assert cheap.cost == pytest.approx(0.01)
    assert cheap.area > 0.6
    assert np.mean(strong.reliability) > np.mean(cheap.reliability)
    assert found.cascade.n == 120
    person = found.cascade.alone[-1]
    assert found.best is not None
    assert found.best.cost < person.cost == 0.5
    assert found.best.accuracy.value > found.cascade.alone[0].accuracy.value
    assert found.reached[-1].routed.n == 5


def test_what_no_judge_is_relied_on_for_is_left_to_people(shared: Study) -> None:
    found = routing(shared, "1+2@0.50")
    first, second = (each.by_battle() for each in found.runs)
    left = found.left_to_people((0.7, 0.7))
    assert left
    assert all(first[battle] < 0.7 and second[battle] < 0.7 for battle in left)
    assert set(left) == {n for n in first if first[n] < 0.7 and second[n] < 0.7}
    assert not found.left_to_people((0.0, 0.0))


def test_what_a_second_judge_said_nothing_of_is_left_too() -> None:
    nothing = Curve((), np.nan, np.nan, 0)

    def relied(run: int, sure: dict[int, float]) -> Relied:
        return Relied(run, "Owl", tuple(sure), tuple(sure.values()), nothing, 0.5, 0.0, 1, 0.0)

    runs = relied(1, {1: 0.9, 2: 0.5, 3: 0.4, 4: 0.3}), relied(2, {3: 0.9, 4: 0.2})
    found = Routing("overall", NOW, (), 1.0, runs, Cascade((), (), 0), (), (), ())
    assert found.left_to_people((0.8, 0.8)) == (4, 2)
    # Without a cascade each keeps a half of what it said.
    assert found.thresholds == (0.45, 0.55)


def test_battles_that_people_should_look_at_come_with_their_worth() -> None:
    study = make_study(raters=40)
    make_simulated_judge(study)
    found = routing(study, "1@0.50")
    assert len(found.pairs) == 6
    assert all(pair.worth > 0 and pair.steer > 0 for pair in found.pairs)
    worth = [each.worth for each in found.battles]
    assert 0 < len(worth) <= 200
    assert worth == sorted(worth, reverse=True)
    first = Battle.objects.get(pk=found.battles[0].battle)
    sides = {side.slug for side in (first.side_a, first.side_b) if side}
    assert sides == {found.battles[0].a, found.battles[0].b}
    # Each conversation has one rater: nobody says how right a person is.
    assert (found.best, found.cascade.n, found.reached) == (None, 0, ())


def test_a_person_s_cost_is_what_the_study_pays_in_dollars_or_is_asked_for() -> None:
    study = make_study(raters=40)
    make_simulated_judge(study)
    assert person_cost_of(study) is None
    assert compute(study, "1").error == "Say what a person's verdict costs in US dollars."
    Study.objects.update(currency="USD", pay=Decimal("3.20"), battles_each=4)
    study.refresh_from_db()
    # Of four battles, on two dimensions.
    assert person_cost_of(study) == Decimal("0.40")
    assert routing(study, "1").person_cost == pytest.approx(0.4)


def test_a_run_that_is_not_there_or_that_nobody_stands_beside_says_why() -> None:
    study = make_study(raters=40)
    assert compute(study, "7@1").error == "The study tea has no run 7 that counts."


# The step


def test_a_stronger_judge_gets_what_the_first_is_unsure_of(talked: Study) -> None:
    first = routing(talked, "1@0.5").runs[0]
    below = float(np.median(first.reliability))
    run = ask_stronger(talked, first, make_judge(), below=below, by=None, at=timezone.now())
    judged = set(run.judgements.exclude(battle=None).values_list("battle_id", flat=True))
    assert judged == set(first.below(below))
    assert 0 < len(judged) < 60
    assert run.selection == (
        f"{len(judged):,} battles for which run 1 is relied on below {below:.2f}"
    )


def test_the_same_judge_or_nothing_to_judge_is_refused(talked: Study) -> None:
    first = routing(talked, "1@0.5").runs[0]
    same = JudgeRun.objects.get().judge
    with pytest.raises(RoutingError, match="choose another judge"):
        ask_stronger(talked, first, same, below=1.0, at=NOW)
    with pytest.raises(RoutingError, match="relied on for every battle"):
        ask_stronger(talked, first, make_judge(), below=0.0, at=NOW)


# The page


def test_the_page_asks_for_a_report_shows_it_and_starts_a_stronger_judge(
    boss: Client, talked: Study
) -> None:
    address = page_of(talked)
    run = JudgeRun.objects.get()
    assert "Compute" in boss.get(address).content.decode()
    asked = boss.post(address, {"do": "compute", "cheap": run.pk, "person_cost": "0.5"})
    assert asked.status_code == 302
    report = Report.objects.get(kind=ROUTING)
    assert report.subject == "1@0.5"
    assert "Refresh" in boss.get(address).headers
    write_report(report.pk, at=NOW)
    page = boss.get(address)
    shown = page.content.decode()
    assert "Refresh" not in page.headers
    assert "How far each verdict is relied on" in shown
    assert f'value="{page.context["page"].thresholds[0]:.3f}"' in shown
    judge = make_judge()
    answer = boss.post(address, {"do": "judge", "judge": judge.pk, "below": "0.9", "budget": "2"})
    started = JudgeRun.objects.get(judge=judge)
    assert answer.headers["location"] == reverse("admin:raters_judgerun_change", args=[started.pk])
    assert started.budget == Decimal(2)
    refused = boss.post(address, {"do": "judge", "judge": judge.pk, "below": "0"}, follow=True)
    assert "is relied on for every battle" in refused.content.decode()


def test_the_curve_stands_in_a_chart_and_its_table(boss: Client, shared: Study) -> None:
    routing(shared, "1+2@0.50")
    shown = boss.get(page_of(shared)).content.decode()
    assert "Wren, run 1 alone" in shown
    assert "Owl, run 2: part" in shown
    assert "How soon people’s order would have been reached" in shown


def test_thresholds_can_be_tried_on_the_page(boss: Client, shared: Study) -> None:
    found = routing(shared, "1+2@0.50")
    for threshold in (0.0, 0.7, 1.0):
        asked: dict[str, Any] = {"threshold_1": threshold, "threshold_2": threshold}
        asked["of"] = "1+2@0.50"
        page = boss.get(page_of(shared), asked)
        assert page.context["left"] == len(found.left_to_people((threshold, threshold)))
    # What is no chance is told so, and the report's own stand.
    page = boss.get(page_of(shared), {"threshold_1": "7", "threshold_2": "0.5"})
    assert "less than or equal to 1" in page.content.decode()
    assert page.context["left"] == len(found.left_to_people(found.thresholds))


def test_a_form_that_says_too_little_is_shown_again(boss: Client, shared: Study) -> None:
    run = shared.judge_runs.get(number=1)
    told = {"do": "compute", "cheap": run.pk, "strong": run.pk, "person_cost": "0.5"}
    assert "Choose another run" in boss.post(page_of(shared), told).content.decode()
    assert not Report.objects.exists()


def test_who_may_not_see_live_figures_sees_no_routing(client: Client, shared: Study) -> None:
    client.force_login(make_user("looker", is_staff=True))
    assert client.get(page_of(shared)).status_code == 403


def test_who_may_not_start_judges_starts_none(client: Client, talked: Study) -> None:
    routing(talked, "1@0.5")
    client.force_login(make_user("looker", "studies.view_study", is_staff=True))
    page = client.get(page_of(talked))
    assert page.status_code == 200
    assert "Let a stronger judge" not in page.content.decode()
    told = {"do": "judge", "judge": make_judge().pk, "below": "0.9"}
    assert client.post(page_of(talked), told).status_code == 403
    assert JudgeRun.objects.count() == 1


@pytest.mark.one_database
def test_the_page_is_for_everybody_and_fits(
    browser: Browser, live_server: LiveServer, client: Client, shared: Study, pictures: Path
) -> None:
    routing(shared, "1+2@0.50")
    client.force_login(make_admin())
    cookie: Any = client.cookies["sessionid"]
    for width, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        visit = Visit(browser, width, scheme)
        visit.page.context.add_cookies(
            [{"name": "sessionid", "value": cookie.value, "url": live_server.url}]
        )
        page = visit.open(f"{live_server.url}{page_of(shared)}")
        page.wait_for_load_state("networkidle")
        for details in page.locator("#content details").all():
            details.locator("summary").click()
        keep(page, pictures / f"routing-{width}.png")
        assert flaws_of(page, context="#content") == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert visit.complaints == []


def test_a_client_reads_the_report(boss: Client, shared: Study) -> None:
    address = reverse("api:routing", args=[shared.slug])
    assert boss.get(address).status_code == 404
    ask_for_report(shared, ROUTING, "1@0.50", at=NOW)
    assert boss.get(address).status_code == 202
    routing(shared, "1@0.50")
    found = boss.get(address, {"of": "1@0.50"}).json()
    assert found == boss.get(address).json()
    assert found["cascade"]["n"] == 120
    assert len(found["runs"][0]["battles"]) == len(found["runs"][0]["reliability"]) == 120


# The queue


def test_a_routed_queue_is_steered_by_the_newest_report_and_is_gain_without_one() -> None:
    study = make_study(raters=40, state=Study.State.OPEN)
    make_simulated_judge(study)

    def plan(policy: str) -> list[Any]:
        Study.objects.update(policy=policy)
        study.refresh_from_db()
        rows = plan_queue(study, at=NOW, seed=1)
        return [Planned(row.side_a_id, row.side_b_id, row.gain) for row in rows]

    assert plan("routed") == plan("gain") != []
    found = routing(study, "1@0.50")
    assert newest_routing(study) == found
    assert plan("routed") != plan("gain")


def test_who_entered_after_the_report_counts_as_the_mean() -> None:
    study = make_study(raters=40)
    make_simulated_judge(study)
    slugs = [contestant.slug for contestant in study.contestants.order_by("slug")]
    assert steer_of(study, slugs) is None
    routing(study, "1@0.50")
    steer = steer_of(study, [*slugs, "newcomer"])
    assert steer is not None
    assert (steer[-1] == 1).all()
    assert steer[np.triu_indices(4, 1)].mean() == pytest.approx(1)


def test_the_state_of_a_queue_is_steered_under_its_policy_alone() -> None:
    study = make_study(raters=40)
    make_simulated_judge(study)
    routing(study, "1@0.50")
    for policy, is_steered in (("gain", False), ("routed", True)):
        Study.objects.update(policy=policy)
        folded = Folded.of(Study.objects.get(pk=study.pk))
        state = read_state(folded.knowledge, Tallies.none(folded.frame), at=NOW)
        assert (state.steer is not None) is is_steered
