"""Admin pages of who answers, by topic."""

from raters.admin.battles import BattleAdmin, VerdictAdmin
from raters.admin.exclusions import ExclusionAdmin
from raters.admin.judge_runs import JudgeRunAdmin
from raters.admin.judges import JudgeAdmin
from raters.admin.panel import ParticipationAdmin, RaterAdmin
from raters.admin.strikes import SignalAdmin, StrikeAdmin

__all__ = [
    "BattleAdmin",
    "ExclusionAdmin",
    "JudgeAdmin",
    "JudgeRunAdmin",
    "ParticipationAdmin",
    "RaterAdmin",
    "SignalAdmin",
    "StrikeAdmin",
    "VerdictAdmin",
]
