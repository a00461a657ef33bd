"""`hustings import_comparisons FILE --study SLUG`: brings comparisons in from a file."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from hustings.management.command import HustingsCommand, count_of, progress_bar, study_named
from raters.imports.archive import opened_archive
from raters.imports.comparisons import ImportReport, import_comparisons
from raters.imports.design import Design, restore_design
from raters.imports.formats import FORMATS
from studies.census import read_electorate
from studies.models import Electorate, Study
from studies.services import create_electorate, ensure_shipped_electorate, give_electorate

RELEASED: Final = (
    "It is a public release, which does not tell every rater's groups: boards speak for its "
    "raters, not for the electorate."
)


@dataclass(frozen=True)
class Source:
    """What is imported: a file of comparisons, and what an export's archive has besides."""

    comparisons: Path
    raters: Path | None
    design: Design | None = None


class Command(HustingsCommand):
    """Import comparisons; all of a file, or nothing of it."""

    help = (
        "Import comparisons from a CSV, JSONL or Parquet file with the columns rater, model_a, "
        "model_b, outcome (a, b or tie) and optionally dimension, battle, created_at, "
        "conversation; from an export's ZIP; or from files of LMArena, MT-bench, PRISM or WMT. "
        "Running it again adds only what is new."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument(
            "--raters", type=Path, metavar="FILE", help="rater, and one column for each axis"
        )
        parser.add_argument(
            "--electorate",
            metavar="FILE",
            help="axis, group, share, source (or one column for each axis, share, source); "
            "or the slug of an electorate, such as us-2023",
        )
        parser.add_argument(
            "--create",
            action="store_true",
            help="create the study, contestants and dimensions that are not there",
        )
        parser.add_argument(
            "--format", choices=list(FORMATS), default="", help="default: what the file looks like"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check and report, write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        now = timezone.now()
        for given in filter(None, (path, options["raters"])):
            if not given.is_file():
                raise CommandError(f"{given}: there is no such file")
        with (
            _source(path, options["raters"]) as source,
            transaction.atomic(),
            progress_bar(source.comparisons) as bar,
        ):
            study = _study(options["study"], source.design, may_create=options["create"])
            if source.design is not None and options["create"]:
                restore_design(study, source.design, at=now)
            if options["electorate"]:
                electorate = _electorate(options["electorate"], study.slug)
                give_electorate(study, electorate, at=now)
            report = import_comparisons(
                study,
                source.comparisons,
                raters=source.raters,
                may_create=options["create"],
                form=options["format"],
                at=now,
                on_progress=bar.update,
            )
            transaction.set_rollback(options["dry_run"])
        self.stdout.write(_summary(report, study.slug, dry_run=options["dry_run"]))
        if source.design is not None and source.design.is_release:
            self.stdout.write(RELEASED)


@contextmanager
def _source(path: Path, raters: Path | None) -> Iterator[Source]:
    """What a path holds, unpacked where it is an archive."""
    if path.suffix != ".zip":
        yield Source(path, raters)
        return
    with opened_archive(path) as archive:
        yield Source(archive.comparisons, raters or archive.raters, archive.design)


def _study(slug: str, design: Design | None, *, may_create: bool) -> Study:
    if not may_create:
        return study_named(slug)
    named = {"title": slug.replace("-", " ").capitalize()} if design is None else design.study
    study, _ = Study.objects.get_or_create(
        slug=slug, defaults={**named, "state": Study.State.CLOSED}
    )
    return study


def _electorate(given: str, study_slug: str) -> Electorate:
    path = Path(given)
    if path.is_file():
        # A TOML file names its electorate; a CSV file can't, so it is named after the study.
        slug = None if ".toml" in path.suffixes else study_slug
        return create_electorate(read_electorate(path, slug=slug))
    electorate = ensure_shipped_electorate(given)
    if electorate is None:
        raise CommandError(f'"{given}" is neither a file nor the slug of an electorate')
    return electorate


def _summary(report: ImportReport, slug: str, *, dry_run: bool) -> str:
    would = "would be added" if dry_run else "added"
    left_out = f", {report.left_out:,} left out as excluded" if report.left_out else ""
    if not report.verdicts:
        return f"{slug}: {count_of(report.rows, 'row')} read{left_out}, nothing new."
    known = f", {report.known:,} known already" if report.known else ""
    return (
        f"{slug}: {count_of(report.rows, 'row')} read{left_out}{known}; {would}: "
        f"{count_of(report.verdicts, 'verdict')} in {count_of(report.battles, 'battle')}, "
        f"{count_of(report.raters, 'rater')}, {count_of(report.contestants, 'contestant')}, "
        f"{count_of(report.dimensions, 'dimension')}."
    )
