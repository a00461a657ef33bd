"""A judge's report card as a whole."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from leaderboards.comparison.items import Judged, Votes
from leaderboards.comparison.report_card import Setting, report_card
from leaderboards.comparison.scenarios import Scenario
from tests.leaderboards.comparison.made_up import CONTESTANTS, codes, pairs, world


def test_a_card_has_every_figure_with_the_numbers_it_is_of() -> None:
    w = world()
    size = len(w.judged.item)
    judged = replace(
        w.judged,
        certainty=np.full(size, 0.8),
        cost=np.where(np.arange(size) < 4, 0.5, np.nan),
        seconds=np.full(size, 3.0),
    )
    first = w.votes.rater == 0
    setting = Setting(
        developers=["x", *["y"] * (CONTESTANTS - 1)],
        judge_developer="x",
        groups={"first": first, "others": ~first},
        scenarios=[Scenario("topic", "odd", items=np.arange(len(w.items)) % 2 == 1)],
        canaries=np.array([True, True, False]),
    )

    card = report_card(w.items, w.votes, judged, setting, resamples=10)

    assert card.agreement.items == len(w.items)
    assert card.orders.spearman.n == CONTESTANTS
    assert card.biases.family is not None
    assert card.consistency.order.n == len(w.items)
    assert card.certainty is not None
    assert card.certainty.stated.n == size
    assert card.reliability.n == len(w.items)
    assert {mirror.group for mirror in card.similarities.mirrors} == {"first", "others"}
    assert [domain.name for domain in card.domains] == ["odd"]
    assert len(card.gaps) == CONTESTANTS
    assert (card.canaries.value, card.canaries.n) == (pytest.approx(2 / 3), 3)
    assert (card.price.cost, card.price.priced) == (0.5, 4)
    assert (card.price.seconds, card.price.timed) == (3.0, size)


def test_a_card_is_the_same_by_the_same_seed() -> None:
    w = world(items=80)

    once, again = (report_card(w.items, w.votes, w.judged, seed=3, resamples=5) for _ in "12")

    assert repr(asdict(once)) == repr(asdict(again))


def test_a_card_of_nothing_says_nothing() -> None:
    nobody = Votes(codes(), codes(), codes())
    nothing = Judged.of(codes(), codes())

    card = report_card(pairs([(0, 1)]), nobody, nothing, resamples=3)

    assert card.agreement.items == card.orders.spearman.n == card.reliability.n == 0
    assert card.certainty is None
    assert card.canaries.n == card.price.priced == 0
    assert card.gaps == card.domains == card.similarities.mirrors == ()
