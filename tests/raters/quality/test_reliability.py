"""The model of Dawid and Skene: a naive oracle, simulated raters, and crowds with gold."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.benchmarks.careless import (
    CarelessFigures,
    area_under_curve,
    measure_careless,
)
from raters.quality.reliability import (
    MAX_STEPS,
    PRIOR,
    SETTLED,
    SMOOTHING,
    Crowd,
    fit_dawid_skene,
    majority,
)
from tests.data import data_file

Labels = tuple[np.ndarray, np.ndarray, np.ndarray]


def _naive_posterior(item: np.ndarray, rater: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The same steps, written as loops over labels, without logarithms."""
    I, R, L = item.max() + 1, rater.max() + 1, label.max() + 1  # noqa: E741 - as in the module
    posterior = np.zeros((I, L))
    for i, given_label in zip(item, label, strict=True):
        posterior[i, given_label] += 1
    seen = posterior.sum(axis=1) > 0
    posterior[~seen] = 1
    posterior /= posterior.sum(axis=1, keepdims=True)
    for _ in range(MAX_STEPS):
        own = np.zeros((R, L, L))
        for i, r, given_label in zip(item, rater, label, strict=True):
            own[r, :, given_label] += posterior[i]
        crowd = own.sum(axis=0) + PRIOR
        own += SMOOTHING * crowd / crowd.sum(axis=1, keepdims=True)
        confusion = own / own.sum(axis=2, keepdims=True)
        prior = (posterior.sum(axis=0) + PRIOR) / (I + L * PRIOR)
        new = np.tile(prior, (I, 1))
        for i, r, given_label in zip(item, rater, label, strict=True):
            new[i] *= confusion[r, :, given_label]
        new /= new.sum(axis=1, keepdims=True)
        if np.abs(new - posterior).max() < SETTLED:
            return new
        posterior = new
    return posterior


