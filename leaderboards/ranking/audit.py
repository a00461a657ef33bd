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
from studies.graph import Part, connected_parts, parts_without

# What is drawn like a coin is outside this once in a thousand times.
CHANCE_Z: Final = 3.29
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
class Attendance:
    """Which of K contestants could be met when, on D days.

    `whole_days` (D, K): those on which it stood from the day's first battle to its last. What
    joined late or left early is measured by these alone. `withdrawn` (K,): who stands no more.
    """

    whole_days: BoolArray
    withdrawn: BoolArray

    @classmethod
    def of_all(cls, days: int, contestants: int) -> "Attendance":
        """Everybody stood on all days, and still does."""
        return cls(np.ones((days, contestants), bool), np.zeros(contestants, bool))


@dataclass(frozen=True)
class Exposure:
    """How often each of K contestants of V developers was met on D days.

    `battles` (K,) and its `share` (K,), the part of all battles that a contestant is in;
    `by_developer` (V,), the part that any contestant of it is in, and `by_day` (D, K), the part
    of the day's. `due` (K,) is an equal share of the battles of its whole days, and `of_equal`
    (K,) the part of it that a contestant had, NaN without any; `gini` is of these parts, 0 if all
    are equal.
    """

    battles: FloatArray
    share: FloatArray
    by_developer: FloatArray
    by_day: FloatArray
    due: FloatArray
    of_equal: FloatArray
    gini: float


@dataclass(frozen=True)
class SamplingAudit:
    """How the battles of K contestants were spread, and what holds them together.

    `side_a` (K,) is the part of its battles that a contestant was side A in, NaN without battles,
    and `pair_lead` how much oftener than the other one of a pair was side A, at most. `parts` are
    the connected parts of the contestants that still stand, by the battles among them: those
    without any each their own. `holders` are those whose withdrawal would split a part. Where one
    model at a time is met there are neither sides nor parts. `over_cap` (D, K): who was in more
    battles of a day than the cap allows.
    """

    exposure: Exposure
    side_a: FloatArray
    pair_lead: int
    parts: tuple[Part, ...]
    holders: tuple[int, ...]
    over_cap: BoolArray
    alarms: tuple[Alarm, ...]


def audit(
    met: IntArray | FloatArray,
    *,
    developer: Sequence[int] | IntArray,
    rules: SamplingRules = DEFAULT_RULES,
    attendance: Attendance | None = None,
) -> SamplingAudit:
    """Audit battles counted by day, side A and side B, (D, K, K), and each one's developer (K,).

    A developer's index is 0 … V − 1, and `rules` are what the queue was filled under. Without
    `attendance` all stood on all days. Raises ValueError if a contestant meets itself, or if the
    shapes don't agree.
    """
    met = np.asarray(met, float)
    owner = np.asarray(developer, int)
    if met.ndim != 3 or met.shape[1:] != (len(owner), len(owner)):
        raise ValueError(f"Battles are (days, {len(owner)}, {len(owner)}), not {met.shape}.")
    if np.einsum("dii->di", met).any():
        raise ValueError("A contestant meets itself.")
    stood = attendance or Attendance.of_all(len(met), len(owner))
    total, a_day = met.sum(axis=0), met.sum(axis=(1, 2))
    as_a, as_b = total.sum(axis=1), total.sum(axis=0)
    each_day = met.sum(axis=2) + met.sum(axis=1)
    of = _owned(owner)
    # A duel of two contestants of one developer counts once.
    either = of[:, :, np.newaxis] | of[:, np.newaxis]
    exposure = _exposure(each_day, a_day, stood, (either * total).sum(axis=(1, 2)), seats=2)
    standing = np.flatnonzero(~stood.withdrawn).tolist()
    parts, holders = graph_parts(total, standing), cut_contestants(total, standing)
    over_cap = _over_cap(each_day, a_day, stood, rules)
    alarms = [
        Alarm(Concern.OVER_CAP, _where(over_cap.sum(axis=0) > 0)),
        Alarm(Concern.ONE_SIDED, _one_sided(as_a, as_b)),
        Alarm(Concern.DISCONNECTED, sum(parts[1:], ())),
        Alarm(Concern.HOLDS_TOGETHER, holders),
    ]
    return SamplingAudit(
        exposure=exposure,
        side_a=np.divide(as_a, as_a + as_b, where=as_a + as_b > 0, out=np.full(len(owner), np.nan)),
        pair_lead=int(np.abs(total - total.T).max(initial=0)),
        parts=parts,
        holders=holders,
        over_cap=over_cap,
        alarms=(*_named(alarms), *_alarms_of(exposure, stood, rules)),
    )


