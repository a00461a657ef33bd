"""What a judge found, and how it adds up from what each call said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

from raters.judging.cases import Side

Outcome = Literal["a", "tie", "b"]
Order = Literal["ab", "ba"]
Probabilities = tuple[float, float, float]

MIRRORED: Final[dict[Outcome, Outcome]] = {"a": "b", "tie": "tie", "b": "a"}
# Means of the same scores in another order differ by less.
ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Sample:
    """What one call said on one dimension, in terms of the sides whatever it was shown as.

    Of a call that compared: `order`, `outcome` (None if it abstained), perhaps the stated
    certainty, `probabilities` of a, tie and b, and the `places` in which it ranked a, b and the
    others. Of one that scored: `side` and `score`.
    """

    key: str
    reason: str = ""
    order: Order | None = None
    outcome: Outcome | None = None
    certainty: float | None = None
    probabilities: Probabilities | None = None
    places: tuple[int, ...] = ()
    side: Side | None = None
    score: float | None = None


@dataclass(frozen=True)
class Finding:
    """What a judge found on one dimension; `samples` are what it is made of.

    `outcome` is None if the judge abstained, or if there is one side only. `certainty` (0–1) is
    what the judge stated, a mean over samples. Scores are from 1 to 5. `orders_agree` is None
    where the sides were not shown in both orders. `probabilities` are of a, tie and b, from
    log-probabilities, and None where a sample has none.
    """

    dimension: str
    outcome: Outcome | None
    certainty: float | None = None
    score_a: float | None = None
    score_b: float | None = None
    reason: str = ""
    orders_agree: bool | None = None
    probabilities: Probabilities | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def is_abstention(self) -> bool:
        """Whether nothing was found: neither who is better nor how good one is."""
        return self.outcome is None and self.score_a is None and self.score_b is None


def majority(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The most frequent outcome; a tie of votes is a tie, and no vote is None."""
    counts = {outcome: outcomes.count(outcome) for outcome in MIRRORED}
    leaders = [outcome for outcome in MIRRORED if counts[outcome] == max(counts.values())]
    if not outcomes:
        return None
    return leaders[0] if len(leaders) == 1 else "tie"


def find_by_comparing(dimension: str, samples: Sequence[Sample]) -> Finding:
    """The finding of samples that compare the sides.

    Within an order the majority counts. Between orders only agreement does: if they disagree it
    is a tie, and if one of them abstains the finding does (Zheng et al. 2023, arXiv 2306.05685,
    section 3.4, take a win only if it holds in both orders).
    """
    orders = sorted({sample.order for sample in samples if sample.order})
    by_order = [
        majority([s.outcome for s in samples if s.order == order and s.outcome]) for order in orders
    ]
    orders_agree = len(set(by_order)) == 1
    outcome: Outcome | None = by_order[0]
    if not orders_agree:
        outcome = None if None in by_order else "tie"
    spoken = [sample for sample in samples if sample.outcome is not None]
    certainties = [sample.certainty for sample in spoken if sample.certainty is not None]
    return Finding(
        dimension,
        outcome,
        certainty=fmean(certainties) if certainties and outcome else None,
        reason=_reason_for(outcome if orders_agree else None, samples),
        orders_agree=orders_agree if len(orders) == 2 else None,
        probabilities=_mean_probabilities(spoken) if outcome else None,
        samples=tuple(samples),
    )


def find_by_scores(dimension: str, samples: Sequence[Sample], *, margin: float) -> Finding:
    """The finding of samples that score the sides one by one: the higher mean wins.

    A difference of at most `margin` is a tie. A side that no sample scores has no score, and
    then there is no outcome.
    """
    score_a, score_b = _mean_score(samples, "a"), _mean_score(samples, "b")
    outcome: Outcome | None = None
    if score_a is not None and score_b is not None:
        difference = score_a - score_b
        outcome = "a" if difference > 0 else "b"
        if abs(difference) <= margin + ROUNDING:
            outcome = "tie"
    reasons = {s.side: s.reason for s in reversed(samples) if s.side and s.reason}
    return Finding(
        dimension,
        outcome,
        score_a=score_a,
        score_b=score_b,
        reason="\n".join(f"{side.upper()}: {reasons[side]}" for side in sorted(reasons)),
        samples=tuple(samples),
    )


def mirrored(finding: Finding) -> Finding:
    """The same finding with the sides exchanged, without its samples and its reason."""
    return replace(
        finding,
        outcome=None if finding.outcome is None else MIRRORED[finding.outcome],
        score_a=finding.score_b,
        score_b=finding.score_a,
        probabilities=finding.probabilities and finding.probabilities[::-1],
        reason="",
        samples=(),
    )


def _reason_for(outcome: Outcome | None, samples: Sequence[Sample]) -> str:
    """Why: the first reason for an outcome that the orders share, or the first of each order.

    Judges speak of the first and the second, so it is said which of the two came first.
    """
    first_of_each = {sample.order: sample for sample in reversed(samples)}
    said = [s for s in samples if outcome and s.outcome == outcome][:1]
    said = said or [first_of_each[order] for order in sorted(first_of_each, key=str)]
    return "\n".join(f"{'A' if s.order == 'ab' else 'B'} shown first: {s.reason}" for s in said)


def _mean_score(samples: Sequence[Sample], side: Side) -> float | None:
    scores = [s.score for s in samples if s.side == side and s.score is not None]
    return fmean(scores) if scores else None


def _mean_probabilities(samples: Sequence[Sample]) -> Probabilities | None:
    """The mean of all samples; None if one has none, which would give an order more weight."""
    given = [sample.probabilities for sample in samples if sample.probabilities is not None]
    if not given or len(given) != len(samples):
        return None
    a, tie, b = (fmean(column) for column in zip(*given, strict=True))
    return a, tie, b
