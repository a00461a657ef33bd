"""Raking: margins are met, nothing else is invented."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from studies.census import (
    AxisSpec,
    ElectorateError,
    ElectorateSpec,
    GroupSpec,
    JointSpec,
    RakingError,
    SourceSpec,
    cell_shares,
    rake,
)

SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5)


def tables(shape):
    # The more uneven a table, the more rounds it takes: a ratio of 50 needs up to some hundred.
    return arrays.arrays(np.float64, shape, elements=st.floats(0.1, 5))


@st.composite
def seeds_and_goals(draw, *, zeros=False):
    """Two tables of one shape with the same cells of 0: margins of the second can be met."""
    shape = draw(SHAPES)
    seed, goal = draw(tables(shape)), draw(tables(shape))
    if zeros:
        filled = draw(arrays.arrays(np.bool_, shape, elements=st.booleans()))
        filled.flat[draw(st.integers(0, filled.size - 1))] = True
        seed, goal = seed * filled, goal * filled
    return seed, goal / goal.sum()


def margins_of(table):
    return {
        (axis,): table.sum(axis=tuple(other for other in range(table.ndim) if other != axis))
        for axis in range(table.ndim)
    }


@given(seeds_and_goals())
def test_margins_are_met_and_the_total_is_one(seed_and_goal):
    seed, goal = seed_and_goal
    raked = rake(seed, margins_of(goal))
    assert raked.sum() == pytest.approx(1, abs=1e-9)
    for axes, margin in margins_of(goal).items():
        np.testing.assert_allclose(margins_of(raked)[axes], margin, rtol=0, atol=1e-9)


@settings(deadline=None)
@given(seeds_and_goals(zeros=True))
def test_cells_of_zero_stay_zero_and_others_do_not_go_below_it(seed_and_goal):
    seed, goal = seed_and_goal
    raked = rake(seed, margins_of(goal))
    assert (raked[seed == 0] == 0).all()
    assert (raked >= 0).all()


@given(SHAPES.flatmap(tables))
def test_a_uniform_table_becomes_the_independent_product(goal):
    margins = margins_of(goal / goal.sum())
    raked = rake(np.ones(goal.shape), margins)
    product = np.ones(())
    for axis in range(goal.ndim):
        product = np.multiply.outer(product, margins[axis,])
    np.testing.assert_allclose(raked, product, rtol=1e-12)


@given(seeds_and_goals())
def test_a_table_that_meets_its_margins_is_kept(seed_and_goal):
    _, goal = seed_and_goal
    np.testing.assert_allclose(rake(goal, margins_of(goal)), goal, rtol=1e-9)


@given(SHAPES.flatmap(tables), st.floats(1e-9, 1e9))
def test_the_scale_of_the_seed_does_not_matter(seed, scale):
    margins = {(0,): np.full(seed.shape[0], 1 / seed.shape[0])}
    np.testing.assert_allclose(rake(seed * scale, margins), rake(seed, margins), rtol=1e-9)


def test_raking_keeps_the_odds_ratio_of_the_seed():
    seed = np.array([[40.0, 30.0], [35.0, 50.0]])
    raked = rake(seed, {(0,): np.array([0.2, 0.8]), (1,): np.array([0.55, 0.45])})
    odds = raked[0, 0] * raked[1, 1] / (raked[0, 1] * raked[1, 0])
    assert odds == pytest.approx(40 * 50 / (30 * 35))


def test_a_margin_of_two_axes_is_met_whole():
    pair = np.array([[0.1, 0.2], [0.3, 0.4]])
    raked = rake(np.ones((2, 2, 2)), {(0, 2): pair, (1,): np.array([0.9, 0.1])})
    np.testing.assert_allclose(raked.sum(axis=1), pair, atol=1e-15)
    np.testing.assert_allclose(raked[:, 0, :], pair * 0.9, atol=1e-15)


def test_tiny_cells_neither_overflow_nor_vanish():
    seed = np.array([[1e300, 1.0], [1e-300, 1.0]])
    raked = rake(seed / 1e10, {(0,): np.array([0.5, 0.5])})
    np.testing.assert_allclose(raked, [[0.5, 0.0], [0.0, 0.5]], atol=1e-12)


def test_without_margins_a_table_is_only_normalised():
    np.testing.assert_allclose(rake(np.array([1.0, 3.0]), {}), [0.25, 0.75])


# What can't be raked


def test_a_share_where_the_table_is_empty_is_refused_with_its_place():
    with pytest.raises(RakingError, match=r"a share of 0\.3 is asked for at \(1, 0\)"):
        rake(np.array([[1.0, 1.0], [0.0, 0.0]]), {(0,): np.array([0.7, 0.3])})


def test_margins_that_contradict_the_zeros_do_not_go_on_for_ever():
    seed = np.array([[1.0, 0.0], [1.0, 1.0]])
    margins = {(0,): np.array([0.6, 0.4]), (1,): np.array([0.5, 0.5])}
    with pytest.raises(RakingError, match=r"still missed by up to .* after 200 rounds"):
        rake(seed, margins, max_rounds=200)


@pytest.mark.parametrize(
    ("seed", "margins", "message"),
    [
        ([1.0, -1.0], {}, "negative or infinite cell"),
        ([math.inf, 1.0], {}, "negative or infinite cell"),
        ([0.0, 0.0], {}, "nothing but zeros"),
        ([1.0, 1.0], {(0,): [0.5, 0.6]}, "does not add up to 1"),
        ([1.0, 1.0], {(0,): [1.5, -0.5]}, "negative share"),
        ([1.0, 1.0], {(0,): [0.2, 0.3, 0.5]}, r"has shape \(3,\), the table \(2,\)"),
        ([1.0, 1.0], {(1,): [0.5, 0.5]}, "a table with 1 axes"),
        ([[1.0]], {(1, 0): [[1.0]]}, "number them from 0, ascending"),
    ],
)
def test_input_that_makes_no_sense_is_named(seed, margins, message):
    with pytest.raises(RakingError, match=message):
        rake(np.array(seed), {axes: np.array(shares) for axes, shares in margins.items()})


# Cells of an electorate


def axis(key, shares):
    groups = tuple(
        GroupSpec(key=f"{key}{place}", name=f"{key}{place}", share=share, source="s")
        for place, share in enumerate(shares)
    )
    return AxisSpec(key=key, name=key, groups=groups)


def electorate(axes, joint=None):
    return ElectorateSpec(
        slug="here",
        name="Here",
        description="",
        axes=tuple(axes),
        joint=joint,
        sources=(SourceSpec(key="s", title="Census"),),
    )


def shares_of(weights):
    return [weight / math.fsum(weights) for weight in weights]


@st.composite
def electorates(draw):
    """Up to four axes; a joint table of some of them, which it names in any order."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    keys = [chr(ord("a") + place) for place in range(len(sizes))]
    axes = {
        key: axis(key, shares_of(draw(st.lists(st.floats(0.1, 1), min_size=n, max_size=n))))
        for key, n in zip(keys, sizes, strict=True)
    }
    known = draw(st.lists(st.sampled_from(keys), unique=True))
    if not known:
        return electorate(axes.values())
    shape = [len(axes[key].groups) for key in known]
    table = draw(tables(shape))
    table /= table.sum()
    for place, key in enumerate(known):
        axes[key] = axis(key, margins_of(table)[place,].tolist())
    shares = {
        tuple(f"{key}{at}" for key, at in zip(known, index, strict=True)): float(share)
        for index, share in np.ndenumerate(table)
    }
    return electorate(axes.values(), JointSpec(axes=tuple(known), shares=shares, source="s"))


