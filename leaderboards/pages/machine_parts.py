"""The tables and charts of a judge beside people. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from leaderboards.comparison.certainty import Certainty
from leaderboards.comparison.domains import Domain
from leaderboards.comparison.figures import Figure
from leaderboards.comparison.scenarios import Gap
from leaderboards.comparison.similarity import Mirror
from leaderboards.machines.documents import Machine, Place, Standing
from leaderboards.pages.charts import Bar, Chart, Point, Range, Scatter
from leaderboards.pages.machine_words import (
    UNKNOWN,
    counted,
    interval,
    mirrors_in_words,
    plus,
    points,
    points_between,
    share,
)
from leaderboards.pages.tables import MAX_SHIFT_LEVEL, OverviewCell
from leaderboards.pages.words import percent, rank_text, signed

# As many gaps and domains are on the page; REST has all that are kept.
MOST_GAPS: Final = 40
MOST_DOMAINS: Final = 15
# Of fewer verdicts a point of the calibration curve is drawn grey.
FEWEST_VERDICTS: Final = 20
AXES: Final = {
    "everything": gettext_noop("Everything"),
    "dimension": gettext_noop("Dimension"),
    "topic": gettext_noop("Topic"),
    "turns": gettext_noop("Length of the conversation"),
    "length": gettext_noop("Length of the replies"),
    "developer": gettext_noop("With a contestant of"),
    "contestant": gettext_noop("With the contestant"),
    "contestants": gettext_noop("Contestants that are to the judge"),
}


@dataclass(frozen=True)
class OrderLine:
    """A contestant's places by people and by the judge, the second beside the first."""

    slug: str
    name: str
    developer: str
    people: str
    is_provisional: bool
    cell: OverviewCell | None


@dataclass(frozen=True)
class GapLine:
    """A scenario's gap about a contestant; `query` finds its conversations."""

    scenario: str
    contestant: str
    people: str
    judge: str
    gap: str
    interval: str
    items: int
    votes: int
    is_found: bool
    query: str


@dataclass(frozen=True)
class DomainLine:
    """How often the judge says what people say in a part of the data."""

    name: str
    agreement: str
    interval: str
    n: int
    people: str
    against: str
    against_interval: str
    is_worse: bool


def order_lines(
    standings: Sequence[Standing], names: Mapping[str, tuple[str, str]]
) -> tuple[OrderLine, ...]:
    """Contestants in people's order, with the judge's places; `names` and developers by slug."""
    return tuple(
        _order_line(each, *names.get(each.contestant, (each.contestant, ""))) for each in standings
    )


def _order_line(standing: Standing, name: str, developer: str) -> OrderLine:
    people, judge = standing.people, standing.judge
    return OrderLine(
        slug=standing.contestant,
        name=name,
        developer=developer,
        people=rank_text(people.rank_low, people.rank_high) if people else UNKNOWN,
        is_provisional=bool(people and people.is_provisional),
        cell=_cell(judge, people) if judge else None,
    )


def _cell(judge: Place, people: Place | None) -> OverviewCell:
    is_apart = people is not None and (
        judge.rank_low > people.rank_high or judge.rank_high < people.rank_low
    )
    shift = people.rank - judge.rank if people and is_apart else 0
    way, mark = ("up", "▲") if shift > 0 else ("down", "▼")
    hint = ""
    if shift > 0:
        hint = ngettext(
            "%(shift)s place higher than with people",
            "%(shift)s places higher than with people",
            shift,
        ) % {"shift": shift}
    elif shift:
        hint = ngettext(
            "%(shift)s place lower than with people",
            "%(shift)s places lower than with people",
            -shift,
        ) % {"shift": -shift}
    return OverviewCell(
        rank=rank_text(judge.rank_low, judge.rank_high),
        is_provisional=judge.is_provisional,
        shift=shift,
        mark=f"{mark}{abs(shift)}" if shift else "",
        hint=hint,
        style=f"{way}-{min(abs(shift), MAX_SHIFT_LEVEL)}" if shift else "",
    )


def orders_title(lines: Sequence[OrderLine]) -> str:
    """How many contestants the judge places clearly elsewhere."""
    moved = sum(
        bool(each.cell and each.cell.mark and not each.cell.is_provisional) for each in lines
    )
    contestants = ngettext("%(lines)s contestant", "%(lines)s contestants", len(lines)) % {
        "lines": len(lines)
    }
    if not moved:
        return _("The judge places none of %(contestants)s clearly elsewhere than people do") % {
            "contestants": contestants
        }
    return ngettext(
        "%(moved)s of %(contestants)s is placed clearly elsewhere by the judge",
        "%(moved)s of %(contestants)s are placed clearly elsewhere by the judge",
        moved,
    ) % {"moved": moved, "contestants": contestants}


