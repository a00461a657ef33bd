"""Previews: an admin walks the rater's way, and nothing is left of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from raters.errors import PreviewRefusedError
from raters.models import Battle, Participation, Rater, Reply, Strike, Turn, Verdict
from raters.quotas import places
from raters.services.erasing import withdraw_and_erase
from raters.services.previews import KEPT, end_preview, end_stale_previews, start_preview
from raters.services.replies import make_reply
from raters.tasks import end_stale_previews as beat
from studies.models import Study
from studies.services import withdraw_contestant
from tests.cast import make_admin, make_study, make_user
from tests.raters.live_study import make_replies, open_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


@pytest.fixture
def boss(client: Client) -> User:
    user = make_admin()
    client.force_login(user)
    return user


def counts() -> dict[str, int]:
    """The rows of every table but the sessions'."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models(include_auto_created=True)
        if model is not Session
    }


def start(client: Client, study: Study) -> Study:
    """Start a preview by its step; the preview."""
    address = reverse("admin:raters_study_preview", args=[study.pk])
    assert "Start the preview" in client.get(address).text
    response = client.post(address)
    preview = study.previews.latest("pk")
    assert response.url == f"/join/{preview.slug}/"
    return preview


def walk(client: Client, slug: str) -> list[str]:
    """The whole way through two battles; the pages that were seen."""
    way = f"/join/{slug}"
    pages = [client.get(f"{way}/").text]
    client.post(f"{way}/")
    pages.append(client.get(f"{way}/consent/").text)
    client.post(f"{way}/consent/", {"version": 1, "answer": "agree"})
    pages.append(client.get(f"{way}/about/age/").text)
    client.post(f"{way}/about/age/", {"group": "18-34"})
    client.post(f"{way}/about/sex/", {"group": "female"})
    pages.append(client.get(f"{way}/how/").text)
    client.post(f"{way}/how/")
    for _ in range(2):
        client.get(f"{way}/battle/")
        key = Battle.objects.latest("pk").key
        client.post(f"{way}/battle/{key}/message/", {"text": "How do I cook rice?", "number": 1})
        make_replies()
        pages.append(client.get(f"{way}/battle/").text)
        pages.append(client.get(f"{way}/battle/{key}/compare/").text)
        outcomes = {"outcome-overall": "a", "outcome-clarity": "tie", "reason": "It was calm."}
        client.post(f"{way}/battle/{key}/compare/", outcomes)
    client.get(f"{way}/battle/")
    pages.append(client.get(f"{way}/end/").text)
    return pages


@pytest.mark.every_database
def test_an_admin_walks_the_whole_way_and_no_row_is_left_of_it(
    client: Client, boss: User, study: Study
) -> None:
    before = counts()
    preview = start(client, study)
    pages = walk(client, preview.slug)
    assert "Thank you" in pages[-1]
    for page in pages:
        assert "this is what raters see. Nothing is kept." in page
        assert "End the preview" in page
    assert counts() != before
    assert Battle.objects.filter(judged_at__isnull=False).count() == 2
    assert not Verdict.objects.exists()
    assert all(fill.taken == 0 for fill in places(study))
    ending = reverse("admin:raters_study_preview_end", args=[preview.slug])
    response = client.post(ending, follow=True)
    assert response.redirect_chain[-1][0] == reverse("admin:studies_study_change", args=[study.pk])
    assert "The preview has ended" in response.text
    assert counts() == before
    assert f"rater-in-{preview.pk}" not in client.session
    assert client.get(f"/join/{preview.slug}/").status_code == 404


@pytest.mark.every_database
def test_leaving_withdrawing_and_findings_leave_nothing_either(boss: User, study: Study) -> None:
    before = counts()
    preview = start_preview(study, by=boss, at=timezone.now())
    client = Client()
    client.force_login(boss)
    walk(client, preview.slug)
    participation = preview.participations.get()
    turn = Turn.objects.latest("pk")
    Strike.objects.create(
        participation=participation,
        key="1",
        kind="low_effort",
        battle=turn.battle,
        turn=turn,
        screen="effort",
        screen_version=1,
        created_at=timezone.now(),
    )
    withdraw_and_erase(participation, at=timezone.now())
    end_preview(preview)
    assert counts() == before
    end_preview(preview)