@given(electorates())
def test_cells_keep_the_joint_table_and_are_independent_of_the_rest(spec):
    shares = cell_shares(spec)
    assert len(shares) == spec.cell_count
    assert math.fsum(shares.values()) == pytest.approx(1, abs=1e-12)
    assert max(shares.values()) <= 1
    known = spec.joint.axes if spec.joint else ()
    for cell, share in shares.items():
        of = dict(zip((a.key for a in spec.axes), cell, strict=True))
        expected = spec.joint.shares[tuple(of[key] for key in known)] if known else 1.0
        for each in spec.axes:
            if each.key not in known:
                expected *= each.group_for(of[each.key]).share
        assert share == pytest.approx(expected, rel=1e-12)


def test_cells_come_in_the_order_of_axes_and_groups():
    shares = cell_shares(electorate([axis("x", [0.25, 0.75]), axis("y", [0.4, 0.6])]))
    assert list(shares) == [("x0", "y0"), ("x0", "y1"), ("x1", "y0"), ("x1", "y1")]
    assert list(shares.values()) == pytest.approx([0.1, 0.15, 0.3, 0.45])


def test_a_group_of_share_zero_has_cells_of_share_zero():
    shares = cell_shares(electorate([axis("x", [0.0, 1.0]), axis("y", [0.4, 0.6])]))
    assert shares["x0", "y0"] == shares["x0", "y1"] == 0


def test_a_combination_missing_from_the_joint_table_has_no_people():
    joint = JointSpec(axes=("x", "y"), shares={("x0", "y0"): 0.5, ("x1", "y1"): 0.5}, source="s")
    axes = [axis(key, [0.5, 0.5]) for key in "xyz"]
    shares = cell_shares(electorate(axes, joint))
    assert shares["x0", "y1", "z0"] == 0
    assert shares["x0", "y0", "z0"] == pytest.approx(0.25)


def test_the_largest_electorate_is_twenty_thousand_cells():
    fits = electorate([axis("x", [0.01] * 100), axis("y", [0.005] * 200)])
    assert len(cell_shares(fits)) == 20_000
    too_many = electorate([axis("x", [0.01] * 100), axis("y", [1 / 201] * 201)])
    with pytest.raises(ElectorateError) as caught:
        cell_shares(too_many)
    assert str(caught.value) == (
        'electorate "here": 100 × 201 groups make 20,100 cells, and 20,000 is the limit; '
        "drop an axis, or merge groups"
    )
