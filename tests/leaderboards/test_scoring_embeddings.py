"""A scorer that learns from embeddings: who is sent what, what it knows, and what if it fails."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from leaderboards.facts import parse
from leaderboards.models import Report
from leaderboards.preferences import Margin, Wanted, write_preferences
from leaderboards.reports import SCORER, SCORING
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer_card import ScorerCard
from leaderboards.services import scoring
from leaderboards.services.reports import ask_for_report, write_report
from leaderboards.services.scorer_asking import OF_A_PREVIEW, ask_for_scorer, ask_for_scoring
from leaderboards.services.scoring import (
    ALL,
    CHANGED,
    UNLABELLED,
    score_battles,
    scorer_of,
    scorer_status,
)
from raters.models import Battle, Judge, JudgeRun, JudgeVerdict, Participation, Reply, Turn
from studies.models import ChatModel, LedgerEntry, Study
from studies.registry import pinned_digest
from tests.cast import NOW, make_admin, make_study
from tests.chat_server import Refuse
from tests.embedding_server import NUMBERS, EmbeddingServer, worth_of
from tests.leaderboards.talked import make_talk, make_talked_study

LATER = NOW + timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
# What was computed of the study once: it is the same each time.
_documents: dict[str, Any] = {}


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def study() -> Study:
    """Raters prefer by what only an embedding tells."""
    return make_talked_study(tie=0, worth=worth_of)


@pytest.fixture
def moss(server: EmbeddingServer) -> ChatModel:
    return ChatModel.objects.create(
        name="Moss",
        developer="Mire",
        base_url=server.base_url,
        model_id="moss-8",
        is_embedder=True,
        input_price=Decimal(1000),
    )


@pytest.fixture
def trained(study: Study, moss: ChatModel, server: EmbeddingServer) -> Study:
    """The study with a scorer that Moss has embedded replies for."""
    if not _documents:
        report = train(study, moss)
        assert report.error == ""
        _documents[SCORER] = report.document
        _documents["sent"] = server.embedded
        _documents["told"] = sharings(study)
        server.requests.clear()
        return study
    card = _documents[SCORER]
    Report.objects.create(
        study=study,
        kind=SCORER,
        subject=f":{moss.pk}",
        state=Report.State.FINISHED,
        document=card | {"embedded": asked_of(moss)},
        asked_at=LATER,
        finished_at=LATER,
    )
    return study


def asked_of(moss: ChatModel) -> dict[str, Any]:
    """What a card says of Moss, wherever its server listens now."""
    told = {"chat_model_id": moss.pk, "pinned": pinned_digest(moss)}
    return dict(_documents[SCORER]["embedded"]) | told


def train(study: Study, embedder: ChatModel | None) -> Report:
    return done(ask_for_scorer(study, embedder=embedder, at=LATER))


def rate(study: Study, selection: str = ALL) -> Report:
    return done(ask_for_scoring(study, selection, at=LATER))


def done(report: Report) -> Report:
    """A report that a worker has computed, or has failed to."""
    write_report(report.pk, at=LATER)
    report.refresh_from_db()
    return report


def sharings(study: Study) -> list[dict[str, Any]]:
    """What the ledger says of data that were shared."""
    entries = LedgerEntry.objects.filter(study=study, kind=LedgerEntry.Kind.DATA_SHARED)
    return [each.facts for each in entries]


def test_a_scorer_with_embeddings_tells_what_nothing_else_does_and_its_card_says_so(
    trained: Study, moss: ChatModel
) -> None:
    card = scorer_of(trained).card
    assert card.embedded is not None
    assert (card.embedded.chat_model, card.embedded.numbers) == ("Moss", NUMBERS)
    assert (card.embedded.texts, card.embedded.failed, card.embedded.error) == (240, 0, "")
    assert card.embedded.cost == pytest.approx(card.embedded.tokens / 1000)
    (overall,) = card.dimensions
    assert overall.evaluation is not None
    assert overall.evaluation.without_embeddings is not None
    assert overall.evaluation.scorer.low > overall.evaluation.without_embeddings.accuracy
    assert overall.evaluation.scorer.accuracy > 0.75


def test_replies_alone_are_sent_each_once_and_the_ledger_says_to_whom(trained: Study) -> None:
    replies = set(Reply.objects.values_list("text", flat=True))
    assert sorted(_documents["sent"]) == sorted(replies)
    assert not replies & set(Turn.objects.values_list("text", flat=True))
    assert _documents["told"] == [
        {
            "by": "platform",
            "with": "Moss, Mire",
            "what": "replies in up to 120 battles, embedded for a scorer to learn from",
            "on": LATER.date().isoformat(),
        }
    ]


@pytest.mark.every_database
def test_a_run_of_it_asks_again_rates_every_battle_and_says_so_in_the_ledger(
    trained: Study, server: EmbeddingServer
) -> None:
    before = len(sharings(trained))
    report = rate(trained)
    assert report.error == ""
    assert report.document is not None
    assert report.document["embedded"]["texts"] == len(server.embedded) == 240
    run = JudgeRun.objects.get(pk=report.document["run"])
    said = JudgeVerdict.objects.filter(judgement__run=run)
    right = [each.outcome == each.judgement.battle.verdicts.get().outcome for each in said]
    assert len(right) == 120
    assert np.mean(right) > 0.75
    (told,) = sharings(trained)[before:]
    assert told["what"] == "replies in up to 120 battles, embedded for a scorer to rate them"


def test_what_it_says_comes_back_from_its_run_and_nobody_is_asked(
    trained: Study, server: EmbeddingServer
) -> None:
    scorer, battles = scorer_of(trained), list(Battle.objects.values_list("pk", flat=True))
    with pytest.raises(ScorerError, match="let it rate all battles first"):
        score_battles(scorer, trained, battles)
    rate(trained)
    server.requests.clear()
    said = score_battles(scorer, trained, battles[:7])
    assert said.battles == tuple(battles[:7])
    (rows,) = said.probabilities.values()
    for battle, row in zip(said.battles, rows, strict=True):
        stored = JudgeVerdict.objects.get(judgement__battle=battle)
        assert row.tolist() == [stored.p_a, stored.p_tie, stored.p_b]
    file = StringIO()
    about = write_preferences(trained, Wanted(licence="CC0", margin=Margin.SCORER), file, at=LATER)
    margins = [json.loads(line)["margin"] for line in file.getvalue().splitlines()]
    assert len(margins) == about["rows"] == 120
    assert np.mean(margins) > 0.6
    assert server.requests == []


def test_a_battle_that_cannot_be_embedded_is_left_out_and_counted(
    trained: Study, server: EmbeddingServer, moss: ChatModel
) -> None:
    ChatModel.objects.filter(pk=moss.pk).update(max_concurrent=1)
    server.play(Refuse(400))
    report = rate(trained)
    assert report.error == ""
    assert report.document is not None
    assert report.document["battles"] == 120 - 16
    embedded = report.document["embedded"]
    assert (embedded["failed"], embedded["battles_left_out"]) == (32, 16)
    assert embedded["error"] == "RefusedRequestError"


def test_of_many_battles_a_sample_is_embedded_and_the_run_says_so(
    trained: Study, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_BATTLES", 50)
    report = rate(trained)
    assert report.document is not None
    assert (report.document["battles"], len(server.embedded)) == (50, 100)
    run = JudgeRun.objects.get(pk=report.document["run"])
    assert run.selection == "a sample of 50, of all battles whose words are there"


def test_an_endpoint_that_fails_loses_nothing_that_was_trained(
    trained: Study, server: EmbeddingServer, moss: ChatModel
) -> None:
    before = scorer_of(trained).digest
    server.play(*[Refuse(403)] * 20)
    report = train(trained, moss)
    assert "Moss embedded nothing (RefusedRequestError: status 403" in report.error
    assert scorer_status(trained).error == report.error
    assert scorer_of(trained).digest == before
    server.requests.clear()
    assert "embedded nothing" in rate(trained).error
    assert not JudgeRun.objects.exists()


def test_the_newest_scorer_counts_whoever_embedded_for_it(trained: Study) -> None:
    with_embeddings = scorer_of(trained)
    assert train(trained, None).error == ""
    plain = scorer_of(trained)
    assert plain.digest != with_embeddings.digest
    assert plain.card.embedded is None
    assert rate(trained).error == ""
    assert Judge.objects.count() == 1


def test_who_was_not_named_when_it_was_asked_for_is_sent_nothing(
    trained: Study, server: EmbeddingServer, moss: ChatModel
) -> None:
    asked = ask_for_report(trained, SCORING, ALL, at=LATER)
    assert done(asked).error == CHANGED
    waiting = ask_for_scoring(trained, at=LATER)
    assert train(trained, None).error == ""
    assert done(waiting).error == CHANGED
    assert server.requests == []


def test_an_embedder_that_is_asked_otherwise_now_makes_no_ratings(
    trained: Study, server: EmbeddingServer, moss: ChatModel
) -> None:
    waiting = ask_for_scoring(trained, at=LATER)
    ChatModel.objects.filter(pk=moss.pk).update(model_id="moss-9")
    assert "Moss is asked in another way than when the scorer was trained" in done(waiting).error
    assert server.requests == []


def test_battles_without_a_verdict_are_embedded_alone(
    trained: Study, server: EmbeddingServer
) -> None:
    with pytest.raises(ScorerError, match="no battles without a verdict"):
        ask_for_scoring(trained, UNLABELLED, at=LATER)
    a, b = trained.contestants.order_by("slug")[:2]
    left = trained.participations.earliest("pk")
    make_talk(
        left,
        a,
        b,
        key="7",
        message="And one more?",
        replies=("Rice.", "Boil the rice."),
        tie=0,
        rng=np.random.default_rng(0),
        is_judged=False,
    )
    Participation.objects.filter(pk=left.pk).update(state=Participation.State.TIMED_OUT)
    report = rate(trained, UNLABELLED)
    assert report.error == ""
    assert sorted(server.embedded) == ["Boil the rice.", "Rice."]


def test_nothing_is_shared_from_a_preview_or_with_who_embeds_nothing(
    study: Study, moss: ChatModel
) -> None:
    talker = study.contestants.earliest("pk").chat_model
    with pytest.raises(ScorerError, match="is not registered as one that embeds texts"):
        ask_for_scorer(study, embedder=talker, at=LATER)
    original = make_talked_study("original", raters=1)
    Study.objects.filter(pk=study.pk).update(preview_of=original)
    study.refresh_from_db()
    with pytest.raises(ScorerError) as refusal:
        ask_for_scorer(study, embedder=moss, at=LATER)
    assert str(refusal.value) == OF_A_PREVIEW
    assert not Report.objects.exists()
    assert sharings(study) == []


def test_nothing_is_shared_where_nothing_could_be_learned(
    study: Study, moss: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = make_study("votes")
    with pytest.raises(ScorerError, match="No conversation is there"):
        ask_for_scorer(votes, embedder=moss, at=LATER)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ScorerError, match="needs scikit-learn"):
        ask_for_scorer(study, embedder=moss, at=LATER)
    assert sharings(votes) == sharings(study) == []


def test_the_page_offers_embedders_alone_and_shows_what_they_added(
    trained: Study, moss: ChatModel, client: Client
) -> None:
    client.force_login(make_admin())
    address = reverse("admin:leaderboards_study_scorer", args=[trained.pk])
    shown = client.get(address).content.decode()
    assert "The scorer without embeddings" in shown
    assert "Embeddings of 8 numbers by Moss, which was sent 240 different replies." in shown
    assert f'<option value="{moss.pk}">Moss</option>' in shown
    assert "Embeddings by" in shown
    talker = trained.contestants.earliest("pk").chat_model
    assert f'<option value="{talker.pk}">' not in shown
    refused = client.post(address, {"do": "train", "embedder": talker.pk}, follow=True)
    assert "Choose an embedder of the registry, or nobody." in refused.content.decode()
    assert not Report.objects.exclude(state=Report.State.FINISHED).exists()
    assert client.post(address, {"do": "train", "embedder": moss.pk}).status_code == 302
    assert Report.objects.get(state=Report.State.WAITING).subject == f":{moss.pk}"
    assert sharings(trained)[-1]["by"] == "admin"


def test_without_an_embedder_in_the_registry_the_page_offers_none(
    study: Study, client: Client
) -> None:
    client.force_login(make_admin())
    address = reverse("admin:leaderboards_study_scorer", args=[study.pk])
    assert "Embeddings by" not in client.get(address).content.decode()
    assert client.post(address, {"do": "train", "embedder": ""}).status_code == 302
    assert Report.objects.get().subject == ""
    assert sharings(study) == []


def test_the_downloaded_card_names_who_embedded_and_not_where(
    trained: Study, server: EmbeddingServer, client: Client
) -> None:
    client.force_login(make_admin())
    answer = client.get(reverse("admin:leaderboards_study_scorer_download", args=[trained.pk]))
    document = json.loads(answer.content)
    assert parse(ScorerCard, document).embedded is not None
    assert len(document["weights"]["overall"]["everybody"]["embeddings"]) == NUMBERS
    assert "127.0.0.1" not in answer.content.decode()
