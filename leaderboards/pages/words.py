"""Numbers in words: ranks, probabilities, and the one line of verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from leaderboards.models import BoardRow
from raters.models import Rating

# At this probability of being the best we say of a contestant that it leads.
CLEAR_LEAD: Final = 0.9
# Who is named beside the first when nobody leads clearly.
CONTENDER: Final = 0.05
MAX_CONTENDERS: Final = 3
MAX_NAMED_PROVISIONAL: Final = 3

# A number and its unit never part at the end of a line.
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
PERCENT: Final = f"{NO_BREAK}%"
MINUS: Final = "\N{MINUS SIGN}"
# A dash within a sentence at which no line breaks.
UNBROKEN_DASH: Final = "\N{WORD JOINER}–\N{WORD JOINER}"

NUMBER_NAMES: Final = {
    "tie_propensity": gettext_noop("Tie propensity ν"),
    "side_effect": gettext_noop("Advantage of side A (log-odds)"),
    "side_effect_sd": gettext_noop("Its standard deviation"),
    "skill_sd": gettext_noop("Spread between contestants s"),
    "effective_battles": gettext_noop("Battles, by what they are worth after weighting"),
    "draw_probability": gettext_noop("Draw probability"),
    "rater_sd": gettext_noop("Spread between raters’ levels ω"),
    "residual_sd": gettext_noop("Spread within a rater σ"),
}
SHIFT: Final = "rank_shift_"
ENDS_OF_SHIFT: Final = ("rank_shift_low_", "rank_shift_high_")
NUMBERS_OF_AXES: Final = {
    "tau_": gettext_noop("Spread between groups τ"),
    SHIFT: gettext_noop("How far groups place a contestant off its overall place"),
}


@dataclass(frozen=True)
class Fact:
    """A number of a board's model, with what it is."""

    label: str
    value: str


def day_and_time(at: datetime) -> str:
    """A day and the time on it, in UTC, as the reader's language has them."""
    return f"{date_format(at, 'DATE_FORMAT')}, {date_format(at, 'H:i')}"


def percent(share: float, *, decimals: int = 0) -> str:
    """A share from 0 to 1 as a percentage: 0.714 is "71 %"."""
    return f"{share * 100:.{decimals}f}{PERCENT}"


def probability(p: float) -> str:
    """A probability for a table. It never says 0 % or 100 %: draws can't be that sure."""
    if p < 0.01:
        return f"<1{PERCENT}"
    return f">99{PERCENT}" if p > 0.99 else percent(p)


def signed(value: float, *, decimals: int = 2) -> str:
    """A number with a true minus sign, and no minus before a rounded zero."""
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        return text.removeprefix("-")
    return text.replace("-", MINUS)


def rank_text(low: int, high: int) -> str:
    """A rank interval: "1", or "2–4"."""
    return f"{low}" if low == high else f"{low}–{high}"


def listed(items: Sequence[str]) -> str:
    """Items as a phrase: "a", "a and b", "a, b and c"."""
    *head, last = items
    return _("%(head)s and %(last)s") % {"head": ", ".join(head), "last": last} if head else last


def battles_in_words(n: int) -> str:
    """So many battles, for the cells of a table: "1,273 battles"."""
    return ngettext("%(battles)s battle", "%(battles)s battles", n) % {"battles": f"{n:,}"}


def tiers(rows: Sequence[BoardRow]) -> tuple[tuple[BoardRow, ...], ...]:
    """Rows in order of rank, cut wherever no rank interval above reaches one below."""
    found: list[list[BoardRow]] = []
    reach = 0
    for k, row in enumerate(rows):
        if not found or reach < min(each.rank_low for each in rows[k:]):
            found.append([])
        found[-1].append(row)
        reach = max(reach, row.rank_high)
    return tuple(tuple(tier) for tier in found)


def rated(row: BoardRow) -> str:
    """A contestant's mean rating in words: "5.4 of 7"."""
    words = _("%(score)s of %(highest)s") % {"score": f"{row.score:.1f}", "highest": Rating.HIGHEST}
    return words.replace(" ", NO_BREAK)


def provisional_because(row: BoardRow) -> str:
    """What a provisional contestant has not done yet.

    A place needs battles lost and won, or ratings by more than one rater.
    """
    if row.is_rating:
        return _("been rated twice") if row.battles else _("been rated")
    if row.battles == 0:
        return _("met anybody")
    return _("lost a battle") if row.losses == 0 else _("won a battle")


