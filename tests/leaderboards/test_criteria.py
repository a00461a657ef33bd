"""Criteria of a study: asked for, found by a worker, and made a judge of."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from leaderboards.errors import CriteriaError, NothingToRankError
from leaderboards.facts import parse
from leaderboards.models import Report
from leaderboards.reports import CRITERIA
from leaderboards.services import criteria as services
from leaderboards.services.criteria import (
    CriteriaReport,
    CriteriaWanted,
    ask_for_criteria,
    make_judge,
    report_criteria,
)
from leaderboards.services.reports import latest_report, report_status, write_report
from raters.models import Battle, Participation
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from raters.services.judge_runs import start_run
from raters.services.judgements import work_on_run
from studies.models import LedgerEntry, Study
from tests.cast import make_admin
from tests.chat_server import ChatServer, Refuse, Request, Script, Talk
from tests.leaderboards.decided_study import SeeingServer, make_chat_model, make_decided_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study(db: None) -> Study:
    return make_decided_study(44)


@pytest.fixture
def server() -> Iterator[SeeingServer]:
    with SeeingServer() as running:
        yield running


def wanted(server: ChatServer, **more: int) -> CriteriaWanted:
    chat_model = make_chat_model(server.base_url)
    return CriteriaWanted("overall", chat_model.pk, **{"training": 22, "held_out": 22, **more})


def find(study: Study, asked: CriteriaWanted) -> CriteriaReport:
    """Ask, let a worker do it, and read what it wrote."""
    report = ask_for_criteria(study, asked, at=timezone.now())
    write_report(report.pk, at=timezone.now())
    found = latest_report(study, CRITERIA, asked.subject)
    assert found is not None, Report.objects.get(pk=report.pk).error
    return parse(CriteriaReport, found.document)


def test_what_raters_go_by_is_found_and_what_they_do_not_is_dropped(
    study: Study, server: SeeingServer
) -> None:
    found = find(study, wanted(server))
    by_name = {each.name: each for each in found.criteria}
    assert [each.name for each in found.kept] == ["Brevity"]
    assert by_name["Brevity"].worth.held_out.value == 1
    assert by_name["Thanks"].worth.status in {"chance", "rare"}
    assert (len(found.training), len(found.held_out)) == (22, 22)
    assert found.rubric.accuracy.value == 1
    assert found.rubric.accuracy.low > found.rubric.majority.value
    assert found.expense.unreadable == found.untested == 0
    assert found.expense.asked == len(server.requests)


def test_what_raters_said_is_set_against_what_they_chose(
    study: Study, server: SeeingServer
) -> None:
    found = find(study, wanted(server))
    by_name = {each.name: each.saying for each in found.criteria}
    acted, told = by_name["Brevity"], by_name["Examples"]
    assert acted is not None
    assert told is not None
    assert found.reasons == 44
    assert told.named.value == pytest.approx(0.5, abs=0.1)
    assert acted.gap.high < 0 < told.gap.low


def test_no_held_out_word_stands_in_a_prompt_that_proposes(
    study: Study, server: SeeingServer
) -> None:
    found = find(study, wanted(server))
    proposing = [prompt for prompt in server.asked() if 'Her "choice"' in prompt]
    assert len(proposing) == 5
    battles = Battle.objects.in_bulk([*found.training, *found.held_out])
    for battles_of, stand in ((found.training, True), (found.held_out, False)):
        for battle in (battles[key] for key in battles_of):
            message = battle.turns.get().text
            assert any(message in prompt for prompt in proposing) == stand


def test_answers_that_cannot_be_read_are_counted_and_asked_again(study: Study) -> None:
    with SeeingServer(mumbles=5) as server:
        found = find(study, wanted(server))
    assert found.expense.unreadable == len(server.requests) // 5
    # Whoever is answered so three times in a row is left out, and never a tie.
    assert found.untested <= found.expense.unanswered <= 2
    assert [each.name for each in found.kept] == ["Brevity"]


def test_a_chat_model_that_says_nothing_of_what_is_asked_finds_nothing(study: Study) -> None:
    with ChatServer(default=Talk(("I like both.",))) as server:
        asked = wanted(server)
        report = ask_for_criteria(study, asked, at=timezone.now())
        write_report(report.pk, at=timezone.now())
    error = report_status(study, CRITERIA, asked.subject).error
    assert error == "Beech proposed no criterion that could be read."


def test_trials_that_nobody_can_read_say_nothing(study: Study) -> None:
    class Shy(SeeingServer):
        def script_for(self, request: Request) -> Script:
            script = super().script_for(request)
            return Talk(("No.",)) if '"who": "criterion"' in self.asked()[-1] else script

    with Shy() as server, pytest.raises(CriteriaError, match="Too few answers could be read"):
        report_criteria(study, wanted(server).subject, timezone.now())


def test_a_chat_model_that_only_fails_is_not_asked_for_long(study: Study) -> None:
    with ChatServer(default=Refuse(401)) as server:
        asked = wanted(server)
        with pytest.raises(CriteriaError, match="Beech does not answer"):
            report_criteria(study, asked.subject, timezone.now())
        assert len(server.requests) <= 10


def test_what_takes_too_long_says_how_much_was_left(
    study: Study, server: SeeingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TIME_LIMIT", timedelta(0))
    with pytest.raises(CriteriaError, match="0 minutes were not enough: 5 of 5 questions"):
        report_criteria(study, wanted(server).subject, timezone.now())


@pytest.mark.every_database
def test_the_ledger_says_with_whom_words_are_shared_once(
    study: Study, server: SeeingServer
) -> None:
    asked = wanted(server)
    for _ in range(2):
        ask_for_criteria(study, asked, at=timezone.now())
    entry = LedgerEntry.objects.get(study=study, kind=LedgerEntry.Kind.DATA_SHARED)
    assert entry.facts["with"] == "Beech, Grove"
    assert "up to 44 battles, for criteria" in entry.facts["what"]


@pytest.mark.every_database
def test_words_taken_back_and_verdicts_left_out_are_shown_to_nobody(
    study: Study, server: SeeingServer
) -> None:
    gone, left_out = Participation.objects.filter(study=study).order_by("pk")[:2]
    words = [each.battles.get().turns.get().text for each in (gone, left_out)]
    withdraw_and_erase(gone, at=timezone.now())
    exclude(left_out, reason="Careless.", by=make_admin(), at=timezone.now())
    found = find(study, wanted(server))
    assert len(found.training) + len(found.held_out) == 42
    assert not any(word in prompt for word in words for prompt in server.asked())


def test_a_judge_is_made_of_what_was_kept_and_can_judge_the_study(
    study: Study, server: SeeingServer
) -> None:
    found = find(study, wanted(server))
    judge = make_judge(study, found, at=timezone.now())
    assert judge.protocol == "boolean"
    assert judge.settings["rubric"]["overall"] == [
        "Clearly: Brevity: comes to the point in few words"
    ]
    assert set(judge.settings["rubric"]) == {"overall", "warmth"}
    judge.chat_models.update(base_url="bot:judge")
    run = start_run(judge, study, at=timezone.now())
    work_on_run(run.pk, shift=timedelta(seconds=1))
    assert run.judgements.filter(state="finished").exists()


def test_a_built_in_bot_can_be_asked_and_keeps_no_criterion_that_does_not_tell(
    study: Study,
) -> None:
    chat_model = make_chat_model("bot:judge")
    found = find(study, CriteriaWanted("overall", chat_model.pk, 20, 20))
    assert found.criteria
    assert not LedgerEntry.objects.filter(kind=LedgerEntry.Kind.DATA_SHARED).exists()
    if not found.kept:
        with pytest.raises(CriteriaError, match="No criterion was kept"):
            make_judge(study, found, at=timezone.now())


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("overall", "names no criteria"),
        ("overall:x:1+1:0", "names no criteria"),
        ("overall:999999:20+20:0", "Choose a chat model"),
    ],
)
def test_a_subject_that_names_nothing_is_refused(study: Study, subject: str, message: str) -> None:
    with pytest.raises(CriteriaError, match=message):
        report_criteria(study, subject, timezone.now())


def test_what_cannot_be_asked_is_refused_before_words_are_shared(
    study: Study, server: SeeingServer
) -> None:
    chat_model = make_chat_model(server.base_url).pk
    for asked in (
        CriteriaWanted("overall", chat_model, 0, 20),
        CriteriaWanted("overall", chat_model, 20, 101),
        CriteriaWanted("overall", 999_999),
    ):
        with pytest.raises(CriteriaError):
            ask_for_criteria(study, asked, at=timezone.now())
    with pytest.raises(NothingToRankError):
        ask_for_criteria(study, CriteriaWanted("taste", chat_model), at=timezone.now())
    alone = Study.objects.create(slug="alone", title="A", protocol=Study.Protocol.SINGLE)
    with pytest.raises(CriteriaError, match="one model at a time"):
        ask_for_criteria(alone, CriteriaWanted("overall", chat_model), at=timezone.now())
    assert not LedgerEntry.objects.filter(kind=LedgerEntry.Kind.DATA_SHARED).exists()


def test_too_few_pairs_say_so(server: SeeingServer) -> None:
    few = make_decided_study(12)
    with pytest.raises(CriteriaError, match="Only 6 decided conversations are left"):
        report_criteria(few, wanted(server).subject, timezone.now())
