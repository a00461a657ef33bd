"""The quality page, its figures against a count by hand."""

import re
from datetime import datetime, timedelta
from html import unescape
from math import isnan
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from raters.models import Battle, Participation, Reply, Strike
from raters.quality.agreement import wilson
from raters.quality.fairness import Rate, rate_ratio
from raters.quality.flaws import Flaw, FlawKind
from raters.quality_report import ANY_KIND, QualityReport, read_quality
from raters.services.battles import give_verdicts
from raters.services.erasing import withdraw_and_erase
from raters.services.strikes import (
    confirm_strike,
    give_strike,
    object_to_strike,
    overturn_strike,
)
from studies.models import Study
from tests.cast import NOW, complete_design, make_admin, make_study, make_user
from tests.raters.live import answer, make_live_study, open_battle, say, take_part

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

State = Participation.State


@pytest.fixture
def study() -> Study:
    """A town of two axes, open, that strikes out nobody soon."""
    study = complete_design(make_study(raters=0, state="open"), raters=200)
    Study.objects.filter(pk=study.pk).update(strikes_allowed=50, min_turns=1)
    study.refresh_from_db()
    return study


def join(study: Study, cell: str, *, state: str = State.ACTIVE, has_battle: bool = True) -> Any:
    hers = take_part(study)
    Participation.objects.filter(pk=hers.pk).update(
        cell=study.electorate.cells.get(key=cell), state=state
    )
    if has_battle:
        first, second = study.contestants.order_by("slug")[:2]
        Battle.objects.create(
            participation=hers, key="1", side_a=first, side_b=second, created_at=NOW
        )
    return hers


def strike(
    hers: Participation, key: str = "1", kind: FlawKind = FlawKind.GIBBERISH, at: datetime = NOW
) -> Strike:
    flaw = Flaw(kind, "Seen.", "screen", is_strike=True)
    given = give_strike(hers, flaw, key=key, at=at)
    assert given is not None
    return given


def quality(study: Study) -> str:
    return reverse("admin:raters_study_quality", args=[study.pk])


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


# Strikes


def test_the_false_strike_rate_is_of_what_was_reviewed(study: Study) -> None:
    boss = make_admin()
    given = [strike(join(study, "18-34|female")) for _ in range(6)]
    for one in given[:3]:
        overturn_strike(one, by=boss, at=NOW)
    confirm_strike(given[3], by=boss, at=NOW)
    strike(join(study, "18-34|male"), kind=FlawKind.DRIFT)
    report = read_quality(study)
    drift, gibberish = report.kinds
    assert (drift.kind, drift.given, drift.waiting, drift.false_share.n) == ("drift", 1, 1, 0)
    assert (gibberish.given, gibberish.waiting) == (6, 2)
    assert gibberish.false_share == wilson(3, 4)
    assert (report.every_kind.given, report.every_kind.waiting) == (7, 3)
    assert report.every_kind.false_share == wilson(3, 4)
    object_to_strike(given[3], text="No.", at=NOW + timedelta(days=1))
    assert read_quality(study).every_kind.waiting == 4, "It waits again."


def test_strikes_are_counted_day_by_day_in_utc(study: Study) -> None:
    hers = join(study, "18-34|female")
    midnight = NOW.replace(hour=0)
    for n, at in enumerate(
        (midnight - timedelta(seconds=1), midnight, midnight + timedelta(hours=23))
    ):
        strike(hers, key=str(n), at=at)
    strike(hers, key="drift", kind=FlawKind.DRIFT, at=midnight)
    found = [(day.day, day.strikes) for day in read_quality(study).days]
    today = midnight.date()
    assert found == [
        (today - timedelta(days=1), {"gibberish": 1}),
        (today, {"drift": 1, "gibberish": 2}),
    ]


# Is it fair?


