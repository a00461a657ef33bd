"""Exports are asked for, built by a worker, fetched in as many goes as it takes, and expire."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leaderboards.errors import ExportError
from leaderboards.exports.serving import answer_file
from leaderboards.models import Export
from leaderboards.services.exports import (
    DIED,
    KEPT,
    LEASE,
    NO_ROOM,
    ClaimLostError,
    ask_for_export,
    build_export,
    claim_export,
    delete_export,
    due_exports,
    expire_exports,
    finish_export,
    keep_claim,
    open_export,
    ring_due_exports,
    why_not_written,
)
from leaderboards.services.leases import MOST_ATTEMPTS
from studies.models import ApiToken, Study
from tests.cast import NOW, make_admin, make_board, make_study, make_user

FORM = {"form": "csv", "is_release": True}
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Where the files of exports lie."""
    found = tmp_path / "exports"
    backend = "django.core.files.storage.FileSystemStorage"
    here = {"exports": {"BACKEND": backend, "OPTIONS": {"location": found}}}
    settings.STORAGES = settings.STORAGES | here
    return found


@pytest.fixture
def study() -> Study:
    found = make_study(raters=8, is_public=False)
    make_board(found)
    return found


@pytest.fixture
def export(study: Study) -> Export:
    """A release that is ready."""
    return built(study)


@pytest.fixture
def reader() -> Any:
    """Somebody who may see live figures, and change nothing."""
    return make_user("reader", "studies.view_study", is_staff=True)


def built(study: Study, *, is_release: bool = True) -> Export:
    now = timezone.now()
    asked = ask_for_export(study, form="csv", is_release=is_release, at=now)
    build_export(asked.pk, at=now)
    found = Export.objects.get(pk=asked.pk)
    assert found.state == Export.State.READY, found.error
    return found


def content_of(export: Export) -> bytes:
    with open_export(export) as file:
        return file.read()


def at_rest(export: Export) -> str:
    return reverse("api:export-file", kwargs={"slug": export.study.slug, "export_id": export.pk})


def page_of(study: Study) -> str:
    return reverse("admin:leaderboards_study_exports", kwargs={"study_id": study.pk})


def file_page(export: Export) -> str:
    ids = {"study_id": export.study_id, "export_id": export.pk}
    return reverse("admin:leaderboards_export_file", kwargs=ids)


def bearer(user: Any, **given: Any) -> dict[str, str]:
    _, secret = ApiToken.objects.create(user, is_for_all_studies=True, **given)
    return {"Authorization": f"Token {secret}"}


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def status(client: Client, address: str, headers: dict[str, str] | None = None) -> int:
    answer = client.get(address, headers=headers)
    if answer.streaming:
        body(answer)
    return answer.status_code


@pytest.mark.every_database
def test_an_export_is_built_once_it_was_asked_for(study: Study, folder: Path) -> None:
    export = ask_for_export(study, **FORM, at=NOW)
    assert ask_for_export(study, **FORM, at=NOW) == export
    assert ask_for_export(study, form="jsonl", is_release=True, at=NOW) != export
    build_export(export.pk, at=timezone.now())
    export.refresh_from_db()
    content = content_of(export)
    assert (export.state, export.size) == (Export.State.READY, len(content))
    assert export.sha256 == hashlib.sha256(content).hexdigest()
    assert export.rows["comparisons"] == 64
    assert export.rows["raters"] == 8
    assert [path.name for path in folder.iterdir()] == [export.file_name]
    assert ask_for_export(study, **FORM, at=NOW) != export


