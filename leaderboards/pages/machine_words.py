"""What a report on people and machine says in words: its answers, and figures told. Pure."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from leaderboards.comparison.figures import Figure
from leaderboards.comparison.similarity import Mirror
from leaderboards.machines.documents import Machine
from leaderboards.pages.words import MINUS, PERCENT, listed, percent, signed

UNKNOWN: Final = "–"
# What figures are counted in.
COUNTED: Final = {
    "canary conversation": ngettext_lazy(
        "%(n)s canary conversation", "%(n)s canary conversations", "count"
    ),
    "contestant": ngettext_lazy("%(n)s contestant", "%(n)s contestants", "count"),
    "conversation": ngettext_lazy("%(n)s conversation", "%(n)s conversations", "count"),
    "rating": ngettext_lazy("%(n)s rating", "%(n)s ratings", "count"),
    "verdict": ngettext_lazy("%(n)s verdict", "%(n)s verdicts", "count"),
    "vote": ngettext_lazy("%(n)s vote", "%(n)s votes", "count"),
}
# So many groups are named in a sentence; the table has all.
MOST_NAMED: Final = 3


@dataclass(frozen=True)
class Told:
    """A figure with its 95 % interval, from `n` of what it is counted in, and what it says."""

    name: str
    value: str
    interval: str
    n: str
    sentence: str


def share(figure: Figure) -> str:
    """A share in per cent, or a dash where it is not known."""
    return percent(figure.value) if isfinite(figure.value) else UNKNOWN


def interval(figure: Figure) -> str:
    """The interval of a share: "42–48 %"."""
    if not isfinite(figure.low):
        return UNKNOWN
    return f"{_whole(figure.low)}–{_whole(figure.high)}{PERCENT}"


def between(figure: Figure) -> str:
    """The interval of a number that may be below 0: "−0.10 to 0.24"."""
    if not isfinite(figure.low):
        return UNKNOWN
    return _("%(low)s to %(high)s") % {"low": signed(figure.low), "high": signed(figure.high)}


def points(figure: Figure) -> str:
    """A difference of shares in percentage points, with its sign."""
    if not isfinite(figure.value):
        return UNKNOWN
    return _("%(value)s points") % {"value": plus(figure.value * 100)}


def points_between(figure: Figure) -> str:
    """The interval of such a difference."""
    if not isfinite(figure.low):
        return UNKNOWN
    return _("%(low)s to %(high)s") % {
        "low": plus(figure.low * 100),
        "high": plus(figure.high * 100),
    }


def plus(value: float) -> str:
    """A whole number with its sign, none for 0."""
    text = signed(value, decimals=0)
    return text if text.startswith(MINUS) or text == "0" else f"+{text}"


def of_share(name: str, figure: Figure, what: str, sentence: str) -> Told:
    """A share, told."""
    return Told(name, share(figure), interval(figure), counted(figure, what), sentence)


def of_number(name: str, figure: Figure, what: str, sentence: str) -> Told:
    """A coefficient, told."""
    value = signed(figure.value) if isfinite(figure.value) else UNKNOWN
    return Told(name, value, between(figure), counted(figure, what), sentence)


def of_points(name: str, figure: Figure, what: str, sentence: str) -> Told:
    """A difference of shares, told."""
    told = points(figure), points_between(figure), counted(figure, what)
    return Told(name, *told, sentence)


def counted(figure: Figure, what: str) -> str:
    """How many, of what: "1,273 conversations"."""
    return COUNTED[what] % {"count": figure.n, "n": f"{figure.n:,}"}


def answer_of(machine: Machine) -> str:
    """The verdict in one sentence: how often the judge says what people say, and how often they do.

    It claims no more than the intervals hold.
    """
    agreed = machine.agreement
    if not agreed.with_majority.n:
        return _("People are divided on every conversation that this judge has judged")
    ceiling, mine = agreed.people_with_others, agreed.with_others
    if not ceiling.n:
        said = f"{share(agreed.with_individuals)} ({interval(agreed.with_individuals)})"
        return _(
            "In %(said)s of the conversations the judge says what the person said; no "
            "two people compared the same one, so that nobody knows how often they "
            "would agree"
        ) % {"said": said}
    judge, person = share(mine), share(ceiling)
    if mine.high < ceiling.low:
        return _(
            "The judge says what most others say %(judge)s of the time; a person does so "
            "%(person)s of the time: clearly more often"
        ) % {"judge": judge, "person": person}
    if mine.low > ceiling.high:
        return _(
            "The judge says what most others say %(judge)s of the time; a person does so "
            "%(person)s of the time: clearly less often"
        ) % {"judge": judge, "person": person}
    return _(
        "The judge says what most others say %(judge)s of the time; a person does so "
        "%(person)s of the time: the two are not clearly apart"
    ) % {"judge": judge, "person": person}


def order_in_words(machine: Machine) -> str:
    """Whether the judge orders the contestants as people do."""
    found = machine.order.spearman
    if not isfinite(found.value):
        return _("Too few contestants were compared by both to speak of an order")
    if isfinite(machine.order.ceiling):
        return _(
            "Its order of %(n)s contestants and people’s correlate by %(value)s; people "
            "asked anew would by %(ceiling)s"
        ) % {"n": found.n, "value": signed(found.value), "ceiling": signed(machine.order.ceiling)}
    return _("Its order of %(n)s contestants and people’s correlate by %(value)s") % {
        "n": found.n,
        "value": signed(found.value),
    }


def mirrors_in_words(mirrors: tuple[Mirror, ...]) -> str:
    """Which groups the judge mirrors, and which it misses; as few as are more than noise."""
    if not mirrors:
        return _("The raters of this study are in no groups")
    mirrored = [each.group for each in mirrors if each.is_mirrored]
    missed = [each.group for each in reversed(mirrors) if each.is_missed]
    if mirrored and missed:
        return _("It mirrors %(mirrored)s and misses %(missed)s, compared with everybody else") % {
            "mirrored": _named(mirrored),
            "missed": _named(missed),
        }
    if mirrored:
        return _("It mirrors %(mirrored)s, compared with everybody else") % {
            "mirrored": _named(mirrored)
        }
    if missed:
        return _("It misses %(missed)s, compared with everybody else") % {"missed": _named(missed)}
    groups = ngettext("%(mirrors)s group", "%(mirrors)s groups", len(mirrors)) % {
        "mirrors": len(mirrors)
    }
    return _("It mirrors or misses none of %(groups)s by more than noise") % {"groups": groups}


def _named(groups: list[str]) -> str:
    if len(groups) <= MOST_NAMED:
        return listed(groups)
    return _("%(groups)s and %(n)s more") % {
        "groups": ", ".join(groups[:MOST_NAMED]),
        "n": len(groups) - MOST_NAMED,
    }


def _whole(value: float) -> str:
    return signed(value * 100, decimals=0)
