"""`hustings train_drift FOLDER`: trains the model that tells topic drift, from the data folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from hustings.management.command import HustingsCommand
from raters.quality import drift_model
from raters.quality.drift_training import LABELLED, ON_TOPIC, read_dialogues, train

SHIPPED = Path(drift_model.__file__).with_name(drift_model.FILE)


class Command(HustingsCommand):
    """Train on one folder; the same files always give the same model."""

    help = "Train the topic-drift model and write its file; a minute on one core."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "folder", type=Path, metavar="FOLDER", help=f"holds {LABELLED} and {ON_TOPIC}"
        )
        parser.add_argument("--to", type=Path, default=SHIPPED, help="default: the shipped file")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder, path = options["folder"], options["to"]
        try:
            labelled, on_topic = (read_dialogues(folder / name) for name in (LABELLED, ON_TOPIC))
            model = train(labelled, on_topic, self.stdout.write)
            content = drift_model.write_model(model)
            path.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror or error}") from error
        except (KeyError, ValueError) as error:
            raise CommandError(f"{folder}: it holds no dialogues to train on: {error}") from error
        self.stdout.write(f"{path}: {len(content)} bytes")
        for name, figure in model.figures.items():
            self.stdout.write(f"{name}: {figure}")
