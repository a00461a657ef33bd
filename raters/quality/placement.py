"""Where a rater meets which attention check: drawn by seed, and thus never stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final

FIRST_BATTLE: Final = 1


@dataclass(frozen=True, slots=True)
class Item:
    """A check among the dimensions of a battle: it stands after so many of them, at least one."""

    check: int
    battle: int
    after: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one rater's checks come; her battles count from 1, those that are checks among them.

    `gold` names the check and the broken side, "a" or "b", by the battle's number. The last
    battle shows battle `repeated` again, where that is not None.
    """

    battles: int
    items: tuple[Item, ...]
    gold: Mapping[int, tuple[int, str]]
    repeated: int | None

    def is_repeat(self, battle: int) -> bool:
        """Whether the battle of this number is an earlier one, shown again."""
        return self.repeated is not None and battle == self.battles

    def items_in(self, battle: int) -> tuple[Item, ...]:
        """The items in the battle of this number, in the order in which they stand."""
        return tuple(item for item in self.items if item.battle == battle)


def place_checks(
    seed: str,
    *,
    battles: int,
    dimensions: int,
    items: Sequence[int],
    gold: Sequence[int],
    has_repeat: bool,
) -> Placement:
    """Draw where a rater's checks come; the same seed draws the same places.

    `battles`, one at least, are those that count; `dimensions` how many each asks about; `items`
    and `gold` name checks. Items stand in battles that count, spread over them, and never before
    the first dimension. A gold battle is never the first; the repeated one is one that counts,
    and where there are several not the last of these, which is still fresh in her mind.
    """
    # No secrets hang on this. Hashed, so that neighbouring ids draw nothing alike.
    chance = Random(int.from_bytes(sha256(seed.encode()).digest()))  # noqa: S311
    talked = battles + len(gold)
    places = sorted(chance.sample(range(FIRST_BATTLE + 1, talked + 1), len(gold)))
    broken = {
        place: (check, chance.choice("ab"))
        for place, check in zip(places, chance.sample(gold, len(gold)), strict=True)
    }
    counting = [number for number in range(FIRST_BATTLE, talked + 1) if number not in broken]
    repeated = chance.choice(counting[:-1] or counting) if has_repeat else None
    return Placement(
        battles=talked + has_repeat,
        items=_place_items(chance, items, counting, dimensions),
        gold=broken,
        repeated=repeated,
    )


def _place_items(
    chance: Random, items: Sequence[int], battles: Sequence[int], dimensions: int
) -> tuple[Item, ...]:
    """No battle has two items while another has none."""
    order = chance.sample(battles, len(battles))
    placed = [
        Item(check, order[at % len(order)], chance.randint(1, max(1, dimensions)))
        for at, check in enumerate(chance.sample(items, len(items)))
    ]
    return tuple(sorted(placed, key=lambda item: (item.battle, item.after, item.check)))
