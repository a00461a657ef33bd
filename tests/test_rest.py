"""What holds everywhere over REST: problems, limits, pages, validators, and the schema."""

from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext

from hustings.rest import problems
from hustings.rest.pages import Pages
from leaderboards.services.boards import withdraw_board
from studies.models import Study
from tests.cast import NOW, make_admin, make_board, make_study, make_user
from tests.studies.test_api import bearer

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

LIST = "/api/v1/studies/"
SCHEMA = Path(__file__).resolve().parents[1] / "docs" / "openapi.yaml"


@pytest.fixture
def study():
    return make_study(raters=0)


@pytest.fixture
def board():
    return make_board(make_study())


# Problems


@pytest.mark.parametrize(
    ("address", "more", "status"),
    [
        (f"{LIST}?state=closd", {}, 400),
        (f"{LIST}tea/transparency/?dimension=overall", {}, 400),
        (LIST, {"headers": {"Authorization": "Token nonsense"}}, 401),
        (f"{LIST}tea/progress/", {}, 401),
        (f"{LIST}tea/reports/7/", {}, 401),
        (f"{LIST}nosuch/", {}, 404),
        ("/api/v1/nosuch/", {}, 404),
        (LIST, {"headers": {"Accept": "text/csv"}}, 406),
        ("/api/v1/schema/", {"headers": {"Accept": "text/csv"}}, 406),
    ],
)
def test_every_error_is_a_problem_of_one_shape(client, study, address, more, status):
    response = client.get(address, **more)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    told = response.json()
    assert list(told) == ["type", "title", "status", "detail", "instance", "errors"]
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["instance"] == address.partition("?")[0]
    assert told["detail"]
    assert bool(told["errors"]) == (status == 400)


def test_what_breaks_off_is_a_problem_too_and_tells_nothing_of_itself(settings):
    settings.REST_LIMIT_ANONYMOUS = "a secret"
    answer = Client(raise_request_exception=False).get(LIST)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert (answer.json()["status"], answer.json()["instance"]) == (500, LIST)
    assert b"secret" not in answer.content


def test_outside_of_rest_errors_are_pages(client):
    request = client.get("/").wsgi_request
    for answer in (problems.server_error(request), problems.bad_request(request, Http404())):
        assert answer["Content-Type"].startswith("text/html")


# Limits


