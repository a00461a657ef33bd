"""Screens at work: after each turn and each battle they read what she said, and strike or tell.

What has to be screened says so in its row (`screen_due_at`), so that a bell that was lost and a
worker that died are caught up by the beat. Whatever runs twice finds the same flaws under the same
keys, and a key counts once.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from django.utils import timezone

from raters.errors import UnreadableScreenError
from raters.models import Battle, Participation, Turn
from raters.quality.drift import Drift, drift_of
from raters.quality.effort import DEFAULT_THRESHOLDS, find_short_conversation, screen_message
from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.pace import (
    OFTEN_AWAY,
    STRAIGHT_LINE_LEVEL,
    WORDS_PER_SECOND,
    find_fast_battle,
    find_fast_comparison,
    find_fast_message,
    find_often_away,
    find_one_side,
    find_straight_lines,
)
from raters.services.habits import habits_of, others_of
from raters.services.llm_screen import Finding, Said, ask_screener
from raters.services.panel import IS_KEPT
from raters.services.strikes import give_signal, strike_or_forgive
from raters.services.styles import store_styles
from raters.services.talk import Talk, read_talk
from studies.bells import ring
from studies.models import ScreenRule, Study
from studies.providers import ProviderError
from studies.registry import endpoint_of

logger = logging.getLogger(__name__)

Action = ScreenRule.Action

# What a screen may do where a study has no rule of its own: at most so much, since what a screen
# itself takes for a signal never becomes a strike. `threshold` is what it means to the screen.
DEFAULTS: Final[Mapping[FlawKind, tuple[Action, float | None]]] = {
    FlawKind.SINGLE_WORD: (Action.STRIKE, None),
    FlawKind.TOO_SHORT: (Action.STRIKE, DEFAULT_THRESHOLDS[FlawKind.TOO_SHORT]),
    FlawKind.REPEATED: (Action.STRIKE, DEFAULT_THRESHOLDS[FlawKind.REPEATED]),
    FlawKind.GIBBERISH: (Action.STRIKE, DEFAULT_THRESHOLDS[FlawKind.GIBBERISH]),
    FlawKind.COPIED_TASK: (Action.STRIKE, DEFAULT_THRESHOLDS[FlawKind.COPIED_TASK]),
    FlawKind.IDENTITY_PROBE: (Action.STRIKE, None),
    FlawKind.DRIFT: (Action.STRIKE, None),
    FlawKind.PASTED: (Action.SIGNAL, DEFAULT_THRESHOLDS[FlawKind.PASTED]),
    FlawKind.SPEEDING: (Action.STRIKE, WORDS_PER_SECOND),
    FlawKind.STRAIGHT_LINING: (Action.STRIKE, STRAIGHT_LINE_LEVEL),
    FlawKind.ONE_SIDED: (Action.STRIKE, STRAIGHT_LINE_LEVEL),
    FlawKind.AWAY: (Action.SIGNAL, OFTEN_AWAY),
    FlawKind.FAILED_CHECK: (Action.STRIKE, None),
    FlawKind.INCONSISTENT: (Action.SIGNAL, None),
}

# Who began to screen something has so long; then it is anybody's again.
LEASE: Final = timedelta(minutes=2)
# How long the screener may take for one answer, and for how long after a message it is asked again.
ANSWER_TIME: Final = timedelta(seconds=45)
GIVES_UP: Final = timedelta(minutes=15)
# As many bells as one beat rings at most.
BELLS: Final = 500


@dataclass(frozen=True)
class Rules:
    """What each screen may do in one study, and from where on."""

    actions: Mapping[FlawKind, Action]
    thresholds: Mapping[FlawKind, float]

    @classmethod
    def of(cls, study: Study) -> Self:
        """The study's rules over the defaults. ValueError for a rule of an unknown kind."""
        actions = {kind: action for kind, (action, _) in DEFAULTS.items()}
        thresholds = {kind: limit for kind, (_, limit) in DEFAULTS.items() if limit is not None}
        for rule in study.screen_rules.all():
            kind = FlawKind(rule.kind)
            actions[kind] = Action(rule.action)
            if rule.threshold is not None:
                thresholds[kind] = rule.threshold
        return cls(actions, thresholds)

    def action_for(self, flaw: Flaw) -> Action:
        """What is done about a flaw: never more than the screen itself holds for right."""
        allowed = self.actions[flaw.kind]
        return Action.SIGNAL if allowed == Action.STRIKE and not flaw.is_strike else allowed


# Ringing


def ring_screen(row: Turn | Battle) -> None:
    """Ring for the screens of a turn or battle, once what is being written is committed.

    A broker that can't be reached fails nothing: the next beat rings again.
    """
    from raters import tasks  # they call this module for their work

    bell = tasks.screen_turn if isinstance(row, Turn) else tasks.screen_battle
    ring(bell, row.pk)


