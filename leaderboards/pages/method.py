"""Reads what the method page states: the model of the board that stands, with its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.models import Board, BoardSection
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.charts import Bar, Chart
from leaderboards.pages.words import Fact, named, percent, signed
from leaderboards.ranking.boards import Engine
from studies.models import Study

# Half the width of a 95 % interval, in standard deviations.
TWO_SIDED: Final = 1.96
# Where a board keeps the parameters of its engine.
PRIORS: Final = {
    Engine.DAVIDSON: "hierarchical",
    Engine.TRUESKILL: "trueskill",
    Engine.RATINGS: "ratings",
}
PARAMETER_NAMES: Final = {
    "seed": gettext_noop("Seed of the draws"),
    "draws": gettext_noop("Draws from the posterior"),
    "skill_scale": gettext_noop("Scale of the half-normal prior of s"),
    "effect_scale": gettext_noop("Scale of the half-normal prior of every τ"),
    "side_effect_sd": gettext_noop("Prior sd of the side effect"),
    "log_tie_mean": gettext_noop("Prior mean of log ν"),
    "log_tie_sd": gettext_noop("Prior sd of log ν"),
    "mu": gettext_noop("Prior mean of a skill"),
    "sigma": gettext_noop("Prior sd of a skill"),
    "beta": gettext_noop("Sd of a performance β"),
    "draw_probability": gettext_noop("Draw probability before any battle"),
    "lowest": gettext_noop("Lowest rating"),
    "highest": gettext_noop("Highest rating"),
    "contestant_sd": gettext_noop("Prior sd of a contestant’s mean, in widths of the scale"),
    "rating_sd": gettext_noop("Prior sd of a rating, in widths of the scale"),
    "ratings": gettext_noop("Ratings that this prior is worth"),
}


@dataclass(frozen=True)
class Method:
    """The method page; `sentences` say what the numbers of this table mean.

    `is_known` is False on a board of an earlier model, which its own code version explains.
    """

    entry: PastBoard
    section: BoardSection
    dimensions: tuple[Option, ...]
    is_known: bool
    sentences: tuple[Fact, ...]
    parameters: tuple[Fact, ...]
    shifts: Chart | None

    @property
    def board(self) -> Board:
        return self.entry.board


def read_method(study: Study, entry: PastBoard, choice: Choice) -> Method:
    """Read the method page. Raises NothingToRankError for a dimension that the board lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    engine = Engine(entry.board.engine)
    groups = contents.groups(section.dimension_key)
    return Method(
        entry=entry,
        section=section,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        is_known=PRIORS[engine] in entry.board.parameters,
        sentences=SENTENCES[engine](section),
        parameters=parameters(entry.board.parameters, engine),
        shifts=chart_of_axes(section.fit, groups),
    )


def parameters(given: Mapping[str, Any], engine: Engine) -> tuple[Fact, ...]:
    """A board's parameters by name, as far as its engine reads them."""
    read = {name: given[name] for name in ("seed", "draws") if name in given}
    read |= given.get(PRIORS[engine], {})
    return tuple(Fact(named(name, PARAMETER_NAMES), _plain(value)) for name, value in read.items())


def _of_davidson(section: BoardSection) -> tuple[Fact, ...]:
    fit = section.fit
    if not fit:
        return ()
    tie, side, sd = fit["tie_propensity"], fit["side_effect"], fit["side_effect_sd"]
    low, high = (_logistic(side + sign * TWO_SIDED * sd) for sign in (-1, 1))
    none = low <= 0.5 <= high
    sentences = [
        Fact(
            _("Ties, ν = %(tie)s") % {"tie": f"{tie:.2f}"},
            _("Of the battles of two equal contestants, %(tie)s end in a tie.")
            % {"tie": percent(tie / (2 + tie))},
        ),
        Fact(
            _("Sides, %(side)s ± %(margin)s")
            % {"side": signed(side), "margin": f"{TWO_SIDED * sd:.2f}"},
            (
                _(
                    "Against an equal, whoever is shown as A wins %(low)s to %(high)s of the "
                    "battles that are not ties: that may be no advantage at all."
                )
                if none
                else _(
                    "Against an equal, whoever is shown as A wins %(low)s to %(high)s of the "
                    "battles that are not ties: this is taken out of the skills."
                )
            )
            % {"low": percent(low), "high": percent(high)},
        ),
        Fact(
            _("Contestants, s = %(skill_sd)s") % {"skill_sd": f"{fit['skill_sd']:.2f}"},
            _(
                "Of two contestants whose skills differ by s, the better one wins "
                "%(skill_sd)s of the battles that are not ties."
            )
            % {"skill_sd": percent(_logistic(fit["skill_sd"]))},
        ),
    ]
    if "effective_battles" in fit:
        sentences.append(
            Fact(
                _("Weighting"),
                _(
                    "%(battles)s battles are worth as much as %(effective_battles)s of an "
                    "electorate that had come in its true shares: what groups that came "
                    "too seldom cost in precision."
                )
                % {
                    "battles": f"{section.battles:,}",
                    "effective_battles": f"{fit['effective_battles']:,.0f}",
                },
            )
        )
    return tuple(sentences)


