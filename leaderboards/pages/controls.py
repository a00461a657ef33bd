"""Says in words what each control does, and what it shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

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
        "Style",
        "Allows for how long the replies are, their lists, headings and bold type, and how soon "
        "they begin: who would rank where if they all looked alike.",
    ),
    POSITION: Told("Position", "Takes out whatever advantage there is in being shown as side A."),
    DUPLICATES: Told(
        "Duplicates once",
        "Counts battles that begin with nearly the same message as one, so that nothing is "
        "decided by what many happen to ask.",
    ),
    CAPPED: Told("Raters capped", "Counts nobody for more verdicts than the median rater gave."),
}
# What a covariate compares: the one that has more of it, and what it is called.
COMPARED: Final = {
    "words": ("whose replies are twice as long", "length"),
    "list_items": ("with five list items, where the other has none,", "list items"),
    "headers": ("with three headings, where the other has none,", "headings"),
    "bold": ("with five bold phrases, where the other has none,", "bold type"),
    "first_piece_ms": ("whose replies take twice as long to begin", "time to the first words"),
    "side_a": ("shown as side A", "side"),
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
        return f"{'down' if self.shift > 0 else 'up'} {abs(self.shift)}" if self.shift else ""


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
        return EXPLAINED[control.key]
    return Told(
        f"Without {axes[axis]}",
        f"Keeps the sample’s own mix of {axes[axis].lower()} in place of the electorate’s: does "
        "the order depend on it?",
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
    who, _ = COMPARED[effect.key]
    decimals = int(effect.share_high - effect.share_low < NARROW)
    share, low, high = (
        percent(each, decimals=decimals)
        for each in (effect.share, effect.share_low, effect.share_high)
    )
    told = f"Of two equals, the one {who} wins {share} of the decided battles ({low} to {high})"
    is_even = effect.low <= 0 <= effect.high
    return f"{told}: that may be no difference." if is_even else f"{told}, all else equal."


def _unmoved(effects: list[Effect]) -> str:
    what = listed([COMPARED[effect.key][1] for effect in effects])
    return f"No two sides differ in {what}: nothing can be said of that."


def _finding(places: tuple[Place, ...]) -> str:
    moved = [place for place in places if place.shift]
    if not moved:
        return "Nobody changes rank."
    widest = max(abs(place.shift) for place in moved)
    furthest = [place.name for place in moved if abs(place.shift) == widest]
    ranks = "1 rank" if widest == 1 else f"{widest} ranks"
    who = f"{len(moved)} contestants change rank"
    if len(moved) == len(furthest):
        return f"{listed(furthest)} move by {ranks}."
    verb = "moves" if len(furthest) == 1 else "move"
    return f"{who}; {listed(furthest)} {verb} furthest, by {ranks}."


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
    return (
        f"Of {unknown:,.0f} of {battles:,.0f} battles the replies of both sides are not known; "
        "they count as if they had looked alike."
    )


def _repeated(repeated: float, clusters: float, largest: float) -> str:
    if not clusters:
        return "No first message comes again."
    if clusters == 1:
        return f"One first message comes again, in {largest:,.0f} battles."
    return (
        f"{repeated:,.0f} battles begin with one of {clusters:,.0f} messages that come again, the "
        f"most frequent in {largest:,.0f} of them."
    )


def _cap(cap: float, raters: float, most: float) -> str:
    if not raters:
        return f"Nobody gave more than the median rater, {cap:,.0f}."
    who = "1 rater" if raters == 1 else f"{raters:,.0f} raters"
    return f"The median rater gave {cap:g}; {who} gave more, up to {most:,.0f}."


def _answer(raw: tuple[Raw, ...], switches: tuple[Switch, ...]) -> str:
    """Whether the first place stands under every control, in words."""
    first = raw[0]
    computed = [switch for switch in switches if switch.places]
    others = [
        f"{place.name} with “{switch.name}”"
        for switch in computed
        for place in switch.places
        if place.standing.rank == 1 and place.contestant != first.contestant
    ]
    if not computed:
        return f"{first.name} is first, and no control can be computed."
    if others:
        return f"{first.name} is first without a control, {listed(others)}."
    return f"{first.name} is first, without a control and with each of {len(computed)}."


def _warning(switch: Switch) -> str:
    moves = [
        f"{place.name} {'down' if place.shift > 0 else 'up'} {abs(place.shift)} ranks"
        for place in switch.warned
    ]
    return f"“{switch.name}” moves {listed(moves)}."
