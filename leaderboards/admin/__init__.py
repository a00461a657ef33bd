"""Admin pages of what verdicts add up to, by topic."""

from leaderboards.admin.boards import BoardAdmin
from leaderboards.admin.tournaments import TournamentAdmin

__all__ = ["BoardAdmin", "TournamentAdmin"]
