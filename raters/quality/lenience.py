"""Honest slips: so many flaws of a kind are only told to a reviewer before one strikes.

Measured by `hustings.benchmarks.screens`, whose honest raters slip as often as real people do: if
every flaw were a strike, .34 of them would have one; like this .006 do, and .95 of what the
careless do to the board is undone all the same.
"""

from collections.abc import Mapping
from typing import Final

from raters.quality.flaws import FlawKind

# Of 1,655 people 2.8 % failed one easy check: so one in ten fails one of four, and one in 250 two.
# The screen for drift finds 1.2 % of the messages of people who keep to their topic: a quarter of
# all raters have one, .2 % three. Some read fast now and then; who clicks through does it again.
# Nearly one in a hundred messages of small talk asks for a name, and means no harm.
# What has no number here is not done by accident.
FORGIVEN: Final[Mapping[FlawKind, int]] = {
    FlawKind.FAILED_CHECK: 1,
    FlawKind.DRIFT: 2,
    FlawKind.SPEEDING: 1,
    FlawKind.IDENTITY_PROBE: 1,
}


def is_forgiven(
    kind: FlawKind, *, earlier: int, forgiven: Mapping[FlawKind, int] = FORGIVEN
) -> bool:
    """Whether a flaw that could be a strike is none, being one of her first of this kind.

    `earlier` is how many of the kind were found before, forgiven ones and strikes alike.
    """
    return earlier < forgiven.get(kind, 0)