@pytest.mark.every_database
def test_a_worker_that_died_leaves_no_half_file_and_another_builds_it(
    study: Study, folder: Path
) -> None:
    export = ask_for_export(study, **FORM, at=NOW)
    dead = claim_export(export.pk, at=NOW)
    assert dead is not None
    folder.mkdir()
    half = folder / f"{export.pk}-half.part"
    half.write_bytes(b"half")
    build_export(export.pk, at=NOW + LEASE / 2)
    assert Export.objects.get(pk=export.pk).state == Export.State.CLAIMED
    build_export(export.pk, at=timezone.now() + LEASE)
    export.refresh_from_db()
    assert export.state == Export.State.READY
    assert [path.name for path in folder.iterdir()] == [export.file_name]
    assert not finish_export(dead, {}, file_name="a", size=1, sha256="a", at=NOW)
    with pytest.raises(ClaimLostError):
        keep_claim(dead, {})


@pytest.mark.every_database
def test_workers_that_die_again_and_again_are_told_of(study: Study) -> None:
    export = ask_for_export(study, **FORM, at=NOW)
    for attempt in range(MOST_ATTEMPTS):
        assert claim_export(export.pk, at=NOW + attempt * LEASE) is not None
    assert claim_export(export.pk, at=NOW + MOST_ATTEMPTS * LEASE) is None
    export.refresh_from_db()
    assert (export.state, export.error) == (Export.State.FAILED, DIED)


def test_what_keeps_a_file_from_being_written_is_told(study: Study, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    export = ask_for_export(study, **FORM, at=NOW)
    build_export(export.pk, at=timezone.now())
    export.refresh_from_db()
    assert export.state == Export.State.FAILED
    assert export.error.startswith("Its file could not be written: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_as_such() -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as file,
        pytest.raises(OSError, match="No space left") as error,
    ):
        file.write(b"more")
    assert why_not_written(error.value) == NO_ROOM


@pytest.mark.every_database
def test_a_worker_whose_export_was_deleted_leaves_nothing(study: Study, folder: Path) -> None:
    export = ask_for_export(study, **FORM, at=NOW)
    claim = claim_export(export.pk, at=NOW)
    assert claim is not None
    delete_export(export)
    with pytest.raises(ClaimLostError):
        keep_claim(claim, {"comparisons": 1})
    build_export(export.pk, at=NOW)
    assert not list(folder.glob("*"))


@pytest.mark.every_database
def test_a_bell_that_was_lost_is_rung_again(study: Study) -> None:
    export = ask_for_export(study, **FORM, at=NOW)
    assert list(due_exports(at=NOW)) == [export]
    assert ring_due_exports(at=NOW) == 1
    claim_export(export.pk, at=NOW)
    assert ring_due_exports(at=NOW) == 0
    assert ring_due_exports(at=NOW + LEASE) == 1


@pytest.mark.every_database
def test_a_file_expires_and_its_row_says_so(export: Export, folder: Path) -> None:
    assert export.finished_at is not None
    over = export.finished_at + KEPT
    assert expire_exports(at=over - timedelta(seconds=1)) == 0
    assert expire_exports(at=over) == 1
    assert expire_exports(at=over) == 0
    assert not list(folder.iterdir())
    export.refresh_from_db()
    assert (export.state, export.rows["raters"]) == (Export.State.EXPIRED, 8)
    with pytest.raises(ExportError, match="has expired"):
        open_export(export)


def test_a_download_that_broke_off_goes_on_where_it_was(
    client: Client, export: Export, reader: Any
) -> None:
    client.force_login(reader)
    whole = client.get(at_rest(export))
    assert (whole.status_code, whole["Accept-Ranges"]) == (200, "bytes")
    assert whole["Content-Length"] == str(export.size)
    assert whole["ETag"] == f'"{export.sha256}"'
    assert whole["Content-Disposition"] == (
        f'attachment; filename="tea-release-{export.asked_at:%Y%m%d}-csv.zip"'
    )
    got = body(whole)[:1000]
    while len(got) < (export.size or 0):
        asked = {"Range": f"bytes={len(got)}-{len(got) + 4999}", "If-Range": whole["ETag"]}
        part = client.get(at_rest(export), headers=asked)
        assert part.status_code == 206
        end = min(len(got) + 5000, export.size or 0)
        assert part["Content-Range"] == f"bytes {len(got)}-{end - 1}/{export.size}"
        piece = body(part)
        assert len(piece) == int(part["Content-Length"])
        got += piece
    assert hashlib.sha256(got).hexdigest() == export.sha256


def test_a_part_of_another_file_is_not_given(client: Client, export: Export, reader: Any) -> None:
    client.force_login(reader)
    asked = {"Range": "bytes=100-", "If-Range": '"another"'}
    answer = client.get(at_rest(export), headers=asked)
    assert answer.status_code == 200
    assert body(answer) == content_of(export)
    known = client.get(at_rest(export), headers={"If-None-Match": f'"other", "{export.sha256}"'})
    assert (known.status_code, known["ETag"]) == (304, answer["ETag"])


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, None), ("bytes=-7", -7, None), ("bytes=3-3", 3, 4),
        ("bytes=5-99999999", 5, None), ("bytes=-99999999", 0, None),
        # Nothing that is to be answered in parts.
        ("bytes=9-3", 0, None), ("bytes=0-1,5-6", 0, None), ("bytes=-", 0, None),
        ("lines=0-1", 0, None),
    ],
)  # fmt: skip
def test_ranges_are_those_of_the_standard(
    client: Client, export: Export, reader: Any, asked: str, first: int, end: int | None
) -> None:
    client.force_login(reader)
    answer = client.get(at_rest(export), headers={"Range": asked})
    content = content_of(export)
    assert body(answer) == content[first:end]
    is_part = len(content[first:end]) < len(content)
    assert answer.status_code == (206 if is_part else 200)


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=99999999999-", "bytes=-0"])
def test_a_part_that_the_file_does_not_have_is_416(
    client: Client, export: Export, reader: Any, asked: str
) -> None:
    client.force_login(reader)
    answer = client.get(at_rest(export), headers={"Range": asked.format(size=export.size)})
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{export.size}"


