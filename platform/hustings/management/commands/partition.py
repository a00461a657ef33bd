"""`hustings partition`: takes the largest tables apart into PostgreSQL's partitions."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from hustings.management.command import HustingsCommand, count_of
from raters.partitions import partition


class Command(HustingsCommand):
    """Take the tables of verdicts, ratings and replies apart."""

    help = (
        "Take the tables of verdicts, ratings and replies apart into PostgreSQL's partitions, one "
        "transaction each. Stop web processes and workers meanwhile. Again, it changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--into", type=int, default=settings.PARTITIONS, metavar="N", help="default: PARTITIONS"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["into"]:
            raise CommandError("Into how many parts? Set PARTITIONS, or say --into N.")
        for done in partition(options["into"]):
            moved = "already" if done.rows is None else f"{count_of(done.rows, 'row')} moved"
            self.stdout.write(f"{done.table}: {options['into']} parts, {moved}.")
