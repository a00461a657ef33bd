"""Drop-k, circles and variants in words: a finding, a sentence that explains, numbers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from leaderboards.pages.words import PERCENT, listed, percent, signed
from leaderboards.ranking.cycles import Cycles, Triad
from leaderboards.services.robustness import Removal, Robustness, Variants

# At a p below these, something speaks for circles, or much does.
SOME_SIGN: Final = 0.05
STRONG_SIGN: Final = 0.01


@dataclass(frozen=True)
class Part:
    """One check: its finding, one sentence on what it does, and a table of few rows.

    `heads` begin with `#` above columns of numbers.
    """

    key: str
    name: str
    finding: str
    explanation: str
    notes: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> tuple[tuple[str, bool], ...]:
        """The heads, and whether each is above numbers."""
        return tuple((head.removeprefix("#"), head.startswith("#")) for head in self.heads)

    @property
    def lines(self) -> tuple[tuple[tuple[str, bool], ...], ...]:
        """The rows, each text with whether it is a number."""
        numbers = [is_number for _, is_number in self.columns]
        return tuple(tuple(zip(row, numbers, strict=True)) for row in self.rows)


@dataclass(frozen=True)
class TriadLine:
    """Three contestants that go round in a circle, by slug and by name."""

    contestants: tuple[str, ...]
    names: tuple[str, ...]
    of: Triad

    @classmethod
    def of_slugs(
        cls, triad: Triad, contestants: Sequence[str], names: Mapping[str, str]
    ) -> "TriadLine":
        """A triad of indices into contestants by slug."""
        slugs = tuple(contestants[k] for k in triad.contestants)
        return cls(slugs, tuple(names[slug] for slug in slugs), triad)

    @property
    def words(self) -> str:
        """Who beats whom more often than their skills say."""
        first, second, third = self.names
        return _(
            "%(first)s beats %(second)s, %(second)s beats %(third)s, %(third)s beats %(first)s"
        ) % {"first": first, "second": second, "third": third}


def parts_of(
    found: Robustness, triads: Sequence[TriadLine], names: Mapping[str, str]
) -> tuple[Part, ...]:
    """Drop-k, circles and variants."""
    return (_drop_k(found, names), _circles(found.cycles, triads), _variants(found, names))


def removals(found: Robustness) -> str:
    """How few verdicts and raters it takes to make another first; empty where none do."""
    verdicts, raters = found.verdicts, found.raters
    if verdicts is not None and raters is not None:
        return _(
            "Another would be first without as few as %(verdicts)s of %(all_verdicts)s "
            "verdicts or %(raters)s of %(all_raters)s raters."
        ) % {
            "verdicts": f"{verdicts.count:,}",
            "all_verdicts": f"{verdicts.among:,}",
            "raters": f"{raters.count:,}",
            "all_raters": f"{raters.among:,}",
        }
    if verdicts is not None:
        return _("Another would be first without as few as %(count)s of %(among)s verdicts.") % {
            "count": f"{verdicts.count:,}",
            "among": f"{verdicts.among:,}",
        }
    if raters is not None:
        return _("Another would be first without as few as %(count)s of %(among)s raters.") % {
            "count": f"{raters.count:,}",
            "among": f"{raters.among:,}",
        }
    return ""


def _drop_k(found: Robustness, names: Mapping[str, str]) -> Part:
    both = [(_("Verdicts"), found.verdicts), (_("Raters"), found.raters)]
    return Part(
        key="drop-k",
        name=_("Fewest that decide"),
        finding=removals(found) or _("No removal was found that makes another first."),
        explanation=_(
            "The verdicts, or raters, that most favour the first are left out, as many as "
            "it takes until a ranking made again without them has another first; that "
            "still fewer would do is not ruled out."
        ),
        notes=(),
        heads=(
            _("Left out"),
            _("#As few as"),
            _("#Of"),
            _("#Share"),
            _("First with them"),
            _("First without"),
        ),
        rows=tuple(_removal(what, each, names) for what, each in both if each is not None),
    )


def _removal(what: str, removal: Removal, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        what,
        f"{removal.count:,}",
        f"{removal.among:,}",
        percent(removal.count / removal.among, decimals=2),
        names[removal.leader],
        names[removal.new_leader],
    )


def _circles(cycles: Cycles, triads: Sequence[TriadLine]) -> Part:
    return Part(
        key="circles",
        name=_("Circles"),
        finding=_circular(cycles),
        explanation=_(
            "A ranking gives each contestant one skill; this tests whether some beat each "
            "other in a circle, as stone, scissors and paper do, more often than skills "
            "and chance explain: because raters prefer in circles, or because groups of "
            "them differ."
        ),
        notes=_how_circular(cycles),
        heads=(
            _("Most circular"),
            _("#Around the circle, log-odds"),
            _("#In sd"),
            _("#p of the greatest"),
        ),
        rows=tuple(
            (
                each.words,
                signed(each.of.curl),
                signed(each.of.z, decimals=1),
                p_text(each.of.p_value),
            )
            for each in triads
        ),
    )


def _circular(cycles: Cycles) -> str:
    if not cycles.degrees:
        return _("Too few pairs have met for a circle to show.")
    p = p_text(cycles.p_value)
    told = f"p {p}" if p.startswith("<") else f"p = {p}"
    if cycles.p_value < STRONG_SIGN:
        return _(
            "Some are preferred in circles, which no one order of all can show (%(told)s)."
        ) % {"told": told}
    if cycles.p_value < SOME_SIGN:
        return _("There is some sign of people preferring in circles (%(told)s).") % {"told": told}
    return _("No sign of people preferring in circles (%(told)s).") % {"told": told}


def _how_circular(cycles: Cycles) -> tuple[str, ...]:
    if not cycles.degrees:
        return ()
    by = (
        _("by %(draws)s simulated tournaments") % {"draws": f"{cycles.draws:,}"}
        if cycles.draws
        else _("by χ²")
    )
    told = _(
        "Beyond skills, pairs differ by an sd of %(spread)s in log-odds; the statistic "
        "is %(statistic)s with %(degrees)s degrees of freedom, and p is %(by)s."
    ) % {
        "spread": signed(cycles.spread),
        "statistic": f"{cycles.statistic:,.1f}",
        "degrees": f"{cycles.degrees:,}",
        "by": by,
    }
    return (told,)


def _variants(found: Robustness, names: Mapping[str, str]) -> Part:
    several = [each for each in found.variants if each.tried > 1]
    return Part(
        key="variants",
        name=_("Variants of one developer"),
        finding=_best_of(several, names),
        explanation=_(
            "Who enters several variants and points at the best points at the luckiest as "
            "well: its skill is drawn to that of the others as far as chance explains why "
            "they look different."
        ),
        notes=(),
        heads=(
            _("Developer"),
            _("#Variants"),
            _("Best of them"),
            _("#Skill"),
            _("#Corrected"),
            _("#95%(percent)s interval") % {"percent": PERCENT},
            _("#Best of equals, by luck"),
            _("#Rank"),
            _("#Corrected rank"),
        ),
        rows=tuple(_family(each, names) for each in found.variants),
    )


def _best_of(several: Sequence[Variants], names: Mapping[str, str]) -> str:
    if not several:
        return _("Nobody is known to have entered several variants.")
    most = several[0]
    developers = [each.developer for each in several if each.tried == most.tried]
    who = (
        listed(developers)
        if len(developers) < 4
        else _("%(developers)s developers") % {"developers": len(developers)}
    )
    told = ngettext(
        "%(who)s entered %(tried)s variants",
        "%(who)s entered %(tried)s variants each",
        len(developers),
    ) % {"who": who, "tried": f"{most.tried:,}"}
    moved = [
        _("%(names)s from %(rank)s to %(corrected_rank)s")
        % {"names": names[each.best], "rank": each.rank, "corrected_rank": each.corrected_rank}
        for each in several
        if each.rank != each.corrected_rank
    ]
    if not moved:
        return _("%(told)s; no best one changes rank once its luck is allowed for.") % {
            "told": told
        }
    return _("%(told)s; allowing for the best one’s luck moves %(moved)s.") % {
        "told": told,
        "moved": listed(moved),
    }


def _family(variants: Variants, names: Mapping[str, str]) -> tuple[str, ...]:
    is_several = variants.tried > 1
    return (
        variants.developer or _("not named"),
        f"{variants.tried:,}",
        names[variants.best],
        signed(variants.skill),
        signed(variants.corrected) if is_several else "–",
        _("%(low)s to %(high)s") % {"low": signed(variants.low), "high": signed(variants.high)},
        signed(variants.by_chance) if is_several else "–",
        str(variants.rank),
        str(variants.corrected_rank),
    )


def p_text(p: float) -> str:
    """A p value: ".41", "<.001"."""
    if p < 0.001:
        return "<.001"
    return f"{p:.3f}".lstrip("0") if p < 0.01 else f"{p:.2f}".lstrip("0")
