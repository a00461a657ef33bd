"""Which pairs meet next: five policies behind one function, under the same rules of sampling.

The groups of a study share one plan, which is then dealt to their queues at random. A queue that
looked for its own group's close pairs would tie who judges to what is judged: in a group's
tournament each pair would have been met by another mix of raters, and neither its own order nor
the merged one would be better than under random pairs, whatever the gain.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from leaderboards.ranking.gain import BoolArray, Knowledge, after_battles, gains, look_ahead
from leaderboards.ranking.outcomes import FloatArray, IntArray

# A cap below this many equal shares would leave no choice where contestants are few.
LEAST_CAP: Final = 1.5


class Policy(StrEnum):
    """How pairs are chosen; `routed` is `gain` multiplied by what judges left to tell."""

    GAIN = "gain"
    RANDOM = "random"
    ROUND_ROBIN = "round_robin"
    SWISS = "swiss"
    ROUTED = "routed"


# Those that look ahead: each battle planned lowers what the next ones of its pair can teach.
BY_GAIN: Final = (Policy.GAIN, Policy.ROUTED)


@dataclass(frozen=True)
class SamplingRules:
    """What holds for every contestant alike, whichever the policy.

    `random_share` of the pairs of `gain` and `routed` are drawn at random. No contestant is in
    more than `cap` of a day's battles, or 1½ equal shares of them if that is more; nor is one in
    fewer than `floor` times an equal share, in whole battles, if a pair with it is allowed.
    """

    random_share: float = 0.05
    cap: float = 0.5
    floor: float = 0.2

    def __post_init__(self) -> None:
        """Refuse shares outside 0 to 1."""
        for name in ("random_share", "cap", "floor"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share, from 0 to 1.")

    def cap_among(self, contestants: int) -> float:
        """Largest share of a day's battles that one of K contestants may be in."""
        return min(1.0, max(self.cap, LEAST_CAP * 2 / contestants)) if contestants else 1.0


DEFAULT_RULES: Final = SamplingRules()


@dataclass(frozen=True)
class QueueState:
    """What pairs of K contestants are chosen from.

    `tournaments` are those that a battle teaches: of each dimension the merged ranking and every
    group's, weighed against each other, the groups' `reach` being their parts of the raters.
    `in_flight` has for each of them the battles (K, K), by side A and side B, that were given out
    and aren't in it. `met` (K, K) counts battles by side, those in flight among them, and `today`
    (K,) each contestant's battles of the day, likewise. `allowed` (K, K) says who may meet whom.
    `steer` (K, K), which see `steer_by`, is what `routed` multiplies gains by; without it that is
    `gain`.
    """

    tournaments: tuple[Knowledge, ...]
    in_flight: tuple[FloatArray, ...]
    met: FloatArray
    today: FloatArray
    allowed: BoolArray
    rules: SamplingRules = DEFAULT_RULES
    steer: FloatArray | None = None

    @classmethod
    def of(
        cls,
        *tournaments: Knowledge,
        in_flight: tuple[FloatArray, ...] | None = None,
        met: FloatArray | None = None,
        today: FloatArray | None = None,
        allowed: BoolArray | None = None,
        rules: SamplingRules = DEFAULT_RULES,
        steer: FloatArray | None = None,
    ) -> "QueueState":
        """Fill in what isn't given: nothing in flight, nothing met, every pair allowed."""
        contestants = len(tournaments[0].skill)
        nothing = np.zeros((contestants, contestants))
        return cls(
            tournaments=tournaments,
            in_flight=(nothing,) * len(tournaments) if in_flight is None else in_flight,
            met=nothing if met is None else met,
            today=nothing.sum(axis=0) if today is None else today,
            allowed=np.ones(nothing.shape, bool) if allowed is None else allowed,
            rules=rules,
            steer=steer,
        )


class Pair(NamedTuple):
    """Side A, side B, and the gain of their battle when it, or its batch, was chosen."""

    a: int
    b: int
    gain: float


