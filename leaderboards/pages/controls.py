"""Says in words what each control does, and what it shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from leaderboards.pages.words import listed, percent, rank_text
from leaderboards.ranking.controls import (
    CAPPED,
    DUPLICATES,
    POSITION,
    STYLE,
    WARNED_SHIFT,
    WITHOUT_AXIS,
    Control,
    Effect,
    Standing,
)
from leaderboards.services.robustness import Robustness


class Told(NamedTuple):
    """A control's name, and the sentence that stands wherever it is shown."""

    name: str
    explanation: str


EXPLAINED: Final = {
    STYLE: Told(
        gettext_noop("Style"),
        gettext_noop(
            "Allows for how long the replies are, their lists, headings and bold type, and "
            "how soon they begin: who would rank where if they all looked alike."
        ),
    ),
    POSITION: Told(
        gettext_noop("Position"),
        gettext_noop("Takes out whatever advantage there is in being shown as side A."),
    ),
    DUPLICATES: Told(
        gettext_noop("Duplicates once"),
        gettext_noop(
            "Counts battles that begin with nearly the same message as one, so that "
            "nothing is decided by what many happen to ask."
        ),
    ),
    CAPPED: Told(
        gettext_noop("Raters capped"),
        gettext_noop("Counts nobody for more verdicts than the median rater gave."),
    ),
}
# What a covariate compares: the one that has more of it, and what it is called.
COMPARED: Final = {
    "words": (gettext_noop("whose replies are twice as long"), gettext_noop("length")),
    "list_items": (
        gettext_noop("with five list items, where the other has none,"),
        gettext_noop("list items"),
    ),
    "headers": (
        gettext_noop("with three headings, where the other has none,"),
        gettext_noop("headings"),
    ),
    "bold": (
        gettext_noop("with five bold phrases, where the other has none,"),
        gettext_noop("bold type"),
    ),
    "first_piece_ms": (
        gettext_noop("whose replies take twice as long to begin"),
        gettext_noop("time to the first words"),
    ),
    "side_a": (gettext_noop("shown as side A"), gettext_noop("side")),
}
# Intervals narrower than this are stated with a decimal.
NARROW: Final = 0.03


@dataclass(frozen=True)
class Place:
    """A contestant under one control; `shift` is by how many ranks it is lower than without."""

    contestant: str
    name: str
    standing: Standing
    shift: int

    @property
    def is_warned(self) -> bool:
        """Whether the control moves it by more ranks than chance and habit explain away."""
        return abs(self.shift) > WARNED_SHIFT

    @property
    def rank(self) -> str:
        """Its rank interval."""
        return rank_text(self.standing.rank_low, self.standing.rank_high)

    @property
    def way(self) -> str:
        """By how many ranks it is moved, in words: "down 3"; empty where it stays."""
        return (
            (_("down %(shift)s") if self.shift > 0 else _("up %(shift)s"))
            % {"shift": abs(self.shift)}
            if self.shift
            else ""
        )


@dataclass(frozen=True)
class Switch:
    """A control in words: what it does, what comes out, and what it found on the way.

    `places` (K,) are in the order of the page, and none where `refusal` says why.
    """

    key: str
    name: str
    explanation: str
    finding: str
    notes: tuple[str, ...]
    worth: float
    effects: tuple[Effect, ...]
    places: tuple[Place, ...]
    refusal: str

    @property
    def warned(self) -> tuple[Place, ...]:
        """Whom it moves by more than 2 ranks."""
        return tuple(place for place in self.places if place.is_warned)


@dataclass(frozen=True)
class Raw:
    """A contestant's rank without any control."""

    contestant: str
    name: str
    standing: Standing
    is_provisional: bool