def test_a_group_that_is_struck_more_often_is_flagged(study: Study) -> None:
    for cell, raters, struck in (
        ("18-34|female", 40, 20), ("18-34|male", 40, 20),
        ("35-plus|female", 40, 2), ("35-plus|male", 40, 2),
    ):  # fmt: skip
        for n in range(raters):
            hers = join(study, cell)
            if n < struck:
                strike(hers)
                strike(hers, key="again")
    report = read_quality(study)
    lines = {(line.kind, line.group.key): line for line in report.fairness}
    young = lines["gibberish", "18-34"]
    assert young.ratio == rate_ratio(Rate(40, 80), Rate(4, 80)), "A rater is hit once."
    assert lines[ANY_KIND, "18-34"].ratio == young.ratio
    assert young.ratio.is_flagged
    assert young.stands
    assert lines["gibberish", "35-plus"].ratio.high < 1
    assert not lines["gibberish", "female"].ratio.is_flagged
    assert (len(report.fairness), report.flagged) == (8, 4)
    assert report.flagged_by_chance == pytest.approx(0.4)


def test_overturned_strikes_hit_a_group_all_the_same(study: Study) -> None:
    boss = make_admin()
    for cell in ("18-34|female", "35-plus|female"):
        people = [join(study, cell) for _ in range(10)]
        if cell.startswith("18"):
            for hers in people:
                overturn_strike(strike(hers), by=boss, at=NOW)
    young = read_quality(study).fairness[0].ratio
    assert (young.group, young.rest) == (Rate(10, 10), Rate(0, 10))


def test_few_raters_are_compared_with_nobody(study: Study) -> None:
    for n in range(4):
        strike(join(study, "18-34|female"), key=str(n))
    for _ in range(30):
        join(study, "35-plus|female")
    assert read_quality(study).fairness == ()
    join(study, "18-34|male")
    assert {line.group.key for line in read_quality(study).fairness} == {"18-34", "35-plus"}


def test_who_never_came_in_was_not_at_risk_and_who_withdrew_is_in_no_group(study: Study) -> None:
    for cell in ("18-34|female", "35-plus|female"):
        for n in range(6):
            hers = join(study, cell)
            if n == 0:
                strike(hers)
        join(study, cell, has_battle=False)
    strike(join(study, "18-34|male", has_battle=False))
    withdraw_and_erase(Participation.objects.filter(study=study).first(), at=timezone.now())
    young = read_quality(study).fairness[0].ratio
    assert (young.group, young.rest) == (Rate(1, 6), Rate(1, 6))


# The way through, and times


def test_the_funnel_says_how_far_raters_came_and_what_became_of_them(study: Study) -> None:
    join(study, "18-34|female", state=State.SCREENED_OUT, has_battle=False)
    join(study, "18-34|female", state=State.RESERVED, has_battle=False)
    join(study, "18-34|female", state=State.TIMED_OUT)
    talking = open_battle(study)
    say(talking)
    judged = judged_battle(study)
    Participation.objects.filter(pk=judged.participation_id).update(state=State.STRUCK_OUT)
    join(study, "18-34|female", state=State.COMPLETED, has_battle=False)
    steps = read_quality(study).steps
    assert [step.raters for step in steps] == [6, 5, 4, 3, 2, 1]
    assert [step.left for step in steps] == [
        {"screened_out": 1}, {"reserved": 1}, {"timed_out": 1}, {"active": 1},
        {"struck_out": 1}, {"completed": 1},
    ]  # fmt: skip


def judged_battle(study: Study, seed: int = 1) -> Battle:
    battle = open_battle(study, seed=seed)
    for number in (1, 2):
        turn = say(battle, f"How do I cook rice, {number}?", number)
        for side in ("a", "b"):
            answer(turn, side)
    return give_verdicts(battle, outcomes={"overall": "a", "warmth": "b"}, at=timezone.now())


def spread(battle: Battle, *, thinks: int, compares: int) -> None:
    """Let her think so many seconds before each message, and compare for so many."""
    Battle.objects.filter(pk=battle.pk).update(created_at=NOW)
    at = NOW
    for turn in battle.turns.order_by("number"):
        at += timedelta(seconds=thinks)
        type(turn).objects.filter(pk=turn.pk).update(created_at=at)
        Reply.objects.filter(turn=turn, side="a").update(finished_at=at + timedelta(seconds=3))
        at += timedelta(seconds=5)
        Reply.objects.filter(turn=turn, side="b").update(finished_at=at)
    Battle.objects.filter(pk=battle.pk).update(judged_at=at + timedelta(seconds=compares))


