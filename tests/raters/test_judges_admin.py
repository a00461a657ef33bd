"""Judges in the admin: registered, shown what they are asked, started, watched and stopped."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from raters.models import Judge, JudgeRun
from raters.services.judge_runs import start_run
from raters.services.judgements import work_on_run
from studies.models import ChatModel, Study
from tests.cast import make_admin, make_user
from tests.raters.judging_study import make_judge, make_judged_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study(db: None) -> Study:
    return make_judged_study(battles=2)


@pytest.fixture
def admin(client: Client, db: None) -> Client:
    client.force_login(make_admin())
    return client


def register(client: Client, **fields: object) -> "object":
    chat_model, _ = ChatModel.objects.get_or_create(name="Beech", base_url="bot:judge")
    told = {
        "name": "Beech",
        "protocol": "pairwise",
        "settings": "{}",
        "chat_models": [chat_model.pk],
        **fields,
    }
    return client.post(reverse("admin:raters_judge_add"), told)


def test_a_judge_is_registered_and_its_page_shows_the_prompt(admin: Client) -> None:
    register(admin, settings='{"repeats": 2}')
    judge = Judge.objects.get()
    assert (judge.settings, judge.version) == ({"repeats": 2}, 1)
    page = admin.get(reverse("admin:raters_judge_change", args=[judge.pk]))
    assert "You compare two chat assistants" in page.content.decode()
    assert "repeats: 2" in page.content.decode()


def test_a_name_that_stands_makes_the_next_version(admin: Client) -> None:
    register(admin)
    register(admin, protocol="single")
    assert list(Judge.objects.values_list("version", "protocol")) == [
        (1, "pairwise"),
        (2, "single"),
    ]
    form = admin.get(reverse("admin:raters_judge_add"), {"version_of": Judge.objects.all()[1].pk})
    assert 'value="single" ' in form.content.decode()


def test_settings_that_a_protocol_does_not_know_are_refused_with_a_reason(admin: Client) -> None:
    page = register(admin, settings='{"mood": "stern"}')
    assert "has no such setting" in page.content.decode()  # type: ignore[attr-defined]
    assert not Judge.objects.exists()


def test_a_run_is_started_from_the_study_and_its_page_tells_how_far_it_is(
    admin: Client, study: Study
) -> None:
    judge = make_judge()
    step = reverse("admin:raters_study_judge", args=[study.pk])
    assert "canaries" in admin.get(step).content.decode()
    answer = admin.post(step, {"judge": judge.pk, "sample": 1, "seed": 5, "budget": "2.50"})
    run = JudgeRun.objects.get()
    page = reverse("admin:raters_judgerun_change", args=[run.pk])
    assert answer.headers["location"] == page
    assert run.selection == "a sample of 1 battles"
    work_on_run(run.pk)
    shown = admin.get(page).content.decode()
    assert "lost" in shown
    total = run.judgements.count()
    assert f"{total} of {total}" in shown


def test_a_run_is_paused_gone_on_with_and_cancelled(admin: Client, study: Study) -> None:
    run = start_run(make_judge(), study, at=timezone.now())
    for step, state in (("pause", "paused"), ("go_on", "running"), ("cancel", "cancelled")):
        admin.post(reverse(f"admin:raters_judgerun_{step}", args=[run.pk]), {"budget": ""})
        run.refresh_from_db()
        assert run.state == state
    answer = admin.post(reverse("admin:raters_judgerun_cancel", args=[run.pk]), {}, follow=True)
    assert "has ended" in answer.content.decode()


def test_a_study_that_cannot_be_judged_says_so(admin: Client) -> None:
    study = make_judged_study(battles=0)
    answer = admin.post(
        reverse("admin:raters_study_judge", args=[study.pk]),
        {"judge": make_judge().pk, "seed": 0},
        follow=True,
    )
    assert "no battle to judge" in answer.content.decode()
    assert not JudgeRun.objects.exists()


def test_who_may_not_start_a_run_is_kept_out(client: Client, study: Study) -> None:
    client.force_login(make_user("stranger", "studies.view_study", is_staff=True))
    assert client.get(reverse("admin:raters_study_judge", args=[study.pk])).status_code == 403


def test_a_run_leads_to_the_study_s_routing_where_it_compares(admin: Client, study: Study) -> None:
    run = start_run(make_judge(), study, at=timezone.now())
    page = reverse("admin:raters_judgerun_change", args=[run.pk])
    there = reverse("admin:raters_judgerun_routing", args=[run.pk])
    routing = reverse("admin:leaderboards_study_routing", args=[study.pk])
    assert there in admin.get(page).text
    assert admin.get(there).url == routing
    JudgeRun.objects.update(state="failed", reason="A canary won.", ended_at=timezone.now())
    assert there not in admin.get(page).text


def test_a_run_that_labels_has_no_routing(admin: Client, study: Study) -> None:
    run = start_run(make_judge(protocol="labels"), study, at=timezone.now())
    page = admin.get(reverse("admin:raters_judgerun_change", args=[run.pk])).text
    assert reverse("admin:raters_judgerun_routing", args=[run.pk]) not in page


def test_the_form_tells_of_instructions_and_examples(admin: Client) -> None:
    page = admin.get(reverse("admin:raters_judge_add")).text
    assert "instructions" in page
    assert "examples" in page
