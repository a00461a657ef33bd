"""Boards over REST."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leaderboards.document import verify
from leaderboards.pages.tables import table
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board, withdraw_board
from raters.models import Participation
from raters.services.exclusions import exclude
from tests.cast import NOW, make_admin, make_board, make_study, make_user
from tests.studies.test_api import SECRETS, bearer

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

BOARDS = "/api/v1/studies/tea/boards/"


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def board(study):
    return make_board(study)


def rows(client, board, **query):
    response = client.get(f"{BOARDS}{board.pk}/rows/", query | {"limit": 1000})
    assert response.status_code == 200, response.content
    return response.json()["results"]


def test_a_board_tells_from_what_it_was_computed(client, board):
    told = client.get(f"{BOARDS}{board.pk}/").json()
    assert told["engine"] == "davidson"
    assert told["parameters"]["draws"] == 200
    assert told["input_digest"] == board.input_digest
    assert told["code_version"] == board.code_version
    assert (told["raters"], told["verdicts"], told["exclusions"]) == (30, 240, 0)
    assert (told["supersedes"], told["superseded_by"], told["withdrawal"]) == (None, None, None)
    assert {s["scope"] for s in told["sections"]} == {"electorate", "group", "sample"}
    assert "taken_by" not in told


@pytest.mark.every_database
def test_boards_come_newest_first_and_say_which_supersedes_which(client, study, board):
    newer = take_board(study, BoardParameters(draws=200), at=NOW + timedelta(days=1))
    told = client.get(BOARDS).json()["results"]
    assert [b["id"] for b in told] == [str(newer.pk), str(board.pk)]
    assert told[0]["supersedes"] == str(board.pk)
    assert told[1]["superseded_by"] == str(newer.pk)


def test_a_withdrawn_board_says_why(client, board):
    withdraw_board(board, reason="A copied file.", by=make_admin(), at=NOW)
    told = client.get(f"{BOARDS}{board.pk}/").json()
    assert told["withdrawal"]["reason"] == "A copied file."
    assert "actor" not in told["withdrawal"]
    assert client.get(BOARDS).json()["results"][0]["withdrawal"]["reason"] == "A copied file."


@pytest.mark.every_database
def test_a_board_counts_its_exclusions(client, study):
    subject = Participation.objects.filter(study=study).first()
    exclude(subject, reason="Asleep.", by=make_admin(), at=NOW)
    board = make_board(study)
    assert client.get(f"{BOARDS}{board.pk}/").json()["exclusions"] == 1


@pytest.mark.every_database
def test_the_export_recomputes_to_what_was_published(client, board):
    told = client.get(f"{BOARDS}{board.pk}/").json()
    response = client.get(told["export_url"])
    assert response["Content-Type"] == "application/json"
    assert verify(json.loads(response.content)).differences == ()


@pytest.mark.every_database
def test_rows_filter_by_what_the_board_has(client, board):
    assert {row["dimension"] for row in rows(client, board, dimension="warmth")} == {"warmth"}
    assert {row["scope"] for row in rows(client, board, scope="electorate")} == {"electorate"}
    assert {row["axis"] for row in rows(client, board, axis="age")} == {"age"}
    assert {row["group"] for row in rows(client, board, group="female")} == {"female"}
    assert {row["contestant"] for row in rows(client, board, contestant="ash")} == {"ash"}
    narrow = rows(client, board, dimension="overall", axis="age", group="18-34")
    assert [row["rank"] for row in narrow] == sorted(row["rank"] for row in narrow)


def test_rows_say_their_tier_and_whom_they_are_not_separated_from(client, board):
    everyone = rows(client, board, dimension="overall", scope="electorate")
    tier_of = {row["contestant"]: row["tier"] for row in everyone}
    assert sorted({*tier_of.values()}) == [*range(1, max(tier_of.values()) + 1)]
    section = board.sections.get(dimension_key="overall", scope="electorate")
    shown = table(list(section.rows.select_related("contestant").order_by("rank")))
    begins = [row["tier"] > before["tier"] for before, row in pairwise(everyone)]
    assert [row.begins_tier for row in shown.rows] == [True, *begins]
    for row in everyone:
        met = {
            other["contestant"]
            for other in everyone
            if other != row
            and other["rank_low"] <= row["rank_high"]
            and other["rank_high"] >= row["rank_low"]
        }
        assert set(row["not_separated_from"]) == met
        assert {tier_of[other] for other in met} <= {row["tier"]}
    (alone,) = rows(client, board, dimension="overall", scope="electorate", contestant="ash")
    assert alone in everyone


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("scope=foo", "“foo” is not known here; known are: electorate, group, sample."),
        ("dimension=foo", "known are: overall, warmth."),
        ("axis=foo", "known are: age, sex."),
        ("group=foo", "known are: 18-34, 35-plus, female, male."),
        ("axis=age&group=female", "known are: 18-34, 35-plus."),
        ("contestant=foo", "known are: ash, birch, cherry, dogwood."),
        ("dimensions=overall", "There is no such parameter"),
    ],
)
def test_an_unknown_filter_value_is_400_and_names_the_known_ones(client, board, query, said):
    response = client.get(f"{BOARDS}{board.pk}/rows/?{query}")
    assert response.status_code == 400
    name = query.rpartition("&")[2].partition("=")[0]
    assert said in response.json()["errors"][name][0]


@pytest.mark.every_database
def test_rows_come_in_pages_that_do_not_overlap(client, board):
    everything = [json.dumps(row) for row in rows(client, board)]
    paged, address = [], f"{BOARDS}{board.pk}/rows/?limit=7"
    while address:
        page = client.get(address).json()
        paged += [json.dumps(row) for row in page["results"]]
        address = page["next"]
    assert paged == everything
    assert len(set(paged)) == len(paged)


def test_nothing_private_is_told(client, board):
    for address in (BOARDS, f"{BOARDS}{board.pk}/", f"{BOARDS}{board.pk}/rows/"):
        content = client.get(address).content
        assert not [secret for secret in SECRETS if secret in content]


@pytest.mark.parametrize("part", ["", "rows/", "export/"])
def test_a_board_is_hidden_with_its_study_and_shown_to_the_team(client, study, board, part):
    study.is_public = False
    study.save()
    address = f"{BOARDS}{board.pk}/{part}"
    assert client.get(address).status_code == 404
    assert client.get(address, headers=bearer(make_user("stranger"))).status_code == 404
    member = make_user("member")
    study.team.add(member)
    assert client.get(address, headers=bearer(member)).status_code == 200


@pytest.mark.parametrize("part", ["", "rows/", "export/"])
def test_a_board_of_another_study_is_404(client, study, board, part):
    make_study("coffee", raters=0, electorate=study.electorate)
    assert client.get(f"/api/v1/studies/coffee/boards/{board.pk}/{part}").status_code == 404


def test_a_study_without_a_board_has_an_empty_list(client, study):
    assert client.get(BOARDS).json()["results"] == []


@pytest.mark.every_database
def test_lists_take_few_queries_and_never_read_a_document(client, study, board):
    take_board(study, BoardParameters(draws=200), at=NOW + timedelta(days=1))
    one = f"{BOARDS}{board.pk}/"
    for address, most in ((BOARDS, 3), (one, 4), (f"{one}rows/", 7)):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        assert len(queries) <= most, [query["sql"] for query in queries]
        assert not [query for query in queries if "document" in query["sql"]]
