"""Public pages and the admin: English as it is spelt here and in the US, and in no other way."""

import pytest
from django.test import Client
from django.utils import translation

from leaderboards.models import Board
from studies.models import Study
from studies.rules import rules_of
from tests.catalogues import AMERICAN, english_on

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PAGES = (
    "", "groups/", "head-to-head/", "dimensions/", "history/", "method/", "sampling/",
    "integrity/", "robustness/", "machines/", "contestants/",
)  # fmt: skip


def pages_of(board: Board, client: Client) -> str:
    contestant = board.study.contestants.first()
    assert contestant is not None
    paths = [*PAGES[:-1], f"contestants/{contestant.slug}/"]
    return "\n".join(client.get(f"/studies/{board.study.slug}/{path}").text for path in paths)


def test_an_american_reads_a_board_in_american(board: Board) -> None:
    american = Client(headers={"Accept-Language": "en-US,en;q=0.8"})
    page = pages_of(board, american)
    assert '<html lang="en-us">' in page
    assert "Hollow and gray is provisional." in page
    assert english_on(page, AMERICAN) == set()


@pytest.mark.parametrize("language", ["en-GB", "de", "fr"])
def test_everybody_else_reads_it_in_british(board: Board, language: str) -> None:
    page = pages_of(board, Client(headers={"Accept-Language": language}))
    assert '<html lang="en-gb">' in page
    assert "Hollow and grey is provisional." in page
    assert "A place is coloured" in page


def test_the_admin_is_in_the_english_of_who_reads_it(admin_client: Client, board: Board) -> None:
    path = f"/admin/studies/study/{board.study.pk}/change/"
    for language, words in (("en-us", "neighbors in the ranking"), ("en-gb", "neighbours in the")):
        page = admin_client.get(path, headers={"Accept-Language": language})
        assert words in page.text


def test_what_is_kept_is_in_one_language_whoever_changed_it(simulated_study: Study) -> None:
    simulated_study.policy = Study.Policy.SWISS
    kept = rules_of(simulated_study)
    assert "neighbours in the ranking (Swiss)" in kept.values()
    with translation.override("en-us"):
        assert rules_of(simulated_study) == kept
