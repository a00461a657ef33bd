"""What a simulated study found, held against the truth that its raters voted by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hustings.simulation import Plan, Progress
from leaderboards.models import Outlook
from leaderboards.ranking.boards import BoardParameters, Scope, Section
from leaderboards.ranking.outcomes import FloatArray
from leaderboards.services.boards import compute_sections
from leaderboards.verdicts import Frame
from raters.models import Verdict
from raters.simulation import Cells, draw_skills
from studies.models import Study

# Intervals, scores and errors are no matter of draws; only ranks are, which nobody asks for here.
PARAMETERS = BoardParameters(draws=200)


@dataclass(frozen=True)
class Accuracy:
    """How far rankings are from the truth, over all contestants of `rankings` of them.

    `error` is the mean absolute difference of skills, in log-odds, `coverage` the part of the true
    skills that lie in their 95 % intervals, and `tau` the mean of the rankings' Kendall τ.
    """

    rankings: int
    error: float
    coverage: float
    tau: float


@dataclass(frozen=True)
class DimensionReport:
    """One dimension: the ranking that speaks for all, and the groups' own.

    None where the verdicts allow no ranking, or where there are no groups.
    """

    dimension: str
    overall: Accuracy | None
    groups: Accuracy | None


@dataclass(frozen=True)
class RuleReport:
    """A stopping rule, and the battles after which it was first fulfilled; None: not yet."""

    rule: str
    battles: int | None


@dataclass(frozen=True)
class Exposure:
    """A contestant, and the share of the battles that it was in."""

    contestant: str
    share: float


@dataclass(frozen=True)
class SimulationReport:
    """What a run added (`progress`), and how the whole study stands after it."""

    study: str
    policy: str
    seed: int
    progress: Progress
    battles: int
    verdicts: int
    dimensions: tuple[DimensionReport, ...]
    rules: tuple[RuleReport, ...]
    least: Exposure | None
    most: Exposure | None


def report_on(study: Study, plan: Plan, progress: Progress) -> SimulationReport:
    """Hold a played study against the truth of the plan. NothingToRankError without a verdict."""
    frame, _given, sections = compute_sections(study, PARAMETERS)
    truth = _Truth.of(frame, plan)
    overall = next(d.key for d in frame.dimensions if d.is_overall)
    sample = _of(sections, overall, Scope.SAMPLE)[0].record
    shares = sample.battles_each / max(sample.battles, 1)
    exposures = [
        Exposure(contestant.slug, round(float(share), 4))
        for contestant, share in zip(frame.contestants, shares, strict=True)
        if contestant.withdrawn_at is None
    ]
    return SimulationReport(
        study=study.slug,
        policy=study.policy,
        seed=plan.seed,
        progress=progress,
        battles=sample.battles,
        verdicts=Verdict.objects.counting(study).count(),
        dimensions=tuple(_dimensions(frame, sections, truth)),
        rules=tuple(_rules(study)),
        least=min(exposures, key=lambda each: each.share, default=None),
        most=max(exposures, key=lambda each: each.share, default=None),
    )


@dataclass(frozen=True)
class _Truth:
    """True skills, adding up to 0: `overall` (D, K) of the electorate, `groups` (D, G, K)."""

    overall: FloatArray
    groups: FloatArray

    @classmethod
    def of(cls, frame: Frame, plan: Plan) -> "_Truth":
        """Means over cells, by their shares of the electorate, or of the group."""
        cells = Cells.of(frame.study)
        skills = draw_skills(
            cells,
            [contestant.slug for contestant in frame.contestants],
            dimensions=len(frame.dimensions),
            population=plan.population,
            seed=plan.seed,
        )
        of_cell = skills[:, cells.columns].sum(axis=2)
        inside = [(cells.columns == 1 + g).any(axis=1) for g in range(len(cells.groups))]
        weights = np.array([cells.shares, *(cells.shares * here for here in inside)])
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        means = np.einsum("tc,dck->dtk", weights, of_cell)
        means -= means.mean(axis=2, keepdims=True)
        return cls(means[:, 0], means[:, 1:])


def _dimensions(
    frame: Frame, sections: Sequence[Section], truth: _Truth
) -> Iterator[DimensionReport]:
    # Without groups the raters as they came are all there is.
    scope = Scope.ELECTORATE if frame.groups else Scope.SAMPLE
    for d, dimension in enumerate(frame.dimensions):
        overall = _of(sections, dimension.key, scope)
        groups = _of(sections, dimension.key, Scope.GROUP)
        yield DimensionReport(
            dimension.key,
            _accuracy(overall, [truth.overall[d]]),
            _accuracy(groups, list(truth.groups[d])),
        )


def _of(sections: Sequence[Section], dimension: str, scope: Scope) -> list[Section]:
    return [each for each in sections if each.dimension == dimension and each.scope is scope]


def _accuracy(sections: Sequence[Section], truths: Sequence[FloatArray]) -> Accuracy | None:
    """Of the sections that could be ranked; their truths are (K,), in the same order."""
    errors, covered, taus = [], [], []
    for section, truth in zip(sections, truths, strict=True):
        summary = section.summary
        if summary is not None:
            errors.append(np.abs(summary.mean - truth))
            covered.append((summary.low <= truth) & (truth <= summary.high))
            taus.append(kendall_tau(summary.mean, truth))
    if not taus:
        return None
    return Accuracy(
        rankings=len(taus),
        error=round(float(np.mean(errors)), 4),
        coverage=round(float(np.mean(covered)), 4),
        tau=round(float(np.mean(taus)), 4),
    )


def kendall_tau(skill: FloatArray, truth: FloatArray) -> float:
    """Kendall's τ of two orders of K contestants: pairs in the same order less others, by pairs."""
    i, j = np.triu_indices(len(skill), 1)
    return float(np.mean(np.sign(skill[i] - skill[j]) * np.sign(truth[i] - truth[j])))


def _rules(study: Study) -> Iterator[RuleReport]:
    """A rule for every group is fulfilled once its last group is."""
    for rule in study.stopping_rules.select_related("first", "second"):
        answered = list(Outlook.objects.filter(rule=rule).values_list("answered_at", flat=True))
        battles = None
        if answered and None not in answered:
            last = max(each for each in answered if each is not None)
            overall = Verdict.objects.counting(study).filter(dimension__is_overall=True)
            battles = overall.filter(recorded_at__lte=last).count()
        yield RuleReport(str(rule), battles)
