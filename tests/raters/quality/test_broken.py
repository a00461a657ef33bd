"""Broken replies: nobody who reads takes one for an answer."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raters.quality.broken import (
    PARAGRAPHS,
    WORDS_TO_BREAK,
    off_topic,
    scrambled,
    spoil,
    truncated,
)

ANSWER = (
    "Rice is easy. Rinse one cup of it, add two cups of water bring it to the boil.\n\n"
    "1. Put the lid on.\n2. Let it simmer for twelve minutes.\n3. Wait five more.\n\n"
    "Do you like it sticky?"
)
words = st.text(st.characters(categories=["L", "P"]), min_size=1, max_size=8)
texts = st.lists(words, min_size=WORDS_TO_BREAK, max_size=60).map(" ".join)
seeds = st.integers(0, 2**40)


def test_a_cut_answer_ends_in_the_middle_of_a_sentence():
    assert truncated(ANSWER) == ("Rice is easy. Rinse one cup of it, add two cups of water")
    assert truncated("One two three. Four five six seven. Eight nine.") == "One two three"


@given(texts)
def test_a_cut_answer_is_a_beginning_and_ends_no_sentence(text):
    cut = truncated(text)
    assert cut
    assert text.startswith(cut)
    assert len(cut.split()) <= len(text.split()) / 2
    assert len(cut.split()) == 1 or cut[-1] not in ".!?"


@given(texts, seeds)
def test_a_scrambled_answer_has_the_same_words_in_another_order(text, seed):
    shuffled = scrambled(text, seed=seed)
    assert Counter(shuffled.split()) == Counter(text.split())
    assert shuffled != text or len(set(text.split())) == 1


def test_a_scrambled_answer_keeps_its_lines_and_depends_on_the_seed():
    assert scrambled(ANSWER, seed=1).count("\n") == ANSWER.count("\n")
    assert scrambled(ANSWER, seed=1) == scrambled(ANSWER, seed=1) != scrambled(ANSWER, seed=2)


def test_off_topic_says_something_else_with_each_message():
    assert len({off_topic(seed) for seed in range(len(PARAGRAPHS))}) == len(PARAGRAPHS)
    for paragraph in PARAGRAPHS:
        assert 30 < len(paragraph.split()) < 70
        assert not {"you", "your", "i"} & set(paragraph.casefold().split())


@pytest.mark.parametrize("fault", ["truncated", "scrambled"])
def test_what_is_too_short_to_look_broken_goes_off_the_topic(fault):
    assert spoil("Boil it.", fault, seed=3) == spoil("", fault, seed=3) == off_topic(3)


@given(texts, st.sampled_from(["off_topic", "truncated", "scrambled"]), seeds)
def test_no_answer_comes_through_whole(text, fault, seed):
    spoilt = spoil(text, fault, seed=seed)
    assert spoilt
    assert spoilt != text or len(set(text.split())) == 1


def test_an_unknown_fault_is_an_error():
    with pytest.raises(ValueError, match="can't be broken in this way: 'rude'"):
        spoil(ANSWER, "rude", seed=1)
