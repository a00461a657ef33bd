"""How far machine raters agree with people, on real data, and how few people a ranking takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from django.core.management.base import CommandError

from hustings.benchmarks import judge_faults
from hustings.benchmarks.judge_data import (
    GPT_3,
    GPT_4,
    Compared,
    read_dialogue_ratings,
    read_llmbar,
    read_llmfao,
    read_llmfao_developers,
    read_pandalm,
)
from hustings.benchmarks.judge_faults import Faults
from hustings.benchmarks.scorer import ScorerFigures, measure_scorer
from hustings.benchmarks.screens import DATA
from leaderboards.comparison.agreement import Agreement, compare
from leaderboards.comparison.biases import find_biases
from leaderboards.comparison.cascade import Point, Stage, accuracy_by_cost
from leaderboards.comparison.consistency import consistency
from leaderboards.comparison.figures import Figure, share_of
from leaderboards.comparison.items import NO_OUTCOME, Judged, leading, total
from leaderboards.comparison.orders import RESAMPLES, compare_orders
from leaderboards.comparison.rated import Rated
from leaderboards.comparison.ratings import compare_ratings
from leaderboards.comparison.reliability import estimate_reliability
from leaderboards.comparison.routing_curve import Reached, replay
from leaderboards.ranking.outcomes import FloatArray, IntArray

SEEDS: Final = 20
VERDICTS: Final = 10_000
SHARES: Final = (0.25, 0.5, 0.75)
HALF: Final = 0.5
# In US dollars: two judges asked once, and a minute or two of a person's time.
PRICES: Final = (0.001, 0.02, 0.5)
# Less accuracy than a person's by which a cascade is as good as one.
WITHIN: Final = 0.02
LLMBAR_JUDGE: Final = ("GPT-4", "Vanilla")


@dataclass(frozen=True)
class JudgeFigures:
    """One judge of llmfao: figures on the items that people compared, too, but for the first.

    `spearman_by_all` orders contestants by all that the judge said, `spearman` by those items.
    `left_share` is of all its verdicts there, ties included. `beyond_people` are shares and
    log-odds beyond people's: of longer answers, and of points of its developer's contestants.
    """

    spearman_by_all: Figure
    spearman: Figure
    kendall: Figure
    people_ceiling: float
    agreement: Agreement
    left_share: Figure
    longer_log_odds_beyond_people: Figure
    own_points_beyond_people: Figure | None
    reliability_area: float
    reliability_error: float


@dataclass(frozen=True)
class LlmfaoFigures:
    """Two judges beside a crowd. The first four keys repeat the figures that were published.

    Spearman's correlations are between people's order of 59 chat models, by Davidson's model of
    all their votes, and a judge's by all that it said. Pair agreement is with the outcome that
    leads among people, where one does, three outcomes counting. The left share is of all verdicts
    on the pairs that people compared.
    """

    gpt4_spearman: float
    gpt35_spearman: float
    gpt4_pair_agreement: float
    gpt35_left_share: float
    judges: dict[str, JudgeFigures]


@dataclass(frozen=True)
class RoutingFigures:
    """How near to people's order of llmfao's chat models one comes with half of their votes.

    Spearman's correlation with the order by all people's votes. Half of these votes are asked for:
    where they are worth most, or drawn; two judges stand in for the other half, by a model that is
    learned from the votes that were asked for, and from no other. These are a part of the votes
    that make the order. Means over seeds.

    `held_out` leaks nothing: one half of the votes, drawn, can be asked for, and the order to be
    reached is that of the other half; at share 1 it is how far two halves of people agree.
    `one_vote_each` is of one vote of each item, drawn, and of the order of these: as in a study,
    where a battle is the conversation of one rater.
    """

    spearman_at_half: float
    random_spearman_at_half: float
    people_only_spearman_at_half: float
    points: tuple[Reached, ...]
    held_out: tuple[Reached, ...]
    one_vote_each: tuple[Reached, ...]
    seeds: int


@dataclass(frozen=True)
class CascadeFigures:
    """GPT-3.5, then GPT-4, then a person, at assumed prices in US dollars for an item.

    Accuracy is how often another person says the same. `people_saved` is the part of the items
    for which no person is asked by the cheapest cascade whose accuracy is at least a person's less
    .02, or 0 if there is none.
    """

    prices: tuple[float, float, float]
    people_saved: float
    curve: tuple[Point, ...]
    alone: tuple[Point, ...]


@dataclass(frozen=True)
class PublishedFigures:
    """Figures that others published, from their data: shares, and correlations by dimension.

    `pandalm` is each judge's agreement with people's majority, of all answers. Of `llmbar`, GPT-4
    asked plainly: the share of right verdicts, the mean over both orders, by natural and
    adversarial items, and that of items judged alike in both. `dialogue` is Pearson's and
    Spearman's correlation of an automatic score with people's mean rating.
    """

    pandalm: dict[str, Figure]
    llmbar: dict[str, Figure]
    dialogue: dict[str, tuple[Figure, Figure]]


@dataclass(frozen=True)
class JudgesFigures:
    """All figures."""

    llmfao: LlmfaoFigures
    routing: RoutingFigures
    cascade: CascadeFigures
    published: PublishedFigures
    scorer: ScorerFigures
    faults: Faults


def run(n: int = VERDICTS, *, data: Path = DATA, seeds: int = SEEDS) -> JudgesFigures:
    """Measure on the data folder, with `seeds` seeds, and `n` verdicts through a faulty server.

    CommandError if a file is missing.
    """
    if not data.is_dir():
        raise CommandError(f"There is no folder {data} with data to measure on; see --data.")
    try:
        llmfao = read_llmfao(data)
        return JudgesFigures(
            llmfao=measure_llmfao(llmfao, read_llmfao_developers(data, llmfao.items.contestants)),
            routing=measure_routing(llmfao, seeds=range(seeds)),
            cascade=measure_cascade(llmfao),
            published=measure_published(data),
            scorer=measure_scorer(data),
            faults=judge_faults.run(n),
        )
    except FileNotFoundError as error:
        raise CommandError(f"There is no file {error.filename} to measure on.") from error


def measure_llmfao(
    data: Compared, developers: Sequence[str], *, resamples: int = RESAMPLES
) -> LlmfaoFigures:
    """Both judges beside the crowd, with intervals of orders by so many `resamples`."""
    judges = {judge: _judge(data, judge, developers, resamples) for judge in (GPT_4, GPT_3)}
    gpt4, gpt35 = judges[GPT_4], judges[GPT_3]
    return LlmfaoFigures(
        gpt4_spearman=gpt4.spearman_by_all.value,
        gpt35_spearman=gpt35.spearman_by_all.value,
        gpt4_pair_agreement=gpt4.agreement.with_majority.value,
        gpt35_left_share=gpt35.left_share.value,
        judges=judges,
    )


def measure_routing(data: Compared, *, seeds: Sequence[int]) -> RoutingFigures:
    """Replay the crowd's votes by routing and by chance, both judges standing in."""
    judges = list(data.judges.values())
    reached = replay(data.items, data.votes, judges, seeds=seeds, shares=SHARES)
    drawn = np.random.default_rng(0).permutation(len(data.votes.item))
    half, other = (data.votes.only(some) for some in np.array_split(drawn, 2))
    single = data.votes.only(drawn[np.unique(data.votes.item[drawn], return_index=True)[1]])
    at_half = next(each for each in reached if each.share == HALF)
    return RoutingFigures(
        spearman_at_half=at_half.routed.value,
        random_spearman_at_half=at_half.random.value,
        people_only_spearman_at_half=at_half.people_only.value,
        points=reached,
        held_out=replay(
            data.items, half, judges, seeds=seeds, shares=(*SHARES, 1.0), reference=other
        ),
        one_vote_each=replay(data.items, single, judges, seeds=seeds, shares=SHARES),
        seeds=len(seeds),
    )


