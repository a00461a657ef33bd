"""Models of the leaderboards app, by topic."""

from leaderboards.models.boards import Board, BoardRow, BoardSection, BoardWithdrawal
from leaderboards.models.exports import Export
from leaderboards.models.reports import Report
from leaderboards.models.tournaments import Fold, Outlook, Standing, Tournament

__all__ = [
    "Board",
    "BoardRow",
    "BoardSection",
    "BoardWithdrawal",
    "Export",
    "Fold",
    "Outlook",
    "Report",
    "Standing",
    "Tournament",
]
