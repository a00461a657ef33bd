"""The sampling audit of a study: what it counts, what it says, and who may see it."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from leaderboards.pages.sampling import sampling_page
from leaderboards.ranking.audit import Concern
from leaderboards.sampling import Sampling, read_sampling
from raters.models import Battle, Participation, Rater
from studies.models import AttentionCheck, Contestant, Study
from studies.services import enter_contestant, withdraw_contestant
from tests.cast import NOW, make_admin, make_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

DAY = timedelta(days=1)
EVERYBODY = ("Ash", "Birch", "Cherry", "Dogwood")
SIMULATED = "Simulated raters: not a finding about real people or models"


@pytest.fixture
def study() -> Study:
    """A study that nobody has answered, whose contestants entered a day before now."""
    study = make_study(raters=0, state=Study.State.OPEN)
    study.contestants.update(entered_at=NOW - DAY)
    return study


def give_out(
    study: Study,
    *pairs: tuple[str, str | None],
    times: int = 1,
    at: datetime = NOW,
    state: str = Participation.State.COMPLETED,
    **battle: Any,
) -> Sequence[Battle]:
    """Let one rater judge battles of each pair, so many times."""
    participation = Participation.objects.create(
        study=study,
        rater=Rater.objects.create(created_at=at),
        state=state,
        created_at=at,
    )
    of = {each.name: each for each in study.contestants.all()}
    return Battle.objects.bulk_create(
        Battle(
            participation=participation,
            key=f"{a} {b} {n}",
            side_a=of[a],
            side_b=of[b] if b else None,
            created_at=at,
            **{"judged_at": at} | battle,
        )
        for a, b in pairs
        for n in range(times)
    )


def everybody_meets(study: Study, *, times: int = 1, at: datetime = NOW) -> None:
    """Each of those that stand meets each other, as often on side A as on side B."""
    names = study.contestants.filter(withdrawn_at=None).values_list("name", flat=True)
    pairs = [(a, b) for a in names for b in names if a != b]
    give_out(study, *pairs, times=times, at=at)


def battles_of(sampling: Sampling) -> dict[str, int]:
    return {each.contestant.name: each.battles for each in sampling.contestants}


def alarms_of(study: Study) -> dict[Concern, str]:
    page = sampling_page(read_sampling(study))
    return {
        alarm.concern: alarm.sentence.replace("\N{NO-BREAK SPACE}", " ") for alarm in page.alarms
    }


def body(response: Any) -> str:
    """The page as text, with runs of white space as one space."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


# What is counted


@pytest.mark.every_database
def test_battles_are_counted_by_contestant_developer_side_and_day(study: Study) -> None:
    give_out(study, ("Ash", "Birch"), times=3)
    give_out(study, ("Cherry", "Ash"), at=NOW + DAY)
    sampling = read_sampling(study)
    assert sampling.battles == 4
    assert battles_of(sampling) == {"Ash": 4, "Birch": 3, "Cherry": 1, "Dogwood": 0}
    ash, birch, _cherry, dogwood = sampling.contestants
    assert (ash.share, ash.side_a) == (1.0, 0.75)
    assert (birch.share, birch.side_a) == (0.75, 0.0)
    assert (dogwood.share, dogwood.side_a) == (0.0, None)
    assert [(each.name, each.contestants, each.share) for each in sampling.developers] == [
        ("Copse", 2, 1.0),
        ("Spinney", 2, 0.25),
    ]
    first, second = sampling.days
    assert (first.day, first.battles) == (NOW.date(), 3)
    assert [(each.battles, each.share) for each in second.shares] == [
        (1, 1.0), (0, 0.0), (1, 1.0), (0, 0.0),
    ]  # fmt: skip


@pytest.mark.every_database
def test_a_day_is_one_by_utc(study: Study) -> None:
    midnight = NOW.replace(hour=0)
    give_out(study, ("Ash", "Birch"), at=midnight - timedelta(seconds=1))
    give_out(study, ("Ash", "Birch"), at=midnight)
    assert [day.day for day in read_sampling(study).days] == [(NOW - DAY).date(), NOW.date()]