@dataclass(frozen=True)
class ControlsPage:
    """All controls: contestants in order of rank without any, then each control.

    `warnings` name, a sentence each, who moves by more than 2 ranks.
    """

    verdicts: int
    worth: float
    answer: str
    warnings: tuple[str, ...]
    raw: tuple[Raw, ...]
    switches: tuple[Switch, ...]

    @property
    def computed(self) -> tuple[Switch, ...]:
        """The controls that are not refused."""
        return tuple(switch for switch in self.switches if switch.places)


def controls_page(found: Robustness, names: Mapping[str, str]) -> ControlsPage:
    """What a report says of controls; `names` are the contestants' by slug."""
    controls = found.controls
    order = sorted(range(len(controls.contestants)), key=lambda k: controls.raw[k].rank)
    named = [(slug, names[slug]) for slug in controls.contestants]
    raw = tuple(Raw(*named[k], controls.raw[k], found.provisional[k]) for k in order)
    switches = tuple(
        _switch(each, [(*named[k], k) for k in order], controls.verdicts, found.axes)
        for each in controls.controls
    )
    return ControlsPage(
        verdicts=controls.verdicts,
        worth=controls.worth,
        answer=_answer(raw, switches),
        warnings=tuple(_warning(switch) for switch in switches if switch.warned),
        raw=raw,
        switches=switches,
    )


def _switch(
    control: Control,
    order: Sequence[tuple[str, str, int]],
    verdicts: int,
    axes: Mapping[str, str],
) -> Switch:
    """A control in words; `order` has slug, name and index of contestants as the page has them."""
    name, explanation = _explained(control, axes)
    places = tuple(
        Place(slug, its_name, control.standings[k], control.shifts[k])
        for slug, its_name, k in (order if control.standings else ())
    )
    return Switch(
        key=control.key,
        name=name,
        explanation=explanation,
        finding=control.refusal or _finding(places),
        notes=(*_notes(control, verdicts), *_effects_in_words(control.effects)),
        worth=control.worth,
        effects=control.effects,
        places=places,
        refusal=control.refusal,
    )


def _explained(control: Control, axes: Mapping[str, str]) -> Told:
    axis = control.key.removeprefix(WITHOUT_AXIS)
    if axis == control.key:
        return Told(*map(_, EXPLAINED[control.key]))
    return Told(
        _("Without %(axes)s") % {"axes": axes[axis]},
        _(
            "Keeps the sample’s own mix of %(axes)s in place of the electorate’s: does the "
            "order depend on it?"
        )
        % {"axes": axes[axis].lower()},
    )


def _effects_in_words(effects: tuple[Effect, ...]) -> Iterator[str]:
    """Each effect in a sentence, and in one all that nothing is known of."""
    yield from (effect_in_words(effect) for effect in effects if effect.moves)
    if unmoved := [effect for effect in effects if not effect.moves]:
        yield _unmoved(unmoved)


def effect_in_words(effect: Effect) -> str:
    """What a covariate does to battles of equals, with its interval."""
    if not effect.moves:
        return _unmoved([effect])
    who = _(COMPARED[effect.key][0])
    decimals = int(effect.share_high - effect.share_low < NARROW)
    share, low, high = (
        percent(each, decimals=decimals)
        for each in (effect.share, effect.share_low, effect.share_high)
    )
    if effect.low <= 0 <= effect.high:
        return _(
            "Of two equals, the one %(who)s wins %(share)s of the decided battles (%(low)s "
            "to %(high)s): that may be no difference."
        ) % {"who": who, "share": share, "low": low, "high": high}
    return _(
        "Of two equals, the one %(who)s wins %(share)s of the decided battles (%(low)s to "
        "%(high)s), all else equal."
    ) % {"who": who, "share": share, "low": low, "high": high}


def _unmoved(effects: list[Effect]) -> str:
    what = listed([_(COMPARED[effect.key][1]) for effect in effects])
    return _("No two sides differ in %(what)s: nothing can be said of that.") % {"what": what}


