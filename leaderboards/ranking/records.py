"""What a table of a board rests on, and whether that is enough for a ranking."""

from dataclasses import dataclass
from itertools import islice
from typing import Final

from leaderboards.ranking.davidson import connected_parts, provisional
from leaderboards.ranking.outcomes import FloatArray, IntArray, Tally, tally
from leaderboards.ranking.ratings import ENOUGH_RATINGS

MAX_NAMES_IN_REFUSAL: Final = 8


@dataclass(frozen=True)
class Record:
    """What a section rests on: how many battles, and how many each of K contestants was in.

    `tally` says how they ended; it is None where contestants were rated, one to a battle.
    `provisional` (K,) is whether a contestant's place rests on the prior, and `refusal` why no
    ranking can be made; it is empty where one can.
    """

    battles: int
    battles_each: FloatArray
    tally: Tally | None
    provisional: tuple[bool, ...]
    refusal: str


def record_of_battles(counts: FloatArray, contestants: tuple[str, ...]) -> Record:
    """What counts (K, K, 3) of battles allow to say of named contestants."""
    ended = tally(counts)
    return Record(
        battles=int(counts.sum()),
        battles_each=ended.battles,
        tally=ended,
        provisional=tuple(reason is not None for reason in provisional(counts)),
        refusal=_refusal(counts, contestants),
    )


def record_of_ratings(ratings: IntArray) -> Record:
    """What a number of ratings of each contestant (K,) allows to say."""
    return Record(
        battles=int(ratings.sum()),
        battles_each=ratings.astype(float),
        tally=None,
        provisional=tuple(bool(few) for few in ratings < ENOUGH_RATINGS),
        refusal="" if ratings.any() else "No ratings yet.",
    )


def _refusal(counts: FloatArray, contestants: tuple[str, ...]) -> str:
    """Why these battles allow no ranking, in words; empty where they do."""
    if not counts.any():
        return "No battles yet."
    parts = connected_parts(counts)
    if len(parts) < 2:
        return ""
    named = "; ".join(_names(part, contestants) for part in parts)
    return f"The battles fall into {len(parts)} parts that never met: {named}."


def _names(part: tuple[int, ...], contestants: tuple[str, ...]) -> str:
    names = ", ".join(contestants[k] for k in islice(part, MAX_NAMES_IN_REFUSAL))
    more = len(part) - MAX_NAMES_IN_REFUSAL
    return f"{names} and {more} more" if more > 0 else names
