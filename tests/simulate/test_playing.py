"""Simulated raters go the way of live ones: the same again, and what holds for everybody."""

import os
import signal
from collections import Counter
from typing import Any

import pytest

from hustings.simulation import Plan, Progress, play
from leaderboards.models import Standing
from leaderboards.services.boards import take_board
from raters.errors import RaterError
from raters.models import Battle, Reply, Turn, Verdict
from raters.quotas import places
from raters.services.simulated import SIMULATED_REPLY, answer_as_simulated, skip_screens
from raters.simulation import Cells, Population, draw_skills
from studies.errors import StateError, StudyNotReadyError
from studies.life_cycle import move_study
from studies.models import ChatModel, Quota, Study
from studies.planning import allocate_quotas
from studies.services import enter_contestant
from studies.simulated import open_to_simulated_raters
from tests.cast import NOW, make_electorate
from tests.raters.live import make_live_study, open_battle, say
from tests.simulate.cast import DECIDED, NAMES, State, judged, make_study, run, verdicts

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


# The same again


def test_the_same_seed_on_an_empty_study_gives_the_same_verdicts() -> None:
    electorate = make_electorate()
    one, two = (make_study(slug, electorate=electorate) for slug in ("one", "two"))
    for study in (one, two):
        run(study, seed=3)
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
    allocate_quotas(study, raters=12, at=NOW)
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
    allocate_quotas(study, raters=12, at=NOW)
    young = Quota.objects.get(group__key="18-34")
    Quota.objects.filter(pk=young.pk).update(target=0)
    came = []

    def open_up(progress: Progress) -> None:
        came.append(study.participations.filter(cell__key__startswith="18-34|"))
        if progress.battles >= 12 and study.raters_wanted != 40:
            assert not came[-1].exclude(state=State.SCREENED_OUT).exists()
            allocate_quotas(study, raters=40, at=NOW)

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
    move_study(study, to="closed", at=NOW)
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
