"""What is measured of a side: whatever it says, and in every process the same."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.scorer.features import BUCKETS, NAMES, hashed_words, measure


def value(name: str, reply: str, asked: str = "How do I cook rice?") -> float:
    return float(measure([asked], [reply]).style[NAMES.index(name)])


@given(st.text(max_size=60), st.text(max_size=200))
def test_any_text_has_finite_measures_and_buckets_that_there_are(asked: str, reply: str) -> None:
    found = measure([asked], [reply])
    assert found.style.shape == (len(NAMES),)
    assert np.isfinite(found.style).all()
    assert (found.words.values > 0).all()
    assert ((found.words.buckets >= 0) & (found.words.buckets < BUCKETS)).all()


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("length", "one two three four", "one two"),
        ("list items", "- one\n- two", "one and two"),
        ("headings", "# Rice\n\nBoil it.", "Rice. Boil it."),
        ("code blocks", "```\nboil()\n```", "boil"),
        ("hedges", "Perhaps it might boil.", "It boils."),
        ("refusals", "I cannot help with that.", "I can help with that."),
        ("apologies", "I'm sorry, no.", "No."),
        ("roles played", "Boil it.\nUser: and then?", "Boil it, and then?"),
        ("questions", "Which rice?", "Rice."),
        ("overlap with the message", "Cook the rice.", "Take a walk."),
        ("different words", "boil rinse stir serve", "boil boil boil boil"),
        ("repetition", "boil it " * 40, "rinse stir serve taste plate spoon"),
        ("ends in mid-sentence", "First you take the", "First you take the pan."),
        ("says nothing", "  ", "Rice."),
    ],
)
def test_each_measure_tells_what_its_name_says(name: str, more: str, less: str) -> None:
    assert value(name, more) > value(name, less)


def test_the_length_counts_apart_where_brevity_is_asked() -> None:
    name = "length where brevity is asked"
    assert value(name, "Yes it does.", "Reply with only the name.") > 0
    assert value(name, "Yes it does.", "Tell me all about it.") == 0


def test_replies_of_several_turns_are_measured_together() -> None:
    together = measure(["one?", "two?"], ["Yes.", "No."])
    assert np.array_equal(together.style, measure(["one?\n\ntwo?"], ["Yes.\n\nNo."]).style)


def test_words_fall_into_the_same_buckets_in_every_process() -> None:
    code = (
        "from leaderboards.scorer.features import hashed_words;"
        "print(hashed_words(('boil', 'rice')).buckets.tolist())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == str(hashed_words(("boil", "rice")).buckets.tolist())
