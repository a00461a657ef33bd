"""The queues of twelve groups that differ, and the ranking that merges them; part of `queues`."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.ranking.davidson import DavidsonFit, fit_tournaments
from leaderboards.ranking.gain import knowledge_of, knowledge_of_merged
from leaderboards.ranking.merging import Merged, composition, merge_davidson
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.policies import Pair, Policy, QueueState, propose
from leaderboards.ranking.simulation import by_davidson, count_crossings

CONTESTANTS: Final = 10
GROUPS_PER_AXIS: Final = (4, 4, 4)
HETEROGENEITY_SD: Final = 0.35
TIE_PROPENSITY: Final = 0.5
REFIT_EVERY: Final = 400
ENOUGH: Final = 0.95
# How much the merged order counts against one group's own. Twelve groups, which a battle teaches
# with less than is known of everybody already, would outweigh it: with 3, the merged order needs
# half as many battles again, and the groups' own orders are no better.
MERGED_WEIGHT: Final = 10.0


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


@dataclass(frozen=True)
class _Electorate:
    """Truth: shares (G,) on axes (G,), skills (K,) and effects (G, K) in log-odds."""

    axis: IntArray
    shares: FloatArray
    skill: FloatArray
    effect: FloatArray

    @property
    def merged(self) -> FloatArray:
        """Mean skill (K,) of the electorate."""
        mean: FloatArray = self.skill + self.shares @ self.effect
        return mean

    @property
    def own(self) -> FloatArray:
        """Mean skill (G, K) in each group, mixed on the other axes as the electorate is."""
        of_axis = np.array(
            [
                self.shares[self.axis == x] @ self.effect[self.axis == x]
                for x in range(len(GROUPS_PER_AXIS))
            ]
        )
        mean: FloatArray = self.merged + self.effect - of_axis[self.axis]
        return mean


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
    truth = _electorate(rng, skill_sd)
    groups = len(truth.axis)
    # The last tournament is everybody's.
    counts = np.zeros((groups + 1, CONTESTANTS, CONTESTANTS, 3))
    crossings = np.zeros((groups, groups))
    law, curve = by_davidson(TIE_PROPENSITY), []
    for given in range(0, battles + 1, REFIT_EVERY):
        mixed = composition(crossings)
        merged = merge_davidson(
            counts[:-1], composition=mixed, axis=truth.axis, shares=truth.shares
        )
        fits = fit_tournaments(counts)
        curve.append(_tau(merged.skill, truth.merged))
        if given == battles:
            break
        plan = _plan(policy, counts, merged, fits, seed=given)
        pairs = np.array([(pair.a, pair.b) for pair in plan])
        raters = np.stack(
            [
                rng.choice(
                    np.flatnonzero(truth.axis == x), REFIT_EVERY, p=truth.shares[truth.axis == x]
                )
                for x in range(len(GROUPS_PER_AXIS))
            ]
        )
        lead = truth.skill + truth.effect[raters].sum(axis=0)
        row = np.arange(REFIT_EVERY)
        outcome = law(lead[row, pairs[:, 0]] - lead[row, pairs[:, 1]], rng)
        for mine in (*raters, np.full(REFIT_EVERY, groups)):
            np.add.at(counts, (mine, pairs[:, 0], pairs[:, 1], outcome), 1)
        crossings += count_crossings(raters, groups=groups)
    return curve, [_tau(fit.skill, own) for fit, own in zip(fits, truth.own, strict=False)]


def _electorate(rng: np.random.Generator, skill_sd: float) -> _Electorate:
    axis = np.repeat(np.arange(len(GROUPS_PER_AXIS)), GROUPS_PER_AXIS)
    return _Electorate(
        axis=axis,
        shares=np.concatenate([rng.dirichlet(np.full(size, 2.0)) for size in GROUPS_PER_AXIS]),
        skill=rng.normal(0, skill_sd, CONTESTANTS),
        effect=rng.normal(0, HETEROGENEITY_SD, (len(axis), CONTESTANTS)),
    )


def _plan(
    policy: Policy,
    counts: FloatArray,
    merged: Merged,
    fits: tuple[DavidsonFit, ...],
    *,
    seed: int,
) -> tuple[Pair, ...]:
    """Choose the pairs until the next refit; raters of all groups take them as they come."""
    *own, everybody = fits
    battles = counts.sum(axis=(1, 2, 3))
    reach = battles[:-1] / max(battles[-1], 1)
    met = counts[-1].sum(axis=-1)
    state = QueueState.of(
        knowledge_of_merged(merged, everybody, weight=MERGED_WEIGHT),
        *(knowledge_of(fit, reach=float(r)) for fit, r in zip(own, reach, strict=True) if r),
        met=met,
        today=met.sum(axis=0) + met.sum(axis=1),
    )
    return propose(state, policy, count=REFIT_EVERY, seed=seed)


def _tau(skill: FloatArray, truth: FloatArray) -> float:
    """Kendall's τ between two orders of K contestants."""
    i, j = np.triu_indices(len(truth), 1)
    return float(np.mean(np.sign(skill[i] - skill[j]) * np.sign(truth[i] - truth[j])))
