"""Was sampling fair? How often each contestant was met, on which side, and what holds the graph.

Pure numbers of battles that were given out. An alarm names what it is about; it decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.gain import BoolArray
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.policies import DEFAULT_RULES, SamplingRules

# A side that is drawn like a coin is outside this once in a thousand contestants.
SIDE_Z: Final = 3.29
GINI_LIMIT: Final = 0.4
# Before this many battles for each contestant, shares are chance.
ENOUGH: Final = 10


class Concern(StrEnum):
    """What an alarm is about."""

    OVER_CAP = "over the cap of battles"
    UNDER_FLOOR = "under the floor of battles"
    UNEQUAL = "battles unequally spread"
    ONE_SIDED = "shown on one side too often"
    DISCONNECTED = "never met the others"
    HOLDS_TOGETHER = "withdrawing it would disconnect the others"


class Alarm(NamedTuple):
    """One concern, and the contestants (indices) that it names; none where it is about all."""

    concern: Concern
    contestants: tuple[int, ...] = ()


@dataclass(frozen=True)
class SamplingAudit:
    """How the battles of K contestants of V developers on D days were spread.

    `battles` (K,) and its `share` (K,), the part of all battles that a contestant is in;
    `by_developer` (V,), the part that any contestant of it is in, and `by_day` (D, K), the part
    of the day's. `gini` of the contestants' battles, 0 if all have as many. `side_a` (K,) is the
    part of its battles that a contestant was side A in, NaN without battles, and `pair_lead` how
    much oftener than the other one of a pair was side A, at most. `parts` are the connected
    parts of the graph, contestants without battles each their own, and `holders` those whose
    withdrawal would split a part.
    """

    battles: FloatArray
    share: FloatArray
    by_developer: FloatArray
    by_day: FloatArray
    gini: float
    side_a: FloatArray
    pair_lead: int
    parts: tuple[tuple[int, ...], ...]
    holders: tuple[int, ...]
    alarms: tuple[Alarm, ...]


def audit(
    met: IntArray | FloatArray,
    *,
    developer: Sequence[int] | IntArray,
    rules: SamplingRules = DEFAULT_RULES,
) -> SamplingAudit:
    """Audit battles counted by day, side A and side B, (D, K, K), and each one's developer (K,).

    A developer's index is 0 … V − 1, and `rules` are what the queue was filled under. Raises
    ValueError if a contestant meets itself, or if the shapes don't agree.
    """
    met = np.asarray(met, float)
    owner = np.asarray(developer, int)
    if met.ndim != 3 or met.shape[1:] != (len(owner), len(owner)):
        raise ValueError(f"Battles are (days, {len(owner)}, {len(owner)}), not {met.shape}.")
    if np.einsum("dii->di", met).any():
        raise ValueError("A contestant meets itself.")
    total = met.sum(axis=0)
    as_a, as_b = total.sum(axis=1), total.sum(axis=0)
    battles = as_a + as_b
    a_day = met.sum(axis=(1, 2))[:, np.newaxis]
    by_day = (met.sum(axis=2) + met.sum(axis=1)) / np.maximum(a_day, 1)
    side_a = np.divide(as_a, battles, where=battles > 0, out=np.full(len(battles), np.nan))
    parts, holders = graph_parts(total), cut_contestants(total)
    return SamplingAudit(
        battles=battles,
        share=battles / max(total.sum(), 1),
        by_developer=_by_developer(total, owner),
        by_day=by_day,
        gini=gini(battles),
        side_a=side_a,
        pair_lead=int(np.abs(total - total.T).max(initial=0)),
        parts=parts,
        holders=holders,
        alarms=tuple(_alarms(rules, battles, by_day, as_a - as_b, parts, holders)),
    )


def gini(battles: FloatArray) -> float:
    """Gini coefficient of numbers of battles (K,): 0 if all are equal, (K − 1)/K if one has all."""
    ranked = np.sort(np.asarray(battles, float))
    if not ranked.sum():
        return 0.0
    place = 2 * np.arange(1, len(ranked) + 1) - len(ranked) - 1
    return float(place @ ranked / (len(ranked) * ranked.sum()))


def graph_parts(met: FloatArray) -> tuple[tuple[int, ...], ...]:
    """Connected parts of all K contestants, from battles (K, K): largest first, then by index."""
    return _parts((met + met.T) > 0, range(len(met)))


def cut_contestants(met: FloatArray) -> tuple[int, ...]:
    """Contestants without whom some that are connected now would not be, from battles (K, K)."""
    linked = (met + met.T) > 0
    before = len(_parts(linked, range(len(met))))
    holders = []
    for gone in range(len(met)):
        others = [k for k in range(len(met)) if k != gone]
        # Alone, it was a part of its own, and takes that with it.
        expected = before - (not linked[gone].any())
        if len(_parts(linked, others)) > expected:
            holders.append(gone)
    return tuple(holders)


def _parts(linked: BoolArray, among: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    unseen, parts = set(among), []
    while unseen:
        part = reach = {min(unseen)}
        while reach:
            reach = set(np.flatnonzero(linked[sorted(reach)].any(axis=0)).tolist()) & unseen - part
            part = part | reach
        unseen -= part
        parts.append(tuple(sorted(part)))
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def _by_developer(total: FloatArray, owner: IntArray) -> FloatArray:
    """Part of all battles (V,) that a developer has a contestant in; its own duels count once."""
    of = owner == np.arange(owner.max(initial=-1) + 1)[:, np.newaxis]
    either = of[:, :, np.newaxis] | of[:, np.newaxis]
    share: FloatArray = (either * total).sum(axis=(1, 2)) / max(total.sum(), 1)
    return share


def _alarms(
    rules: SamplingRules,
    battles: FloatArray,
    by_day: FloatArray,
    lead: FloatArray,
    parts: tuple[tuple[int, ...], ...],
    holders: tuple[int, ...],
) -> list[Alarm]:
    contestants = len(battles)
    found = []
    if battles.sum() >= ENOUGH * contestants:
        cap = rules.cap_among(contestants)
        found = [
            Alarm(Concern.OVER_CAP, _where(by_day.max(axis=0, initial=0) > cap)),
            Alarm(Concern.UNDER_FLOOR, _where(battles < rules.floor * battles.mean())),
            Alarm(Concern.ONE_SIDED, _where(np.abs(lead) > SIDE_Z * np.sqrt(battles))),
        ]
    if contestants:
        found.append(Alarm(Concern.DISCONNECTED, sum(parts[1:], ())))
    found.append(Alarm(Concern.HOLDS_TOGETHER, holders))
    alarms = [alarm for alarm in found if alarm.contestants]
    if battles.sum() >= ENOUGH * contestants and gini(battles) > GINI_LIMIT:
        alarms.append(Alarm(Concern.UNEQUAL))
    return alarms


def _where(condition: BoolArray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(condition).tolist())
