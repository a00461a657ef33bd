"""The tables and the chart of a study's routing."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Final

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin_pages import link, table
from leaderboards.admin.planning import line
from leaderboards.comparison.cascade import Point
from leaderboards.comparison.figures import Figure
from leaderboards.pages.words import percent
from leaderboards.routing import Next, Relied, Routing

PAIRS_SHOWN: Final = 20
PERSON: Final = gettext_lazy("A person")


def relied_table(runs: Sequence[Relied]) -> SafeString:
    """How far each judge can be relied on, and what it costs."""
    rows = [
        (
            _("%(judge)s, run %(run)s") % {"judge": each.judge, "run": each.run},
            f"{len(each.battles):,}",
            f"{each.n:,}",
            percent(each.curve.error, decimals=1),
            f"{each.area:.2f}" if isfinite(each.area) else _("not known"),
            f"${each.cost:,.4f}" if isfinite(each.cost) else _("not known: taken as $0"),
        )
        for each in runs
    ]
    heads = [
        _("Judge"),
        _("#Verdicts"),
        _("#With people’s"),
        _("#Off by"),
        _("#Area"),
        _("#Cost of one"),
    ]
    return table(heads, rows)


def bin_table(relied: Relied) -> SafeString:
    """How often a judge was right, by how far it was relied on."""
    rows = [
        (
            _("%(low)s to %(high)s") % {"low": percent(each.low), "high": percent(each.high)},
            f"{each.right.n:,}",
            percent(each.mean),
            figure_text(each.right),
        )
        for each in relied.curve.bins
    ]
    return table(
        [_("Relied on"), _("#Verdicts"), _("#On average"), _("#A person said the same")], rows
    )


def figure_text(figure: Figure) -> str:
    """A share with its interval."""
    if not isfinite(figure.value):
        return _("not known")
    if not isfinite(figure.low):
        return percent(figure.value)
    return _("%(value)s (%(low)s to %(high)s)") % {
        "value": percent(figure.value),
        "low": percent(figure.low),
        "high": percent(figure.high),
    }


def _stage_names(found: Routing) -> list[str]:
    return [
        *(
            _("%(judge)s, run %(run)s") % {"judge": each.judge, "run": each.run}
            for each in found.runs
        ),
        str(PERSON),
    ]


def point_table(found: Routing, points: Sequence[Point]) -> SafeString | str:
    """What each way of asking costs, and how often it is right; empty without any."""
    if not points:
        return ""
    names = _stage_names(found)
    rows = [
        (
            f"${point.cost:,.4f}",
            figure_text(point.accuracy),
            *(percent(share) for share in point.shares),
            *(_threshold(each) for each in point.thresholds),
        )
        for point in points
    ]
    below = (
        [_("#%(name)s: from") % {"name": name} for name in names[:-1]]
        if points[0].thresholds
        else []
    )
    shares = [_("#%(name)s: part") % {"name": name} for name in names]
    return table([_("#Cost of one"), _("#A person would say so"), *shares, *below], rows)


def different(curve: Sequence[Point]) -> list[Point]:
    """The points without those that a greater budget does not change."""
    return [
        point
        for before, point in zip((None, *curve), curve, strict=False)
        if before is None or (point.cost, point.shares) != (before.cost, before.shares)
    ]


def _threshold(reached: float | None) -> str:
    return _("never") if reached is None else percent(reached)


def chart(found: Routing) -> dict[str, Any]:
    """Accuracy by cost, with a person's and the first judge's own beside it."""
    curve, alone = different(found.cascade.curve), found.cascade.alone
    if not curve:
        return {}
    colours = ("#737a87", "#d97706", "#2f7fb5")
    lines = [
        line(_("Cascade"), [100 * point.accuracy.value for point in curve], "#2f7fb5", width=3)
    ]
    for name, point, colour in zip(_stage_names(found), alone, colours[-len(alone) :], strict=True):
        flat = [100 * point.accuracy.value] * len(curve)
        lines.append(line(_("%(name)s alone") % {"name": name}, flat, colour, dash=[4, 4], width=1))
    return {"labels": [f"{point.cost:,.4f}" for point in curve], "datasets": lines}


def pair_table(found: Routing, names: dict[str, str]) -> SafeString:
    """The pairs of which a person's verdict is worth most."""
    pairs = sorted(found.pairs, key=lambda pair: (-pair.worth, pair.a, pair.b))[:PAIRS_SHOWN]
    most = max((pair.worth for pair in pairs), default=0.0)
    rows = [
        (
            _("%(one)s and %(other)s")
            % {"one": names.get(pair.a, pair.a), "other": names.get(pair.b, pair.b)},
            percent(pair.worth / most) if most else _("none"),
            f"{pair.steer:.2f}" if isfinite(pair.steer) else _("not known"),
        )
        for pair in pairs
    ]
    return table([_("Pair"), _("#Worth, of the best"), _("#Told by judges")], rows)


def battle_table(
    found: Routing, battles: Sequence[Next], names: dict[str, str]
) -> SafeString | str:
    """The battles that a person should judge next; empty without any."""
    most = max((each.worth for each in found.battles), default=0.0)
    rows = [
        (
            link(battle_page(each.battle), each.battle),
            _("%(one)s and %(other)s")
            % {"one": names.get(each.a, each.a), "other": names.get(each.b, each.b)},
            percent(each.worth / most) if most else _("none"),
            f"{each.votes:,}",
            *(percent(sure) if isfinite(sure) else _("said nothing") for sure in each.reliability),
        )
        for each in battles
    ]
    judges = [f"#{name}" for name in _stage_names(found)[:-1]]
    heads = [_("Battle"), _("Contestants"), _("#Worth, of the best"), _("#People"), *judges]
    return table(heads, rows) if rows else ""


def battle_page(battle: int) -> str:
    """Where a battle stands in the admin."""
    return reverse("admin:raters_battle_change", args=[battle])


def reached_table(found: Routing) -> SafeString | str:
    """How near the order comes to everybody's, by how many people are asked; empty if not known."""
    rows = [
        (
            percent(each.share),
            *(_order(way) for way in (each.routed, each.random, each.people_only)),
        )
        for each in found.reached
    ]
    heads = [_("#Of people’s verdicts"), _("#Routed"), _("#At random"), _("#At random, no judge")]
    return table(heads, rows) if rows else ""


def _order(figure: Figure) -> str:
    return f"{figure.value:.2f}" if isfinite(figure.value) else _("not known")
