"""Everything that makes exports: ask for one, claim it, build it, finish; fetch it, let it expire.

A worker writes into a part of its own, which becomes the export's file only once it is whole. It
reads from a replica where there is one, once that holds all that the export is to tell of.
"""

import errno
import hashlib
import logging
import tempfile
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.errors import BoardError, ExportError
from leaderboards.exports.archive import Rows, write_archive
from leaderboards.exports.writing import require
from leaderboards.models import Export
from leaderboards.services.leases import (
    BREAKS_OFF,
    UNCLAIMED,
    UNFORESEEN,
    claim_row,
    claimed,
    due_rows,
    fail,
    give_up,
)
from studies.bells import ring
from studies.models import Study
from studies.replica import reading_from_replica

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

# From one sign of life to the next. A worker that died is noticed so late.
LEASE: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=30)
CHUNK_BYTES: Final = 1 << 20
PART: Final = ".part"
NO_FILE: Final = {"file_name": "", "size": None, "sha256": ""}
UNDER_WAY: Final = (Export.State.WAITING, Export.State.CLAIMED)
DIED: Final = gettext_noop("The worker that was building it died, several times.")
NO_ROOM: Final = gettext_noop(
    "The disk is full: free some space, or delete older exports, and ask again."
)
NO_WRITING: Final = gettext_noop("Its file could not be written: %(error)s.")
NO_STORING: Final = gettext_noop(
    "The storage of exports did not take it (%(error)s). The server's log has more."
)


@dataclass(frozen=True)
class ExportClaim:
    """An export that is this worker's to build."""

    export: Export
    token: uuid.UUID

    @property
    def file_name(self) -> str:
        """Another one for each claim: a worker that was too slow never replaces a file."""
        return f"{self.export.pk}-{self.token.hex[:8]}.zip"


class ClaimLostError(ExportError):
    """Another worker builds the export meanwhile, or nobody wants it any more."""


@transaction.atomic
def ask_for_export(
    study: Study, *, form: str, is_release: bool, by: "User | None" = None, at: datetime
) -> Export:
    """Ask for an export, or join who asked for the same already; a worker builds it.

    Raises ExportError where the format can't be written here.
    """
    require(form)
    # Two that ask at once would both find none.
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    same = Export.objects.filter(study=study, format=form, is_release=is_release)
    export = same.filter(state__in=UNDER_WAY).first()
    if export is None:
        export = Export.objects.create(
            study=study,
            format=Export.Format(form),
            is_release=is_release,
            asked_at=at,
            asked_by=by,
        )
    _ring(export.pk)
    return export


def build_export(export_id: uuid.UUID, *, at: datetime) -> None:
    """Build an export if it is due; what stops it is told to whoever wants it."""
    claim = claim_export(export_id, at=at)
    if claim is None:
        return
    try:
        _build(claim, at=at)
    except ClaimLostError:
        logger.info("Export %s is another worker's by now.", export_id)
    except BoardError as error:
        fail_export(claim, str(error), at=timezone.now())
    except OSError as error:
        logger.exception("The file of export %s could not be written.", export_id)
        fail_export(claim, why_not_written(error), at=timezone.now())
    except BREAKS_OFF as error:
        # It would be claimed again, and break off again, until nobody looks any more.
        logger.exception("Export %s broke off.", export_id)
        fail_export(claim, _(UNFORESEEN) % {"error": type(error).__name__}, at=timezone.now())


def why_not_written(error: OSError) -> str:
    """What to tell a person of a file that could not be written."""
    is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return _(NO_ROOM) if is_full else _(NO_WRITING) % {"error": error.strerror or error}


def _build(claim: ExportClaim, *, at: datetime) -> None:
    storage = _storage()
    _sweep(storage, claim.export.pk)
    with _part(storage, claim) as file:
        part = Path(file.name)
        try:
            with reading_from_replica():
                report = partial(keep_claim, claim)
                rows = write_archive(claim.export, file, at=at, on_progress=report)
            file.close()
            size, digest = part.stat().st_size, _digest(part)
            keep_claim(claim, rows)
            name = _store(storage, claim, part)
        finally:
            part.unlink(missing_ok=True)
    finished_at = timezone.now()
    if not finish_export(claim, rows, file_name=name, size=size, sha256=digest, at=finished_at):
        storage.delete(name)
        raise ClaimLostError("It was claimed again.")


def _store(storage: Storage, claim: ExportClaim, part: Path) -> str:
    """Hand a part that is whole to the storage; returns what it calls it.

    Raises ExportError where it is not taken, but OSError where that is a disk's matter.
    """
    try:
        with _Built(part) as built:
            return storage.save(claim.file_name, built)
    except OSError:
        raise
    except Exception as error:
        # What goes wrong elsewhere is of a kind that only the storage's own library knows.
        logger.exception("Export %s could not be stored.", claim.export.pk)
        raise ExportError(_(NO_STORING) % {"error": type(error).__name__}) from error


