"""Tuning of judges: compared on one part, tested once on another, and every use recorded."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from leaderboards.errors import CriteriaError, NothingToRankError
from leaderboards.facts import parse
from leaderboards.machines.reports import card_of
from leaderboards.models import Report
from leaderboards.pages.machine_figures import figures_of_card
from leaderboards.reports import TUNING
from leaderboards.services import tuning as services
from leaderboards.services.reports import latest_report, write_report
from leaderboards.services.tuning import (
    TuningReport,
    TuningWanted,
    ask_for_tuning,
    learned_from,
    make_next_version,
    report_tuning,
)
from raters.judge_cases import with_examples
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Settings
from raters.models import Battle, Judge
from raters.services.erasing import withdraw_and_erase
from raters.services.judge_runs import Selection, add_judge, start_run
from raters.services.judgements import work_on_run
from studies.models import LedgerEntry, Study
from tests.leaderboards.decided_study import SeeingServer, make_chat_model, make_decided_study
from tests.raters.judging.judges import lines_in

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ADVICE = ["Prefer what is said in few words."]


@pytest.fixture
def study(db: None) -> Study:
    return make_decided_study(60)


@pytest.fixture
def server() -> Iterator[SeeingServer]:
    with SeeingServer(advice=ADVICE) as running:
        yield running


def make_judge(server: SeeingServer) -> Judge:
    """A judge that likes to be thanked."""
    return add_judge(
        name="Beech",
        protocol="pairwise",
        settings={"max_words": 20},
        chat_models=[make_chat_model(server.base_url)],
        at=timezone.now(),
    )


def tune(study: Study, judge: Judge, **more: int) -> TuningReport:
    """Ask, let a worker do it, and read what it wrote."""
    sizes = {"training": 12, "validation": 12, "test": 12, **more}
    wanted = TuningWanted("overall", judge.pk, **sizes)
    report = ask_for_tuning(study, wanted, at=timezone.now())
    write_report(report.pk, at=timezone.now())
    found = latest_report(study, TUNING, wanted.subject)
    assert found is not None, Report.objects.get(pk=report.pk).error
    return parse(TuningReport, found.document)


def ends_with(battle: Battle, prompt: str) -> bool:
    """Whether a prompt is about this battle, and does not only show it."""
    asked = [line["text"] for line in lines_in(prompt) if line["who"] == "person"]
    return asked == [battle.turns.get().text]


def test_advice_that_helps_wins_and_is_tested_on_what_nothing_before_has_seen(
    study: Study, server: SeeingServer
) -> None:
    judge = make_judge(server)
    found = tune(study, judge)
    assert found.candidates[0].name == "as it is"
    assert found.candidates[found.winner].name == "told more, 1"
    assert found.candidates[found.winner].agreement.value == found.tuned.value == 1
    assert found.base.value < 1
    assert found.gain.value == pytest.approx(found.tuned.value - found.base.value)
    parts = [set(part) for part in (found.training, found.validation, found.test)]
    assert len(set.union(*parts)) == 36
    assert found.uses_before == 0
    assert found.expense.asked == len(server.requests)
    tested = Battle.objects.in_bulk(found.test)
    told = [battle.turns.get().text for battle in tested.values()]
    holding = [any(text in prompt for text in told) for prompt in server.asked()]
    # Two candidates, twelve pairs and both orders; all of it at the end.
    assert sum(holding) == 48
    assert all(holding[-48:])


def test_the_winner_becomes_the_next_version_of_the_judge(
    study: Study, server: SeeingServer
) -> None:
    judge = make_judge(server)
    version = make_next_version(tune(study, judge), at=timezone.now())
    assert (version.name, version.version) == ("Beech", 2)
    assert version.settings == {"max_words": 20, "instructions": ADVICE[0]}
    assert list(version.chat_models.all()) == list(judge.chat_models.all())


def test_each_use_of_a_test_part_is_recorded_and_what_was_learned_from_is_never_tested(
    study: Study, server: SeeingServer
) -> None:
    judge = make_judge(server)
    first = tune(study, judge)
    second = tune(study, judge)
    third = tune(study, judge, seed=1)
    assert [each.uses_before for each in (first, second, third)] == [0, 1, 2]
    assert set(third.test) == set(first.test)
    learned = {*first.training, *first.validation, *third.training, *third.validation}
    assert learned.isdisjoint(third.test)
    assert learned <= set(third.seen)
    larger = tune(study, judge, test=20)
    assert learned.isdisjoint(larger.test)
    assert larger.uses_before == 3


def test_what_a_judge_was_tuned_on_is_left_out_of_its_report_card(
    study: Study, server: SeeingServer
) -> None:
    judge = make_judge(server)
    found = tune(study, judge)
    learned = {*found.training, *found.validation}
    version = make_next_version(found, at=timezone.now())
    assert learned_from(version, study) == learned
    assert learned_from(judge, study) == frozenset()
    battles = [*sorted(learned)[:5], *found.test]
    cards = []
    for each in (judge, version):
        run = start_run(each, study, Selection(battles=battles), at=timezone.now())
        work_on_run(run.pk)
        cards.append(card_of(run, at=timezone.now(), resamples=20))
    as_it_was, tuned = cards
    dimensions = study.dimensions.count()
    assert (as_it_was.learned_from, as_it_was.agreement.items) == (0, 17 * dimensions)
    assert (tuned.learned_from, tuned.agreement.items) == (5, 12 * dimensions)
    told = [each for each in figures_of_card(tuned) if each.name == "Tuned on"]
    assert [each.value for each in told] == ["5"]
    assert "Tuned on" not in [each.name for each in figures_of_card(as_it_was)]


def test_a_judge_that_was_only_tried_on_what_it_was_tuned_on_has_no_card(
    study: Study, server: SeeingServer
) -> None:
    found = tune(study, make_judge(server))
    version = make_next_version(found, at=timezone.now())
    run = start_run(version, study, Selection(battles=found.training), at=timezone.now())
    work_on_run(run.pk)
    with pytest.raises(NothingToRankError, match="counts but for those it was tuned on"):
        card_of(run, at=timezone.now(), resamples=20)


def test_where_nothing_is_better_the_judge_stays(study: Study) -> None:
    with SeeingServer(advice=["Be thorough."]) as server:
        found = tune(study, make_judge(server))
    assert found.winner == 0
    assert found.tuned == found.base
    with pytest.raises(CriteriaError, match="No candidate agreed with people more"):
        make_next_version(found, at=timezone.now())
    assert Judge.objects.count() == 1


def test_examples_are_kept_by_id_and_go_with_their_raters_words(
    study: Study, server: SeeingServer
) -> None:
    found = tune(study, make_judge(server))
    shown = next(each for each in found.candidates if each.name == "shown examples")
    battle = Battle.objects.get(pk=found.training[0])
    text = battle.turns.get().text
    assert text not in shown.settings
    example = {"battle": battle.pk, "winner": {"overall": "first"}}
    settings = Settings.parse({"examples": [example]}, PROTOCOLS["pairwise"])
    assert with_examples(settings).examples[0].exchanges[0].message == text
    withdraw_and_erase(battle.participation, at=timezone.now())
    assert with_examples(settings).examples == ()


def test_a_run_shows_examples_and_never_a_battle_as_its_own(
    study: Study, server: SeeingServer
) -> None:
    own, other = Battle.objects.order_by("pk")[:2]
    judge = make_judge(server)
    examples = [{"battle": own.pk, "winner": {"overall": "first", "warmth": "tie"}}]
    Judge.objects.filter(pk=judge.pk).update(settings={"examples": examples})
    run = start_run(judge, study, Selection(battles=[own.pk, other.pk]), at=timezone.now())
    work_on_run(run.pk)
    asked = {
        battle.pk: [prompt for prompt in server.asked() if ends_with(battle, prompt)]
        for battle in (own, other)
    }
    assert all('"example winner"' not in prompt for prompt in asked[own.pk])
    assert all(own.turns.get().text in prompt for prompt in asked[other.pk])
    assert [len(prompts) for prompts in asked.values()] == [2, 2]
    finished = run.judgements.filter(state="finished", battle__isnull=False)
    assert finished.count() == 2


def test_what_could_not_be_read_is_counted_and_no_agreement(study: Study) -> None:
    with SeeingServer(advice=ADVICE, mumbles=3) as server:
        found = tune(study, make_judge(server), validation=30)
    assert found.expense.unreadable == len(server.requests) // 3
    assert len(found.validation) > 20
    for each in found.candidates:
        assert each.agreement.n + each.unjudged == len(found.validation)


def test_a_judge_of_which_too_little_can_be_read_is_not_tuned(study: Study) -> None:
    with SeeingServer(mumbles=1) as server:
        subject = TuningWanted("overall", make_judge(server).pk, 12, 12, 12).subject
        with pytest.raises(CriteriaError, match="Too few answers could be read"):
            report_tuning(study, subject, timezone.now())


def test_the_ledger_says_with_whom_words_are_shared(study: Study, server: SeeingServer) -> None:
    wanted = TuningWanted("overall", make_judge(server).pk, 12, 12, 12)
    ask_for_tuning(study, wanted, at=timezone.now())
    entry = LedgerEntry.objects.get(study=study, kind=LedgerEntry.Kind.DATA_SHARED)
    assert entry.facts["what"] == "conversations of up to 36 battles, to tune Beech"


def test_what_cannot_be_tuned_says_why(study: Study, server: SeeingServer) -> None:
    model, other = make_chat_model(server.base_url), make_chat_model("bot:judge", name="Elm")
    now = timezone.now()
    single = add_judge(name="S", protocol="single", settings={}, chat_models=[model], at=now)
    jury = add_judge(name="J", protocol="pairwise", settings={}, chat_models=[model, other], at=now)
    for judge, message in ((single, "protocol “Pairwise"), (jury, "J is a jury")):
        with pytest.raises(CriteriaError, match=message):
            ask_for_tuning(study, TuningWanted("overall", judge.pk), at=now)
    alone = add_judge(name="A", protocol="pairwise", settings={}, chat_models=[model], at=now)
    with pytest.raises(CriteriaError, match="from 10 to 100 pairs"):
        ask_for_tuning(study, TuningWanted("overall", alone.pk, 5), at=now)
    with pytest.raises(CriteriaError, match="names no tuning"):
        report_tuning(study, "overall:1", now)


def test_what_takes_too_long_says_so(
    study: Study, server: SeeingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TIME_LIMIT", timedelta(0))
    with pytest.raises(CriteriaError, match="0 minutes were not enough: 24 of 24 questions"):
        report_tuning(
            study,
            TuningWanted("overall", make_judge(server).pk, 12, 12, 12).subject,
            timezone.now(),
        )


def test_an_earlier_tuning_that_cannot_be_read_stops_the_next(
    study: Study, server: SeeingServer
) -> None:
    judge = make_judge(server)
    tune(study, judge)
    Report.objects.filter(kind=TUNING).update(document={"judge": "Beech"})
    with pytest.raises(CriteriaError, match="nobody knows what it has seen"):
        report_tuning(study, TuningWanted("overall", judge.pk, 12, 12, 12).subject, timezone.now())
