"""The simulation of `hustings bench screens`, small: who is caught, and what it does to a board."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from hustings.benchmarks.screens import SimulationFigures, measure_simulation
from hustings.benchmarks.watched_study import (
    DIMENSIONS,
    GOLD,
    REPEAT,
    Manners,
    Rater,
    Watched,
    read_manners,
    simulate_watched,
)
from hustings.benchmarks.watching import STRIKES_ALLOWED, Watch, find_flaws, watch
from raters.quality.flaws import FlawKind
from raters.quality.lenience import is_forgiven
from tests.data import data_file

RATERS = 600
# Rounded from the real data, so that this needs none.
MANNERS = Manners(
    slip=0.03,
    pace_sd=0.6,
    careless_lead=1.5,
    careless_sd=1.0,
    reply_words=np.arange(10, 200),
    text_flaws=np.array([[1, 0]] + 19 * [[0, 0]]),
)


@pytest.fixture(scope="module")
def figures() -> SimulationFigures:
    return measure_simulation(MANNERS, raters=RATERS, seeds=range(2))


@pytest.fixture(scope="module")
def watched() -> Watched:
    return simulate_watched(MANNERS, raters=RATERS, seed=1)


def by(forgiven: dict[FlawKind, int], watched: Watched) -> Watch:
    return watch(watched, find_flaws(watched), forgiven=forgiven, seed=1)


def test_the_figures_have_their_keys(figures: SimulationFigures) -> None:
    keys = dataclasses.asdict(figures).keys()

    assert {"damage_undone", "honest_struck", "precision", "recall"} <= keys
    assert json.loads(json.dumps(dataclasses.asdict(figures), allow_nan=False))


def test_bad_raters_do_damage_and_most_of_it_is_undone(figures: SimulationFigures) -> None:
    assert figures.without_control.error > figures.without_bad.error
    assert figures.with_control.error < figures.without_control.error
    assert figures.damage_undone >= 0.75


def test_who_is_left_out_is_bad_and_hardly_an_honest_rater_is_struck(
    figures: SimulationFigures,
) -> None:
    assert figures.precision is not None
    assert figures.precision > 0.9
    assert figures.recall > 0.5
    assert figures.honest_struck <= 0.02
    assert figures.caught.honest_struck_out <= figures.caught.honest_struck
    assert figures.recall_of["left_clicker"] > 0.9


def test_more_lenience_strikes_fewer_of_all(figures: SimulationFigures) -> None:
    strict, *_, lenient = figures.policies

    assert strict.caught.honest_struck > 5 * lenient.caught.honest_struck
    assert strict.caught.bad_struck > lenient.caught.bad_struck


def test_a_seed_repeats_its_study_and_another_does_not(watched: Watched) -> None:
    again = simulate_watched(MANNERS, raters=RATERS, seed=1)
    other = simulate_watched(MANNERS, raters=RATERS, seed=2)

    for field in dataclasses.fields(Watched):
        assert np.array_equal(getattr(again, field.name), getattr(watched, field.name))
    assert not np.array_equal(other.outcome, watched.outcome)


def test_one_in_ten_is_bad(watched: Watched) -> None:
    assert [int((watched.rater == kind).sum()) for kind in Rater] == [540, 30, 18, 12]


def test_every_rater_has_one_gold_battle_and_ends_with_the_repeated_one(watched: Watched) -> None:
    last = (watched.place >= REPEAT).sum(axis=1) - 1

    assert ((watched.place == GOLD).sum(axis=1) == 1).all()
    assert (watched.place[np.arange(RATERS), last] == REPEAT).all()


def test_riggers_prefer_theirs_on_every_dimension(watched: Watched) -> None:
    rigs = (watched.rater == Rater.RIGGER)[:, np.newaxis]
    as_a, as_b = rigs & (watched.a == watched.rigged), rigs & (watched.b == watched.rigged)

    assert watched.outcome.shape[2] == DIMENSIONS
    assert (watched.outcome[as_a] == 0).all()
    assert (watched.outcome[as_b] == 2).all()


def test_battles_after_the_last_strike_are_not_there(watched: Watched) -> None:
    watch = by({}, watched)

    assert (watch.is_struck_out == (watch.strikes >= STRIKES_ALLOWED)).all()
    assert watch.is_struck_out.any()
    assert (watch.is_heard == watched.is_done)[~watch.is_struck_out].all()
    assert watch.is_heard[watch.is_struck_out].sum() < watched.is_done[watch.is_struck_out].sum()
    assert not watch.is_counted[watch.is_left_out].any()


def test_strikes_are_the_flaws_that_are_not_forgiven(watched: Watched) -> None:
    found = find_flaws(watched)
    strikes = watch(watched, found, seed=1).strikes

    for rater in np.flatnonzero(~watched.is_honest):
        given = 0
        for place in range(watched.place.shape[1]):
            for kind, flaws in found.flaws.items():
                earlier = int(flaws[rater, :place].sum())
                new = range(earlier, earlier + int(flaws[rater, place]))
                given += sum(not is_forgiven(kind, earlier=n) for n in new)
            if given >= STRIKES_ALLOWED:
                break
        assert given == strikes[rater]


def test_a_study_of_the_careful_has_no_strike() -> None:
    careful = replace(MANNERS, slip=0.0, pace_sd=0.01, text_flaws=np.zeros((1, 2), int))
    watched = simulate_watched(careful, raters=RATERS, seed=3)

    assert not by({}, watched).strikes[watched.is_honest].any()


def test_the_more_alike_slips_are_the_more_honest_raters_slip_twice() -> None:
    alike = replace(MANNERS, slips_alike=0.3)
    twice = [
        (find_flaws(simulate_watched(manners, raters=4000, seed=1)).flaws[FlawKind.FAILED_CHECK])
        for manners in (MANNERS, alike)
    ]

    apart, together = (int((each[400:].sum(axis=1) > 1).sum()) for each in twice)
    assert together > 2 * apart


def test_the_manners_of_real_people_are_read() -> None:
    folder = data_file("persuasion/attention.csv.gz").parents[1]

    manners = read_manners(folder)

    assert 0.02 < manners.slip < 0.04
    assert manners.careless_lead > 1
    assert manners.text_flaws[:, 0].mean() < 4 * 0.02


def test_a_missing_folder_is_refused_with_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"

    with pytest.raises(CommandError, match=r"There is no folder .*nowhere"):
        call_command("bench", "screens", data=missing)
    with pytest.raises(CommandError, match=r"There is no file .*tiage_dev"):
        call_command("bench", "screens", data=tmp_path)
