"""Embeddings as features: they help where they know something, and do no harm where not."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from leaderboards.ranking.outcomes import A_WINS, B_WINS
from leaderboards.scorer.comparisons import Comparisons
from leaderboards.scorer.evaluation import cross_fit, predict
from leaderboards.scorer.features import embedding_of, measure
from leaderboards.scorer.model import Model
from leaderboards.scorer.training import DIRECTIONS, train
from tests.leaderboards.scorer.drawn import draw_comparisons, sides_of

NUMBERS = 96


def embed_comparisons(seed: int, *, wish: float = 8.0, verdicts: int = 500) -> Comparisons:
    """Verdicts by how far an embedding points in one direction that nothing else tells.

    What was asked moves both sides' embeddings, and far more than what was answered.
    """
    drawn = draw_comparisons(seed, verdicts=verdicts, wishes={})
    rng = np.random.default_rng(seed)
    asked = np.repeat(rng.normal(0, 2, (verdicts, NUMBERS)), 2, axis=0)
    answered = rng.normal(0, np.linspace(1, 0.05, NUMBERS), (2 * verdicts, NUMBERS))
    embeddings = [embedding_of([each.astype(np.float32)]) for each in asked + answered]
    worth = wish * answered[:, 3]
    likely = 1 / (1 + np.exp(worth[drawn.b] - worth[drawn.a]))
    outcome = np.where(rng.random(verdicts) < likely, A_WINS, B_WINS)
    return replace(drawn, embeddings=np.array(embeddings), outcome=outcome)


@pytest.fixture(scope="module")
def known() -> Comparisons:
    return embed_comparisons(1)


@pytest.fixture(scope="module")
def model(known: Comparisons) -> Model:
    return train(known, seed=1)


def test_embeddings_that_know_who_wins_are_used_and_it_is_said_what_they_add(
    known: Comparisons,
) -> None:
    found = cross_fit(known, seed=0, with_new_contestants=False).evaluation
    assert found.without_embeddings is not None
    assert found.scorer.low > found.without_embeddings.high
    assert found.scorer.accuracy > 0.75
    assert found.scorer.loss < found.without_embeddings.loss


def test_embeddings_that_know_nothing_do_no_harm() -> None:
    drawn = draw_comparisons(2, verdicts=500)
    noise = np.random.default_rng(0).normal(size=(len(drawn.style), NUMBERS)).astype(np.float32)
    found = cross_fit(replace(drawn, embeddings=noise), seed=0, with_new_contestants=False)
    with_noise, without = found.evaluation.scorer, found.evaluation.without_embeddings
    assert without is not None
    assert with_noise.accuracy > without.accuracy - 0.03
    assert with_noise.loss < without.loss + 0.02


def test_without_embeddings_nothing_is_said_of_them() -> None:
    drawn = draw_comparisons(3, verdicts=300)
    found = cross_fit(drawn, seed=0, with_new_contestants=False)
    assert found.evaluation.without_embeddings is None
    assert not any(each.embeddings.size for each in found.models)
    same = cross_fit(drawn.without_embeddings(), seed=0, with_new_contestants=False)
    assert same.evaluation == found.evaluation


def test_weights_lie_in_the_directions_in_which_the_sides_of_pairs_differ(
    model: Model, known: Comparisons
) -> None:
    differences = known.embeddings[known.a] - known.embeddings[known.b]
    _, _, axes = np.linalg.svd(differences, full_matrices=False)
    of_most = axes[:DIRECTIONS] @ model.embeddings
    of_rest = axes[2 * DIRECTIONS - 8 :] @ model.embeddings
    assert model.embeddings.shape == (NUMBERS,)
    assert np.linalg.norm(of_rest) < 0.1 * np.linalg.norm(of_most)


def test_exchanging_the_sides_exchanges_the_probabilities(model: Model, known: Comparisons) -> None:
    a, b = sides_of(known, known.a), sides_of(known, known.b)
    forth = model.probabilities(model.advantage(a, b, known.groups))
    back = model.probabilities(model.advantage(b, a, known.groups))
    assert np.allclose(forth, back[:, ::-1], rtol=0, atol=1e-12)
    assert np.allclose(forth, predict(model, known), atol=1e-9)


def test_a_scorer_with_embeddings_comes_back_from_its_json_and_needs_numpy_alone(
    monkeypatch: pytest.MonkeyPatch, model: Model, known: Comparisons
) -> None:
    for name in ("sklearn", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    again = Model.from_json(json.loads(json.dumps(model.to_json())))
    assert np.allclose(predict(again, known), predict(model, known), atol=1e-4)


def test_the_same_verdicts_and_seed_give_the_same_scorer(model: Model, known: Comparisons) -> None:
    assert train(known, seed=1).to_json() == model.to_json()


def test_sides_that_are_embedded_alike_are_told_by_the_rest() -> None:
    drawn = draw_comparisons(4, verdicts=300)
    alike = np.ones((len(drawn.style), NUMBERS), np.float32)
    found = predict(train(replace(drawn, embeddings=alike), seed=0), drawn)
    plain = predict(train(drawn, seed=0), drawn)
    assert np.allclose(found, plain, atol=1e-6)


def test_a_side_of_several_replies_lies_between_them() -> None:
    long, short = np.array([3.0, 0.0], np.float32), np.array([0.0, 0.1], np.float32)
    assert embedding_of([long, short]).tolist() == pytest.approx([0.5, 0.5])


def test_embeddings_of_different_lengths_are_no_comparisons() -> None:
    sides = [replace(measure([], ["Rice."]), embedding=np.ones(n, np.float32)) for n in (2, 3)]
    one = np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="inhomogeneous"):
        Comparisons.of(
            sides, a=one, b=one + 1, outcome=one, block=one, contestants=np.zeros((1, 2), np.int64)
        )
