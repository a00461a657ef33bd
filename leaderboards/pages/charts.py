"""A chart as its page holds it: the table of its numbers, which a script draws. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from leaderboards.pages.words import rank_text

# Ranks are drawn with half a place of air, the first place to the right.
AIR: Final = 0.5


@dataclass(frozen=True)
class Bar:
    """A row of a chart's table, drawn from `low` to `high` with a dot at `value`.

    `cells` are what the table says of it. Without numbers it stands in the table alone; a
    doubtful one is drawn grey and hollow.
    """

    name: str
    cells: tuple[str, ...]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    is_doubtful: bool = False
    address: str = ""

    @property
    def is_drawn(self) -> bool:
        return self.value is not None


@dataclass(frozen=True)
class Chart:
    """Bars on a common axis from `start` to `end`, with an upright line at `mark`.

    `title` says what is found and `reading` how to read it. `unit` is "rank", "percent" or
    "number"; `heads` name the columns of its table, the first that of the bars' names.
    """

    key: str
    title: str
    reading: str
    unit: str
    label: str
    start: float
    end: float
    heads: tuple[str, ...]
    bars: tuple[Bar, ...]
    mark: float | None = None


@dataclass(frozen=True)
class Range:
    """An estimate with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """A row of a scatter's table: drawn as a cross of two intervals, as rows of bars are.

    `is_named` is whether its name stands beside it.
    """

    name: str
    cells: tuple[str, ...]
    across: Range
    up: Range
    is_named: bool
    is_doubtful: bool = False
    address: str = ""


@dataclass(frozen=True)
class Scatter:
    """Points by two scores, `labels` those of the axes: across, and up."""

    key: str
    title: str
    reading: str
    labels: tuple[str, str]
    heads: tuple[str, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Moment:
    """A rank interval on one board of several; a doubtful one is drawn hollow, and not joined.

    Those of one `stretch` are joined by a line.
    """

    text: str
    ranks: Range
    is_doubtful: bool
    stretch: int


@dataclass(frozen=True)
class Line:
    """A contestant over boards; None where a board does not rank it."""

    name: str
    address: str
    moments: tuple[Moment | None, ...]


@dataclass(frozen=True)
class Head:
    """A column of such a chart: a board, what is said of it, and whether the engine changed."""

    name: str
    note: str
    address: str
    is_change: bool


@dataclass(frozen=True)
class Lines:
    """Small panels, one for each contestant: its ranks among `contestants` over boards."""

    key: str
    title: str
    reading: str
    contestants: int
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Placed:
    """A rank interval by name; `is_firm` where it may be compared with others."""

    name: str
    low: int
    high: int
    is_firm: bool = True

    @property
    def words(self) -> str:
        """Its name and its interval: "Age: 55+ (2–4)"."""
        return f"{self.name} ({rank_text(self.low, self.high)})"


def apart(placed: Sequence[Placed]) -> tuple[Placed, Placed] | None:
    """The best and the worst place, where these two rank intervals do not meet."""
    firm = [each for each in placed if each.is_firm]
    if not firm:
        return None
    best = min(firm, key=lambda each: (each.high, each.low))
    worst = max(firm, key=lambda each: (each.low, each.high))
    return (best, worst) if best.high < worst.low else None


def of_ranks(
    key: str,
    title: str,
    reading: str,
    heads: tuple[str, ...],
    bars: tuple[Bar, ...],
    *,
    contestants: int,
    mark: float | None = None,
) -> Chart:
    """A chart of rank intervals among so many contestants."""
    ends = contestants + AIR, 1 - AIR
    label = _("Rank, better to the right")
    return Chart(key, title, reading, "rank", label, *ends, heads, bars, mark)
