"""What raters were shown stays as it was: a study's protocol, and the words of its tasks."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from raters.models import Battle
from studies.errors import StateError
from studies.models import Study, Task
from studies.services import choose_protocol
from tests.cast import make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    """A task that a battle has."""
    study = make_study(raters=2)
    task = Task.objects.create(study=study, area="Home", name="Soup", text="Cook a soup.")
    Battle.objects.filter(pk=Battle.objects.earliest("pk").pk).update(task=task)
    return task


def test_a_protocol_is_chosen_while_nobody_has_come() -> None:
    study = make_study(raters=0, state="draft")
    choose_protocol(study, "single")
    study.refresh_from_db()
    assert study.protocol == Study.Protocol.SINGLE


def test_a_study_with_raters_keeps_its_protocol() -> None:
    study = make_study(raters=2)
    choose_protocol(study, "pairwise")
    with pytest.raises(StateError, match="has raters, and shows them two models side by side"):
        choose_protocol(study, "single")
    with pytest.raises(IntegrityError, match="keeps its protocol"), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(protocol="single")
    Study.objects.filter(pk=study.pk).update(title="Another title")
    study.refresh_from_db()
    assert study.protocol == Study.Protocol.PAIRWISE


def test_a_protocol_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a valid Study"):
        choose_protocol(make_study(raters=0), "double")


@pytest.mark.parametrize("field", ["area", "category", "name", "text"])
def test_the_words_of_a_task_that_a_battle_has_stay(task: Task, field: str) -> None:
    with pytest.raises(IntegrityError, match="keeps its words"), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(**{field: "Something else"})
    with pytest.raises(ProtectedError):
        task.delete()
    Task.objects.filter(pk=task.pk).update(battles_wanted=7, position=3)


def test_a_task_that_no_battle_has_can_say_something_else(task: Task) -> None:
    other = Task.objects.create(study=task.study, name="Tea", text="Brew.")
    Task.objects.filter(pk=other.pk).update(text="Brew tea.")
    other.delete()
    assert list(Task.objects.all()) == [task]
