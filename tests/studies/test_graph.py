"""Parts that battles link, and what holds them together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.graph import connected_parts, parts_without

nodes = st.integers(0, 7)
links = st.lists(st.tuples(nodes, nodes), max_size=12)


def test_parts_are_the_largest_first_and_whoever_has_no_link_is_one_alone() -> None:
    assert connected_parts([9, 1, 2, 3, 5], [(9, 5), (5, 3), (2, 2)]) == ((3, 5, 9), (1,), (2,))
    assert connected_parts([], []) == ()


def test_links_to_others_than_the_nodes_link_nobody() -> None:
    assert connected_parts([1, 2], [(1, 3), (3, 2)]) == ((1,), (2,))


@given(links=links)
def test_ends_of_a_link_are_in_one_part_and_each_node_is_in_one(
    links: list[tuple[int, int]],
) -> None:
    parts = connected_parts(range(8), links)

    assert sorted(node for part in parts for node in part) == list(range(8))
    assert all(any({*link} <= {*part} for part in parts) for link in links)
    # Nothing else joins them: within a part some link crosses any border.
    for part in parts:
        inside = {part[0]}
        for _ in part:
            inside |= {node for link in links if inside & {*link} for node in link}
        assert inside == {*part}


def test_parts_without_a_node_are_those_that_its_own_part_falls_into() -> None:
    chain = [(1, 2), (2, 3), (2, 4), (4, 5), (7, 8)]

    assert parts_without(2, range(1, 9), chain) == ((4, 5), (1,), (3,))
    assert parts_without(1, range(1, 9), chain) == ((2, 3, 4, 5),)
    assert parts_without(6, range(1, 9), chain) == ()
    with pytest.raises(ValueError, match="no node 10"):
        parts_without(10, range(1, 9), chain)
