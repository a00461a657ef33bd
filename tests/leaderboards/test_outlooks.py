"""How far stopping rules are: looked at after folds, answered once, forecast by group."""

from datetime import timedelta

import numpy as np
import pytest

from leaderboards.models import Outlook
from leaderboards.ranking import stopping
from leaderboards.scheduling.outlooks import Expected, group_places, groups_asked, read_outlooks
from leaderboards.scheduling.stopping import GROWTH, asked_by, look
from leaderboards.services.standings import fold_standings
from leaderboards.verdicts import Frame
from raters.models import Participation
from raters.services.exclusions import exclude
from raters.simulation import Population, simulate_raters
from studies.models import Group, Quota, StoppingRule, Study
from studies.planning import allocate_quotas
from studies.services import withdraw_contestant
from tests.cast import NOW, make_admin, make_study

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Kind = StoppingRule.Kind
GROUPS = StoppingRule.Ranking.GROUPS
# Four contestants whom anybody can tell apart.
APART = Population(skill_sd=2.0, dimension_sd=0, default_group_sd=0, tie_propensity=0.3)


@pytest.fixture
def study() -> Study:
    """A study of four contestants and two axes without raters."""
    return make_study(raters=0, state=Study.State.OPEN)


def add_rule(study: Study, kind: Kind, **fields: object) -> StoppingRule:
    return StoppingRule.objects.create(study=study, kind=kind, **fields)


def play(study: Study, raters: int, *, seed: int = 5) -> None:
    """So many raters more, each in all six pairs, folded. Another seed has other preferences."""
    simulate_raters(
        study, raters=raters, battles_each=6, seed=seed, population=APART,
        at=NOW + timedelta(hours=seed),
    )  # fmt: skip
    fold_standings(study)


def answered(study: Study) -> set[str]:
    """The groups whose outlook is answered; “everybody” for the overall ranking."""
    rows = Outlook.objects.filter(rule__study=study, answered_at__isnull=False)
    return {row.group.key if row.group else "everybody" for row in rows}


def asked_about(study: Study) -> set[str]:
    """The groups that a rule for every group asks about."""
    frame = Frame.of(study)
    return {group.key for group in groups_asked(frame, group_places(frame))}


# Answered


@pytest.mark.every_database
def test_a_rule_is_answered_when_its_battles_say_so_and_the_first_time_stands(
    study: Study,
) -> None:
    rule = add_rule(study, Kind.SEPARATED)
    play(study, 4, seed=1)
    look(study, at=NOW)
    assert answered(study) == set()
    assert study.answered_at is None
    play(study, 150)
    look(study, at=NOW + timedelta(days=1))
    (outlook,) = rule.outlooks.all()
    assert (outlook.answered_at, outlook.battles) == (NOW + timedelta(days=1), 154 * 6)
    assert study.answered_at == NOW + timedelta(days=1)
    play(study, 5, seed=3)
    look(study, at=NOW + timedelta(days=2))
    study.refresh_from_db()
    assert study.answered_at == NOW + timedelta(days=1)


@pytest.mark.every_database
def test_what_was_answered_stays_so_though_its_battles_are_excluded(study: Study) -> None:
    add_rule(study, Kind.TOP, top=1)
    add_rule(study, Kind.SIGMA, sigma=0.01)
    play(study, 150)
    look(study, at=NOW)
    assert answered(study) == {"everybody"}
    boss = make_admin()
    for participation in Participation.objects.filter(study=study)[10:]:
        exclude(participation, reason="A test.", by=boss, at=NOW)
    fold_standings(study)
    look(study, at=NOW + timedelta(days=1))
    (outlook,) = Outlook.objects.filter(answered_at__isnull=False)
    assert (outlook.answered_at, outlook.battles) == (NOW, 900)


@pytest.mark.every_database
def test_all_rules_together_end_the_study(study: Study) -> None:
    names = {each.name: each for each in study.contestants.all()}
    add_rule(study, Kind.PAIR, first=names["Ash"], second=names["Birch"], confidence=0.5)
    strict = add_rule(study, Kind.SIGMA, sigma=0.01)
    play(study, 150)
    look(study, at=NOW)
    assert Outlook.objects.filter(answered_at__isnull=False).count() == 1
    assert study.answered_at is None
    StoppingRule.objects.filter(pk=strict.pk).update(sigma=1.0)
    look(study, at=NOW)
    assert study.answered_at == NOW


