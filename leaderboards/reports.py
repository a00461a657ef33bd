"""What reports there are: each kind, and the function that computes it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from django.utils.module_loading import import_string

from studies.models import Study

Json = dict[str, Any]
# Given the study, the report's subject and the time, what a report says, as JSON. A HustingsError,
# such as BoardError or RankingError, says to a person why there is none.
Compute = Callable[[Study, str, datetime], Json]

# By name, for what computes a report is slow to load, and asks for other reports.
KINDS: Final[Mapping[str, str]] = {}


def compute_of(kind: str) -> Compute:
    """The function that computes a kind of report; KeyError for a kind that there is not."""
    return cast("Compute", import_string(KINDS[kind]))