def _of_trueskill(section: BoardSection) -> tuple[Fact, ...]:
    if "draw_probability" not in section.fit:
        return ()
    drawn = section.fit["draw_probability"]
    ties = _("Two equal contestants tie in %(drawn)s of their battles.") % {"drawn": percent(drawn)}
    return (Fact(_("Ties"), ties),)


def _of_ratings(section: BoardSection) -> tuple[Fact, ...]:
    if "rater_sd" not in section.fit:
        return ()
    rater, within = section.fit["rater_sd"], section.fit["residual_sd"]
    return (
        Fact(
            _("Raters, ω = %(rater)s") % {"rater": f"{rater:.1f}"},
            _(
                "Two thirds of raters are within %(rater)s points of what their groups "
                "give on average: some are kind, some are strict."
            )
            % {"rater": f"{rater:.1f}"},
        ),
        Fact(
            _("Within a rater, σ = %(within)s") % {"within": f"{within:.1f}"},
            _(
                "Two thirds of a rater’s ratings are within %(within)s points of what this "
                "rater would give on average."
            )
            % {"within": f"{within:.1f}"},
        ),
    )


SENTENCES: Final = {
    Engine.DAVIDSON: _of_davidson,
    Engine.TRUESKILL: _of_trueskill,
    Engine.RATINGS: _of_ratings,
}


def chart_of_axes(
    fit: Mapping[str, float], groups: Mapping[str, Sequence[BoardSection]]
) -> Chart | None:
    """How far the groups of each axis differ; None of a model that does not say."""
    axes = {key: sections for key, sections in groups.items() if f"tau_{key}" in fit}
    if not axes:
        return None
    bars = tuple(_bar(key, sections, fit) for key, sections in axes.items())
    drawn = [bar for bar in bars if bar.value is not None and bar.high is not None]
    if not drawn:
        title = _("How far the groups of each axis differ")
    elif len(drawn) == 1:
        title = _("%(name)s moves a contestant by %(cells)s places on average") % {
            "name": drawn[0].name,
            "cells": drawn[0].cells[1],
        }
    else:
        most = max(drawn, key=lambda bar: bar.low or 0.0)
        apart = all((most.low or 0.0) > (bar.high or 0.0) for bar in drawn if bar is not most)
        title = (
            _("%(name)s moves contestants more than any other axis") % {"name": most.name}
            if apart
            else _("No axis clearly moves contestants more than every other")
        )
    return Chart(
        key="axes",
        title=title,
        reading=(
            _(
                "By how many places the rank in a group differs from the overall rank, on "
                "average over contestants and the axis’ groups: the dot is the mean over "
                "the posterior, the bar holds 95 % of it. No distance is below 0: where "
                "little is known the mean lies above it, although groups may agree."
            )
        ),
        unit="number",
        label=_("Places"),
        start=0.0,
        end=max([1.0, *(bar.high * 1.05 for bar in drawn if bar.high is not None)]),
        heads=(_("Axis"), _("95 % interval, places"), _("Mean, places"), "τ", _("Groups")),
        bars=bars,
    )


def _bar(key: str, sections: Sequence[BoardSection], fit: Mapping[str, float]) -> Bar:
    name, tau, count = sections[0].axis_name, f"{fit[f'tau_{key}']:.2f}", str(len(sections))
    mean, low, high = (fit.get(f"rank_shift_{end}{key}") for end in ("", "low_", "high_"))
    if mean is None or low is None or high is None:
        return Bar(name, ("–", "–", tau, count))
    return Bar(name, (f"{low:.1f}–{high:.1f}", f"{mean:.1f}", tau, count), mean, low, high)


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def _plain(value: object) -> str:
    if isinstance(value, float):
        return signed(value, decimals=3).rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