def measure_cascade(data: Compared) -> CascadeFigures:
    """Both judges in a cascade, the cheaper first, each one's doubt learned from the crowd."""
    items, votes = data.items, data.votes
    cheap, strong = (
        Stage(judged, estimate_reliability(items, votes, judged), price)
        for judged, price in zip((data.judges[GPT_3], data.judges[GPT_4]), PRICES, strict=False)
    )
    found = accuracy_by_cost(items, votes, (cheap, strong), person_cost=PRICES[-1])
    enough = found.alone[-1].accuracy.value - WITHIN
    saved = [1 - point.shares[-1] for point in found.curve if point.accuracy.value >= enough]
    return CascadeFigures(PRICES, saved[0] if saved else 0.0, found.curve, found.alone)


def _rated(people: FloatArray, machine: FloatArray, systems: IntArray) -> Rated:
    """Published means of people's ratings, as if one person had given them."""
    every = np.arange(len(people))
    names = [str(each) for each in np.unique(systems)]
    return Rated.of(names, systems, (every, np.zeros_like(every), people), machine)


def measure_published(folder: Path) -> PublishedFigures:
    """Recompute figures that were published with the data."""
    pandalm = read_pandalm(folder)
    systems, ratings = read_dialogue_ratings(folder)
    found = {
        dimension: compare_ratings(_rated(people, machine, systems))
        for dimension, (people, machine) in ratings.items()
    }
    return PublishedFigures(
        pandalm={
            judge: _with_majority(pandalm, judged) for judge, judged in pandalm.judges.items()
        },
        llmbar=_llmbar(folder),
        dialogue={name: (each.pearson, each.spearman) for name, each in found.items()},
    )


