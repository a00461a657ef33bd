"""`hustings bench NAME`: runs one of the project's benchmarks and prints one JSON object."""

import dataclasses
import importlib
import inspect
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from hustings.management.command import HustingsCommand

# A module cannot be called `import`.
BENCHMARKS = {
    "kernel": "kernel",
    "boards": "boards",
    "import": "imports",
    "merge": "merge",
    "ratings": "ratings",
    "raters": "raters",
    "queue": "queues",
    "routing": "routing",
    "screens": "screens",
    "judges": "judges",
    "calibration": "calibration",
    "pages": "pages",
    "faults": "faults",
    "load": "load",
    "scale": "scale",
}


class Command(HustingsCommand):
    """Run a benchmark in a database of its own, of the configured kind."""

    help = "Run a benchmark and print its figures; they mean something only beside each other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=BENCHMARKS)
        parser.add_argument("--n", type=int, help="size: battles, rows, or raters")
        parser.add_argument("--plain", action="store_true", help="kernel: without numba")
        parser.add_argument("--data", type=Path, help="folder of real data")
        parser.add_argument("--nuts", action="store_true", help="calibration: against NUTS, too")
        parser.add_argument(
            "--outage", type=float, metavar="SECONDS", help="faults: how long a provider is down"
        )
        parser.add_argument("--json", action="store_true", help="on one line, for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        name = options["name"]
        run = importlib.import_module(f"hustings.benchmarks.{BENCHMARKS[name]}").run
        given = {
            "n": options["n"],
            "compiled": False if options["plain"] else None,
            "data": options["data"],
            "nuts": True if options["nuts"] else None,
            "outage_s": options["outage"],
        }
        chosen = {key: value for key, value in given.items() if value is not None}
        for key in chosen.keys() - inspect.signature(run).parameters.keys():
            raise CommandError(f"The benchmark {name} has no option for {key}.")
        figures = dataclasses.asdict(run(**chosen))
        self.stdout.write(json.dumps(figures, indent=None if options["json"] else 2))
