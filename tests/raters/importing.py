"""Files to be imported, and what the command says of them."""

import csv
import gzip
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from raters.models import Battle, Participation, Rater, Rating, Verdict
from studies.models import ChatModel, Contestant, Dimension, Electorate, Study

ELECTORATE = [
    ["axis", "group", "share", "source"],
    ["age", "18-34", "0.3", "a census, table 1"],
    ["age", "35+", "0.7", "a census, table 1"],
    ["sex", "Female", "0.5", "a census, table 2"],
    ["sex", "Male", "0.5", "a census, table 2"],
]
RATERS = [["rater", "age", "sex"], ["ann", "18-34", "Female"], ["bob", "35-plus", "Male"]]


def write_csv(path: Path, rows: list[list[str]]) -> Path:
    """Write rows as a CSV file, plain or gzip by its name."""
    text = StringIO()
    csv.writer(text).writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def run(path: Path, *options: str, study: str = "s") -> str:
    """What the command says of an import."""
    out = StringIO()
    call_command("import_comparisons", str(path), "--study", study, *options, stdout=out)
    return out.getvalue()


def everything() -> list[int]:
    """How many rows there are of all that an import writes."""
    models = (
        Study, Dimension, ChatModel, Contestant, Electorate, Rater, Participation, Battle, Verdict,
        Rating,
    )  # fmt: skip
    return [model._default_manager.count() for model in models]


def refused(path: Path, *options: str, study: str = "s") -> str:
    """The message of an import that is refused, and leaves the database as it was."""
    before = everything()
    with pytest.raises(CommandError) as error:
        run(path, *options, study=study)
    assert everything() == before
    return str(error.value)
