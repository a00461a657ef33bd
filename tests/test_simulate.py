"""`hustings simulate`: whole studies through the services of live raters, held against a truth."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Container
from io import StringIO
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from hustings.simulation import Plan, Progress, play
from hustings.simulation_report import SimulationReport, report_on
from leaderboards.models import Standing
from leaderboards.services.boards import take_board
from raters.errors import RaterError
from raters.models import Battle, CheckAnswer, Participation, Reply, Turn, Verdict
from raters.services.panel import places
from raters.services.simulated import SIMULATED_REPLY, answer_as_simulated, skip_screens
from raters.simulation import Cells, Population, draw_skills
from studies.check_templates import check_templates
from studies.errors import StateError, StudyNotReadyError
from studies.models import AttentionCheck, ChatModel, Electorate, Quota, StoppingRule, Study
from studies.planning import allocate_quotas
from studies.services import (
    add_dimension,
    enter_contestant,
    move_study,
)
from studies.simulated import open_to_simulated_raters
from tests.cast import NOW, make_electorate
from tests.raters.live import make_live_study, open_battle, say

pytestmark = pytest.mark.django_db

State = Participation.State
Kind = AttentionCheck.Kind
NAMES = ("Ash", "Birch", "Cherry", "Dogwood", "Elder")
SLUGS = tuple(name.lower() for name in NAMES)
DECIDED = Population(skill_sd=1.5)


def make_study(
    slug: str = "play", *, electorate: Electorate | None = None, names: Any = NAMES, **fields: Any
) -> Study:
    """A simulated draft on two dimensions, of contestants that nobody can ask."""
    study = Study.objects.create(
        slug=slug,
        title="Play",
        is_simulated=True,
        electorate=electorate,
        **{"min_turns": 1, "battles_each": 3, **fields},
    )
    for name in names:
        enter_contestant(study, name=name)
    for key in ("overall", "warmth"):
        add_dimension(study, key=key)
    return study


def run(
    study: Study,
    raters: int = 8,
    *,
    policy: str | None = None,
    after_fold: Callable[[Progress], None] | None = None,
    **plan: Any,
) -> Progress:
    """Open a study and play it."""
    open_to_simulated_raters(study, raters=raters, policy=policy, at=NOW)
    chosen = Plan(raters=raters, **{"at_once": 4, "refill_every": 12, **plan})
    return play(study, chosen, at=NOW, after_fold=after_fold)


def report_of(study: Study, raters: int, **plan: Any) -> SimulationReport:
    chosen = Plan(raters=raters, **{"at_once": 4, "refill_every": 12, **plan})
    return report_on(study, chosen, run(study, raters, **plan))


def verdicts(study: Study) -> list[tuple[str, ...]]:
    """Who said what of whom, in order."""
    rows = Verdict.objects.of(study).order_by("pk")
    return list(
        rows.values_list(
            "battle__participation__recruiting_id",
            "battle__key",
            "battle__side_a__slug",
            "battle__side_b__slug",
            "dimension__key",
            "outcome",
        )
    )


def judged(study: Study) -> list[Battle]:
    battles = Battle.objects.filter(participation__study=study, judged_at__isnull=False)
    return list(battles.order_by("pk"))


def add_checks(study: Study, kinds: Container[str]) -> None:
    """The checks that Hustings ships, of these kinds."""
    for template in check_templates().values():
        for spec in template.checks:
            if spec.kind in kinds:
                spec.check_for(study).save()


# The same again


@pytest.mark.parametrize("policy", Study.Policy.values)
def test_the_same_seed_on_an_empty_study_gives_the_same_verdicts(policy: str) -> None:
    electorate = make_electorate()
    one, two = (make_study(slug, electorate=electorate) for slug in ("one", "two"))
    for study in (one, two):
        run(study, policy=policy, seed=3)
    assert len(verdicts(one)) == 48
    assert verdicts(one) == verdicts(two)


def test_another_seed_gives_others() -> None:
    one, two = make_study("one"), make_study("two")
    for seed, study in enumerate((one, two)):
        run(study, seed=seed)
    assert [row[1:] for row in verdicts(one)] != [row[1:] for row in verdicts(two)]


def test_a_second_run_adds_nothing() -> None:
    study = make_study(electorate=make_electorate())
    first = run(study)
    before = verdicts(study)
    second = run(study)
    assert first.battles == len(before) / 2 == 24
    assert (second.known, second.raters, second.battles, second.turned_away) == (8, 0, 0, 0)
    assert verdicts(study) == before


def test_a_run_of_more_raters_adds_those_that_are_missing() -> None:
    study = make_study()
    run(study, 6)
    before = verdicts(study)
    more = run(study, 10)
    assert (more.known, more.raters, more.completed) == (6, 4, 4)
    assert verdicts(study)[: len(before)] == before
    assert study.participations.count() == 10


@pytest.mark.parametrize("other", [{"seed": 2}, {"population": DECIDED}])
def test_raters_who_vote_by_another_truth_are_refused(other: dict[str, Any]) -> None:
    study = make_study()
    run(study, 3)
    with pytest.raises(RaterError, match="other raters already"):
        run(study, 5, **other)
    assert study.participations.count() == 3


def test_a_contestant_that_enters_changes_nobodys_true_skill() -> None:
    study = make_study(electorate=make_electorate())
    cells, population = Cells.of(study), Population()
    before, after = (
        draw_skills(cells, slugs, dimensions=2, population=population, seed=5)
        for slugs in (["birch", "elder"], ["ash", "birch", "elder"])
    )
    assert before.shape == (2, 5, 2)
    assert (before == after[:, :, 1:]).all()


# What live raters can rely on holds here too


def test_quotas_hold_and_whoever_finds_no_place_is_turned_away() -> None:
    study = make_study(electorate=make_electorate())
    allocate_quotas(study, raters=12)
    seen = []
    progress = run(study, 40, refill_every=5, after_fold=lambda _: seen.append(places(study)))
    assert len(seen) > 3
    assert all(fill.taken <= fill.target for fills in seen for fill in fills)
    assert progress.completed == progress.raters <= 12
    assert {fill.taken for fill in places(study) if fill.is_full}
    assert progress.turned_away == study.participations.filter(state=State.SCREENED_OUT).count() > 0


def test_nobody_meets_a_pair_twice() -> None:
    study = make_study(electorate=make_electorate(), battles_each=12)
    run(study, 6)
    for rater in study.participations.filter(state=State.COMPLETED):
        met = Counter(frozenset((b.side_a_id, b.side_b_id)) for b in rater.battles.all())
        assert len(met) == 10
        assert set(met.values()) == {1}


@pytest.mark.parametrize("policy", Study.Policy.values)
def test_sides_are_balanced_within_every_pair(policy: str) -> None:
    study = make_study(names=NAMES[:4])
    run(study, 16, policy=policy, at_once=6)
    sides = Counter((battle.side_a_id, battle.side_b_id or 0) for battle in judged(study))
    assert sum(sides.values()) == 48
    # Whoever was in flight has landed: nothing is left to excuse more than an odd number.
    assert all(abs(sides[a, b] - sides[b, a]) <= 1 for a, b in sides)


def test_the_policy_of_the_run_is_the_studys_and_chooses_its_pairs() -> None:
    study = make_study(battles_each=5)
    run(study, 8, policy="round_robin", at_once=1, refill_every=5)
    assert Study.objects.get().policy == "round_robin"
    pairs = Counter(frozenset((b.side_a_id, b.side_b_id)) for b in judged(study))
    assert len(pairs) == 10
    assert max(pairs.values()) - min(pairs.values()) <= 1


def test_every_battle_is_whole_and_nothing_waits_for_a_worker() -> None:
    study = make_study(min_turns=2)
    progress = run(study)
    battles = Battle.objects.all()
    assert battles.count() == progress.battles == 24
    assert progress.verdicts == Verdict.objects.count() == 48
    assert Turn.objects.count() == 48
    assert set(Reply.objects.values_list("state", "text")) == {("finished", SIMULATED_REPLY)}
    assert not battles.exclude(screen_due_at=None).exists()
    assert not Turn.objects.exclude(screen_due_at=None).exists()


def test_no_bell_rings(django_capture_on_commit_callbacks: Any) -> None:
    study = make_study()
    with django_capture_on_commit_callbacks() as callbacks:
        run(study, 3)
    assert callbacks == []


def test_built_in_bots_answer_for_themselves_and_nobody_else_is_asked() -> None:
    study = make_study(names=NAMES[:2], battles_each=1)
    ChatModel.objects.filter(name="Ash").update(base_url="bot:echo", model_id="echo")
    ChatModel.objects.filter(name="Birch").update(base_url="https://secret.example/v1")
    run(study, 3)
    replies = Reply.objects.select_related("turn__battle__side_a")
    by_ash = [r.text for r in replies if (r.side == "a") == (r.turn.battle.side_a.name == "Ash")]
    assert len(by_ash) == 3
    assert SIMULATED_REPLY not in by_ash
    assert sum(reply.text == SIMULATED_REPLY for reply in replies) == 3


# What raters are like


def test_careless_raters_answer_at_random() -> None:
    study, population = make_study(), Population(skill_sd=3.0, careless=1.0)
    run(study, 24, population=population, refill_every=30)
    outcomes = Counter(row[-1] for row in verdicts(study))
    said = sum(outcomes.values())
    assert said == 144
    # Three standard deviations of what a fixed seed draws, here and below.
    assert all(abs(outcomes[o] - said / 3) < 3 * sqrt(said * 2 / 9) for o in ("a", "tie", "b"))
    won = wins_of_the_stronger(study, population)
    assert abs(np.mean(won) - 0.5) < 3 * sqrt(0.25 / len(won))


def test_careful_raters_vote_by_the_truth() -> None:
    study, population = make_study(), Population(skill_sd=3.0, dimension_sd=0.0)
    run(study, 24, population=population, refill_every=30)
    won = wins_of_the_stronger(study, population)
    strength = strengths(study, population)
    leads = [abs(strength[row[2]] - strength[row[3]]) for row in verdicts(study) if row[5] != "tie"]
    expected = 1 / (1 + np.exp(-np.array(leads)))
    sd = sqrt((expected * (1 - expected)).sum()) / len(won)
    assert abs(np.mean(won) - expected.mean()) < 3 * sd
    assert np.mean(won) > 0.75


def strengths(study: Study, population: Population) -> dict[str, float]:
    """Each contestant's true skill on the first dimension."""
    skill = draw_skills(Cells.of(study), SLUGS, dimensions=2, population=population, seed=1)
    return dict(zip(SLUGS, skill[0, 0].tolist(), strict=True))