def test_what_is_under_way_counts_and_what_came_to_nothing_does_not(study: Study) -> None:
    State = Participation.State
    give_out(study, ("Ash", "Birch"), state=State.ACTIVE, judged_at=None)
    give_out(study, ("Ash", "Cherry"), state=State.TIMED_OUT, judged_at=None)
    give_out(study, ("Ash", "Cherry"), state=State.WITHDRAWN)
    check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
    give_out(study, ("Ash", "Dogwood"), attention_check=check)
    give_out(study, ("Ash", "Dogwood"), state=State.STRUCK_OUT)
    other = make_study("coffee", raters=0, electorate=study.electorate)
    give_out(other, ("Ash", "Birch"))
    assert battles_of(read_sampling(study)) == {"Ash": 2, "Birch": 1, "Cherry": 0, "Dogwood": 1}


@pytest.mark.every_database
def test_it_takes_two_queries_however_many_days_there_are(
    study: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(3):
        everybody_meets(study, at=NOW + n * DAY)
    with django_assert_num_queries(2):
        read_sampling(study)


def test_a_study_without_contestants_or_battles_has_an_audit_too(study: Study) -> None:
    bare = Study.objects.create(slug="bare", title="Bare")
    assert read_sampling(bare).battles == 0
    assert alarms_of(bare) == alarms_of(study) == {}


# What stands out


def test_even_sampling_raises_no_alarm(study: Study) -> None:
    everybody_meets(study, times=5)
    page = sampling_page(read_sampling(study))
    assert page.alarms == ()
    assert page.verdict.startswith("Nothing stands out")
    assert page.connection == "all, whoever withdraws"


def test_a_cap_that_was_passed_is_told_with_its_day(study: Study) -> None:
    study.battle_cap = 0.5  # Of four contestants each may be in 1½ equal shares, ¾ of a day's.
    everybody_meets(study, times=5)
    give_out(study, ("Ash", "Birch"), ("Cherry", "Ash"), ("Ash", "Dogwood"), times=40, at=NOW + DAY)
    on = date_format(NOW + DAY)
    assert alarms_of(study)[Concern.OVER_CAP] == (
        f"Ash was in 100 % of the battles of {on}. The cap is 75 % of a day’s battles."
    )


def test_a_handful_of_battles_a_day_passes_no_cap(study: Study) -> None:
    for n in range(20):
        give_out(study, ("Ash", "Birch"), ("Cherry", "Ash"), at=NOW + n * DAY)
    assert Concern.OVER_CAP not in alarms_of(study)


def test_who_is_starved_is_named(study: Study) -> None:
    everybody_meets(study)
    give_out(study, ("Ash", "Birch"), ("Cherry", "Ash"), ("Birch", "Cherry"), times=60)
    alarms = alarms_of(study)
    assert alarms[Concern.UNDER_FLOOR].startswith("Dogwood had 6 % of an equal share of the")
    assert alarms[Concern.UNDER_FLOOR].endswith("The floor is 20 %.")


def test_a_newcomer_is_held_to_the_floor_from_the_day_after_it_joined(study: Study) -> None:
    for n in range(10):
        everybody_meets(study, times=5, at=NOW + n * DAY)
    elder = enter_contestant(study, name="Elder")
    noon = NOW + 9 * DAY
    Contestant.objects.filter(pk=elder.pk).update(entered_at=noon + timedelta(hours=1))
    give_out(study, *[("Elder", name) for name in EVERYBODY], at=noon + timedelta(hours=2))
    assert Concern.UNDER_FLOOR not in alarms_of(study)
    # In its first whole day it meets everybody as often as others do; then nobody any more.
    everybody_meets(study, times=5, at=NOW + 10 * DAY)
    *_, newcomer = read_sampling(study).contestants
    assert newcomer.contestant == elder
    assert newcomer.of_equal == pytest.approx(1)
    pairs = [(a, b) for a in EVERYBODY for b in EVERYBODY if a != b]
    for n in range(11, 20):
        give_out(study, *pairs, times=5, at=NOW + n * DAY)
    assert alarms_of(study)[Concern.UNDER_FLOOR].startswith("Elder had 1")


def test_who_has_withdrawn_is_shown_and_owes_no_battles(study: Study) -> None:
    everybody_meets(study)
    give_out(study, ("Ash", "Birch"), ("Cherry", "Ash"), ("Birch", "Cherry"), times=60)
    dogwood = study.contestants.get(name="Dogwood")
    withdraw_contestant(dogwood, reason="Retired.", at=NOW + DAY)
    sampling = read_sampling(study)
    assert battles_of(sampling)["Dogwood"] == 6
    assert sampling.contestants[3].of_equal == pytest.approx(0.06, abs=0.01)
    assert Concern.UNDER_FLOOR not in alarms_of(study)


def test_battles_older_than_their_contestants_entry_are_held_to_the_floor(study: Study) -> None:
    study.contestants.update(entered_at=NOW + 100 * DAY)
    everybody_meets(study)
    give_out(study, ("Ash", "Birch"), ("Cherry", "Ash"), ("Birch", "Cherry"), times=60)
    assert Concern.UNDER_FLOOR in alarms_of(study)


def test_one_sided_contestants_are_named(study: Study) -> None:
    give_out(study, *[("Ash", name) for name in EVERYBODY[1:]], times=20)
    alarms = alarms_of(study)
    assert "Ash was side A in 100 % of its battles" in alarms[Concern.ONE_SIDED]
    assert alarms[Concern.ONE_SIDED].endswith("further from half than chance explains.")


def test_parts_that_never_met_and_who_met_nobody_are_named(study: Study) -> None:
    enter_contestant(study, name="Elder")
    give_out(study, ("Ash", "Cherry"), ("Birch", "Dogwood"))
    assert alarms_of(study)[Concern.DISCONNECTED] == (
        "Those that take part fall into 2 parts that never met, not even by way of others: "
        "Ash, Cherry; Birch, Dogwood. Elder has not met anybody yet."
    )


def test_who_alone_links_others_is_named_as_the_withdrawal_would_say(study: Study) -> None:
    give_out(study, ("Ash", "Birch"), ("Ash", "Cherry"), ("Cherry", "Birch"), ("Ash", "Dogwood"))
    assert alarms_of(study)[Concern.HOLDS_TOGETHER].startswith("Withdrawing Ash would cut others")
    ash = study.contestants.get(name="Ash")
    withdraw_contestant(ash, reason="Retired.", at=NOW + DAY, may_split=True)
    alarms = alarms_of(study)
    assert Concern.HOLDS_TOGETHER not in alarms
    assert "2 parts that never met" in alarms[Concern.DISCONNECTED]


def test_very_unequal_shares_are_told(study: Study) -> None:
    for n in range(8):
        enter_contestant(study, name=f"Elm {n}")
    study.contestants.update(entered_at=NOW - DAY)
    everybody_meets(study)
    give_out(study, ("Ash", "Birch"), ("Birch", "Ash"), times=200)
    assert "the Gini coefficient is 0.6" in alarms_of(study)[Concern.UNEQUAL]


# One model at a time


def test_where_one_model_at_a_time_is_rated_there_are_shares_and_no_pairs(client: Client) -> None:
    study = make_study("rated", raters=0, protocol=Study.Protocol.SINGLE)
    study.contestants.update(entered_at=NOW - DAY)
    give_out(study, *[(name, None) for name in EVERYBODY[:3]], times=30)
    sampling = read_sampling(study)
    assert battles_of(sampling) == {"Ash": 30, "Birch": 30, "Cherry": 30, "Dogwood": 0}
    assert [each.share for each in sampling.contestants] == pytest.approx([1 / 3] * 3 + [0])
    assert {each.side_a for each in sampling.contestants} == {None}
    assert set(alarms_of(study)) == {Concern.UNDER_FLOOR}
    page = body(client.get("/studies/rated/sampling/"))
    assert "one model at a time is rated" in page
    assert "As side A" not in page
    assert "Cap" not in page


# The page


def test_the_page_shows_shares_days_developers_and_what_stands_out(
    client: Client, study: Study
) -> None:
    everybody_meets(study, times=5)
    give_out(study, ("Ash", "Birch"), times=100, at=NOW + DAY)
    page = body(client.get("/studies/tea/sampling/"))
    assert "160 battles on 2 days" in page
    assert "stand out" in page
    assert "side A in" in page
    assert "Copse" in page
    assert f">{date_format(NOW)}<" in page
    assert f">{date_format(NOW + DAY)}<" in page
    assert SIMULATED in page
    assert reverse("api:sampling", args=["tea"]) in page


def test_the_page_marks_who_has_withdrawn(client: Client, study: Study) -> None:
    everybody_meets(study)
    assert "withdrawn</span>" not in body(client.get("/studies/tea/sampling/"))
    withdraw_contestant(study.contestants.get(name="Ash"), reason="Retired.", at=NOW)
    assert "withdrawn</span>" in body(client.get("/studies/tea/sampling/"))


def test_before_the_first_battle_the_page_says_so(client: Client, study: Study) -> None:
    page = body(client.get("/studies/tea/sampling/"))
    assert "Nobody has been met yet" in page
    assert "<table" not in page


def test_it_is_linked_from_the_study_with_and_without_a_board(
    client: Client, study: Study, board: Any
) -> None:
    for slug in (study.slug, board.study.slug):
        path = reverse("leaderboards:sampling", args=[slug])
        assert path in body(client.get(f"/studies/{slug}/"))
        assert client.get(path).status_code == 200


def test_it_is_linked_from_the_study_in_the_admin(client: Client, study: Study) -> None:
    client.force_login(make_admin())
    link = reverse("admin:studies_study_sampling", args=[study.pk])
    assert link in body(client.get(reverse("admin:studies_study_change", args=[study.pk])))
    assert client.get(link).url == "/studies/tea/sampling/"


def test_who_may_not_see_the_study_sees_neither_page_nor_figures(
    client: Client, study: Study
) -> None:
    Study.objects.update(is_public=False)
    paths = ["/studies/tea/sampling/", reverse("api:sampling", args=["tea"])]
    assert {client.get(path).status_code for path in paths} == {404}
    client.force_login(make_admin())
    assert {client.get(path).status_code for path in paths} == {200}


# REST


def test_rest_gives_the_same_figures(client: Client, study: Study) -> None:
    everybody_meets(study, times=5)
    give_out(study, ("Ash", "Birch"), times=100, at=NOW + DAY)
    answer = client.get(reverse("api:sampling", args=["tea"]))
    told = json.loads(answer.content)
    assert told["battles"] == 160
    assert (told["cap"], told["floor"]) == (0.75, 0.2)
    assert told["parts"] == [["ash", "birch", "cherry", "dogwood"]]
    assert told["holders"] == []
    assert told["pair_lead"] == 100
    ash = told["contestants"][0]
    assert (ash["contestant"], ash["developer"], ash["battles"]) == ("ash", "Copse", 130)
    assert ash["withdrawn_at"] is None
    assert [day["day"] for day in told["days"]] == ["2026-03-01", "2026-03-02"]
    assert told["days"][1]["contestants"][0] == {
        "contestant": "ash", "battles": 100, "share": 1.0, "is_over_cap": True,
    }  # fmt: skip
    named = {alarm["concern"]: alarm["contestants"] for alarm in told["alarms"]}
    assert named["over_cap"] == ["ash", "birch"]
    assert named["one_sided"] == ["ash", "birch"]


def test_rest_tells_of_no_battles_without_numbers_that_are_none(
    client: Client, study: Study
) -> None:
    told = json.loads(client.get(reverse("api:sampling", args=["tea"])).content)
    assert told["alarms"] == told["days"] == []
    assert {each["of_equal"] for each in told["contestants"]} == {None}


def test_the_schema_describes_it(client: Client) -> None:
    schema = client.get(reverse("api:schema"), headers={"accept": "application/json"}).json()
    (path,) = [path for path in schema["paths"] if path.endswith("/sampling/")]
    assert schema["paths"][path]["get"]["summary"] == "Sampling of a study"
    assert "OVER" not in json.dumps(schema["components"]["schemas"]["AlarmOut"])
