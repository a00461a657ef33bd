"""`hustings import_comparisons FILE --study SLUG`: brings comparisons in from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from hustings.management.command import HustingsCommand, count_of, progress_bar, study_named
from raters.imports.comparisons import ImportReport, import_comparisons
from studies.census import read_electorate
from studies.models import Electorate, Study
from studies.services import create_electorate, ensure_shipped_electorate, give_electorate


class Command(HustingsCommand):
    """Import comparisons; all of a file, or nothing of it."""

    help = (
        "Import comparisons from a CSV or JSONL file, plain or .gz, with the columns "
        "rater, model_a, model_b, outcome (a, b or tie) and optionally dimension, battle, "
        "created_at, conversation. Running it again adds only what is new."
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
            "--dry-run", action="store_true", help="check and report, write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        now = timezone.now()
        for given in filter(None, (path, options["raters"])):
            if not given.is_file():
                raise CommandError(f"{given}: there is no such file")
        with transaction.atomic(), progress_bar(path) as bar:
            study = _study(options["study"], may_create=options["create"])
            if options["electorate"]:
                electorate = _electorate(options["electorate"], study.slug)
                give_electorate(study, electorate, at=now)
            report = import_comparisons(
                study,
                path,
                raters=options["raters"],
                may_create=options["create"],
                at=now,
                on_progress=bar.update,
            )
            transaction.set_rollback(options["dry_run"])
        self.stdout.write(_summary(report, study.slug, dry_run=options["dry_run"]))


def _study(slug: str, *, may_create: bool) -> Study:
    if not may_create:
        return study_named(slug)
    title = slug.replace("-", " ").capitalize()
    study, _ = Study.objects.get_or_create(
        slug=slug, defaults={"title": title, "state": Study.State.CLOSED}
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
    if not report.verdicts:
        return f"{slug}: {count_of(report.rows, 'row')} read, nothing new."
    known = f", {report.known:,} known already" if report.known else ""
    return (
        f"{slug}: {count_of(report.rows, 'row')} read{known}; {would}: "
        f"{count_of(report.verdicts, 'verdict')} in {count_of(report.battles, 'battle')}, "
        f"{count_of(report.raters, 'rater')}, {count_of(report.contestants, 'contestant')}, "
        f"{count_of(report.dimensions, 'dimension')}."
    )
