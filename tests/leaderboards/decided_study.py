"""A study whose raters choose by a rule, and a chat model on loopback that sees by what."""

import json
from random import Random
from typing import Any
from zlib import crc32

from django.utils import timezone

from raters.identities import Identity, fields_for
from raters.models import Battle, Outcome, Participation, Rater, Reply, Turn, Verdict
from studies.models import ChatModel, Study
from tests.chat_server import ChatServer, Request, Script, Talk
from tests.raters.judging.decided_pairs import REASONS, Seer, make_pair
from tests.raters.judging.judges import lines_in
from tests.raters.live import make_live_study


class SeeingServer(ChatServer):
    """Answers as the seer does; every `mumbles`-th request so that nobody can read it."""

    def __init__(self, *, mumbles: int = 0, **more: Any) -> None:
        super().__init__()
        self.seer, self.mumbles = Seer(**more), mumbles

    def script_for(self, request: Request) -> Script:
        self.requests.append(request)
        if self.mumbles and len(self.requests) % self.mumbles == 0:
            return Talk(("I would rather not say.",))
        schema = request.body["response_format"]["json_schema"]["schema"]
        told = request.body["messages"][-1]["content"]
        return Talk((json.dumps(self.seer.say(lines_in(told), schema, told)),))

    def asked(self) -> list[str]:
        """Every prompt that it got."""
        return [request.body["messages"][-1]["content"] for request in self.requests]


def make_chat_model(base_url: str, **fields: object) -> ChatModel:
    """A chat model that judges, and no contestant."""
    told = {"name": "Beech", "model_id": "beech", "developer": "Grove", **fields}
    return ChatModel.objects.create(base_url=base_url, max_concurrent=8, **told)


def make_decided_study(battles: int, **more: Any) -> Study:
    """Raters with a battle each, who prefer brevity and speak of it, or of examples."""
    study = make_live_study(**more)
    now, chance = timezone.now(), Random(1)
    pairs = [make_pair(key, chance) for key in range(1, battles + 1)]
    ash, birch = study.contestants.order_by("pk")
    raters = Rater.objects.bulk_create(
        Rater(code=f"rater-{pair.key}", created_at=now) for pair in pairs
    )
    parts = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            **fields_for(study.pk, Identity(f"platform-{rater.pk}")),
            state=Participation.State.ACTIVE,
            created_at=now,
        )
        for rater in raters
    )
    # Pairs are dealt by their keys: what stood in the database before must not change the deal.
    first = 1_000_000 + crc32(study.slug.encode()) % 1_000_000 * 1_000
    held = Battle.objects.bulk_create(
        Battle(
            pk=first + pair.key,
            participation=part,
            key="1",
            side_a=ash,
            side_b=birch,
            created_at=now,
            judged_at=now,
            reason=REASONS["Brevity" if pair.key % 2 else "Examples"],
        )
        for part, pair in zip(parts, pairs, strict=True)
    )
    turns = Turn.objects.bulk_create(
        Turn(battle=battle, number=1, text=pair.case.messages[0], created_at=now)
        for battle, pair in zip(held, pairs, strict=True)
    )
    Reply.objects.bulk_create(
        Reply(turn=turn, side=side, state=Reply.State.FINISHED, text=text, due_at=now)
        for turn, pair in zip(turns, pairs, strict=True)
        for side, text in zip("ab", pair.case.exchanges[0].replies, strict=True)
    )
    Verdict.objects.bulk_create(
        Verdict(
            battle=battle, dimension=dimension, outcome=Outcome(pair.preferred), recorded_at=now
        )
        for battle, pair in zip(held, pairs, strict=True)
        for dimension in study.dimensions.all()
    )
    return study
