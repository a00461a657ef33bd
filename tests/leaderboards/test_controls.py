"""Controls of a study: what is read, what the page and REST say, and who may see it."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from leaderboards.controls import STEPS, read_control_input
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.models import Board
from leaderboards.pages.controls import ControlsPage, controls_page, effect_in_words
from leaderboards.ranking.controls import STYLE, Effect
from leaderboards.reports import ROBUSTNESS
from leaderboards.services import controls as service
from leaderboards.services.controls import compute_controls
from leaderboards.services.reports import ask_for_report, write_report
from leaderboards.services.robustness import compute_robustness
from leaderboards.verdicts import Frame
from raters.models import (
    Battle,
    Exclusion,
    Participation,
    Rater,
    Reply,
    SideStyle,
    Turn,
    Verdict,
)
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from studies.models import Study
from tests.browser import DESKTOP, Visit
from tests.cast import NOW, make_admin, make_study, make_user
from tests.desk import OF_THE_THEME
from tests.kept import kept
from tests.leaderboards.conftest import rate, write_due_reports

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

OVEN = "I would like to clean my oven this weekend, but have no idea at all how that is done."
PLAIN = "Use soda and water."
LONG = "# The oven\n- **Take** soda\n- Take water\n\n" + "Wait for an hour and wipe it. " * 6


@pytest.fixture
def boss() -> User:
    return make_admin()


@pytest.fixture
def study() -> Study:
    """Forty raters' battles; Dogwood writes at length, and half the raters ask about an oven."""
    return kept(make_talking_study)


def make_talking_study() -> Study:
    study = make_study(raters=40)
    talk(study)
    return study


def talk(study: Study) -> None:
    """Let every battle have been one turn with two replies."""
    battles = list(
        Battle.objects.filter(participation__study=study)
        .select_related("side_a", "side_b")
        .order_by("pk")
    )
    Battle.objects.filter(participation__study=study).update(judged_at=NOW)
    turns = Turn.objects.bulk_create(
        Turn(
            battle=battle,
            number=1,
            text=OVEN if n % 2 else f"{n} things that I want to know about boats",
            created_at=NOW,
        )
        for n, battle in enumerate(battles)
    )
    Reply.objects.bulk_create(
        Reply(
            turn=turn,
            side=side,
            state=Reply.State.FINISHED,
            text=LONG if contestant.slug == "dogwood" else f"{PLAIN} {'Wipe. ' * (turn.pk % 5)}",
            due_at=NOW,
            first_piece_ms=300 + 50 * (turn.pk % 3),
        )
        for turn, battle in zip(turns, battles, strict=True)
        for side, contestant in (("a", battle.side_a), ("b", battle.side_b))
    )


def make_swayed_study() -> Study:
    """Ash is the best and Dogwood the worst, but most of Dogwood's replies are long, and win."""
    rng = np.random.default_rng(1)
    study = make_study("swayed", raters=0)
    assert study.electorate is not None
    cells = list(study.electorate.cells.order_by("pk"))
    contestants = list(study.contestants.order_by("slug"))
    people = Rater.objects.bulk_create(Rater(created_at=NOW) for _ in range(240))
    participations = Participation.objects.bulk_create(
        Participation(
            study=study, rater=rater, cell=cells[n % len(cells)],
            state=Participation.State.COMPLETED, created_at=NOW,
        )
        for n, rater in enumerate(people)
    )  # fmt: skip
    pairs = list(permutations(range(4), 2))
    battles, lengths, said = [], {}, {}
    for n, participation in enumerate(participations):
        for key in range(6):
            a, b = pairs[(6 * n + key) % len(pairs)]
            length = [rng.random() < (0.9 if side == 3 else 0.1) for side in (a, b)]
            eta = 0.6 * (b - a) + 3.2 * (int(length[0]) - int(length[1]))
            battle = Battle(
                participation=participation, key=str(key), side_a=contestants[a],
                side_b=contestants[b], created_at=NOW, judged_at=NOW,
            )  # fmt: skip
            battles.append(battle)
            lengths[participation.pk, battle.key] = length
            is_a = rng.random() < 1 / (1 + np.exp(-eta))
            said[participation.pk, battle.key] = "a" if is_a else "b"
    Battle.objects.bulk_create(battles)
    turns = Turn.objects.bulk_create(
        Turn(battle=battle, number=1, text=f"About {n} boats", created_at=NOW)
        for n, battle in enumerate(battles)
    )
    Reply.objects.bulk_create(
        Reply(
            turn=turn, side=side, state=Reply.State.FINISHED, due_at=NOW,
            text=PLAIN * (8 if is_long else 1),
        )
        for turn, battle in zip(turns, battles, strict=True)
        for side, is_long in zip("ab", lengths[battle.participation_id, battle.key], strict=True)
    )  # fmt: skip
    dimension = study.dimensions.get(is_overall=True)
    Verdict.objects.bulk_create(
        Verdict(
            battle=battle, dimension=dimension, recorded_at=NOW,
            outcome=said[battle.participation_id, battle.key],
        )
        for battle in battles
    )  # fmt: skip
    return study


