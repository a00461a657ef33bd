"""Models of the raters app, by topic."""

from raters.models.battles import Battle, Outcome, Rating, Reply, SideStyle, Turn, Verdict
from raters.models.checks import CheckAnswer, Exclusion, Signal, Strike
from raters.models.judging import (
    Judge,
    JudgeAnswer,
    JudgeLabel,
    JudgeMember,
    Judgement,
    JudgeRun,
    JudgeVerdict,
)
from raters.models.panel import Participation, Rater

__all__ = [
    "Battle",
    "CheckAnswer",
    "Exclusion",
    "Judge",
    "JudgeAnswer",
    "JudgeLabel",
    "JudgeMember",
    "JudgeRun",
    "JudgeVerdict",
    "Judgement",
    "Outcome",
    "Participation",
    "Rater",
    "Rating",
    "Reply",
    "SideStyle",
    "Signal",
    "Strike",
    "Turn",
    "Verdict",
]
