"""The safety board: scenario by scenario, people's trust beside a judge's rubric."""

import json
from math import isnan

import pytest

from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.machines.asking import ask_for_missing_reports
from leaderboards.models import Report
from leaderboards.pages.safety import safety_in_words
from leaderboards.reports import SAFETY
from leaderboards.safety import Safety, Scenario, compute_safety, safety_dimension, safety_settings
from leaderboards.services.reports import ask_for_report, report_status
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Settings
from raters.models import Battle, Judgement, JudgeRun, JudgeVerdict, Verdict
from raters.services.judge_runs import add_judge
from studies.models import ChatModel, Dimension, Study, Task
from studies.scenario_packs import AREA, scenario_packs
from tests.cast import NOW, make_study
from tests.leaderboards.conftest import write_due_reports

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NAMES = ("A symptom", "A debt", "A rumour")


def make_safety_study(slug: str = "tea", *, raters: int = 60) -> Study:
    """A study whose battles are about three scenarios in turn, and some about tea.

    On trust neighbours in the order of the alphabet tie, and else the earlier one wins.
    """
    study = make_study(slug, raters=raters)
    Dimension.objects.create(study=study, key="trust", name="Trust", position=2)
    tasks = [
        Task.objects.create(
            study=study, area=AREA, category="Life", name=name, text="Ask.", position=place
        )
        for place, name in enumerate(NAMES)
    ]
    tea = Task.objects.create(study=study, area="Kitchen", name="Tea", text="Ask for it.")
    battles = list(Battle.objects.filter(participation__study=study).order_by("pk"))
    for n, battle in enumerate(battles):
        battle.task = [*tasks, tea][n % 4]
    Battle.objects.bulk_update(battles, ["task"])
    trust = study.dimensions.get(key="trust")
    Verdict.objects.bulk_create(
        Verdict(battle=battle, dimension=trust, outcome=_trusted(battle), recorded_at=NOW)
        for battle in Battle.objects.filter(pk__in=[b.pk for b in battles]).select_related(
            "side_a", "side_b"
        )
    )
    return study


def _trusted(battle: Battle) -> str:
    assert battle.side_b is not None
    order = ["ash", "birch", "cherry", "dogwood"]
    a, b = order.index(battle.side_a.slug), order.index(battle.side_b.slug)
    if abs(a - b) == 1:
        return "tie"
    return "a" if a < b else "b"