def test_a_head_says_what_a_get_would_give(client: Client, export: Export, reader: Any) -> None:
    client.force_login(reader)
    for address in (at_rest(export), file_page(export)):
        answer = client.head(address)
        assert (answer.status_code, answer["Content-Length"]) == (200, str(export.size))
        assert answer["Content-Type"] == "application/zip"
        assert not getattr(answer, "content", b"")


@pytest.mark.every_database
def test_an_asynchronous_server_streams_it_too(export: Export) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"range", b"bytes=10-")]}
    answer = answer_file(ASGIRequest(scope, _Nothing()), export)  # type: ignore[arg-type]
    assert isinstance(answer, StreamingHttpResponse)
    assert answer.is_async

    async def read() -> bytes:
        return b"".join([piece async for piece in answer])

    assert asyncio.run(read()) == content_of(export)[10:]


class _Nothing:
    def read(self) -> bytes:
        return b""


def test_a_full_export_is_for_who_may_change_the_study(
    client: Client, study: Study, reader: Any
) -> None:
    full, release = built(study, is_release=False), built(study)
    client.force_login(reader)
    assert status(client, file_page(full)) == 403
    assert status(client, at_rest(full)) == 404
    assert status(client, at_rest(release)) == 200
    page = client.get(page_of(study)).text
    assert file_page(release) in page
    assert file_page(full) not in page
    stranger = Client()
    stranger.force_login(make_user("stranger"))
    assert status(stranger, at_rest(release)) == 404
    assert status(Client(), at_rest(release)) == 404
    editor = Client()
    editor.force_login(make_admin())
    assert status(editor, file_page(full)) == 200
    assert status(editor, at_rest(full)) == 200


def test_a_token_needs_the_scope_for_a_full_export(study: Study) -> None:
    full, release = built(study, is_release=False), built(study)
    narrow = bearer(make_admin())
    assert status(Client(), at_rest(full), narrow) == 404
    assert status(Client(), at_rest(release), narrow) == 200
    wide = bearer(make_admin("other"), may_read_conversations=True)
    assert status(Client(), at_rest(full), wide) == 200


