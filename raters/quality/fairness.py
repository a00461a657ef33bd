"""Does a screen hit one group harder than the others? Rate ratios, and a word on many looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, isfinite, log, nan, sqrt
from typing import Final

from raters.quality.agreement import HALF_WIDTH

# One interval in twenty excludes 1 although nothing differs.
LEVEL: Final = 0.05
# Added to every cell of a table in which one is empty (Haldane 1956, Anscombe 1956).
CONTINUITY: Final = 0.5


@dataclass(frozen=True)
class Rate:
    """`hit` of `n` raters."""

    hit: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.hit <= self.n:
            raise ValueError(f"{self.hit} of {self.n} raters can't have been hit.")

    @property
    def share(self) -> float:
        """From 0 to 1; NaN without raters."""
        return self.hit / self.n if self.n else nan


@dataclass(frozen=True)
class RateRatio:
    """A group's rate over that of the rest, with its 95 % interval and two-sided p-value.

    NaN where one of the two has no raters, or nobody was hit: there is nothing to compare.
    """

    group: Rate
    rest: Rate
    ratio: float
    low: float
    high: float
    p_value: float

    @property
    def is_flagged(self) -> bool:
        """Whether the interval excludes 1."""
        return self.low > 1 or self.high < 1


def rate_ratio(group: Rate, rest: Rate) -> RateRatio:
    """The ratio of two rates with the log-normal interval of Katz et al. (1978).

    Katz, Baptista, Azen and Pike (1978), Obtaining confidence intervals for the risk ratio in
    cohort studies, Biometrics 34:469-474: the logarithm has the variance
    1/x₁ − 1/n₁ + 1/x₂ − 1/n₂. Where one of the table's four cells is empty, ½ is added to each.
    """
    if not (group.n and rest.n and group.hit + rest.hit):
        return RateRatio(group, rest, nan, nan, nan, nan)
    cells = (group.hit, group.n - group.hit, rest.hit, rest.n - rest.hit)
    more = 0.0 if all(cells) else CONTINUITY
    hit, n = group.hit + more, group.n + 2 * more
    rest_hit, rest_n = rest.hit + more, rest.n + 2 * more
    centre = log(hit / n) - log(rest_hit / rest_n)
    sd = sqrt(1 / hit - 1 / n + 1 / rest_hit - 1 / rest_n)
    half = HALF_WIDTH * sd
    p_value = erfc(abs(centre) / sd / sqrt(2))
    return RateRatio(group, rest, exp(centre), exp(centre - half), exp(centre + half), p_value)


def holm(p_values: Sequence[float], *, level: float = LEVEL) -> tuple[bool, ...]:
    """Which of many findings stand if none may be chance with more than `level` probability.

    Holm (1979), A simple sequentially rejective multiple test procedure. A NaN is no test: it
    stands for nothing, and makes no other harder.
    """
    tests = sorted((p, i) for i, p in enumerate(p_values) if isfinite(p))
    stands = [False] * len(p_values)
    for rank, (p, i) in enumerate(tests):
        if p > level / (len(tests) - rank):
            break
        stands[i] = True
    return tuple(stands)


def flags_by_chance(ratios: Sequence[RateRatio]) -> float:
    """How many of these ratios would be flagged on average if no group differed."""
    return LEVEL * sum(isfinite(ratio.p_value) for ratio in ratios)
