"""A message that leaves thread and task is told from one that follows either."""

import gzip
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.benchmarks.drift import measure_drift
from raters.quality.drift import Unjudged, drift_of, drifts, shift_probabilities
from raters.quality.drift_features import read_turn
from raters.quality.drift_model import (
    DriftModel,
    leaves_everything,
    read_model,
    shipped_model,
    write_model,
)
from raters.quality.drift_training import (
    Dialogue,
    area_under_curve,
    f1_score,
    read_dialogues,
    train,
)
from tests.data import FOLDER, data_file

SUN = (
    "The Sun is about 1.39 million kilometres across, some 109 times the width of the Earth.",
    "It is huge! Some 1.3 million Earths would fit inside.",
)


def test_a_question_about_something_else_is_a_shift_and_one_that_follows_up_is_none() -> None:
    snake = drift_of(["How big is the sun?", "How long is a snake?"], [SUN])
    assert snake.is_shift
    assert snake.departs_from == "How big is the sun?"
    assert snake.new_words == ("snake",)
    for follows in ("And how hot is it?", "What about the moon?", "Wow, that is big!", "why?"):
        drift = drift_of(["How big is the sun?", follows], [SUN])
        assert not drift.is_shift, follows
        assert not drift.is_strike


def test_a_message_may_follow_up_the_reply_of_either_side() -> None:
    messages = ["I want to plan a trip to Italy.", "How long is a snake?"]
    plain = "Rome and Florence are worth seeing, and trains are cheap."
    snakes = "Lovely! In the hills of Tuscany there are snakes, mind."
    assert drift_of(messages, [(plain, plain)]).is_shift
    for replies in ((plain, snakes), (snakes, plain)):
        drift = drift_of(messages, [replies])
        assert not drift.is_shift
        assert drift.new_words == ()


def test_a_message_about_the_task_is_no_drift_however_sudden() -> None:
    messages = ["How big is the sun?", "Do you like pizza?"]
    assert drift_of(messages, [SUN]).is_strike
    for topic in ("Find out what pizza to order.", "Talk about food: what to cook and to eat."):
        drift = drift_of(messages, [SUN], topic)
        assert drift.is_about_task
        assert not drift.is_shift
        assert not drift.is_strike


def test_coming_back_to_the_task_is_judged_like_any_message_about_it() -> None:
    topic = "Get advice on growing tomatoes."
    messages = [
        "My tomatoes have yellow leaves.",
        "Have you seen the new Batman movie?",
        "Tomatoes: how much water?",
    ]
    replies = [["Too much water, perhaps."], ["I see no films, but many praise it."]]
    assert drift_of(messages[:2], replies[:1], topic).is_shift
    back = drift_of(messages, replies, topic)
    assert back.is_about_task
    assert not back.is_shift


def test_a_strike_leaves_everything_that_was_said_lately() -> None:
    turns = ["I have two dogs.", "Nice!", "They bark a lot.", "Mine too.", "Do you like pizza?"]
    assert leaves_everything([read_turn(each) for each in turns], 4)
    turns[2] = "They ate my pizza."
    assert not leaves_everything([read_turn(each) for each in turns], 4)
    assert not drifts(turns)[4].is_strike


def test_thanks_and_short_answers_keep_to_the_thread() -> None:
    for short in ("Thanks!", "ok", "yes please", "no", "haha lol", "Good idea, thank you."):
        assert not drift_of(["How big is the sun?", short], [SUN]).is_shift, short


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Unjudged.EMPTY),
        ("  \n", Unjudged.EMPTY),
        ("🐍🐍🐍 !?", Unjudged.EMPTY),
        ("1 + 1 = 2", Unjudged.EMPTY),
        ("太阳有多大？", Unjudged.OTHER_LANGUAGE),
        ("Какой длины змея?", Unjudged.OTHER_LANGUAGE),
        ("ما طول الثعبان؟", Unjudged.OTHER_LANGUAGE),
        ("Wie lang wird eigentlich so eine Schlange?", Unjudged.OTHER_LANGUAGE),
        ("¿Cuánto mide una serpiente de cascabel adulta?", Unjudged.OTHER_LANGUAGE),
    ],
)
def test_what_is_no_english_text_is_not_judged_and_says_why(text: str, reason: Unjudged) -> None:
    drift = drift_of(["How big is the sun?", text], [SUN])
    assert (drift.probability, drift.unjudged) == (None, reason)
    assert not drift.is_shift
    assert not drift.is_strike
    assert shift_probabilities(["How big is the sun?", text]) == (0.0, 0.0)


def test_the_first_message_drifts_from_nothing() -> None:
    assert drift_of(["How big is the sun?"], []).unjudged is Unjudged.FIRST
    assert shift_probabilities(["How big is the sun?"]) == (0.0,)
    assert shift_probabilities([]) == ()


def test_every_earlier_message_has_its_place_for_replies() -> None:
    with pytest.raises(ValueError, match="2 messages do not go with 0 replies"):
        drift_of(["How big is the sun?", "And the moon?"], [])
    with pytest.raises(ValueError, match="0 messages"):
        drift_of([], [])