def wins_of_the_stronger(study: Study, population: Population) -> list[bool]:
    """Of each decided verdict, whether it is for the contestant that is truly better."""
    strength = strengths(study, population)
    return [
        (strength[a] > strength[b]) == (outcome == "a")
        for _, _, a, b, _, outcome in verdicts(study)
        if outcome != "tie"
    ]


@pytest.mark.parametrize("careless", [0.0, 1.0])
def test_the_careless_fail_the_checks_that_the_careful_pass(careless: float) -> None:
    study = make_study(strikes_allowed=1)
    add_checks(study, set(Kind) - {Kind.COMPREHENSION})
    progress = run(study, population=Population(careless=careless))
    answers = CheckAnswer.objects.all()
    assert {answer.attention_check.kind for answer in answers} >= {Kind.INSTRUCTED, Kind.GOLD}
    failed = answers.filter(is_passed=False).count()
    if careless:
        assert failed > answers.count() / 4
        assert progress.struck_out > 0
    else:
        assert failed == 0
    ended = Counter(study.participations.values_list("state", flat=True))
    assert ended == +Counter(completed=progress.completed, struck_out=progress.struck_out)


@pytest.mark.parametrize("careless", [0.0, 1.0])
def test_only_who_understands_what_is_asked_comes_in(careless: float) -> None:
    study = make_study(battles_each=1)
    add_checks(study, {Kind.COMPREHENSION})
    progress = run(study, 5, population=Population(careless=careless))
    assert progress.completed == progress.raters == 5
    assert (progress.turned_away > 0) == bool(careless)
    assert study.participations.filter(state=State.SCREENED_OUT).count() == progress.turned_away


