"""Studies over REST, and what all views over REST are made of."""

from studies.api.guards import OfLiveStudy, OfStudy, asker_of
from studies.api.parts import Linked, ListedFilter
from studies.api.writes import Conflict, Writes

__all__ = [
    "Conflict",
    "Linked",
    "ListedFilter",
    "OfLiveStudy",
    "OfStudy",
    "Writes",
    "asker_of",
]
