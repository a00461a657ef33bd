"""Several chat models on one case: how their findings become one (Verga et al. 2024, PoLL,
arXiv 2404.18796)."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from raters.judging.findings import Finding, Outcome, Sample, majority


@dataclass(frozen=True)
class JuryFinding:
    """The jury's finding, and how its members voted; `abstained` of them did not."""

    finding: Finding
    votes_a: int
    votes_tie: int
    votes_b: int
    abstained: int

    @property
    def dissent(self) -> int:
        """How many voted for something else than what the jury found."""
        votes = {"a": self.votes_a, "tie": self.votes_tie, "b": self.votes_b}
        return sum(n for outcome, n in votes.items() if outcome != self.finding.outcome)


def combine_jury(findings: Mapping[str, Finding]) -> JuryFinding:
    """One finding of several judges' on the same case and dimension, by what a judge is called.

    The most frequent outcome wins, and a tie of votes is a tie. Certainty is the share of the
    votes that agree with the finding: 0 for a tie that nobody voted for. Scores are means over
    those who gave any. ValueError without findings, or with some of another dimension.
    """
    dimensions = {finding.dimension for finding in findings.values()}
    if len(dimensions) != 1:
        raise ValueError("a jury finds on one dimension at a time")
    votes: list[Outcome] = [f.outcome for f in findings.values() if f.outcome is not None]
    outcome = majority(votes)
    finding = Finding(
        dimensions.pop(),
        outcome,
        certainty=votes.count(outcome) / len(votes) if outcome else None,
        score_a=_mean([finding.score_a for finding in findings.values()]),
        score_b=_mean([finding.score_b for finding in findings.values()]),
        reason="\n".join(f"{judge}: {f.reason}" for judge, f in findings.items() if f.reason),
        samples=tuple(
            Sample(
                f"judge:{judge}",
                reason=finding.reason,
                outcome=finding.outcome,
                certainty=finding.certainty,
                probabilities=finding.probabilities,
            )
            for judge, finding in findings.items()
        ),
    )
    return JuryFinding(
        finding,
        votes_a=votes.count("a"),
        votes_tie=votes.count("tie"),
        votes_b=votes.count("b"),
        abstained=len(findings) - len(votes),
    )


def _mean(scores: list[float | None]) -> float | None:
    given = [score for score in scores if score is not None]
    return fmean(given) if given else None
