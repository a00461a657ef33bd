"""A study made like another one: its design, and none of its raters."""

import pytest

from raters.simulation import Population, simulate_raters
from studies.cloning import COPIED, NOT_COPIED, clone_study
from studies.errors import SlugTakenError
from studies.models import CompletionCode, ConsentText, Quota, Study
from studies.services import add_consent_text, withdraw_contestant
from studies.task_list import add_tasks, parse_tasks
from tests.cast import NOW, complete_design, make_study, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    study = complete_design(make_study(raters=0, state="draft"), raters=20)
    add_tasks(study, parse_tasks("area,task,text,battles\nHome,Soup,Cook.,4\nHome,Tea,Brew.,2"))
    simulate_raters(study, raters=5, battles_each=2, seed=1, population=Population(), at=NOW)
    return study


def quotas_of(study):
    return set(Quota.objects.filter(study=study).values_list("group", "cell", "target"))


def test_every_field_of_a_study_is_copied_or_left_on_purpose():
    meta = Study._meta
    fields = {field.name for field in (*meta.fields, *meta.many_to_many)}
    assert set(COPIED) | NOT_COPIED == fields
    assert not set(COPIED) & NOT_COPIED


def test_a_clone_has_the_design(study):
    Study.objects.filter(pk=study.pk).update(
        language="de",
        min_turns=2,
        max_turns=7,
        pay="4.50",
        currency="EUR",
        minutes_estimated=30,
        budget="120.00",
        entrance="recruited",
        recruiting_parameter="PID",
        study_parameter="",
        session_parameter="VISIT",
    )
    study.refresh_from_db()
    clone = clone_study(study, slug="tea-again", title="Tea again")
    clone.refresh_from_db()
    assert (clone.slug, clone.title) == ("tea-again", "Tea again")
    for field in COPIED:
        assert getattr(clone, field) == getattr(study, field), field
    values = ("key", "name", "question", "help", "weight", "position", "is_overall")
    assert list(clone.dimensions.values_list(*values)) == list(
        study.dimensions.values_list(*values)
    )
    values = ("name", "slug", "chat_model")
    assert set(clone.contestants.values_list(*values)) == set(
        study.contestants.values_list(*values)
    )
    assert quotas_of(clone) == quotas_of(study) != set()
    values = ("area", "category", "name", "text", "battles_wanted", "position")
    assert list(clone.tasks.values_list(*values)) == list(study.tasks.values_list(*values)) != []
    codes = CompletionCode.objects.filter(study=clone)
    assert codes.count() == len(CompletionCode.Outcome)


def test_a_clone_is_a_draft_without_raters_team_or_public_pages(study):
    study.team.add(make_user("colleague"))
    clone = clone_study(study, slug="tea-again", title="Tea again")
    assert clone.state == Study.State.DRAFT
    assert not clone.is_public
    assert not clone.is_simulated
    assert not clone.team.exists()
    assert not clone.participations.exists()
    assert study.participations.count() == 5


def test_a_clone_takes_the_latest_consent_text_as_its_first(study):
    add_consent_text(study, summary="New.", text="You agree to this.")
    clone = clone_study(study, slug="tea-again", title="Tea again")
    consent = ConsentText.objects.get(study=clone)
    assert (consent.version, consent.summary) == (1, "New.")
    assert study.consent_texts.count() == 2


def test_who_has_withdrawn_is_not_in_the_clone(study):
    withdraw_contestant(study.contestants.get(name="Ash"), reason="Retired.", at=NOW)
    clone = clone_study(study, slug="tea-again", title="Tea again")
    names = set(clone.contestants.values_list("name", flat=True))
    assert names == {"Birch", "Cherry", "Dogwood"}


def test_an_address_that_is_taken_is_refused_and_nothing_is_made(study):
    with pytest.raises(SlugTakenError, match="Another study has the address “tea”"):
        clone_study(study, slug="tea", title="Tea again")
    assert Study.objects.count() == 1


def test_consent_texts_are_numbered_one_after_the_other(study):
    versions = [add_consent_text(study, summary="S", text="T").version for _ in range(2)]
    assert versions == [2, 3]
