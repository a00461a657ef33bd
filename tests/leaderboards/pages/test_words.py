"""The line of verdict says what the numbers say, and never more."""

from typing import Any

import pytest

from leaderboards.models import BoardRow
from leaderboards.pages.words import (
    listed,
    model_numbers,
    percent,
    probability,
    provisional_notes,
    rank_text,
    signed,
    tiers,
    verdict,
)
from tests.leaderboards.pages.rows import rated, row


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{WORD JOINER}", "")


def ranked(*intervals: tuple[int, int], **leader: Any) -> list[BoardRow]:
    names = ("Cedar", "Maple", "Juniper", "Aspen", "Rowan")
    rows = [
        row(name, rank, low, high)
        for rank, (name, (low, high)) in enumerate(zip(names, intervals, strict=False), start=1)
    ]
    for field, value in leader.items():
        setattr(rows[0], field, value)
    return rows


def test_who_leads_clearly_is_said_with_the_probability() -> None:
    rows = ranked((1, 1), (2, 4), (2, 4), (2, 4), p_best=0.94)
    assert plain(verdict(rows)) == (
        "Cedar leads with 94 % probability; places 2 to 4 are not separated."
    )


def test_no_draw_is_so_sure_that_it_says_a_hundred_per_cent() -> None:
    rows = ranked((1, 1), (2, 2), p_best=1.0)
    assert plain(verdict(rows)) == (
        "Cedar leads with more than 99 % probability; every place is separated from the next."
    )


def test_where_nobody_leads_clearly_the_contenders_are_named() -> None:
    rows = ranked((1, 3), (1, 3), (1, 3), (4, 4), p_best=0.6)
    rows[1].p_best, rows[2].p_best = 0.34, 0.04
    assert plain(verdict(rows)) == (
        "Nobody leads clearly: Cedar is the best with 60 % probability, Maple with 34 %; "
        "places 1 to 3 are not separated."
    )


def test_the_likeliest_best_is_named_first_even_if_another_ranks_first() -> None:
    rows = ranked((1, 2), (1, 2), p_best=0.3)
    rows[1].p_best = 0.7
    assert plain(verdict(rows)).startswith(
        "Nobody leads clearly: Maple is the best with 70 % probability, Cedar with 30 %"
    )


def test_all_equal_is_no_lead_and_no_separation() -> None:
    rows = ranked((1, 3), (1, 3), (1, 3))
    for each in rows:
        each.p_best = 1 / 3
    assert plain(verdict(rows)) == (
        "Nobody leads clearly: Cedar is the best with 33 % probability, Maple with 33 %, "
        "Juniper with 33 %; no two places are separated."
    )


def test_a_chain_of_intervals_is_not_said_to_be_inseparable() -> None:
    rows = ranked((1, 2), (1, 3), (2, 4), (3, 5), (4, 5), p_best=0.9)
    assert plain(verdict(rows)) == (
        "Cedar leads with 90 % probability; from first to last, places run into one another."
    )


def test_several_tiers_are_listed() -> None:
    rows = ranked((1, 2), (1, 2), (3, 3), (4, 5), (4, 5), p_best=0.95)
    assert plain(verdict(rows)).endswith("; places 1–2 and 4–5 are not separated.")


def test_a_chain_below_the_first_is_named_by_its_places() -> None:
    rows = ranked((1, 1), (2, 3), (2, 4), (3, 5), (4, 5), p_best=0.95)
    assert plain(verdict(rows)).endswith("; places 2 to 5 run into one another.")


def test_a_provisional_first_does_not_lead() -> None:
    rows = ranked((1, 2), (1, 2), p_best=0.99, is_provisional=True, losses=0)
    assert plain(verdict(rows)) == (
        "Cedar comes first, but provisionally: it has not lost a battle yet; "
        "no two places are separated."
    )


def test_other_provisional_contestants_are_named_or_counted() -> None:
    rows = ranked((1, 1), (2, 3), (2, 3), p_best=0.99)
    rows[2].is_provisional = True
    assert verdict(rows).endswith(" Juniper is provisional.")
    rows = ranked(*[(1, 5)] * 5, is_provisional=True, battles=0)
    for each in rows[1:]:
        each.is_provisional = True
    assert verdict(rows).endswith(" 4 more contestants are provisional.")


def test_one_contestant_leads_nobody() -> None:
    assert verdict(ranked((1, 1), p_best=1.0)) == (
        "Cedar is the only contestant: there is nobody to compare it with."
    )