def overall(study: Study) -> tuple[Frame, Any]:
    frame = Frame.of(study)
    return frame, read_control_input(frame, frame.dimensions[0])


def shown(study: Study) -> ControlsPage:
    """The controls as a report computed now would have them."""
    names = dict(study.contestants.values_list("slug", "name"))
    return controls_page(compute_robustness(study, at=NOW), names)


# What is read


@pytest.mark.every_database
def test_every_verdict_is_read_with_its_rater_groups_style_and_message(study: Study) -> None:
    compute_controls(study)
    frame, given = overall(study)
    verdicts = Verdict.objects.filter(dimension=frame.dimensions[0]).order_by("battle_id")
    slugs = [contestant.slug for contestant in frame.contestants]
    assert len(given.a) == len(verdicts) == 160
    for n, verdict in enumerate(verdicts.select_related("battle__participation__cell")):
        battle = verdict.battle
        assert battle.side_b is not None
        assert slugs[given.a[n]] == battle.side_a.slug
        assert slugs[given.b[n]] == battle.side_b.slug
        assert given.rater[n] == battle.participation.rater_id
        assert ["a", "tie", "b"][given.outcome[n]] == verdict.outcome
        cell = battle.participation.cell
        assert cell is not None
        groups = [g.key for g in cell.groups.order_by("axis__position")]
        for axis, key in enumerate(given.electorate.axes):
            on_axis = [group.key for group in frame.groups if group.axis.key == key]
            assert on_axis[given.electorate.groups[n, axis]] == groups[axis]
        a, b = SideStyle.objects.filter(battle=battle).order_by("side")
        for column, name in enumerate(STEPS):
            expected = np.log((1 + getattr(a, name)) / (1 + getattr(b, name)))
            assert given.style.difference[n, column] == pytest.approx(expected)
    assert given.style.is_known.all()
    of_the_oven = np.unique(given.cluster[1::2])
    assert len(of_the_oven) == 1
    assert len(np.unique(given.cluster)) == 81


def test_a_battle_without_known_replies_counts_as_if_they_looked_alike(study: Study) -> None:
    compute_controls(study)
    SideStyle.objects.filter(battle=Battle.objects.earliest("pk"), side="a").delete()
    SideStyle.objects.filter(battle=Battle.objects.latest("pk"), side="b").update(
        first_piece_ms=None
    )
    _frame, given = overall(study)
    assert given.style.is_known.sum() == 159
    assert (given.style.difference[0] == 0).all()
    assert given.style.difference[-1, list(STEPS).index("first_piece_ms")] == 0
    page = shown(study)
    style = next(switch for switch in page.switches if switch.key == STYLE)
    assert "Of 1 of 160 battles the replies of both sides are not known" in style.notes[0]


def test_what_boards_leave_out_is_left_out_here(study: Study, boss: User) -> None:
    gone, named, *_ = study.participations.order_by("pk")
    withdraw_and_erase(gone, at=NOW)
    exclude(named, reason="Fraud.", by=boss, at=NOW)
    assert Exclusion.objects.count() == 2
    found = compute_controls(study)
    assert found.controls.verdicts == 160 - 8


def test_battles_are_read_by_a_fixed_number_of_queries(study: Study) -> None:
    compute_controls(study)
    with CaptureQueriesContext(connection) as asked:
        compute_controls(study)
    assert len(asked) <= 12


@pytest.mark.every_database
def test_older_battles_are_counted_so_many_at_a_time_and_all_of_them(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "READ_AT_A_TIME", 50)
    compute_controls(study)
    assert SideStyle.objects.count() == 320


# What can't be ranked