@transaction.atomic
def claim_export(export_id: uuid.UUID, *, at: datetime) -> ExportClaim | None:
    """Claim an export for this worker; None if it is not to be built, or not by this one."""
    export = due_exports(at=at).select_related("study__electorate").filter(pk=export_id).first()
    if export is None:
        return None
    if give_up(export, why=_(DIED), at=at):
        transaction.on_commit(partial(_sweep, _storage(), export_id))
        return None
    token = claim_row(export, lease=LEASE, at=at, rows={})
    return ExportClaim(export, token) if token else None


def keep_claim(claim: ExportClaim, rows: Rows) -> None:
    """Say that the worker lives, and how far it is. Raises ClaimLostError if it is not its own."""
    kept = _standing(claim).update(leased_until=timezone.now() + LEASE, rows=rows)
    if not kept:
        raise ClaimLostError("It was claimed again, or deleted.")


def finish_export(
    claim: ExportClaim, rows: Rows, *, file_name: str, size: int, sha256: str, at: datetime
) -> bool:
    """Say that the file is there; False if the claim is no longer its own."""
    finished = _standing(claim).update(
        **UNCLAIMED,
        state=Export.State.READY,
        rows=rows,
        file_name=file_name,
        size=size,
        sha256=sha256,
        finished_at=at,
        expires_at=at + KEPT,
    )
    return bool(finished)


def fail_export(claim: ExportClaim, error: str, *, at: datetime) -> bool:
    """Say why there is no file; False if the claim is not its own."""
    return fail(_standing(claim), error, at=at)


def open_export(export: Export) -> IO[bytes]:
    """The file of an export that is ready. Raises ExportError where it is not there."""
    if export.state == Export.State.EXPIRED:
        raise ExportError(_("This export has expired: ask for a new one."))
    if export.state != Export.State.READY:
        raise ExportError(_("This export is not ready."))
    try:
        file: IO[bytes] = _storage().open(export.file_name, "rb")
    except OSError as error:
        raise ExportError(_("The file of this export is gone: ask for a new one.")) from error
    return file


def expire_exports(*, at: datetime) -> int:
    """Remove the files whose time is over; their rows say so. Returns how many."""
    over = Export.objects.filter(state=Export.State.READY, expires_at__lte=at)
    return sum(_expire(export) for export in over)


def _expire(export: Export) -> int:
    # First the row: a file that is left behind harms less than a row that promises one.
    ready = Export.objects.filter(pk=export.pk, state=Export.State.READY)
    expired = ready.update(state=Export.State.EXPIRED, **NO_FILE)
    if expired:
        _storage().delete(export.file_name)
    return expired


def delete_export(export: Export) -> None:
    """Delete an export with its file; a worker that builds it finds its claim gone."""
    file_name = export.file_name
    Export.objects.filter(pk=export.pk).delete()
    storage = _storage()
    if file_name:
        storage.delete(file_name)
    _sweep(storage, export.pk)


def due_exports(*, at: datetime) -> QuerySet[Export]:
    """Exports that a worker may claim now: waiting ones, and those whose lease has ended."""
    return due_rows(Export.objects.all(), at=at)


def ring_due_exports(*, at: datetime) -> int:
    """Ring for every export that is due, in case its first bell was lost; returns how many."""
    ids = list(due_exports(at=at).order_by("asked_at", "pk").values_list("pk", flat=True))
    for export_id in ids:
        _ring(export_id)
    return len(ids)


def _standing(claim: ExportClaim) -> QuerySet[Export]:
    return claimed(Export.objects.filter(pk=claim.export.pk), claim.token)


def _storage() -> Storage:
    return storages["exports"]


def _folder(storage: Storage) -> Path:
    """Where parts are written: beside the files, so that one becomes a file by its name alone."""
    if not isinstance(storage, FileSystemStorage):
        return Path(tempfile.gettempdir())
    folder = Path(storage.location)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _part(storage: Storage, claim: ExportClaim) -> "tempfile._TemporaryFileWrapper[bytes]":
    return tempfile.NamedTemporaryFile(
        dir=_folder(storage), prefix=f"{claim.export.pk}-", suffix=PART, delete=False
    )


def _sweep(storage: Storage, export_id: uuid.UUID) -> None:
    """Remove the parts of an export that workers left behind here as they died."""
    for part in _folder(storage).glob(f"{export_id}-*{PART}"):
        part.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Built(File):  # type: ignore[type-arg]
    """A file that a storage on the same disk takes by renaming it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def _ring(export_id: uuid.UUID) -> None:
    # The task imports this module for its work.
    from leaderboards.tasks import build_export as bell

    ring(bell, str(export_id))