def make_rubric_run(study: Study, *, state: str = JudgeRun.State.FINISHED) -> JudgeRun:
    """A judge by whose items Dogwood's replies all pass, and Ash's half of the time."""
    model = ChatModel.objects.create(name="Owl", base_url="bot:judge", model_id="owl")
    judge = add_judge(
        name="Owl",
        protocol="boolean",
        settings=json.loads(safety_settings(study)),
        chat_models=[model],
        at=NOW,
    )
    run = JudgeRun.objects.create(
        judge=judge,
        study=study,
        number=1,
        state=state,
        reason="A canary won." if state == JudgeRun.State.FAILED else "",
        started_at=NOW,
        ended_at=NOW,
    )
    trust = study.dimensions.get(key="trust")
    battles = Battle.objects.filter(participation__study=study).select_related("side_a", "side_b")
    worth = {"ash": 3.0, "birch": 3.5, "cherry": 4.0, "dogwood": 5.0}
    for n, battle in enumerate(battles):
        assert battle.side_b is not None
        judgement = Judgement.objects.create(
            run=run, battle=battle, due_at=NOW, state="finished", finished_at=NOW
        )
        JudgeVerdict.objects.create(
            judgement=judgement,
            dimension=trust,
            outcome="",
            score_a=max(1.0, worth[battle.side_a.slug] - n // 4 % 2),
            score_b=max(1.0, worth[battle.side_b.slug] - n // 4 % 2),
            recorded_at=NOW,
        )
    return run


@pytest.fixture
def study() -> Study:
    return make_safety_study()


def first(found: Safety) -> Scenario:
    return found.scenarios[0]


@pytest.mark.every_database
def test_each_scenario_has_places_of_its_own_and_other_tasks_none(study: Study) -> None:
    found = compute_safety(study, at=NOW)
    assert found.dimension == "trust"
    assert [each.name for each in found.scenarios] == [f"Life › {name}" for name in NAMES]
    assert [each.battles for each in found.scenarios] == [60, 60, 60]
    for scenario in found.scenarios:
        places = {place.contestant: place for place in scenario.places}
        assert places["ash"].rank_high < places["dogwood"].rank_low
        assert sum(place.battles for place in scenario.places) == 2 * scenario.battles
        tied = Verdict.objects.filter(
            dimension__key="trust", outcome="tie", battle__task__name=scenario.name[7:]
        )
        assert scenario.ties == pytest.approx(tied.count() / 60)
        assert scenario.ties_low < scenario.ties < scenario.ties_high
        assert not scenario.is_provisional
        assert (scenario.passed, scenario.partings) == ((), ())


def test_the_judge_s_rubric_stands_beside_and_where_they_part_is_told(study: Study) -> None:
    run = make_rubric_run(study)
    found = compute_safety(study, at=NOW)
    assert (found.judge, found.run) == (str(run.judge), 1)
    shares = {each.contestant: each for each in first(found).passed}
    said = Battle.objects.filter(task__name=NAMES[0])
    assert shares["ash"].n == sum(
        "ash" in (b.side_a.slug, b.side_b and b.side_b.slug) for b in said
    )
    assert shares["ash"].share < shares["cherry"].share < shares["dogwood"].share <= 1
    assert shares["ash"].low < shares["ash"].share < shares["ash"].high
    pairs = {(each.trusted, each.passed) for each in first(found).partings}
    assert ("ash", "dogwood") in pairs
    assert not {(b, a) for a, b in pairs} & pairs


def test_a_run_whose_canary_won_says_nothing(study: Study) -> None:
    make_rubric_run(study, state=JudgeRun.State.FAILED)
    found = compute_safety(study, at=NOW)
    assert (found.judge, first(found).passed) == ("", ())


def test_few_battles_are_provisional_and_drawn_towards_the_others() -> None:
    study = make_safety_study(raters=6)
    found = compute_safety(study, at=NOW)
    assert all(each.is_provisional for each in found.scenarios)


def test_one_scenario_alone_can_be_placed(study: Study) -> None:
    only = Task.objects.get(name=NAMES[0])
    Battle.objects.exclude(task=only).update(task=None)
    found = compute_safety(study, at=NOW)
    assert [each.name for each in found.scenarios] == [f"Life › {NAMES[0]}"]


def test_without_trust_it_is_of_the_overall_dimension_and_any_can_be_asked_for(
    study: Study,
) -> None:
    assert safety_dimension(study).key == "trust"
    assert compute_safety(study, "warmth", at=NOW).dimension == "warmth"
    plain = make_study("coffee", raters=0, electorate=study.electorate)
    assert safety_dimension(plain).key == "overall"
    with pytest.raises(NothingToRankError):
        safety_dimension(study, "nowhere")


def test_the_settings_that_are_shown_make_a_judge_of_this_study(study: Study) -> None:
    settings = json.loads(safety_settings(study))
    keys = [dimension.key for dimension in study.dimensions.all()]
    parsed = Settings.parse(settings, PROTOCOLS["boolean"], dimensions=keys)
    assert parsed.rubric["trust"] == scenario_packs().rubric
    assert len(parsed.rubric["overall"]) == 1


def test_there_is_nothing_to_say_without_scenarios_or_comparisons(rated_study: Study) -> None:
    plain = make_study("coffee", raters=10, electorate=rated_study.electorate)
    with pytest.raises(NothingToRankError, match="Sensitive topics"):
        compute_safety(plain, at=NOW)
    with pytest.raises(WrongEngineError):
        compute_safety(rated_study, at=NOW)


def test_a_worker_computes_it_and_it_is_read_as_it_was_written(study: Study) -> None:
    make_rubric_run(study)
    ask_for_report(study, SAFETY, "trust", at=NOW)
    write_due_reports()
    found = report_status(study, SAFETY, "trust").facts(Safety)
    assert repr(found) == repr(compute_safety(study, at=NOW))


def test_a_rubric_s_run_asks_for_the_board_of_safety(study: Study) -> None:
    make_rubric_run(study)
    ask_for_missing_reports(at=NOW)
    asked = Report.objects.filter(kind=SAFETY).values_list("subject", flat=True)
    assert set(asked) == set(study.dimensions.values_list("key", flat=True))


def test_conversations_of_one_rater_make_a_share_no_surer(study: Study) -> None:
    make_rubric_run(study)
    before = first(compute_safety(study, at=NOW)).passed[0]
    # As if all of its conversations were one person's.
    name = first(compute_safety(study, at=NOW)).name.split(" › ")[-1]
    battles = list(Battle.objects.filter(task__study=study, task__name=name))
    for battle in battles:
        battle.participation_id, battle.key = battles[0].participation_id, f"moved-{battle.pk}"
    Battle.objects.bulk_update(battles, ["participation", "key"])
    after = first(compute_safety(study, at=NOW))
    assert (after.passed[0].share, after.passed[0].n) == (before.share, before.n)
    assert before.low < before.share < before.high
    assert isnan(after.passed[0].low)


def test_how_often_raters_had_another_topic_is_told(study: Study) -> None:
    found = compute_safety(study, at=NOW)
    sensitive = Battle.objects.filter(task__area=Task.SENSITIVE, participation__study=study)
    battle = sensitive.earliest("pk")
    Battle.objects.filter(pk=battle.pk).update(judged_at=None)
    Battle.objects.create(
        participation=battle.participation, key="later", side_a=battle.side_a,
        side_b=battle.side_b, created_at=NOW,
    )  # fmt: skip
    told = [part.explanation for part in safety_in_words(study, found).parts]
    assert sum("had another topic instead 1 time." in each for each in told) == 1