def test_a_study_without_texts_says_so_and_the_other_controls_stand() -> None:
    page = shown(make_study(raters=16))
    refused = {switch.key: switch.refusal for switch in page.switches if switch.refusal}
    assert set(refused) == {"style", "duplicates"}
    assert all("only its verdicts" in refusal for refusal in refused.values())
    computed = [switch.name for switch in page.switches if not switch.refusal]
    assert computed == ["Position", "Raters capped", "Without Age", "Without Sex"]


def test_a_study_without_an_electorate_has_no_axis_to_leave_out(study: Study) -> None:
    with_axes = compute_controls(study).controls
    study.participations.update(cell=None)
    Study.objects.filter(pk=study.pk).update(electorate=None)
    without = compute_controls(Study.objects.get(pk=study.pk)).controls
    assert [control.key for control in without.controls] == [
        control.key for control in with_axes.controls[:4]
    ]
    assert without.worth == pytest.approx(160)
    assert with_axes.worth < 160


def test_ratings_empty_studies_and_parts_that_never_met_are_refused(refused_board: Board) -> None:
    rated = make_study("rated", raters=0, protocol=Study.Protocol.SINGLE)
    rate(rated, raters=4, each=2)
    with pytest.raises(WrongEngineError, match="one model at a time is rated"):
        compute_controls(rated)
    empty = make_study("empty", raters=0, electorate=rated.electorate)
    with pytest.raises(NothingToRankError, match="No battles yet"):
        compute_controls(empty)
    with pytest.raises(NothingToRankError, match='no dimension "charm"; it has: overall, warmth'):
        compute_controls(empty, "charm")
    with pytest.raises(NothingToRankError, match="2 parts that never met"):
        compute_controls(refused_board.study)


# Words


def effect(low: float, high: float, *, key: str = "words", moves: bool = True) -> Effect:
    middle = (low + high) / 2
    shares = (1 / (1 + np.exp(-each)) for each in (middle, low, high))
    return Effect(key, middle, low, high, *shares, moves=moves)  # type: ignore[misc]


def words(**fields: Any) -> str:
    return effect_in_words(effect(**fields)).replace("\N{NO-BREAK SPACE}", " ")


def test_an_effect_is_told_with_its_interval_and_when_it_may_be_none() -> None:
    assert words(low=0.1, high=0.5) == (
        "Of two equals, the one whose replies are twice as long wins 57 % of the decided battles "
        "(52 % to 62 %), all else equal."
    )
    assert words(low=-0.02, high=0.02).endswith("50.0 % of the decided battles (49.5 % to 50.5 %): "
        "that may be no difference.")  # fmt: skip
    assert "the one shown as side A wins 60 %" in words(low=0.3, high=0.5, key="side_a")
    assert words(low=0.0, high=0.0, key="bold", moves=False) == (
        "No two sides differ in bold type: nothing can be said of that."
    )


# Pages and REST

API = "/api/v1/studies/tea/controls/"


def answered(client: Client, **query: str) -> dict[str, Any]:
    """What REST says once a worker has computed it."""
    waits = client.get(API, query)
    assert waits.status_code == 202
    write_due_reports()
    told: dict[str, Any] = client.get(API, query).json()
    return told


def test_controls_over_rest_are_for_those_who_see_live_figures(
    client: Client, study: Study
) -> None:
    assert client.get(API).status_code == 401
    client.force_login(make_user("stranger"))
    assert client.get(API).status_code == 403
    client.force_login(make_user("looker", "studies.view_study"))
    told = answered(client)
    assert (told["dimension"], told["verdicts"]) == ("overall", 160)
    assert 0 < told["worth"] <= 160
    assert [each["rank"] for each in told["raw"]] == [1, 2, 3, 4]
    raw = {each["contestant"]: each["rank"] for each in told["raw"]}
    assert [each["key"] for each in told["controls"]] == [
        "style", "position", "duplicates", "capped", "without_axis:age", "without_axis:sex",
    ]  # fmt: skip
    for control in told["controls"]:
        assert control["explanation"].count(".") + control["explanation"].count("?") == 1
        assert control["finding"]
        for place in control["places"]:
            assert place["shift"] == place["rank"] - raw[place["contestant"]]
            assert place["is_warned"] == (abs(place["shift"]) > 2)
            assert place["rank_low"] <= place["rank_high"]
    effects = {each["key"]: each for each in told["controls"][0]["effects"]}
    assert list(effects) == list(STEPS)
    assert effects["words"]["words"].startswith("Of two equals, the one whose replies are twice")
    assert told["controls"][2]["notes"] == ["One first message comes again, in 80 battles."]
    assert told["answer"]


