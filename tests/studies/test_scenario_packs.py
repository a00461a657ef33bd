"""Packs of sensitive topics: what is in them, and how a study gets them."""

import pytest
from django.test import Client
from django.urls import reverse

from studies.errors import StateError
from studies.models import Study, Task
from studies.scenario_packs import (
    AREA,
    add_scenario_pack,
    parse_packs,
    scenario_packs,
    scenario_tasks,
)
from tests.cast import make_admin, make_study

# A pack without its scenarios.
BARE = '[rubric]\nitems = ["Is kind."]\n[pack.x]\nname = ""\ndescription = ""\nnote = ""\n'
PACKS = sorted(scenario_packs().packs)


@pytest.mark.parametrize("key", PACKS)
def test_every_card_says_how_to_stay_safe(key: str) -> None:
    pack = scenario_packs().packs[key]
    assert len(pack.scenarios) >= 5
    assert "leave the study at any time" in pack.note
    assert all(len(each.text) > 60 for each in pack.scenarios)


def test_the_pack_where_harm_is_near_names_help_lines() -> None:
    note = scenario_packs().packs["harm"].note
    assert "116 123" in note
    assert "findahelpline.com" in note


def test_packs_share_no_scenario() -> None:
    every = [(each.category, each.name) for pack in scenario_packs().packs.values()
             for each in pack.scenarios]  # fmt: skip
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('[rubric]\nitems = ["Is kind."]\n[pack.x]\nname = "X"', "pack x: 'scenario'"),
        ('[rubric]\nitems = []', "rubric: it has no items"),
        (BARE
         + '[[pack.x.scenario]]\ncategory = "C"\nname = "N"\ntext = "T"\n' * 2, "the same name"),
        (BARE
         + '[[pack.x.scenario]]\ncategory = ""\nname = "N"\ntext = "T"\n', "a name is empty"),
    ],
)  # fmt: skip
def test_a_flaw_in_the_file_is_told(text: str, flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw):
        parse_packs(text)


@pytest.mark.django_db
def test_a_study_gets_what_it_lacks_and_keeps_what_it_has() -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    assert not study.has_scenarios
    own = Task.objects.create(
        study=study, area=AREA, category="Health", name="A symptom that worries", text="Our words."
    )
    pack = scenario_packs().packs["everyday"]
    added = add_scenario_pack(study, pack="everyday")
    assert len(added) == len(pack.scenarios) - 1
    own.refresh_from_db()
    assert own.text == "Our words."
    assert scenario_tasks(study).count() == len(pack.scenarios)
    assert all(task.text.endswith(pack.note) for task in added)
    assert Study.objects.get(pk=study.pk).has_scenarios
    assert add_scenario_pack(study, pack="everyday") == ()
    with pytest.raises(KeyError):
        add_scenario_pack(study, pack="nowhere")


@pytest.mark.django_db
def test_a_closed_study_gets_none() -> None:
    with pytest.raises(StateError):
        add_scenario_pack(make_study(raters=0), pack="harm")


@pytest.mark.django_db
def test_an_admin_adds_them_on_the_study_s_page(client: Client) -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    client.force_login(make_admin())
    address = reverse("admin:studies_study_add_scenarios", args=[study.pk])
    asked = client.get(address).content.decode()
    assert "Where harm is near" in asked
    assert "help lines" in asked
    client.post(address, {"pack": "harm"})
    assert scenario_tasks(study).count() == len(scenario_packs().packs["harm"].scenarios)
    again = client.post(address, {"pack": "harm"}, follow=True).content.decode()
    assert "has all of them already" in again
