"""Real people's groups: how far they agree, and what speaks for all of them.

Of persuasion each respondent read one message by one of 24 models and said from 0 to 100 what
she thought of the issue. The attitudes are towards what the messages argue for: on each issue they
are higher after a model's message than with none. What a model moved is a rating, in quarters of
a point: the attitude after its message less the mean attitude of those of the same party who read
nothing on the same issue. Attitudes as they are would rate the parties, whose levels differ.

Of PRISM there are wins and appearances of 21 models by groups of raters, and no verdicts.
"""

import csv
import gzip
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from leaderboards.comparison.figures import spearman
from leaderboards.models import BoardRow
from leaderboards.pages.orders import Agreement, agreement, orders_of_groups
from leaderboards.ranking.outcomes import FloatArray, IntArray
from leaderboards.ranking.ratings import RatingFit, RatingPrior, fit_ratings
from leaderboards.ranking.scores import count_ratings
from leaderboards.ranking.uncertainty import HALF_WIDTH
from tests.data import data_file

PARTIES = ("Democrat", "Independent", "Republican")
# 0 and 1 call themselves Democrats, 2 neither, 3 and 4 Republicans.
PARTY_OF = np.array([0, 0, 1, 2, 2])
QUARTERS = 4
RESAMPLES = 80


def _rows(name: str) -> list[dict[str, str]]:
    path = data_file(name)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


# Persuasion: a rating each, by party


@dataclass(frozen=True)
class Read:
    """N people who read a model's message: which model and party, the attitude, what it moved.

    `attitude` and `moved` are in points. `size` (K,) holds a model's parameters in billions, NaN
    where its makers do not say.
    """

    models: tuple[str, ...]
    size: FloatArray
    model: IntArray
    party: IntArray
    attitude: FloatArray
    moved: FloatArray
    by_issue: dict[str, float]

    def means(self, people: IntArray) -> FloatArray:
        """The mean of what each model moved among these people, (K,)."""
        number = len(self.models)
        counted = np.bincount(self.model[people], minlength=number)
        means: FloatArray = np.bincount(self.model[people], self.moved[people], number) / counted
        return means

    def fit(self, points: FloatArray, people: IntArray) -> RatingFit:
        """The ratings of these people, weighted to the parties' shares of the country."""
        given = count_ratings(
            "moved",
            np.arange(len(people)),
            self.model[people],
            np.rint(points[people] * QUARTERS).astype(int),
            self.party[people][np.newaxis],
            contestants=len(self.models),
            groups=len(PARTIES),
        )
        prior = RatingPrior(lowest=-100 * QUARTERS, highest=100 * QUARTERS)
        return fit_ratings(given, axis=np.zeros(len(PARTIES), int), shares=_gallup(), prior=prior)


@cache
def _read() -> Read:
    rows = [r for r in _rows("persuasion/responses.csv.gz") if r["condition"] != "human"]
    issue = np.array([r["issue"] for r in rows])
    party = PARTY_OF[[int(r["party"]) for r in rows]]
    attitude = np.array([float(r["attitude"]) for r in rows])
    is_read = np.array([r["condition"] == "AI" for r in rows])
    moved = np.zeros(len(rows))
    by_issue = {}
    for name in np.unique(issue):
        on_issue = issue == name
        control = attitude[on_issue & ~is_read].mean()
        by_issue[str(name)] = float(attitude[on_issue & is_read].mean() - control)
        for p in range(len(PARTIES)):
            here = on_issue & (party == p)
            moved[here] = attitude[here] - attitude[here & ~is_read].mean()
    models = sorted({r["model"] for r, read in zip(rows, is_read, strict=True) if read})
    size = {r["model"]: float(r["params_billion"] or "nan") for r in rows}
    read_by = [row["model"] for row, read in zip(rows, is_read, strict=True) if read]
    return Read(
        models=tuple(models),
        size=np.array([size[name] for name in models]),
        model=np.array([models.index(name) for name in read_by]),
        party=party[is_read],
        attitude=attitude[is_read],
        moved=moved[is_read],
        by_issue=by_issue,
    )


def _gallup() -> FloatArray:
    """What Americans called themselves in 2024, by Gallup, without those who said neither."""
    percent = {
        row["party"]: float(row["percent"])
        for row in _rows("census/party_shares_published.csv")
        if (row["country"], row["year"], row["measure"]) == ("US", "2024", "identify")
    }
    shares = np.array([percent[party] for party in PARTIES])
    weights: FloatArray = shares / shares.sum()
    return weights


def test_on_each_issue_people_think_more_of_what_a_message_argues_for() -> None:
    read = _read()
    assert len(read.models) == 24
    assert len(read.by_issue) == 10
    assert min(read.by_issue.values()) > 0
    assert read.moved.mean() == pytest.approx(7.1, abs=0.3)


def test_parties_order_models_about_as_alike_as_halves_of_one_party_do() -> None:
    read, rng = _read(), np.random.default_rng(0)
    people = [np.flatnonzero(read.party == p) for p in range(len(PARTIES))]
    whole = [read.means(each) for each in people]
    between = [spearman(whole[p], whole[q]) for p, q in combinations(range(3), 2)]
    # Respondents drawn again give .0 to .6 for each: the data say no more than that.
    assert between == pytest.approx([0.39, 0.41, 0.41], abs=0.02)
    inside, across = [], []
    for _ in range(100):
        halves = [np.array_split(rng.permutation(each), 2) for each in people]
        means = [[read.means(half) for half in two] for two in halves]
        inside.append(np.mean([spearman(one, other) for one, other in means]))
        pairs = combinations(range(3), 2)
        across.append(np.mean([spearman(means[p][0], means[q][1]) for p, q in pairs]))
    assert np.mean(inside) == pytest.approx(np.mean(across), abs=0.12)