@pytest.mark.every_database
def test_what_a_worker_writes_late_finds_nothing(boss: User, study: Study) -> None:
    preview = start_preview(study, by=boss, at=timezone.now())
    client = Client()
    client.force_login(boss)
    walk(client, preview.slug)
    reply = Reply.objects.latest("pk")
    end_preview(preview)
    make_reply(reply.pk)
    assert not Reply.objects.exists()


@pytest.mark.parametrize("state", Study.State.values)
def test_any_study_may_be_previewed_and_stays_as_it_is(
    boss: User, study: Study, state: str
) -> None:
    Study.objects.filter(pk=study.pk).update(
        state=state, budget="5.00", entrance=Study.Entrance.RECRUITED
    )
    before = Study.objects.filter(pk=study.pk).values().get()
    preview = start_preview(study, by=boss, at=timezone.now())
    assert Study.objects.filter(pk=study.pk).values().get() == before
    assert (preview.state, preview.title, preview.budget) == ("open", study.title, None)
    client = Client()
    client.force_login(boss)
    assert "Thank you" in walk(client, preview.slug)[-1]


def test_a_draft_without_electorate_is_walked_without_questions(client: Client, boss: User) -> None:
    study = open_study()
    Study.objects.filter(pk=study.pk).update(state="draft", electorate=None, raters_wanted=None)
    study.quotas.all().delete()
    preview = start(client, Study.objects.get(pk=study.pk))
    way = f"/join/{preview.slug}"
    client.post(f"{way}/")
    response = client.post(f"{way}/consent/", {"version": 1, "answer": "agree"})
    assert response.url == f"{way}/how/"


def test_what_nobody_can_walk_is_refused_in_plain_words(client: Client, boss: User) -> None:
    study = make_study(raters=0, state="draft")
    address = reverse("admin:raters_study_preview", args=[study.pk])
    before = counts()
    assert "Write the consent text that raters agree to." in client.post(address, follow=True).text
    study.dimensions.all().delete()
    for contestant in study.contestants.all():
        with pytest.raises(PreviewRefusedError) as refusal:
            start_preview(study, by=boss, at=timezone.now())
        withdraw_contestant(contestant, reason="Retired.", at=timezone.now())
    assert refusal.value.missing == (
        "Enter at least two contestants; 1 would take part now.",
        "Add a dimension: what raters are asked.",
        "Write the consent text that raters agree to.",
    )
    withdrawals = {"studies.LedgerEntry": before["studies.LedgerEntry"] + 4}
    assert counts() == before | {"studies.Dimension": 0} | withdrawals


def test_one_contestant_is_enough_where_one_model_is_rated_at_a_time(
    boss: User, study: Study
) -> None:
    Study.objects.filter(pk=study.pk).update(protocol=Study.Protocol.SINGLE)
    study.refresh_from_db()
    for contestant in study.contestants.all()[1:]:
        withdraw_contestant(contestant, reason="Retired.", at=timezone.now())
    assert start_preview(study, by=boss, at=timezone.now()).contestants.count() == 1


# Who may come in


def test_only_who_started_it_finds_it(client: Client, boss: User, study: Study) -> None:
    preview = start(client, study)
    address = f"/join/{preview.slug}/"
    ending = reverse("admin:raters_study_preview_end", args=[preview.slug])
    assert client.get(address).status_code == 200
    others = [
        None,
        make_user("stranger"),
        make_user("reader", "studies.view_study", is_staff=True),
        make_user("colleague", "studies.change_study", "studies.view_study", is_staff=True),
        make_admin("other"),
    ]
    for other in others:
        visitor = Client()
        if other is not None:
            visitor.force_login(other)
        for page in ("", "consent/", "about/age/", "how/", "battle/", "end/", "my-data/"):
            assert visitor.get(f"{address}{page}").status_code == 404, (other, page)
        assert visitor.post(address).status_code == 404
        assert visitor.post(ending).status_code in (302, 404)
    assert Study.objects.filter(pk=preview.pk).exists()


