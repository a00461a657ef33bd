"""Criteria from preferences: parts that share nothing, proposals, tests and coded reasons.

After a change of prompts that is meant: HUSTINGS_REWRITE=prompts, and read the difference.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from raters.judging.calls import Answer, Call
from raters.judging.errors import LeakError
from raters.judging.proposals.criteria import (
    MOST_CRITERIA,
    code_reasons,
    merge_criteria,
    propose_criteria,
    try_criteria,
)
from raters.judging.proposals.pairs import (
    Parts,
    check_parts,
    check_unseen,
    deal_pairs,
    decided_lines,
    draw_order,
    guard,
    quotes,
)
from tests.raters.judging.decided_pairs import (
    OVERALL,
    PROPOSED,
    REASONS,
    Seer,
    conduct,
    make_pair,
    make_pairs,
)
from tests.raters.judging.judges import lines_of

GOLDEN = Path(__file__).parent / "prompts" / "proposals.txt"
WANTED = {"training": 10, "held-out": 10}


def keys(parts: Parts) -> dict[str, list[int]]:
    return {part: [pair.key for pair in own] for part, own in parts.items()}


def test_parts_share_no_rater_no_conversation_and_no_words() -> None:
    chance = Random(1)
    pairs = [make_pair(key, chance, rater=f"rater {key % 7}") for key in range(1, 61)]
    pairs = [replace(pair, conversation=f"talk {pair.key // 3}") for pair in pairs]
    parts = deal_pairs(pairs, WANTED, seed=1)
    training, held_out = ({link for pair in own for link in pair.links} for own in parts.values())
    assert min(map(len, parts.values())) >= 5
    assert training.isdisjoint(held_out)


def test_pairs_without_ties_fill_every_part() -> None:
    parts = deal_pairs(make_pairs(20), WANTED, seed=1)
    assert [len(own) for own in parts.values()] == [10, 10]
    assert keys(deal_pairs(make_pairs(20)[::-1], WANTED, seed=1)) == keys(parts)


def test_the_same_message_or_reply_of_two_raters_ties_their_pairs() -> None:
    one, other = make_pairs(2)
    assert one.links.isdisjoint(other.links)
    (exchange,) = other.case.exchanges
    (copied,) = one.case.exchanges
    same = replace(exchange, replies=(copied.replies[1], exchange.replies[1]))
    tied = replace(other, case=replace(other.case, exchanges=(same,)))
    with pytest.raises(LeakError, match="Battle 2 of the held-out part has the same text"):
        check_parts({"training": (one,), "held-out": (tied,)})
    shouted = replace(exchange, message=copied.message.upper())
    tied = replace(other, case=replace(other.case, exchanges=(shouted,)))
    with pytest.raises(LeakError, match="same first message as battle 1"):
        check_parts({"training": (one,), "held-out": (tied,)})


def test_what_was_seen_is_not_held_out_and_what_was_tested_is_not_learned_from() -> None:
    pairs = make_pairs(30)
    first = deal_pairs(pairs, WANTED, seed=1)
    seen, tested = keys(first).values()
    again = deal_pairs(pairs, WANTED, seed=2, seen=seen, tested=tested)
    assert sorted(keys(again)["held-out"]) == sorted(tested)
    assert set(tested).isdisjoint(keys(again)["training"])
    assert set(seen).isdisjoint(keys(again)["held-out"])
    with pytest.raises(LeakError, match=f"Battle {seen[0]} was seen earlier"):
        check_unseen(first["training"], seen)


def test_words_of_a_pair_that_is_held_out_stop_a_proposal() -> None:
    training, held_out = make_pairs(6)[:5], make_pairs(6)[5:]
    leaked = replace(training[4], reason=held_out[0].case.exchanges[0].replies[1])
    steps = propose_criteria(training, held_out, OVERALL, seed=1)
    assert len(next(steps)) == 1
    copied = replace(training[0], case=held_out[0].case)
    with pytest.raises(LeakError, match="Words of battle 6, which is held out") as caught:
        next(propose_criteria([copied, leaked], held_out, OVERALL, seed=1))
    assert caught.value.pair == 6


def test_the_guard_knows_long_texts_by_their_beginning_and_passes_what_anyone_says() -> None:
    (call,) = next(propose_criteria(make_pairs(1), (), OVERALL, seed=1))
    pair = make_pairs(1)[0]
    (exchange,) = pair.case.exchanges
    longer = replace(exchange, replies=(exchange.replies[0] + " So it goes on.", "Thanks!"))
    with pytest.raises(LeakError):
        guard([call], [replace(pair, case=replace(pair.case, exchanges=(longer,)))])
    short = replace(exchange, message="Thanks!", replies=("Thanks!", "Begin with what"))
    guard([call], [replace(pair, case=replace(pair.case, exchanges=(short,)))])


def test_sides_are_drawn_so_that_place_tells_nothing_of_the_choice() -> None:
    pairs = make_pairs(200)
    shown = [decided_lines(pair, 1, draw_order(pair, seed=1)) for pair in pairs]
    firsts = sum(lines[-1]["text"] == "first" for lines in shown)
    assert 70 < firsts < 130
    for pair, lines in zip(pairs, shown, strict=True):
        chosen = next(line for line in lines if line["who"] == lines[-1]["text"])
        place = 0 if pair.preferred == "a" else 1
        assert chosen["text"] == pair.case.exchanges[0].replies[place]


def test_proposals_that_say_the_same_are_one_and_the_most_often_said_come_first() -> None:
    found = merge_criteria([PROPOSED[1], *PROPOSED])
    assert [each.name for each in found] == ["Examples", "Brevity", "Thanks"]
    assert [each.key for each in found] == ["criterion_1", "criterion_2", "criterion_3"]
    assert found[0].text == "shows what is meant by an instance"
    assert len(merge_criteria([f"Thing{n}: of{n}thing" for n in range(40)])) == MOST_CRITERIA
    assert merge_criteria(["Says why."])[0].name == "Says why."


def test_a_proposal_that_quotes_somebody_is_left_out() -> None:
    pair = make_pairs(1)[0]
    said = pair.case.messages[0]
    assert quotes(f"Good: replies when asked {said}", [pair])
    assert not quotes(f"Good: {said[:30]}", [pair])
    assert not quotes("Short.", [pair])
    seer = Seer(proposed=[*PROPOSED[:1], f"Good: replies when asked {said}"])
    found = conduct(propose_criteria([pair], (), OVERALL, seed=1), seer)
    assert [each.name for each in found] == ["Brevity"]


def test_each_pair_is_tried_in_both_orders_and_nobody_is_told_who_won() -> None:
    pairs, seer = make_pairs(8), Seer()
    criteria = merge_criteria(PROPOSED)
    trials = conduct(try_criteria(pairs, criteria, seed=1), seer)
    assert [call.key for call in seer.asked[:2]] == ["test:1/ab", "test:1/ba"]
    assert not any(line["who"] == "choice" for call in seer.asked for line in lines_of(call))
    wants = [1.0 if pair.preferred == "a" else -1.0 for pair in pairs]
    assert trials.more[:, 0].tolist() == wants
    assert not trials.disagree.any()


def test_orders_that_disagree_tell_nobody_apart_and_what_is_unreadable_is_missing() -> None:
    criteria = merge_criteria(PROPOSED)
    always = Answer(json.dumps({each.key: "first" for each in criteria}))

    def first_of_pair_1(call: Call) -> Answer | None:
        return always if call.key.startswith("test:1/") else None

    trials = conduct(try_criteria(make_pairs(2), criteria, seed=1), first_of_pair_1)
    assert trials.more[0].tolist() == [0.0] * 3
    assert trials.disagree[0].all()
    assert np.isnan(trials.more[1]).all()
    assert not trials.disagree[1].any()


def test_reasons_are_coded_and_who_gave_none_names_nothing() -> None:
    pairs = [
        replace(pair, reason=reason)
        for pair, reason in zip(make_pairs(3), [REASONS["Brevity"], "", "Dunno."], strict=True)
    ]
    named = conduct(code_reasons(pairs, merge_criteria(PROPOSED), seed=1), Seer())
    assert named[[0, 2]].tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert np.isnan(named[1]).all()
    lost = conduct(code_reasons(pairs, merge_criteria(PROPOSED), seed=1), Seer(mumbles="code"))
    assert np.isnan(lost).all()


def test_proposals_that_nobody_can_read_propose_nothing() -> None:
    seer = Seer(mumbles="propose")
    assert conduct(propose_criteria(make_pairs(5), (), OVERALL, seed=1), seer) == ()


def test_what_is_asked_is_as_it_was() -> None:
    seer, pair = Seer(), make_pairs(1, reason="It was short.")[0]
    criteria = conduct(propose_criteria([pair], (), OVERALL, seed=1), seer)
    conduct(try_criteria([pair], criteria, seed=1), seer)
    conduct(code_reasons([pair], criteria, seed=1), seer)
    asked = {call.key.partition(":")[0]: call for call in reversed(seer.asked)}
    written = "\n\n".join(
        f"=== {call.key}\n{call.messages[0].content}" for call in reversed(asked.values())
    )
    if "prompts" in os.environ.get("HUSTINGS_REWRITE", "").split(","):
        GOLDEN.write_text(written + "\n", encoding="utf-8")
    assert written + "\n" == GOLDEN.read_text(encoding="utf-8")
