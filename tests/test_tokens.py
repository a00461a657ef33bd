"""Tokens: what one may do at every address over REST, and how it is made and used."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from hustings import api
from studies.access import Scope
from studies.api import OfStudy, Writes
from studies.models import ApiToken, Study
from tests.cast import make_admin, make_board, make_study, make_user
from tests.studies.test_api import bearer
from tests.studies.test_writes import post

pytestmark = pytest.mark.django_db

READER = "studies.view_study"
TALKS = "raters.view_battle"
LIST = "/api/v1/studies/"
# What each view asks for, said once more: a view that forgets it must not go unseen.
LIVE = {
    "agreement", "comparison-list", "controls", "labels", "multiverse", "progress", "report-detail",
    "report-list", "routing", "safety", "standing-list", "topics",
}  # fmt: skip
TOLD = {"conversation-list", "rater-list"}


def views():
    return {
        pattern.name: pattern.callback.cls
        for pattern in api.urlpatterns
        if pattern.name and hasattr(pattern.callback, "cls")
    }


def address(name, **more):
    return reverse(f"api:{name}", kwargs={"slug": "tea"} | more)


def test_every_address_under_a_study_says_what_it_needs():
    under = {pattern.name for pattern in api.urlpatterns if "studies/<slug" in str(pattern.pattern)}
    found = views()
    assert all(issubclass(found[name], OfStudy) for name in under)
    needs = {name: found[name].needs for name in under}
    named = {name for name in under if needs[name] is not Scope.RESULTS}
    assert named - {name for name in named if name.startswith("export")} == LIVE | TOLD
    assert {name for name in under if needs[name] is Scope.CONVERSATIONS} >= TOLD
    assert all(needs[name] is Scope.LIVE_FIGURES for name in LIVE)


ASKERS = {
    # who: (permissions, token's fields, or None without one; results, live, conversations, manage)
    "nobody": (None, None, (200, 401, 401, 401)),
    "a stranger": ((), {}, (200, 403, 403, 403)),
    "a reader": ((READER,), {}, (200, 200, 403, 403)),
    "who may read, without the scope": ((READER, TALKS), {}, (200, 200, 403, 403)),
    "without the permission": (
        (READER,), {"may_read_conversations": True}, (200, 200, 403, 403),
    ),
    "who reads conversations": (
        (READER, TALKS), {"may_read_conversations": True}, (200, 200, 200, 403),
    ),
    "of other studies": (
        (READER, TALKS, "studies.change_study"),
        {"is_for_all_studies": False, "may_read_conversations": True, "may_manage": True},
        (200, 403, 403, 403),
    ),
    "who manages": ((READER, "studies.change_study"), {"may_manage": True}, (200, 200, 403, 409)),
    "who may, without the scope to manage": (
        (READER, "studies.change_study"), {}, (200, 200, 403, 403),
    ),
    "with the scope, who may not": ((READER,), {"may_manage": True}, (200, 200, 403, 403)),
}  # fmt: skip


@pytest.mark.parametrize("who", ASKERS)
def test_a_token_gives_what_its_scopes_studies_and_user_allow(client, who):
    make_study(raters=0)
    permissions, fields, expected = ASKERS[who]
    headers = {}
    if permissions is not None:
        headers = bearer(make_user("ann", *permissions, is_staff=True), **fields)
    reads = ("contestant-list", "standing-list", "conversation-list")
    said = [client.get(address(name), headers=headers).status_code for name in reads]
    # Of a closed study it is refused by the study, and not by the guard, where she may.
    moved = post(client, address("step-list"), {"step": "open"}, headers)
    assert (*said, moved.status_code) == expected


def test_a_token_of_one_study_sees_no_other_that_is_hidden(client):
    tea = make_study(raters=0, is_public=False)
    make_study("mate", raters=0, is_public=False, electorate=tea.electorate)
    make_study("milk", raters=0, electorate=tea.electorate)
    token, secret = ApiToken.objects.create(make_admin())
    token.studies.add(tea)
    headers = {"Authorization": f"Token {secret}"}
    listed = client.get(LIST, headers=headers).json()["results"]
    assert {study["slug"] for study in listed} == {"tea", "milk"}
    assert client.get(f"{LIST}mate/", headers=headers).status_code == 404
    assert client.get(f"{LIST}tea/progress/", headers=headers).status_code == 200
    assert client.get(f"{LIST}milk/progress/", headers=headers).status_code == 403


def test_no_live_address_answers_who_may_not_see_live_figures(client):
    make_study(raters=0)
    stranger = bearer(make_user("ann"))
    narrowed = bearer(make_admin(), is_for_all_studies=False, may_read_conversations=True)
    for name in sorted(LIVE | TOLD):
        where = address(name, **({"pk": 1} if name == "report-detail" else {}))
        said = [client.get(where, headers=each).status_code for each in ({}, stranger, narrowed)]
        assert said == [401, 403, 403], name


def test_before_the_first_board_judges_are_told_to_no_token_of_other_studies(client):
    make_study(raters=0)
    boss = make_admin()
    where = address("judge-run-list")
    said = [
        client.get(where, headers=bearer(boss, is_for_all_studies=is_for_all)).status_code
        for is_for_all in (True, False)
    ]
    assert said == [200, 404]


def test_a_board_of_a_study_that_the_token_is_not_for_is_hidden_with_it(client):
    study = make_study(is_public=False)
    board = make_board(study)
    headers = bearer(make_admin(), is_for_all_studies=False)
    for name in ("board-detail", "row-list", "board-export", "head-to-head"):
        where = address(name, board_id=board.pk)
        assert client.get(where, headers=headers).status_code == 404
        assert client.get(where, headers=bearer(make_user(name, READER))).status_code == 200


def test_a_user_in_a_browser_is_not_narrowed_but_needs_what_the_admin_asks(client, settings):
    make_study(raters=0)
    client.force_login(make_user("ann", READER, TALKS, "studies.change_study", is_staff=True))
    assert client.get(address("conversation-list")).status_code == 200
    assert post(client, address("step-list"), {"step": "archive"}).status_code == 200
    settings.STAFF_MFA_REQUIRED = True
    refused = post(client, address("step-list"), {"step": "open"})
    assert (refused.status_code, "second factor" in refused.json()["detail"]) == (403, True)


def test_staff_without_a_second_factor_read_what_anybody_may(client, settings):
    study = make_study(raters=0)
    client.force_login(make_user("ann", READER, TALKS, is_staff=True))
    assert client.get(address("conversation-list")).status_code == 200
    settings.STAFF_MFA_REQUIRED = True
    assert client.get(address("conversation-list")).status_code == 403
    assert client.get(address("study-detail")).status_code == 200
    Study.objects.filter(pk=study.pk).update(is_public=False)
    assert client.get(address("study-detail")).status_code == 404


def test_who_is_no_longer_staff_manages_nothing_by_an_old_token(client):
    make_study(raters=0, state="open")
    user = make_user("ann", READER, "studies.change_study", is_staff=True)
    headers = bearer(user, may_manage=True)
    user.is_staff = False
    user.save()
    assert post(client, address("step-list"), {"step": "pause"}, headers).status_code == 403
    user.is_active = False
    user.save()
    assert client.get(LIST, headers=headers).status_code == 401


def test_every_write_needs_a_permission_that_there_is():
    known = {
        f"{permission.content_type.app_label}.{permission.codename}"
        for permission in Permission.objects.select_related("content_type")
    }
    writes = [view for view in views().values() if issubclass(view, Writes)]
    assert len(writes) >= 3
    assert {view.permission for view in writes} <= known


def test_when_it_was_used_last_is_written_once_a_minute(client):
    headers = bearer(make_user("ann"))
    now = timezone.now()
    used = []
    for seconds in (0, 30, 61):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            client.get(LIST, headers=headers)
            used.append(ApiToken.objects.get().last_used_at)
    assert used == [now, now, now + timedelta(seconds=61)]


# How it is made

ADD = "admin:studies_apitoken_add"


def test_a_token_is_made_with_its_scopes_and_studies(client):
    tea = make_study(raters=0)
    boss = make_admin()
    client.force_login(boss)
    asked = {
        "label": "Nightly", "user": boss.pk, "days": 90, "may_manage": "on", "studies": [tea.pk],
    }  # fmt: skip
    secret = client.post(reverse(ADD), asked).context["secret"]
    token = ApiToken.objects.get()
    assert (token.label, token.may_manage, token.may_read_conversations) == ("Nightly", True, False)
    assert (token.is_for_all_studies, list(token.studies.all())) == (False, [tea])
    client.get(LIST, headers={"Authorization": f"Token {secret}"})
    page = client.get(reverse("admin:studies_apitoken_change", args=[token.pk])).content.decode()
    assert "read results, manage" in page
    assert "The tea study" in page


@pytest.mark.parametrize("wrong", [{}, {"is_for_all_studies": "on", "studies": True}])
def test_a_token_is_for_all_studies_or_for_some(client, wrong):
    tea = make_study(raters=0)
    boss = make_admin()
    client.force_login(boss)
    wrong = wrong | ({"studies": [tea.pk]} if "studies" in wrong else {})
    page = client.post(reverse(ADD), {"label": "Nightly", "user": boss.pk, "days": 90} | wrong)
    assert "one of the two" in page.content.decode()
    assert not ApiToken.objects.exists()


def test_nobody_makes_a_token_for_a_study_that_she_may_not_see(client):
    hidden = make_study(raters=0, is_public=False)
    user = make_user("clerk", "studies.add_apitoken", is_staff=True)
    client.force_login(user)
    asked = {"label": "Nightly", "user": user.pk, "days": 90, "studies": [hidden.pk]}
    assert client.post(reverse(ADD), asked).context["form"].errors.keys() >= {"studies"}
    assert not ApiToken.objects.exists()
