"""`hustings take_board --study SLUG`: publishes a snapshot."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from hustings.management.command import HustingsCommand, study_named
from leaderboards.ranking.boards import Engine
from leaderboards.services.boards import parameters_for, take_board


class Command(HustingsCommand):
    """Publish a board. Nobody can change it afterwards, only supersede or withdraw it."""

    help = "Publish a snapshot of all dimensions and groups of a study; it supersedes the last."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", required=True, metavar="SLUG")
        parser.add_argument(
            "--engine", type=Engine, choices=list(Engine), help="default: as the study's protocol"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        study = study_named(options["study"])
        parameters = parameters_for(study, options["engine"])
        board = take_board(study, parameters, at=timezone.now())
        self.stdout.write(
            f"{study.slug}: board {board.pk} taken, {board.engine}, from {board.verdicts:,} "
            f"{board.answers} of {board.raters:,} raters; input {board.input_digest}."
        )
