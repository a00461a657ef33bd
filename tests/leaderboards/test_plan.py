"""Plans of studies: what they take from a study, their cost, the command and the admin's page."""

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from math import inf
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accounts.admin_pages import page_of
from leaderboards.admin import planning
from leaderboards.planning import (
    BATTLES_OBSERVED,
    Prices,
    Talk,
    about,
    answer,
    assumed_battle_cost,
    assumptions_of,
    battle_cost,
    observed_battle_cost,
)
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.planning import Assumptions, Measure, RatersNeeded, Wish
from leaderboards.ranking.policies import Policy
from raters.models import Battle, Reply, Turn
from studies.models import ChatModel, Study
from tests.browser import DESKTOP, Visit
from tests.cast import NOW, make_admin, make_study, make_user
from tests.desk import OF_THE_THEME

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

SMALL = ["--raters", "80", "--studies", "2", "--contestants", "4", "--battles", "3"]
POINTS = Wish(Measure.POINTS, 3)


@pytest.fixture
def draft() -> Study:
    """A draft of four contestants and two axes of two groups, whose raters are paid."""
    study = make_study(raters=0, state=Study.State.DRAFT)
    Study.objects.filter(pk=study.pk).update(pay=Decimal("2.50"), battles_each=3, policy="random")
    ChatModel.objects.update(input_price=Decimal(1), output_price=Decimal(10))
    study.refresh_from_db()
    return study


def planned(*arguments: str) -> str:
    out = io.StringIO()
    call_command("plan", *arguments, stdout=out)
    return out.getvalue()


# What a study says


def test_a_study_tells_its_contestants_groups_battles_and_policy(draft: Study) -> None:
    draft.contestants.filter(name="Ash").update(withdrawn_at=NOW, withdrawal_reason="Shut down.")
    told = assumptions_of(draft, skill_sd=0.5)
    assert told == Assumptions(
        contestants=3,
        groups=((0.4, 0.6), (0.5, 0.5)),
        battles_each=3,
        policy=Policy.RANDOM,
        skill_sd=0.5,
    )
    assert assumptions_of(draft, contestants=7).contestants == 7


def test_no_plan_is_made_of_ratings_or_of_a_lone_contestant(draft: Study) -> None:
    draft.contestants.exclude(name="Ash").update(withdrawn_at=NOW, withdrawal_reason="Shut down.")
    with pytest.raises(RankingError, match="two contestants"):
        assumptions_of(draft)
    draft.protocol = Study.Protocol.SINGLE
    with pytest.raises(RankingError, match="for pairs"):
        assumptions_of(draft)


def test_a_conversation_is_read_again_for_every_reply(draft: Study) -> None:
    talk = Talk(turns=3, message_tokens=10, reply_tokens=100)
    # It reads 1, 2 and 3 messages, and 0, 1 and 2 replies.
    assert talk.prompt_tokens == 60 + 300
    assert talk.completion_tokens == 300
    # Two contestants at 1 and 10 dollars for a million tokens.
    assert assumed_battle_cost(draft, talk) == 2 * (Decimal(360) + 3000) / 1_000_000
    ChatModel.objects.filter(name="Ash").update(input_price=0, output_price=0)
    assert assumed_battle_cost(draft, talk) == Decimal(2 * 3360) * 3 / 4 / 1_000_000
    draft.contestants.update(withdrawn_at=NOW, withdrawal_reason="Shut down.")
    assert assumed_battle_cost(draft, talk) is None


def test_what_battles_have_cost_counts_once_there_are_some() -> None:
    study = make_study("cocoa", raters=8)
    ChatModel.objects.update(input_price=Decimal(1), output_price=Decimal(10))
    battles = list(Battle.objects.filter(participation__study=study)[:BATTLES_OBSERVED])
    for battle in battles:
        assert observed_battle_cost(study) is None
        turn = Turn.objects.create(battle=battle, number=1, text="Hi.", created_at=NOW)
        for side in "ab":
            Reply.objects.create(
                turn=turn, side=side, state="finished", text="Hello.", due_at=NOW,
                total_ms=900, prompt_tokens=100, completion_tokens=40,
            )  # fmt: skip
    assert observed_battle_cost(study) == Decimal(2 * (100 + 400)) / 1_000_000
    assert battle_cost(study, Talk(turns=50)) == observed_battle_cost(study)


