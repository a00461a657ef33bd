"""Follow-ups: what the next message says of the answers before, and what real ratings say of it."""

import gzip
import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from raters.quality.followup import (
    Complexity,
    Followup,
    complexity_of,
    followup_of,
    read_followup,
    sentiment_of,
)
from tests.data import data_file

ASKED = "How do I cook brown rice?"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Thanks, and how long does it keep?", Followup.THANKS),
        ("That’s helpful!", Followup.THANKS),
        ("That is not what I asked.", Followup.CORRECTION),
        ("No, I meant white rice. Thank you.", Followup.CORRECTION),
        ("You’re wrong.", Followup.CORRECTION),
        ("How can I cook the brown rice", Followup.REPHRASING),
        ("how do i cook brown rice", Followup.REPHRASING),
        ("Never mind. Thanks anyway.", Followup.GIVING_UP),
        ("And with lentils?", Followup.NONE),
        ("", Followup.NONE),
        ("It isn't incorrectly said", Followup.NONE),
    ],
)
def test_a_message_says_what_its_writer_thinks_of_the_answers(text: str, kind: Followup) -> None:
    assert read_followup(text, ASKED) == kind


def test_messages_of_little_words_ask_nothing_anew() -> None:
    assert read_followup("And you?", "And you?") == Followup.NONE


def test_of_a_conversation_the_strongest_counts_and_of_one_message_nothing() -> None:
    said = [ASKED, "Thanks.", "That is not true.", "And lentils?"]
    assert followup_of(said) == Followup.CORRECTION
    assert followup_of(said[:2]) == Followup.THANKS
    assert followup_of([ASKED]) is None
    assert sentiment_of([ASKED]) is None
    assert sentiment_of(said) == pytest.approx(0.0)
    assert sentiment_of(said[:2]) == 1
    assert sentiment_of([ASKED, ASKED]) == -1


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (["Why is the sky blue?"], Complexity.SIMPLE),
        (["I would like to plan a week of meals that my two children eat."], Complexity.MODERATE),
        (["Where? When? Why?"], Complexity.COMPLEX),
        (["tell me more about it " * 12], Complexity.COMPLEX),
        ([], Complexity.SIMPLE),
    ],
)
def test_complexity_is_length_and_questions(messages: list[str], found: Complexity) -> None:
    assert complexity_of(messages) == found


def test_people_who_correct_ask_again_or_give_up_rate_lower() -> None:
    """Of 375 rated conversations of ConvAI2 with three messages or more, from 1 to 5.

    Thanks tell nothing there: volunteers who try a bot thank it in small talk.
    """
    chats = []
    with gzip.open(data_file("convai2/conversations.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for chat in map(json.loads, lines):
            mine = [turn["text"] for turn in chat["turns"] if turn["role"] == "human"]
            if chat["rating"] is not None and len(mine) >= 3:
                chats.append((mine, chat["rating"]))
    ratings = np.array([rating for _, rating in chats])
    kinds = np.array([str(followup_of(mine)) for mine, _ in chats])
    is_negative = np.isin(kinds, ["rephrasing", "correction", "giving-up"])
    found = spearmanr(is_negative, ratings)
    assert (len(chats), int(is_negative.sum())) == (375, 63)
    assert found.statistic == pytest.approx(-0.094, abs=0.005)
    # Weak, and with so few it may be chance (p = .07): a label, and nothing to rank by.
    assert ratings[kinds == "rephrasing"].mean() < ratings[kinds == "correction"].mean()
    assert ratings[kinds == "correction"].mean() < ratings[kinds == "none"].mean()
    sentiment = spearmanr([sentiment_of(mine) for mine, _ in chats], ratings)
    assert sentiment.statistic == pytest.approx(0.087, abs=0.005)


def test_few_messages_between_people_are_taken_for_corrections() -> None:
    """Of Topical-Chat's people, who talk with each other about the news."""
    pairs: list[tuple[str, str]] = []
    with gzip.open(data_file("topicalchat/conversations_valid.jsonl.gz"), "rt") as lines:
        for chat in map(json.loads, lines):
            for agent in ("agent_1", "agent_2"):
                mine = [turn["text"] for turn in chat["turns"] if turn["agent"] == agent]
                pairs += zip(mine[1:], mine, strict=False)
    kinds = [read_followup(text, before) for text, before in pairs]
    found = {kind: kinds.count(kind) / len(pairs) for kind in Followup}
    assert len(pairs) > 5_000
    assert found[Followup.CORRECTION] + found[Followup.REPHRASING] < 0.005
    assert found[Followup.GIVING_UP] < 0.005
    assert found[Followup.THANKS] < 0.06