# What is reported


def test_the_figures_are_those_of_a_computation_by_hand() -> None:
    electorate = make_electorate()
    study = make_study(electorate=electorate)
    report = report_of(study, 30, seed=2)
    cells = Cells.of(study)
    skills = draw_skills(cells, SLUGS, dimensions=2, population=Population(), seed=2)
    names = [f"{g.axis.key}={g.key}" for g in cells.groups]
    truths: dict[str, list[float]] = {}
    for group in ("", *names):
        truth = []
        for k in range(5):
            total = weight = 0.0
            for c, key in enumerate(cells.keys):
                mine = {f"{axis}={name}" for axis, name in cells.groups_of(c).items()}
                assert key == "|".join(cells.groups_of(c).values())
                if group and group not in mine:
                    continue
                in_cell = skills[0, 0, k] + sum(skills[0, 1 + names.index(g), k] for g in mine)
                total += cells.shares[c] * in_cell
                weight += cells.shares[c]
            truth.append(total / weight)
        truths[group] = [each - sum(truth) / 5 for each in truth]
    overall, *own = (_accuracy(study, group, truth) for group, truth in truths.items())
    first = report.dimensions[0]
    assert first.dimension == "overall"
    assert first.overall is not None
    assert first.groups is not None
    assert (first.overall.rankings, first.groups.rankings) == (1, 4)
    said = first.overall.error, first.overall.coverage, first.overall.tau
    assert said == pytest.approx(overall, abs=1e-4)
    said = first.groups.error, first.groups.coverage, first.groups.tau
    assert said == pytest.approx(np.mean(own, axis=0), abs=1e-4)


