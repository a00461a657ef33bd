"""What a reviewer reads before she decides about a strike. Models are A and B here as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from raters.models import Battle, CheckAnswer, Participation, Reply, Signal, Strike, Turn
from raters.quality.agreement import SWAPPED
from studies.models import ScreenRule, Study

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


@dataclass(frozen=True, slots=True)
class SaidBySide:
    """One side's answer, as it stands; `note` says why there is no text."""

    side: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and the answers to it; `is_flawed`: the strike is for this message."""

    turn: Turn
    replies: tuple[SaidBySide, ...]
    is_flawed: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A battle as the rater saw it. `answers` are what she said on each dimension."""

    battle: Battle
    exchanges: tuple[Exchange, ...]
    answers: tuple[tuple[str, str], ...]
    remark: str


@dataclass(frozen=True)
class ReviewCase:
    """One strike that waits for a decision, and what belongs to it.

    `other_studies` is in how many other studies the same recruiting id took part.
    """

    strike: Strike
    participation: Participation
    active: int
    conversation: Conversation | None
    others: tuple[Strike, ...]
    checks: tuple[CheckAnswer, ...]
    signals: tuple[Signal, ...]
    other_studies: int

    @property
    def is_struck_out(self) -> bool:
        return self.participation.state == Participation.State.STRUCK_OUT


def waiting_for(user: "User | AnonymousUser", *, study: Study | None = None) -> QuerySet[Strike]:
    """Strikes that this user may review: struck-out raters and objections first, then by rater.

    Strikes of one rater stand together, for they are judged by the same conversations.
    """
    presses = Case(
        When(Q(participation__state=Participation.State.STRUCK_OUT), then=Value(value=True)),
        When(~Q(objection=""), then=Value(value=True)),
        default=Value(value=False),
        output_field=BooleanField(),
    )
    studies = Study.objects.visible_to(user)
    if study is not None:
        studies = studies.filter(pk=study.pk)
    waiting = Strike.objects.awaiting_review().filter(participation__study__in=studies)
    return waiting.annotate(presses=presses).order_by(
        "-presses", "participation", "created_at", "pk"
    )


def read_case(strike: Strike) -> ReviewCase:
    """Everything that a reviewer sees beside a strike."""
    hers = Participation.objects.select_related("study", "rater").get(pk=strike.participation_id)
    battle = strike.battle or (strike.turn.battle if strike.turn else None)
    checks = hers.check_answers.select_related("attention_check").order_by("answered_at", "pk")
    return ReviewCase(
        strike=strike,
        participation=hers,
        active=hers.strikes.active().count(),
        conversation=None if battle is None else _conversation(battle, strike.turn_id),
        others=tuple(hers.strikes.exclude(pk=strike.pk).order_by("created_at", "pk")),
        checks=tuple(checks),
        signals=tuple(hers.signals.order_by("created_at", "pk")),
        other_studies=_other_studies(hers),
    )


def kind_in_words(kind: str) -> str:
    """What a kind of strike or signal is called."""
    known = ScreenRule.Kind.values
    words = ScreenRule.Kind(kind).label if kind in known else kind.replace("_", " ")
    return str(words).capitalize()


def figures_in_words(figures: Mapping[str, object]) -> str:
    """A signal's figures on one line."""
    return " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())


def _conversation(battle: Battle, flawed_turn_id: int | None) -> Conversation:
    """A battle that repeats an earlier one shows the same words with its sides swapped."""
    is_borrowed = battle.repeats is not None and not battle.turns.exists()
    source = battle.repeats if battle.repeats and is_borrowed else battle
    turns = source.turns.prefetch_related("replies").order_by("number")
    return Conversation(
        battle=battle,
        exchanges=tuple(
            Exchange(turn, _replies(turn, is_swapped=is_borrowed), turn.pk == flawed_turn_id)
            for turn in turns
        ),
        answers=_answers(battle),
        remark=_remark(battle),
    )


def _replies(turn: Turn, *, is_swapped: bool) -> tuple[SaidBySide, ...]:
    said = []
    for reply in turn.replies.all():
        side = SWAPPED[reply.side] if is_swapped else reply.side
        note = "" if reply.state == Reply.State.FINISHED else reply.get_state_display()
        said.append(SaidBySide(side.upper(), reply.text, note))
    return tuple(sorted(said, key=lambda reply: reply.side))


def _answers(battle: Battle) -> tuple[tuple[str, str], ...]:
    verdicts = battle.verdicts.select_related("dimension").order_by("dimension__position")
    ratings = battle.ratings.select_related("dimension").order_by("dimension__position")
    return (
        *((verdict.dimension.name, verdict.get_outcome_display()) for verdict in verdicts),
        *((rating.dimension.name, str(rating.score)) for rating in ratings),
    )


def _remark(battle: Battle) -> str:
    """What a reviewer has to know about a battle that is a check."""
    check = battle.attention_check
    if check is None:
        return ""
    if battle.broken_side:
        fault = check.get_fault_display()
        words = _("A check: side %(side)s was broken on purpose, %(fault)s.")
        return words % {"side": battle.broken_side.upper(), "fault": fault}
    if battle.repeats is not None:
        before = ", ".join(f"{name} {said}" for name, said in _answers(battle.repeats))
        words = _("A check: an earlier battle again, its sides swapped. She said then: %(before)s.")
        return words % {"before": before}
    return _("A check.")


def _other_studies(participation: Participation) -> int:
    """Where a platform's id was seen before; ids that we give ourselves are of one study."""
    if participation.source != Participation.Source.RECRUITED:
        return 0
    hers = Participation.objects.named_anywhere(participation.identity.recruiting_id)
    others = hers.filter(study__preview_of=None)
    return others.exclude(study=participation.study_id).values("study").distinct().count()
