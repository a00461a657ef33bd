"""`hustings import_judgements FILE --study SLUG --judge NAME`: brings in what a judge said."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from hustings.management.command import HustingsCommand, count_of, progress_bar, study_named
from raters.imports.judgements import JudgementReport, import_judgements


class Command(HustingsCommand):
    """Import judgements; all of a file, or nothing of it."""

    help = (
        "Import what a judge said of conversations that people compared, from a CSV or JSONL file, "
        "plain or .gz, with the columns conversation (or battle and rater), model_a, model_b, "
        "outcome (a, b, tie, or empty where it abstained) and optionally dimension, order (ab or "
        "ba: which was shown first; default ab), sample, certainty, p_a, p_tie, p_b, score_a, "
        "score_b, reason, cost, seconds. Running it again adds only what is new."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument(
            "--judge", required=True, metavar="NAME", help="a new one, or one imported before"
        )
        parser.add_argument(
            "--developer", default="", metavar="NAME", help="who made the judge's chat model"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check and report, write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path}: there is no such file")
        study = study_named(options["study"])
        with transaction.atomic(), progress_bar(path) as bar:
            report = import_judgements(
                study,
                path,
                judge=options["judge"],
                developer=options["developer"],
                at=timezone.now(),
                on_progress=bar.update,
            )
            transaction.set_rollback(options["dry_run"])
        self.stdout.write(_summary(report, study.slug, dry_run=options["dry_run"]))


def _summary(report: JudgementReport, slug: str, *, dry_run: bool) -> str:
    if not report.verdicts:
        return f"{slug}: {count_of(report.rows, 'row')} read, nothing new."
    judge = f"the new judge {report.judge}" if report.is_new_judge else report.judge
    return (
        f"{slug}: {count_of(report.rows, 'row')} read; "
        f"{'would be added' if dry_run else 'added'}: {count_of(report.verdicts, 'verdict')} of "
        f"{judge} on {count_of(report.conversations, 'conversation')}, "
        f"{count_of(report.abstentions, 'abstention')} among them, as run {report.run}."
    )