def test_who_may_no_longer_change_the_study_is_out(client: Client, study: Study) -> None:
    clerk = make_user("clerk", "studies.change_study", is_staff=True)
    study.is_public = False
    study.save()
    study.team.add(clerk)
    client.force_login(clerk)
    address = f"/join/{start(client, study).slug}/"
    assert client.get(address).status_code == 200
    study.team.remove(clerk)
    assert client.get(address).status_code == 404
    study.team.add(clerk)
    clerk.user_permissions.clear()
    assert client.get(address).status_code == 404


def test_who_has_no_second_factor_yet_sees_no_preview(
    client: Client, boss: User, study: Study, settings: Any
) -> None:
    address = f"/join/{start(client, study).slug}/"
    settings.STAFF_MFA_REQUIRED = True
    assert client.get(address).status_code == 404


def test_a_preview_is_started_by_those_who_may_change_the_study(
    client: Client, study: Study
) -> None:
    address = reverse("admin:raters_study_preview", args=[study.pk])
    client.force_login(make_user("reader", "studies.view_study", is_staff=True))
    assert client.post(address).status_code == 403
    assert client.get(address).status_code == 403
    Study.objects.filter(pk=study.pk).update(is_public=False)
    client.force_login(make_user("clerk", "studies.change_study", is_staff=True))
    assert client.post(address).status_code == 404
    client.force_login(make_user("rater"))
    assert client.post(address).status_code == 302
    assert not study.previews.exists()


def test_a_preview_is_ended_by_a_form_and_only_a_preview_is(
    client: Client, boss: User, study: Study
) -> None:
    preview = start(client, study)
    ending = reverse("admin:raters_study_preview_end", args=[preview.slug])
    assert client.get(ending).status_code == 405
    assert client.post(ending.replace(preview.slug, study.slug)).status_code == 403
    with pytest.raises(ValueError, match="no preview"):
        end_preview(study)
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(boss)
    assert checked.post(ending).status_code == 403
    page = checked.get(f"/join/{preview.slug}/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    assert checked.post(ending, {"csrfmiddlewaretoken": token[1]}).status_code == 302
    assert not study.previews.exists()


def test_a_preview_is_in_no_list(client: Client, boss: User, study: Study) -> None:
    preview = start(client, study)
    walk(client, preview.slug)
    for path in ("/", "/api/v1/studies/"):
        assert preview.slug not in Client().get(path).text
        assert preview.slug not in client.get(path).text
    for name in ("studies_study", "raters_rater", "raters_participation", "raters_battle"):
        page = client.get(reverse(f"admin:{name}_changelist"))
        listed = page.context["cl"].result_list
        assert [one.pk for one in listed] == ([study.pk] if name == "studies_study" else [])
        assert f"exact={preview.pk}" not in page.text, "A filter offers it."


# Stale ones


def test_a_preview_without_a_word_for_an_hour_ends(boss: User, study: Study) -> None:
    before = counts()
    now = timezone.now()
    preview = start_preview(study, by=boss, at=now)
    assert end_stale_previews(at=now + KEPT) == 0
    assert end_stale_previews(at=now + KEPT + timedelta(seconds=1)) == 1
    assert not Study.objects.filter(pk=preview.pk).exists()
    assert counts() == before


def test_a_word_keeps_a_preview_for_another_hour(boss: User, study: Study) -> None:
    now = timezone.now()
    preview = start_preview(study, by=boss, at=now - KEPT * 2)
    client = Client()
    client.force_login(boss)
    walk(client, preview.slug)
    assert end_stale_previews(at=now) == 0
    assert Participation.objects.filter(study=preview).exists()
    assert end_stale_previews(at=timezone.now() + KEPT + timedelta(seconds=1)) == 1
    assert not Rater.objects.exists()


@pytest.mark.every_database
def test_the_beat_ends_stale_ones_and_touches_no_study(boss: User, study: Study) -> None:
    start_preview(study, by=boss, at=timezone.now() - KEPT * 2)
    kept = start_preview(study, by=boss, at=timezone.now())
    beat()
    assert set(Study.objects.all()) == {study, kept}
