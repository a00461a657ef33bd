"""Whether a judge says the same again."""

import numpy as np
import pytest

from leaderboards.comparison.consistency import consistency, order_agreement, sample_agreement
from leaderboards.comparison.items import Judged
from tests.leaderboards.comparison.made_up import codes, pairs


def test_orders_and_samples_are_compared_in_pairs() -> None:
    items = pairs([(0, 1), (1, 2), (0, 2), (0, 1)])
    # Item 0: a, a | a, b; item 1: b | b; item 2: a, b, b in one order; item 3: once.
    judged = Judged.of(
        codes(0, 0, 0, 0, 1, 1, 2, 2, 2, 3),
        codes(0, 0, 0, 2, 2, 2, 0, 2, 2, 1),
        shown_first=codes(0, 0, 1, 1, 0, 1, 1, 1, 1, 0),
        sample=codes(1, 2, 1, 2, 1, 1, 1, 2, 3, 1),
    )

    found = consistency(items, judged)

    assert np.nan_to_num(order_agreement(items, judged), nan=-1).tolist() == [0.5, 1, -1, -1]
    assert (found.order.value, found.order.n) == (0.75, 2)
    # Within an order: item 0 once yes and once no, item 2 one pair of three.
    assert found.repeat.value == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert found.repeat.n == 2
    assert sample_agreement(items, judged)[0] == pytest.approx(3 / 6)


def test_a_judge_asked_once_is_neither_consistent_nor_not() -> None:
    found = consistency(pairs([(0, 1)]), Judged.of(codes(0), codes(0)))

    assert found.order.n == found.repeat.n == 0
    assert np.isnan([found.order.value, found.repeat.value]).all()
