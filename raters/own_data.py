"""What is stored of one rater in one study, for herself. Models are A and B here as well."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from raters.evidence import in_her_language
from raters.models import (
    Battle,
    CheckAnswer,
    Exclusion,
    Outcome,
    Participation,
    Rating,
    Reply,
    Turn,
    Verdict,
)
from raters.pages import label_of
from raters.review import kind_in_words
from raters.shown import names_to_hide, text_for_rater

Given = TypeVar("Given", Verdict, Rating)


def read_own_data(participation: Participation) -> dict[str, Any]:
    """Everything that is kept of her, ready for JSON. A model is never named."""
    cell = participation.cell
    groups = cell.groups.select_related("axis").order_by("axis__position") if cell else []
    names = names_to_hide(participation.study)
    battles = participation.battles.select_related("task").prefetch_related(
        "turns__replies", "verdicts__dimension", "ratings__dimension"
    )
    numbered = list(enumerate(battles.order_by("pk"), start=1))
    return {
        "study": participation.study.title,
        "public_code": participation.rater.code,
        "source": participation.source,
        **asdict(participation.identity),
        "account_email": _account_email(participation),
        "is_browser_recognised": bool(participation.address_hash or participation.device_hash),
        "state": participation.get_state_display(),
        "joined_at": _instant(participation.created_at),
        "place_kept_until": _instant(participation.kept_until),
        "ended_at": _instant(participation.ended_at),
        "consent": _consent(participation),
        "groups": {group.axis.name: group.name for group in groups},
        "battles": [_battle(battle, number, names) for number, battle in numbered],
        "checks": _checks(participation),
        "strikes": _strikes(participation),
        "signals": _signals(participation),
        "exclusions": _exclusions(participation, {b.pk: number for number, b in numbered}),
    }


def _account_email(participation: Participation) -> str | None:
    """The address that she signs in with, where she came by an account."""
    if participation.source != Participation.Source.ACCOUNT:
        return None
    key = int(participation.identity.recruiting_id)
    return User.objects.filter(pk=key).values_list("email", flat=True).first()


def _consent(participation: Participation) -> dict[str, Any]:
    """What she agreed to, in the words that stood there, and when; `words_released_at` is when
    she agreed that her words may be published.
    """
    consent = participation.consent_text
    return {
        "version": consent.version if consent else None,
        "given_at": _instant(participation.consented_at),
        "summary": consent.summary if consent else None,
        "text": consent.text if consent else None,
        "words_released_at": _instant(participation.words_released_at),
    }


def _battle(battle: Battle, number: int, names: frozenset[str]) -> dict[str, Any]:
    turns = sorted(battle.turns.all(), key=lambda turn: turn.number)
    return {
        "number": number,
        "task": str(battle.task) if battle.task else None,
        "begun_at": _instant(battle.created_at),
        "judged_at": _instant(battle.judged_at),
        "messages": [_message(turn, names) for turn in turns],
        "verdicts": {
            verdict.dimension.name: verdict.get_outcome_display()
            for verdict in _in_order(battle.verdicts.all())
        },
        "ratings": {
            rating.dimension.name: rating.score for rating in _in_order(battle.ratings.all())
        },
        "why": battle.reason,
    }


def _in_order(given: Iterable[Given]) -> list[Given]:
    return sorted(given, key=lambda each: each.dimension.position)


def _message(turn: Turn, names: frozenset[str]) -> dict[str, Any]:
    return {
        "text": turn.text,
        "sent_at": _instant(turn.created_at),
        "asked_who_it_is": turn.is_identity_probe,
        "pasted_signs": turn.pasted_signs,
        "times_away": turn.times_away,
        "is_erased": turn.is_erased,
        "replies": {
            reply.side.upper(): text_for_rater(reply, names)
            for reply in sorted(turn.replies.all(), key=lambda reply: reply.side)
            if reply.state == Reply.State.FINISHED
        },
    }


def _checks(participation: Participation) -> list[dict[str, Any]]:
    answers = participation.check_answers.select_related("attention_check")
    return [
        {
            "kind": answer.attention_check.get_kind_display(),
            "question": answer.attention_check.question,
            "answer": _answer(answer),
            "is_passed": answer.is_passed,
            "answered_at": _instant(answer.answered_at),
        }
        for answer in answers
    ]


def _answer(given: CheckAnswer) -> str:
    """An answer as she read it: the side she preferred, or one of those that were offered."""
    if given.answer in Outcome.values and not given.attention_check.question:
        return str(Outcome(given.answer).label)
    return label_of(given.answer, given.attention_check)


def _strikes(participation: Participation) -> list[dict[str, Any]]:
    return [
        {
            "kind": strike.kind,
            "title": kind_in_words(strike.kind),
            "evidence": in_her_language(strike.evidence),
            "since": _instant(strike.created_at),
            "objection": strike.objection,
            "decision": strike.get_decision_display(),
            "note": strike.note,
        }
        for strike in participation.strikes.all()
    ]


def _signals(participation: Participation) -> list[dict[str, Any]]:
    return [
        {
            "kind": signal.kind,
            "title": kind_in_words(signal.kind),
            "evidence": in_her_language(signal.evidence),
            "figures": signal.figures,
            "since": _instant(signal.created_at),
        }
        for signal in participation.signals.all()
    ]


def _exclusions(participation: Participation, numbers: dict[int, int]) -> list[dict[str, Any]]:
    """What boards leave out of hers, by name; a rule for all of a kind names nobody."""
    hers = Q(participation=participation) | Q(battle__participation=participation)
    return [
        {
            "of": _part(numbers[exclusion.battle_id] if exclusion.battle_id else None),
            "reason": exclusion.reason,
            "since": _instant(exclusion.created_at),
            "lifted_at": _instant(exclusion.lifted_at),
        }
        for exclusion in Exclusion.objects.filter(hers).order_by("created_at", "pk")
    ]


def _part(number: int | None) -> str:
    """What is left out: a battle by its number, or else all of hers."""
    if number is None:
        return _("everything")
    return _("battle %(number)d") % {"number": number}


def _instant(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