def test_every_group_is_asked_but_those_without_share_or_places(study: Study) -> None:
    add_rule(study, Kind.TOP, top=1, ranking=GROUPS, confidence=0.9)
    Group.objects.filter(key="female").update(share=0)
    Group.objects.filter(key="male").update(share=1)
    allocate_quotas(study, raters=20, at=NOW)
    assert asked_about(study) == {"18-34", "35-plus", "male"}
    study.quotas.filter(group__key="18-34").update(target=0)
    assert asked_about(study) == {"35-plus", "male"}
    study.quotas.all().delete()
    play(study, 200)
    look(study, at=NOW)
    assert answered(study) == {"18-34", "35-plus", "male"}
    assert study.answered_at == NOW


def test_a_group_without_a_battle_answers_nothing(study: Study) -> None:
    # The prior alone knows every skill to within a standard deviation of 10.
    add_rule(study, Kind.SIGMA, sigma=10, ranking=GROUPS)
    look(study, at=NOW)
    assert not Outlook.objects.exists()
    simulate_raters(study, raters=1, battles_each=2, seed=1, population=APART, at=NOW)
    fold_standings(study)
    look(study, at=NOW)
    assert len(answered(study)) == 2, "of one axis each"
    assert study.answered_at is None


def test_a_rule_that_cannot_be_fulfilled_is_never_answered(study: Study) -> None:
    names = {each.name: each for each in study.contestants.all()}
    add_rule(study, Kind.PAIR, first=names["Ash"], second=names["Birch"], confidence=0.5)
    add_rule(study, Kind.TOP, top=3, confidence=0.5)
    withdraw_contestant(names["Ash"], reason="Retired.", at=NOW)
    play(study, 150)
    look(study, at=NOW)
    assert answered(study) == set()
    flaws = [outlook.flaw for outlook in read_outlooks(study)]
    assert flaws[0] == "Ash does not take part: name another pair."
    assert flaws[1].startswith("A top of 3 is always settled where 3 contestants take part")


def test_a_rule_for_every_group_is_open_where_there_is_no_group(study: Study) -> None:
    Study.objects.update(electorate=None)
    study.refresh_from_db()
    add_rule(study, Kind.SIGMA, sigma=10, ranking=GROUPS)
    play(study, 10)
    look(study, at=NOW)
    assert study.answered_at is None
    assert read_outlooks(study)[0].lines == ()


def test_without_rules_or_with_one_model_at_a_time_nothing_is_looked_at(study: Study) -> None:
    play(study, 10)
    assert look(study, at=NOW) == 0
    add_rule(study, Kind.SIGMA, sigma=10)
    study.protocol = Study.Protocol.SINGLE
    assert look(study, at=NOW) == 0
    assert not Outlook.objects.exists()


@pytest.mark.parametrize(
    ("kind", "fields", "asked"),
    [
        (Kind.SIGMA, {"sigma": 0.2}, stopping.SigmaBelow(0.2)),
        (Kind.SEPARATED, {"confidence": 0.9}, stopping.Separated(0.9)),
        (Kind.TOP, {"top": 2, "confidence": 0.9}, stopping.TopSettled(2, 0.9)),
        (Kind.PAIR, {"first_id": 7, "second_id": 5}, stopping.Separated(0.95, (1, 0))),
    ],
)
def test_each_kind_asks_what_it_says(
    kind: Kind, fields: dict[str, float], asked: stopping.StoppingRule
) -> None:
    assert asked_by(StoppingRule(kind=kind, **fields), {5: 0, 7: 1}) == asked


# Forecasts


