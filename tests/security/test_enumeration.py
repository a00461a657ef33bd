"""What is somebody else's is answered like what is not there: same words, same work done."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leaderboards.models import Board, Export
from raters.models.panel import CODE_ALPHABET, new_code
from studies.models import Study, WebhookEndpoint
from tests.security.every_address import PLACES, Everybody, arguments_of, written
from tests.security.every_address import everybody as everybody  # a fixture

OF_STUDIES = [
    place for place in PLACES.values() if re.match(r"(api/v1/)?studies/<slug:slug>/", place.route)
]

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def answered(client: Client, address: str, *names: str) -> tuple[int, str, int]:
    """Status, body without what was asked for and drawn anew, and how many queries it took."""
    with CaptureQueriesContext(connection) as queries:
        response: HttpResponse = client.get(address)
    body = re.sub(r'"csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    for name in names:
        body = body.replace(name, "…")
    return response.status_code, body, len(queries)


def test_a_hidden_study_is_answered_like_none_everywhere(everybody: Everybody) -> None:
    assert len(OF_STUDIES) > 50
    # That a token was used is written at its first use of a minute.
    everybody.programs["elsewhere"].get("/api/v1/studies/")
    for place in OF_STUDIES:
        given = arguments_of(place, everybody.rich)
        for client in (everybody.people["anonymous"], everybody.programs["elsewhere"]):
            hidden, none = (
                answered(client, written(place.route, given | {"slug": slug}), slug)
                for slug in (everybody.rich.study.slug, "zzz")
            )
            assert hidden == none, place.name
            assert hidden[0] in {404, 405}, place.name


@pytest.mark.parametrize("kind", ["boards", "exports"])
def test_what_is_of_another_study_is_answered_like_none(everybody: Everybody, kind: str) -> None:
    other = Study.objects.get(slug="other")
    board, export = everybody.rich.board, everybody.rich.export
    theirs = {"boards": board.pk, "exports": export.pk}[kind]
    boss = everybody.people["superuser"]
    asked = f"/api/v1/studies/{other.slug}/{kind}/"
    foreign, none = (
        answered(boss, f"{asked}{identifier}/", str(identifier)) for identifier in (theirs, uuid4())
    )
    assert foreign == none
    assert foreign[0] == 404


@pytest.mark.parametrize(
    ("hers", "none"),
    [("battle/2/replies/", "battle/77/replies/"), ("battle/2/compare/", "battle/77/compare/"),
     ("strikes/1/", "strikes/77/")],
)  # fmt: skip
def test_what_is_another_rater_s_is_answered_like_none(
    everybody: Everybody, hers: str, none: str
) -> None:
    other = everybody.people["other-rater"]
    said = [answered(other, f"/join/tea/{path}", path) for path in (hers, none)]
    assert said[0] == said[1]
    assert said[0][0] == 404
    assert everybody.people["rater"].get(f"/join/tea/{hers}").status_code in {200, 302}


def test_a_draft_cannot_be_told_from_no_study_at_the_raters_door(everybody: Everybody) -> None:
    Study.objects.create(slug="draft", title="A draft")
    anonymous = everybody.people["anonymous"]
    draft, none = (answered(anonymous, f"/join/{slug}/", slug) for slug in ("draft", "zzzzz"))
    assert draft == none
    assert draft[0] == 404


def test_what_addresses_name_cannot_be_guessed_or_counts_within_what_is_hers() -> None:
    for model in (Board, Export, WebhookEndpoint):
        drawn = {model._meta.pk.get_default() for _ in range(100)}
        assert len(drawn) == 100
        assert all(each.version == 4 for each in drawn)
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    # Fifty bits: whoever asks a thousand times a second meets one of a million in 36 years.
    assert len(CODE_ALPHABET) ** len(codes.pop()) == 2**50
    public = [place for place in PLACES.values() if not place.route.startswith("admin/")]
    for place in public:
        assert not re.search(r"<\w+:(participation|rater|battle|user)", place.route), place.name