def provisional_notes(rows: Sequence[BoardRow]) -> tuple[str, ...]:
    """Why rows are provisional, one sentence for each reason; nothing where none is."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if row.is_provisional:
            names.setdefault(provisional_because(row), []).append(row.name)
    return tuple(
        ngettext(
            "%(named)s has not %(reason)s yet.", "%(named)s have not %(reason)s yet.", len(named)
        )
        % {"named": listed(named), "reason": reason}
        for reason, named in names.items()
    )


def verdict(rows: Sequence[BoardRow]) -> str:
    """One line on rows in order of rank: who leads, how surely, and what is not separated.

    It says no more than the numbers do; of no rows it says nothing.
    """
    if not rows:
        return ""
    if len(rows) == 1:
        (only,) = rows
        name = (
            _("%(name)s, rated %(rating)s,") % {"name": only.name, "rating": rated(only)}
            if _has_rating(only)
            else only.name
        )
        return _("%(name)s is the only contestant: there is nobody to compare it with.") % {
            "name": name
        }
    sentence = f"{_lead(rows)}; {_separation(rows)}."
    others = [row.name for row in rows[1:] if row.is_provisional]
    if not others:
        return sentence
    return f"{sentence} {_provisional(others, is_first_so=rows[0].is_provisional)}"


def _provisional(others: Sequence[str], *, is_first_so: bool) -> str:
    if len(others) <= MAX_NAMED_PROVISIONAL:
        return ngettext(
            "%(others)s is provisional.", "%(others)s are provisional.", len(others)
        ) % {"others": listed(others)}
    if is_first_so:
        return _("%(others)s more contestants are provisional.") % {"others": len(others)}
    return _("%(others)s contestants are provisional.") % {"others": len(others)}


def _lead(rows: Sequence[BoardRow]) -> str:
    first = rows[0]
    if first.is_provisional:
        reason = provisional_because(first)
        return _("%(name)s comes first, but provisionally: it has not %(reason)s yet") % {
            "name": first.name,
            "reason": reason,
        }
    if first.p_best >= CLEAR_LEAD:
        # "Leads with >99 %" is for tables; a sentence has words.
        sure = probability(first.p_best)
        if sure.startswith(">"):
            sure = _("more than %(share)s") % {"share": sure.removeprefix(">")}
        name = (
            _("%(name)s is rated %(rating)s and") % {"name": first.name, "rating": rated(first)}
            if first.is_rating
            else first.name
        )
        return _("%(name)s leads with %(sure)s probability") % {"name": name, "sure": sure}
    by_chance = sorted(rows, key=lambda row: (-row.p_best, row.rank))
    contenders = [row for row in by_chance if row.p_best >= CONTENDER][:MAX_CONTENDERS]
    if not contenders:
        return _("Nobody leads: many could be the best")
    best, *others = contenders
    name = (
        _("%(name)s, rated %(rating)s,") % {"name": best.name, "rating": rated(best)}
        if _has_rating(best)
        else best.name
    )
    chances = [
        _("%(name)s is the best with %(p_best)s probability")
        % {"name": name, "p_best": probability(best.p_best)}
    ]
    chances += [
        _("%(name)s with %(p_best)s") % {"name": row.name, "p_best": probability(row.p_best)}
        for row in others
    ]
    return _("Nobody leads clearly: %(chances)s") % {"chances": ", ".join(chances)}


def _has_rating(row: BoardRow) -> bool:
    """Whether its mean rating can be stated: a provisional one would be the prior's invention."""
    return row.is_rating and not row.is_provisional


def _separation(rows: Sequence[BoardRow]) -> str:
    together: list[tuple[int, int]] = []
    chained: list[tuple[int, int]] = []
    place = 1
    for tier in tiers(rows):
        if len(tier) > 1:
            # In a chain each interval reaches the next, while its ends may well be separated.
            is_chain = max(row.rank_low for row in tier) > min(row.rank_high for row in tier)
            (chained if is_chain else together).append((place, place + len(tier) - 1))
        place += len(tier)
    if not together and not chained:
        return _("every place is separated from the next")
    if together == [(1, len(rows))]:
        return _("no two places are separated")
    if chained == [(1, len(rows))]:
        return _("from first to last, places run into one another")
    parts = []
    if together:
        parts.append(_("places %(together)s are not separated") % {"together": _spans(together)})
    if chained:
        parts.append(_("places %(chained)s run into one another") % {"chained": _spans(chained)})
    return "; ".join(parts)


def _spans(spans: Sequence[tuple[int, int]]) -> str:
    if len(spans) > 1:
        return listed([f"{first}{UNBROKEN_DASH}{last}" for first, last in spans])
    ((first, last),) = spans
    return (
        _("%(first)s and %(last)s") % {"first": first, "last": last}
        if last == first + 1
        else _("%(first)s to %(last)s") % {"first": first, "last": last}
    )


def named(name: str, names: Mapping[str, str]) -> str:
    """What a number or a parameter is called; one without a name is called by its key."""
    return _(names[name]) if name in names else name.replace("_", " ").capitalize()


def model_numbers(fit: Mapping[str, float], axis_names: Mapping[str, str]) -> tuple[Fact, ...]:
    """The numbers of a section's model, each with a name that people can read."""
    return tuple(
        _number(name, value, fit, axis_names)
        for name, value in fit.items()
        if not name.startswith(ENDS_OF_SHIFT)
    )


def _number(
    name: str, value: float, fit: Mapping[str, float], axis_names: Mapping[str, str]
) -> Fact:
    for prefix, words in NUMBERS_OF_AXES.items():
        if name.startswith(prefix):
            axis = name.removeprefix(prefix)
            label = f"{_(words)}: {axis_names.get(axis, axis)}"
            low, high = (fit.get(f"{end}{axis}") for end in ENDS_OF_SHIFT)
            if prefix != SHIFT or low is None or high is None:
                return Fact(label, signed(value, decimals=3))
            return Fact(
                label,
                _("%(value)s places, %(low)s to %(high)s")
                % {"value": f"{value:.1f}", "low": f"{low:.1f}", "high": f"{high:.1f}"},
            )
    label = named(name, NUMBER_NAMES)
    if name == "effective_battles":
        return Fact(label, f"{value:,.0f}")
    return Fact(label, signed(value, decimals=3))
