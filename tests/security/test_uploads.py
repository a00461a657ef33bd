"""Whatever is sent is bounded, and what is too large is refused with how much may be sent."""

import gzip

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studies import forms
from studies.census.reading import SIZE_LIMIT
from studies.models import Electorate, Study
from tests.cast import make_admin, make_study
from tests.raters.live_study import open_study
from tests.raters.steps import begin

ELECTORATE = reverse("admin:studies_electorate_add")

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_admin())
    return client


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("large.csv", b"x" * (SIZE_LIMIT + 1)),
        ("bomb.csv.gz", gzip.compress(b"x" * (SIZE_LIMIT + 1))),
    ],
)
def test_an_electorate_that_is_too_large_is_refused_packed_or_not(
    boss: Client, name: str, content: bytes
) -> None:
    page = boss.post(ELECTORATE, {"file": SimpleUploadedFile(name, content)})
    assert page.status_code == 200
    assert "20,000,000 bytes" in page.content.decode()
    assert not Electorate.objects.exists()


def test_a_list_of_tasks_that_is_too_large_is_refused(boss: Client) -> None:
    study = make_study(raters=0, state=Study.State.DRAFT)
    file = SimpleUploadedFile("tasks.csv", b"x" * (forms.LARGEST_TASK_FILE + 1))
    address = reverse("admin:studies_study_add_tasks", args=[study.pk])
    page = boss.post(address, {"file": file})
    assert "2,000,000 bytes" in page.content.decode()
    assert not study.tasks.exists()


def test_a_form_or_a_body_beyond_what_django_takes_is_refused() -> None:
    open_study()
    client = Client()
    battle = begin(client).battles.get()
    words = {"text": "x" * 3_000_000, "number": 1}
    assert client.post(f"/join/tea/battle/{battle.key}/message/", words).status_code == 400
    assert not battle.turns.exists()
    many = {f"name{n}": "1" for n in range(1001)}
    assert client.post(f"/join/tea/battle/{battle.key}/message/", many).status_code == 400
