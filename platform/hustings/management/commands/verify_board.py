"""`hustings verify_board FILE`: recomputes a board from its public export alone."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from hustings.management.command import HustingsCommand
from hustings.management.exports import read_export
from leaderboards.document import verify

MAX_DIFFERENCES = 20


class Command(HustingsCommand):
    """Verify an export; exit status 1 if it does not recompute, 2 if it cannot be read."""

    help = "Recompute a published board from its export, and compare digest and numbers."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path = options["file"]
        result = verify(read_export(path))
        if not result.differences:
            self.stdout.write(
                f"{path.name}: verified. Board {result.board} of {result.study}: "
                f"tables recomputed: {result.sections}; input {result.input_digest}."
            )
            return
        for difference in result.differences[:MAX_DIFFERENCES]:
            self.stderr.write(difference)
        more = len(result.differences) - MAX_DIFFERENCES
        if more > 0:
            self.stderr.write(f"… and {more} more")
        self.stderr.write(f"{path.name}: NOT verified, {len(result.differences)} differences.")
        sys.exit(1)
