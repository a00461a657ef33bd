"""What a report on people's ratings and a judge's scores says, in words. Pure."""

from math import isfinite
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.comparison.figures import Figure
from leaderboards.machines.documents import RatedMachine
from leaderboards.pages.machine_figures import figures_of_work
from leaderboards.pages.machine_words import (
    UNKNOWN,
    Told,
    between,
    of_number,
    of_share,
)
from leaderboards.pages.words import signed

# How both scales are brought together, for whoever reads points.
ONE_SCALE: Final = gettext_noop(
    "The judge scores from 1 to 5 and people rate from 1 to 7: its scores are put on "
    "people’s scale end to end, so that 1 stays 1 and 5 is 7. Nothing is fitted, for "
    "that would take away what is looked for, a judge that is milder than people or "
    "spreads its scores less. Correlations do not depend on it."
)


def answer_of_ratings(machine: RatedMachine) -> str:
    """The verdict in one sentence: how well the judge's scores go with people's, and theirs do.

    It claims no more than the intervals hold.
    """
    agreed = machine.agreement
    ceiling, mine = agreed.people_with_others, agreed.with_others
    if not isfinite(ceiling.value) or not isfinite(mine.value):
        if not isfinite(agreed.spearman.value):
            return _("Too few conversations were scored by both, or all of them alike")
        said = f"{signed(agreed.spearman.value)} ({between(agreed.spearman)})"
        return _(
            "Over conversations the judge’s scores and people’s correlate by %(said)s; "
            "no two people rated the same one, so that nobody knows how well theirs "
            "would"
        ) % {"said": said}
    judge, person = signed(mine.value), signed(ceiling.value)
    if mine.high < ceiling.low:
        return _(
            "With what others give a conversation the judge’s scores correlate by "
            "%(judge)s, a person’s by %(person)s: clearly less"
        ) % {"judge": judge, "person": person}
    if mine.low > ceiling.high:
        return _(
            "With what others give a conversation the judge’s scores correlate by "
            "%(judge)s, a person’s by %(person)s: clearly more"
        ) % {"judge": judge, "person": person}
    return _(
        "With what others give a conversation the judge’s scores correlate by %(judge)s, a "
        "person’s by %(person)s: the two are not clearly apart"
    ) % {"judge": judge, "person": person}


def order_of_ratings(machine: RatedMachine) -> str:
    """Whether the judge orders the contestants as people do, and whether it is milder."""
    order, lenient = machine.order, machine.agreement.leniency
    parts = []
    if isfinite(order.spearman.value):
        contestants, by = order.spearman.n, signed(order.spearman.value)
        said = _("Its order of %(contestants)s contestants and people’s correlate by %(by)s") % {
            "contestants": contestants,
            "by": by,
        }
        if isfinite(order.ceiling):
            said = _(
                "Its order of %(contestants)s contestants and people’s correlate by "
                "%(by)s; people asked anew would by %(ceiling)s"
            ) % {"contestants": contestants, "by": by, "ceiling": signed(order.ceiling)}
        parts.append(said)
    else:
        parts.append(_("Too few contestants were rated by both to speak of an order"))
    if lenient.low > 0 or lenient.high < 0:
        size = signed(abs(lenient.value))
        parts.append(
            (
                _("It scores %(size)s points higher than people, on their scale from 1 to 7")
                if lenient.value > 0
                else _("It scores %(size)s points lower than people, on their scale from 1 to 7")
            )
            % {"size": size}
        )
    return ". ".join(parts)


def figures_of_ratings(machine: RatedMachine) -> tuple[Told, ...]:
    """How well the judge's scores go with people's, and people's with each other's."""
    agreed = machine.agreement
    return (
        of_number(
            _("Pearson’s r"),
            agreed.pearson,
            "conversation",
            _("Of the judge’s score and people’s mean, over conversations."),
        ),
        of_number(_("Spearman’s ρ"), agreed.spearman, "conversation", _("The same, of ranks.")),
        of_number(
            _("Kendall’s τ"),
            agreed.kendall,
            "conversation",
            _("Pairs of conversations in the same order less pairs in the other."),
        ),
        of_number(
            _("The judge, with the others"),
            agreed.with_others,
            "rating",
            _(
                "Of each rating left out in turn: Spearman’s ρ of the judge’s score and "
                "the mean of the rest."
            ),
        ),
        of_number(
            _("People, with the others"),
            agreed.people_with_others,
            "rating",
            _("The same of the rating left out itself: what can be asked of a judge at all."),
        ),
        of_number(
            _("Krippendorff’s α"),
            agreed.alpha,
            "conversation",
            _("Of the judge and people’s mean, for intervals: a judge that is milder agrees less."),
        ),
        of_number(
            _("People’s own α"),
            agreed.people_alpha,
            "conversation",
            _("Of people alone, where two or more rated the same one."),
        ),
        of_number(
            _("Milder by"),
            agreed.leniency,
            "conversation",
            _("The judge’s mean less people’s, in points of people’s scale."),
        ),
        of_number(
            _("Off by"),
            agreed.distance,
            "conversation",
            _("How far the judge’s score is from people’s mean, on average, in points."),
        ),
        of_number(
            _("Contestants: Spearman’s ρ"),
            machine.order.spearman,
            "contestant",
            _("Of the order of the contestants’ means by the judge and by people."),
        ),
        of_number(
            _("Contestants: Kendall’s τ"),
            machine.order.kendall,
            "contestant",
            _("Pairs in the same order less pairs in the other."),
        ),
    )


def card_of_ratings(machine: RatedMachine) -> tuple[Told, ...]:
    """The report card: what sways the judge, whether it repeats itself, and what it costs."""
    return (*_of_length(machine), *_of_family(machine), *_of_repeats(machine), *_of_rest(machine))


def _of_length(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.length
    if not found.judge.n:
        return ()
    return (
        of_number(
            _("Length"),
            found.judge,
            "conversation",
            _(
                "By how many points its scores rise when replies are twice as long; "
                "people’s do by %(people)s on the same."
            )
            % {"people": _points(found.people)},
        ),
        of_number(
            _("Length, beyond people"),
            found.beyond,
            "conversation",
            _("The judge’s rise less people’s: better contestants may well write more."),
        ),
    )


def _of_family(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.family
    if found is None:
        return ()
    return (
        of_number(
            _("Its own family"),
            found.beyond,
            "conversation",
            _(
                "By how many points contestants by %(developer)s lie above the others with "
                "the judge (%(judge)s), less the same with people (%(people)s)."
            )
            % {
                "developer": machine.developer,
                "judge": _points(found.judge),
                "people": _points(found.people),
            },
        ),
    )


def _of_repeats(machine: RatedMachine) -> tuple[Told, ...]:
    found = machine.repeated
    if not found.same.n:
        return ()
    return (
        of_share(
            _("Repeatability"),
            found.same,
            "conversation",
            _("Asked again, how often it gives the same score."),
        ),
        of_number(
            _("Apart when asked again"),
            found.apart,
            "conversation",
            _("How far two of its scores of one conversation lie apart, in points."),
        ),
    )


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