def test_so_the_engine_gives_all_parties_one_order_that_is_theirs_together() -> None:
    read = _read()
    fit = read.fit(read.moved, np.arange(len(read.model)))
    assert fit.tau[0] / QUARTERS < 0.5
    overall = fit.of_electorate().mean
    for group in range(len(PARTIES)):
        assert spearman(fit.of_group(group).mean, overall) > 0.95
    # One party alone tells half of it, and all together more.
    for p in range(len(PARTIES)):
        alone = read.means(np.flatnonzero(read.party == p))
        assert 0.5 < spearman(alone, overall) < 0.9


def test_the_weighted_order_lies_between_those_of_the_parties() -> None:
    read = _read()
    fit = read.fit(read.attitude, np.arange(len(read.model)))
    groups = np.array([fit.of_group(g).mean for g in range(len(PARTIES))])
    overall = fit.of_electorate().mean
    assert fit.tau[0] / QUARTERS > 1, "the parties' levels differ, if their orders do not"
    assert overall == pytest.approx(_gallup() @ groups)
    assert (groups.min(axis=0) <= overall).all()
    assert (overall <= groups.max(axis=0)).all()
    for group, others in ((g, [h for h in range(3) if h != g]) for g in range(3)):
        nearest = max(spearman(groups[group], groups[other]) for other in others)
        assert spearman(groups[group], overall) >= nearest


def test_larger_models_move_people_further() -> None:
    read, rng = _read(), np.random.default_rng(0)
    known = np.isfinite(read.size)
    assert known.sum() == 22

    def correlation(people: IntArray) -> float:
        moved = read.fit(read.moved, people).of_electorate().mean
        return spearman(np.log(read.size[known]), moved[known])

    everybody = len(read.model)
    assert correlation(np.arange(everybody)) == pytest.approx(0.79, abs=0.02)
    drawn = [correlation(rng.integers(0, everybody, everybody)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert low > 0.5
    assert high < 0.9


# PRISM: wins by age, and by gender


@dataclass(frozen=True)
class WinRates:
    """Wins and appearances of K models in G groups, (G, K) each."""

    groups: tuple[str, ...]
    wins: FloatArray
    of: FloatArray

    def between(self) -> FloatArray:
        """Spearman's correlation of the groups' win rates, (G, G)."""
        rates = self.wins / self.of
        return np.array([[spearman(one, other) for other in rates] for one in rates])

    def against_everybody(self, group: str) -> Agreement:
        """A group's order beside everybody's, by the code that compares tables of a board."""
        g = self.groups.index(group)
        everybody = _table(self.wins.sum(axis=0), self.of.sum(axis=0))
        found = agreement(*orders_of_groups(everybody, [_table(self.wins[g], self.of[g])]))
        assert found is not None
        return found


def _table(wins: FloatArray, of: FloatArray) -> list[BoardRow]:
    """Models as a board holds them: log-odds of winning, each with its 95 % interval."""
    lost = of - wins
    score = np.log((wins + 0.5) / (lost + 0.5))
    half = HALF_WIDTH * np.sqrt(1 / (wins + 0.5) + 1 / (lost + 0.5))
    return [
        BoardRow(contestant_id=k, score=s, score_low=s - h, score_high=s + h, is_provisional=False)
        for k, (s, h) in enumerate(zip(score, half, strict=True))
    ]


def _win_rates(demo: str) -> WinRates:
    rows = [row for row in _rows("prism/group_win_rates.csv") if row["demo"] == demo]
    groups = tuple(sorted({row["group"] for row in rows}))
    models = sorted({row["model"] for row in rows})
    found = {(row["group"], row["model"]): (int(row["wins"]), int(row["apps"])) for row in rows}
    wins, of = np.array([[found[g, m] for m in models] for g in groups], float).transpose(2, 0, 1)
    assert len(models) == 21
    return WinRates(groups, wins, of)


def test_ages_order_models_much_alike_and_the_oldest_furthest_off() -> None:
    ages = _win_rates("age")
    between = ages.between()
    pairs = between[np.triu_indices(len(ages.groups), 1)]
    assert (pairs.min(), pairs.max()) == pytest.approx((0.79, 0.96), abs=0.005)
    with_others = (between.sum(axis=1) - 1) / (len(ages.groups) - 1)
    assert ages.groups[int(np.argmin(with_others))] == "65+ years old"


def test_that_the_oldest_are_furthest_off_is_no_chance_of_who_was_asked() -> None:
    ages, rng = _win_rates("age"), np.random.default_rng(0)
    furthest = []
    for _ in range(RESAMPLES):
        drawn = rng.beta(ages.wins + 1, ages.of - ages.wins + 1)
        again = WinRates(ages.groups, drawn, np.ones_like(drawn)).between()
        furthest.append(int(np.argmin(again.sum(axis=1))))
    assert np.mean(np.array(furthest) == ages.groups.index("65+ years old")) > 0.9


def test_the_board_s_comparison_finds_the_oldest_apart_and_not_the_few() -> None:
    """A small group's order is further from everybody's, and may be so by chance alone."""
    ages, genders = _win_rates("age"), _win_rates("gender")
    oldest = ages.against_everybody("65+ years old")
    assert oldest.is_more_than_noise
    assert oldest.seen == min(ages.against_everybody(age).seen for age in ages.groups)
    few = genders.against_everybody("Non-binary / third gender")
    assert few.seen < oldest.seen
    assert not few.is_more_than_noise
    assert few.high - few.low > oldest.high - oldest.low
