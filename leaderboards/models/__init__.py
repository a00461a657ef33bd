"""Models of the leaderboards app, by topic."""

from leaderboards.models.boards import Board, BoardRow, BoardSection, BoardWithdrawal
from leaderboards.models.tournaments import Fold, Standing, Tournament

__all__ = [
    "Board",
    "BoardRow",
    "BoardSection",
    "BoardWithdrawal",
    "Fold",
    "Standing",
    "Tournament",
]