def audit_single(
    met: IntArray | FloatArray,
    *,
    developer: Sequence[int] | IntArray,
    rules: SamplingRules = DEFAULT_RULES,
    attendance: Attendance | None = None,
) -> SamplingAudit:
    """Audit battles with one contestant each, counted by day and contestant, (D, K).

    As `audit` otherwise; no cap holds, since the least-met contestant always comes next.
    """
    each_day = np.asarray(met, float)
    owner = np.asarray(developer, int)
    if each_day.ndim != 2 or each_day.shape[1] != len(owner):
        raise ValueError(f"Battles are (days, {len(owner)}), not {each_day.shape}.")
    stood = attendance or Attendance.of_all(len(each_day), len(owner))
    of = _owned(owner) @ each_day.sum(axis=0)
    exposure = _exposure(each_day, each_day.sum(axis=1), stood, of, seats=1)
    return SamplingAudit(
        exposure=exposure,
        side_a=np.full(len(owner), np.nan),
        pair_lead=0,
        parts=(),
        holders=(),
        over_cap=np.zeros(each_day.shape, bool),
        alarms=_alarms_of(exposure, stood, rules),
    )


def gini(battles: FloatArray) -> float:
    """Gini coefficient of numbers of battles (K,): 0 if all are equal, (K − 1)/K if one has all."""
    ranked = np.sort(np.asarray(battles, float))
    if not ranked.sum():
        return 0.0
    place = 2 * np.arange(1, len(ranked) + 1) - len(ranked) - 1
    return float(place @ ranked / (len(ranked) * ranked.sum()))


def graph_parts(met: FloatArray, among: Sequence[int] | None = None) -> tuple[Part, ...]:
    """Connected parts of contestants, all K unless told, from battles (K, K)."""
    return connected_parts(range(len(met)) if among is None else among, _links(met))


def cut_contestants(met: FloatArray, among: Sequence[int] | None = None) -> tuple[int, ...]:
    """Contestants without whom some that are connected now would not be, from battles (K, K)."""
    all_of_them = range(len(met)) if among is None else among
    links = _links(met)
    return tuple(k for k in all_of_them if len(parts_without(k, all_of_them, links)) > 1)


def _owned(owner: IntArray) -> BoolArray:
    """Which contestants are each developer's, (V, K)."""
    owned: BoolArray = owner == np.arange(owner.max(initial=-1) + 1)[:, np.newaxis]
    return owned


def _links(met: FloatArray) -> list[tuple[int, int]]:
    a, b = np.nonzero(met)
    return list(zip(a.tolist(), b.tolist(), strict=True))


def _exposure(
    each_day: FloatArray,
    a_day: FloatArray,
    stood: Attendance,
    of_developers: FloatArray,
    *,
    seats: int,
) -> Exposure:
    """From battles by day and contestant (D, K), by day (D,) and by developer (V,).

    A battle has one seat or two.
    """
    battles, total = each_day.sum(axis=0), max(a_day.sum(), 1)
    contestants = (stood.whole_days | (each_day > 0)).sum(axis=1)
    equal = seats * a_day / np.maximum(contestants, 1)
    had = (each_day * stood.whole_days).sum(axis=0)
    due = equal @ stood.whole_days
    of_equal = np.divide(had, due, where=due > 0, out=np.full(len(battles), np.nan))
    return Exposure(
        battles=battles,
        share=battles / total,
        by_developer=of_developers / total,
        by_day=each_day / np.maximum(a_day, 1)[:, np.newaxis],
        due=due,
        of_equal=of_equal,
        gini=gini(of_equal[due > 0]),
    )


def _over_cap(
    each_day: FloatArray, a_day: FloatArray, stood: Attendance, rules: SamplingRules
) -> BoolArray:
    """Who was in more battles of a day than the cap allows, and than chance explains, (D, K).

    The queue keeps to the cap in the order of its plan, from which raters of several groups take.
    """
    contestants = stood.whole_days.sum(axis=1)
    cap = np.array([rules.cap_among(int(k)) for k in contestants])
    allowed = cap * np.maximum(a_day, contestants) + CHANCE_Z * np.sqrt(cap * (1 - cap) * a_day)
    over: BoolArray = each_day > allowed[:, np.newaxis]
    return over


def _one_sided(as_a: FloatArray, as_b: FloatArray) -> tuple[int, ...]:
    battles = as_a + as_b
    if battles.sum() < ENOUGH * len(battles):
        return ()
    return _where(np.abs(as_a - as_b) > CHANCE_Z * np.sqrt(battles))


def _alarms_of(exposure: Exposure, stood: Attendance, rules: SamplingRules) -> tuple[Alarm, ...]:
    """Alarms about the floor, which nobody who is withdrawn can reach any more, and the spread."""
    is_due = (exposure.due >= ENOUGH) & ~stood.withdrawn
    is_under = is_due & (exposure.of_equal < rules.floor)
    alarms = _named([Alarm(Concern.UNDER_FLOOR, _where(is_under))])
    if exposure.battles.sum() >= ENOUGH * len(exposure.battles) and exposure.gini > GINI_LIMIT:
        alarms.append(Alarm(Concern.UNEQUAL))
    return tuple(alarms)


def _named(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Those that name somebody."""
    return [alarm for alarm in alarms if alarm.contestants]


def _where(condition: BoolArray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(condition).tolist())
