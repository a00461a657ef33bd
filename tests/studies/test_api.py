"""Studies over REST: who sees which, what is told, and what is refused."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from studies.models import ApiToken, Study
from tests.cast import make_study, make_user

pytestmark = pytest.mark.django_db

LIST = "/api/v1/studies/"
SECRETS = (b"secret", b"0.123", b"simulated-1-")


def bearer(user, **given):
    """The header of a new token of this user, for all studies and reading only unless given."""
    _, secret = ApiToken.objects.create(user, **{"is_for_all_studies": True} | given)
    return {"Authorization": f"Token {secret}"}


def slugs(response):
    assert response.status_code == 200, response.content
    return {study["slug"] for study in response.json()["results"]}


@pytest.fixture
def hidden():
    return make_study("hidden", raters=0, is_public=False)


@pytest.fixture
def study():
    return make_study(raters=0)


def test_a_public_study_is_listed_for_anybody(client, study):
    assert slugs(client.get(LIST)) == {"tea"}


def test_a_draft_is_not_listed_although_it_is_public(client):
    make_study(raters=0, state="draft")
    assert slugs(client.get(LIST)) == set()


@pytest.mark.parametrize("part", ["", "contestants/", "boards/"])
def test_a_study_that_is_not_public_answers_as_one_that_does_not_exist(client, hidden, part):
    client.force_login(make_user("stranger"))
    seen = client.get(f"{LIST}hidden/{part}")
    unknown = client.get(f"{LIST}nosuch/{part}")
    assert seen.status_code == unknown.status_code == 404
    assert seen.json()["detail"] == unknown.json()["detail"].replace("nosuch", "hidden")


def test_a_team_member_sees_the_team_s_study(client, hidden):
    member = make_user("member")
    hidden.team.add(member)
    client.force_login(member)
    assert slugs(client.get(LIST)) == {"hidden"}
    assert client.get(f"{LIST}hidden/").status_code == 200


def test_staff_who_may_view_studies_see_all(client, hidden):
    client.force_login(make_user("staff", "studies.view_study", is_staff=True))
    assert slugs(client.get(LIST)) == {"hidden"}


def test_a_token_sees_what_its_owner_sees(client, hidden):
    member = make_user("member")
    hidden.team.add(member)
    assert slugs(client.get(LIST, headers=bearer(member))) == {"hidden"}
    assert slugs(client.get(LIST, headers=bearer(make_user("stranger")))) == set()


@pytest.mark.parametrize("token", ["nonsense", "é", "two words", ""])
def test_an_invalid_token_is_401(client, study, token):
    response = client.get(LIST, headers={"Authorization": f"Token {token}"})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"
    assert "detail" in response.json()


def test_an_expired_token_is_401(client, study):
    headers = bearer(make_user("member"), expiry=timedelta(seconds=-1))
    assert client.get(LIST, headers=headers).status_code == 401


def test_the_database_holds_no_token_that_could_be_used(study):
    token, secret = ApiToken.objects.create(make_user("member"))
    stored = ApiToken.objects.values().get(pk=token.pk)
    assert secret not in map(str, stored.values())


def test_a_study_tells_its_electorate_with_the_source_of_every_share(client, study):
    told = client.get(f"{LIST}tea/").json()
    assert [axis["key"] for axis in told["electorate"]["axes"]] == ["age", "sex"]
    assert told["electorate"]["axes"][0]["groups"][0] == {
        "key": "18-34",
        "name": "18-34",
        "share": 0.4,
        "source": "count",
    }
    assert told["electorate"]["sources"][0]["title"] == "A count of the town"
    assert [d["key"] for d in told["dimensions"]] == ["overall", "warmth"]
    assert told["is_simulated"]


def test_a_study_tells_its_protocol_and_its_tasks(client, study):
    study.tasks.create(area="Home", name="Soup", text="Cook a soup.", battles_wanted=4)
    study.tasks.create(name="Rain", text="Plan a day of rain.", battles_wanted=2, position=1)
    told = client.get(f"{LIST}tea/").json()
    assert (told["protocol"], told["task"]) == ("pairwise", "")
    assert told["tasks"] == [
        {
            "area": "Home",
            "category": "",
            "name": "Soup",
            "text": "Cook a soup.",
            "battles_wanted": 4,
        },
        {
            "area": "",
            "category": "",
            "name": "Rain",
            "text": "Plan a day of rain.",
            "battles_wanted": 2,
        },
    ]
    assert client.get(LIST).json()["results"][0]["protocol"] == "pairwise"


def test_a_study_tells_in_which_language_its_raters_are_spoken_to(client, study):
    assert client.get(f"{LIST}tea/").json()["language"] == ""
    Study.objects.update(language="de")
    assert client.get(f"{LIST}tea/").json()["language"] == "de"
    with pytest.raises(IntegrityError, match="study_language_is_known"), transaction.atomic():
        Study.objects.update(language="tlh")


def test_what_recruiting_and_replies_cost_is_not_told(client, study):
    told = set(client.get(f"{LIST}tea/").json())
    assert not told & {"budget", "pay", "entrance", "recruiting_parameter", "pause_reason"}


def test_a_study_without_an_electorate_says_null(client):
    study = make_study(raters=0)
    study.electorate = None
    study.save()
    assert client.get(f"{LIST}tea/").json()["electorate"] is None


def test_contestants_are_named_with_their_developers(client, study):
    told = client.get(f"{LIST}tea/contestants/").json()["results"]
    assert [(c["slug"], c["developer"]) for c in told] == [
        ("ash", "Copse"),
        ("birch", "Copse"),
        ("cherry", "Spinney"),
        ("dogwood", "Spinney"),
    ]


@pytest.mark.parametrize("address", [LIST, f"{LIST}tea/", f"{LIST}tea/contestants/"])
def test_nothing_private_is_told(client, study, address):
    content = client.get(address).content
    assert not [secret for secret in SECRETS if secret in content]


def test_studies_filter_by_state_and_simulation(client, study):
    make_study("open", raters=0, state="open", electorate=study.electorate)
    assert slugs(client.get(LIST, {"state": "open"})) == {"open"}
    assert slugs(client.get(LIST, {"is_simulated": "true"})) == {"open", "tea"}
    assert slugs(client.get(LIST, {"is_simulated": "false"})) == set()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("state=closd", "known are: draft, open, paused, closed, archived."),
        ("is_simulated=maybe", "known are: true, false."),
        ("sate=closed", "There is no such parameter; there are:"),
        ("state=open&state=closed", "Give it once."),
        ("limit=foo", "“foo” is no whole number from 1 to 1000."),
        ("limit=100000", "is no whole number from 1 to 1000."),
        ("offset=1", "There is no such parameter; there are:"),
        ("cursor=nonsense", "This is no cursor of this list"),
        ("state=%00", "It holds a sign that no value here can hold."),
    ],
)
def test_a_parameter_that_cannot_be_understood_is_400(client, study, query, said):
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 400
    name = query.partition("=")[0]
    assert said in response.json()["errors"][name][0]


def test_lists_come_in_pages(client, study):
    page = client.get(f"{LIST}tea/contestants/", {"limit": 3}).json()
    assert (page["previous"], len(page["results"])) == (None, 3)
    rest = client.get(page["next"]).json()
    assert (rest["next"], len(rest["results"])) == (None, 1)
    assert client.get(rest["previous"]).json() == page


def test_nothing_can_be_written(client, study):
    headers = bearer(make_user("member", "studies.change_study", is_staff=True))
    for method in (client.post, client.put, client.patch, client.delete):
        answer = method(f"{LIST}tea/", headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (405, 405)


def test_an_address_that_is_none_is_404_in_json(client):
    response = client.get("/api/v1/nosuch/")
    assert response.status_code == 404
    assert "/api/v1/docs/" in response.json()["detail"]


def test_the_root_says_where_to_go(client):
    assert client.get("/api/v1/").json()["studies"] == "http://testserver/api/v1/studies/"


def test_the_list_takes_few_queries_however_many_studies(client, django_assert_max_num_queries):
    electorate = make_study("one", raters=0).electorate
    for n in range(5):
        make_study(f"more-{n}", raters=0, electorate=electorate)
    with django_assert_max_num_queries(2):
        client.get(LIST)


def test_a_study_takes_few_queries(client, study, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        client.get(f"{LIST}tea/")
    with django_assert_max_num_queries(3):
        client.get(f"{LIST}tea/contestants/")


def test_the_schema_is_valid_and_complete(capsys, tmp_path):
    call_command(
        "spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml")
    )
    text = (tmp_path / "schema.yaml").read_text()
    assert "/api/v1/studies/{slug}/boards/{board_id}/rows/" in text


def test_the_documentation_needs_nothing_from_elsewhere(client: Client):
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert b"https://" not in page.content
    policy = page["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy or "unsafe-inline" not in policy.split("script-src")[1]
    assert client.get("/api/v1/schema/").status_code == 200
