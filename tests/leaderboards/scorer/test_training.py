"""A scorer: fair to both sides, the same each time, and right about wishes that are known."""

import json
import sys

import numpy as np
import pytest

from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE
from leaderboards.scorer.comparisons import Comparisons, deal
from leaderboards.scorer.errors import ScorerError
from leaderboards.scorer.evaluation import predict
from leaderboards.scorer.features import NAMES, measure
from leaderboards.scorer.model import Model
from leaderboards.scorer.training import train
from tests.leaderboards.scorer.drawn import WISHES, WORDS, draw_comparisons, sides_of


@pytest.fixture(scope="module")
def drawn() -> Comparisons:
    return draw_comparisons(1)


@pytest.fixture(scope="module")
def model(drawn: Comparisons) -> Model:
    return train(drawn, seed=1)


def test_exchanging_the_sides_exchanges_the_probabilities(model: Model, drawn: Comparisons) -> None:
    a, b = sides_of(drawn, drawn.a), sides_of(drawn, drawn.b)
    forth = model.probabilities(model.advantage(a, b, drawn.groups))
    back = model.probabilities(model.advantage(b, a, drawn.groups))
    assert np.allclose(forth, back[:, ::-1], rtol=0, atol=1e-12)
    assert np.allclose(forth.sum(axis=1), 1)


def test_a_side_beside_itself_has_no_advantage(model: Model, drawn: Comparisons) -> None:
    sides = sides_of(drawn, drawn.a)
    assert np.allclose(model.advantage(sides, sides, drawn.groups), 0)


def test_the_signs_of_known_wishes_are_recovered(model: Model) -> None:
    weights = dict(zip(NAMES, model.style, strict=True))
    for name, wish in WISHES.items():
        assert np.sign(weights[name]) == np.sign(wish), name


def test_the_same_verdicts_and_seed_give_the_same_scorer(model: Model, drawn: Comparisons) -> None:
    assert train(drawn, seed=1).to_json() == model.to_json()


def test_verdicts_seen_from_the_other_side_give_the_same_scorer(
    model: Model, drawn: Comparisons
) -> None:
    mirrored = np.array([B_WINS, TIE, A_WINS])
    turned = Comparisons(
        style=drawn.style,
        words=drawn.words,
        a=drawn.b,
        b=drawn.a,
        outcome=mirrored[drawn.outcome],
        block=drawn.block,
        contestants=drawn.contestants[:, ::-1],
        groups=drawn.groups,
    )
    assert np.allclose(train(turned, seed=1).style, model.style, atol=1e-4)


def test_a_scorer_comes_back_from_its_json(model: Model, drawn: Comparisons) -> None:
    # PostgreSQL keeps the keys of an object in an order of its own.
    again = Model.from_json(json.loads(json.dumps(model.to_json(), sort_keys=True)))
    assert np.allclose(predict(again, drawn), predict(model, drawn), atol=1e-4)


def test_a_scorer_of_other_measures_is_refused(model: Model) -> None:
    document = model.to_json()
    del document["measures"]["length"]
    with pytest.raises(ValueError, match="other measures"):
        Model.from_json(document)


@pytest.mark.parametrize("tie", [0.1, 2.0])
def test_ties_are_as_likely_as_they_came(tie: float) -> None:
    drawn = draw_comparisons(2, tie=tie)
    came = float((drawn.outcome == TIE).mean())
    assert predict(train(drawn, seed=0), drawn)[:, TIE].mean() == pytest.approx(came, abs=0.05)


def test_a_group_that_wishes_for_more_gets_more_and_others_hardly_differ() -> None:
    def wishes_more(of_group: float) -> float:
        """By how much the first group likes a long text more than the second does."""
        model = train(draw_comparisons(3, verdicts=1200, of_group=of_group), seed=0)
        long, short = (measure(["Rice?"], [" ".join(WORDS[:5] * n)]) for n in (12, 2))
        first, second = model.advantage([long] * 2, [short] * 2, np.eye(2, dtype=bool))
        return float(first - second)

    apart, alike = wishes_more(1.5), wishes_more(0.0)
    assert apart > 0.5
    assert abs(alike) < apart / 3


def test_blocks_are_dealt_whole_and_evenly() -> None:
    block = np.repeat(np.arange(23), 3)
    fold = deal(block, 5, seed=4)
    assert all(len(set(fold[block == each])) == 1 for each in range(23))
    sizes = np.bincount(fold[::3])
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(fold, deal(block, 5, seed=4))


def test_too_few_verdicts_train_nothing(drawn: Comparisons) -> None:
    few = drawn.where(np.arange(len(drawn)) < 20)
    with pytest.raises(ScorerError, match="at least 50 verdicts that are no ties"):
        train(few, seed=0)


def test_verdicts_about_few_things_train_nothing() -> None:
    few = draw_comparisons(5, blocks=3)
    with pytest.raises(ScorerError, match="about 5 different things"):
        train(few, seed=0)


def test_where_one_side_always_wins_a_scorer_is_trained_all_the_same() -> None:
    drawn = draw_comparisons(6, verdicts=200, tie=0.01)
    only = drawn.where(drawn.outcome == A_WINS)
    found = predict(train(only, seed=0), only)
    assert np.isfinite(found).all()


def test_without_scikit_learn_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, drawn: Comparisons
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ScorerError, match=r"pip install 'hustings\[scorer\]'"):
        train(drawn, seed=0)


def test_what_is_trained_predicts_without_scikit_learn(
    monkeypatch: pytest.MonkeyPatch, model: Model, drawn: Comparisons
) -> None:
    for name in ("sklearn", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    again = Model.from_json(model.to_json())
    assert predict(again, drawn).shape == (len(drawn), 3)
