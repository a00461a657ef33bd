"""`hustings verify_ledger FILE`: verifies a ledger from its public export alone."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from hustings.management.command import BAD_INPUT, HustingsCommand
from hustings.management.exports import read_export
from leaderboards.ledger import check_board, is_board
from studies import chain


class Command(HustingsCommand):
    """Verify a ledger; exit status 2 if an entry or a board does not fit, or can't be read."""

    help = "Recompute a ledger's chain from its export, and compare boards with what it recorded."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--boards",
            type=Path,
            nargs="+",
            default=[],
            metavar="FILE",
            help="exports of boards to compare, or folders of them",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        ledger = chain.read(read_export(path))
        self._say_chain(path, ledger)
        checked = [
            self._say_board(name, ledger, board) for name, board in _boards(options["boards"])
        ]
        if ledger.flaw or not all(checked):
            sys.exit(BAD_INPUT)

    def _say_chain(self, path: Path, ledger: chain.Chain) -> None:
        if ledger.flaw:
            self.stderr.write(f"{path.name}: NOT verified: {ledger.flaw}")
            return
        head = ledger.head
        end = "none" if head is None else f"entry {head.number} of {head.at}, digest {head.digest}"
        self.stdout.write(
            f"{path.name}: verified. Ledger of {ledger.study}: entries {len(ledger.entries)}; "
            f"head: {end}."
        )

    def _say_board(self, path: Path, ledger: chain.Chain, board: object) -> bool:
        check = check_board(board, ledger)
        for difference in check.differences:
            self.stderr.write(f"{path.name}: NOT as recorded: {difference}")
        if not check.differences:
            entry = check.entry
            said = f"as recorded in entry {entry}." if entry else "taken before the ledger began."
            self.stdout.write(f"{path.name}: {said}")
        return not check.differences


def _boards(given: Sequence[Path]) -> Iterator[tuple[Path, object]]:
    """The exports of boards among files, which have to be such, and in folders."""
    for path in given:
        if not path.is_dir():
            yield path, read_export(path)
            continue
        exports = [(each, read_export(each)) for each in sorted(path.glob("*.json*"))]
        boards = [(each, export) for each, export in exports if is_board(export)]
        if not boards:
            raise CommandError(f"{path}: no file in it is the export of a board")
        yield from boards