def test_an_answer_names_raters_and_costs_and_never_adds_two_currencies() -> None:
    prices = Prices(Decimal("2.50"), "GBP", Decimal("0.05"))
    given = Assumptions()
    assert answer(RatersNeeded(1234, 1042, 1587), POINTS, prices, given) == (
        "About 1,300 raters (1,100 to 1,600) for ±3 points of win share; "
        "pay 3,250.00 GBP, replies $260.00."
    )
    assert answer(RatersNeeded(2000, 50, inf), Wish(Measure.TAU, 0.9), Prices(), given) == (
        "About 2,000 raters (50 to more than 3,200) for a Kendall’s τ of 0.9."
    )
    assert answer(RatersNeeded(inf, inf, inf), Wish(Measure.LEADER, 0.95), prices, given) == (
        "More than 3,200 raters for a leader that is the best with 95 %; "
        "pay 8,000.00 GBP for 3,200, replies $640.00 for 3,200."
    )
    assert answer(RatersNeeded(50, 50, 70), POINTS, Prices(), given).startswith(
        "50 raters or fewer for "
    )


@pytest.mark.parametrize(
    ("raters", "rounded"), [(1, 1), (7.2, 8), (50, 50), (99.5, 100), (100, 100), (1204, 1300)]
)
def test_raters_are_rounded_up_to_two_digits(raters: float, rounded: int) -> None:
    assert about(raters) == rounded


# The command


def test_the_command_shows_a_table_with_bars_and_an_answer() -> None:
    printed = planned(*SMALL, "--groups", "2,2", "--pay", "2.50", "--battle-cost", "0.01")
    lines = printed.splitlines()
    assert lines[0] == (
        "4 contestants, 4 groups on 2 axes, 3 battles of each rater, pairs by gain; "
        "2 simulated studies."
    )
    assert lines[1].startswith("Ties: 20% of random pairs, ")
    header, *rungs = lines[3:-2]
    assert header.split("  ")[0].strip() == "Raters"
    assert "Pay, GBP" in header
    assert "Replies, $" in header
    assert [int(line.split()[0]) for line in rungs] == [10, 20, 40, 80]
    bars = [line.count("█") for line in rungs]
    assert bars[0] == 24
    assert bars == sorted(bars, reverse=True)
    assert rungs[-1].endswith("200.00        2.40")
    assert lines[-1].startswith("More than 80 raters for ±3 points of win share; pay 200.00 GBP")


def test_the_command_takes_what_it_is_not_told_from_the_study(draft: Study) -> None:
    told = json.loads(planned("--study", draft.slug, "--raters", "40", "--studies", "2", "--tau",
                              "0.2", "--format", "json"))  # fmt: skip
    assert told["assumptions"]["contestants"] == 4
    assert told["assumptions"]["groups"] == [[0.4, 0.6], [0.5, 0.5]]
    assert told["assumptions"]["policy"] == "random"
    assert told["wish"] == {"measure": "tau", "level": 0.2}
    assert told["raters_needed"]["raters"] >= 10
    last = told["rungs"][-1]
    assert (last["raters"], last["battles"]) == (40, 120)
    assert (last["pay"], last["currency"]) == ("100.00", "GBP")
    # Three turns of 40 and 400 tokens: 1,440 read and 1,200 written by each of two.
    assert last["replies_usd"] == str((120 * Decimal("0.02688")).quantize(Decimal("0.01")))


def test_what_the_ladder_does_not_reach_is_null_and_a_seed_plans_the_same() -> None:
    arguments = (*SMALL, "--precision", "0.1", "--format", "json", "--seed", "5")
    told = json.loads(planned(*arguments))
    assert told["raters_needed"] == {"raters": None, "low": None, "high": None}
    assert json.loads(planned(*arguments)) == told
    assert json.loads(planned(*arguments[:-1], "6")) != told


