"""People and machine: what is read, whose boards there are, and what reports say of it."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from leaderboards.comparison.items import Items
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.facts import as_json, parse
from leaderboards.machines.asking import ask_for_missing_reports
from leaderboards.machines.boards import rank_judge
from leaderboards.machines.documents import Machine
from leaderboards.machines.reading import read_sheet
from leaderboards.machines.reports import card_of, compare_on
from leaderboards.machines.runs import counting_runs, developer_of, runs_beside
from leaderboards.machines.scenarios import domains_of, scenarios_of
from leaderboards.models import Board, Report
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.routing import subject_after
from leaderboards.services.reports import ask_for_report, due_reports, write_report
from leaderboards.verdicts import Frame
from raters.imports.comparisons import import_comparisons
from raters.imports.judgements import import_judgements
from raters.models import Battle, JudgeRun, JudgeVerdict, SideStyle
from raters.services.exclusions import exclude
from raters.services.judge_runs import next_version
from raters.simulated_judge import Leaning, simulate_judge
from raters.simulation import Population
from studies.models import Study, Task
from studies.services import add_dimension
from tests.cast import NOW, make_admin, make_board, make_study
from tests.leaderboards.labelled import make_labels

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Imported = Callable[[Iterable[Mapping[str, Any]]], JudgeRun]
MIRRORED = ("age", "18-34")


def make_judge(study: Study, *, name: str = "Owl", battles: int = 90, **leanings: Any) -> JudgeRun:
    """A simulated judge's run, by the developer of two of the contestants."""
    simulate_judge(
        study,
        name=name,
        developer="Copse",
        leaning=Leaning(mirrors=MIRRORED, **leanings),
        population=Population(),
        battles=battles,
        seed=1,
        at=NOW,
    )
    return study.judge_runs.select_related("judge").get(judge__name=name)


@pytest.fixture
def study() -> Study:
    return make_study(raters=40)


@pytest.fixture
def shared(tmp_path: Path) -> Study:
    """Three raters on two conversations, the sides of one exchanged for one of them."""
    path = tmp_path / "people.csv"
    path.write_text(
        "rater,model_a,model_b,outcome,battle,conversation\n"
        "ann,Cedar,Elm,a,1,talk\nbob,Elm,Cedar,b,1,talk\ncat,Cedar,Elm,tie,1,talk\n"
        "ann,Elm,Rowan,b,2,walk\nbob,Elm,Rowan,b,2,walk\ncat,Rowan,Cedar,a,3,\n"
        "cat,Cedar,Elm,b,4,talk\n"
    )
    study = Study.objects.create(slug="shared", title="Shared", state=Study.State.CLOSED)
    import_comparisons(study, path, may_create=True, at=NOW)
    return study


@pytest.fixture
def imported(shared: Study, tmp_path: Path) -> Imported:
    def imported(rows: Iterable[Mapping[str, Any]]) -> JudgeRun:
        path = tmp_path / "judge.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        import_judgements(shared, path, judge="Owl", at=NOW)
        return shared.judge_runs.get()

    return imported


TALK = {"conversation": "talk", "model_a": "Cedar", "model_b": "Elm"}


# Reading


@pytest.mark.every_database
def test_raters_of_one_conversation_share_an_item(shared: Study, imported: Imported) -> None:
    run = imported([{**TALK, "outcome": "a", "order": "ba", "certainty": 0.9}])
    sheet = read_sheet(Frame.of(shared), run, list(shared.dimensions.all()))
    assert len(sheet.items) == 3
    talk = int(sheet.judged.item[0])
    a = shared.contestants.order_by("slug")[int(sheet.items.a[talk])].name
    counts = sheet.votes.counts(sheet.items)[talk]
    # Two for Cedar and a tie; the second verdict of one rater on it does not count again.
    assert counts.tolist() == ([2, 1, 0] if a == "Cedar" else [0, 1, 2])
    assert sheet.judged.says(sheet.items)[talk] == (0 if a == "Cedar" else 2)
    # Elm stood first.
    assert sheet.judged.shown_first[0] == (1 if a == "Cedar" else 0)
    assert sheet.judged.certainty.tolist() == [0.9]
    assert (sheet.verdicts, sheet.abstained, sheet.has_orders) == (1, 0, True)


