"""What conversations are called, and what that goes with: computed, told, never ranked by."""

from math import isnan

import numpy as np
import pytest

from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.labels import Labels, SideValue, compute_labels, labelling_run
from leaderboards.labels_figures import FEWEST, label_effect, spread_of, ties_with
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from leaderboards.reports import LABELS
from leaderboards.services.boards import compute_sections, parameters_for
from leaderboards.services.reports import ask_for_report, report_status
from raters.models import Battle, JudgeRun, Turn, Verdict
from studies.models import Study
from tests.cast import NOW, make_study
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.labelled import make_labels

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def study() -> Study:
    return make_study(raters=60)


def outcome_of(battle: Battle) -> str:
    return battle.verdicts.get(dimension__is_overall=True).outcome


def flatterer(battle: Battle, side: str) -> dict[str, str]:
    """Who won has flattered; what ended in a tie was about the household."""
    if not side:
        return {"domain": "home" if outcome_of(battle) == "tie" else "work"}
    return {"sycophancy": "flatters" if side == outcome_of(battle) else "none"}


def value_of(found: Labels, key: str, value: str) -> SideValue:
    return next(each for each in found.sides if (each.key, each.value) == (key, value))


# Figures


def planted(effect: float, *, seed: int, n: int = 4_000) -> tuple[np.ndarray, ...]:
    """Verdicts on four contestants of different skill, the better of whom flatter more."""
    rng = np.random.default_rng(seed)
    skill = np.array([0.9, 0.3, -0.3, -0.9])
    a, b = np.array([rng.permutation(4)[:2] for _ in range(n)]).T
    has = (rng.random((n, 2)) < np.stack([0.5 + skill[a] / 3, 0.5 + skill[b] / 3], axis=1)) * 1
    eta = skill[a] - skill[b] + effect * (has[:, 0] - has[:, 1])
    weight = np.exp(np.stack([eta / 2, np.full(n, np.log(0.5)), -eta / 2], axis=1))
    chance = (weight / weight.sum(axis=1, keepdims=True)).cumsum(axis=1)
    drawn = (rng.random((n, 1)) > chance).sum(axis=1)
    return a, b, np.array([A_WINS, TIE, B_WINS])[drawn], has


def each_once(verdicts: np.ndarray) -> np.ndarray:
    """A rater of its own for each verdict."""
    return np.arange(len(verdicts))


@pytest.mark.parametrize("effect", [0.0, 0.5, -0.5])
def test_what_a_label_is_worth_is_told_from_who_is_good(effect: float) -> None:
    a, b, outcome, has = planted(effect, seed=3)
    found = label_effect(a, b, outcome, has, each_once(a), contestants=4)
    assert found.low < effect < found.high
    assert found.high - found.low < 0.3
    assert (found.p_value < 0.01) == (effect != 0)
    # Taken alone, who flatters wins more often, for the better ones do.
    lead = (has[:, 0] - has[:, 1])[outcome != TIE]
    won = np.where(outcome == A_WINS, 1, -1)[outcome != TIE]
    assert effect < 0 or (lead * won).mean() > 0.05


def test_sides_of_which_nothing_is_known_count_for_nothing() -> None:
    a, b, outcome, has = planted(0.5, seed=3)
    rater = each_once(a)
    first = label_effect(a[200:], b[200:], outcome[200:], has[200:], rater[200:], contestants=4)
    has[:200] = -1
    assert label_effect(a, b, outcome, has, each_once(a), contestants=4) == first
    few = label_effect(
        a[:FEWEST], b[:FEWEST], outcome[:FEWEST], has[:FEWEST], rater[:FEWEST], contestants=4
    )
    assert not few.is_enough
    assert isnan(few.log_odds)


def test_ties_are_counted_with_and_without_a_label() -> None:
    outcome = np.array([TIE] * 40 + [A_WINS] * 60)
    here = np.arange(100) < 50
    found = ties_with(outcome, here, each_once(outcome))
    assert (found.share.value, found.share.n) == (0.8, 50)
    assert found.p_value < 0.01
    assert isnan(ties_with(outcome, np.arange(100) < 3, each_once(outcome)).p_value)


def test_what_one_rater_says_again_and_again_makes_nothing_surer() -> None:
    a, b, outcome, has = planted(0.5, seed=3, n=600)
    once = label_effect(a, b, outcome, has, each_once(a), contestants=4)
    again = [np.concatenate([each] * 9) for each in (a, b, outcome, has, each_once(a))]
    found = label_effect(*again, contestants=4)
    assert found.n == 9 * once.n
    assert found.high - found.low == pytest.approx(once.high - once.low, rel=0.1)
    tied = [
        ties_with(outcome, has[:, 0] == 1, each_once(a)),
        ties_with(again[2], again[3][:, 0] == 1, again[4]),
    ]
    widths = [each.share.high - each.share.low for each in tied]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
    assert tied[1].p_value == pytest.approx(tied[0].p_value, rel=0.01)
    alone = label_effect(a, b, outcome, has, np.zeros(len(a), int), contestants=4)
    assert not alone.is_enough


