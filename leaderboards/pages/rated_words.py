"""What a report on people's ratings and a judge's scores says, in words. Pure."""

from math import isfinite
from typing import Final

from leaderboards.comparison.figures import Figure
from leaderboards.machines.documents import RatedMachine
from leaderboards.pages.machine_words import (
    UNKNOWN,
    Told,
    between,
    figures_of_work,
    of_number,
    of_share,
)
from leaderboards.pages.words import signed

# How both scales are brought together, for whoever reads points.
ONE_SCALE: Final = (
    "The judge scores from 1 to 5 and people rate from 1 to 7: its scores are put on people’s "
    "scale end to end, so that 1 stays 1 and 5 is 7. Nothing is fitted, for that would take away "
    "what is looked for, a judge that is milder than people or spreads its scores less. "
    "Correlations do not depend on it."
)


def answer_of_ratings(machine: RatedMachine) -> str:
    """The verdict in one sentence: how well the judge's scores go with people's, and theirs do.

    It claims no more than the intervals hold.
    """
    agreed = machine.agreement
    ceiling, mine = agreed.people_with_others, agreed.with_others
    if not isfinite(ceiling.value) or not isfinite(mine.value):
        if not isfinite(agreed.spearman.value):
            return "Too few conversations were scored by both, or all of them alike"
        said = f"{signed(agreed.spearman.value)} ({between(agreed.spearman)})"
        return (
            f"Over conversations the judge’s scores and people’s correlate by {said}; no two "
            "people rated the same one, so that nobody knows how well theirs would"
        )
    said = (
        f"With what others give a conversation the judge’s scores correlate by "
        f"{signed(mine.value)}, a person’s by {signed(ceiling.value)}"
    )
    if mine.high < ceiling.low:
        return f"{said}: clearly less"
    if mine.low > ceiling.high:
        return f"{said}: clearly more"
    return f"{said}: the two are not clearly apart"


def order_of_ratings(machine: RatedMachine) -> str:
    """Whether the judge orders the contestants as people do, and whether it is milder."""
    order, lenient = machine.order, machine.agreement.leniency
    parts = []
    if isfinite(order.spearman.value):
        said = (
            f"Its order of {order.spearman.n} contestants and people’s correlate by "
            f"{signed(order.spearman.value)}"
        )
        if isfinite(order.ceiling):
            said = f"{said}; people asked anew would by {signed(order.ceiling)}"
        parts.append(said)
    else:
        parts.append("Too few contestants were rated by both to speak of an order")
    if lenient.low > 0 or lenient.high < 0:
        than = "higher" if lenient.value > 0 else "lower"
        size = signed(abs(lenient.value))
        parts.append(f"It scores {size} points {than} than people, on their scale from 1 to 7")
    return ". ".join(parts)


def figures_of_ratings(machine: RatedMachine) -> tuple[Told, ...]:
    """How well the judge's scores go with people's, and people's with each other's."""
    agreed = machine.agreement
    return (
        of_number(
            "Pearson’s r", agreed.pearson, "conversation",
            "Of the judge’s score and people’s mean, over conversations.",
        ),
        of_number("Spearman’s ρ", agreed.spearman, "conversation", "The same, of ranks."),
        of_number(
            "Kendall’s τ", agreed.kendall, "conversation",
            "Pairs of conversations in the same order less pairs in the other.",
        ),
        of_number(
            "The judge, with the others", agreed.with_others, "rating",
            "Of each rating left out in turn: Spearman’s ρ of the judge’s score and the mean of "
            "the rest.",
        ),
        of_number(
            "People, with the others", agreed.people_with_others, "rating",
            "The same of the rating left out itself: what can be asked of a judge at all.",
        ),
        of_number(
            "Krippendorff’s α", agreed.alpha, "conversation",
            "Of the judge and people’s mean, for intervals: a judge that is milder agrees less.",
        ),
        of_number(
            "People’s own α", agreed.people_alpha, "conversation",
            "Of people alone, where two or more rated the same one.",
        ),
        of_number(
            "Milder by", agreed.leniency, "conversation",
            "The judge’s mean less people’s, in points of people’s scale.",
        ),
        of_number(
            "Off by", agreed.distance, "conversation",
            "How far the judge’s score is from people’s mean, on average, in points.",
        ),
        of_number(
            "Contestants: Spearman’s ρ", machine.order.spearman, "contestant",
            "Of the order of the contestants’ means by the judge and by people.",
        ),
        of_number(
            "Contestants: Kendall’s τ", machine.order.kendall, "contestant",
            "Pairs in the same order less pairs in the other.",
        ),
    )  # fmt: skip


def card_of_ratings(machine: RatedMachine) -> tuple[Told, ...]:
    """The report card: what sways the judge, whether it repeats itself, and what it costs."""
    return (*_of_length(machine), *_of_family(machine), *_of_repeats(machine), *_of_rest(machine))


def _of_length(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.length
    if not found.judge.n:
        return ()
    return (
        of_number(
            "Length", found.judge, "conversation",
            "By how many points its scores rise when replies are twice as long; people’s do by "
            f"{_points(found.people)} on the same.",
        ),
        of_number(
            "Length, beyond people", found.beyond, "conversation",
            "The judge’s rise less people’s: better contestants may well write more.",
        ),
    )  # fmt: skip


def _of_family(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.family
    if found is None:
        return ()
    return (
        of_number(
            "Its own family", found.beyond, "conversation",
            f"By how many points contestants by {machine.developer} lie above the others with the "
            f"judge ({_points(found.judge)}), less the same with people ({_points(found.people)}).",
        ),
    )  # fmt: skip


def _of_repeats(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.repeated
    if not found.same.n:
        return ()
    return (
        of_share(
            "Repeatability", found.same, "conversation",
            "Asked again, how often it gives the same score.",
        ),
        of_number(
            "Apart when asked again", found.apart, "conversation",
            "How far two of its scores of one conversation lie apart, in points.",
        ),
    )  # fmt: skip


def _of_rest(machine: RatedMachine) -> tuple[Told, ...]:
    return figures_of_work(
        machine.canaries,
        machine.price,
        abstained=machine.abstained,
        verdicts=machine.verdicts,
        failed=machine.failed,
    )


def _points(figure: Figure) -> str:
    return signed(figure.value) if isfinite(figure.value) else UNKNOWN
