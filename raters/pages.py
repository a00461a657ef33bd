"""What a rater's pages show, read in one go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from raters.markdown import finished_markdown, render_markdown
from raters.models import Battle, Participation, Reply, Turn
from raters.services.battles import may_put_topic_away
from raters.services.checks import Comprehension, PlacedItem, number_of, placement_of
from raters.shown import names_to_hide, text_for_rater
from raters.strike_cards import StrikesPage, read_strikes
from raters.wording import written
from studies.models import AttentionCheck, Dimension, Study, Task

SIGNS = {"GBP": "£", "USD": "$", "EUR": "€"}
STEPS = {
    "why": pgettext_lazy("step", "Why"),
    "consent": pgettext_lazy("step", "Consent"),
    "about": pgettext_lazy("step", "About you"),
    "how": pgettext_lazy("step", "How it works"),
    "battles": pgettext_lazy("step", "Battles"),
    "end": pgettext_lazy("step", "Thank you"),
}
# What the battles are called where one assistant answers.
CONVERSATIONS = pgettext_lazy("step", "Conversations")
STATES = {
    Reply.State.WAITING: "writing",
    Reply.State.CLAIMED: "writing",
    Reply.State.FINISHED: "finished",
    Reply.State.FAILED: "failed",
    # What she has withdrawn is shown to nobody, not even in another tab of hers.
    Reply.State.ERASED: "failed",
}
# Under which letter a side is shown: its own, or the other one.
SIDES = {"a": "a", "b": "b"}
OTHER_SIDES = {"a": "b", "b": "a"}
# As `AttentionCheck` offers it; her form marks it for translation.
ABOUT_THE_SAME = "About the same"
# What stands above a question that has no name of its own.
UNNAMED = gettext_lazy("One more question")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way, for the bar on top."""

    name: str
    is_current: bool
    is_done: bool


def steps_at(key: str, study: Study) -> tuple[Step, ...]:
    """The bar of steps with one of them current, by its key in STEPS."""
    is_single = study.protocol == Study.Protocol.SINGLE
    names = STEPS | {"battles": CONVERSATIONS} if is_single else STEPS
    current = list(names).index(key)
    return tuple(
        Step(str(name), at == current, at < current) for at, name in enumerate(names.values())
    )


def offer_of(study: Study) -> str:
    """What taking part costs and brings, as far as the study says: "about 20 minutes, £3.00"."""
    parts = []
    if study.minutes_estimated:
        words = ngettext("about %(n)d minute", "about %(n)d minutes", study.minutes_estimated)
        parts.append(words % {"n": study.minutes_estimated})
    if study.pay is not None:
        parts.append(money(study.pay, study.currency))
    return ", ".join(parts)


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency's sign, or else its code, as her language writes it."""
    figure = number_format(amount, 2)
    if sign := SIGNS.get(currency):
        return pgettext("money", "%(sign)s%(amount)s") % {"sign": sign, "amount": figure}
    return pgettext("money", "%(code)s %(amount)s") % {"code": currency, "amount": figure}


@dataclass(frozen=True, slots=True)
class ReplyView:
    """One side's reply as the rater sees it; `state` is writing, finished or failed."""

    turn: int
    side: str
    state: str
    text: str

    @property
    def letter(self) -> str:
        return self.side.upper()

    @property
    def html(self) -> str:
        """Its text as a page holds it; made only where it is shown."""
        return (finished_markdown if self.state == "finished" else render_markdown)(self.text)

    @classmethod
    def of(cls, turn: int, side: str, state: str, text: str) -> "ReplyView":
        """From what may be shown of its text; a failed reply shows nothing of what there was."""
        shown = STATES[Reply.State(state)]
        return cls(turn, side, shown, "" if shown == "failed" else text)


@dataclass(frozen=True, slots=True)
class TurnView:
    """One message of the rater and its replies, A first."""

    number: int
    text: str
    replies: tuple[ReplyView, ...]


def turn_view(turn: Turn, names: frozenset[str], *, is_swapped: bool = False) -> TurnView:
    """A turn as the rater sees it, or with its sides swapped, in a battle that is shown again.

    A reply still being written shows nothing here: the stream brings its text, and a page made
    now would show the sides at different lengths.
    """
    sides = OTHER_SIDES if is_swapped else SIDES
    replies = sorted(turn.replies.all(), key=lambda reply: sides[reply.side])
    is_writing = any(STATES[Reply.State(reply.state)] == "writing" for reply in replies)
    return TurnView(
        turn.number,
        turn.text,
        tuple(
            ReplyView(turn.number, sides[reply.side], "writing", "")
            if is_writing and reply.state != Reply.State.FAILED
            else ReplyView.of(
                turn.number, sides[reply.side], reply.state, text_for_rater(reply, names)
            )
            for reply in replies
        ),
    )