def test_a_forecast_is_made_and_holds_until_battles_have_grown(study: Study) -> None:
    rule = add_rule(study, Kind.SIGMA, sigma=0.15)
    play(study, 40)
    look(study, at=NOW)
    first = rule.outlooks.get()
    assert (first.battles, first.forecast_at) == (240, NOW)
    assert first.low is not None
    assert first.expected is None or first.low <= first.expected
    rule.outlooks.update(expected=600.0, low=8.0, high=None)
    play(study, 2, seed=2)
    assert GROWTH * 240 >= 12
    look(study, at=NOW + timedelta(hours=1))
    assert rule.outlooks.get().forecast_at == NOW
    (line, *_groups) = read_outlooks(study)[0].lines
    assert (line.battles, line.expected) == (252, Expected(588, 0, np.inf))
    play(study, 1, seed=3)
    look(study, at=NOW + timedelta(hours=2))
    second = rule.outlooks.get()
    assert (second.battles, second.forecast_at) == (258, NOW + timedelta(hours=2))


def test_one_look_makes_few_forecasts_and_the_oldest_first(study: Study) -> None:
    rule = add_rule(study, Kind.SIGMA, sigma=0.05, ranking=GROUPS)
    play(study, 40)
    assert look(study, at=NOW, forecasts=3) == 1
    (late,) = rule.outlooks.filter(forecast_at=None)
    assert look(study, at=NOW + timedelta(hours=1), forecasts=3) == 0
    late.refresh_from_db()
    assert late.forecast_at == NOW + timedelta(hours=1)
    play(study, 40, seed=2)
    assert look(study, at=NOW + timedelta(hours=2), forecasts=3) == 1
    assert rule.outlooks.get(forecast_at__lt=NOW + timedelta(hours=2)) == late


def test_a_forecast_too_far_away_says_no_number(study: Study) -> None:
    rule = add_rule(study, Kind.SIGMA, sigma=0.01)
    play(study, 10)
    look(study, at=NOW)
    outlook = rule.outlooks.get()
    assert (outlook.expected, outlook.low, outlook.high) == (None, None, None)
    line = read_outlooks(study)[0].lines[0]
    assert line.expected == Expected(np.inf, np.inf, np.inf)


# By group


def test_the_groups_of_an_axis_bring_the_overall_battles_by_their_quotas(study: Study) -> None:
    add_rule(study, Kind.SIGMA, sigma=0.5)
    allocate_quotas(study, raters=100, at=NOW)
    Quota.objects.filter(group__key="18-34").update(target=90)
    Quota.objects.filter(group__key="35-plus").update(target=10)
    play(study, 4)
    look(study, at=NOW)
    whole, young, old, women, men = read_outlooks(study)[0].lines
    assert whole.expected is not None
    assert young.expected == whole.expected.times(0.9)
    assert old.expected == whole.expected.times(0.1)
    assert women.expected == men.expected == whole.expected.times(0.5)
    assert young.battles + old.battles == whole.battles == 24


@pytest.mark.parametrize("quota_by", ["margins", "cells"])
def test_a_full_quota_wants_the_raters_that_the_expected_battles_take(
    study: Study, quota_by: str
) -> None:
    Study.objects.update(quota_by=quota_by, battles_each=6)
    study.refresh_from_db()
    rule = add_rule(study, Kind.SIGMA, sigma=0.2, ranking=GROUPS)
    play(study, 40)
    participations = Participation.objects.filter(study=study)
    participations.update(state="completed")
    allocate_quotas(study, raters=100, at=NOW)
    young = rule.study.electorate.axes.get(key="age").groups.get(key="18-34")
    taken = participations.filter(cell__cell_groups__group=young).count()
    held = group_places(Frame.of(study))[young.pk]
    assert (held.target, held.open, held.to_complete) == (40, 40 - taken, 40 - taken)
    look(study, at=NOW)
    line = read_outlooks(study)[0].lines[0]
    assert line.group == young
    assert line.raters == line.expected.times(1 / 6)
    outlook = rule.outlooks.get(group=young)
    Outlook.objects.filter(pk=outlook.pk).update(expected=600.0, low=300.0, high=None)
    more = read_outlooks(study)[0].lines[0].more_raters
    left = 40 - taken
    assert more == Expected(100 - left, max(0, 50 - left), np.inf)
    Outlook.objects.filter(pk=outlook.pk).update(expected=6.0 * left)
    assert read_outlooks(study)[0].lines[0].more_raters is None
