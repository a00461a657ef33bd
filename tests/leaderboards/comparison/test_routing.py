"""Which items people are asked about, and how soon their order is reached."""

from dataclasses import replace

import numpy as np
import pytest

from leaderboards.comparison.figures import spearman
from leaderboards.comparison.items import pair_counts
from leaderboards.comparison.routing import (
    Asked,
    expected_gains,
    judge_columns,
    know_with_judges,
    next_items,
    pair_gains,
    pair_steer,
    predict,
    ranking,
)
from leaderboards.comparison.routing_curve import replay
from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.gain import knowledge_of
from tests.leaderboards.comparison.made_up import World, world


def _asked(w: World, *, seen: float = 0.3, seed: int = 0) -> Asked:
    """A study of which a part of the votes is there."""
    there = np.random.default_rng(seed).random(len(w.votes.item)) < seen
    wanted = w.votes.counts(w.items).sum(axis=1).astype(np.int64)
    counts = w.votes.only(there).counts(w.items)
    return Asked(w.items, wanted, counts, judge_columns(w.items, [w.judged]))


def test_a_prediction_is_one_and_follows_an_items_own_votes() -> None:
    asked = _asked(world())
    item = int(np.flatnonzero(asked.counts.sum(axis=1) == 0)[0])
    counts = asked.counts.copy()
    counts[item] = [0, 0, 3]

    before, after = predict(asked)[item], predict(replace(asked, counts=counts))[item]

    assert predict(asked).sum(axis=1) == pytest.approx(1)
    assert after[2] > before[2] + 0.1


def test_judges_are_trusted_as_far_as_people_go_with_them() -> None:
    w = world(items=800)
    reversed_ = world(items=800, judge_skill=-w.skill)
    # Both judges tell as much: one has to be turned round, which votes show.
    for study in (w, reversed_):
        asked = _asked(study, seen=0.1)
        alone = Asked(asked.items, asked.wanted, asked.counts, np.zeros((800, 1)))
        assert spearman(ranking(asked), w.skill) > spearman(ranking(alone), w.skill)
        assert spearman(ranking(asked), w.skill) > 0.9


def test_with_all_votes_there_judges_say_nothing_more() -> None:
    w = world()
    asked = _asked(w, seen=2.0)

    board = fit_davidson(pair_counts(w.items, w.votes.counts(w.items))).skill

    assert (asked.missing == 0).all()
    assert ranking(asked) == pytest.approx(board)
    assert not expected_gains(asked).any()
    assert not len(next_items(asked, votes=10, seed=0))


def test_a_first_vote_is_worth_more_than_a_further_one_on_the_same_words() -> None:
    w = world(items=300)
    asked = _asked(w, seen=0.5)
    item = int(np.flatnonzero(asked.counts.sum(axis=1) == 0)[0])
    # The same pair again, with votes of its own that leave its outcome as it was predicted.
    counts = asked.counts.copy()
    counts[item] = predict(asked)[item]
    further = replace(asked, counts=counts)

    assert expected_gains(further)[item] < 0.8 * expected_gains(asked)[item]


def test_where_the_outcome_is_plain_nobody_needs_to_be_asked() -> None:
    w = world(items=600, votes_each=1)
    asked = _asked(w, seen=0.4)
    chance = predict(asked)
    in_doubt = 1 - chance[:, 1] - (chance[:, 0] - chance[:, 2]) ** 2
    gains = expected_gains(asked)
    open_ = asked.missing > 0

    plain, doubtful = (gains[open_ & part] for part in (in_doubt < 0.4, in_doubt > 0.6))

    assert plain.mean() < doubtful.mean()


def test_the_first_votes_are_spread_and_later_ones_are_those_of_greatest_gain() -> None:
    w = world(items=200)
    empty = replace(_asked(w), counts=np.zeros((200, 3)))

    early = next_items(empty, votes=50, seed=1)
    asked = _asked(w)
    later = next_items(asked, votes=5, seed=1)

    assert len(set(early.tolist())) == 50
    assert (early != next_items(empty, votes=50, seed=2)).any()
    assert (early == next_items(empty, votes=50, seed=1)).all()
    gains = expected_gains(asked)
    assert sorted(gains[later]) == sorted(gains)[-5:]
    assert (asked.missing[later] > 0).all()


