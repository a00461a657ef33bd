"""Files of public data sets come in as they are, and what is wrong in them is named."""

import csv
import gzip
import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from raters.imports.formats import FORMATS, OUR_OWN, format_of
from raters.imports.reading import TableFile
from raters.models import Battle, Verdict
from raters.services.identities import ids_of
from studies.models import Study
from tests.data import data_file

Record = dict[str, Any]
SAID = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
ARENA: Record = {
    "question_id": "q1", "model_a": "cedar", "model_b": "elm", "winner": "model_a",
    "judge": "arena_user_7", "conversation_a": SAID, "conversation_b": SAID, "turn": 1,
    "anony": True, "language": "English", "tstamp": 1682351591.1322,
}  # fmt: skip
BENCH: Record = {
    "question_id": 81, "model_a": "cedar", "model_b": "elm", "winner": "model_b",
    "judge": "expert_0", "conversation_a": SAID, "conversation_b": SAID, "turn": 1,
}  # fmt: skip
UTTERANCE: Record = {
    "utterance_id": "ut0", "interaction_id": "int0", "conversation_id": "c0", "user_id": "user0",
    "turn": 0, "within_turn_id": 0, "conversation_type": "unguided", "user_prompt": "Hi",
    "model_response": "Hello", "model_name": "cedar", "model_provider": "x", "score": 80,
    "if_chosen": True,
}  # fmt: skip
WMT = (
    "srclang", "trglang", "srcIndex", "segmentId", "judgeID", "system1Id", "system1rank",
    "system2Id", "system2rank", "rankingID",
)  # fmt: skip