@dataclass(frozen=True, slots=True)
class BattlePage:
    """A battle as the rater sees it; `is_single` where one assistant answers and is rated.

    `is_repeat` where an earlier conversation is shown again, only to be judged.
    """

    key: str
    number: int
    battles: int
    turns: tuple[TurnView, ...]
    min_turns: int
    max_turns: int
    task: Task | None
    is_single: bool
    is_repeat: bool
    may_change_topic: bool
    strikes: StrikesPage

    @property
    def dots(self) -> tuple[str, ...]:
        return tuple(
            "done" if at < self.number else "now" if at == self.number else "to come"
            for at in range(1, self.battles + 1)
        )

    @property
    def answered(self) -> int:
        """Messages that every side has answered."""
        return sum(all(reply.state == "finished" for reply in turn.replies) for turn in self.turns)

    @property
    def is_writing(self) -> bool:
        return any(reply.state == "writing" for turn in self.turns for reply in turn.replies)

    @property
    def is_stuck(self) -> bool:
        """One side could not answer, and waits for her to try it again."""
        return any(reply.state == "failed" for turn in self.turns for reply in turn.replies)

    @property
    def next_number(self) -> int:
        return len(self.turns) + 1

    @property
    def can_write(self) -> bool:
        return len(self.turns) < self.max_turns and not self.is_repeat

    @property
    def can_judge(self) -> bool:
        return self.is_repeat or (self.answered >= self.min_turns and not self.is_writing)

    @property
    def missing(self) -> int:
        return max(0, self.min_turns - self.answered)

    def as_data(self) -> dict[str, object]:
        """The state of the page besides its words, for the script."""
        return {
            "next_number": self.next_number,
            "is_writing": self.is_writing,
            "is_stuck": self.is_stuck,
            "can_write": self.can_write,
            "can_judge": self.can_judge,
            "progress": self.progress,
            "strikes": self.strikes.words,
        }

    @property
    def progress(self) -> str:
        """How far she is: "1 of 3 messages"."""
        if self.answered >= self.min_turns:
            words = ngettext(
                "%(n)d of at most %(most)d message",
                "%(n)d of at most %(most)d messages",
                self.max_turns,
            )
            return words % {"n": self.answered, "most": self.max_turns}
        words = ngettext(
            "%(n)d of %(least)d message", "%(n)d of %(least)d messages", self.min_turns
        )
        return words % {"n": self.answered, "least": self.min_turns}


def read_battle_page(participation: Participation, battle: Battle) -> BattlePage:
    """A battle with its conversation, and where it stands among her battles."""
    study = participation.study
    spoken = battle.repeats or battle
    is_swapped = battle.repeats_id is not None and battle.side_b_id is not None
    names = names_to_hide(study)
    number = number_of(battle)
    return BattlePage(
        key=battle.key,
        number=number,
        battles=max(placement_of(participation).battles, number),
        turns=tuple(
            turn_view(turn, names, is_swapped=is_swapped)
            for turn in spoken.turns.prefetch_related("replies").order_by("number")
        ),
        min_turns=study.min_turns,
        max_turns=study.max_turns,
        task=battle.task,
        is_single=battle.side_b_id is None,
        is_repeat=battle.repeats_id is not None,
        may_change_topic=may_put_topic_away(battle),
        strikes=read_strikes(participation),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """One question as a rater sees it: a dimension, or a check that looks like one.

    `name` is its field's, `answers` values with their labels, `chosen` the value she has given
    until now. `is_scale` where she rates from 1 to 7, `is_wrong` where she is to read again.
    """

    name: str
    title: str
    text: str
    help: str
    answers: tuple[tuple[str, str], ...]
    chosen: str
    is_scale: bool = False
    is_wrong: bool = False


def read_questions(
    study: Study,
    dimensions: Sequence[Dimension],
    items: Sequence[PlacedItem],
    *,
    names: Mapping[Dimension | AttentionCheck, str],
    answers: Sequence[tuple[str | int, str | Promise]],
    given: Mapping[str, str],
    is_single: bool,
) -> tuple[Question, ...]:
    """What a rater is asked of a battle, in order: the dimensions with the checks among them.

    `names` of the fields; `answers` to a dimension; `given` what she has answered, by field.
    """
    asked: list[Question] = []
    for number, dimension in enumerate(dimensions, start=1):
        untold = _("How well did it do?") if is_single else _("Which one was better?")
        asked.append(
            Question(
                name=(name := names[dimension]),
                title=written(dimension.name, study),
                text=written(dimension.question, study) or untold,
                help=written(dimension.help, study),
                answers=tuple((str(value), str(label)) for value, label in answers),
                chosen=given.get(name, ""),
                is_scale=is_single,
            )
        )
        asked += _items_after(number, items, names, given, is_single=is_single)
    return tuple(asked)


def _items_after(
    number: int,
    items: Sequence[PlacedItem],
    names: Mapping[Dimension | AttentionCheck, str],
    given: Mapping[str, str],
    *,
    is_single: bool,
) -> Iterator[Question]:
    for item in items:
        check = item.check
        if item.after == number:
            offered = check.answers_for(check.study.protocol)
            yield Question(
                name=(name := names[check]),
                title=str(UNNAMED),
                text=written(check.question, check.study),
                help="",
                answers=tuple((answer, _label_on_page(answer, check)) for answer in offered),
                chosen=given.get(name, ""),
                is_scale=is_single and not check.own_answers,
            )


def label_of(answer: str, check: AttentionCheck) -> str:
    """An answer as she reads it: the study's own in her language, a check's as it is written."""
    is_tie = answer == ABOUT_THE_SAME and not check.own_answers
    return _(ABOUT_THE_SAME) if is_tie else answer


def _label_on_page(answer: str, check: AttentionCheck) -> str:
    label = label_of(answer, check)
    return written(label, check.study) if check.own_answers else label


def comprehension_questions(
    standing: Comprehension,
    *,
    names: Mapping[AttentionCheck, str],
    given: Mapping[str, str],
) -> tuple[Question, ...]:
    """The questions before her first battle; what she answered rightly is chosen already."""
    wrong = set(standing.wrong)
    return tuple(
        Question(
            name=(name := names[check]),
            title="",
            text=written(check.question, check.study),
            help="",
            answers=tuple((answer, written(answer, check.study)) for answer in check.own_answers),
            chosen=given.get(name, "" if check in wrong else standing.given.get(check.pk, "")),
            is_wrong=check in wrong,
        )
        for check in standing.checks
    )
