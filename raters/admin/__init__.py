"""Admin pages of who answers, by topic."""

from raters.admin.battles import BattleAdmin, VerdictAdmin
from raters.admin.exclusions import ExclusionAdmin
from raters.admin.panel import ParticipationAdmin, RaterAdmin

__all__ = ["BattleAdmin", "ExclusionAdmin", "ParticipationAdmin", "RaterAdmin", "VerdictAdmin"]