def test_the_spread_of_alike_contestants_is_small_and_of_different_ones_is_theirs() -> None:
    a, b, outcome, _ = planted(0.0, seed=1)
    rng = np.random.default_rng(1)
    chance = rng.choice([A_WINS, TIE, B_WINS], len(a))
    assert spread_of(a, b, outcome, contestants=4) == pytest.approx(0.77, abs=0.12)
    assert spread_of(a, b, chance, contestants=4) < 0.1
    assert isnan(spread_of(a[:79], b[:79], outcome[:79], contestants=4))


# The report


def test_a_label_that_goes_with_winning_is_found_with_its_share_by_contestant(
    study: Study,
) -> None:
    make_labels(study, flatterer)
    found = compute_labels(study, at=NOW)
    flatters = value_of(found, "sycophancy", "flatters")
    assert flatters.effect is not None
    assert flatters.effect.low > 0
    assert flatters.effect.stands
    decided = Verdict.objects.filter(dimension__is_overall=True).exclude(outcome="tie")
    assert flatters.effect.n == decided.count()
    assert value_of(found, "sycophancy", "none").effect is None
    # Nothing but "unclear" was said of it.
    goal = value_of(found, "goal-reached", "yes").effect
    assert goal is not None
    assert (goal.n, goal.is_enough, goal.stands) == (0, False, False)
    for share in flatters.shares:
        of_a = Battle.objects.filter(side_a__slug=share.contestant)
        of_b = Battle.objects.filter(side_b__slug=share.contestant)
        won = sum(outcome_of(battle) == "a" for battle in of_a)
        won += sum(outcome_of(battle) == "b" for battle in of_b)
        assert share.n == len(of_a) + len(of_b)
        assert share.low < share.share == won / share.n < share.high


def test_groups_have_effects_of_their_own(study: Study) -> None:
    make_labels(study, flatterer)
    found = compute_labels(study, at=NOW)
    by_group = value_of(found, "sycophancy", "flatters").by_group
    assert [(each.axis, each.group) for each in by_group] == [
        ("age", "18-34"), ("age", "35-plus"), ("sex", "female"), ("sex", "male"),
    ]  # fmt: skip
    overall = value_of(found, "sycophancy", "flatters").effect
    assert overall is not None
    assert sum(each.n for each in by_group) == 2 * overall.n


def test_what_conversations_are_about_goes_with_ties(study: Study) -> None:
    make_labels(study, flatterer)
    found = compute_labels(study, at=NOW)
    domain = next(each for each in found.conversations if each.key == "domain")
    ties = {value.value: (value.ties, value.differs) for value in domain.values}
    assert ties == {"home": (1.0, True), "work": (0.0, True)}
    assert domain.is_of_judge
    assert domain.labelled == found.verdicts == 240
    kind = next(each for each in found.conversations if each.key == "task-type")
    assert [(value.value, value.differs) for value in kind.values] == [("unclear", False)]


def test_what_messages_say_needs_no_judge(study: Study) -> None:
    first, second, *_ = Battle.objects.filter(participation__study=study).order_by("pk")
    said_in = {first: ["How do I make tea?", "That is not what I asked."], second: ["Hello?"]}
    for battle, texts in said_in.items():
        for place, text in enumerate(texts, start=1):
            Turn.objects.create(battle=battle, number=place, text=text, created_at=NOW)
    found = compute_labels(study, at=NOW)
    assert (found.judge, found.run, found.sides) == ("", 0, ())
    said = {each.key: each for each in found.conversations}
    assert said.keys() == {"follow-up", "length"}
    assert {value.value: value.n for value in said["follow-up"].values} == {"correction": 1}
    assert {value.value: value.n for value in said["length"].values} == {"simple": 2}
    assert said["length"].labelled == 2


def test_the_newest_run_that_counts_is_the_one(study: Study) -> None:
    assert labelling_run(study) is None
    first = make_labels(study, flatterer)
    make_labels(study, flatterer, state=JudgeRun.State.FAILED, name="Wren")
    assert labelling_run(study) == first
    later = make_labels(study, flatterer, state=JudgeRun.State.CANCELLED, name="Robin")
    assert labelling_run(study) == later
    found = compute_labels(study, at=NOW)
    assert (found.judge, found.run) == ("Robin", 3)


def test_labels_change_no_board(study: Study) -> None:
    parameters = parameters_for(study)
    before = compute_sections(study, parameters)[1]
    make_labels(study, flatterer)
    after = compute_sections(study, parameters)[1]
    assert repr(before) == repr(after)


@pytest.mark.every_database
def test_a_worker_computes_it_and_it_is_read_as_it_was_written(study: Study) -> None:
    make_labels(study, flatterer)
    ask_for_report(study, LABELS, "warmth", at=NOW)
    write_due_reports()
    found = report_status(study, LABELS, "warmth").facts(Labels)
    assert found is not None
    assert found.dimension == "warmth"
    assert repr(found) == repr(compute_labels(study, "warmth", at=NOW))


def test_there_is_nothing_to_say_where_nothing_was_compared(rated_study: Study) -> None:
    with pytest.raises(WrongEngineError):
        compute_labels(rated_study, at=NOW)
    with pytest.raises(NothingToRankError, match="No verdict counts"):
        compute_labels(make_study("coffee", raters=0, electorate=rated_study.electorate), at=NOW)
