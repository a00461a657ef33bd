"""`hustings export_preferences --study SLUG --licence TEXT OUT`: preferences for training."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from hustings.management.command import HustingsCommand, count_of, study_named
from leaderboards.preferences import Format, Margin, Wanted, write_preferences
from studies.replica import reading_from_replica


class Command(HustingsCommand):
    """Export what raters preferred, of those who let their words be published."""

    help = (
        "Export verdicts with their conversations for the training of reward models and by direct "
        "preference optimisation: prompt, chosen, rejected, margin, dimension. Only words that "
        "their raters released leave. Beside OUT, OUT.about.json says the licence, the study, and "
        "what was left out and why."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("out", type=Path, metavar="OUT")
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument(
            "--licence", required=True, metavar="TEXT", help="under which they are given"
        )
        parser.add_argument("--dimension", default="", metavar="KEY", help="default: all")
        parser.add_argument("--format", choices=list(Format), default=Format.JSONL)
        parser.add_argument(
            "--groups", action="store_true", help="name raters' groups where enough are alike"
        )
        parser.add_argument("--ties", action="store_true", help="mark ties, instead of none")
        parser.add_argument(
            "--margin",
            choices=list(Margin),
            default=Margin.ONE,
            help="1 for each choice, or how likely the study's scorer thought it",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["out"]
        study = study_named(options["study"])
        wanted = Wanted(
            licence=options["licence"],
            dimension=options["dimension"],
            form=Format(options["format"]),
            margin=Margin(options["margin"]),
            with_groups=options["groups"],
            with_ties=options["ties"],
        )
        # Nothing stands half-written under its name.
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("w", encoding="utf-8", newline="") as file, reading_from_replica():
                about = write_preferences(study, wanted, file, at=timezone.now())
            part.replace(path)
            beside = path.with_name(f"{path.name}.about.json")
            beside.write_text(f"{json.dumps(about, indent=2, ensure_ascii=False)}\n", "utf-8")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)
        left_out = sum(about["left_out"].values())
        self.stdout.write(
            f"{path}: {count_of(about['rows'], 'row')} by {count_of(about['raters'], 'rater')}; "
            f"{count_of(left_out, 'verdict')} left out. {beside.name} says why."
        )
