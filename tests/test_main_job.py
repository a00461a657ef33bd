"""Real comparisons in, boards out: the votes of llmfao through every floor of the house."""

import csv
import gzip
from io import StringIO
from pathlib import Path

import choix
import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from scipy.stats import spearmanr

from leaderboards.models import Board
from studies.models import Study
from tests.data import data_file

pytestmark = pytest.mark.django_db

OUTCOMES = {"left": "a", "right": "b", "tie": "tie"}


def command(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def votes() -> list[dict[str, str]]:
    with gzip.open(data_file("llmfao/human.csv.gz"), "rt") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def board(votes: list[dict[str, str]], tmp_path: Path) -> Board:
    """The published board of the imported votes."""
    path = tmp_path / "human.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rater", "model_a", "model_b", "outcome", "battle"])
        writer.writerows(
            [v["worker"], f"m{v['model_x']}", f"m{v['model_y']}", OUTCOMES[v["winner"]], v["pair"]]
            for v in votes
        )
    command("import_comparisons", str(path), "--study", "llmfao", "--create")
    Study.objects.update(is_public=True)
    command("take_board", "--study", "llmfao")
    return Board.objects.get()


def bradley_terry(votes: list[dict[str, str]]) -> dict[str, float]:
    """An independent estimate: choix's maximum likelihood, a tie being half a win for each."""
    models = sorted({v[side] for v in votes for side in ("model_x", "model_y")})
    place = {model: k for k, model in enumerate(models)}
    wins = []
    for vote in votes:
        pair = (place[vote["model_x"]], place[vote["model_y"]])
        first, second = {
            "left": (pair, pair), "right": (pair[::-1], pair[::-1]), "tie": (pair, pair[::-1]),
        }[vote["winner"]]  # fmt: skip
        wins += [first, second]
    # A little regularisation: some models never lost.
    skill = choix.ilsr_pairwise(len(models), wins, alpha=0.01)
    return {f"m{model}": float(skill[place[model]]) for model in models}


def test_the_order_is_that_of_an_independent_bradley_terry(
    board: Board, votes: list[dict[str, str]]
) -> None:
    reference = bradley_terry(votes)
    rows = list(board.sections.get().rows.all())
    ours = np.array([row.score for row in rows])
    theirs = np.array([reference[row.name] for row in rows])
    assert len(rows) == 59
    assert spearmanr(ours, theirs).statistic >= 0.99


def test_page_and_rest_show_the_same_board(board: Board, client: Client) -> None:
    first = board.sections.get().rows.get(rank=1)
    page = client.get("/studies/llmfao/").content.decode()
    assert first.name in page
    assert "6,215 battles" in page
    rows = client.get(f"/api/v1/studies/llmfao/boards/{board.pk}/rows/").json()
    assert len(rows["results"]) == 59
    assert rows["results"][0]["contestant"] == first.contestant.slug


def test_anybody_can_verify_what_the_site_serves(
    board: Board, client: Client, tmp_path: Path
) -> None:
    export = tmp_path / "board.json"
    export.write_bytes(client.get(f"/studies/llmfao/boards/{board.pk}.json").content)
    said = command("verify_board", str(export))
    assert f"board.json: verified. Board {board.pk} of llmfao: tables recomputed: 1;" in said
