"""Where a judge can be asked, and where it can't: its agreement by topic, dimension, contestant."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from leaderboards.comparison.agreement import people_with_people
from leaderboards.comparison.figures import (
    Figure,
    benjamini_hochberg,
    difference_of,
    p_value_of,
    share_of,
)
from leaderboards.comparison.items import NO_OUTCOME, BoolArray, Items, Judged, Votes, total
from leaderboards.comparison.scenarios import Scenario
from leaderboards.ranking.outcomes import FloatArray

FALSE_PART: Final = 0.05


@dataclass(frozen=True)
class Domain:
    """How often the judge says in a scenario what a person says: `agreement`, by vote.

    `against_elsewhere` is by how much that is more than in all else, with `q_value` of no
    difference by Benjamini and Hochberg. `people` is how often a person says there what another
    one does: where that is low too, it is the domain that is hard.
    """

    axis: str
    name: str
    agreement: Figure
    against_elsewhere: Figure
    people: Figure
    q_value: float

    @property
    def is_worse(self) -> bool:
        """Whether the judge agrees less here than elsewhere, all domains taken into account."""
        return self.q_value < FALSE_PART and self.against_elsewhere.value < 0


def compare_domains(
    items: Items, votes: Votes, judged: Judged, scenarios: Sequence[Scenario]
) -> tuple[Domain, ...]:
    """Compare each scenario with all that is outside of it, the worst first."""
    says = judged.says(items)
    known = says[votes.item] != NO_OUTCOME
    agrees = known & (votes.outcome == says[votes.item])
    found = []
    for scenario in scenarios:
        inside = np.ones(len(votes.item), bool)
        if scenario.votes is not None:
            inside &= scenario.votes
        if scenario.items is not None:
            inside &= scenario.items[votes.item]
        here = [_by_item(items, votes, each & inside) for each in (agrees, known)]
        elsewhere = [_by_item(items, votes, each & ~inside) for each in (agrees, known)]
        found.append(
            Domain(
                axis=scenario.axis,
                name=scenario.name,
                agreement=share_of(*here),
                against_elsewhere=difference_of(*here, *elsewhere),
                people=people_with_people(votes.only(inside).counts(items)),
                q_value=np.nan,
            )
        )
    q_values = benjamini_hochberg(
        np.array([p_value_of(each.against_elsewhere) for each in found], float)
    )
    tested = [replace(each, q_value=float(q)) for each, q in zip(found, q_values, strict=True)]
    return tuple(sorted(tested, key=_worst_first))


def _worst_first(domain: Domain) -> tuple[float, str, str]:
    value = domain.against_elsewhere.value
    return (value if np.isfinite(value) else np.inf, domain.axis, domain.name)


def _by_item(items: Items, votes: Votes, which: BoolArray) -> FloatArray:
    return total(votes.item[which], len(items))
