"""`hustings import_comparisons FILE --study SLUG`: brings comparisons or ratings in."""

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
from raters.imports.formats import FORMATS, format_of
from raters.imports.reading import TableFile
from studies.census import read_electorate
from studies.models import Electorate, Study
from studies.services import create_electorate, ensure_shipped_electorate, give_electorate

RELEASED: Final = (
    "It is a public release, which does not tell every rater's groups: boards speak for its "
    "raters, not for the electorate."
)


@dataclass(frozen=True)
class Source:
    """What is imported: a file of comparisons or ratings, and what an archive has besides."""

    answers: Path
    raters: Path | None
    design: Design | None = None


class Command(HustingsCommand):
    """Import comparisons or ratings; all of a file, or nothing of it."""

    help = (
        "Import comparisons from a CSV, JSONL or Parquet file with the columns rater, model_a, "
        "model_b, outcome (a, b or tie), or ratings from one with rater, model, score (1 to 7); "
        "both may have dimension, battle, created_at, conversation, recorded_at, is_excluded. "
        "Reads an export's ZIP as well, and comparisons from files of LMArena, MT-bench, PRISM or "
        "WMT. Running it again adds only what is new."
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
            progress_bar(source.answers) as bar,
        ):
            study = _study(
                options["study"], source, form=options["format"], may_create=options["create"]
            )
            if source.design is not None and options["create"]:
                restore_design(study, source.design, at=now)
            if options["electorate"]:
                electorate = _electorate(options["electorate"], study.slug)
                give_electorate(study, electorate, at=now)
            report = import_comparisons(
                study,
                source.answers,
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
        yield Source(archive.answers, raters or archive.raters, archive.design)


def _study(slug: str, source: Source, *, form: str, may_create: bool) -> Study:
    """The study of this slug; made, where it may be, as the archive has it or the file needs it."""
    if not may_create:
        return study_named(slug)
    if source.design is not None:
        fields = source.design.study
    else:
        protocol = format_of(TableFile(source.answers), form).kind.protocol
        fields = {"title": slug.replace("-", " ").capitalize(), "protocol": protocol}
    study, _ = Study.objects.get_or_create(
        slug=slug, defaults={**fields, "state": Study.State.CLOSED}
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
    if not report.answers:
        return f"{slug}: {count_of(report.rows, 'row')} read{left_out}, nothing new."
    known = f", {report.known:,} known already" if report.known else ""
    return (
        f"{slug}: {count_of(report.rows, 'row')} read{left_out}{known}; {would}: "
        f"{count_of(report.answers, report.kind.noun)} in {count_of(report.battles, 'battle')}, "
        f"{count_of(report.raters, 'rater')}, {count_of(report.contestants, 'contestant')}, "
        f"{count_of(report.dimensions, 'dimension')}."
    )
