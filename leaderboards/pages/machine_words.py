"""What a report on people and machine says, in words: sentences with their figures. Pure."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from leaderboards.comparison.figures import Figure
from leaderboards.comparison.report_card import Price
from leaderboards.comparison.similarity import Mirror
from leaderboards.machines.documents import Machine
from leaderboards.pages.words import MINUS, PERCENT, listed, percent, signed

UNKNOWN: Final = "–"
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
    return f"{signed(figure.low)} to {signed(figure.high)}"


def points(figure: Figure) -> str:
    """A difference of shares in percentage points, with its sign."""
    if not isfinite(figure.value):
        return UNKNOWN
    return f"{plus(figure.value * 100)} points"


def points_between(figure: Figure) -> str:
    """The interval of such a difference."""
    if not isfinite(figure.low):
        return UNKNOWN
    return f"{plus(figure.low * 100)} to {plus(figure.high * 100)}"


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
    return f"{figure.n:,} {what}{'' if figure.n == 1 else 's'}"


def answer_of(machine: Machine) -> str:
    """The verdict in one sentence: how often the judge says what people say, and how often they do.

    It claims no more than the intervals hold.
    """
    agreed = machine.agreement
    if not agreed.with_majority.n:
        return "People are divided on every conversation that this judge has judged"
    ceiling, mine = agreed.people_with_others, agreed.with_others
    if not ceiling.n:
        said = f"{share(agreed.with_individuals)} ({interval(agreed.with_individuals)})"
        return (
            f"In {said} of the conversations the judge says what the person said; no two people "
            "compared the same one, so that nobody knows how often they would agree"
        )
    beside = f"{share(mine)} of the time; a person does so {share(ceiling)} of the time"
    said = f"The judge says what most others say {beside}"
    if mine.high < ceiling.low:
        return f"{said}: clearly more often"
    if mine.low > ceiling.high:
        return f"{said}: clearly less often"
    return f"{said}: the two are not clearly apart"


def order_in_words(machine: Machine) -> str:
    """Whether the judge orders the contestants as people do."""
    found = machine.order.spearman
    if not isfinite(found.value):
        return "Too few contestants were compared by both to speak of an order"
    said = f"Its order of {found.n} contestants and people’s correlate by {signed(found.value)}"
    if isfinite(machine.order.ceiling):
        return f"{said}; people asked anew would by {signed(machine.order.ceiling)}"
    return said


def mirrors_in_words(mirrors: tuple[Mirror, ...]) -> str:
    """Which groups the judge mirrors, and which it misses; as few as are more than noise."""
    if not mirrors:
        return "The raters of this study are in no groups"
    mirrored = [each.group for each in mirrors if each.is_mirrored]
    missed = [each.group for each in reversed(mirrors) if each.is_missed]
    parts = []
    if mirrored:
        parts.append(f"mirrors {_named(mirrored)}")
    if missed:
        parts.append(f"misses {_named(missed)}")
    if not parts:
        groups = f"{len(mirrors)} group{'' if len(mirrors) == 1 else 's'}"
        return f"It mirrors or misses none of {groups} by more than noise"
    return f"It {' and '.join(parts)}, compared with everybody else"


def _named(groups: list[str]) -> str:
    if len(groups) <= MOST_NAMED:
        return listed(groups)
    return f"{', '.join(groups[:MOST_NAMED])} and {len(groups) - MOST_NAMED} more"


def _whole(value: float) -> str:
    return signed(value * 100, decimals=0)


def figures_of_agreement(machine: Machine) -> tuple[Told, ...]:
    """How often the judge says what people say, and how often people do."""
    agreed = machine.agreement
    return (
        of_share(
            "With the majority", agreed.with_majority, "conversation",
            "Where one answer leads among people, how often the judge gives it: its accuracy. "
            f"People are divided on {agreed.without_majority:,} more.",
        ),
        of_number(
            "Cohen’s κ", agreed.kappa, "conversation",
            "The same, allowing for agreement by chance: 0 is chance, 1 is always.",
        ),
        of_share(
            "Where both name a side", agreed.on_sides, "conversation",
            "Ties left out on either side: half would be chance.",
        ),
        of_share(
            "With single people", agreed.with_individuals, "vote",
            "How often a person’s own answer is the judge’s.",
        ),
        of_share(
            "The judge, with most others", agreed.with_others, "vote",
            "Of each vote left out in turn: how often the judge says what leads among the rest.",
        ),
        of_share(
            "People, with most others", agreed.people_with_others, "vote",
            "How often the vote itself does: what can be asked of a judge at all.",
        ),
        of_share(
            "People, with each other", agreed.people_with_individuals, "vote",
            "How often two people say the same of one conversation.",
        ),
        Told(
            "Krippendorff’s α", *_alpha(agreed.alpha.alpha, agreed.alpha.low, agreed.alpha.high),
            f"{agreed.alpha.units:,} conversations", "Of the judge and people’s majority.",
        ),
        Told(
            "People’s own α",
            *_alpha(agreed.people_alpha.alpha, agreed.people_alpha.low, agreed.people_alpha.high),
            f"{agreed.people_alpha.units:,} conversations",
            "Of people alone, where two or more judged the same one.",
        ),
        of_number(
            "Spearman’s ρ", machine.order.spearman, "contestant",
            "Of the contestants’ order by the judge and by people, on the same conversations.",
        ),
        of_number(
            "Kendall’s τ", machine.order.kendall, "contestant",
            "Pairs in the same order less pairs in the other.",
        ),
    )  # fmt: skip


def _alpha(value: float, low: float, high: float) -> tuple[str, str]:
    if not isfinite(value):
        return UNKNOWN, UNKNOWN
    return signed(value), f"{signed(low)} to {signed(high)}" if isfinite(low) else UNKNOWN


def figures_of_card(machine: Machine) -> tuple[Told, ...]:
    """The report card: what sways the judge, whether it repeats itself, and what it costs."""
    return (
        *_of_position(machine),
        *_of_length(machine),
        *_of_family(machine),
        *_of_consistency(machine),
        *figures_of_work(
            machine.canaries,
            machine.price,
            abstained=machine.abstained,
            verdicts=machine.verdicts,
            failed=machine.failed,
        ),
        *_of_tuning(machine),
    )


def _of_tuning(machine: Machine) -> tuple[Told, ...]:
    if not machine.learned_from:
        return ()
    return (
        Told(
            "Tuned on", f"{machine.learned_from:,}", UNKNOWN, "conversations",
            "An earlier version of the judge was tuned on them; they are in none of these figures.",
        ),
    )  # fmt: skip


def _of_position(machine: Machine) -> tuple[Told, ...]:
    found = machine.position
    if found is None:
        return ()
    return (
        of_share(
            "Position", found.first, "verdict",
            "How many of its decided verdicts go to the side shown first; half would be no bias.",
        ),
        of_share(
            "Position, ties counted", found.first_of_all, "verdict",
            "The same of all its verdicts.",
        ),
        of_share(
            "Always the first", found.swayed_to_first, "conversation",
            "Judged in both orders, it took whoever stood first both times.",
        ),
        of_share(
            "Always the last", found.swayed_to_last, "conversation",
            "Judged in both orders, it took whoever stood last both times.",
        ),
    )  # fmt: skip


def _of_length(machine: Machine) -> tuple[Told, ...]:
    found = machine.length
    if not found.judge.n:
        return ()
    return (
        of_share(
            "Length", found.judge, "conversation",
            f"How often it takes the longer replies; people do in {share(found.people)} of these.",
        ),
        of_number(
            "Length, beyond people", found.log_odds, "conversation",
            "By how much its log-odds of taking the longer are above people’s.",
        ),
        of_points(
            "Verbosity", found.verbosity, "conversation",
            "How much more often it takes the longer against people than the shorter.",
        ),
    )  # fmt: skip


def _of_family(machine: Machine) -> tuple[Told, ...]:
    found = machine.family
    if found is None:
        return ()
    return (
        of_points(
            "Its own family", found.beyond, "conversation",
            f"Points that contestants by {machine.developer} win with the judge "
            f"({share(found.judge)}), less what they win with people ({share(found.people)}).",
        ),
    )  # fmt: skip


def _of_consistency(machine: Machine) -> tuple[Told, ...]:
    found, rows = machine.consistency, []
    if found.order.n:
        rows.append(
            of_share(
                "Order consistency", found.order, "conversation",
                "With the sides exchanged, how often it says the same of the contestants.",
            )
        )  # fmt: skip
    if found.repeat.n:
        rows.append(
            of_share(
                "Repeatability", found.repeat, "conversation",
                "Asked again in the same order, how often it says the same.",
            )
        )  # fmt: skip
    rows.append(
        Told(
            "Its doubt", signed(machine.reliability.area) if isfinite(machine.reliability.area)
            else UNKNOWN, UNKNOWN, f"{machine.reliability.n:,} conversations",
            "The chance that a verdict which people share has the smaller doubt of two, by how "
            "sure it is and whether other judges say the same: ½ says that this tells nothing.",
        )
    )  # fmt: skip
    return tuple(rows)


def figures_of_work(
    canaries: Figure, price: Price, *, abstained: int, verdicts: int, failed: int
) -> tuple[Told, ...]:
    """What became of a run's canaries, what it took, and how much was left unsaid."""
    rows = []
    if canaries.n:
        rows.append(
            of_share(
                "Canaries", canaries, "canary conversation",
                "Planted conversations with one side that nobody could prefer: how many it saw "
                "through. A run in which one wins has failed.",
            )
        )  # fmt: skip
    if price.priced:
        rows.append(
            Told(
                "Cost", f"${price.cost:,.4f}", UNKNOWN, f"{price.priced:,} answers",
                "Mean cost of one answer, in US dollars.",
            )
        )  # fmt: skip
    if price.timed:
        rows.append(
            Told(
                "Time", f"{price.seconds:.1f} s", UNKNOWN,
                f"{price.timed:,} answers",
                "Median time of one answer.",
            )
        )  # fmt: skip
    rows.append(
        Told(
            "Abstained", f"{abstained:,}", UNKNOWN, f"{verdicts:,} verdicts",
            "How often it would not or could not say; never counted as a tie. "
            f"{failed:,} conversations could not be judged at all.",
        )
    )  # fmt: skip
    return tuple(rows)