def chart_of_agreement(machine: Machine) -> Chart | None:
    """How often the judge agrees, beside how often people do; None where nothing is known."""
    agreed = machine.agreement
    rows = (
        (_("Judge, with the majority"), agreed.with_majority, "conversation"),
        (_("Judge, where both name a side"), agreed.on_sides, "conversation"),
        (_("Judge, with single people"), agreed.with_individuals, "vote"),
        (_("Judge, with most others"), agreed.with_others, "vote"),
        (_("People, with most others"), agreed.people_with_others, "vote"),
        (_("People, with each other"), agreed.people_with_individuals, "vote"),
    )
    bars = tuple(_bar(name, figure, what) for name, figure, what in rows)
    if not any(bar.is_drawn for bar in bars):
        return None
    return Chart(
        key="agreement",
        title=_("How often the judge says what people say"),
        reading=(
            _(
                "Each dot is a share with its 95 % interval. What people reach among "
                "themselves is as much as can be asked of a judge. “With most others”: of "
                "each vote left out in turn, how often the judge, or the vote itself, says "
                "what leads among the rest."
            )
        ),
        unit="percent",
        label=_("agreement →"),
        start=0.0,
        end=1.0,
        heads=(_("Whose"), _("Agreement"), _("95 % interval"), _("Of")),
        bars=bars,
    )


def _bar(name: str, figure: Figure, what: str) -> Bar:
    cells = (share(figure), interval(figure), counted(figure, what))
    if not isfinite(figure.value):
        return Bar(name, cells)
    return Bar(name, cells, figure.value, figure.low, figure.high)


def chart_of_mirrors(mirrors: Sequence[Mirror]) -> Chart | None:
    """By how much more often the judge says what a group says than what others say."""
    bars = tuple(_mirror_bar(each) for each in mirrors)
    drawn = [bar for bar in bars if bar.is_drawn]
    if not drawn:
        return None
    reach = max(max(abs(bar.low or 0.0), abs(bar.high or 0.0)) for bar in drawn)
    end = max(0.1, min(reach * 1.05, 1.0))
    return Chart(
        key="groups",
        title=mirrors_in_words(tuple(mirrors)),
        reading=(
            _(
                "By how much more often the judge says what raters of a group say than "
                "what all others say, in percentage points with 95 % intervals. Hollow and "
                "grey may be noise, with all groups taken into account. “Alike” is "
                "Spearman’s correlation of who beats whom by the group and by the judge; "
                "it can’t be expected above “at most”. What a group talked about is not "
                "allowed for."
            )
        ),
        unit="percent",
        label=_("agreement beyond that with others →"),
        start=-end,
        end=end,
        heads=(
            _("Group"),
            _("Beyond others"),
            _("95 % interval"),
            _("Agreement"),
            _("Alike"),
            _("At most"),
            _("Votes"),
        ),
        bars=bars,
        mark=0.0,
    )


def _mirror_bar(mirror: Mirror) -> Bar:
    found = mirror.against_rest
    cells = (
        points(found),
        points_between(found),
        _("%(agreement)s of %(n)s")
        % {"agreement": share(mirror.agreement), "n": f"{mirror.agreement.n:,}"},
        signed(mirror.similarity.value) if isfinite(mirror.similarity.value) else UNKNOWN,
        signed(mirror.ceiling) if isfinite(mirror.ceiling) else UNKNOWN,
        ngettext("%(votes)s by %(raters)s rater", "%(votes)s by %(raters)s raters", mirror.raters)
        % {"votes": f"{mirror.votes:,}", "raters": f"{mirror.raters:,}"},
    )
    if not isfinite(found.low):
        return Bar(mirror.group, cells)
    is_doubtful = not (mirror.is_mirrored or mirror.is_missed)
    return Bar(mirror.group, cells, found.value, found.low, found.high, is_doubtful=is_doubtful)


