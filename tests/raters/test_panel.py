"""Places: reserved, kept, lost and given back; never more than the quotas, and never one wasted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from raters.errors import GroupsError, PlaceLostError, QuotaFullError, StudyClosedError
from raters.identities import Identity
from raters.models import Battle, Participation, Rater
from raters.quotas import places
from raters.services.panel import (
    complete_participation,
    completion_code_for,
    keep_place,
    release_expired_places,
    reserve_place,
    return_place,
    start,
)
from raters.tasks import release_expired_places as release_task
from studies.life_cycle import move_study
from studies.models import Quota, Study, WebhookEvent
from studies.planning import TAKES_A_PLACE, allocate_quotas, open_study
from tests.cast import NOW, complete_design, make_study
from tests.raters import crowd

YOUNG_WOMAN = {"age": "18-34", "sex": "female"}
YOUNG_MAN = {"age": "18-34", "sex": "male"}
OLD_WOMAN = {"age": "35-plus", "sex": "female"}
HOUR = timedelta(hours=1)
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """An open study for ten raters: 4 of 18-34 and 6 of 35-plus, 5 women and 5 men."""
    study = complete_design(make_study(raters=0, state="draft"), raters=10)
    open_study(study, at=NOW)
    return study


def come(
    study: Study, name: str = "ann", groups: Any = YOUNG_WOMAN, *, at: Any = NOW
) -> Participation:
    consent_text = study.consent_texts.first()
    return reserve_place(study, recruiting_id=name, groups=groups, consent_text=consent_text, at=at)


def fill_young(study: Study, number: int = 4) -> list[Participation]:
    """Take places of 18-34, women and men in turn."""
    return [come(study, f"young-{n}", (YOUNG_WOMAN, YOUNG_MAN)[n % 2]) for n in range(number)]


def fill_of(study: Study) -> dict[str, tuple[int, int, int, int]]:
    return {
        str(fill.quota.group or fill.quota.cell): (
            fill.target, fill.reserved, fill.active, fill.completed,
        )
        for fill in places(study)
    }  # fmt: skip


# Reserving


def test_a_rater_gets_a_place_for_the_time_that_the_study_gives(study: Study) -> None:
    ann = come(study)
    assert (ann.state, ann.cell.key) == ("reserved", "18-34|female")
    assert (ann.source, ann.identity) == ("recruited", Identity("ann"))
    assert ann.kept_until == NOW + HOUR
    assert ann.consent_text == study.consent_texts.get()
    assert ann.consented_at == ann.created_at == NOW
    assert ann.ended_at is None


def test_the_same_person_comes_back_to_the_same_place(study: Study) -> None:
    ann = come(study)
    assert come(study, groups=YOUNG_MAN, at=NOW + HOUR / 2) == ann
    start(ann, at=NOW)
    assert come(study).state == "active"
    complete_participation(ann, at=NOW)
    assert come(study).state == "completed"
    assert Participation.objects.count() == Rater.objects.count() == 1


def test_a_place_is_taken_in_each_of_her_groups(study: Study) -> None:
    start(come(study), at=NOW)
    bea = come(study, "bea", OLD_WOMAN)
    start(bea, at=NOW)
    complete_participation(bea, at=NOW)
    come(study, "cal", YOUNG_MAN)
    assert fill_of(study) == {
        "Age: 18-34": (4, 1, 1, 0),
        "Age: 35-plus": (6, 0, 0, 1),
        "Sex: female": (5, 0, 1, 1),
        "Sex: male": (5, 1, 0, 0),
    }


def test_by_cells_a_place_is_taken_in_her_cell() -> None:
    study = make_study(raters=0, state="draft")
    Study.objects.filter(pk=study.pk).update(quota_by="cells")
    complete_design(study := Study.objects.get(), raters=10)
    open_study(study, at=NOW)
    come(study)
    come(study, "bea")
    with pytest.raises(QuotaFullError, match="18-34 · female"):
        come(study, "cat")
    assert fill_of(study)["18-34 · female"] == (2, 2, 0, 0)
    told = WebhookEvent.objects.get(kind=WebhookEvent.Kind.QUOTA_FULL).facts
    assert (told["cell"], told["places"], told["completed"]) == ("18-34|female", 2, 0)
    assert come(study, "dan", YOUNG_MAN).state == "reserved"


def test_places_are_counted_in_two_queries(study: Study) -> None:
    fill_young(study)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        places(study)
    assert len(queries) == 2


def test_who_finds_her_group_full_is_told_which_and_recorded_as_screened_out(
    study: Study,
) -> None:
    fill_young(study)
    with pytest.raises(QuotaFullError) as refusal:
        come(study)
    assert refusal.value.full == ("Age: 18-34",)
    ann = Participation.objects.named(study, "ann").get()
    assert refusal.value.participation == ann
    assert (ann.state, ann.kept_until, ann.ended_at) == ("screened_out", None, NOW)
    assert completion_code_for(ann).code == "CODE-screened_out"


def test_who_was_screened_out_is_told_so_again_and_is_no_second_participation(
    study: Study,
) -> None:
    fill_young(study)
    for _ in range(2):
        with pytest.raises(QuotaFullError, match="18-34"):
            come(study)
    assert Participation.objects.named(study, "ann").count() == 1
    assert Rater.objects.count() == 5


def test_who_was_screened_out_cannot_try_another_group(study: Study) -> None:
    fill_young(study)
    with pytest.raises(QuotaFullError):
        come(study)
    with pytest.raises(QuotaFullError):
        come(study, groups=OLD_WOMAN)


def test_who_was_screened_out_gets_the_place_that_came_free(study: Study) -> None:
    first, *_others = fill_young(study)
    with pytest.raises(QuotaFullError):
        come(study)
    return_place(first, at=NOW)
    ann = come(study, at=NOW + HOUR / 2)
    assert (ann.state, ann.ended_at, ann.kept_until) == ("reserved", None, NOW + HOUR * 1.5)
    assert Rater.objects.count() == 5


def test_nobody_is_turned_away_for_a_place_whose_time_has_run_out(study: Study) -> None:
    young = fill_young(study)
    keep_place(young[0], at=NOW + HOUR)
    assert come(study, at=NOW + HOUR * 1.1).state == "reserved"
    states = Participation.objects.filter(pk__in=[each.pk for each in young])
    assert sorted(states.values_list("state", flat=True)) == ["reserved", *["timed_out"] * 3]


def test_who_timed_out_or_left_comes_back_if_there_is_a_place(study: Study) -> None:
    ann = come(study)
    release_expired_places(at=NOW + HOUR * 2)
    assert come(study, at=NOW + HOUR * 2) == ann
    return_place(ann, at=NOW + HOUR * 2)
    assert come(study, at=NOW + HOUR * 2).state == "reserved"
    return_place(ann, at=NOW + HOUR * 2)
    fill_young(study)
    with pytest.raises(QuotaFullError):
        come(study)


def test_who_was_struck_out_does_not_come_back(study: Study) -> None:
    ann = come(study)
    Participation.objects.filter(pk=ann.pk).update(state="struck_out")
    assert come(study).state == "struck_out"


def test_a_study_that_is_not_open_takes_nobody_new_but_knows_who_has_a_place(
    study: Study,
) -> None:
    ann = come(study)
    move_study(study, to="paused", at=NOW)
    assert come(study) == ann
    with pytest.raises(StudyClosedError, match="paused"):
        come(study, "bea")
    with pytest.raises(StudyClosedError):
        come(study, at=NOW + HOUR * 2)
    assert Participation.objects.count() == 1


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"age": "18-34"},
        {**YOUNG_WOMAN, "shoes": "42"},
        {"age": "18-34", "sex": "unsaid"},
    ],
)
def test_a_rater_is_in_one_known_group_of_each_axis(study: Study, groups: Any) -> None:
    with pytest.raises(GroupsError):
        come(study, groups=groups)
    assert not Participation.objects.exists()
    assert not Rater.objects.exists()


def test_a_study_without_an_electorate_has_places_for_everybody(study: Study) -> None:
    study.quotas.all().delete()
    Study.objects.filter(pk=study.pk).update(electorate=None)
    assert come(study, groups={}).cell is None
    assert places(study) == ()


# On the way


def test_a_word_from_her_keeps_her_place(study: Study) -> None:
    ann = come(study)
    keep_place(ann, at=NOW + HOUR / 2)
    assert ann.kept_until == NOW + HOUR * 1.5
    assert release_expired_places(at=NOW + HOUR * 1.2) == 0
    start(ann, at=NOW + HOUR)
    assert (ann.state, ann.kept_until) == ("active", NOW + HOUR * 2)


def test_a_place_whose_time_ran_out_is_hers_until_it_is_given_back(study: Study) -> None:
    ann = come(study)
    keep_place(ann, at=NOW + HOUR * 3)
    assert release_expired_places(at=NOW + HOUR * 3) == 0


def test_places_without_a_word_are_given_back(study: Study) -> None:
    ann, bea, cat = (come(study, name) for name in ("ann", "bea", "cat"))
    start(bea, at=NOW)
    keep_place(cat, at=NOW + HOUR)
    assert release_expired_places(at=NOW + HOUR) == 0
    assert release_expired_places(at=NOW + HOUR * 1.5) == 2
    assert release_expired_places(at=NOW + HOUR * 1.5) == 0
    ann.refresh_from_db()
    assert (ann.state, ann.kept_until, ann.ended_at) == ("timed_out", None, NOW + HOUR * 1.5)
    assert fill_of(study)["Age: 18-34"] == (4, 1, 0, 0)


def test_the_beat_gives_them_back_as_well(study: Study) -> None:
    ann = come(study)
    release_task()
    ann.refresh_from_db()
    assert ann.state == "timed_out", "the study is of a day long past"


def test_those_who_are_through_keep_their_places(study: Study) -> None:
    ann = come(study)
    start(ann, at=NOW)
    complete_participation(ann, at=NOW)
    assert (ann.state, ann.kept_until, ann.ended_at) == ("completed", None, NOW)
    assert release_expired_places(at=NOW + HOUR * 100) == 0


@pytest.mark.parametrize("step", [start, complete_participation, return_place])
def test_a_step_taken_in_two_tabs_is_taken_once(study: Study, step: Any) -> None:
    one = come(study)
    if step is complete_participation:
        start(one, at=NOW)
    other = Participation.objects.get()
    step(one, at=NOW)
    step(other, at=NOW + HOUR / 2)
    other.refresh_from_db()
    assert (other.state, other.kept_until, other.ended_at) == (
        one.state, one.kept_until, one.ended_at,
    )  # fmt: skip


def test_what_has_ended_in_one_tab_does_not_go_on_in_another(study: Study) -> None:
    ann = come(study)
    start(ann, at=NOW)
    other = Participation.objects.get()
    complete_participation(ann, at=NOW)
    for step in (keep_place, start, return_place):
        with pytest.raises(PlaceLostError, match="completed"):
            step(other, at=NOW)
    assert other.state == "completed"


def test_a_place_that_was_never_begun_is_not_completed(study: Study) -> None:
    with pytest.raises(PlaceLostError):
        complete_participation(come(study), at=NOW)


@pytest.mark.parametrize(
    "state", ["completed", "screened_out", "struck_out", "timed_out", "returned"]
)
def test_there_is_a_code_for_each_end(study: Study, state: str) -> None:
    ann = come(study)
    assert completion_code_for(ann) is None
    Participation.objects.filter(pk=ann.pk).update(state=state)
    ann.refresh_from_db()
    assert completion_code_for(ann).code == f"CODE-{state}"
    study.completion_codes.all().delete()
    assert completion_code_for(ann) is None


def test_what_takes_a_place_are_states_of_a_participation() -> None:
    assert set(TAKES_A_PLACE) <= set(Participation.State.values)


# The database refuses it too


@pytest.mark.parametrize("quota_by", ["margins", "cells"])
@pytest.mark.parametrize("state", ["reserved", "active", "completed"])
def test_nobody_comes_in_through_a_full_quota_uncounted(
    study: Study, state: str, quota_by: str
) -> None:
    Study.objects.filter(pk=study.pk).update(quota_by=quota_by)
    allocate_quotas(study, raters=10, at=NOW)
    cell = study.electorate.cells.get(key="18-34|female")

    def write(state: str) -> Participation:
        rater = Rater.objects.create(created_at=NOW)
        return Participation.objects.create(
            study=study, rater=rater, cell=cell, state=state, created_at=NOW
        )

    room = 4 if quota_by == "margins" else 2
    inside = [write("reserved") for _ in range(room)]
    with pytest.raises(IntegrityError, match="no place left"), transaction.atomic():
        write(state)
    ann = write("screened_out")
    with pytest.raises(IntegrityError, match="no place left"), transaction.atomic():
        Participation.objects.filter(pk=ann.pk).update(state=state)
    Participation.objects.filter(pk=inside[0].pk).update(state="active")
    Participation.objects.filter(pk=inside[0].pk).update(state="returned")
    Participation.objects.filter(pk=ann.pk).update(state=state)


@pytest.mark.one_database
@pytest.mark.django_db(transaction=True)
def test_migrations_may_rebuild_the_tables_that_triggers_name_and_have_them_back() -> None:
    def triggers() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            return {name for (name,) in cursor.fetchall()}

    before = triggers()
    assert "raters_participation_refuses_insert" in before
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    for model in (Participation, Quota, Battle):
        with connection.schema_editor() as editor:
            editor._remake_table(model)
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert triggers() == before


# All at once


def check(result: dict[str, Any]) -> None:
    """Never one too many, and nobody turned away while there was a place."""
    assert set(result["outcomes"]) <= {"admitted", "turned away"}, result
    assert sum(result["outcomes"].values()) == crowd.SIZE
    assert result["participations"] == result["raters"]
    assert result["overfull"] == []
    assert result["turned_away_for_nothing"] == []
    assert result["places_taken"] <= crowd.PLACES


def check_all(results: dict[str, Any]) -> None:
    for result in results.values():
        check(result)
    assert results["margins"]["places_taken"] == crowd.PLACES
    assert results["one-cell"]["outcomes"] == {"admitted": 20, "turned away": 44}
    assert results["coming-and-going"]["places_taken"] == crowd.PLACES


@pytest.mark.django_db(transaction=True)
def test_64_raters_at_once_get_20_places_and_nobody_is_turned_away_for_nothing(
    new_home: Callable[[], Path],
) -> None:
    in_process = connection.vendor == "postgresql"
    check_all(crowd.let_crowds_in() if in_process else crowds_in_a_file(new_home()))


def crowds_in_a_file(home: Path) -> dict[str, Any]:
    """The crowds of a program of its own, whose SQLite database is a file."""
    environment = {**os.environ, "HUSTINGS_HOME": str(home)}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    done = subprocess.run(
        [sys.executable, "-m", "tests.raters.crowd"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