def ring_due_screens(*, at: datetime) -> int:
    """Ring for all that is due to be screened, in case a bell was lost; returns how many."""
    rung = 0
    for model in (Turn, Battle):
        due = model._default_manager.filter(screen_due_at__lte=at).order_by("screen_due_at")
        for row in due.only("pk")[:BELLS]:
            ring_screen(row)
            rung += 1
    return rung


def _claim(row: Turn | Battle, *, at: datetime) -> bool:
    """Whether this worker is to screen it: due, and nobody else has begun just now."""
    due = type(row)._default_manager.filter(pk=row.pk, screen_due_at__lte=at)
    return bool(due.update(screen_due_at=at + LEASE))


def _finish(row: Turn | Battle, **facts: str) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(screen_due_at=None, **facts)


# After each turn


def screen_turn(turn_id: int, *, at: datetime) -> None:
    """Run what is fast on one message, and ask the study's screener if it has one.

    Screened already, or being screened, nothing happens. No transaction is open while the
    screener is asked; one that fails for a time is asked again by a later beat.
    """
    related = "battle__participation__study__screener", "battle__task"
    turn = Turn.objects.select_related(*related).filter(pk=turn_id).first()
    if turn is None or not _claim(turn, at=at):
        return
    # What a repeated battle shows again was screened where she said it.
    if turn.is_erased or turn.battle.repeats_id is not None:
        _finish(turn)
        return
    talk = read_talk(turn)
    rules = Rules.of(talk.study)
    drift = drift_of(talk.messages, talk.earlier_replies, talk.topic)
    found = [*_flaws_of(talk, rules)]
    # Who wonders at a side that was broken on purpose does not drift.
    if not turn.battle.broken_side:
        found += _flaws_of_drift(drift, talk)
    _act_on(turn.battle, found, rules, f"turn:{turn.pk}", turn=turn, at=at)
    if not _wants_screener(talk, rules):
        _finish(turn)
        return
    try:
        finding = _ask(talk, at=at)
    except (ProviderError, UnreadableScreenError) as error:
        _note_failure(turn, error, at=at)
        return
    _act_on_finding(turn, finding, drift, rules, at=timezone.now())
    _finish(turn)


def _flaws_of(talk: Talk, rules: Rules) -> Iterable[Flaw]:
    """What is wrong with the message by itself."""
    turn, pasted = talk.turn, talk.turn.pasted_signs or 0
    yield from screen_message(
        turn.text,
        earlier=talk.said_before,
        task=talk.topic,
        pasted_signs=pasted,
        thresholds=rules.thresholds,
    )
    seconds = (turn.created_at - talk.could_write_at).total_seconds()
    if flaw := find_fast_message(turn.text, seconds=seconds, pasted_signs=pasted):
        yield flaw
    away = find_often_away(turn.times_away or 0, limit=rules.thresholds[FlawKind.AWAY])
    if away:
        yield away


def _flaws_of_drift(drift: Drift, talk: Talk) -> Iterable[Flaw]:
    if drift.is_strike:
        yield _drift_flaw(talk.turn.text, drift, "drift_of")


def _drift_flaw(text: str, drift: Drift, screen: str) -> Flaw:
    """A message that leaves the topic, in her own words."""
    before = f" You had been writing {quote(drift.departs_from)}." if drift.departs_from else ""
    evidence = f"Your message {quote(text)} leaves what you were talking about.{before}"
    figures = {"probability": drift.probability or 0.0}
    return Flaw(FlawKind.DRIFT, evidence, screen, is_strike=True, figures=figures)


def _wants_screener(talk: Talk, rules: Rules) -> bool:
    """From the second message on, while her part goes on."""
    state = Participation.objects.values_list("state", flat=True).get(
        pk=talk.turn.battle.participation_id
    )
    is_asked = talk.study.screener_id is not None and len(talk.messages) > 1
    is_wanted = rules.actions[FlawKind.DRIFT] != Action.OFF and not talk.turn.battle.broken_side
    return is_asked and is_wanted and state in IS_KEPT


def _ask(talk: Talk, *, at: datetime) -> Finding:
    screener = talk.study.screener
    assert screener is not None  # noqa: S101  asked before
    said: list[Said] = []
    for number, message in enumerate(talk.messages):
        said.append(Said("rater", message))
        replies = talk.earlier_replies[number] if number < len(talk.earlier_replies) else ()
        sides = zip(("assistant A", "assistant B"), replies, strict=False)
        said += [Said(who, text) for who, text in sides if text]
    return ask_screener(endpoint_of(screener), said, topic=talk.topic, deadline=at + ANSWER_TIME)


