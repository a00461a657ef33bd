"""The method page's sentences and its chart of axes."""

from leaderboards.models import BoardSection
from leaderboards.pages.method import SENTENCES, chart_of_axes, parameters
from leaderboards.ranking.boards import Engine

FIT = {
    "tie_propensity": 0.5, "side_effect": 0.0, "side_effect_sd": 0.1, "skill_sd": 1.0,
    "effective_battles": 800.4, "tau_age": 0.31, "rank_shift_age": 2.8,
    "rank_shift_low_age": 2.1, "rank_shift_high_age": 3.4, "tau_sex": 0.02,
    "rank_shift_sex": 1.0, "rank_shift_low_sex": 0.6, "rank_shift_high_sex": 1.4,
}  # fmt: skip
GROUPS = {
    "age": [BoardSection(axis_name="Age"), BoardSection(axis_name="Age")],
    "sex": [BoardSection(axis_name="Sex")],
}


def test_davidsons_numbers_are_said_in_battles() -> None:
    facts = SENTENCES[Engine.DAVIDSON](BoardSection(fit=FIT, battles=1000))
    said = {fact.label: fact.value.replace("\N{NO-BREAK SPACE}", " ") for fact in facts}
    # ν/(2 + ν), and a logistic of ±1.96 sd and of s.
    assert "20 % end in a tie" in said["Ties, ν = 0.50"]
    assert "wins 45 % to 55 %" in said["Sides, 0.00 ± 0.20"]
    assert said["Sides, 0.00 ± 0.20"].endswith("that may be no advantage at all.")
    assert "73 %" in said["Contestants, s = 1.00"]
    assert "1,000 battles are worth as much as 800" in said["Weighting"]


def test_an_advantage_that_is_more_than_chance_is_said_to_be_taken_out() -> None:
    fit = FIT | {"side_effect": 0.5}
    facts = SENTENCES[Engine.DAVIDSON](BoardSection(fit=fit, battles=1000))
    assert facts[1].value.endswith("this is taken out of the skills.")


def test_a_refused_section_has_no_numbers_to_explain() -> None:
    assert all(explain(BoardSection(fit={}, battles=0)) == () for explain in SENTENCES.values())


def test_the_axis_that_moves_most_is_named_only_where_intervals_do_not_meet() -> None:
    found = chart_of_axes(FIT, GROUPS)
    assert found is not None
    assert found.title == "Age moves contestants more than any other axis"
    assert found.bars[0].cells == ("2.1–3.4", "2.8", "0.31", "2")
    near = chart_of_axes(FIT | {"rank_shift_low_age": 1.2}, GROUPS)
    assert near is not None
    assert near.title == "No axis clearly moves contestants more than every other"
    assert chart_of_axes({"tie_propensity": 0.5}, GROUPS) is None


def test_an_engine_without_rank_shifts_still_states_its_spreads() -> None:
    found = chart_of_axes({"tau_age": 0.31}, GROUPS)
    assert found is not None
    assert found.bars[0].cells == ("–", "–", "0.31", "2")
    assert not found.bars[0].is_drawn


def test_parameters_are_those_that_the_engine_reads() -> None:
    given = {"seed": 1, "draws": 4000, "engine": "davidson", "hierarchical": {"skill_scale": 2.0},
             "trueskill": {"mu": 25.0}}  # fmt: skip
    facts = [(fact.label, fact.value) for fact in parameters(given, Engine.DAVIDSON)]
    assert facts == [
        ("Seed of the draws", "1"),
        ("Draws from the posterior", "4,000"),
        ("Scale of the half-normal prior of s", "2"),
    ]
