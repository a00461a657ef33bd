"""Whether people's battles go further where judges have said what they know: a simulation."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from leaderboards.comparison.items import Items, Judged
from leaderboards.comparison.routing import know_with_judges, pair_steer
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.gain import knowledge_of
from leaderboards.ranking.outcomes import OUTCOMES, FloatArray, IntArray
from leaderboards.ranking.policies import Policy, QueueState, propose, steer_by
from leaderboards.ranking.simulation import by_davidson, kendall_tau

CONTESTANTS: Final = 30
BATTLES: Final = 640
BATCH: Final = 40
# A newer report every so many batches.
REPORT_EVERY: Final = 2
SKILL_SD: Final = 0.8
# Part of the contestants between whom the judge can tell; of all other pairs it draws a side.
KNOWN: Final = 0.6
SHARPNESS: Final = 2.0
JUDGED_EACH: Final = 6

draw_outcomes = by_davidson(0.5)


@dataclass(frozen=True)
class RoutingResult:
    """Kendall's τ with the truth, the mean over `studies`, as people's `battles` come in.

    By people's verdicts alone, and with the judge's ranking beside them; under `routed` and under
    `gain`. `ratio` is how many battles `routed` needs for the τ by people alone that `gain` has
    at the end, by how many `gain` had, and `ratio_with_judges` the same of the other; None if it
    never gets there.
    """

    studies: int
    battles: tuple[int, ...]
    gain: tuple[float, ...]
    routed: tuple[float, ...]
    gain_with_judges: tuple[float, ...]
    routed_with_judges: tuple[float, ...]
    ratio: float | None
    ratio_with_judges: float | None


@dataclass
class _Study:
    """Contestants of known skill, a judge's verdicts, and people's battles as they come in."""

    skill: FloatArray
    is_known: "np.ndarray[tuple[int], np.dtype[np.bool_]]"
    rng: np.random.Generator
    a: IntArray
    b: IntArray
    outcome: IntArray
    said: IntArray

    @classmethod
    def drawn(cls, seed: int, contestants: int) -> "_Study":
        """A study whose conversations of every pair have been judged, and by nobody else."""
        rng = np.random.default_rng(seed)
        skill = rng.normal(0, SKILL_SD, contestants)
        is_known = rng.permutation(contestants) < KNOWN * contestants
        sides = np.triu_indices(contestants, 1)
        a, b = (np.repeat(side, JUDGED_EACH) for side in sides)
        study = cls(skill, is_known, rng, a, b, np.zeros(0, np.int64), np.zeros(0, np.int64))
        study.said = study.judge(a, b)
        return study

    def judge(self, a: IntArray, b: IntArray) -> IntArray:
        """What the judge says of conversations of a and b."""
        ahead = SHARPNESS * (self.skill[a] - self.skill[b])
        return draw_outcomes(np.where(self.is_known[a] & self.is_known[b], ahead, 0.0), self.rng)

    def play(self, a: IntArray, b: IntArray) -> None:
        """Let people, and then the judge, compare new conversations of a and b."""
        new = draw_outcomes(self.skill[a] - self.skill[b], self.rng).astype(np.int64)
        # People's stand before those that only the judge has seen.
        at = len(self.outcome)
        self.a, self.b = np.insert(self.a, at, a), np.insert(self.b, at, b)
        self.said = np.insert(self.said, at, self.judge(a, b))
        self.outcome = np.concatenate([self.outcome, new])

    @property
    def items(self) -> Items:
        return Items.of([f"{k:02}" for k in range(len(self.skill))], self.a, self.b)

    @property
    def judged(self) -> Judged:
        return Judged.of(np.arange(len(self.a)), self.said)

    @property
    def votes(self) -> FloatArray:
        """People's votes on each item, (N, 3)."""
        counts = np.zeros((len(self.a), len(OUTCOMES)))
        counts[np.arange(len(self.outcome)), self.outcome] = 1
        return counts

    @property
    def counts(self) -> FloatArray:
        """People's votes by pair, (K, K, 3)."""
        size, n = len(self.skill), len(self.outcome)
        counts = np.zeros((size, size, len(OUTCOMES)))
        np.add.at(counts, (self.a[:n], self.b[:n], self.outcome), 1)
        return counts


def run(n: int = 40) -> RoutingResult:
    """Play `n` studies under both policies."""
    return play_studies(n)


def play_studies(
    n: int, *, contestants: int = CONTESTANTS, battles: int = BATTLES
) -> RoutingResult:
    """Play `n` studies, the same under both policies, of so many contestants and battles."""
    found = {
        policy: np.mean(
            [_play(_Study.drawn(seed, contestants), policy, battles) for seed in range(n)], axis=0
        )
        for policy in (Policy.GAIN, Policy.ROUTED)
    }
    at = tuple(range(BATCH * REPORT_EVERY, battles + 1, BATCH * REPORT_EVERY))
    gain, routed = found[Policy.GAIN], found[Policy.ROUTED]
    return RoutingResult(
        n,
        at,
        gain=tuple(gain[:, 0].tolist()),
        routed=tuple(routed[:, 0].tolist()),
        gain_with_judges=tuple(gain[:, 1].tolist()),
        routed_with_judges=tuple(routed[:, 1].tolist()),
        ratio=_ratio(routed[:, 0], gain[:, 0]),
        ratio_with_judges=_ratio(routed[:, 1], gain[:, 1]),
    )


def _ratio(routed: FloatArray, gain: FloatArray) -> float | None:
    """When `routed` is where `gain` ends, as a part of all battles; straight between reports."""
    after = np.flatnonzero(routed >= gain[-1])
    if not len(after) or after[0] == 0:
        return None
    last, first = routed[after[0] - 1], routed[after[0]]
    return float((after[0] + (gain[-1] - last) / (first - last)) / len(gain))


def _play(study: _Study, policy: Policy, battles: int) -> list[tuple[float, float]]:
    """τ by people alone, and with the judge beside them, at every report."""
    steer = None
    found = []
    for batch in range(1, battles // BATCH + 1):
        known = knowledge_of(fit_davidson(study.counts, require_connected=False))
        met = study.counts.sum(axis=-1)
        today = met.sum(axis=0) + met.sum(axis=1)
        state = QueueState.of(known, met=met, today=today, steer=steer)
        pairs = propose(state, policy, count=BATCH, seed=batch)
        study.play(*np.array([(pair.a, pair.b) for pair in pairs]).T)
        if batch % REPORT_EVERY == 0:
            items, votes, judged = study.items, study.votes, study.judged
            alone = fit_davidson(study.counts, require_connected=False).skill
            beside = know_with_judges(items, votes, [judged]).skill
            near_alone, near = (float(kendall_tau(each, study.skill)) for each in (alone, beside))
            found.append((near_alone, near))
            if policy is Policy.ROUTED:
                steer = steer_by(pair_steer(items, votes, [judged]))
    return found