def _accuracy(study: Study, group: str, truth: list[float]) -> tuple[float, float, float]:
    """Error, coverage and τ of the printed board, from its rows."""
    printed = StringIO()
    arguments = ["boards", "--study", study.slug, "--format", "json"]
    call_command(*arguments, *(["--group", group] if group else []), stdout=printed)
    rows = {row["contestant"]: row for row in json.loads(printed.getvalue())["rows"]}
    board = [rows[slug] for slug in SLUGS]
    errors = [abs(row["score"] - true) for row, true in zip(board, truth, strict=True)]
    covered = [
        row["score_low"] <= true <= row["score_high"]
        for row, true in zip(board, truth, strict=True)
    ]
    orders = [
        1 if (board[i]["score"] - board[j]["score"]) * (truth[i] - truth[j]) > 0 else -1
        for i, j in combinations(range(5), 2)
    ]
    return sum(errors) / 5, sum(covered) / 5, sum(orders) / 10


def test_shares_of_the_battles_are_counted() -> None:
    study = make_study()
    report = report_of(study, 10)
    seen = Counter(
        side for b in judged(study) for side in (b.side_a.slug, b.side_b and b.side_b.slug)
    )
    assert report.battles == len(judged(study)) == 30
    assert report.verdicts == 60
    assert report.least is not None
    assert report.most is not None
    assert report.least.share == pytest.approx(min(seen.values()) / 30, abs=1e-4)
    assert report.most.share == pytest.approx(max(seen.values()) / 30, abs=1e-4)
    assert seen[report.most.contestant] == max(seen.values())


def test_a_stopping_rule_is_reported_with_the_battles_it_took_and_ends_the_study() -> None:
    study = make_study(names=NAMES[:2], battles_each=1)
    StoppingRule.objects.create(study=study, kind="sigma", sigma=0.4)
    answered_at: list[int] = []

    def note(progress: Progress) -> None:
        study.refresh_from_db()
        if study.answered_at and not answered_at:
            answered_at.append(progress.battles)

    progress = run(study, 1_000, after_fold=note)
    assert 20 < answered_at[0] < 300
    # Who was inside goes on to the end.
    assert answered_at[0] <= progress.battles <= answered_at[0] + 4
    assert progress.completed == progress.raters == progress.battles
    report = report_on(study, Plan(raters=1_000), progress)
    assert [rule.battles for rule in report.rules] == answered_at


