"""What a study's results rest on, over REST: who was tested, by which rules, what was left out."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboards.pages.integrity import (
    DeveloperLine,
    ExclusionLine,
    LastStanding,
    SharingLine,
    WithdrawnLine,
    read_integrity,
)
from studies.api import OfStudy
from studies.models import LedgerEntry, Study


class DeveloperLineOut(serializers.Serializer[DeveloperLine]):
    name = serializers.CharField()
    tested = serializers.IntegerField(help_text="Contestants that it entered.")
    on_board = serializers.IntegerField(help_text="Those on the board that stands.")
    withdrawn = serializers.IntegerField()


class LastStandingOut(serializers.Serializer[LastStanding]):
    board = serializers.UUIDField(source="board.pk")
    rank = serializers.CharField()
    among = serializers.IntegerField()
    is_provisional = serializers.BooleanField()


class WithdrawnOut(serializers.Serializer[WithdrawnLine]):
    contestant = serializers.SlugField(source="contestant.slug")
    withdrawn_at = serializers.DateTimeField(source="contestant.withdrawn_at")
    reason = serializers.CharField(source="contestant.withdrawal_reason")
    standing = LastStandingOut(allow_null=True, help_text="On the last board that has it.")


class ExclusionLineOut(serializers.Serializer[ExclusionLine]):
    what = serializers.CharField(source="words", help_text="What was left out.")
    reason = serializers.CharField()
    active = serializers.IntegerField()
    lifted = serializers.IntegerField()


class SharingOut(serializers.Serializer[SharingLine]):
    recipient = serializers.CharField()
    what = serializers.CharField()
    on = serializers.DateField()


class RuleOut(serializers.Serializer[dict[str, Any]]):
    what = serializers.CharField()
    value = serializers.JSONField(source="is", help_text="Text, a number, true, false or null.")


class PinnedOut(serializers.Serializer[dict[str, Any]]):
    contestant = serializers.SlugField()
    developer = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    pinned = serializers.CharField(
        help_text="A digest of how it is asked: endpoint, model, revision, parameters, system "
        "prompt. It is another one once any of them is."
    )


class TransparencyOut(serializers.Serializer[dict[str, Any]]):
    protocol = serializers.CharField()
    question = serializers.CharField()
    tested = serializers.IntegerField(help_text="Contestants that ever entered.")
    developers = DeveloperLineOut(many=True, help_text="Who tested most comes first.")
    withdrawn = WithdrawnOut(many=True)
    pinned = PinnedOut(many=True, help_text="As each contestant entered, by the ledger.")
    board = serializers.UUIDField(allow_null=True, help_text="The board that stands.")
    engine = serializers.CharField(allow_null=True)
    parameters = serializers.DictField(
        child=serializers.JSONField(), allow_null=True, help_text="Of that board."
    )
    exclusions = ExclusionLineOut(many=True, help_text="Of each kind for each reason.")
    rules = RuleOut(many=True, help_text="Those with which the study opened.")
    changes = serializers.IntegerField(help_text="How often they changed since; see the ledger.")
    shared = SharingOut(source="sharings", many=True, help_text="To whom data were given.")
    ledger_entries = serializers.IntegerField()


class TransparencyDetail(OfStudy):
    """What do the results rest on?"""

    @extend_schema(
        summary="Transparency of a study",
        description="Who was tested and who withdrew, how contestants' settings are pinned, which "
        "rules hold, which exclusions there are or were, and to whom data were given: what the "
        "pages on integrity and method say. The ledger has every entry.",
        tags=["studies"],
        responses=TransparencyOut,
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002  `study` reads it
        return Response(TransparencyOut(transparency(self.study)).data)


def transparency(study: Study) -> dict[str, Any]:
    """What is told of a study, as `TransparencyOut` spells it."""
    page = read_integrity(study)
    entries = LedgerEntry.objects.filter(study=study).order_by("number")
    opened = entries.filter(kind=LedgerEntry.Kind.STUDY_OPENED).first()
    entered = entries.filter(kind=LedgerEntry.Kind.CONTESTANT_ENTERED)
    board = page.board
    return {
        "protocol": study.protocol,
        "question": study.question,
        "tested": page.tested,
        "developers": page.developers,
        "withdrawn": page.withdrawn,
        "pinned": [_pinned(entry.facts) for entry in entered],
        "board": board.pk if board else None,
        "engine": board.engine if board else None,
        "parameters": board.parameters if board else None,
        "exclusions": page.exclusions,
        "rules": opened.facts.get("rules", []) if opened else [],
        "changes": len(page.changes),
        "sharings": page.sharings,
        "ledger_entries": page.head.number if page.head else 0,
    }


def _pinned(facts: dict[str, Any]) -> dict[str, Any]:
    names = {"developer": "", "version": None, "pinned": ""}
    told = {name: facts.get(name, without) for name, without in names.items()}
    return {"contestant": facts["contestant"], **told}