def test_the_command_writes_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(planned(*SMALL, "--format", "csv"))))
    assert [row["raters"] for row in rows] == ["10", "20", "40", "80"]
    assert float(rows[0]["points"]) > float(rows[-1]["points"])
    assert rows[0]["pay"] == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Name a --study"),
        (["--study", "nowhere"], 'no study "nowhere"'),
        (["--contestants", "1"], "two contestants"),
        (["--contestants", "4", "--ties", "1"], "share of ties"),
        (["--contestants", "4", "--raters", "0"], "from 1 to 100,000"),
        (["--contestants", "4", "--tau", "1.5"], "Wish for"),
        (["--contestants", "4", "--groups", "4,x"], "list of numbers of groups"),
        (["--contestants", "4", "--pay", "much"], "no amount of money"),
        (["--contestants", "4", "--tau", ".9", "--leader", ".9"], "not allowed with"),
        (["--contestants", "4", "--policy", "best"], "best"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        planned(*arguments)


def test_a_refusal_is_one_line_and_status_2() -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "plan", "--contestants", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr.splitlines() == ["hustings: A plan needs at least two contestants."]
    assert run.stdout == ""


# The page


def address_of(study: Study) -> str:
    return reverse("admin:leaderboards_study_plan", args=[study.pk])


def filled(client: Client, study: Study, **changes: Any) -> dict[str, Any]:
    """What the form sends as the page offers it, with these changes."""
    form = client.get(address_of(study)).context["form"]
    return {name: form.get_initial_for_field(f, name) for name, f in form.fields.items()} | changes


def test_the_page_offers_what_the_study_says_and_plans_once_it_is_asked(
    client: Client, draft: Study
) -> None:
    client.force_login(make_admin())
    first = client.get(address_of(draft))
    assert "plan" not in first.context
    asked = filled(client, draft, raters=80)
    assert (asked["contestants"], asked["battles_each"], asked["policy"]) == (4, 3, "random")
    shown = client.get(address_of(draft), asked)
    page = shown.content.decode()
    assert "More than 80 raters for ±3 points of win share; pay 200.00 GBP for 80" in page
    chart = json.loads(shown.context["chart"])
    assert chart["labels"] == ["10", "20", "40", "80"]
    assert {len(line["data"]) for line in chart["datasets"]} == {4}
    assert [line["label"] for line in chart["datasets"]][:2] == ["Whole study", "Typical group"]
    assert shown.context["plan"].assumptions.groups == ((0.4, 0.6), (0.5, 0.5))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"measure": "tau"}, "Wish for a half-width above 0"),
        ({"measure": "joy"}, "Select a valid choice"),
        ({"contestants": 1}, "greater than or equal to 2"),
        ({"contestants": 1000}, "less than or equal to"),
        ({"raters": 10**9}, "less than or equal to"),
        ({"skill_sd": "nan"}, "Enter a number"),
    ],
)
def test_the_page_says_what_is_wrong(
    client: Client, draft: Study, changes: dict[str, Any], complaint: str
) -> None:
    client.force_login(make_admin())
    shown = client.get(address_of(draft), filled(client, draft, **changes))
    assert complaint in shown.content.decode()
    assert "plan" not in shown.context


def test_a_study_that_rates_one_at_a_time_is_refused_with_the_reason(
    client: Client, draft: Study
) -> None:
    client.force_login(make_admin())
    Study.objects.filter(pk=draft.pk).update(protocol=Study.Protocol.SINGLE)
    shown = client.get(address_of(draft))
    assert "a plan is for pairs" in shown.content.decode()
    assert "form" not in shown.context


def test_no_page_simulates_for_longer_than_somebody_waits(
    client: Client, draft: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(make_admin())
    few = client.get(address_of(draft), filled(client, draft, raters=40, contestants=40))
    assert few.context["plan"].assumptions.studies == 8
    monkeypatch.setattr(planning, "groups_of", lambda _study: ((0.1,) * 10,) * 6)
    many = client.get(address_of(draft), filled(client, draft, raters=40, contestants=40))
    assert "run `hustings plan` on the server" in many.content.decode()
    assert "plan" not in many.context


def test_only_who_may_see_the_study_s_figures_may_plan(client: Client, draft: Study) -> None:
    client.force_login(make_user("clerk", "leaderboards.view_board", is_staff=True))
    assert client.get(address_of(draft)).status_code == 403
    client.force_login(make_admin())
    assert client.post(address_of(draft)).status_code == 405


def test_the_study_s_page_leads_to_its_plan(client: Client, draft: Study) -> None:
    client.force_login(make_admin())
    leads = reverse("admin:studies_study_plan", args=[draft.pk])
    assert leads in client.get(page_of(draft)).content.decode()
    assert client.get(leads)["Location"] == address_of(draft)


def test_the_page_draws_its_plot_in_a_browser(
    browser: Browser, live_server: LiveServer, pictures: Path, draft: Study
) -> None:
    visit = Visit(browser, DESKTOP, "dark")
    client = Client()
    client.force_login(make_admin())
    visit.page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page = visit.open(live_server.url + address_of(draft))
    visit.look(pictures / "plan-form.png", but=OF_THE_THEME)
    page.get_by_role("button", name="Plan", exact=True).click()
    page.get_by_text("More raters, more precision").wait_for()
    # The chart comes into view by an animation.
    page.wait_for_function(
        """() => {
            const canvas = document.querySelector("canvas.chart");
            return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                .data.some(part => part > 0);
        }"""
    )
    visit.look(pictures / "plan.png", but=OF_THE_THEME)
