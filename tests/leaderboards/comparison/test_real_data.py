"""Figures that others published of judges and people, computed anew; and the benchmark in small."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from django.core.management.base import CommandError
from scipy import stats

from hustings.benchmarks import judges
from hustings.benchmarks.judge_data import GPT_3, GPT_4, read_llmfao, read_llmfao_developers
from leaderboards.comparison.agreement import compare
from leaderboards.comparison.orders import compare_orders
from leaderboards.comparison.report_card import Setting, report_card
from leaderboards.comparison.scenarios import Scenario
from tests.data import data_file


def _folder(*names: str) -> Path:
    """The data folder, if it holds these files."""
    found = [data_file(name) for name in names]
    return found[0].parents[1]


@pytest.fixture(scope="module")
def llmfao() -> Path:
    files = ("human.csv.gz", "judges.csv.gz", "responses.jsonl.gz", "models.csv")
    return _folder(*(f"llmfao/{name}" for name in files))


# Published of the whole set, of which seven tenths are here: so much it may differ by chance.
@pytest.mark.parametrize(
    ("judge", "spearman", "agreement", "kappa", "on_sides"),
    [(GPT_4, 0.731, 0.446, 0.218, 0.661), (GPT_3, 0.716, 0.377, 0.102, 0.616)],
)
def test_judges_of_llmfao_agree_with_people_as_was_published(
    llmfao: Path, judge: str, spearman: float, agreement: float, kappa: float, on_sides: float
) -> None:
    data = read_llmfao(llmfao)
    judged = data.judges[judge]

    found = compare(data.items, data.votes, judged)
    orders = compare_orders(data.items, data.votes, judged, shared=False, resamples=0)

    assert orders.spearman.value == pytest.approx(spearman, abs=0.03)
    assert orders.spearman.n == 59
    assert found.with_majority.value == pytest.approx(agreement, abs=0.02)
    assert found.kappa.value == pytest.approx(kappa, abs=0.025)
    assert found.on_sides.value == pytest.approx(on_sides, abs=0.025)
    # People agree with each other far more than any judge with them.
    assert found.people_with_others.low > found.with_others.high


def test_a_card_of_llmfao_knows_the_judges_by_their_ways(llmfao: Path) -> None:
    data = read_llmfao(llmfao)
    developers = read_llmfao_developers(llmfao, data.items.contestants)
    seen = data.votes.counts(data.items).any(axis=1)
    topics = [
        Scenario("topic", topic, items=np.array(data.topic) == topic)
        for topic in sorted(set(data.topic))
    ]
    setting = Setting(developers, "OpenAI", scenarios=topics)

    gpt4, gpt3 = (
        report_card(
            data.items,
            data.votes,
            data.judges[judge].only(seen[data.judges[judge].item]),
            setting,
            resamples=20,
        )
        for judge in (GPT_4, GPT_3)
    )

    assert gpt3.biases.position.first_of_all.value == pytest.approx(0.63, abs=0.02)
    assert gpt3.biases.position.first.low > 0.6
    assert gpt4.biases.position.first.high < 0.5
    assert gpt3.biases.length.log_odds.low > 0
    assert gpt4.biases.family is not None
    assert gpt4.biases.family.beyond.low > 0.2
    assert gpt4.reliability.area > 0.58
    assert gpt4.reliability.curve.error < 0.03
    assert any(domain.is_worse for domain in gpt4.domains)


def test_published_figures_are_reproduced() -> None:
    folder = _folder(
        *(
            f"judges/{name}"
            for name in (
                "pandalm.jsonl.gz",
                "llmbar_items.jsonl.gz",
                "llmbar_votes.csv.gz",
                "dialogue_dimensions.jsonl.gz",
            )
        )
    )

    found = judges.measure_published(folder)

    published = {"judge_gpt35": 0.693, "judge_pandalm7b": 0.668}
    for judge, share in published.items():
        assert found.pandalm[judge].value == pytest.approx(share, abs=0.02)
    for name, share in {"natural": 0.955, "adversarial": 0.81, "order_consistency": 0.928}.items():
        assert found.llmbar[name].low < share < found.llmbar[name].high
    # Zhong et al. (2022), Towards a unified multi-dimensional evaluator for text generation, on
    # Topical-Chat; nothing is held out of this set.
    for dimension, rho in {
        "naturalness": 0.514,
        "coherence": 0.613,
        "engagingness": 0.605,
        "groundedness": 0.575,
    }.items():
        assert found.dialogue[dimension][1].value == pytest.approx(rho, abs=0.0006)


def test_routing_reaches_peoples_order_with_half_of_their_votes(llmfao: Path) -> None:
    found = judges.measure_routing(read_llmfao(llmfao), seeds=range(2))

    assert found.spearman_at_half >= 0.95
    assert found.spearman_at_half > found.random_spearman_at_half
    assert found.random_spearman_at_half > found.people_only_spearman_at_half
    single = next(each for each in found.one_vote_each if each.share == 0.5)
    assert single.routed.value > single.random.value + 0.02


def test_a_cascade_of_llmfaos_judges_saves_people(llmfao: Path) -> None:
    found = judges.measure_cascade(read_llmfao(llmfao))

    assert found.people_saved > 0.15
    person = found.alone[-1]
    assert all(judge.accuracy.high < person.accuracy.low for judge in found.alone[:-1])


def test_the_benchmark_prints_the_keys_that_are_asked_for(llmfao: Path) -> None:
    data = read_llmfao(llmfao)
    developers = read_llmfao_developers(llmfao, data.items.contestants)

    found = asdict(judges.measure_llmfao(data, developers, resamples=5))

    assert list(found)[:4] == [
        "gpt4_spearman",
        "gpt35_spearman",
        "gpt4_pair_agreement",
        "gpt35_left_share",
    ]
    orders = compare_orders(data.items, data.votes, data.judges[GPT_4], resamples=0)
    there = np.isfinite(orders.people) & np.isfinite(orders.judge)
    expected = stats.spearmanr(orders.people[there], orders.judge[there]).statistic
    assert found["judges"][GPT_4]["spearman"]["value"] == pytest.approx(expected)


def test_a_missing_folder_or_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no folder"):
        judges.run(data=tmp_path / "nowhere")
    with pytest.raises(CommandError, match=r"no file .*human\.csv\.gz"):
        judges.run(data=tmp_path)