def test_of_no_rows_nothing_is_said() -> None:
    assert verdict([]) == ""


def test_tiers_part_only_where_no_interval_reaches_across() -> None:
    rows = ranked((1, 1), (2, 4), (2, 3), (3, 4), (5, 5))
    assert [[r.name for r in tier] for tier in tiers(rows)] == [
        ["Cedar"],
        ["Maple", "Juniper", "Aspen"],
        ["Rowan"],
    ]


def test_reasons_of_provisional_places_are_gathered() -> None:
    rows = ranked((1, 4), (1, 4), (1, 4), (1, 4))
    for each, counts in zip(rows, ({"losses": 0}, {"losses": 0}, {"wins": 0}), strict=False):
        each.is_provisional = True
        for field, value in counts.items():
            setattr(each, field, value)
    assert provisional_notes(rows) == (
        "Cedar and Maple have not lost a battle yet.",
        "Juniper has not won a battle yet.",
    )


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "<1 %"),
        (0.009, "<1 %"),
        (0.01, "1 %"),
        (0.94, "94 %"),
        (0.991, ">99 %"),
        (1.0, ">99 %"),
    ],
)
def test_probabilities_in_tables(p: float, text: str) -> None:
    assert plain(probability(p)) == text


def test_numbers_as_people_write_them() -> None:
    assert signed(-1.234) == "−1.23"
    assert signed(-0.001) == "0.00"
    assert plain(percent(0.1234, decimals=1)) == "12.3 %"
    assert (rank_text(2, 2), rank_text(2, 4)) == ("2", "2–4")
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]


def test_the_model_s_numbers_have_names() -> None:
    shift = {"rank_shift_age": 2.84, "rank_shift_low_age": 2.1, "rank_shift_high_age": 3.5}
    fit = {"tau_age": 0.4396, "side_effect": -0.01, "effective_battles": 1234.5, "shape": 2.0}
    facts = model_numbers(fit | shift, {"age": "Age"})
    assert [(fact.label, fact.value) for fact in facts] == [
        ("Spread between groups τ: Age", "0.440"),
        ("Advantage of side A (log-odds)", "−0.010"),
        ("Battles, by what they are worth after weighting", "1,234"),
        ("Shape", "2.000"),
        ("How far groups place a contestant off its overall place: Age", "2.8 places, 2.1 to 3.5"),
    ]


def test_who_is_rated_best_is_said_with_the_mean_on_its_scale() -> None:
    rows = [rated("Cedar", 1, 1, 1, score=5.42, p_best=0.97), rated("Maple", 2, 2, 2)]
    assert plain(verdict(rows)) == (
        "Cedar is rated 5.4 of 7 and leads with 97 % probability; "
        "every place is separated from the next."
    )


def test_where_nobody_leads_the_likeliest_best_is_named_with_its_mean() -> None:
    rows = [rated("Cedar", 1, 1, 2, p_best=0.6), rated("Maple", 2, 1, 2, p_best=0.4)]
    assert plain(verdict(rows)) == (
        "Nobody leads clearly: Cedar, rated 5.5 of 7, is the best with 60 % probability, "
        "Maple with 40 %; no two places are separated."
    )


def test_the_mean_of_the_only_contestant_is_said() -> None:
    assert plain(verdict([rated("Cedar", 1, 1, 1)])) == (
        "Cedar, rated 5.5 of 7, is the only contestant: there is nobody to compare it with."
    )


@pytest.mark.parametrize(
    ("ratings", "missing"), [(0, "been rated"), (1, "been rated twice")], ids=["none", "one"]
)
def test_a_mean_that_nobody_gave_is_not_stated(ratings: int, missing: str) -> None:
    few = {"battles": ratings, "is_provisional": True, "p_best": 0.95}
    rows = [rated("Cedar", 1, 1, 1, **few), rated("Maple", 2, 2, 2)]
    assert verdict(rows).startswith(
        f"Cedar comes first, but provisionally: it has not {missing} yet; "
    )
    assert "of 7" not in plain(verdict(rows[:1]))
    assert provisional_notes(rows) == (f"Cedar has not {missing} yet.",)


def test_the_numbers_of_a_rating_model_have_names() -> None:
    numbers = model_numbers({"rater_sd": 0.7, "residual_sd": 1.04}, {})
    assert [(fact.label, fact.value) for fact in numbers] == [
        ("Spread between raters’ levels ω", "0.700"),
        ("Spread within a rater σ", "1.040"),
    ]