def test_a_reply_that_never_came_is_passed_over() -> None:
    messages = ["How big is the sun?", "How hot is the sun?"]
    assert drift_of(messages, [("", SUN[1])]).new_words == ()
    assert not drift_of(messages, [()]).is_shift


def test_a_turn_is_judged_by_what_stood_before_it_alone() -> None:
    turns = ["I have two dogs.", "What breed?", "Do you like pizza?", "Yes, with cheese.", "Bye!"]
    whole = shift_probabilities(turns)
    assert whole[:4] == shift_probabilities(turns[:4])
    assert whole[2] == max(whole)


def test_a_very_long_text_is_read_at_its_ends_in_bounded_time() -> None:
    begun = time.process_time()
    shift_probabilities(["a b " * 500_000, "?" * 1_000_000, "x" * 1_000_000, "." * 1_000_000])
    drift = drift_of(["word " * 400_000 + "sun", "How hot is the sun?"], [["it is " * 200_000]])
    assert time.process_time() - begun < 2
    assert not drift.is_strike


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=40) | st.sampled_from(["ok", "Why?", "İ’s n't", "```x = 1```"])))
def test_whatever_is_written_a_probability_comes_back(turns: list[str]) -> None:
    found = shift_probabilities(turns)
    assert len(found) == len(turns)
    assert all(0 <= each <= 1 for each in found)


def _small_corpus() -> tuple[list[Dialogue], list[Dialogue]]:
    animals = ["I have a dog.", "Your dog is nice.", "My dog barks.", "Does the dog bite?"]
    food = ["Do you like pizza?", "I like pizza with cheese.", "Cheese is good.", "I eat cheese."]
    labelled = [Dialogue((*animals, *food), (False,) * 4 + (True,) + (False,) * 3)] * 10
    return labelled, [Dialogue(tuple(animals)), Dialogue(tuple(food))] * 20


def test_training_twice_gives_the_same_file_and_it_reads_back_the_same() -> None:
    model = train(*_small_corpus())
    content = write_model(model)
    assert content == write_model(train(*_small_corpus()))
    assert read_model(content) == model


def test_training_learns_the_shift_it_was_shown() -> None:
    labelled, on_topic = _small_corpus()
    model: DriftModel = train(labelled, on_topic)
    found = [model.probability(labelled[0].turns, i) for i in range(1, 8)]
    assert found.index(max(found)) == 3
    assert model.figures["cross-validated AUC"] == 1.0


def test_training_without_a_shift_is_refused() -> None:
    labelled, on_topic = _small_corpus()
    with pytest.raises(ValueError, match="dialogues with shifts"):
        train([Dialogue(each.texts, (False,) * 8) for each in labelled], on_topic)


def test_area_and_f1_are_those_of_the_textbook() -> None:
    labels = np.array([True, False, True, False])
    assert area_under_curve(labels, np.array([0.9, 0.1, 0.5, 0.5])) == 0.875
    assert f1_score(labels, np.array([True, True, False, False])) == 0.5


def test_the_command_trains_on_a_folder_and_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="tiage_train"):
        call_command("train_drift", tmp_path)
    labelled, on_topic = _small_corpus()
    _write(tmp_path / "topicshift/tiage_train.jsonl.gz", labelled)
    _write(tmp_path / "topicalchat/conversations_valid.jsonl.gz", on_topic)
    call_command("train_drift", tmp_path, "--to", str(tmp_path / "model"), stdout=io.StringIO())
    assert read_model((tmp_path / "model").read_bytes()) == train(labelled, on_topic)


def _write(path: Path, dialogues: list[Dialogue]) -> None:
    path.parent.mkdir()
    with gzip.open(path, "wt") as lines:
        for each in dialogues:
            shifts = each.shifts or (None,) * len(each.texts)
            turns = [
                {"text": text} if shift is None else {"text": text, "shift": int(shift)}
                for text, shift in zip(each.texts, shifts, strict=True)
            ]
            lines.write(json.dumps({"turns": turns}) + "\n")


def test_the_shipped_model_is_small_and_says_how_its_thresholds_were_chosen() -> None:
    model = shipped_model()
    assert len(write_model(model)) < 100_000
    assert set(model.chosen) == {"shift_at", "strike_at"}
    assert 0 < model.shift_at < model.strike_at < 1


def test_people_who_labelled_shifts_are_followed_as_far_as_promised() -> None:
    data_file("topicshift/tiage_dev.jsonl.gz")
    data_file("topicalchat/conversations_valid.jsonl.gz")
    figures = measure_drift(FOLDER)
    assert figures.f1_dev >= 0.55
    assert figures.auc_dev >= 0.80
    assert figures.false_positive_rate < 0.02
    assert figures.recall > 0.15
    assert figures.ms_per_turn < 20


def test_the_shipped_model_is_of_the_words_of_its_training_set() -> None:
    dialogues = read_dialogues(data_file("topicshift/tiage_train.jsonl.gz"))
    known = shipped_model().rarities
    counts: dict[str, int] = {}
    for each in dialogues:
        for turn in each.turns:
            for stem in turn.stems:
                counts[stem] = counts.get(stem, 0) + 1
    assert {stem for stem, count in counts.items() if count > 1} <= known.keys()
