"""Several chat models find together."""

import pytest

from raters.judging.findings import Finding, Outcome
from raters.judging.jury import combine_jury


def jury(*outcomes: Outcome | None) -> dict[str, Finding]:
    return {f"Judge {n}": Finding("overall", said) for n, said in enumerate(outcomes, start=1)}


@pytest.mark.parametrize(
    ("outcomes", "wanted", "certainty", "dissent", "abstained"),
    [
        (("a", "a", "b"), "a", 2 / 3, 1, 0),
        (("a", "tie", "tie", "b"), "tie", 1 / 2, 2, 0),
        (("a", "b"), "tie", 0, 2, 0),
        (("a", "a", "tie", "tie", "b"), "tie", 2 / 5, 3, 0),
        (("b", None, None), "b", 1, 0, 2),
        ((None, None), None, None, 0, 2),
        (("tie",), "tie", 1, 0, 0),
    ],
)
def test_the_majority_finds_and_dissent_is_counted(
    outcomes: tuple[Outcome | None, ...],
    wanted: Outcome | None,
    certainty: float | None,
    dissent: int,
    abstained: int,
) -> None:
    found = combine_jury(jury(*outcomes))
    assert found.finding.outcome == wanted
    assert found.finding.certainty == (None if certainty is None else pytest.approx(certainty))
    assert (found.dissent, found.abstained) == (dissent, abstained)
    assert found.votes_a + found.votes_tie + found.votes_b + abstained == len(outcomes)


def test_what_each_judge_said_is_kept() -> None:
    found = combine_jury(
        {
            "Ash": Finding("empathy", "a", score_a=4, score_b=2, reason="Warm."),
            "Oak": Finding("empathy", "tie", score_a=3, score_b=3, reason="Alike."),
            "Yew": Finding("empathy", None),
        }
    ).finding
    assert [(s.key, s.outcome) for s in found.samples] == [
        ("judge:Ash", "a"), ("judge:Oak", "tie"), ("judge:Yew", None),
    ]  # fmt: skip
    assert (found.dimension, found.score_a, found.score_b) == ("empathy", 3.5, 2.5)
    assert found.reason == "Ash: Warm.\nOak: Alike."


def test_a_jury_finds_on_one_dimension_at_a_time() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        combine_jury({"Ash": Finding("overall", "a"), "Oak": Finding("empathy", "a")})
    with pytest.raises(ValueError, match="one dimension"):
        combine_jury({})