def _judge(data: Compared, judge: str, developers: Sequence[str], resamples: int) -> JudgeFigures:
    items, votes, judged = data.items, data.votes, data.judges[judge]
    orders, by_all = (
        compare_orders(items, votes, judged, shared=shared, resamples=resamples)
        for shared in (True, False)
    )
    seen = votes.counts(items).sum(axis=1) > 0
    biases = find_biases(
        items,
        votes,
        judged.only(seen[judged.item]),
        developers=developers,
        judge_developer="OpenAI",
    )
    reliability = estimate_reliability(items, votes, judged)
    return JudgeFigures(
        spearman_by_all=by_all.spearman,
        spearman=orders.spearman,
        kendall=orders.kendall,
        people_ceiling=orders.ceiling,
        agreement=compare(items, votes, judged),
        left_share=biases.position.first_of_all,
        longer_log_odds_beyond_people=biases.length.log_odds,
        own_points_beyond_people=biases.family.beyond if biases.family else None,
        reliability_area=reliability.area,
        reliability_error=reliability.curve.error,
    )


def _with_majority(data: Compared, judged: Judged) -> Figure:
    """How often a judge says what most people say, an answer that can't be read being wrong."""
    most = leading(data.votes.counts(data.items))
    led = most != NO_OUTCOME
    agrees = (judged.says(data.items) == most)[led]
    return share_of(agrees.astype(float), np.ones(len(agrees)))


def _llmbar(folder: Path) -> dict[str, Figure]:
    judge, strategy = LLMBAR_JUDGE
    data = read_llmbar(folder, judge=judge, strategy=strategy)
    judged = data.judges[judge]
    right = judged.outcome == data.votes.outcome[judged.item]
    is_natural = np.array([topic == "Natural" for topic in data.topic])[judged.item]
    found = {"order_consistency": consistency(data.items, judged).order}
    for name, some in (("natural", is_natural), ("adversarial", ~is_natural)):
        item, size = judged.item[some], len(data.items)
        found[name] = share_of(total(item, size, right[some].astype(float)), total(item, size))
    return found
