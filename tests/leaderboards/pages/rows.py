"""Rows of boards as tests need them, in no database."""

from typing import Any

from leaderboards.models import BoardRow
from studies.models import Contestant


def row(name: str, rank: int, low: int, high: int, **values: Any) -> BoardRow:
    """A row of a contestant with its rank interval; its score falls by one with each rank."""
    score = values.pop("score", -float(rank))
    defaults: dict[str, Any] = {
        "contestant": Contestant(pk=ord(name[0]), name=name),
        "score": score,
        "score_low": score - 0.5,
        "score_high": score + 0.5,
        "win_share": 0.5,
        "p_best": 0.0,
        "battles": 10,
        "wins": 4,
        "losses": 4,
        "ties": 2,
        "is_provisional": False,
    }
    return BoardRow(name=name, rank=rank, rank_low=low, rank_high=high, **defaults | values)


def rated(name: str, rank: int, low: int, high: int, **values: Any) -> BoardRow:
    """A row of a board of ratings, of ten of them: it has a mean, but won and lost nothing."""
    unknown = {"wins": None, "losses": None, "ties": None}
    return row(name, rank, low, high, **{"score": 6.0 - rank / 2} | unknown | values)
