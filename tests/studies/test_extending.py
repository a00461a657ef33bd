"""A study that has raters is given an electorate with new groups."""

import pytest

from leaderboards.models import Tournament
from leaderboards.services.standings import fold_standings
from leaderboards.tallies import read_tallies
from leaderboards.verdicts import Frame
from raters.models import Verdict
from studies.errors import StateError
from studies.models import Cell, Study
from studies.planning import allocate_quotas
from studies.services import give_electorate
from tests.cast import NOW, make_board, make_electorate, make_study

pytestmark = pytest.mark.django_db


def test_raters_keep_their_cells_and_tournaments_get_the_new_groups() -> None:
    study = make_study(state=Study.State.PAUSED)
    before = dict(study.participations.values_list("rater", "cell__key"))
    county = make_electorate("county", age={"65-plus": 0.2})

    give_electorate(study, county, at=NOW)

    assert dict(study.participations.values_list("rater", "cell__key")) == before
    assert set(study.participations.values_list("cell__electorate", flat=True)) == {county.pk}
    assert fold_standings(study) == Verdict.objects.of(study).count()
    assert Tournament.objects.filter(study=study, group__axis__electorate=county).count() == 2 * 5
    tallies = read_tallies(Frame.of(study))
    assert tallies is not None
    assert tallies.counts.shape[:2] == (2, 1 + 5)
    board = make_board(study)
    assert board.sections.filter(group_key="65-plus", raters=0).count() == 2
    allocate_quotas(study, raters=100, at=NOW)
    assert study.quotas.get(group__key="65-plus").target == 20


def test_quotas_and_matchups_go_with_the_old_shares() -> None:
    study = make_study(state=Study.State.PAUSED)
    allocate_quotas(study, raters=60, at=NOW)
    give_electorate(study, make_electorate("county", age={"65-plus": 0.2}), at=NOW)

    assert not study.quotas.exists()
    assert not study.matchups.exists()


def test_an_electorate_that_does_not_hold_all_its_raters_is_refused() -> None:
    study = make_study(state=Study.State.PAUSED)
    smaller = make_electorate("hamlet")
    used = study.participations.values_list("cell__key", flat=True)[0]
    Cell.objects.filter(electorate=smaller, key=used).delete()

    with pytest.raises(StateError, match="lacks a cell that raters are in"):
        give_electorate(study, smaller, at=NOW)
    smaller.axes.all()[1].delete()
    with pytest.raises(StateError, match="has other axes"):
        give_electorate(study, smaller, at=NOW)
    study.refresh_from_db()
    assert study.electorate is not None
    assert study.electorate.slug == "town"


def test_an_open_study_is_paused_first() -> None:
    study = make_study(state=Study.State.OPEN)

    with pytest.raises(StateError, match="Pause the study first"):
        give_electorate(study, make_electorate("county", age={"65-plus": 0.2}), at=NOW)
