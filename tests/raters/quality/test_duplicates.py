"""Texts that are the same or nearly: which are together, in any order, against all pairs."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from raters.quality.duplicates import NEARLY_SAME, cluster_texts
from raters.quality.words import shingles, similarity, words

OVEN = (
    "I would like to clean my oven this weekend but I have no idea how, and the smell of most "
    "sprays makes me ill, so tell me what I could use that stands in my kitchen"
)


def together(texts: list[str]) -> set[frozenset[int]]:
    """The clusters as sets of indices."""
    found: dict[int, set[int]] = {}
    for n, cluster in enumerate(cluster_texts(texts)):
        found.setdefault(cluster, set()).add(n)
    return {frozenset(members) for members in found.values()}


def test_the_same_message_is_one_whatever_its_case_and_punctuation() -> None:
    texts = ["How do I cook rice?", "how do i cook rice", "How do I cook  RICE!!", "Hi"]
    assert together(texts) == {frozenset({0, 1, 2}), frozenset({3})}


def test_a_message_with_a_word_changed_is_nearly_the_same_and_another_is_not() -> None:
    changed = OVEN.replace("weekend", "Friday")
    other = "My oven is clean, and the weekend is mine: tell me what I could cook in it for six."
    assert together([OVEN, other, changed]) == {frozenset({0, 2}), frozenset({1})}
    assert together([OVEN, OVEN[: len(OVEN) // 2]]) == {frozenset({0}), frozenset({1})}


def test_short_messages_have_to_be_the_same() -> None:
    texts = ["A joke about cats, please", "A joke about dogs, please", "👍", "👎", "👍"]
    assert together(texts) == {frozenset({n}) for n in (0, 1, 3)} | {frozenset({2, 4})}


def test_steps_of_nearly_the_same_lead_to_one_cluster() -> None:
    said = OVEN.split()
    chain = [" ".join(said[n : n + 28]) for n in range(6)]
    assert similarity(shingles(chain[0]), shingles(chain[-1])) < NEARLY_SAME
    assert together(chain) == {frozenset(range(6))}


def test_a_cluster_is_named_by_its_first_text() -> None:
    assert cluster_texts([]) == []
    assert cluster_texts(["b", "a", "B", "a!"]) == [0, 1, 0, 1]


WORDS = st.sampled_from(["tea", "pot", "cup", "milk", "hot", "cold", "sip", "leaf"])
TEXTS = st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=14)


@given(TEXTS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_texts_makes_no_difference(texts: list[str], order: random.Random) -> None:
    shuffled = list(range(len(texts)))
    order.shuffle(shuffled)
    found = together([texts[n] for n in shuffled])
    assert {frozenset(shuffled[n] for n in cluster) for cluster in found} == together(texts)


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_no_pair_that_is_alike_is_missed_and_none_is_made_up(texts: list[str]) -> None:
    expected = [{n} for n in range(len(texts))]
    for one, text in enumerate(texts):
        for other in range(one):
            alike = similarity(shingles(text), shingles(texts[other])) >= NEARLY_SAME
            if words(text) == words(texts[other]) or alike:
                joined = next(c for c in expected if one in c) | next(
                    c for c in expected if other in c
                )
                expected = [c for c in expected if not c & joined] + [joined]
    assert together(texts) == {frozenset(cluster) for cluster in expected}
