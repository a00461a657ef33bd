"""All that is known of one judge beside people, as one report card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaderboards.comparison.agreement import Agreement, compare
from leaderboards.comparison.biases import Biases, find_biases
from leaderboards.comparison.certainty import Certainty, calibrate_certainty
from leaderboards.comparison.consistency import Consistency, consistency
from leaderboards.comparison.domains import Domain, compare_domains
from leaderboards.comparison.figures import Figure, share_of
from leaderboards.comparison.items import BoolArray, Items, Judged, Votes
from leaderboards.comparison.orders import RESAMPLES, Orders, compare_orders
from leaderboards.comparison.reliability import Reliability, estimate_reliability
from leaderboards.comparison.scenarios import Gap, Scenario, gap_table, pair_scores
from leaderboards.comparison.similarity import Similarities, compare_preferences
from leaderboards.ranking.outcomes import FloatArray


@dataclass(frozen=True)
class Price:
    """What a verdict takes: its mean cost in US dollars and its median seconds.

    NaN where no verdict says; `priced` and `timed` count those that do.
    """

    cost: float
    seconds: float
    priced: int
    timed: int


@dataclass(frozen=True)
class Setting:
    """What a report card is about beside the verdicts: all of it may be left out.

    `developers` (K,) of the contestants and `judge_developer`; `groups` by name, which of the M
    votes are theirs; `scenarios` for gaps and domains; `canaries` (C,), whether the judge let no
    canary win; `others`, other judges of the same items.
    """

    developers: Sequence[str] = ()
    judge_developer: str = ""
    groups: Mapping[str, BoolArray] = field(default_factory=dict)
    scenarios: Sequence[Scenario] = ()
    canaries: BoolArray = field(default_factory=lambda: np.zeros(0, bool))
    others: Sequence[Judged] = ()


@dataclass(frozen=True)
class ReportCard:
    """A judge beside people: what it agrees on, what sways it, and what it costs.

    `certainty` is None of a judge that states none. `domains` has the worst first, `gaps` those
    that are surely largest, one for each scenario and contestant. `canaries` is the share that
    did not win.
    """

    agreement: Agreement
    orders: Orders
    biases: Biases
    consistency: Consistency
    certainty: Certainty | None
    reliability: Reliability
    similarities: Similarities
    domains: tuple[Domain, ...]
    gaps: tuple[Gap, ...]
    canaries: Figure
    price: Price


def report_card(
    items: Items,
    votes: Votes,
    judged: Judged,
    setting: Setting | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> ReportCard:
    """Make one judge's report card, of items on one dimension, or on several taken together.

    `resamples` are of what has to be fitted or ranked anew for each.
    """
    given = setting or Setting()
    states = bool(np.isfinite(judged.certainty).any())
    passed = given.canaries.astype(float)
    return ReportCard(
        agreement=compare(items, votes, judged, seed=seed),
        orders=compare_orders(items, votes, judged, seed=seed, resamples=resamples),
        biases=find_biases(
            items,
            votes,
            judged,
            developers=given.developers,
            judge_developer=given.judge_developer,
            seed=seed,
        ),
        consistency=consistency(items, judged),
        certainty=calibrate_certainty(items, votes, judged, seed=seed) if states else None,
        reliability=estimate_reliability(items, votes, judged, others=given.others, seed=seed),
        similarities=compare_preferences(
            items, votes, judged, given.groups, seed=seed, resamples=resamples
        ),
        domains=compare_domains(items, votes, judged, given.scenarios),
        gaps=gap_table(
            pair_scores(items, votes, judged), given.scenarios, contestants=len(items.contestants)
        ),
        canaries=share_of(passed, np.ones(len(passed))),
        price=price_of(judged.cost, judged.seconds),
    )


def price_of(cost: FloatArray, seconds: FloatArray) -> Price:
    """What verdicts (N,) took, those of which it is known."""
    cost, seconds = _known(cost), _known(seconds)
    return Price(
        cost=float(cost.mean()) if len(cost) else np.nan,
        seconds=float(np.median(seconds)) if len(seconds) else np.nan,
        priced=len(cost),
        timed=len(seconds),
    )


def _known(values: FloatArray) -> FloatArray:
    known: FloatArray = values[np.isfinite(values)]
    return known
