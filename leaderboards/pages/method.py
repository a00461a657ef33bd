"""Reads what the method page states: the model of the board that stands, with its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import Any, Final

from leaderboards.models import Board, BoardSection
from leaderboards.pages.board import Choice, Option, PastBoard, read_contents
from leaderboards.pages.charts import Bar, Chart
from leaderboards.pages.words import Fact, percent, signed
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
    "seed": "Seed of the draws",
    "draws": "Draws from the posterior",
    "skill_scale": "Scale of the half-normal prior of s",
    "effect_scale": "Scale of the half-normal prior of every τ",
    "side_effect_sd": "Prior sd of the side effect",
    "log_tie_mean": "Prior mean of log ν",
    "log_tie_sd": "Prior sd of log ν",
    "mu": "Prior mean of a skill",
    "sigma": "Prior sd of a skill",
    "beta": "Sd of a performance β",
    "draw_probability": "Draw probability before any battle",
    "lowest": "Lowest rating",
    "highest": "Highest rating",
    "contestant_sd": "Prior sd of a contestant’s mean, in widths of the scale",
    "rating_sd": "Prior sd of a rating, in widths of the scale",
    "ratings": "Ratings that this prior is worth",
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
    return tuple(
        Fact(PARAMETER_NAMES.get(name, name.replace("_", " ").capitalize()), _plain(value))
        for name, value in read.items()
    )


def _of_davidson(section: BoardSection) -> tuple[Fact, ...]:
    fit = section.fit
    if not fit:
        return ()
    tie, side, sd = fit["tie_propensity"], fit["side_effect"], fit["side_effect_sd"]
    low, high = (_logistic(side + sign * TWO_SIDED * sd) for sign in (-1, 1))
    none = low <= 0.5 <= high
    sentences = [
        Fact(
            f"Ties, ν = {tie:.2f}",
            f"Of the battles of two equal contestants, {percent(tie / (2 + tie))} end in a tie.",
        ),
        Fact(
            f"Sides, {signed(side)} ± {TWO_SIDED * sd:.2f}",
            f"Against an equal, whoever is shown as A wins {percent(low)} to {percent(high)} of "
            "the battles that are not ties: "
            + ("that may be no advantage at all." if none else "this is taken out of the skills."),
        ),
        Fact(
            f"Contestants, s = {fit['skill_sd']:.2f}",
            "Of two contestants whose skills differ by s, the better one wins "
            f"{percent(_logistic(fit['skill_sd']))} of the battles that are not ties.",
        ),
    ]
    if "effective_battles" in fit:
        sentences.append(
            Fact(
                "Weighting",
                f"{section.battles:,} battles are worth as much as {fit['effective_battles']:,.0f} "
                "of an electorate that had come in its true shares: what groups that came too "
                "seldom cost in precision.",
            )
        )
    return tuple(sentences)


def _of_trueskill(section: BoardSection) -> tuple[Fact, ...]:
    if "draw_probability" not in section.fit:
        return ()
    drawn = section.fit["draw_probability"]
    ties = f"Two equal contestants tie in {percent(drawn)} of their battles."
    return (Fact("Ties", ties),)


def _of_ratings(section: BoardSection) -> tuple[Fact, ...]:
    if "rater_sd" not in section.fit:
        return ()
    rater, within = section.fit["rater_sd"], section.fit["residual_sd"]
    return (
        Fact(
            f"Raters, ω = {rater:.1f}",
            f"Two thirds of raters are within {rater:.1f} points of what their groups give on "
            "average: some are kind, some are strict.",
        ),
        Fact(
            f"Within a rater, σ = {within:.1f}",
            f"Two thirds of a rater’s ratings are within {within:.1f} points of what this rater "
            "would give on average.",
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
        title = "How far the groups of each axis differ"
    elif len(drawn) == 1:
        title = f"{drawn[0].name} moves a contestant by {drawn[0].cells[1]} places on average"
    else:
        most = max(drawn, key=lambda bar: bar.low or 0.0)
        apart = all((most.low or 0.0) > (bar.high or 0.0) for bar in drawn if bar is not most)
        title = (
            f"{most.name} moves contestants more than any other axis"
            if apart
            else "No axis clearly moves contestants more than every other"
        )
    return Chart(
        key="axes",
        title=title,
        reading=(
            "By how many places the rank in a group differs from the overall rank, on average "
            "over contestants and the axis’ groups: the dot is the mean over the posterior, the "
            "bar holds 95 % of it. No distance is below 0: where little is known the mean lies "
            "above it, although groups may agree."
        ),
        unit="number",
        label="Places",
        start=0.0,
        end=max([1.0, *(bar.high * 1.05 for bar in drawn if bar.high is not None)]),
        heads=("Axis", "95 % interval, places", "Mean, places", "τ", "Groups"),
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
