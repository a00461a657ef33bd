"""The queues of twelve groups that differ, and the ranking that merges them; part of `queues`."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.gain import MERGED_WEIGHT, knowledge_of_merged
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.ranking.policies import Policy, propose
from leaderboards.ranking.simulation import (
    PlayedStudy,
    by_davidson,
    draw_preferences,
    draw_raters,
    kendall_tau,
)

CONTESTANTS: Final = 10
GROUPS_PER_AXIS: Final = (4, 4, 4)
HETEROGENEITY_SD: Final = 0.35
TIE_PROPENSITY: Final = 0.5
REFIT_EVERY: Final = 400
ENOUGH: Final = 0.95


@dataclass(frozen=True)
class GroupsRow:
    """Battles until the mean τ of the merged order reaches .95, and runs that end below it.

    `ratio` is gain's number of battles by random's, None if one never got there.
    `own_tau_gain` and `own_tau_random` are the mean τ of the groups' own orders at the end, at the
    same number of battles, and `worst_own_difference` the least that any group's own τ, averaged
    over the runs, is better under gain.
    """

    ratio: float | None
    gain: float | None
    random: float | None
    never_gain: int
    never_random: int
    own_tau_gain: float
    own_tau_random: float
    worst_own_difference: float


def measure_groups(seeds: range, *, skill_sd: float, battles: int) -> GroupsRow:
    """Play each seed under gain and at random: 10 contestants, 3 axes of 4 groups, .35 apart."""
    merged, own = {}, {}
    for policy in (Policy.GAIN, Policy.RANDOM):
        runs = [_play(policy, seed, skill_sd, battles) for seed in seeds]
        merged[policy] = np.array([run[0] for run in runs])
        own[policy] = np.array([run[1] for run in runs])
    gain, random = (_first(merged[policy].mean(axis=0)) for policy in merged)
    return GroupsRow(
        ratio=gain / random if gain and random else None,
        gain=gain,
        random=random,
        never_gain=int((merged[Policy.GAIN][:, -1] < ENOUGH).sum()),
        never_random=int((merged[Policy.RANDOM][:, -1] < ENOUGH).sum()),
        own_tau_gain=float(own[Policy.GAIN].mean()),
        own_tau_random=float(own[Policy.RANDOM].mean()),
        worst_own_difference=float((own[Policy.GAIN] - own[Policy.RANDOM]).mean(axis=0).min()),
    )


def _first(tau: FloatArray) -> float | None:
    """Battles at which a curve of looks first is at .95, on the straight line between two looks."""
    reached = np.flatnonzero(tau >= ENOUGH)
    if not reached.size:
        return None
    at = reached[0]
    part = (ENOUGH - tau[at - 1]) / (tau[at] - tau[at - 1]) if at else 1.0
    return float((at - 1 + part) * REFIT_EVERY)


def _play(
    policy: Policy, seed: int, skill_sd: float, battles: int
) -> tuple[list[float], list[float]]:
    """One study: τ of the merged order at every look, and of each group's own at the end."""
    rng = np.random.default_rng(seed)
    truth = draw_preferences(
        rng,
        contestants=CONTESTANTS,
        groups_per_axis=GROUPS_PER_AXIS,
        skill_sd=skill_sd,
        heterogeneity_sd=HETEROGENEITY_SD,
    )
    study, curve = PlayedStudy(truth, by_davidson(TIE_PROPENSITY), rng), []
    for given in range(0, battles + 1, REFIT_EVERY):
        merged, fits = study.merge(), study.fit()
        curve.append(float(kendall_tau(merged.skill, truth.merged)))
        if given == battles:
            break
        overall = knowledge_of_merged(merged, fits[-1], weight=MERGED_WEIGHT)
        state = study.queue_state(overall, fits)
        plan = propose(state, policy, count=REFIT_EVERY, seed=given)
        a, b = np.array([(pair.a, pair.b) for pair in plan]).T
        study.play(a, b, draw_raters(rng, REFIT_EVERY, axis=truth.axis, shares=truth.shares))
    return curve, [
        float(kendall_tau(fit.skill, own)) for fit, own in zip(fits, truth.own, strict=False)
    ]
