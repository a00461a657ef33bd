"""`hustings simulate --study SLUG --raters N`: simulated raters through the real import."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from hustings.management.command import HustingsCommand, study_named
from raters.simulation import Population, simulate_raters


class Command(HustingsCommand):
    """Let simulated raters compare; only in a study that says that its raters are simulated."""

    help = "Add simulated raters, with preferences that differ by group, to a simulated study."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument("--raters", type=int, required=True, metavar="N")
        parser.add_argument("--battles", type=int, default=6, help="battles of each rater")
        parser.add_argument("--policy", choices=["random"], default="random")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *_args: Any, **options: Any) -> None:
        study = study_named(options["study"])
        if not study.is_simulated:
            raise CommandError(
                f"The study {study.slug} has real raters: simulated ones would falsify it. "
                "Tick “is simulated” in a study of its own."
            )
        report = simulate_raters(
            study,
            raters=options["raters"],
            battles_each=options["battles"],
            seed=options["seed"],
            population=Population(),
            at=timezone.now(),
        )
        self.stdout.write(
            f"{study.slug}: {report.raters:,} simulated raters, {report.battles:,} battles, "
            f"{report.verdicts:,} verdicts added."
        )