def test_rest_takes_another_dimension_and_names_those_there_are(
    client: Client, study: Study, boss: User
) -> None:
    client.force_login(boss)
    assert answered(client, dimension="warmth")["dimension"] == "warmth"
    unknown = client.get(API, {"dimension": "charm"})
    assert unknown.status_code == 400
    assert "known are: overall, warmth" in unknown.json()["errors"]["dimension"][0]
    make_study("rated", raters=0, protocol=Study.Protocol.SINGLE, electorate=study.electorate)
    refused = client.get(API.replace("tea", "rated"))
    assert refused.status_code == 404
    assert "one model at a time" in refused.json()["detail"]


@pytest.fixture
def page(client: Client, study: Study, boss: User) -> str:
    client.force_login(boss)
    return computed_page(client, study)


def computed_page(client: Client, study: Study) -> str:
    """The admin's page, once it was asked for and a worker has computed it."""
    address = reverse("admin:leaderboards_study_controls", args=[study.pk])
    assert "Nobody has asked for this yet" in client.get(address).content.decode()
    assert client.post(address)["Location"] == address
    waits = client.get(address)
    assert (waits["Refresh"], "Being computed" in waits.content.decode()) == ("3", True)
    write_due_reports()
    return client.get(address).content.decode()


def test_the_admin_s_page_has_a_column_for_each_control_and_a_sentence(
    page: str, study: Study
) -> None:
    controls = shown(study)
    assert controls.answer in page
    for switch in controls.switches:
        assert f">{switch.name}</th>" in page
        assert switch.explanation in page
        assert all(note in page for note in switch.notes)
    assert "computed by another engine" in page
    assert page.count("<br>rank ") == 4 * (1 + len(controls.switches))
    assert "Another would be first without as few as" in page


def test_the_page_warns_of_whom_a_control_moves_far(client: Client, boss: User) -> None:
    study = make_swayed_study()
    client.force_login(boss)
    page = computed_page(client, study)
    assert "Dogwood is first without a control, Ash with “Style”." in page
    assert "“Style” moves Dogwood down 3 ranks." in page
    assert "rank 4, <strong>down 3</strong>" in page
    assert "4 contestants change rank; Dogwood moves furthest, by 3 ranks." in page
    controls = shown(study)
    assert [raw.name for raw in controls.raw] == ["Dogwood", "Ash", "Birch", "Cherry"]
    assert [place.shift for place in controls.switches[0].places] == [3, -1, -1, -1]
    assert len(controls.warnings) == 1


def test_the_page_refuses_in_words_and_is_not_for_everybody(
    client: Client, study: Study, boss: User
) -> None:
    address = reverse("admin:leaderboards_study_controls", args=[study.pk])
    client.force_login(boss)
    assert "has no dimension" in client.get(address, {"dimension": "charm"}).content.decode()
    client.force_login(make_user("clerk", "leaderboards.view_board", is_staff=True))
    assert client.get(address).status_code == 403


def test_the_study_s_page_leads_there(client: Client, study: Study, boss: User) -> None:
    client.force_login(boss)
    there = client.get(reverse("admin:studies_study_robustness", args=[study.pk]))
    assert there["Location"] == reverse("admin:leaderboards_study_controls", args=[study.pk])


# In a browser


@pytest.mark.one_database
def test_the_page_is_accessible_and_fits_a_desk(
    transactional_db: None,
    browser: Browser,
    live_server: LiveServer,
    client: Client,
    pictures: Path,
) -> None:
    study = make_swayed_study()
    client.force_login(make_admin())
    visit = Visit(browser, DESKTOP, "light")
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    visit.page.context.add_cookies([{**cookie, "url": live_server.url}])
    address = reverse("admin:leaderboards_study_controls", args=[study.pk])
    report = ask_for_report(study, ROBUSTNESS, "overall", at=NOW)
    page = visit.open(f"{live_server.url}{address}")
    expect(page.get_by_text("Being computed")).to_be_visible()
    visit.look(pictures / "controls-computing.png", but=OF_THE_THEME)
    write_report(report.pk, at=NOW)
    page = visit.open(f"{live_server.url}{address}")
    expect(page.get_by_text("“Style” moves Dogwood down 3 ranks.")).to_be_visible()
    visit.look(pictures / "controls.png", but=OF_THE_THEME)
