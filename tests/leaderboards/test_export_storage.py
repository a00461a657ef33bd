"""Exports lie where EXPORTS_STORAGE says: in a folder, or in a storage that machines share."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, storages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hustings.env import read_environment
from leaderboards.errors import ExportError
from leaderboards.models import Export
from leaderboards.services.exports import (
    KEPT,
    ask_for_export,
    build_export,
    claim_export,
    delete_export,
    expire_exports,
    open_export,
)
from leaderboards.services.leases import MOST_ATTEMPTS
from studies.models import Study
from tests.cast import make_admin, make_study
from tests.leaderboards.elsewhere import Elsewhere

BACKEND = "tests.leaderboards.elsewhere.Elsewhere"


@pytest.fixture(autouse=True)
def _parts_lie_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def name_storage(settings: Any, backend: str, **options: Any) -> None:
    named = {"BACKEND": backend, "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"exports": named}


@pytest.fixture
def elsewhere(settings: Any) -> Elsewhere:
    name_storage(settings, BACKEND, bucket_name="shared")
    found = storages["exports"]
    assert isinstance(found, Elsewhere)
    return found


def built(study: Study) -> Export:
    asked = ask_for_export(study, form="csv", is_release=True, at=timezone.now())
    build_export(asked.pk, at=timezone.now())
    return Export.objects.get(pk=asked.pk)


@pytest.mark.django_db
def test_an_export_is_built_and_fetched_in_parts_where_there_is_no_folder(
    elsewhere: Elsewhere, tmp_path: Path, client: Client
) -> None:
    export = built(make_study(raters=4))
    assert export.state == Export.State.READY, export.error
    assert export.file_name == f"shared/{elsewhere.names()[0]}"
    # The part that it was written to is gone.
    assert not list(tmp_path.iterdir())
    client.force_login(make_admin())
    address = reverse("api:export-file", kwargs={"slug": export.study.slug, "export_id": export.pk})
    whole = b"".join(client.get(address).streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(whole).hexdigest() == export.sha256
    part = client.get(address, headers={"Range": "bytes=10-99"})
    assert part.status_code == 206
    assert b"".join(part.streaming_content) == whole[10:100]  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_an_export_elsewhere_expires_and_is_deleted(elsewhere: Elsewhere) -> None:
    study = make_study(raters=4)
    export = built(study)
    assert export.finished_at is not None
    assert expire_exports(at=export.finished_at + KEPT) == 1
    assert elsewhere.names() == []
    again = built(study)
    assert elsewhere.names() == [Path(again.file_name).name]
    elsewhere.delete(again.file_name)
    with pytest.raises(ExportError, match="is gone"):
        open_export(again)
    third = built(study)
    delete_export(third)
    assert elsewhere.names() == []


@pytest.mark.django_db
def test_a_storage_that_takes_nothing_fails_the_export_and_not_the_worker(
    settings: Any, tmp_path: Path
) -> None:
    name_storage(settings, BACKEND, bucket_name="shared", is_up=False)
    export = built(make_study(raters=4))
    assert export.state == Export.State.FAILED
    assert export.error.startswith("The storage of exports did not take it (BucketGoneError).")
    assert not list(tmp_path.iterdir())


@pytest.mark.django_db(transaction=True)
def test_parts_of_a_worker_that_died_go_although_the_files_lie_elsewhere(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    study = make_study(raters=0)
    export = ask_for_export(study, form="csv", is_release=True, at=timezone.now())
    half = tmp_path / f"{export.pk}-half.part"
    half.write_bytes(b"half")
    Export.objects.update(attempts=MOST_ATTEMPTS)
    assert claim_export(export.pk, at=timezone.now()) is None
    assert not half.exists()


def storage_of(**environment: str) -> dict[str, Any]:
    """The storage of exports as the environment has it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return read_environment().exports_storage


def test_the_environment_names_the_storage_and_what_it_is_made_with() -> None:
    named = storage_of(EXPORTS_STORAGE=BACKEND, EXPORTS_STORAGE_OPTIONS='{"bucket_name": "shared"}')
    assert named == {"BACKEND": BACKEND, "OPTIONS": {"bucket_name": "shared"}}


def test_a_folder_of_its_own_stays_private(tmp_path: Path, settings: Any) -> None:
    named = storage_of(EXPORTS_STORAGE_OPTIONS=f'{{"location": "{tmp_path}"}}')
    name_storage(settings, named["BACKEND"], **named["OPTIONS"])
    storage = storages["exports"]
    assert isinstance(storage, FileSystemStorage)
    assert storage.base_location == str(tmp_path)
    assert (storage.file_permissions_mode, storage.directory_permissions_mode) == (0o600, 0o700)


@pytest.mark.parametrize("given", ["{", "[1]"])
def test_options_that_are_no_object_are_refused_in_a_sentence(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EXPORTS_STORAGE_OPTIONS is no"):
        storage_of(EXPORTS_STORAGE_OPTIONS=given)


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("nowhere.Storage", "Could not find backend 'nowhere.Storage'"),
        (BACKEND, "TypeError: "),
        ("django.core.files.storage.FileSystem", "Could not find backend"),
    ],
)
def test_a_storage_that_cannot_be_made_is_an_error_of_the_system_check(
    settings: Any, backend: str, said: str
) -> None:
    name_storage(settings, backend)
    (error,) = [found for found in run_checks() if found.id == "hustings.E001"]
    assert said in error.msg
    assert "EXPORTS_STORAGE" in (error.hint or "")
