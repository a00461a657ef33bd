"""The tables and the chart of a judge beside people who rate one model at a time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.comparison.figures import Figure
from leaderboards.comparison.rating_card import RatingGap
from leaderboards.machines.documents import RatedMachine
from leaderboards.pages.charts import Bar, Chart
from leaderboards.pages.machine_parts import (
    MOST_GAPS,
    OrderLine,
    order_lines,
    orders_title,
    scenario_name,
)
from leaderboards.pages.machine_words import UNKNOWN, Told, between, counted
from leaderboards.pages.rated_words import (
    ONE_SCALE,
    answer_of_ratings,
    card_of_ratings,
    figures_of_ratings,
    order_of_ratings,
)
from leaderboards.pages.words import MINUS, signed


@dataclass(frozen=True)
class RatedGapLine:
    """A scenario's gap in points of people's scale; `query` finds its conversations."""

    scenario: str
    people: str
    judge: str
    gap: str
    interval: str
    beyond: str
    items: int
    ratings: int
    is_found: bool
    query: str


@dataclass(frozen=True)
class RatedComparison:
    """A judge's scores beside people's ratings on one dimension, in words, tables and a chart."""

    machine: RatedMachine
    answer: str
    order: str
    orders: tuple[OrderLine, ...]
    orders_title: str
    chart: Chart | None
    figures: tuple[Told, ...]
    gaps: tuple[RatedGapLine, ...]
    gaps_title: str
    one_scale: str
    is_of_ratings: bool = True


@dataclass(frozen=True)
class RatedCard:
    """A judge's report card, over all dimensions together."""

    machine: RatedMachine
    figures: tuple[Told, ...]


def rated_comparison(
    machine: RatedMachine, names: Mapping[str, tuple[str, str]]
) -> RatedComparison:
    """Put a report into words and tables; `names` and developers of contestants by slug."""
    orders = order_lines(machine.standings, names)
    return RatedComparison(
        machine=machine,
        answer=answer_of_ratings(machine),
        order=order_of_ratings(machine),
        orders=orders,
        orders_title=orders_title(orders),
        chart=chart_of_correlations(machine),
        figures=figures_of_ratings(machine),
        gaps=tuple(_gap_line(machine, each) for each in machine.gaps[:MOST_GAPS]),
        gaps_title=rated_gaps_title(machine),
        one_scale=_(ONE_SCALE),
    )


def rated_card(machine: RatedMachine) -> RatedCard:
    """The report card of one."""
    return RatedCard(machine, card_of_ratings(machine))


def rated_gaps_title(machine: RatedMachine) -> str:
    """In how many parts the judge is off otherwise than on the whole."""
    found = sum(each.is_found for each in machine.gaps)
    if not machine.gaps_found:
        return _("Too few conversations to look for gaps")
    parts = ngettext(
        "%(gaps_found)s part of the data", "%(gaps_found)s parts of the data", machine.gaps_found
    ) % {"gaps_found": f"{machine.gaps_found:,}"}
    if not found:
        return _(
            "In none of %(parts)s is the judge off otherwise than elsewhere, by more than noise"
        ) % {"parts": parts}
    return _("In %(found)s of %(parts)s the judge is off otherwise than elsewhere") % {
        "found": f"{found:,}",
        "parts": parts,
    }


def chart_of_correlations(machine: RatedMachine) -> Chart | None:
    """How well the judge's scores go with people's, beside how well people's do."""
    agreed = machine.agreement
    rows = (
        (_("Judge, with people’s mean"), agreed.spearman, "conversation"),
        (_("Judge, with the others"), agreed.with_others, "rating"),
        (_("People, with the others"), agreed.people_with_others, "rating"),
        (_("Contestants, by both"), machine.order.spearman, "contestant"),
    )
    bars = tuple(_bar(name, figure, what) for name, figure, what in rows)
    drawn = [bar for bar in bars if bar.is_drawn]
    if not drawn:
        return None
    return Chart(
        key="agreement",
        title=_("How well the judge’s scores go with people’s"),
        reading=(
            _(
                "Each dot is Spearman’s correlation with its 95 % interval: 1 is the same "
                "order, 0 is none. “With the others”: of each rating left out in turn, how "
                "well the judge’s score, or the rating itself, goes with the mean of the "
                "rest. What people reach there is as much as can be asked of a judge."
            )
        ),
        unit="number",
        label=_("correlation →"),
        start=min(0.0, *((bar.low or 0.0) for bar in drawn)),
        end=1.0,
        heads=(_("Whose"), "ρ", _("95 % interval"), _("Of")),
        bars=bars,
        mark=0.0,
    )


def _bar(name: str, figure: Figure, what: str) -> Bar:
    value = signed(figure.value) if isfinite(figure.value) else UNKNOWN
    cells = (value, between(figure), counted(figure, what))
    if not isfinite(figure.low):
        return Bar(name, cells)
    return Bar(name, cells, figure.value, figure.low, figure.high)


def _gap_line(machine: RatedMachine, each: RatingGap) -> RatedGapLine:
    gap = each.gap
    query = {"dimension": machine.dimension, "axis": gap.axis, "name": gap.name}
    return RatedGapLine(
        scenario=scenario_name(gap.axis, gap.name),
        people=signed(gap.people),
        judge=signed(gap.judge),
        gap=_plus(gap.gap),
        interval=_("%(low)s to %(high)s") % {"low": _plus(gap.low), "high": _plus(gap.high)},
        beyond=_plus(each.beyond.gap),
        items=gap.items,
        ratings=gap.votes,
        is_found=each.is_found,
        query=f"?{urlencode(query)}",
    )


def _plus(value: float) -> str:
    text = signed(value)
    return text if text.startswith(MINUS) or not float(text) else f"+{text}"
