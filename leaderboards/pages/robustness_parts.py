"""Drop-k, circles and variants in words: a finding, a sentence that explains, numbers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

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
        return f"{first} beats {second}, {second} beats {third}, {third} beats {first}"


def parts_of(
    found: Robustness, triads: Sequence[TriadLine], names: Mapping[str, str]
) -> tuple[Part, ...]:
    """Drop-k, circles and variants."""
    return (_drop_k(found, names), _circles(found.cycles, triads), _variants(found, names))


def removals(found: Robustness) -> str:
    """How few verdicts and raters it takes to make another first; empty where none do."""
    parts = [
        f"{each.count:,} of {each.among:,} {what}"
        for each, what in ((found.verdicts, "verdicts"), (found.raters, "raters"))
        if each is not None
    ]
    return f"Another would be first without as few as {' or '.join(parts)}." if parts else ""


def _drop_k(found: Robustness, names: Mapping[str, str]) -> Part:
    both = [("Verdicts", found.verdicts), ("Raters", found.raters)]
    return Part(
        key="drop-k",
        name="Fewest that decide",
        finding=removals(found) or "No removal was found that makes another first.",
        explanation="The verdicts, or raters, that most favour the first are left out, as many as "
        "it takes until a ranking made again without them has another first; that still fewer "
        "would do is not ruled out.",
        notes=(),
        heads=("Left out", "#As few as", "#Of", "#Share", "First with them", "First without"),
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
        name="Circles",
        finding=_circular(cycles),
        explanation="A ranking gives each contestant one skill; this tests whether some beat each "
        "other in a circle, as stone, scissors and paper do, more often than skills and chance "
        "explain: because raters prefer in circles, or because groups of them differ.",
        notes=_how_circular(cycles),
        heads=("Most circular", "#Around the circle, log-odds", "#In sd", "#p of the greatest"),
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
        return "Too few pairs have met for a circle to show."
    p = p_text(cycles.p_value)
    told = f"p {p}" if p.startswith("<") else f"p = {p}"
    if cycles.p_value < STRONG_SIGN:
        return f"Some are preferred in circles, which no one order of all can show ({told})."
    if cycles.p_value < SOME_SIGN:
        return f"There is some sign of people preferring in circles ({told})."
    return f"No sign of people preferring in circles ({told})."


def _how_circular(cycles: Cycles) -> tuple[str, ...]:
    if not cycles.degrees:
        return ()
    by = f"by {cycles.draws:,} simulated tournaments" if cycles.draws else "by χ²"
    told = (
        f"Beyond skills, pairs differ by an sd of {signed(cycles.spread)} in log-odds; the "
        f"statistic is {cycles.statistic:,.1f} with {cycles.degrees:,} degrees of freedom, and p "
        f"is {by}."
    )
    return (told,)


def _variants(found: Robustness, names: Mapping[str, str]) -> Part:
    several = [each for each in found.variants if each.tried > 1]
    return Part(
        key="variants",
        name="Variants of one developer",
        finding=_best_of(several, names),
        explanation="Who enters several variants and points at the best points at the luckiest as "
        "well: its skill is drawn to that of the others as far as chance explains why they look "
        "different.",
        notes=(),
        heads=(
            "Developer", "#Variants", "Best of them", "#Skill", "#Corrected",
            f"#95{PERCENT} interval", "#Best of equals, by luck", "#Rank",
            "#Corrected rank",
        ),
        rows=tuple(_family(each, names) for each in found.variants),
    )  # fmt: skip


def _best_of(several: Sequence[Variants], names: Mapping[str, str]) -> str:
    if not several:
        return "Nobody is known to have entered several variants."
    most = several[0]
    developers = [each.developer for each in several if each.tried == most.tried]
    who = listed(developers) if len(developers) < 4 else f"{len(developers)} developers"
    told = f"{who} entered {most.tried:,} variants{' each' if len(developers) > 1 else ''}"
    moved = [
        f"{names[each.best]} from {each.rank} to {each.corrected_rank}"
        for each in several
        if each.rank != each.corrected_rank
    ]
    if not moved:
        return f"{told}; no best one changes rank once its luck is allowed for."
    return f"{told}; allowing for the best one’s luck moves {listed(moved)}."


def _family(variants: Variants, names: Mapping[str, str]) -> tuple[str, ...]:
    is_several = variants.tried > 1
    return (
        variants.developer or "not named",
        f"{variants.tried:,}",
        names[variants.best],
        signed(variants.skill),
        signed(variants.corrected) if is_several else "–",
        f"{signed(variants.low)} to {signed(variants.high)}",
        signed(variants.by_chance) if is_several else "–",
        str(variants.rank),
        str(variants.corrected_rank),
    )


def p_text(p: float) -> str:
    """A p value: ".41", "<.001"."""
    if p < 0.001:
        return "<.001"
    return f"{p:.3f}".lstrip("0") if p < 0.01 else f"{p:.2f}".lstrip("0")
