"""Does the order hold if something else than merit is allowed for? One control at a time.

Each control is the same model fitted twice: Davidson's, flat over everybody, the verdicts weighted
to the electorate's mix, once without the control and once with it, so that it alone makes the
difference. Published boards are computed by another engine, with effects of groups: what stands
here is a check beside it, and no board.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leaderboards.ranking.controls_fit import ControlledFit, fit_controlled
from leaderboards.ranking.controls_weights import Electorate, capped, effective, once, raked
from leaderboards.ranking.davidson import WEAK_PRIOR, DavidsonPrior
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.uncertainty import DRAWS, HALF_WIDTH, DavidsonScore, summarise

STYLE: Final = "style"
POSITION: Final = "position"
DUPLICATES: Final = "duplicates"
CAPPED: Final = "capped"
WITHOUT_AXIS: Final = "without_axis:"

# A contestant that a control moves by more ranks than this is warned of.
WARNED_SHIFT: Final = 2


@dataclass(frozen=True)
class Covariates:
    """What may sway a rater besides merit: p covariates by key, each (N,), A's less B's.

    `is_known` (N,) is False where the replies are gone or came without text; the difference
    is 0 there. `steps` (p,) are differences that mean something to a person.
    """

    keys: tuple[str, ...]
    difference: FloatArray
    is_known: NDArray[np.bool_]
    steps: tuple[float, ...]


@dataclass(frozen=True)
class ControlInput:
    """N verdicts of one dimension on K contestants by slug, and what controls ask of them.

    `a`, `b`, `outcome` and `rater` are (N,). `style` and `cluster` (N,), of first messages that
    are nearly the same, are None where there are no texts; a cluster may be of one.
    """

    contestants: tuple[str, ...]
    a: IntArray
    b: IntArray
    outcome: IntArray
    rater: IntArray
    electorate: Electorate
    style: Covariates | None = None
    cluster: IntArray | None = None


@dataclass(frozen=True)
class Standing:
    """A contestant's rank and skill (log-odds) under one model, with 95 % intervals."""

    rank: int
    rank_low: int
    rank_high: int
    skill: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """What a covariate does, in log-odds for its step, with a 95 % interval.

    `share` is the part of the decided battles of two equals that goes to the one that has so much
    more of it. `moves` is False where no battle's sides differ in it: then nothing is known.
    """

    key: str
    log_odds: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float
    moves: bool


