"""Who hangs together with whom by battles. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable

Part = tuple[int, ...]


def connected_parts(nodes: Iterable[int], links: Iterable[tuple[int, int]]) -> tuple[Part, ...]:
    """Parts within which links lead from everyone to everyone, if only by way of others.

    Links that touch anyone else than these nodes are passed over; who has none is a part alone.
    Each part is ascending; the largest comes first, and of one size the one that begins lower.
    """
    unseen = set(nodes)
    others = defaultdict(set)
    for one, other in links:
        if one in unseen and other in unseen:
            others[one].add(other)
            others[other].add(one)
    parts = []
    while unseen:
        part = reach = {min(unseen)}
        while reach:
            reach = set().union(*(others[node] for node in reach)) - part
            part = part | reach
        unseen -= part
        parts.append(tuple(sorted(part)))
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def parts_without(
    gone: int, nodes: Iterable[int], links: Collection[tuple[int, int]]
) -> tuple[Part, ...]:
    """The parts that a node's part falls into without it: several where it holds them together.

    Raises ValueError if `gone` is none of the nodes.
    """
    for part in connected_parts(nodes, links):
        if gone in part:
            return connected_parts([node for node in part if node != gone], links)
    raise ValueError(f"There is no node {gone}.")
