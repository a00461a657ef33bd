"""How long a rater's place is kept, as her pages tell it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from django.utils.translation import ngettext

from raters.models import Participation

MINUTE: Final = 60
WARNED_BEFORE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PlacePage:
    """A place that is kept for `left_s` seconds more; she is warned `warned_s` before the end.

    WCAG 2.2, criterion 2.2.1, wants twenty seconds of warning: half of the shortest time that a
    study can give are thirty.
    """

    left_s: int
    warned_s: int

    @property
    def minutes(self) -> int:
        """For how many minutes more it is kept, the one under way among them."""
        return max(1, ceil(self.left_s / MINUTE))

    @property
    def words(self) -> str:
        """For how long it is kept, as she is told from the start."""
        words = ngettext(
            "Your place is kept for %(n)d minute, and longer with each thing you do.",
            "Your place is kept for %(n)d minutes, and longer with each thing you do.",
            self.minutes,
        )
        return words % {"n": self.minutes}

    @property
    def warning(self) -> str:
        """What she is told in time."""
        minutes = ceil(self.warned_s / MINUTE)
        words = ngettext(
            "Your place goes back in less than %(n)d minute. Go on, or say that you are still "
            "here.",
            "Your place goes back in less than %(n)d minutes. Go on, or say that you are still "
            "here.",
            minutes,
        )
        return words % {"n": minutes}

    def as_data(self) -> dict[str, object]:
        """The same for the script."""
        return {"left_s": self.left_s, "words": self.words}


def read_place(participation: Participation, *, at: datetime) -> PlacePage | None:
    """The place as it is kept now; None for who has none, or whose place is kept no more."""
    if participation.kept_until is None:
        return None
    left = participation.kept_until - at
    half = timedelta(minutes=participation.study.reservation_minutes) / 2
    return PlacePage(
        left_s=max(0, int(left.total_seconds())),
        warned_s=int(min(WARNED_BEFORE, half).total_seconds()),
    )