def lines(path: Path, records: list[Record]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def array(path: Path, records: list[Record]) -> Path:
    path.write_text(json.dumps(records, indent=1))
    return path


def table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read(path: Path, form: str = "") -> list[tuple[Any, ...]]:
    """Each comparison: rater, both models, outcome, dimension, battle, and so on."""
    file = TableFile(path)
    return [tuple(values) for _line, values in format_of(file, form).read(file)]


def run(path: Path, *options: str, study: str = "s") -> str:
    out = StringIO()
    call_command(
        "import_comparisons", str(path), "--study", study, "--create", *options, stdout=out
    )
    return out.getvalue()


def refused(path: Path, *options: str) -> str:
    with pytest.raises(CommandError) as error:
        run(path, *options)
    return str(error.value)


def test_battles_of_lmarena_are_read_from_an_array_and_from_lines(tmp_path: Path) -> None:
    wins = ("model_a", "model_b", "tie", "tie (bothbad)")
    battles = [{**ARENA, "question_id": f"q{n}", "winner": won} for n, won in enumerate(wins)]
    found = read(array(tmp_path / "clean_battle.json", battles))
    assert [row[3] for row in found] == ["a", "b", "tie", "tie"]
    assert found[0] == (
        "arena_user_7", "cedar", "elm", "a", None, "q0", "2023-04-24T15:53:11.132200+00:00", None,
        None, None,
    )  # fmt: skip
    assert read(lines(tmp_path / "arena.jsonl", battles)) == found


def test_newer_files_of_lmarena_name_raters_and_battles_otherwise(tmp_path: Path) -> None:
    battle = {
        "id": "b1", "model_a": "cedar", "model_b": "elm", "winner": "both_bad",
        "evaluation_session_id": "session", "timestamp": "2025-07-02 10:11:12+00:00",
    }  # fmt: skip
    (row,) = read(lines(tmp_path / "arena.jsonl", [battle]))
    assert row[:7] == ("session", "cedar", "elm", "tie", None, "b1", "2025-07-02 10:11:12+00:00")
    nobody = {name: ARENA[name] for name in ("question_id", "model_a", "model_b", "winner")}
    (row,) = read(lines(tmp_path / "nobody.jsonl", [{**nobody, "language": "Dutch"}]))
    assert row[0] == "of q1"


@pytest.mark.django_db
def test_battles_with_named_models_stay_out_as_lmarena_leaves_them_out(tmp_path: Path) -> None:
    named = {**ARENA, "question_id": "q2", "anony": False}
    said = run(array(tmp_path / "battles.json", [ARENA, named]))
    assert "2 rows read, 1 left out as excluded; added: 1 verdict in 1 battle" in said
    assert Battle.objects.get().key == "q1"


def test_an_unknown_winner_is_named_with_its_line(tmp_path: Path) -> None:
    path = array(tmp_path / "battles.json", [ARENA, {**ARENA, "winner": "left"}])
    text = path.read_text().splitlines()
    with pytest.raises(Exception, match="winner") as error:
        read(path)
    place, _, _ = str(error.value).partition(": ")
    line = int(place.removeprefix("battles.json, line "))
    assert text[line - 1].strip() == "{"
    assert '"winner": "left"' in "\n".join(text[line - 1 : line + 8])


def test_a_broken_array_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "battles.json"
    path.write_text(f"[\n{json.dumps(ARENA)},\n{{oops\n]")
    with pytest.raises(Exception, match=r"battles\.json, line 3: it is not JSON"):
        read(path)
    path.write_text(json.dumps({"battles": []}))
    with pytest.raises(Exception, match="line 1: it is not an array"):
        read(path)


@pytest.mark.django_db
def test_judgments_of_mt_bench_have_a_dimension_for_each_turn(tmp_path: Path) -> None:
    second = {**BENCH, "turn": 2, "winner": "tie"}
    again = {**BENCH, "winner": "model_a"}
    other = {**BENCH, "judge": ["gpt-4", "pair-v2"], "winner": "tie (inconsistent)"}
    said = run(lines(tmp_path / "human.jsonl", [BENCH, second, again, other]))
    assert "4 rows read; added: 4 verdicts in 3 battles, 2 raters" in said
    called = ids_of(Study.objects.get())
    rows = Verdict.objects.values_list(
        "battle__participation", "battle__key", "dimension__key", "outcome"
    )
    assert {(called[rater], *said) for rater, *said in rows} == {
        ("expert_0", "81 cedar elm", "turn-1", "b"),
        ("expert_0", "81 cedar elm", "turn-2", "tie"),
        ("expert_0", "81 cedar elm 2", "turn-1", "a"),
        ("gpt-4 pair-v2", "81 cedar elm", "turn-1", "tie"),
    }
    assert set(Battle.objects.values_list("conversation", flat=True)) == {"81"}
    assert "nothing new" in run(tmp_path / "human.jsonl")


def test_every_two_first_replies_of_prism_are_a_comparison(tmp_path: Path) -> None:
    scores = {"cedar": 80, "elm": 20, "rowan": 80}
    rows = [
        {**UTTERANCE, "utterance_id": f"ut{n}", "within_turn_id": n, "model_name": name, "score": s}
        for n, (name, s) in enumerate(scores.items())
    ]
    later = {**UTTERANCE, "interaction_id": "int1", "turn": 1, "score": 3}
    found = read(lines(tmp_path / "utterances.jsonl", [*rows, later]))
    assert [row[:6] for row in found] == [
        ("user0", "cedar", "elm", "a", None, "int0 0 1"),
        ("user0", "cedar", "rowan", "tie", None, "int0 0 2"),
        ("user0", "elm", "rowan", "b", None, "int0 1 2"),
    ]


def test_conversations_of_prism_say_the_same(tmp_path: Path) -> None:
    history = [{"turn": 0, "role": "user", "content": "Hi"}]
    for turn in (0, 1):
        history += [
            {
                "turn": turn,
                "role": "model",
                "content": "Hello",
                "model_name": name,
                "model_provider": "x",
                "score": score,
                "if_chosen": score > 50,
                "within_turn_id": place,
            }
            for place, (name, score) in enumerate((("cedar", 10), ("elm", 90)))
        ]
    conversation = {"conversation_id": "c0", "user_id": "user0", "conversation_history": history}
    (row,) = read(lines(tmp_path / "conversations.jsonl", [conversation]))
    assert row[:6] == ("user0", "cedar", "elm", "b", None, "c0 0 1")


def test_an_interaction_of_prism_that_is_torn_apart_is_refused(tmp_path: Path) -> None:
    other = {**UTTERANCE, "interaction_id": "int1"}
    path = lines(tmp_path / "utterances.jsonl", [UTTERANCE, other, UTTERANCE])
    with pytest.raises(Exception, match='line 3: the interaction "int0" is there already'):
        read(path)


def test_rankings_of_wmt_are_comparisons(tmp_path: Path) -> None:
    rows = [
        ("cze", "eng", 779, 779, "judge1", "uedin", 5, "online-A", 3, 1),
        ("cze", "eng", 779, 779, "judge1", "uedin", 2, "online-B", 2, 1),
        ("cze", "eng", 780, 780, "judge1", "uedin", 1, "online-A", 4, 2),
        ("cze", "eng", 780, 780, "judge1", "uedin", -1, "online-B", 4, 2),
    ]
    found = read(table(tmp_path / "wmt16.csv", WMT, rows))
    assert [row[:6] for row in found] == [
        ("judge1", "uedin", "online-A", "b", None, "779 1 uedin online-A"),
        ("judge1", "uedin", "online-B", "tie", None, "779 1 uedin online-B"),
        ("judge1", "uedin", "online-A", "a", None, "780 2 uedin online-A"),
    ]
    assert found[0][7] == "779"


def test_older_rankings_of_wmt_have_five_systems_in_a_row(tmp_path: Path) -> None:
    header: tuple[str, ...] = (
        "srclang", "trglang", "srcIndex", "documentId", "segmentId", "judgeId",
    )  # fmt: skip
    header += tuple(f"system{n}{what}" for n in range(1, 6) for what in ("Number", "Id"))
    header += tuple(f"system{n}rank" for n in range(1, 6))
    systems = tuple(part for n in range(1, 6) for part in (n, f"s{n}"))
    row = ("cze", "eng", 1, -1, 1, "judge1", *systems, 1, 2, 3, 3, -1)
    found = read(table(tmp_path / "data_RNK.csv", header, [row]))
    outcomes = {(a, b): outcome for _, a, b, outcome, *_ in found}
    assert len(found) == 6
    assert outcomes["s1", "s2"] == "a"
    assert outcomes["s3", "s4"] == "tie"


@pytest.mark.parametrize("form", [each for each in FORMATS if each not in OUR_OWN])
def test_a_format_is_refused_for_a_file_that_is_another(tmp_path: Path, form: str) -> None:
    path = table(tmp_path / "c.csv", ("rater", "model_a", "model_b", "outcome"), [("a",) * 4])
    with pytest.raises(Exception, match=f"its columns are not those of {form}"):
        read(path, form)


@pytest.mark.django_db
def test_a_file_that_looks_like_none_is_refused_as_our_own_would_be(tmp_path: Path) -> None:
    path = table(tmp_path / "c.csv", ("who", "what"), [("a", "b")])
    assert refused(path).startswith('c.csv, line 1: there is no column "rater"')


@pytest.mark.django_db
@pytest.mark.one_database
def test_the_rankings_of_wmt16_come_in(tmp_path: Path) -> None:
    path = data_file("wmt16/ron-eng.csv.gz")
    said = run(path, study="wmt")
    assert "15,822 rows read; added: 15,822 verdicts" in said
    assert "7 contestants" in said
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    ranks = [(int(row["rank_1"]), int(row["rank_2"])) for row in rows]
    expected = Counter("tie" if a == b else "a" if a < b else "b" for a, b in ranks)
    given = Verdict.objects.of(Study.objects.get(slug="wmt")).values_list("outcome", flat=True)
    assert Counter(given) == expected
    assert "nothing new" in run(path, study="wmt")