def test_a_pair_is_worth_what_its_best_item_is() -> None:
    asked = _asked(world(items=300))
    gains, by_pair = expected_gains(asked), pair_gains(asked)

    items = asked.items
    one = (items.a == 2) & (items.b == 5) | (items.a == 5) & (items.b == 2)
    assert by_pair[2, 5] == by_pair[5, 2] == gains[one].max()
    assert by_pair.max() == gains.max()
    assert not np.diag(by_pair).any()


def test_what_judges_say_of_a_ranking_is_known_as_far_as_people_go_with_it() -> None:
    w = world(items=800, votes_each=1)
    counts = _asked(w, seen=0.08).counts
    alone = knowledge_of(fit_davidson(pair_counts(w.items, counts), require_connected=False))

    told = know_with_judges(w.items, counts, [w.judged])

    assert spearman(told.skill, w.skill) > spearman(alone.skill, w.skill)
    assert told.skill.sum() == pytest.approx(0)
    assert told.covariance.sum(axis=0) == pytest.approx(0, abs=1e-9)


def test_without_a_vote_nothing_is_known_of_what_judges_are_worth() -> None:
    w = world(items=300)

    told = know_with_judges(w.items, np.zeros((300, 3)), [w.judged])

    assert told.skill == pytest.approx(0)
    assert np.isfinite(pair_steer(w.items, np.zeros((300, 3)), [w.judged])).sum() > 0


def test_people_are_steered_from_pairs_that_a_judge_can_tell_apart() -> None:
    told = np.arange(12) % 2 == 0
    skill = np.where(told, 2 * np.linspace(-1, 1, 12), 0)
    others = ~np.eye(12, dtype=bool)
    both = told[:, np.newaxis] & told & others
    ratios = []
    for seed in range(4):
        w = world(seed, items=900, votes_each=1, judge_skill=skill)
        steer = pair_steer(w.items, _asked(w, seen=0.4, seed=seed).counts, [w.judged])
        assert steer == pytest.approx(steer.T, nan_ok=True)
        assert np.isnan(np.diag(steer)).all()
        ratios.append(steer[both].mean() / steer[others & ~both].mean())

    assert np.mean(ratios) < 0.97


def test_routing_reaches_peoples_order_sooner_than_chance() -> None:
    w = world(3, items=600, votes_each=2, contestants=20)

    (half,) = replay(w.items, w.votes, [w.judged], seeds=range(6), shares=(0.5,))

    assert half.routed.value > half.random.value
    assert half.routed.low <= half.routed.value <= half.routed.high
    assert half.routed.n == 6


def test_a_replay_asks_for_no_vote_twice_and_ends_at_peoples_order() -> None:
    w = world(items=120, votes_each=3)

    reached = replay(w.items, w.votes, [w.judged], seeds=[0], shares=(0.1, 1.0))

    assert reached[-1].routed.value == reached[-1].people_only.value == pytest.approx(1)
    assert reached[0].routed.value < reached[-1].routed.value


def test_the_order_of_votes_held_out_can_be_what_is_to_be_reached() -> None:
    w = world(items=200, votes_each=2)
    first = w.votes.rater == 0
    mine, others = w.votes.only(first), w.votes.only(~first)
    orders = [
        fit_davidson(pair_counts(w.items, each.counts(w.items))).skill for each in (mine, others)
    ]

    (whole,) = replay(w.items, mine, [w.judged], seeds=[0], shares=(1.0,), reference=others)

    assert whole.routed.value == whole.random.value == pytest.approx(spearman(*orders))


def test_a_replay_is_the_same_by_the_same_seed() -> None:
    w = world(items=100)

    once, again = (replay(w.items, w.votes, [w.judged], seeds=[4], shares=(0.3,)) for _ in "12")

    assert once == again
    for shares in ((0.5, 0.2), (0.0,), (1.1,)):
        with pytest.raises(ValueError, match="ascending"):
            replay(w.items, w.votes, [w.judged], seeds=[4], shares=shares)
