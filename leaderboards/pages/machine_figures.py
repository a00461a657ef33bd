"""The figures of a report on people and machine, each with its interval and what it says. Pure."""

from math import isfinite

from django.utils.translation import gettext as _

from leaderboards.comparison.figures import Figure
from leaderboards.comparison.report_card import Price
from leaderboards.machines.documents import Machine
from leaderboards.pages.machine_words import (
    UNKNOWN,
    Told,
    of_number,
    of_points,
    of_share,
    share,
)
from leaderboards.pages.words import signed


def figures_of_agreement(machine: Machine) -> tuple[Told, ...]:
    """How often the judge says what people say, and how often people do."""
    agreed = machine.agreement
    return (
        of_share(
            _("With the majority"),
            agreed.with_majority,
            "conversation",
            _(
                "Where one answer leads among people, how often the judge gives it: its "
                "accuracy. People are divided on %(without_majority)s more."
            )
            % {"without_majority": f"{agreed.without_majority:,}"},
        ),
        of_number(
            _("Cohen’s κ"),
            agreed.kappa,
            "conversation",
            _("The same, allowing for agreement by chance: 0 is chance, 1 is always."),
        ),
        of_share(
            _("Where both name a side"),
            agreed.on_sides,
            "conversation",
            _("Ties left out on either side: half would be chance."),
        ),
        of_share(
            _("With single people"),
            agreed.with_individuals,
            "vote",
            _("How often a person’s own answer is the judge’s."),
        ),
        of_share(
            _("The judge, with most others"),
            agreed.with_others,
            "vote",
            _("Of each vote left out in turn: how often the judge says what leads among the rest."),
        ),
        of_share(
            _("People, with most others"),
            agreed.people_with_others,
            "vote",
            _("How often the vote itself does: what can be asked of a judge at all."),
        ),
        of_share(
            _("People, with each other"),
            agreed.people_with_individuals,
            "vote",
            _("How often two people say the same of one conversation."),
        ),
        Told(
            _("Krippendorff’s α"),
            *_alpha(agreed.alpha.alpha, agreed.alpha.low, agreed.alpha.high),
            _("%(units)s conversations") % {"units": f"{agreed.alpha.units:,}"},
            _("Of the judge and people’s majority."),
        ),
        Told(
            _("People’s own α"),
            *_alpha(agreed.people_alpha.alpha, agreed.people_alpha.low, agreed.people_alpha.high),
            _("%(units)s conversations") % {"units": f"{agreed.people_alpha.units:,}"},
            _("Of people alone, where two or more judged the same one."),
        ),
        of_number(
            _("Spearman’s ρ"),
            machine.order.spearman,
            "contestant",
            _("Of the contestants’ order by the judge and by people, on the same conversations."),
        ),
        of_number(
            _("Kendall’s τ"),
            machine.order.kendall,
            "contestant",
            _("Pairs in the same order less pairs in the other."),
        ),
    )


def _alpha(value: float, low: float, high: float) -> tuple[str, str]:
    if not isfinite(value):
        return UNKNOWN, UNKNOWN
    return signed(value), _("%(low)s to %(high)s") % {
        "low": signed(low),
        "high": signed(high),
    } if isfinite(low) else UNKNOWN


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
            _("Tuned on"),
            f"{machine.learned_from:,}",
            UNKNOWN,
            _("conversations"),
            _(
                "An earlier version of the judge was tuned on them; they are in none of "
                "these figures."
            ),
        ),
    )


def _of_position(machine: Machine) -> tuple[Told, ...]:
    found = machine.position
    if found is None:
        return ()
    return (
        of_share(
            _("Position"),
            found.first,
            "verdict",
            _(
                "How many of its decided verdicts go to the side shown first; half would "
                "be no bias."
            ),
        ),
        of_share(
            _("Position, ties counted"),
            found.first_of_all,
            "verdict",
            _("The same of all its verdicts."),
        ),
        of_share(
            _("Always the first"),
            found.swayed_to_first,
            "conversation",
            _("Judged in both orders, it took whoever stood first both times."),
        ),
        of_share(
            _("Always the last"),
            found.swayed_to_last,
            "conversation",
            _("Judged in both orders, it took whoever stood last both times."),
        ),
    )


