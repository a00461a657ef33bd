"""What a rater is told of a strike: what was seen, what to do better, and what she can do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from raters.evidence import in_her_language
from raters.models import Participation, Strike
from raters.quality.flaws import FlawKind


@dataclass(frozen=True, slots=True)
class Advice:
    """What a kind of flaw is called for her, and what to do better."""

    title: Promise
    better: Promise


ADVICE: Final[Mapping[str, Advice]] = {
    FlawKind.SINGLE_WORD: Advice(
        _("Single words"),
        _("Write in sentences, as you would to somebody who helps you: what you want, and why."),
    ),
    FlawKind.TOO_SHORT: Advice(
        _("Very short messages"),
        _("Write in sentences, as you would to somebody who helps you: what you want, and why."),
    ),
    FlawKind.REPEATED: Advice(
        _("The same message again"),
        _("Say something new with each message: go into the answers, or ask for what is missing."),
    ),
    FlawKind.GIBBERISH: Advice(
        _("Text that can’t be read"), _("Write words that a person could read and answer.")
    ),
    FlawKind.COPIED_TASK: Advice(
        _("Copied from the task"), _("Put into your own words what you would like to talk about.")
    ),
    FlawKind.IDENTITY_PROBE: Advice(
        _("Asking who the assistant is"),
        _("Who the assistants are stays hidden, so that a name sways nobody. Talk about the task."),
    ),
    FlawKind.DRIFT: Advice(
        _("Away from the topic"),
        _("Stay with the task and with what you were talking about; to go deeper is always fine."),
    ),
    FlawKind.SPEEDING: Advice(
        _("Faster than one can read"), _("Take the time to read the answers before you judge them.")
    ),
    FlawKind.STRAIGHT_LINING: Advice(
        _("The same answer to every question"),
        _("Think about each question by itself; what is good in one way may be poor in another."),
    ),
    FlawKind.ONE_SIDED: Advice(
        _("Always the same side"),
        _("Judge by what was said: which assistant is A and which is B is drawn anew each time."),
    ),
    FlawKind.FAILED_CHECK: Advice(
        _("A question about your attention"),
        _("Read each question to its end before you answer; now and then one says what to choose."),
    ),
    FlawKind.INCONSISTENT: Advice(
        _("The opposite answer to the same"),
        _("Judge by what was said: then you find the same again when you see it again."),
    ),
}
# For what was found by something newer than this page.
GENERAL: Final = Advice(
    _("Something to do better"), _("Please read and answer with a little more care.")
)


@dataclass(frozen=True, slots=True)
class StrikeCard:
    """One strike as the rater sees it; `number` is its place among hers, from 1."""

    number: int
    title: str
    evidence: str
    better: str
    is_seen: bool
    objection: str
    decision: str
    note: str

    @property
    def is_active(self) -> bool:
        return self.decision != Strike.Decision.OVERTURNED

    @property
    def can_object(self) -> bool:
        return self.is_active and not self.objection


@dataclass(frozen=True, slots=True)
class StrikesPage:
    """A rater's strikes, and how many the study allows."""

    cards: tuple[StrikeCard, ...]
    allowed: int

    @property
    def active(self) -> int:
        return sum(card.is_active for card in self.cards)

    @property
    def remaining(self) -> int:
        """How many more would end her part."""
        return max(0, self.allowed - self.active)

    @property
    def unseen(self) -> tuple[StrikeCard, ...]:
        """What she has yet to be told; of what counts no more there is nothing to tell."""
        return tuple(card for card in self.cards if card.is_active and not card.is_seen)

    @property
    def warning(self) -> str:
        """What the next ones lead to."""
        if self.remaining == 1:
            return gettext("The next strike would end your part in this study.")
        words = ngettext(
            "%(n)d more strike would end your part in this study.",
            "%(n)d more strikes would end your part in this study.",
            self.remaining,
        )
        return words % {"n": self.remaining}

    @property
    def words(self) -> str:
        """ "Strikes 1 of 3"."""
        figures = {"active": self.active, "allowed": self.allowed}
        return gettext("Strikes %(active)d of %(allowed)d") % figures


def read_strikes(participation: Participation) -> StrikesPage:
    """All strikes of a participation, the first one first."""
    strikes = participation.strikes.order_by("pk")
    return StrikesPage(
        tuple(_card(number, strike) for number, strike in enumerate(strikes, start=1)),
        participation.study.strikes_allowed,
    )


def find_strike(participation: Participation, number: int) -> Strike | None:
    """The strike that is shown to her under this number."""
    strikes = list(participation.strikes.order_by("pk")[:number])
    return strikes[-1] if 0 < number == len(strikes) else None


def _card(number: int, strike: Strike) -> StrikeCard:
    advice = ADVICE.get(strike.kind, GENERAL)
    return StrikeCard(
        number=number,
        title=str(advice.title),
        evidence=in_her_language(strike.evidence),
        better=str(advice.better),
        is_seen=strike.seen_at is not None,
        objection=strike.objection,
        decision=strike.decision,
        note=strike.note,
    )
