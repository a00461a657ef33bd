"""Boards as data frames, from a real server."""

import pytest

from hustings.client import Hustings, HustingsError
from studies.models import ApiToken
from tests.cast import make_admin, make_board, make_study

pytestmark = [pytest.mark.one_database]


@pytest.fixture
def board(live_server):
    return make_board(make_study())


@pytest.fixture
def ask(live_server):
    """A client of the site, for a token or none."""
    clients = []

    def make(token=""):
        clients.append(Hustings(live_server.url, token=token))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_board_is_a_data_frame_whose_rows_are_the_contestants(ask, board):
    client = ask()
    assert client.studies()["slug"].tolist() == ["tea"]
    rows = client.board("tea", scope="electorate")
    overall = board.sections.filter(scope="electorate").first()
    of_one = rows[rows["dimension"] == overall.dimension_key]
    assert of_one["contestant"].tolist() == [
        row.contestant.slug for row in overall.rows.order_by("rank", "pk")
    ]
    everything = client.board("tea")
    assert len(everything) == sum(section.rows.count() for section in board.sections.all())
    assert client.board("tea", board=str(board.pk)).equals(everything)


def test_pages_are_followed_to_the_end(ask, board, monkeypatch):
    monkeypatch.setattr("hustings.client.PAGE", 3)
    everything = ask().board("tea")
    assert len(everything) == sum(section.rows.count() for section in board.sections.all()) > 3
    assert not everything.duplicated(["dimension", "scope", "axis", "group", "contestant"]).any()


def test_what_the_server_refuses_is_said_in_its_words(ask, board):
    client = ask()
    with pytest.raises(HustingsError, match="no study “coffee”") as refusal:
        client.board("coffee")
    assert refusal.value.status == 404
    with pytest.raises(HustingsError, match="not known here"):
        client.board("tea", dimension="charm")
    with pytest.raises(HustingsError) as refusal:
        client.comparisons("tea")
    assert refusal.value.status == 401


def test_a_token_opens_what_is_not_public(ask, board):
    _, secret = ApiToken.objects.create(make_admin(), is_for_all_studies=True)
    comparisons = ask(secret).comparisons("tea")
    assert set(comparisons["outcome"]) <= {"a", "b", "tie"}
    assert len(comparisons) > 0


def test_a_study_without_a_board_is_said_to_have_none(ask):
    make_study()
    with pytest.raises(LookupError, match="no board"):
        ask().board("tea")
