"""What simulated raters are like, and how a run is held against the truth."""

import json
from collections import Counter
from io import StringIO
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from django.core.management import call_command

from hustings.simulation import Plan, Progress
from hustings.simulation_report import report_on
from raters.models import CheckAnswer
from raters.simulation import Cells, Population, draw_skills
from studies.models import StoppingRule, Study
from tests.cast import make_electorate
from tests.simulate.cast import (
    NAMES,
    SLUGS,
    Kind,
    State,
    add_checks,
    judged,
    make_study,
    report_of,
    run,
    verdicts,
)

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


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