def test_median_times_are_those_of_messages_comparing_battles_and_the_whole(study: Study) -> None:
    for seed, (thinks, compares) in enumerate(((10, 20), (30, 40), (50, 90))):
        battle = judged_battle(study, seed)
        spread(battle, thinks=thinks, compares=compares)
        Participation.objects.filter(pk=battle.participation_id).update(
            cell=study.electorate.cells.get(key="18-34|female"), state=State.COMPLETED,
            created_at=NOW, ended_at=NOW + timedelta(minutes=seed + 1),
        )  # fmt: skip
    everybody, young, *_ = read_quality(study).times
    assert (everybody.group, everybody.raters) == (None, 3)
    assert (everybody.message, everybody.compare) == (30, 40)
    # Two messages of thirty seconds, two answers of five, and forty to compare.
    assert (everybody.battle, everybody.whole) == (110, 120)
    assert (young.group.key, young.raters, young.battle) == ("18-34", 3, None), "Too few."
    for seed in (3, 4):
        battle = judged_battle(study, seed)
        Participation.objects.filter(pk=battle.participation_id).update(
            cell=study.electorate.cells.get(key="18-34|male")
        )
    assert read_quality(study).times[1].battle is not None


# The page


def test_the_page_shows_what_was_counted(client: Client, study: Study) -> None:
    boss = make_admin()
    client.force_login(boss)
    for cell in ("18-34|female", "35-plus|male"):
        for n in range(8):
            hers = join(study, cell)
            if n < 2 and cell.startswith("18"):
                given = strike(hers)
    overturn_strike(given, by=boss, at=NOW)
    response = client.get(quality(study))
    page = text_of(response)
    for words in (
        "Strikes given 2 ",
        "Overturned, of those reviewed 100% (21%–100%)",
        "Gibberish 2 1 1 1 100% (21%–100%)",
        "1 Mar 2026 2 Gibberish 2",
        "0 of 8 ratios are flagged",
        "chance alone would flag 0.4 on average; 0 stand with all looks",
        "Opened a battle 16 100% active 16",
        "Review (1 waiting)",
        "Everybody 0 – – – –",
    ):
        assert words in page, words
    content = response.text[response.text.index("hustings-live-head") :]
    content = content[: content.index("unfold/js/simplebar")]
    assert "style=" not in content


@pytest.mark.parametrize("has_electorate", [True, False])
def test_the_page_of_a_study_with_nothing_in_it_opens(client: Client, has_electorate: bool) -> None:
    client.force_login(make_admin())
    empty = make_study(raters=0) if has_electorate else make_live_study(contestants=0)
    page = text_of(client.get(quality(empty)))
    assert "There is nothing to compare yet." in page
    assert "None yet." in page


def test_the_page_is_for_those_who_may_see_the_study(client: Client, study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_public=False)
    for name in ("raters_study_quality", "raters_study_agreement"):
        address = reverse(f"admin:{name}", args=[study.pk])
        client.force_login(make_user(f"clerk of {name}", "raters.view_battle", is_staff=True))
        assert client.get(address).status_code == 403
        outsider = make_user(f"outsider of {name}", "studies.change_study", is_staff=True)
        client.force_login(outsider)
        assert client.get(address).status_code == 404
        study.team.add(outsider)
        page = client.get(address)
        assert page.status_code == 200
        assert "Look again now" not in page.text
        assert client.post(address).status_code == 405


def test_the_number_of_queries_does_not_depend_on_the_study(study: Study) -> None:
    numbers = []
    for _ in range(2):
        for cell in ("18-34|female", "35-plus|male"):
            for _ in range(6):
                strike(join(study, cell))
        with CaptureQueriesContext(connection) as queries:
            report: QualityReport = read_quality(study)
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 15
    assert all(isnan(line.ratio.ratio) or line.ratio.ratio > 0 for line in report.fairness)