def _simulate(
    accuracy: np.ndarray, *, items: int = 400, each: int = 7, classes: int = 3, seed: int = 0
) -> tuple[Labels, np.ndarray]:
    """Labels of raters who are right with probability `accuracy` (R,), and the truth (I,)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, items)
    item = np.repeat(np.arange(items), each)
    rater = np.concatenate([rng.permutation(len(accuracy))[:each] for _ in range(items)])
    wrong = (truth[item] + rng.integers(1, classes, len(item))) % classes
    label = np.where(rng.random(len(item)) < accuracy[rater], truth[item], wrong)
    return (item, rater, label), truth


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30
    )
)
def test_the_fit_is_that_of_the_naive_loops(rows: list[tuple[int, int, int]]) -> None:
    item, rater, label = np.array(rows).T

    crowd = fit_dawid_skene(item, rater, label)

    assert crowd.posterior == pytest.approx(_naive_posterior(item, rater, label), abs=1e-9)
    assert crowd.posterior.sum(axis=1) == pytest.approx(1)
    assert crowd.confusion.sum(axis=2) == pytest.approx(1)
    assert (crowd.information >= -1e-12).all()


def test_truths_and_raters_are_found_again() -> None:
    accuracy = np.linspace(0.35, 0.95, 30)
    labels, truth = _simulate(accuracy)

    crowd = fit_dawid_skene(*labels)
    votes = majority(labels[0], labels[2], items=len(truth), classes=3)

    right = (crowd.posterior.argmax(axis=1) == truth).mean()
    assert right > votes[np.arange(len(truth)), truth].mean() + 0.02
    assert np.abs(crowd.reliability - accuracy).max() < 0.15
    assert np.corrcoef(crowd.information, accuracy)[0, 1] > 0.9
    assert crowd.has_converged


def test_the_order_of_labels_raters_and_items_is_no_matter() -> None:
    (item, rater, label), _ = _simulate(np.linspace(0.4, 0.9, 12), items=60)
    rng = np.random.default_rng(1)
    shuffle, items, raters = rng.permutation(len(item)), rng.permutation(60), rng.permutation(12)

    one = fit_dawid_skene(item, rater, label)
    other = fit_dawid_skene(items[item][shuffle], raters[rater][shuffle], label[shuffle])

    assert other.posterior[items] == pytest.approx(one.posterior, abs=1e-9)
    assert other.reliability[raters] == pytest.approx(one.reliability, abs=1e-9)
    assert other.log_likelihood == pytest.approx(one.log_likelihood)


def test_one_who_always_says_the_same_gives_no_information() -> None:
    (item, rater, label), _ = _simulate(np.full(12, 0.8), items=600, classes=2)
    label = np.where(rater == 0, 1, label)

    crowd = fit_dawid_skene(item, rater, label)

    assert crowd.information[0] < 0.01
    assert crowd.information[1:].min() > 0.1
    assert crowd.reliability[0] == pytest.approx(0.5, abs=0.1)


def test_a_rater_alone_on_her_items_is_not_confirmed_by_herself() -> None:
    """What others say of her item is then the prior only."""
    item = np.arange(20)
    crowd = fit_dawid_skene(item, np.zeros(20, int), item % 2)

    assert crowd.reliability[0] == pytest.approx(0.5, abs=0.01)


def test_a_rater_or_item_without_labels_is_unknown() -> None:
    crowd = fit_dawid_skene(
        np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), items=2, raters=3, classes=2
    )

    assert np.isnan(crowd.reliability[2])
    assert crowd.labels.tolist() == [1, 1, 0]
    assert crowd.posterior[1] == pytest.approx(crowd.prior)


def test_no_labels_or_an_unknown_index_are_refused() -> None:
    none, one = np.array([], int), np.array([1])
    with pytest.raises(ValueError, match="no labels"):
        fit_dawid_skene(none, none, none)
    with pytest.raises(ValueError, match="index of label"):
        fit_dawid_skene(one, one, one, classes=1)
    with pytest.raises(ValueError, match="index of rater"):
        fit_dawid_skene(one, -one, one)


def test_a_tie_of_the_majority_is_shared() -> None:
    votes = majority(np.array([0, 0, 1]), np.array([0, 1, 1]), items=2, classes=2)

    assert votes.tolist() == [[0.5, 0.5], [0, 1]]


def test_a_hundred_thousand_labels_take_less_than_two_seconds() -> None:
    labels, truth = _simulate(np.linspace(0.4, 0.9, 500), items=14_300, each=7)

    began = time.process_time()
    crowd = fit_dawid_skene(*labels)

    assert len(labels[0]) > 100_000
    assert time.process_time() - began < 2
    assert (crowd.posterior.argmax(axis=1) == truth).mean() > 0.85


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_area_under_the_curve_is_a_share_of_pairs(rows: list[tuple[int, bool]]) -> None:
    score, positive = (np.array(column) for column in zip(*rows, strict=True))
    pairs = [(p > o) + (p == o) / 2 for p in score[positive] for o in score[~positive]]
    if not pairs:
        with pytest.raises(ValueError, match="positives and others"):
            area_under_curve(score, positive)
    else:
        assert area_under_curve(score, positive) == pytest.approx(np.mean(pairs))


@pytest.fixture(scope="module")
def figures() -> CarelessFigures:
    folder: Path = data_file("crowd/hitspam.csv.gz").parents[1]
    return measure_careless(folder)


def test_the_model_beats_the_majority_on_real_crowds(figures: CarelessFigures) -> None:
    gain = {each.set: each.dawid_skene - each.majority for each in figures.aggregations}

    assert gain["rte"] > 0.01
    assert gain["bluebirds"] > 0.1
    assert gain["product"] > 0.03


def test_poor_workers_are_told_where_items_are_disputed(figures: CarelessFigures) -> None:
    assert figures.adult2.reliability_auc > 0.78
    # Nobody ever disagrees there, so that nobody can be told from anybody.
    assert figures.hitspam.disputed == 0
    assert 0.4 < figures.hitspam.reliability_auc < 0.6


def test_speed_is_told_with_what_it_is_worth(figures: CarelessFigures) -> None:
    assert figures.speeding_auc > 0.85
    assert 0.4 < figures.speeding_auc_straight_lines < 0.6
    assert figures.straight_lining_auc is None
    assert [limit.seconds for limit in figures.speeding_limits] == [30, 45, 60]
    assert figures.speeding_limits[1].found > 0.6
    assert figures.speeding_limits[1].false_positive_rate < 0.01
    assert figures.fast_battles < 0.01
    assert figures.straight_lining_experts == 0


def test_random_votes_are_found_and_most_real_ones_let_be(figures: CarelessFigures) -> None:
    votes = figures.votes

    assert votes.sequential_flagged < 0.1
    assert votes.likelihood_flagged < 0.12
    assert votes.sequential_found > 0.7
    assert votes.likelihood_found > 0.85


def test_paid_honest_chat_is_rarely_flagged(figures: CarelessFigures) -> None:
    volunteers, *paid = figures.screens

    assert volunteers.corpus == "convai2"
    for each in paid:
        assert max(each.flagged.values()) < 0.005
        assert each.short_conversations == 0
    assert volunteers.flagged["gibberish"] < 0.001
    assert "copied_task" not in volunteers.flagged


def test_a_crowd_is_fitted_alike_every_time() -> None:
    labels, _ = _simulate(np.linspace(0.4, 0.9, 12), items=50)
    one, other = fit_dawid_skene(*labels), fit_dawid_skene(*labels)

    assert isinstance(one, Crowd)
    assert (one.posterior == other.posterior).all()
    assert one.steps == other.steps
