"""What our commands have in common: errors, how a study is named, progress, and numbers."""

import sys
from pathlib import Path
from typing import Any, Never

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from leaderboards.errors import BoardError
from leaderboards.ranking.errors import RankingError
from raters.errors import RaterError
from studies.census import ElectorateError
from studies.errors import StudyError
from studies.models import Study

REFUSALS = (BoardError, ElectorateError, RankingError, RaterError, StudyError)
BAD_INPUT = 2


class HustingsCommand(BaseCommand):
    """A command whose refusals are one line on stderr and exit status 2."""

    # Django sets it; called from code, the error is raised instead.
    _called_from_command_line: bool

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except (*REFUSALS, CommandError) as error:
            if not self._called_from_command_line:
                raise CommandError(str(error)) from error
            self.stderr.write(f"hustings: {error}")
            sys.exit(BAD_INPUT)


def study_named(slug: str) -> Study:
    """The study of this slug, or an error that says what to do."""
    study = Study.objects.filter(slug=slug).first()
    if study is None:
        known = ", ".join(Study.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f'There is no study "{slug}"; there are: {known or "none yet"}.')
    return study


def progress_bar(path: Path) -> "tqdm[Never]":
    """A bar on a terminal, nothing elsewhere."""
    return tqdm(
        total=path.stat().st_size,
        unit="B",
        unit_scale=True,
        desc=path.name,
        disable=not sys.stderr.isatty(),
    )


def count_of(number: int, noun: str) -> str:
    """A number with its noun: "1 row", "2,000 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