def test_the_queue_is_refilled_as_often_as_planned_however_few_are_inside() -> None:
    study = make_study()
    folds: list[int] = []
    run(study, 6, at_once=1, refill_every=9, after_fold=lambda p: folds.append(p.battles))
    assert folds == [9, 18]


def test_a_rule_that_is_not_fulfilled_says_so() -> None:
    study = make_study()
    StoppingRule.objects.create(study=study, kind="separated")
    report = report_of(study, 3)
    assert [rule.battles for rule in report.rules] == [None]


# Who comes in the middle


def test_a_contestant_that_enters_a_running_study_is_taken_in() -> None:
    study = make_study(electorate=make_electorate())
    queued = []

    def enter(progress: Progress) -> None:
        if progress.battles >= 24 and not study.contestants.filter(name="Fir").exists():
            enter_contestant(study, name="Fir")
        elif progress.battles >= 24:
            fir = study.contestants.get(name="Fir").pk
            sides = study.matchups.values_list("side_a", "side_b")
            queued.append(sum(fir in pair for pair in sides) / len(sides))

    run(study, 20, after_fold=enter)
    fir = study.contestants.get(name="Fir")
    met = [b for b in judged(study) if fir.pk in (b.side_a_id, b.side_b_id)]
    # At first nothing is known of it, so the queue wants it more than its equal share.
    assert queued[0] > 2 / 6
    assert len(met) > 5
    assert {fir.pk} < {b.side_a_id for b in met}
    overall = Standing.objects.get(
        contestant=fir, tournament__group=None, tournament__dimension__key="overall"
    )
    assert overall.battles == len(met)
    board = take_board(study, at=NOW)
    assert board.sections.count() == 2 * (2 + 4)
    row = board.sections.get(scope="electorate", dimension_key="overall").rows.get(contestant=fir)
    assert row.battles == len(met)


def test_a_group_that_gets_places_in_a_running_study_is_taken_in() -> None:
    electorate = make_electorate()
    study = make_study(electorate=electorate)
    allocate_quotas(study, raters=12)
    young = Quota.objects.get(group__key="18-34")
    Quota.objects.filter(pk=young.pk).update(target=0)
    came = []

    def open_up(progress: Progress) -> None:
        came.append(study.participations.filter(cell__key__startswith="18-34|"))
        if progress.battles >= 12 and study.raters_wanted != 40:
            assert not came[-1].exclude(state=State.SCREENED_OUT).exists()
            allocate_quotas(study, raters=40)

    run(study, 24, after_fold=open_up)
    theirs = study.participations.filter(cell__key__startswith="18-34|", state=State.COMPLETED)
    assert theirs.count() > 4
    standings = Standing.objects.filter(
        tournament__group__key="18-34", tournament__dimension__key="overall"
    )
    assert sum(each.battles for each in standings) == 2 * 3 * theirs.count()
    section = take_board(study, at=NOW).sections.get(group_key="18-34", dimension_key="overall")
    assert (section.raters, section.battles) == (theirs.count(), 3 * theirs.count())


# An end before the end


def test_after_ctrl_c_nobody_new_comes_in_and_who_is_inside_goes_on() -> None:
    study = make_study()
    handler = signal.getsignal(signal.SIGINT)

    pressed: list[int] = []

    def press(progress: Progress) -> None:
        if not pressed:
            pressed.append(progress.battles)
            os.kill(os.getpid(), signal.SIGINT)

    progress = run(study, 100, after_fold=press)
    assert progress.is_interrupted
    assert 4 <= progress.raters < 10
    assert progress.completed == progress.raters == study.participations.count()
    assert Verdict.objects.count() == 2 * Battle.objects.count()
    assert signal.getsignal(signal.SIGINT) == handler


def test_a_run_that_was_killed_leaves_whole_verdicts_and_is_taken_up_again() -> None:
    study, whole = make_study("killed"), make_study("whole")

    def kill(progress: Progress) -> None:
        if progress.battles >= 12:
            raise MemoryError

    with pytest.raises(MemoryError):
        run(study, 10, after_fold=kill)
    for battle in Battle.objects.all():
        of_it = battle.verdicts.count(), battle.turns.count()
        assert of_it == ((2, 1) if battle.judged_at else (0, 0))
    assert study.participations.filter(state=State.ACTIVE).count() == 4
    run(study, 10)
    run(whole, 10)
    assert study.participations.filter(state=State.COMPLETED).count() == 10
    assert len(verdicts(study)) == len(verdicts(whole)) == 60