@pytest.mark.every_database
def test_orders_and_samples_are_rows_of_their_own(imported: Imported, shared: Study) -> None:
    run = imported(
        {**TALK, "outcome": outcome, "order": order, "sample": sample, "cost": 0.5, "seconds": 2}
        for order, sample, outcome in (("ab", 1, "a"), ("ab", 2, "tie"), ("ba", 1, "a"))
    )
    judged = read_sheet(Frame.of(shared), run, list(shared.dimensions.all())).judged
    assert len(judged.item) == 3
    assert sorted(judged.shown_first.tolist()) in ([0, 0, 1], [0, 1, 1])
    assert sorted(judged.sample.tolist()) == [0, 0, 1]
    assert judged.cost.tolist() == [0.5] * 3


def test_an_abstention_is_counted_and_says_nothing(imported: Imported, shared: Study) -> None:
    run = imported(
        [{**TALK, "outcome": None, "order": "ab"}, {**TALK, "outcome": "a", "order": "ba"}]
    )
    sheet = read_sheet(Frame.of(shared), run, list(shared.dimensions.all()))
    assert (sheet.verdicts, sheet.abstained, len(sheet.judged.item)) == (1, 1, 0)


def test_a_verdict_in_one_piece_has_no_order(shared: Study) -> None:
    judge = next_version("Scorer", protocol="single", settings={}, at=NOW)
    run = JudgeRun.objects.create(
        study=shared, judge=judge, number=1, state="finished", started_at=NOW, ended_at=NOW
    )
    judgement = run.judgements.create(
        battle=Battle.objects.earliest("pk"), state="finished", due_at=NOW, finished_at=NOW
    )
    JudgeVerdict.objects.create(
        judgement=judgement, dimension=shared.dimensions.get(), outcome="b", score_a=2, score_b=4,
        samples=[{"key": "x", "side": "a", "score": 2}], recorded_at=NOW,
    )  # fmt: skip
    sheet = read_sheet(Frame.of(shared), run, list(shared.dimensions.all()))
    assert not sheet.has_orders
    assert sheet.judged.outcome.tolist() == [2]
    assert compare_on(run, shared.dimensions.get(), at=NOW, resamples=5).position is None


@pytest.mark.every_database
def test_people_who_are_excluded_do_not_count_here_either(study: Study) -> None:
    run = make_judge(study)
    before = compare_on(run, study.dimensions.get(is_overall=True), at=NOW, resamples=5)
    exclude(study.participations.order_by("pk")[0], reason="Fraud.", by=make_admin(), at=NOW)
    after = compare_on(run, study.dimensions.get(is_overall=True), at=NOW, resamples=5)
    assert before.agreement.votes == 90
    assert after.agreement.votes < 90


def test_shared_items_are_those_of_both(study: Study) -> None:
    run = make_judge(study, battles=30)
    frame = Frame.of(study)
    sheet = read_sheet(frame, run, frame.dimensions)
    part = sheet.shared()
    assert (len(sheet.items), len(part.items)) == (320, 60)
    assert len(part.votes.item) == 60 == len(part.cell) == len(part.battle)
    assert np.array_equal(np.unique(part.judged.item), np.arange(60))
    assert isinstance(part.items, Items)


@pytest.mark.every_database
def test_scenarios_are_topics_groups_turns_and_lengths(study: Study) -> None:
    run = make_judge(study)
    task = Task.objects.create(study=study, area="Home", category="Food", name="Cook", text="Cook.")
    Battle.objects.filter(pk__in=[j.battle_id for j in run.judgements.all()[:20]]).update(task=task)
    frame = Frame.of(study)
    found = {(s.axis, s.name): s for s in scenarios_of(read_sheet(frame, run, frame.dimensions))}
    for key in (
        ("everything", "all conversations"), ("dimension", "Warmth"), ("topic", "Home › Food"),
        ("topic", "Home"), ("topic", "Home › Food › Cook"), ("group:age", "Age: 18-34"),
        ("length", "150–300 words"), ("developer", "Copse"),
    ):  # fmt: skip
        assert key in found
    topic = found["topic", "Home"].items
    assert topic is not None
    assert topic.sum() == 40


# Boards


def test_a_judge_is_ranked_by_the_same_engines(study: Study) -> None:
    run = make_judge(study)
    dimension = study.dimensions.get(is_overall=True)
    for engine in (Engine.DAVIDSON, Engine.TRUESKILL):
        given, sections = rank_judge(run, dimension, BoardParameters(engine=engine, draws=100))
        assert [s.scope for s in sections][:2] == ["electorate", "sample"]
        assert sections[0].record.battles == 90
        assert sections[0].summary is not None
        assert len(given.contestants) == 4
    with pytest.raises(WrongEngineError):
        rank_judge(run, dimension, BoardParameters(engine=Engine.RATINGS))