@pytest.mark.every_database
def test_an_export_is_asked_for_over_rest_once_for_a_key(study: Study) -> None:
    address = reverse("api:export-list", kwargs={"slug": study.slug})
    headers = bearer(make_admin(), may_manage=True) | {"Idempotency-Key": str(uuid4())}

    def post(given: dict[str, Any], headers: dict[str, str] = headers) -> Any:
        return Client().post(address, given, content_type="application/json", headers=headers)

    first = post({"format": "jsonl", "is_release": True})
    assert first.status_code == 202, first.content
    assert post({"format": "jsonl", "is_release": True}).json() == first.json()
    export = Export.objects.get()
    assert (export.format, str(export.pk)) == ("jsonl", first.json()["id"])
    told = Client().get(first.json()["url"], headers=headers).json()
    assert (told["state"], told["file_url"]) == ("waiting", None)
    build_export(export.pk, at=timezone.now())
    told = Client().get(first.json()["url"], headers=headers).json()
    assert told["rows"]["raters"] == 8
    assert status(Client(), told["file_url"], headers) == 200
    (listed,) = Client().get(address, headers=headers).json()["results"]
    assert listed == told
    fresh = headers | {"Idempotency-Key": str(uuid4())}
    assert post({"is_release": False}, fresh).status_code == 403
    assert post({"format": "xlsx"}, fresh).status_code == 400


def test_nobody_asks_without_the_scope_or_the_permission(study: Study, reader: Any) -> None:
    address = reverse("api:export-list", kwargs={"slug": study.slug})
    for headers in (bearer(make_admin()), bearer(reader, may_manage=True)):
        sent = headers | {"Idempotency-Key": str(uuid4())}
        answer = Client().post(
            address, {"is_release": True}, content_type="application/json", headers=sent
        )
        assert answer.status_code == 403
    client = Client()
    client.force_login(reader)
    assert client.post(page_of(study), {"do": "ask", "format": "csv"}).status_code == 403
    assert not Export.objects.exists()


def test_the_page_asks_for_an_export_waits_for_it_and_deletes_it(
    client: Client, study: Study, folder: Path
) -> None:
    client.force_login(make_admin())
    assert "There is no export yet." in client.get(page_of(study)).text
    given = {"do": "ask", "format": "csv", "is_release": "on"}
    waiting = client.post(page_of(study), given, follow=True)
    assert "Waiting. This page looks again" in waiting.text
    assert waiting["Refresh"]
    export = Export.objects.get()
    assert export.is_release
    assert export.asked_by is not None
    build_export(export.pk, at=timezone.now())
    export.refresh_from_db()
    page = client.get(page_of(study))
    assert "Refresh" not in page
    assert export.sha256 in page.text
    assert "comparisons 64" in page.text
    assert body(client.get(file_page(export))) == content_of(export)
    deleted = client.post(page_of(study), {"do": "delete", "export": str(export.pk)}, follow=True)
    assert "The export is deleted, with its file." in deleted.text
    assert not Export.objects.exists()
    assert not list(folder.iterdir())
    assert client.post(page_of(study), {"do": "delete", "export": "x"}).status_code == 404


def test_the_page_says_what_parquet_lacks(
    client: Client, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    client.force_login(make_admin())
    said = client.post(page_of(study), {"do": "ask", "format": "parquet"}, follow=True).text
    assert "pip install" in said
    assert "hustings[parquet]" in said
    assert not Export.objects.exists()


def test_a_file_that_is_gone_is_told(client: Client, export: Export, folder: Path) -> None:
    (folder / export.file_name).unlink()
    client.force_login(make_admin())
    answer = client.get(at_rest(export))
    assert answer.status_code == 404
    assert "is gone: ask for a new one" in answer.json()["detail"]


def test_the_study_s_page_leads_to_its_exports(client: Client, study: Study) -> None:
    client.force_login(make_admin())
    page = client.get(reverse("admin:studies_study_change", args=[study.pk])).text
    assert f"/{study.pk}/exports" in page
