"""Rankings of real people's verdicts whose order is known."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass

import choix
import numpy as np
import pytest
from scipy.stats import spearmanr

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray, count_outcomes
from leaderboards.ranking.ratings import RatingPrior, fit_ratings, plain_means
from leaderboards.ranking.scores import RatingInput, count_ratings
from leaderboards.ranking.trueskill import (
    DEFAULTS,
    draw_margin,
    estimate_draw_probability,
    fold,
)
from tests.data import data_file

LANGUAGE_PAIRS = ["deu-eng", "ron-eng"]


@dataclass(frozen=True)
class Comparisons:
    """Verdicts (N,) on named contestants, in the order of the file."""

    names: list[str]
    a: IntArray
    b: IntArray
    outcome: IntArray

    @property
    def counts(self) -> FloatArray:
        return count_outcomes(self.a, self.b, self.outcome, contestants=len(self.names))


def _rows(name: str) -> list[dict[str, str]]:
    path = data_file(name)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


def _comparisons(verdicts: Sequence[tuple[str, str, int]]) -> Comparisons:
    names = sorted({name for a, b, _ in verdicts for name in (a, b)})
    place = {name: k for k, name in enumerate(names)}
    rows = [(place[a], place[b], outcome) for a, b, outcome in verdicts if a != b]
    return Comparisons(names, *np.array(rows).T)


def _people() -> Comparisons:
    code = {"left": A_WINS, "tie": TIE, "right": B_WINS}
    rows = _rows("llmfao/human.csv.gz")
    return _comparisons([(r["model_x"], r["model_y"], code[r["winner"]]) for r in rows])


def _translations(pair: str) -> Comparisons:
    return _comparisons(
        [
            (r["system_1"], r["system_2"], 1 + int(np.sign(int(r["rank_1"]) - int(r["rank_2"]))))
            for r in _rows(f"wmt16/{pair}.csv.gz")
        ]
    )


def _official(pair: str) -> tuple[dict[str, float], dict[str, int]]:
    """Official TrueSkill scores and clusters by system."""
    rows = _rows(f"wmt16/{pair}.official.csv")
    scores = {r["system"]: float(r["trueskill"]) for r in rows}
    return scores, {r["system"]: int(r["cluster"]) for r in rows}


def test_people_order_chat_models_as_an_independent_bradley_terry_does() -> None:
    people = _people()
    wins = np.zeros((len(people.names),) * 2)
    for a, b, outcome in zip(people.a, people.b, people.outcome, strict=True):
        wins[a, b] += {A_WINS: 1, TIE: 0.5, B_WINS: 0}[int(outcome)]
        wins[b, a] += {A_WINS: 0, TIE: 0.5, B_WINS: 1}[int(outcome)]
    independent = choix.ilsr_pairwise_dense(wins, alpha=1e-3)

    fit = fit_davidson(people.counts)

    assert spearmanr(fit.skill, independent).statistic >= 0.99


@pytest.mark.parametrize("pair", LANGUAGE_PAIRS)
def test_davidson_orders_translation_systems_as_the_official_trueskill(pair: str) -> None:
    data = _translations(pair)
    scores, clusters = _official(pair)
    fit = fit_davidson(data.counts)
    skill = {name: s for name, s in zip(data.names, fit.skill, strict=True) if name in scores}

    assert sorted(skill) == sorted(scores)
    order = list(skill)
    correlation = spearmanr([skill[s] for s in order], [scores[s] for s in order]).statistic
    swapped = [
        (better, worse)
        for better in order
        for worse in order
        if clusters[better] < clusters[worse] and skill[better] < skill[worse]
    ]
    assert correlation >= 0.98
    assert swapped == []


@pytest.mark.parametrize("pair", LANGUAGE_PAIRS)
def test_one_pass_of_trueskill_comes_near_the_official_order(pair: str) -> None:
    data = _translations(pair)
    scores, _ = _official(pair)
    margin = draw_margin(estimate_draw_probability(data.counts), beta=DEFAULTS.beta)
    shape = (1, len(data.names))

    mu, _ = fold(
        np.full(shape, DEFAULTS.mu),
        np.full(shape, DEFAULTS.sigma),
        np.zeros(len(data.a), int),
        data.a,
        data.b,
        data.outcome,
        beta=np.array([DEFAULTS.beta]),
        margin=np.array([margin]),
    )

    official = [scores[name] for name in data.names]
    assert spearmanr(mu[0], official).statistic >= 0.93


# Of adults in the United States about as many lean to either party, and most to neither firmly.
PARTIES = np.array([0.14, 0.16, 0.40, 0.16, 0.14])


def _persuasion() -> RatingInput:
    """What people thought after a model's message, in quarters of a point, by their party."""
    rows = [r for r in _rows("persuasion/responses.csv.gz") if r["condition"] == "AI"]
    names = sorted({row["model"] for row in rows})
    assert len(names) == 24
    quarters = np.array([float(row["attitude"]) * 4 for row in rows])
    assert (quarters == np.rint(quarters)).all()
    return count_ratings(
        "attitude",
        np.arange(len(rows)),
        np.array([names.index(row["model"]) for row in rows]),
        quarters.astype(int),
        np.array([[int(row["party"]) for row in rows]]),
        contestants=len(names),
        groups=len(PARTIES),
    )


def test_attitudes_by_party_are_plain_means_drawn_together() -> None:
    given, prior = _persuasion(), RatingPrior(lowest=0, highest=400)
    fit = fit_ratings(given, axis=np.zeros(5, int), shares=PARTIES, prior=prior)
    # Nobody rated two: of raters' levels nothing is known.
    assert fit.rater_sd == 0
    n = given.ratings[1:]
    plain = given.sums.T / n
    groups = np.array([fit.of_group(g).mean for g in range(5)])
    kept = n * fit.tau[0] ** 2 / (n * fit.tau[0] ** 2 + fit.residual_sd**2)
    mu = fit.effect[:, 0]
    assert groups == pytest.approx(mu + kept * (plain - mu), abs=1e-6)
    # Where many of a party read a model, its mean there stays within its interval.
    assert (np.abs(groups - plain) * np.sqrt(n) / fit.residual_sd)[n > 300].max() < 1.96
    overall, plainly = fit.of_electorate(), plain_means(given, prior)
    assert spearmanr(overall.mean, plainly.mean).statistic > 0.98
