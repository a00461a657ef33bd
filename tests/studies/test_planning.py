"""Quotas are divided by the electorate's shares, and a study opens once nothing is missing."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from raters.models import Participation, Rater
from studies.errors import QuotaError, StateError, StudyNotReadyError
from studies.life_cycle import move_study
from studies.models import ChatModel, Study
from studies.planning import allocate_quotas, missing_before_opening, open_study, plan_quotas
from studies.services import withdraw_contestant
from tests.cast import NOW, complete_design, make_electorate, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft() -> Study:
    """A draft with contestants, dimensions and an electorate."""
    return make_study(raters=0, state="draft")


@pytest.fixture
def ready(draft: Study) -> Study:
    """A draft that lacks nothing."""
    return complete_design(draft)


def change(study: Study, **values: object) -> Study:
    Study.objects.filter(pk=study.pk).update(**values)
    study.refresh_from_db()
    return study


def take_places(study: Study, cell: str, number: int) -> None:
    for _ in range(number):
        Participation.objects.create(
            study=study,
            rater=Rater.objects.create(created_at=NOW),
            cell=study.electorate.cells.get(key=cell),
            state="active",
            created_at=NOW,
        )


def targets(study: Study) -> dict[str, int]:
    return {str(quota.group or quota.cell): quota.target for quota in study.quotas.all()}


# Quotas


def test_places_are_divided_among_the_groups_of_each_axis(draft: Study) -> None:
    divisions = allocate_quotas(draft, raters=20, at=NOW)
    assert targets(draft) == {
        "Age: 18-34": 8,
        "Age: 35-plus": 12,
        "Sex: female": 10,
        "Sex: male": 10,
    }
    assert [division.name for division in divisions] == ["Age", "Sex"]
    assert draft.raters_wanted == 20


def test_places_are_divided_among_the_cells_where_the_study_says_so(draft: Study) -> None:
    change(draft, quota_by="cells")
    (division,) = allocate_quotas(draft, raters=20, at=NOW)
    assert targets(draft) == {
        "18-34 · female": 4, "18-34 · male": 4, "35-plus · female": 6, "35-plus · male": 6,
    }  # fmt: skip
    assert [(str(cell), plan.target) for cell, plan in division.rows] == list(
        targets(draft).items()
    )


def test_the_division_says_what_whole_raters_cost(draft: Study) -> None:
    age, sex = plan_quotas(draft, raters=3)
    assert [plan.target for _group, plan in age.rows] == [1, 2]
    assert sex.allocation.largest_deviation.deviation == 0.5
    assert not draft.quotas.exists()


def test_dividing_again_replaces_the_quotas(draft: Study) -> None:
    allocate_quotas(draft, raters=20, at=NOW)
    change(draft, quota_by="cells")
    allocate_quotas(draft, raters=10, at=NOW)
    assert sum(targets(draft).values()) == 10
    assert draft.raters_wanted == 10


def test_places_need_an_electorate_and_at_least_one_rater(draft: Study) -> None:
    with pytest.raises(QuotaError, match="at least one"):
        allocate_quotas(draft, raters=0, at=NOW)
    with pytest.raises(QuotaError, match="electorate"):
        allocate_quotas(change(draft, electorate=None), raters=20, at=NOW)


def test_no_quota_falls_below_the_places_that_are_taken(ready: Study) -> None:
    open_study(ready, at=NOW)
    take_places(ready, "18-34|female", 3)
    before = targets(ready)
    with pytest.raises(QuotaError, match=r"Age: 18-34 would have 2 places, but 3 are taken"):
        allocate_quotas(ready, raters=5, at=NOW)
    assert targets(ready) == before
    assert ready.raters_wanted == 20
    allocate_quotas(ready, raters=8, at=NOW)
    assert targets(ready)["Age: 18-34"] == 3


@pytest.mark.parametrize("quota_by", ["margins", "cells"])
def test_the_database_itself_refuses_such_a_quota(ready: Study, quota_by: str) -> None:
    allocate_quotas(change(ready, quota_by=quota_by), raters=20, at=NOW)
    take_places(ready, "18-34|female", 3)
    quota = ready.quotas.first()
    with pytest.raises(IntegrityError, match="never falls below"), transaction.atomic():
        ready.quotas.filter(pk=quota.pk).update(target=2)
    ready.quotas.filter(pk=quota.pk).update(target=3)


# Opening


def test_a_study_that_lacks_nothing_opens(ready: Study) -> None:
    assert missing_before_opening(ready) == ()
    open_study(ready, at=NOW)
    assert ready.state == Study.State.OPEN


def test_a_bare_draft_is_told_all_that_it_lacks() -> None:
    bare = Study.objects.create(slug="bare", title="Bare")
    with pytest.raises(StudyNotReadyError) as refusal:
        open_study(bare, at=NOW)
    assert refusal.value.missing == (
        "Enter at least two contestants; none would take part now.",
        "Make one dimension the overall one.",
        "Choose the electorate that the study speaks for.",
        "Write the task, or add tasks: what raters are asked to talk about.",
        "Write the consent text that raters agree to.",
        "Add the completion code for: completed.",
        "Add the completion code for: no place left for her groups.",
    )
    bare.refresh_from_db()
    assert bare.state == Study.State.DRAFT


def test_contestants_that_withdrew_do_not_count(ready: Study) -> None:
    for contestant in ready.contestants.all()[1:]:
        withdraw_contestant(contestant, reason="Its maker asked.", at=NOW)
    assert missing_before_opening(ready) == (
        "Enter at least two contestants; 1 would take part now.",
    )


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("", "Ash has no address"),
        ("bot:nobody", "nobody"),
        ("ftp://127.0.0.1/v1", "does not begin with https"),
        ("http://169.254.169.254/v1", "metadata"),
    ],
)
def test_every_contestant_has_to_be_one_that_can_be_asked(
    ready: Study, base_url: str, words: str
) -> None:
    ChatModel.objects.filter(name="Ash").update(base_url=base_url)
    (missing,) = missing_before_opening(ready)
    assert missing.startswith("Ash can't be asked: ")
    assert words in missing


def test_a_key_has_to_be_in_the_environment(ready: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    ChatModel.objects.filter(name="Ash").update(key_variable="ASH_API_KEY")
    monkeypatch.delenv("ASH_API_KEY", raising=False)
    (missing,) = missing_before_opening(ready)
    assert "Ash can't be asked: the environment variable ASH_API_KEY is not set" in missing
    monkeypatch.setenv("ASH_API_KEY", "s3cret")
    assert missing_before_opening(ready) == ()


def test_every_dimension_has_a_question_and_one_is_the_overall_one(ready: Study) -> None:
    ready.dimensions.filter(key="warmth").update(question=" ")
    ready.dimensions.update(is_overall=False)
    assert missing_before_opening(ready) == (
        "Make one dimension the overall one.",
        "Give the dimension Warmth the question that raters are asked.",
    )


@pytest.mark.parametrize(
    "question",
    ["Which one was warmer?", "Which of the two was warmer?", "With which of the two did it go?"],
)
def test_where_raters_meet_one_model_no_question_compares_two(ready: Study, question: str) -> None:
    change(ready, protocol="single")
    ready.dimensions.update(question="How well did it weigh both sides?")
    assert missing_before_opening(ready) == ()
    ready.dimensions.filter(key="warmth").update(question=question)
    (missing,) = missing_before_opening(ready)
    assert missing.startswith("Ask about one assistant on the dimension Warmth (“How well …?”)")


def test_where_raters_compare_two_no_question_of_a_template_is_about_one(ready: Study) -> None:
    ready.dimensions.filter(key="warmth").update(question="How gentle was it with you?")
    (missing,) = missing_before_opening(ready)
    assert missing.startswith("Ask which of the two did better on the dimension Warmth")


@pytest.mark.parametrize(
    ("protocol", "most", "words"),
    [
        ("pairwise", 6, "Each rater is asked for 7 battles, but 4 contestants make 6 pairs"),
        ("single", 4, "Each rater is asked for 5 battles, but there are 4 contestants"),
    ],
)
def test_a_rater_is_asked_for_no_more_battles_than_there_can_be(
    ready: Study, protocol: str, most: int, words: str
) -> None:
    ready.dimensions.update(question="Better?")
    assert missing_before_opening(change(ready, protocol=protocol, battles_each=most)) == ()
    (missing,) = missing_before_opening(change(ready, battles_each=most + 1))
    assert missing.startswith(words)


def test_tasks_stand_in_for_the_one_task(ready: Study) -> None:
    change(ready, task="")
    (missing,) = missing_before_opening(ready)
    assert missing == "Write the task, or add tasks: what raters are asked to talk about."
    ready.tasks.create(name="Soup", text="Cook a soup.")
    assert missing_before_opening(ready) == ()


def test_all_tasks_say_how_many_battles_or_none_does(ready: Study) -> None:
    for name in ("Soup", "Stew", "Salad"):
        ready.tasks.create(name=name, text="Cook it.")
    ready.tasks.exclude(name="Soup").update(battles_wanted=5)
    assert missing_before_opening(ready) == (
        "Say of every task how many battles it should have, or of none: 2 of 3 say it now.",
    )
    ready.tasks.update(battles_wanted=5)
    assert missing_before_opening(ready) == (), "fewer than raters hold: they are divided by it"


def test_raters_from_a_platform_need_a_way_back_to_it(ready: Study) -> None:
    (missing,) = missing_before_opening(change(ready, entrance="recruited"))
    assert missing.startswith("Add the redirect to the completion code for: completed.")
    ready.completion_codes.filter(outcome="completed").update(redirect_url="https://a.example/")
    assert missing_before_opening(ready) == ()


def test_sign_up_needs_a_server_that_sends_mail(ready: Study, settings: Any) -> None:
    change(ready, entrance="account")
    settings.IS_EMBEDDED = False
    assert missing_before_opening(ready) == ()
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    (missing,) = missing_before_opening(ready)
    assert missing.startswith("Set EMAIL_URL in the server's environment")
    settings.IS_EMBEDDED = True
    assert missing_before_opening(ready) == ()


def test_the_quotas_have_to_add_up(ready: Study) -> None:
    ready.quotas.filter(group__key="male").update(target=9)
    assert missing_before_opening(ready) == (
        "Sex: the quotas add up to 19 places, not 20; divide them again.",
    )
    ready.quotas.all().delete()
    (missing,) = missing_before_opening(ready)
    assert "divide their places into quotas" in missing


def test_the_quotas_have_to_be_of_the_kind_and_the_electorate_that_the_study_has(
    ready: Study,
) -> None:
    (missing,) = missing_before_opening(change(ready, quota_by="cells"))
    assert "divide the places again" in missing
    change(ready, quota_by="margins", electorate=make_electorate("village"))
    (missing,) = missing_before_opening(ready)
    assert "another electorate" in missing


def test_a_paid_study_says_how_long_it_takes(ready: Study) -> None:
    (missing,) = missing_before_opening(change(ready, pay="4.50"))
    assert "minutes" in missing
    assert missing_before_opening(change(ready, minutes_estimated=25)) == ()
    assert missing_before_opening(change(ready, pay=None, minutes_estimated=None)) == ()


def test_a_paused_study_is_checked_again_before_it_goes_on(ready: Study) -> None:
    open_study(ready, at=NOW)
    move_study(ready, to=Study.State.PAUSED, at=NOW)
    change(ready, task="")
    with pytest.raises(StudyNotReadyError, match="Write the task"):
        open_study(ready, at=NOW)
    open_study(change(ready, task="Talk about tea."), at=NOW)
    assert ready.state == Study.State.OPEN


def test_there_is_no_other_way_to_open_a_study(ready: Study) -> None:
    with pytest.raises(StateError):
        move_study(ready, to=Study.State.OPEN, at=NOW)
    ready.refresh_from_db()
    assert ready.state == Study.State.DRAFT


def test_a_study_that_is_over_is_not_opened_however_complete_it_is(ready: Study) -> None:
    open_study(ready, at=NOW)
    move_study(ready, to=Study.State.CLOSED, at=NOW)
    with pytest.raises(StateError, match="can become: archived"):
        open_study(ready, at=NOW)
