"""What is stored of one rater in one study, for herself. Models are A and B here as well."""

from datetime import datetime
from typing import Any

from raters.models import Battle, Participation, Reply
from raters.services.replies import names_to_hide, text_for_rater


def read_own_data(participation: Participation) -> dict[str, Any]:
    """Everything that the study keeps of her, ready for JSON. A model is never named."""
    cell, consent = participation.cell, participation.consent_text
    groups = cell.groups.select_related("axis").order_by("axis__position") if cell else []
    names = names_to_hide(participation.study)
    battles = participation.battles.prefetch_related("turns__replies", "verdicts__dimension")
    return {
        "study": participation.study.title,
        "public_code": participation.rater.code,
        "recruiting_id": participation.recruiting_id,
        "state": participation.get_state_display(),
        "joined_at": _instant(participation.created_at),
        "ended_at": _instant(participation.ended_at),
        "consent": {
            "version": consent.version if consent else None,
            "given_at": _instant(participation.consented_at),
        },
        "groups": {group.axis.name: group.name for group in groups},
        "battles": [
            _battle(battle, number, names)
            for number, battle in enumerate(battles.order_by("pk"), start=1)
        ],
    }


def _battle(battle: Battle, number: int, names: frozenset[str]) -> dict[str, Any]:
    turns = sorted(battle.turns.all(), key=lambda turn: turn.number)
    return {
        "number": number,
        "begun_at": _instant(battle.created_at),
        "compared_at": _instant(battle.judged_at),
        "messages": [
            {
                "text": turn.text,
                "sent_at": _instant(turn.created_at),
                "replies": {
                    reply.side.upper(): text_for_rater(reply, names)
                    for reply in sorted(turn.replies.all(), key=lambda reply: reply.side)
                    if reply.state == Reply.State.FINISHED
                },
            }
            for turn in turns
        ],
        "verdicts": {
            verdict.dimension.name: verdict.get_outcome_display()
            for verdict in sorted(
                battle.verdicts.all(), key=lambda verdict: verdict.dimension.position
            )
        },
        "why": battle.reason,
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
