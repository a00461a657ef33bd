"""Published sets of people's and judges' verdicts on the same items, as arrays."""

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from leaderboards.comparison.items import Items, Judged, Votes
from leaderboards.ranking.outcomes import A_WINS, B_WINS, TIE, FloatArray, IntArray

GPT_4: Final = "gpt-4"
GPT_3: Final = "gpt-3.5-turbo-instruct"
LLMFAO_OUTCOMES: Final = {"left": A_WINS, "tie": TIE, "right": B_WINS}
SIDE_OUTCOMES: Final = {"1": A_WINS, "tie": TIE, "2": B_WINS}

Row = Mapping[str, str]


@dataclass(frozen=True)
class Compared:
    """A set: its items, people's votes, each judge's verdicts, and each item's topic (N,)."""

    items: Items
    votes: Votes
    judges: dict[str, Judged]
    topic: tuple[str, ...]


def read_llmfao(folder: Path) -> Compared:
    """Pairs of answers of 59 chat models by a crowd, and of 70 by two judges, A being on the left.

    FileNotFoundError names the file that is missing, as in all readers here.
    """
    people = read_rows(folder / "llmfao" / "human.csv.gz")
    verdicts = read_rows(folder / "llmfao" / "judges.csv.gz")
    texts = read_objects(folder / "llmfao" / "responses.jsonl.gz")
    words = {(str(each["prompt"]), str(each["model"])): len(each["text"].split()) for each in texts}
    of_pair = {row["pair"]: row for row in [*people, *verdicts]}
    rows = [of_pair[pair] for pair in sorted(of_pair)]
    place = {row["pair"]: index for index, row in enumerate(rows)}
    names = sorted({row[side] for row in rows for side in ("model_x", "model_y")})
    sides = np.array([[names.index(row[side]) for side in ("model_x", "model_y")] for row in rows])
    lengths = [
        [words.get((row["prompt"], row[side]), np.nan) for side in ("model_x", "model_y")]
        for row in rows
    ]
    raters = sorted({row["worker"] for row in people})
    return Compared(
        Items.of(names, sides[:, 0], sides[:, 1], np.array(lengths, float)),
        Votes(
            _index(people, "pair", place),
            np.array([raters.index(row["worker"]) for row in people]),
            _index(people, "winner", LLMFAO_OUTCOMES),
        ),
        {
            judge: Judged.of(_index(said, "pair", place), _index(said, "winner", LLMFAO_OUTCOMES))
            for judge in (GPT_4, GPT_3)
            for said in [[row for row in verdicts if row["judge"] == judge]]
        },
        tuple(row["prompt"] for row in rows),
    )


def read_llmfao_developers(folder: Path, contestants: Sequence[str]) -> list[str]:
    """The developers (K,) of llmfao's chat models."""
    with (folder / "llmfao" / "models.csv").open(encoding="utf-8", newline="") as file:
        developer = {row["id"]: row["org"] for row in csv.DictReader(file)}
    return [developer[name] for name in contestants]


def read_pandalm(folder: Path) -> Compared:
    """Pairs of answers by three people, and by two judges that each saw one order."""
    rows = read_objects(folder / "judges" / "pandalm.jsonl.gz")
    names = sorted({row[side] for row in rows for side in ("model_1", "model_2")})
    sides = np.array([[names.index(row[side]) for side in ("model_1", "model_2")] for row in rows])
    # An answer that says no more than "true" was read as a truth value by whoever stored it.
    words = [[len(str(row[side]).split()) for side in ("response_1", "response_2")] for row in rows]
    votes = [
        (item, rater, SIDE_OUTCOMES[vote])
        for item, row in enumerate(rows)
        for rater, vote in enumerate(row["humans"])
    ]
    # What is neither a side nor "tie" is an answer that could not be read.
    said = {
        judge: [
            (item, SIDE_OUTCOMES[row[judge]])
            for item, row in enumerate(rows)
            if row[judge] in SIDE_OUTCOMES
        ]
        for judge in ("judge_gpt35", "judge_pandalm7b")
    }
    return Compared(
        Items.of(names, sides[:, 0], sides[:, 1], np.array(words, float)),
        Votes(*np.array(votes).T),
        {judge: Judged.of(*np.array(verdicts).T) for judge, verdicts in said.items()},
        tuple(row["app"] for row in rows),
    )


def read_llmbar(folder: Path, *, judge: str, strategy: str) -> Compared:
    """Pairs of answers with one right one, by a judge in both orders; the topic is the subset.

    The right answer is taken for the one vote of one person. Contestants are first and second.
    """
    rows = read_objects(folder / "judges" / "llmbar_items.jsonl.gz")
    place = {row["id"]: index for index, row in enumerate(rows)}
    said = [
        (place[row["id"]], order, SIDE_OUTCOMES[row[column]])
        for row in read_rows(folder / "judges" / "llmbar_votes.csv.gz")
        if (row["judge"], row["strategy"]) == (judge, strategy)
        for order, column in enumerate(("winner", "winner_swapped_order"))
        if row[column] in SIDE_OUTCOMES
    ]
    item, order, outcome = np.array(said).T
    size = len(rows)
    words = [[len(row[side].split()) for side in ("output_1", "output_2")] for row in rows]
    right = np.array([SIDE_OUTCOMES[str(row["label"])] for row in rows])
    zeros, ones = np.zeros(size, np.int64), np.ones(size, np.int64)
    return Compared(
        Items.of(("first", "second"), zeros, ones, np.array(words, float)),
        Votes(np.arange(size), zeros, right),
        {judge: Judged.of(item, outcome, shown_first=order)},
        tuple(row["set"] for row in rows),
    )


def read_dialogue_ratings(
    folder: Path,
) -> tuple[IntArray, dict[str, tuple[FloatArray, FloatArray]]]:
    """Systems (N,) of rated replies, and by dimension people's and the machine's scores (N,)."""
    rows = read_objects(folder / "judges" / "dialogue_dimensions.jsonl.gz")
    systems = sorted({row["system"] for row in rows})
    scores = {
        dimension: (
            np.array([row["human"][dimension] for row in rows], float),
            np.array([row["machine"][dimension] for row in rows], float),
        )
        for dimension in rows[0]["human"]
    }
    return np.array([systems.index(row["system"]) for row in rows]), scores


def _index(rows: Sequence[Row], column: str, place: Mapping[str, int]) -> IntArray:
    return np.array([place[row[column]] for row in rows])


def read_rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_objects(path: Path) -> list[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