def _of_length(machine: Machine) -> tuple[Told, ...]:
    found = machine.length
    if not found.judge.n:
        return ()
    return (
        of_share(
            _("Length"),
            found.judge,
            "conversation",
            _("How often it takes the longer replies; people do in %(people)s of these.")
            % {"people": share(found.people)},
        ),
        of_number(
            _("Length, beyond people"),
            found.log_odds,
            "conversation",
            _("By how much its log-odds of taking the longer are above people’s."),
        ),
        of_points(
            _("Verbosity"),
            found.verbosity,
            "conversation",
            _("How much more often it takes the longer against people than the shorter."),
        ),
    )


def _of_family(machine: Machine) -> tuple[Told, ...]:
    found = machine.family
    if found is None:
        return ()
    return (
        of_points(
            _("Its own family"),
            found.beyond,
            "conversation",
            _(
                "Points that contestants by %(developer)s win with the judge (%(judge)s), "
                "less what they win with people (%(people)s)."
            )
            % {
                "developer": machine.developer,
                "judge": share(found.judge),
                "people": share(found.people),
            },
        ),
    )


def _of_consistency(machine: Machine) -> tuple[Told, ...]:
    found, rows = machine.consistency, []
    if found.order.n:
        rows.append(
            of_share(
                _("Order consistency"),
                found.order,
                "conversation",
                _("With the sides exchanged, how often it says the same of the contestants."),
            )
        )
    if found.repeat.n:
        rows.append(
            of_share(
                _("Repeatability"),
                found.repeat,
                "conversation",
                _("Asked again in the same order, how often it says the same."),
            )
        )
    rows.append(
        Told(
            _("Its doubt"),
            signed(machine.reliability.area) if isfinite(machine.reliability.area) else UNKNOWN,
            UNKNOWN,
            _("%(n)s conversations") % {"n": f"{machine.reliability.n:,}"},
            _(
                "The chance that a verdict which people share has the smaller doubt of "
                "two, by how sure it is and whether other judges say the same: ½ says that "
                "this tells nothing."
            ),
        )
    )
    return tuple(rows)


def figures_of_work(
    canaries: Figure, price: Price, *, abstained: int, verdicts: int, failed: int
) -> tuple[Told, ...]:
    """What became of a run's canaries, what it took, and how much was left unsaid."""
    rows = []
    if canaries.n:
        rows.append(
            of_share(
                _("Canaries"),
                canaries,
                "canary conversation",
                _(
                    "Planted conversations with one side that nobody could prefer: how "
                    "many it saw through. A run in which one wins has failed."
                ),
            )
        )
    if price.priced:
        rows.append(
            Told(
                _("Cost"),
                f"${price.cost:,.4f}",
                UNKNOWN,
                _("%(priced)s answers") % {"priced": f"{price.priced:,}"},
                _("Mean cost of one answer, in US dollars."),
            )
        )
    if price.timed:
        rows.append(
            Told(
                _("Time"),
                f"{price.seconds:.1f} s",
                UNKNOWN,
                _("%(timed)s answers") % {"timed": f"{price.timed:,}"},
                _("Median time of one answer."),
            )
        )
    rows.append(
        Told(
            _("Abstained"),
            f"{abstained:,}",
            UNKNOWN,
            _("%(verdicts)s verdicts") % {"verdicts": f"{verdicts:,}"},
            _(
                "How often it would not or could not say; never counted as a tie. "
                "%(failed)s conversations could not be judged at all."
            )
            % {"failed": f"{failed:,}"},
        )
    )
    return tuple(rows)