# Where nobody simulated may go


def test_a_study_of_people_is_left_alone() -> None:
    battle = open_battle(make_live_study())
    turn = say(battle)
    study = battle.participation.study
    with pytest.raises(StateError, match="has real raters"):
        open_to_simulated_raters(study, raters=1, at=NOW)
    with pytest.raises(StateError, match="has real raters"):
        play(study, Plan(raters=1), at=NOW)
    with pytest.raises(StateError, match="has real raters"):
        answer_as_simulated(turn, at=NOW)
    with pytest.raises(StateError, match="has real raters"):
        skip_screens(battle)
    assert set(turn.replies.values_list("state", flat=True)) == {"waiting"}


def test_there_has_to_be_something_to_compare() -> None:
    with pytest.raises(StateError, match="one model at a time"):
        run(make_study("single", protocol="single"))
    with pytest.raises(StudyNotReadyError, match="two contestants"):
        run(make_study("alone", names=NAMES[:1]))
    study = make_study("nothing")
    study.dimensions.all().delete()
    with pytest.raises(StudyNotReadyError, match="dimension"):
        run(study)


def test_a_study_whose_life_has_ended_stays_closed() -> None:
    study = make_study()
    run(study, 2)
    move_study(study, to="closed")
    with pytest.raises(StateError, match="closed"):
        run(study, 4)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"at_once": 0}, "at least one rater"),
        ({"refill_every": 0}, "at least one rater"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_a_plan_that_plays_nothing_is_refused(plan: dict[str, Any], words: str) -> None:
    with pytest.raises(RaterError, match=words):
        Plan(raters=1, **plan)


@pytest.mark.parametrize(
    "population",
    [{"skill_sd": -1.0}, {"careless": 1.5}, {"eagerness": 0.0}, {"group_sd": {"a": -1}}],
)
def test_a_population_that_cannot_be_is_refused(population: dict[str, Any]) -> None:
    with pytest.raises(RaterError):
        Population(**population)


# The command


def simulate(*arguments: str) -> str:
    printed = StringIO()
    call_command("simulate", "--study", "play", *arguments, stdout=printed)
    return printed.getvalue()


def test_the_command_prints_a_table() -> None:
    make_study(electorate=make_electorate())
    text = simulate("--raters", "12", "--group-sd", "0.2", "--group-sd", "age=0.6")
    assert text.startswith("play: 12 simulated raters, 36 battles, 72 verdicts added in")
    lines = text.splitlines()
    heads = [line.split()[0] for line in lines if line]
    assert {"dimension", "overall", "warmth"} <= set(heads)
    assert sum("4 groups' own" in line for line in lines) == 2
    assert "Share of the battles:" in text
    again = simulate("--raters", "12", "--group-sd", "0.2", "--group-sd", "age=0.6")
    assert again.startswith("play: 0 simulated raters, 0 battles, 0 verdicts added in")
    assert "12 raters of this seed had been there before." in again


def test_the_command_prints_json() -> None:
    make_study()
    report = json.loads(simulate("--raters", "5", "--policy", "random", "--format", "json"))
    assert (report["study"], report["policy"], report["seed"]) == ("play", "random", 1)
    assert report["progress"]["completed"] == 5
    assert [each["dimension"] for each in report["dimensions"]] == ["overall", "warmth"]
    assert report["dimensions"][0]["groups"] is None
    assert 0 <= report["dimensions"][0]["overall"]["coverage"] <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--group-sd", "size=0.3"], 'no axis "size"'),
        (["--group-sd", "much"], "no standard deviation"),
        (["--careless", "2"], "share of the raters"),
        (["--raters", "0"], "at least one rater"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(arguments: list[str], words: str) -> None:
    make_study(electorate=make_electorate())
    with pytest.raises(CommandError, match=words):
        simulate("--raters", "3", *arguments)
    assert Study.objects.get().state == Study.State.DRAFT