def _act_on_finding(
    turn: Turn, finding: Finding, drift: Drift, rules: Rules, *, at: datetime
) -> None:
    """The screener's reason is for a reviewer; where the local screen agrees, it is a flaw.

    Its words are never those of a strike: they come from a machine that read a stranger's text,
    and the rater is told what was seen in words of her own.
    """
    if not finding.has_drifted:
        return
    hers = turn.battle.participation
    reason = Flaw(
        FlawKind.DRIFT,
        finding.reason,
        "ask_screener",
        is_strike=False,
        figures={"confidence": finding.confidence, "local_probability": drift.probability or 0.0},
    )
    give_signal(hers, reason, key=f"screener:turn:{turn.pk}", battle=turn.battle, at=at)
    if drift.is_shift and not turn.strikes.exists():
        flaw = _drift_flaw(turn.text, drift, "ask_screener")
        if rules.action_for(flaw) == Action.STRIKE:
            key = f"{flaw.kind}:turn:{turn.pk}"
            strike_or_forgive(hers, flaw, key=key, battle=turn.battle, turn=turn, at=at)


def _note_failure(
    turn: Turn, error: ProviderError | UnreadableScreenError, *, at: datetime
) -> None:
    """An answer that failed is no finding: it is asked for again, or counted as an error."""
    kind = type(error).__name__
    # Neither a rater's words nor an endpoint's are for a log.
    logger.warning("The screener gave no finding on turn %s: %s.", turn.pk, kind)
    may_pass = isinstance(error, ProviderError) and error.is_retryable
    if may_pass and at < turn.created_at + GIVES_UP:
        return
    _finish(turn, screen_error=kind)


# After each battle


def screen_battle(battle_id: int, *, at: datetime) -> None:
    """Run on a judged battle what looks at the whole of it, and at all her battles until now."""
    related = "participation__study", "task"
    battle = Battle.objects.select_related(*related).filter(pk=battle_id).first()
    if battle is None or not _claim(battle, at=at):
        return
    rules = Rules.of(battle.participation.study)
    turn = battle.turns.order_by("-number").first()
    if turn is not None and not turn.is_erased and battle.repeats_id is None:
        turn.battle = battle
        found = _flaws_of_battle(battle, read_talk(turn), rules)
        _act_on(battle, found, rules, f"battle:{battle.pk}", at=at)
    _act_on(battle, _flaws_of_verdicts(battle, rules), rules, "participation", at=at)
    store_styles([battle.pk])
    _finish(battle)


def _flaws_of_battle(battle: Battle, talk: Talk, rules: Rules) -> Iterable[Flaw]:
    """Poor as a whole, or judged before it can have been read."""
    short = find_short_conversation(talk.messages, min_words=rules.thresholds[FlawKind.TOO_SHORT])
    if short:
        yield short
    if battle.judged_at is None:
        return
    pace = rules.thresholds[FlawKind.SPEEDING]
    compared_in = (battle.judged_at - talk.replies_began_at).total_seconds()
    fast = find_fast_comparison(talk.replies[-1], seconds=compared_in, words_per_second=pace)
    fast = fast or find_fast_battle(
        talk.messages,
        talk.replies,
        seconds=(battle.judged_at - battle.created_at).total_seconds(),
        pasted_signs=talk.pasted_signs,
        words_per_second=pace,
    )
    if fast:
        yield fast


def _flaws_of_verdicts(battle: Battle, rules: Rules) -> Iterable[Flaw]:
    """Verdicts that don't look at the battle, over all her battles until now."""
    hers, others = habits_of(battle.participation), others_of(battle.participation)
    level = rules.thresholds[FlawKind.STRAIGHT_LINING]
    if others.population is not None and (
        flaw := find_straight_lines(hers.answers, others.population, level=level)
    ):
        yield flaw
    level = rules.thresholds[FlawKind.ONE_SIDED]
    if flaw := find_one_side(hers.sides, share_of_a=others.share_of_a, level=level):
        yield flaw


# What becomes of it


def _act_on(
    battle: Battle,
    flaws: Iterable[Flaw],
    rules: Rules,
    subject: str,
    *,
    turn: Turn | None = None,
    at: datetime,
) -> None:
    """Strike or tell. One message, or one battle, is struck once: what else is wrong is told."""
    hers, is_struck = battle.participation, False
    for flaw in flaws:
        action, key = rules.action_for(flaw), f"{flaw.kind}:{subject}"
        if action == Action.STRIKE and not is_struck:
            is_struck = strike_or_forgive(hers, flaw, key=key, battle=battle, turn=turn, at=at)
        elif action != Action.OFF:
            give_signal(hers, flaw, key=key, battle=battle, at=at)
