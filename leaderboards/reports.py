"""What reports there are: each kind, and the function that computes it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from django.utils.module_loading import import_string

from studies.models import Study

Json = dict[str, Any]
# Given the study, the report's subject and the time, what a report says, as JSON. A BoardError or a
# RankingError says to a person why there is none.
Compute = Callable[[Study, str, datetime], Json]

BOARD: Final = "board"
ROBUSTNESS: Final = "robustness"
MULTIVERSE: Final = "multiverse"
TOPICS: Final = "topics"
COMPARISON: Final = "comparison"
REPORT_CARD: Final = "report_card"
ROUTING: Final = "routing"
SCORER: Final = "scorer"
SCORING: Final = "scoring"
CRITERIA: Final = "criteria"
TUNING: Final = "tuning"
LABELS: Final = "labels"
SAFETY: Final = "safety"

# By name, for what computes a report is slow to load, and asks for other reports.
KINDS: Final[Mapping[str, str]] = {
    # A board of the study by the engine that is its subject.
    BOARD: "leaderboards.services.boards.report_board",
    # What the order on a dimension hangs on; the dimension's key.
    ROBUSTNESS: "leaderboards.services.robustness.report_robustness",
    # The order under every combination of exclusions; see `multiverse_subject`.
    MULTIVERSE: "leaderboards.services.multiverse.report_multiverse",
    # Who is good at what on a dimension; the dimension's key.
    TOPICS: "leaderboards.services.topics.report_topics",
    # A judge's run beside people on a dimension: "3:overall"; on all dimensions together: "3".
    COMPARISON: "leaderboards.machines.reports.report_comparison",
    REPORT_CARD: "leaderboards.machines.reports.report_report_card",
    # Which verdicts of judges to rely on, and whom to ask where not; see `RoutingWanted`.
    ROUTING: "leaderboards.routing.report_routing",
    # The study's own scorer, trained on a dimension (its key), or on all of them; see
    # `scorer_card.Wanted`. It may ask a chat model for embeddings.
    SCORER: "leaderboards.services.scorer_training.report_scorer",
    # A run of that scorer over battles: all of them, or "unlabelled"; see the same.
    SCORING: "leaderboards.services.scoring.report_scoring",
    # By what raters choose; see `CriteriaWanted`. It asks a chat model.
    CRITERIA: "leaderboards.services.criteria.report_criteria",
    # A judge's next version; see `TuningWanted`. It asks a chat model.
    TUNING: "leaderboards.services.tuning.report_tuning",
    # What conversations are called, and what that goes with on a dimension; its key.
    LABELS: "leaderboards.labels.report_labels",
    # Sensitive topics on a dimension, people's view beside a judge's rubric; its key.
    SAFETY: "leaderboards.safety.report_safety",
}


def compute_of(kind: str) -> Compute:
    """The function that computes a kind of report; KeyError for a kind that there is not."""
    return cast("Compute", import_string(KINDS[kind]))
