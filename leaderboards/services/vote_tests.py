"""Looks for votes that no honest rater would give: signals for a reviewer, never strikes.

Only the overall dimension is read: what a rater says of one battle on several dimensions hangs
together, and would count one opinion several times.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import TIE
from leaderboards.ranking.predictions import predict_without_own
from leaderboards.verdicts import OUTCOME_CODE, fetched, positions
from raters.models import Verdict
from raters.quality.flaws import Flaw, FlawKind
from raters.quality.fraud import (
    LEVEL,
    FloatArray,
    IntArray,
    likelihood_test,
    sequential_test,
    without_ties,
)
from raters.services.fraud import Finding, threshold_of
from raters.services.panel import IS_KEPT
from studies.models import Study

# Fewer decided verdicts of all raters predict nobody's: who is first would be judged by the prior.
LEAST_DECIDED: Final = 100
# Simulated raters of the first look; who is among the usual half of them needs no second.
FIRST_LOOK: Final = 499
USUAL: Final = 0.1


def find_unlikely_votes(study: Study) -> Iterator[Finding]:
    """Raters whose votes look like chance rather than like the others', or are too unlikely.

    The sequential test is of everybody at any time; the likelihood test is made once, when her
    part has ended, since it is exact only for a number of votes that was fixed before.
    """
    overall = study.dimensions.filter(is_overall=True).first()
    level = threshold_of(study, FlawKind.UNLIKELY_VOTES, LEVEL)
    if study.protocol != Study.Protocol.PAIRWISE or overall is None or not level or level >= 1:
        return
    rows = (
        Verdict.objects.counting(study)
        .filter(dimension=overall)
        .order_by("recorded_at", "pk")
        .values_list(
            "battle__participation_id", "battle__side_a_id", "battle__side_b_id", OUTCOME_CODE
        )
    )
    participation, side_a, side_b, outcome = fetched(rows, width=4)
    if (outcome != TIE).sum() < LEAST_DECIDED:
        return
    contestants = list(study.contestants.order_by("pk").values_list("pk", flat=True))
    raters, rater = np.unique(participation, return_inverse=True)
    probabilities = predict_without_own(
        rater,
        positions(contestants, side_a),
        positions(contestants, side_b),
        outcome,
        contestants=len(contestants),
    )
    ended = set(study.participations.exclude(state__in=IS_KEPT).values_list("pk", flat=True))
    by_rater = np.argsort(rater, kind="stable")
    starts = np.searchsorted(rater[by_rater], np.arange(len(raters) + 1))
    for r, pk in enumerate(raters.tolist()):
        hers = by_rater[starts[r] : starts[r + 1]]
        decided = without_ties(probabilities[hers], outcome[hers])
        yield from _by_chance(pk, *decided, level)
        if pk in ended:
            yield from _too_unlikely(pk, *decided, level)


def _by_chance(
    pk: int, probabilities: FloatArray, said: IntArray, level: float
) -> Iterator[Finding]:
    found = sequential_test(probabilities, said, level=level)
    if found.flagged_at is None:
        return
    yield _finding(
        pk,
        "sequential_test",
        f"Her votes look like chance rather than like what the others say: M passed "
        f"{1 / level:,.0f} at her vote {found.flagged_at}, and came to {found.highest:,.0f}. Of "
        f"honest raters with the others' taste at most {level:.0%} ever get there.",
        {"M": found.highest, "limit": 1 / level, "votes": len(said), "vote": found.flagged_at},
    )


def _too_unlikely(
    pk: int, probabilities: FloatArray, said: IntArray, level: float
) -> Iterator[Finding]:
    if not len(said):
        return
    glance = likelihood_test(probabilities, said, seed=pk, level=level, simulations=FIRST_LOOK)
    if glance.p_value > max(USUAL, 2 * level):
        return
    found = likelihood_test(probabilities, said, seed=pk, level=level)
    if not found.is_flagged:
        return
    yield _finding(
        pk,
        "likelihood_test",
        f"Her votes are less likely than those of honest raters with the others' taste: "
        f"−2 log-likelihood {found.statistic:.1f}, where {found.expected:.1f} is expected "
        f"(p = {found.p_value:.4f}, {len(said)} votes without ties).",
        {
            "statistic": found.statistic,
            "expected": found.expected,
            "p_value": found.p_value,
            "votes": len(said),
        },
    )


def _finding(pk: int, screen: str, evidence: str, figures: dict[str, float]) -> Finding:
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    flaw = Flaw(FlawKind.UNLIKELY_VOTES, evidence, screen, is_strike=False, figures=rounded)
    return Finding(pk, f"{FlawKind.UNLIKELY_VOTES}:{screen}", flaw)