def boards(*options: str) -> str:
    out = StringIO()
    call_command("boards", "--study", "tea", *options, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_judges_board(study: Study) -> None:
    make_judge(study)
    people = boards("--format", "csv")
    said = boards("--judge", "Owl")
    assert said.startswith("overall, electorate: judged by Owl, run 1, 90 battles\n")
    assert boards("--judge", "Owl:1") == said
    assert "judged by" in boards("--judge", "Owl", "--group", "age=18-34")
    assert boards("--format", "csv") == people
    assert Board.objects.count() == 0
    with pytest.raises(
        CommandError, match='no verdict of a judge "Lark" that counts; it has: Owl:1'
    ):
        boards("--judge", "Lark")
    with pytest.raises(CommandError, match='no dimension "none"'):
        boards("--judge", "Owl", "--dimension", "none")


def test_a_board_of_people_is_the_same_with_and_without_a_judge(study: Study) -> None:
    before = make_board(study)
    make_judge(study)
    assert make_board(study).input_digest == before.input_digest


# Reports


def test_known_leanings_are_found(study: Study) -> None:
    run = make_judge(study, battles=160, first=2.0, longer=1.5)
    found = card_of(run, at=NOW, resamples=20)
    assert found.position is not None
    assert found.position.first.low > 0.55
    assert found.length.judge.value > 0.55
    assert found.length.log_odds.low > 0
    assert found.consistency.order.value < 0.8
    assert found.consistency.repeat.n == 80
    assert found.certainty is not None
    assert found.certainty.stated.error > 0.1
    assert found.family is not None
    assert found.developer == "Copse" == developer_of(run.judge)
    assert found.price.cost == pytest.approx(0.0021, abs=0.0002)
    assert {mirror.group for mirror in found.mirrors} == {
        "Age: 18-34", "Age: 35-plus", "Sex: female", "Sex: male",
    }  # fmt: skip
    assert found.canaries.n == 0
    assert found.standings == ()


def test_a_comparison_has_both_boards_side_by_side_and_comes_back_from_json(study: Study) -> None:
    run = make_judge(study)
    found = compare_on(run, study.dimensions.get(is_overall=True), at=NOW, resamples=20)
    assert [each.people.rank for each in found.standings if each.people] == [1, 2, 3, 4]
    assert all(each.judge for each in found.standings)
    assert found.gaps
    assert found.gaps[0].at_least >= found.gaps[-1].at_least
    document = json.loads(json.dumps(as_json(found), allow_nan=False))
    again = parse(Machine, document)
    assert json.dumps(as_json(again)) == json.dumps(document)
    assert again.agreement.with_majority == found.agreement.with_majority


def test_a_run_that_shares_nothing_is_not_compared(study: Study) -> None:
    run = make_judge(study, battles=1)
    battle = run.judgements.get().battle
    assert battle is not None
    exclude(battle.participation, reason="Fraud.", by=make_admin(), at=NOW)
    with pytest.raises(NothingToRankError, match="has judged no conversation"):
        compare_on(run, study.dimensions.get(is_overall=True), at=NOW)


def test_a_dimension_that_the_judge_was_not_asked_about_is_not_compared(
    shared: Study, imported: Imported
) -> None:
    run = imported([{**TALK, "outcome": "a"}])
    other = add_dimension(shared, key="warmth")
    with pytest.raises(NothingToRankError, match="has judged no conversation"):
        compare_on(run, other, at=NOW)
    assert card_of(run, at=NOW, resamples=5).agreement.items == 1


def test_contestants_that_entered_after_the_judge_are_new_to_it(study: Study) -> None:
    run = make_judge(study)
    frame = Frame.of(study)
    assert "contestants" not in {
        each.axis for each in domains_of(read_sheet(frame, run, frame.dimensions))
    }
    study.contestants.update(entered_at=NOW - timedelta(days=1))
    study.contestants.filter(slug="ash").update(entered_at=NOW + timedelta(days=1))
    sheet = read_sheet(Frame.of(study), run, frame.dimensions)
    (new,) = (each for each in domains_of(sheet) if each.axis == "contestants")
    (ash,) = (each for each in domains_of(sheet) if each.name == "Ash")
    assert new.items is not None
    assert ash.items is not None
    assert np.array_equal(new.items, ash.items)


def test_a_group_of_few_raters_is_no_scenario(tmp_path: Path) -> None:
    study = make_study(raters=4)
    run = make_judge(study, battles=16)
    frame = Frame.of(study)
    found = scenarios_of(read_sheet(frame, run, frame.dimensions))
    assert not any(each.axis.startswith("group:") for each in found)
    assert compare_on(run, frame.dimensions[0], at=NOW, resamples=5).mirrors == ()


def test_failed_runs_count_nowhere(study: Study) -> None:
    run = make_judge(study)
    assert list(counting_runs(study)) == [run]
    JudgeRun.objects.filter(pk=run.pk).update(state=JudgeRun.State.FAILED, reason="A canary won.")
    assert not counting_runs(study).exists()
    assert ask_for_missing_reports(at=NOW) == 0
    with pytest.raises(CommandError, match="no verdict of a judge"):
        boards("--judge", "Owl")


@pytest.mark.every_database
def test_reports_are_asked_for_once_a_run_has_ended(study: Study) -> None:
    make_judge(study)
    assert ask_for_missing_reports(at=NOW) == 1
    kinds = Report.objects.order_by("kind", "subject").values_list("kind", "subject")
    assert list(kinds) == [
        ("comparison", "1:overall"), ("comparison", "1:warmth"), ("report_card", "1"),
    ]  # fmt: skip
    assert ask_for_missing_reports(at=NOW) == 0
    for report in due_reports(at=NOW):
        write_report(report.pk, at=NOW)
    assert set(Report.objects.values_list("state", flat=True)) == {"finished"}
    # What comes to a run later asks for them anew.
    later = NOW.replace(year=NOW.year + 1)
    JudgeRun.objects.update(ended_at=later)
    assert ask_for_missing_reports(at=later) == 1


def test_what_a_run_that_labels_changes_is_computed_anew(study: Study) -> None:
    make_labels(study, lambda _battle, _side: {})
    assert ask_for_missing_reports(at=NOW) == 1
    kinds = Report.objects.order_by("subject").values_list("kind", "subject")
    assert list(kinds) == [("labels", "overall"), ("labels", "warmth")]
    assert ask_for_missing_reports(at=NOW) == 0
    later = NOW.replace(year=NOW.year + 1)
    make_labels(study, lambda _battle, _side: {}, name="Wren")
    JudgeRun.objects.filter(judge__name="Wren").update(ended_at=later)
    Report.objects.update(state="finished", finished_at=NOW, document={})
    assert ask_for_missing_reports(at=later) == 1


def test_routing_follows_a_run_where_a_person_s_verdict_has_a_price(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(pay=4, currency="USD", battles_each=2)
    run = make_judge(study)
    run.study.refresh_from_db()
    assert subject_after(run) == "1"
    assert ask_for_missing_reports(at=NOW) == 1
    assert Report.objects.get(kind="routing").subject == "1"
    # Whom to rely on is for a person to choose, and stays chosen.
    boss = make_admin()
    ask_for_report(run.study, "routing", "7", by=boss, at=NOW)
    assert subject_after(run) == ""
    ask_for_report(run.study, "routing", "1+7@0.5", by=boss, at=NOW)
    assert subject_after(run) == "1+7@0.5"


def test_other_judges_are_heard_on_what_a_judge_is_unsure_of(study: Study) -> None:
    owl = make_judge(study, name="Owl", battles=40)
    make_judge(study, name="Wren", battles=60)
    newest = make_judge(study, name="Finch", battles=20)
    beside = runs_beside(owl)
    assert {run.judge.name for run in beside} == {"Wren", "Finch"}
    assert beside[0] == newest
    frame = Frame.of(study)
    alone = read_sheet(frame, owl, frame.dimensions).shared()
    sheet = read_sheet(frame, owl, frame.dimensions, beside=beside).shared()
    assert alone.others == ()
    assert len(sheet.items) == len(alone.items) == 80
    finch, wren = sheet.others
    assert len(np.unique(wren.item)) > len(np.unique(finch.item)) > 0
    assert wren.item.max() < len(sheet.items)
    # What it says of an item is what its own sheet says of that battle and dimension.
    own = read_sheet(frame, newest, frame.dimensions).shared()
    said = dict(
        zip(zip(own.battle, own.dimension, strict=True), own.judged.says(own.items), strict=True)
    )
    for item in np.unique(finch.item).tolist():
        place = sheet.battle[item], sheet.dimension[item]
        assert finch.says(sheet.items)[item] == said[place]


def test_words_of_a_simulated_judge_leave_peoples_verdicts_alone(study: Study) -> None:
    make_judge(study, battles=10)
    assert SideStyle.objects.count() == 20
    before = JudgeVerdict.objects.count()
    make_judge(study, battles=10)
    assert JudgeVerdict.objects.count() == before == 20