def propose(state: QueueState, policy: Policy, *, count: int, seed: int) -> tuple[Pair, ...]:
    """Choose the next `count` pairs, each counted as played when the one after it is chosen.

    The same state, policy and seed give the same pairs, and ties go to the lower index. Sides
    are those that the two have shared the least evenly so far. The answer is empty if no pair is
    allowed; a cap under which no allowed pair is left gives way, since a waiting rater is worse.
    """
    allowed = np.triu(state.allowed & state.allowed.T, 1)
    if not allowed.any():
        return ()
    rng = np.random.default_rng(seed)
    prospect = look_ahead(state.tournaments, in_flight=state.in_flight)
    met, today = state.met.astype(float), state.today.astype(float)
    gain = gains(prospect)
    pairs: list[Pair] = []
    for _ in range(count):
        if pairs and policy in BY_GAIN:
            prospect = after_battles(prospect, pairs[-1].a, pairs[-1].b)
            gain = gains(prospect)
        now = replace(state, met=met, today=today)
        score = _score(now, policy, gain, allowed, rng)
        among = _admissible(allowed, today, state.rules)
        place = int(np.where(among, score, -np.inf).argmax())
        a, b = _sides(*divmod(place, len(today)), met)
        pairs.append(Pair(a, b, float(gain[a, b])))
        met[a, b] += 1
        today[[a, b]] += 1
    return tuple(pairs)


def steer_by(worth: FloatArray) -> FloatArray:
    """Weights of pairs (K, K) in proportion to what they are worth, with a mean of 1.

    NaN where that is not known: such a pair counts as the mean of the others does. So does every
    pair if none is worth anything.
    """
    known = np.isfinite(worth) & ~np.eye(len(worth), dtype=bool)
    mean = worth[known].mean() if known.any() else 0.0
    return np.where(known, worth / mean, 1.0) if mean > 0 else np.ones(worth.shape)


def deal(count: int, shares: FloatArray, *, seed: int) -> IntArray:
    """Deal a plan's pairs to the queues of G groups, at random in proportion to shares (G,).

    Says of each of `count` pairs which queue it goes to. Raises ValueError unless the shares are
    at least 0 and not all 0.
    """
    shares = np.asarray(shares, float)
    if not (shares >= 0).all() or not shares.any():
        raise ValueError("Shares are numbers of at least 0, and not all of them 0.")
    return np.random.default_rng(seed).choice(len(shares), count, p=shares / shares.sum())


def _score(
    state: QueueState,
    policy: Policy,
    gain: FloatArray,
    allowed: BoolArray,
    rng: np.random.Generator,
) -> FloatArray:
    """How much each pair (K, K) should be next; only the part above the diagonal counts."""
    # Both are drawn whatever becomes of them, so that the stream doesn't depend on the choice.
    lot, chance = rng.random(gain.shape), rng.random()
    if policy is Policy.RANDOM:
        return lot
    if policy in BY_GAIN:
        wanted = gain if policy is Policy.GAIN or state.steer is None else gain * state.steer
        return lot if chance < state.rules.random_share else wanted
    between = state.met + state.met.T
    battles = between.sum(axis=0)
    if policy is Policy.ROUND_ROBIN:
        # The least-met pair, and of those the one whose two have had the fewest battles.
        busy = battles[:, np.newaxis] + battles
        least_met: FloatArray = -between - busy / (busy.max(initial=0) + 1)
        return least_met
    # Swiss: who has had the fewest battles meets others in proportion to their closeness in rank.
    playable = (allowed | allowed.T).any(axis=0)
    first = int(np.where(playable, battles, np.inf).argmin())
    rank = _ranks(state.tournaments)
    apart = np.abs(rank[:, np.newaxis] - rank) * (1 + between)
    apart[np.arange(len(rank)) != first] += apart.sum()
    return -np.minimum(apart, apart.T)


def _ranks(tournaments: tuple[Knowledge, ...]) -> FloatArray:
    """Rank (K,) by the weighted mean of skills; ties by index."""
    skill = sum((known.weight * known.skill for known in tournaments), np.zeros(()))
    return np.argsort(np.argsort(-skill, kind="stable")).astype(float)


def _admissible(allowed: BoolArray, today: FloatArray, rules: SamplingRules) -> BoolArray:
    """Which of the allowed pairs (K, K) cap and floor leave."""
    contestants = len(today)
    battles = today.sum() / 2
    equal = 2 / contestants
    # The first battles of a day make large shares: they count as if each had had its turn.
    capped = today + 1 > rules.cap_among(contestants) * max(battles + 1, contestants)
    among = allowed & ~(capped[:, np.newaxis] | capped)
    if not among.any():
        among = allowed
    hungry = today + 1 <= rules.floor * equal * battles
    first: BoolArray = among & (hungry[:, np.newaxis] | hungry)
    return first if first.any() else among


def _sides(i: int, j: int, met: FloatArray) -> tuple[int, int]:
    """Who of a pair is side A: as evenly as can be within the pair, then for each contestant."""
    lead = met[i, j] - met[j, i]
    if lead == 0:
        surplus = met.sum(axis=1) - met.sum(axis=0)
        lead = surplus[i] - surplus[j]
    return (j, i) if lead > 0 else (i, j)
