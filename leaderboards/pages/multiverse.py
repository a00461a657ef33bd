"""Says in words what a study's multiverse shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from leaderboards.exclusions import KIND_WORDS
from leaderboards.pages.words import listed
from leaderboards.ranking.multiverse import Combination, Multiverse
from leaderboards.services.multiverse import MultiverseReport
from studies.models import Dimension, Study


@dataclass(frozen=True)
class Kind:
    """A kind of exclusions: its key, what it leaves out, and whether the first place hinges on it.

    `changes` counts the pairs of combinations, of `pairs`, that differ in this kind alone and
    have another first.
    """

    key: str
    words: str
    changes: int
    pairs: int


@dataclass(frozen=True)
class Place:
    """A contestant in one combination: rank and score with their 95 % intervals."""

    contestant: str
    name: str
    rank: int
    rank_low: int
    rank_high: int
    score: float
    score_low: float
    score_high: float
    is_provisional: bool


@dataclass(frozen=True)
class CombinationLine:
    """One combination: the kinds whose exclusions apply in it, and the places in order of rank.

    `battles` are ratings where one model at a time is rated. `refusal` says why nobody is ranked.
    """

    left_out: tuple[Kind, ...]
    raters: int
    battles: int
    refusal: str
    places: tuple[Place, ...]

    @property
    def place_of(self) -> Mapping[str, Place]:
        """The places by contestant."""
        return {place.contestant: place for place in self.places}


@dataclass(frozen=True)
class Spread:
    """How far a contestant moves over all combinations that rank it.

    `best` and `worst` are its ranks, and the intervals' ends the outermost of all.
    """

    contestant: str
    name: str
    firsts: int
    best: int
    worst: int
    rank_low: int
    rank_high: int
    score_lowest: float
    score_highest: float


@dataclass(frozen=True)
class MultiversePage:
    """Everything that is shown of a multiverse: the lines begin with that of the boards."""

    study: Study
    dimension: Dimension
    computed_at: datetime
    scope: str
    answer: str
    kinds: tuple[Kind, ...]
    lines: tuple[CombinationLine, ...]
    spreads: tuple[Spread, ...]


def multiverse_page(study: Study, dimension: Dimension, report: MultiverseReport) -> MultiversePage:
    """A page of what a report says of this dimension."""
    multiverse = report.multiverse
    names = dict(study.contestants.values_list("slug", "name"))
    pairs = len(multiverse.combinations) // 2
    kinds = tuple(
        Kind(kind, str(KIND_WORDS[kind]), multiverse.hinges.get(kind, 0), pairs)
        for kind in multiverse.kinds
    )
    # As boards are taken first, then fewer and fewer are left out.
    lines = tuple(_line(each, kinds, names) for each in reversed(multiverse.combinations))
    return MultiversePage(
        study=study,
        dimension=dimension,
        computed_at=report.computed_at,
        scope=multiverse.scope,
        answer=answer(multiverse, names),
        kinds=kinds,
        lines=lines,
        spreads=_spreads(lines, {slug: names[slug] for slug in multiverse.contestants}),
    )


def answer(multiverse: Multiverse, names: Mapping[str, str]) -> str:
    """Whether the first place depends on who was thrown out, in words; `names` by slug."""
    total = len(multiverse.combinations)
    firsts = [(names[slug], count) for slug, count in multiverse.first_places.items()]
    if not firsts:
        return _("Nobody is ranked in any combination.")
    if total == 1:
        return _(
            "No exclusion can be lifted: there is one combination, and %(firsts)s is first."
        ) % {"firsts": firsts[0][0]}
    sentences = [_whose(firsts, total)]
    if multiverse.unranked:
        sentences.append(_("In %(unranked)s nobody is ranked.") % {"unranked": multiverse.unranked})
    sentences.append(_how_surely(multiverse.alone, total))
    if multiverse.hinges:
        hinges = [str(KIND_WORDS[kind]) for kind in multiverse.hinges]
        sentences.append(
            _("It hinges on whether these are left out: %(hinges)s.") % {"hinges": listed(hinges)}
        )
    return " ".join(sentences)


def _whose(firsts: list[tuple[str, int]], total: int) -> str:
    (name, count), *others = firsts
    if count == total:
        return _(
            "The first place is %(name)s’s in all %(total)s combinations: it does not "
            "depend on who was left out."
        ) % {"name": name, "total": total}
    whose = [
        _("%(name)s’s in %(count)s of %(total)s combinations")
        % {"name": name, "count": count, "total": total},
        *(_("%(other)s’s in %(its)s") % {"other": other, "its": its} for other, its in others),
    ]
    return _("The first place is %(whose)s.") % {"whose": listed(whose)}


def _how_surely(alone: int, total: int) -> str:
    often = {0: _("none"), total: _("all")}.get(alone, str(alone))
    return _("The first is separated from the second in %(often)s of them.") % {"often": often}


def _line(
    combination: Combination, kinds: tuple[Kind, ...], names: Mapping[str, str]
) -> CombinationLine:
    return CombinationLine(
        left_out=tuple(
            kind for kind, is_applied in zip(kinds, combination.applied, strict=True) if is_applied
        ),
        raters=combination.raters,
        battles=combination.battles,
        refusal=combination.refusal,
        places=tuple(
            Place(name=names[place.contestant], **vars(place)) for place in combination.places
        ),
    )


def _spreads(lines: tuple[CombinationLine, ...], names: Mapping[str, str]) -> tuple[Spread, ...]:
    """The contestants' spreads, in order of their ranks over all."""
    found = []
    for slug, name in names.items():
        places = [line.place_of[slug] for line in lines if line.places]
        if places:
            ranks = [place.rank for place in places]
            spread = Spread(
                contestant=slug,
                name=name,
                firsts=ranks.count(1),
                best=min(ranks),
                worst=max(ranks),
                rank_low=min(place.rank_low for place in places),
                rank_high=max(place.rank_high for place in places),
                score_lowest=min(place.score_low for place in places),
                score_highest=max(place.score_high for place in places),
            )
            found.append((sum(ranks), spread))
    return tuple(spread for _, spread in sorted(found, key=lambda each: (each[0], each[1].name)))
