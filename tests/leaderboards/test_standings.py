"""Live standings: only what is new is folded, and the result is that of folding all at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from leaderboards.models import Fold, Standing, Tournament
from leaderboards.services.standings import fold_standings
from leaderboards.tasks import fold_all_standings, fold_study_standings
from raters.models import Exclusion, Verdict
from raters.simulation import Population, simulate_raters
from studies.models import Study
from studies.services import enter_contestant

pytestmark = pytest.mark.django_db

Numbers = dict[tuple[int, int | None, int], tuple[float, float, int, int, int]]


def standings() -> Numbers:
    return {
        (s.tournament.dimension_id, s.tournament.group_id, s.contestant_id): (
            s.mu, s.sigma, s.wins, s.losses, s.ties,
        )
        for s in Standing.objects.select_related("tournament")
    }  # fmt: skip


def more_raters(study: Study, seed: int) -> None:
    at = timezone.now() + timedelta(minutes=seed)
    simulate_raters(study, raters=5, battles_each=3, seed=seed, population=Population(), at=at)


def fold_anew(study: Study) -> Numbers:
    Fold.objects.all().delete()
    # The draw probability is estimated once, when everything is folded; keep it comparable.
    fold_standings(study)
    return standings()


def test_every_group_and_everybody_has_a_tournament(simulated_study: Study) -> None:
    folded = fold_standings(simulated_study)
    assert folded == Verdict.objects.count()
    assert simulated_study.electorate is not None
    groups = sum(axis.groups.count() for axis in simulated_study.electorate.axes.all())
    dimensions = simulated_study.dimensions.count()
    assert Tournament.objects.count() == dimensions * (1 + groups)
    for dimension in simulated_study.dimensions.all():
        everybody = Standing.objects.filter(tournament__dimension=dimension, tournament__group=None)
        assert sum(standing.battles for standing in everybody) == 2 * dimension.verdicts.count()


def test_a_second_fold_finds_nothing_new(simulated_study: Study) -> None:
    fold_standings(simulated_study)
    before = standings()
    assert fold_standings(simulated_study) == 0
    assert standings() == before


def test_folding_what_is_new_counts_it_once(simulated_study: Study) -> None:
    fold_standings(simulated_study)
    probabilities = dict(Tournament.objects.values_list("pk", "draw_probability"))
    more_raters(simulated_study, seed=7)
    new = 5 * 3 * simulated_study.dimensions.count()
    assert fold_standings(simulated_study) == new
    assert dict(Tournament.objects.values_list("pk", "draw_probability")) == probabilities
    in_parts = standings()
    anew = fold_anew(simulated_study)
    assert {key: value[2:] for key, value in in_parts.items()} == {
        key: value[2:] for key, value in anew.items()
    }
    for key, (mu, sigma, *_record) in in_parts.items():
        assert mu == pytest.approx(anew[key][0], abs=0.5)
        assert sigma == pytest.approx(anew[key][1], rel=0.05)


def test_a_verdict_that_was_committed_late_is_not_lost(simulated_study: Study) -> None:
    late = Verdict.objects.order_by("recorded_at", "pk").last()
    assert late is not None
    fold_standings(simulated_study)
    # Another transaction began before, and commits only now: its verdicts sort before the last.
    simulate_raters(
        simulated_study,
        raters=5,
        battles_each=3,
        seed=9,
        population=Population(),
        at=late.recorded_at - timedelta(seconds=5),
    )
    assert fold_standings(simulated_study) == Verdict.objects.count()
    assert standings() == fold_anew(simulated_study)


def test_an_exclusion_is_folded_out_and_in_again(simulated_study: Study, admin_user: User) -> None:
    fold_standings(simulated_study)
    before = standings()
    participation = simulated_study.participations.all()[0]
    exclusion = Exclusion.objects.create(
        study=simulated_study,
        participation=participation,
        reason="fraud",
        actor=admin_user,
        created_at=timezone.now(),
    )
    left = Verdict.objects.exclude(battle__participation=participation).count()
    assert fold_standings(simulated_study) == left
    assert standings() != before
    exclusion.lifted_at, exclusion.lifted_by = timezone.now(), admin_user
    exclusion.save()
    fold_standings(simulated_study)
    assert standings() == before


def test_a_contestant_that_enters_later_has_standings_too(simulated_study: Study) -> None:
    fold_standings(simulated_study)
    newcomer = enter_contestant(simulated_study, name="Newcomer")
    more_raters(simulated_study, seed=8)
    fold_standings(simulated_study)
    assert Standing.objects.filter(contestant=newcomer).count() == Tournament.objects.count()


def test_the_beat_folds_every_study_that_may_have_new_verdicts(simulated_study: Study) -> None:
    fold_all_standings()
    assert Standing.objects.exists()
    fold_study_standings(simulated_study.pk)
    simulated_study.state = Study.State.ARCHIVED
    simulated_study.save()
    fold_all_standings()
