"""Models of the raters app, by topic."""

from raters.models.battles import Battle, Outcome, Rating, Reply, SideStyle, Turn, Verdict
from raters.models.checks import CheckAnswer, Exclusion, Signal, Strike
from raters.models.panel import Participation, Rater

__all__ = [
    "Battle",
    "CheckAnswer",
    "Exclusion",
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