def _finding(places: tuple[Place, ...]) -> str:
    moved = [place for place in places if place.shift]
    if not moved:
        return _("Nobody changes rank.")
    widest = max(abs(place.shift) for place in moved)
    furthest = [place.name for place in moved if abs(place.shift) == widest]
    ranks = ngettext("%(widest)s rank", "%(widest)s ranks", widest) % {"widest": widest}
    if len(moved) == len(furthest):
        return _("%(furthest)s move by %(ranks)s.") % {"furthest": listed(furthest), "ranks": ranks}
    return ngettext(
        "%(moved)s contestants change rank; %(furthest)s moves furthest, by %(ranks)s.",
        "%(moved)s contestants change rank; %(furthest)s move furthest, by %(ranks)s.",
        len(furthest),
    ) % {"moved": len(moved), "furthest": listed(furthest), "ranks": ranks}


def _notes(control: Control, verdicts: int) -> tuple[str, ...]:
    """What a control counted on the way, in words."""
    if not control.standings:
        return ()
    figures = control.figures
    if control.key == STYLE:
        told = _unknown(figures["unknown"], verdicts) if figures["unknown"] else ""
    elif control.key == DUPLICATES:
        told = _repeated(figures["repeated"], figures["clusters"], figures["largest"])
    elif control.key == CAPPED:
        told = _cap(figures["cap"], figures["raters"], figures["most"])
    else:
        told = ""
    return (told,) if told else ()


def _unknown(unknown: float, battles: float) -> str:
    return _(
        "Of %(unknown)s of %(battles)s battles the replies of both sides are not "
        "known; they count as if they had looked alike."
    ) % {"unknown": f"{unknown:,.0f}", "battles": f"{battles:,.0f}"}


def _repeated(repeated: float, clusters: float, largest: float) -> str:
    if not clusters:
        return _("No first message comes again.")
    if clusters == 1:
        return _("One first message comes again, in %(largest)s battles.") % {
            "largest": f"{largest:,.0f}"
        }
    return _(
        "%(repeated)s battles begin with one of %(clusters)s messages that come again, "
        "the most frequent in %(largest)s of them."
    ) % {
        "repeated": f"{repeated:,.0f}",
        "clusters": f"{clusters:,.0f}",
        "largest": f"{largest:,.0f}",
    }


def _cap(cap: float, raters: float, most: float) -> str:
    if not raters:
        return _("Nobody gave more than the median rater, %(cap)s.") % {"cap": f"{cap:,.0f}"}
    who = ngettext("%(raters)s rater", "%(raters)s raters", int(raters)) % {
        "raters": f"{raters:,.0f}"
    }
    return _("The median rater gave %(cap)s; %(who)s gave more, up to %(most)s.") % {
        "cap": f"{cap:g}",
        "who": who,
        "most": f"{most:,.0f}",
    }


def _answer(raw: tuple[Raw, ...], switches: tuple[Switch, ...]) -> str:
    """Whether the first place stands under every control, in words."""
    first = raw[0]
    computed = [switch for switch in switches if switch.places]
    others = [
        _("%(place)s with “%(switch)s”") % {"place": place.name, "switch": switch.name}
        for switch in computed
        for place in switch.places
        if place.standing.rank == 1 and place.contestant != first.contestant
    ]
    if not computed:
        return _("%(name)s is first, and no control can be computed.") % {"name": first.name}
    if others:
        return _("%(name)s is first without a control, %(others)s.") % {
            "name": first.name,
            "others": listed(others),
        }
    return _("%(name)s is first, without a control and with each of %(computed)s.") % {
        "name": first.name,
        "computed": len(computed),
    }


def _warning(switch: Switch) -> str:
    moves = [
        (
            _("%(name)s down %(shift)s ranks")
            if place.shift > 0
            else _("%(name)s up %(shift)s ranks")
        )
        % {"name": place.name, "shift": abs(place.shift)}
        for place in switch.warned
    ]
    return _("“%(name)s” moves %(moves)s.") % {"name": switch.name, "moves": listed(moves)}