def chart_of_certainty(certainty: Certainty) -> Scatter | None:
    """How often people agree, by how certain the judge says it is; None where it states nothing."""
    curve = certainty.stated
    bins = [each for each in curve.bins if each.right.n]
    if not bins:
        return None
    stated = sum(each.mean * each.right.n for each in bins) / sum(each.right.n for each in bins)
    right = sum(each.right.value * each.right.n for each in bins) / sum(
        each.right.n for each in bins
    )
    title = _("It says it is %(stated)s certain, and people agree %(right)s of the time") % {
        "stated": percent(stated),
        "right": percent(right),
    }
    return Scatter(
        key="certainty",
        title=title,
        reading=(
            _(
                "Each cross holds verdicts of like certainty: across what was stated, "
                "upwards how often people’s votes on the conversation say the same, with "
                "its 95 %% interval. A judge that knows itself has both alike, and lies on "
                "the dashed line. Hollow and grey: few verdicts. The mean distance of the "
                "two is %(distance)s, Brier’s score %(brier)s; once it is learned from other "
                "conversations what its word means, the distance is %(by_line)s by a "
                "line in log-odds and %(by_steps)s by rising steps."
            )
            % {
                "distance": percent(curve.error),
                "brier": signed(curve.brier),
                "by_line": percent(certainty.platt.error),
                "by_steps": percent(certainty.isotonic.error),
            }
        ),
        labels=(_("Stated certainty"), _("People agree")),
        heads=(_("Stated"), _("Mean stated"), _("People agree"), _("95 % interval, verdicts")),
        points=tuple(
            Point(
                name=f"{each.low * 100:.0f}–{percent(each.high)}",
                cells=(
                    percent(each.mean),
                    share(each.right),
                    f"{interval(each.right)}, {each.right.n:,}",
                ),
                across=Range(each.mean, each.low, each.high),
                up=Range(each.right.value, each.right.low, each.right.high),
                is_named=False,
                is_doubtful=each.right.n < FEWEST_VERDICTS,
            )
            for each in bins
        ),
    )


def gap_lines(machine: Machine, names: Sequence[str]) -> tuple[GapLine, ...]:
    """The gaps that are surely largest, as many as a page holds."""
    return tuple(_gap_line(gap, machine, names) for gap in machine.gaps[:MOST_GAPS])


def _gap_line(gap: Gap, machine: Machine, names: Sequence[str]) -> GapLine:
    slug = "" if gap.contestant is None else machine.contestants[gap.contestant]
    query = {
        "dimension": machine.dimension, "axis": gap.axis, "name": gap.name, "contestant": slug,
    }  # fmt: skip
    return GapLine(
        scenario=scenario_name(gap.axis, gap.name),
        contestant="" if gap.contestant is None else names[gap.contestant],
        people=percent(gap.people),
        judge=percent(gap.judge),
        gap=plus(gap.gap * 100),
        interval=_("%(low)s to %(high)s")
        % {"low": plus(gap.low * 100), "high": plus(gap.high * 100)},
        items=gap.items,
        votes=gap.votes,
        is_found=gap.is_found,
        query=f"?{urlencode(query)}",
    )


def scenario_name(axis: str, name: str) -> str:
    """A scenario in words: what it is a part by, and which."""
    if axis == "everything":
        return _("All conversations")
    # A group's name has its axis in it.
    return f"{_(AXES[axis])}: {name}" if axis in AXES else name


def gaps_title(machine: Machine) -> str:
    """How many gaps are more than noise."""
    found = sum(gap.is_found for gap in machine.gaps)
    if not machine.gaps_found:
        return _("Too few conversations to look for gaps")
    gaps = ngettext("%(gaps_found)s gap", "%(gaps_found)s gaps", machine.gaps_found) % {
        "gaps_found": f"{machine.gaps_found:,}"
    }
    if not found:
        return _("None of %(gaps)s between people and judge is more than noise") % {"gaps": gaps}
    return ngettext(
        "%(found)s of %(gaps)s between people and judge is more than noise",
        "%(found)s of %(gaps)s between people and judge are more than noise",
        found,
    ) % {"found": f"{found:,}", "gaps": gaps}


def domain_lines(domains: Sequence[Domain]) -> tuple[DomainLine, ...]:
    """The parts of the data where the judge agrees least with people, as many as a page holds."""
    known = [each for each in domains if isfinite(each.against_elsewhere.value)]
    return tuple(
        DomainLine(
            name=scenario_name(each.axis, each.name),
            agreement=share(each.agreement),
            interval=interval(each.agreement),
            n=each.agreement.n,
            people=share(each.people),
            against=points(each.against_elsewhere),
            against_interval=points_between(each.against_elsewhere),
            is_worse=each.is_worse,
        )
        for each in known[:MOST_DOMAINS]
    )


def domains_title(domains: Sequence[Domain]) -> str:
    """Whether there is anywhere that the judge is not at home."""
    worse = sum(each.is_worse for each in domains)
    if not domains:
        return _("There are no parts of the data to compare")
    if not worse:
        return _("Nowhere does it agree with people clearly less than elsewhere")
    parts = ngettext(
        "%(domains)s part of the data", "%(domains)s parts of the data", len(domains)
    ) % {"domains": len(domains)}
    return _("In %(worse)s of %(parts)s it agrees with people clearly less than elsewhere") % {
        "worse": worse,
        "parts": parts,
    }