@dataclass(frozen=True)
class Control:
    """One control: the K standings under it, and by how many ranks each is lower than without.

    `worth` is how many verdicts of equal weight its weighted ones are. `figures` holds what it
    counted, by name. `refusal` says why it can't be computed; then there are no standings.
    """

    key: str
    standings: tuple[Standing, ...] = ()
    shifts: tuple[int, ...] = ()
    worth: float = 0.0
    effects: tuple[Effect, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""

    @property
    def widest(self) -> int:
        """By how many ranks it moves whom it moves most; 0 where it is not computed."""
        return max(map(abs, self.shifts), default=0)


@dataclass(frozen=True)
class Controls:
    """The ranking without any control, and under each; contestants (K,) by slug.

    Numbers and texts alone, so that it can go into a document as it is.
    """

    contestants: tuple[str, ...]
    verdicts: int
    worth: float
    raw: tuple[Standing, ...]
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class _Model:
    """How every ranking here is made, but for what a control changes."""

    given: ControlInput
    prior: DavidsonPrior
    seed: int
    draws: int

    def fit(
        self,
        *,
        base: FloatArray | None = None,
        electorate: Electorate | None = None,
        covariates: FloatArray | None = None,
        has_side_effect: bool = False,
    ) -> tuple[ControlledFit, float]:
        """Fit with these weights before raking; also how many verdicts the raked ones are worth."""
        given = self.given
        weight = raked(
            electorate or given.electorate, np.ones(len(given.a)) if base is None else base
        )
        worth = effective(weight)
        fit = fit_controlled(
            given.a,
            given.b,
            given.outcome,
            contestants=len(given.contestants),
            # They add up to what they are worth: intervals would be too narrow otherwise.
            weight=weight * (worth / weight.sum()),
            covariates=covariates,
            has_side_effect=has_side_effect,
            prior=self.prior,
        )
        return fit, worth

    def standings(self, fit: ControlledFit) -> tuple[Standing, ...]:
        found = summarise(
            fit.skill,
            names=self.given.contestants,
            score=DavidsonScore(fit.tie_propensity),
            seed=self.seed,
            covariance=fit.covariance,
            draws=self.draws,
        )
        columns = (found.rank, found.rank_low, found.rank_high, found.mean, found.low, found.high)
        lines = zip(*(column.tolist() for column in columns), strict=True)
        return tuple(Standing(*line) for line in lines)


def rank_under_controls(
    given: ControlInput, *, prior: DavidsonPrior = WEAK_PRIOR, seed: int = 1, draws: int = DRAWS
) -> Controls:
    """Rank verdicts without any control and under each. Raises ValueError where there are none.

    `seed` and `draws` are of the rank intervals.
    """
    if not len(given.a):
        raise ValueError("Without verdicts there is nothing to rank.")
    model = _Model(given, prior, seed, draws)
    fit, worth = model.fit()
    raw = model.standings(fit)
    found = [_style(model), _position(model), _duplicates(model), _capped(model)]
    found += [_without_axis(model, axis) for axis in given.electorate.axes]
    return Controls(
        contestants=given.contestants,
        verdicts=len(given.a),
        worth=worth,
        raw=raw,
        controls=tuple(_shifted(control, raw) for control in found),
    )


def _style(model: _Model) -> Control:
    """With what replies look like, and how fast they came, as covariates of the pair."""
    style = model.given.style
    if style is None:
        return Control(STYLE, refusal="The replies of this study are not here, only its verdicts.")
    if not style.is_known.any():
        return Control(STYLE, refusal="Of no battle are the replies of both sides known.")
    fit, worth = model.fit(covariates=style.difference)
    return Control(
        STYLE,
        model.standings(fit),
        worth=worth,
        effects=tuple(
            _effect(key, step * value, step * sd)
            for key, step, value, sd in zip(
                style.keys, style.steps, fit.effect.tolist(), fit.effect_sd.tolist(), strict=True
            )
        ),
        figures={"unknown": int((~style.is_known).sum())},
    )


def _position(model: _Model) -> Control:
    """With an advantage of side A, whoever is there."""
    fit, worth = model.fit(has_side_effect=True)
    effect = _effect("side_a", fit.side_effect, fit.side_effect_sd)
    return Control(POSITION, model.standings(fit), worth=worth, effects=(effect,))


def _duplicates(model: _Model) -> Control:
    """With each cluster of first messages that are nearly the same counted once."""
    cluster = model.given.cluster
    if cluster is None:
        return Control(
            DUPLICATES, refusal="What raters wrote in this study is not here, only its verdicts."
        )
    fit, worth = model.fit(base=once(cluster))
    _, size = np.unique(cluster, return_counts=True)
    figures = {
        "clusters": int((size > 1).sum()),
        "repeated": int(size[size > 1].sum()),
        "largest": int(size.max()),
    }
    return Control(DUPLICATES, model.standings(fit), worth=worth, figures=figures)


def _capped(model: _Model) -> Control:
    """With nobody's verdicts counted for more than those of the median rater."""
    _, each = np.unique(model.given.rater, return_counts=True)
    cap = float(np.median(each))
    fit, worth = model.fit(base=capped(model.given.rater, cap))
    figures = {"cap": cap, "raters": int((each > cap).sum()), "most": int(each.max())}
    return Control(CAPPED, model.standings(fit), worth=worth, figures=figures)


def _without_axis(model: _Model, axis: str) -> Control:
    """With the sample's own mix of an axis in place of the electorate's."""
    fit, worth = model.fit(electorate=model.given.electorate.without(axis))
    return Control(f"{WITHOUT_AXIS}{axis}", model.standings(fit), worth=worth)


def _effect(key: str, log_odds: float, sd: float) -> Effect:
    if not np.isfinite(sd):
        return Effect(key, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, moves=False)
    low, high = log_odds - HALF_WIDTH * sd, log_odds + HALF_WIDTH * sd
    share, share_low, share_high = (1 / (1 + exp(-each)) for each in (log_odds, low, high))
    return Effect(key, log_odds, low, high, share, share_low, share_high, moves=True)


def _shifted(control: Control, raw: Sequence[Standing]) -> Control:
    if not control.standings:
        return control
    pairs = zip(control.standings, raw, strict=True)
    return replace(control, shifts=tuple(here.rank - there.rank for here, there in pairs))