def test_answers_say_what_is_left_of_a_minute_and_then_that_it_is_over(client, settings, study):
    settings.REST_LIMIT_ANONYMOUS = 2
    with time_machine.travel(NOW.replace(second=50), tick=False):
        answers = [client.get(LIST) for _ in range(3)]
    told = [
        tuple(answer[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset"))
        for answer in answers
    ]
    assert told == [("2", "1", "10"), ("2", "0", "10"), ("2", "0", "10")]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"] == "10"
    assert answers[2]["Content-Type"] == "application/problem+json"
    with time_machine.travel(NOW.replace(minute=1), tick=False):
        assert client.get(LIST).status_code == 200


def test_each_token_has_a_limit_of_its_own(client, settings, study):
    settings.REST_LIMIT_KNOWN = settings.REST_LIMIT_ANONYMOUS = 1
    user = make_user("ann")
    one, other = bearer(user), bearer(user)
    with time_machine.travel(NOW, tick=False):
        said = [client.get(LIST, headers=headers).status_code for headers in (one, other, {}, one)]
    assert said == [200, 200, 200, 429]


def test_addresses_behind_a_proxy_are_told_apart(client, settings, study):
    settings.REST_LIMIT_ANONYMOUS = 1
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    with time_machine.travel(NOW, tick=False):
        said = [
            client.get(LIST, headers={"X-Forwarded-For": f"made-up, {address}"}).status_code
            for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1")
        ]
    assert said == [200, 200, 429]


def test_without_its_cache_the_site_answers_all_the_same(client, settings, study):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    settings.REST_LIMIT_ANONYMOUS = 1
    assert [client.get(LIST).status_code for _ in range(2)] == [200, 200]


# Pages


def walk(client, address, **more):
    pages = []
    while address:
        page = client.get(address, **more).json()
        pages.append(page["results"])
        address = page["next"]
    return pages


@pytest.mark.every_database
def test_a_list_goes_on_where_it_was_whatever_comes_and_goes(client, study):
    first = client.get(f"{LIST}tea/contestants/", {"limit": 2}).json()
    assert [each["slug"] for each in first["results"]] == ["ash", "birch"]
    study.contestants.filter(slug="ash").delete()
    study.contestants.filter(slug="cherry").update(slug="aspen")
    rest = client.get(first["next"]).json()
    assert [each["slug"] for each in rest["results"]] == ["dogwood"]
    back = client.get(rest["previous"]).json()
    assert [each["slug"] for each in back["results"]] == ["aspen", "birch"]
    assert back["previous"] is None


@pytest.mark.every_database
def test_rows_that_share_a_first_value_come_once_each_in_both_directions(client, board):
    address = f"{LIST}tea/boards/{board.pk}/rows/"
    whole = client.get(f"{address}?limit=1000").json()["results"]
    for limit in (1, 3, len(whole)):
        pages = walk(client, f"{address}?limit={limit}")
        assert [row for page in pages for row in page] == whole
    last = client.get(f"{address}?limit=3").json()
    while last["next"]:
        last = client.get(last["next"]).json()
    backwards = last["results"]
    while last["previous"]:
        last = client.get(last["previous"]).json()
        backwards = last["results"] + backwards
    assert backwards == whole


def test_a_cursor_of_another_list_or_by_somebody_else_is_refused(client, study):
    page = client.get(f"{LIST}tea/contestants/", {"limit": 2}).json()
    cursor = page["next"].rpartition("cursor=")[2].partition("&")[0]
    for address, given in ((f"{LIST}?cursor=", cursor), (f"{LIST}tea/contestants/?cursor=", "x")):
        answer = client.get(f"{address}{given}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


def test_a_list_without_an_order_has_no_pages(rf):
    with pytest.raises(TypeError, match="has no order"):
        Pages().paginate_queryset(Study.objects.order_by(), rf.get("/"))


# Validators


def test_what_the_client_has_already_is_not_sent_again(client, study):
    first = client.get(f"{LIST}tea/")
    assert first["ETag"].startswith('W/"')
    again = client.get(f"{LIST}tea/", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    Study.objects.update(title="Another title")
    changed = client.get(f"{LIST}tea/", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200


def test_what_is_not_what_the_client_names_is_refused_with_a_problem(client, board):
    for address in (f"{LIST}tea/", f"{LIST}tea/boards/{board.pk}/"):
        refused = client.get(address, headers={"If-Match": '"another"'})
        assert refused["Content-Type"] == "application/problem+json"
        assert refused.json()["status"] == refused.status_code == 412
        assert "If-Match" in refused.json()["detail"]


@pytest.mark.every_database
@pytest.mark.parametrize("part", ["", "rows/", "head-to-head/"])
def test_a_board_that_did_not_change_costs_no_reading(client, board, part):
    address = f"{LIST}tea/boards/{board.pk}/{part}"
    first = client.get(address)
    assert not first["ETag"].startswith("W/")
    with CaptureQueriesContext(connection) as queries:
        again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert len(queries) <= 2, [query["sql"] for query in queries]
    withdraw_board(board, reason="A copied file.", by=make_admin(), at=NOW)
    withdrawn = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert withdrawn.status_code == 200


@pytest.mark.every_database
def test_a_board_that_was_superseded_is_another_answer(client, board):
    address = f"{LIST}tea/boards/{board.pk}/"
    etag = client.get(address)["ETag"]
    newer = make_board(board.study)
    told = client.get(address, headers={"If-None-Match": etag})
    assert (told.status_code, told.json()["superseded_by"]) == (200, str(newer.pk))


def test_only_what_anybody_may_see_is_kept_by_others(client, board):
    headers = bearer(make_admin())
    for part in ("", "boards/", f"boards/{board.pk}/", "contestants/"):
        assert "public" in client.get(f"{LIST}tea/{part}")["Cache-Control"]
        mine = client.get(f"{LIST}tea/{part}", headers=headers)
        assert "private" in mine["Cache-Control"]
        assert "Authorization" in mine["Vary"]
    assert "private" in client.get(f"{LIST}tea/progress/")["Cache-Control"]


def test_the_same_etag_is_no_way_in_for_who_may_not_see_it(client, board):
    address = f"{LIST}tea/boards/{board.pk}/"
    etag = client.get(address)["ETag"]
    Study.objects.update(is_public=False)
    assert client.get(address, headers={"If-None-Match": etag}).status_code == 404


# The schema


def test_the_schema_in_the_documentation_is_that_of_the_code(tmp_path):
    file = tmp_path / "openapi.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    assert file.read_text() == SCHEMA.read_text(), "Write it anew: make schema"


def test_the_schema_says_of_every_operation_how_it_fails(client):
    schema = client.get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    assert schema["openapi"] == "3.1.0"
    for path, methods in schema["paths"].items():
        for method in ("get", "post"):
            if method not in methods:
                continue
            answers = methods[method]["responses"]
            assert "application/problem+json" in answers["400"]["content"], path
            assert ("404" in answers) == ("{" in path)
            if method == "post":
                (key,) = [
                    parameter
                    for parameter in methods[method]["parameters"]
                    if parameter["name"] == "Idempotency-Key"
                ]
                assert key["required"]
                assert {"409", "422"} <= answers.keys()
