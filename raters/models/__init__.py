"""Models of the raters app, by topic."""

from raters.models.battles import Battle, Outcome, Rating, Reply, Turn, Verdict
from raters.models.checks import Exclusion
from raters.models.panel import Participation, Rater

__all__ = [
    "Battle",
    "Exclusion",
    "Outcome",
    "Participation",
    "Rater",
    "Rating",
    "Reply",
    "Turn",
    "Verdict",
]
