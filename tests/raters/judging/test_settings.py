"""What an admin can set, and what a form says of what she can't."""

import pytest

from raters.judging.errors import SettingsError
from raters.judging.protocols import PROTOCOLS
from raters.judging.settings import Orders, Settings
from tests.raters.judging.judges import ITEMS, TEXTS


def test_what_is_left_out_keeps_its_default() -> None:
    settings = Settings.parse({}, PROTOCOLS["pairwise"])
    assert settings == Settings()
    assert (settings.orders, settings.temperature, settings.repeats) == (Orders.BOTH, 0.0, 1)


def test_everything_that_is_set_is_read() -> None:
    said = {"orders": "random", "temperature": 1, "repeats": 3, "max_words": 40, "logprobs": True}
    assert Settings.parse(said, PROTOCOLS["pairwise"]) == Settings(
        orders=Orders.RANDOM, temperature=1.0, repeats=3, max_words=40, logprobs=True
    )
    ranking = Settings.parse({"batch_size": 4}, PROTOCOLS["batch"])
    assert ranking.batch_size == 4
    texts = Settings.parse({"rubric": TEXTS, "margin": 0.5}, PROTOCOLS["rubric"])
    assert texts.rubric["empathy"] == ("1: cold. 5: she is understood.",)
    assert texts.margin == 0.5
    items = Settings.parse({"rubric": ITEMS}, PROTOCOLS["boolean"], dimensions=ITEMS)
    assert items.rubric["overall"] == ("Says how.", "Says why.")
    persona = Settings.parse({"persona": "  A nurse. "}, PROTOCOLS["persona"])
    assert persona.persona == "A nurse."


@pytest.mark.parametrize(
    ("key", "said", "field", "message"),
    [
        ("pairwise", [], "settings", "one JSON object"),
        ("pairwise", {"temprature": 1}, "temprature", "no such setting; it has examples"),
        ("pairwise", {"persona": "A nurse."}, "persona", "no such setting"),
        ("batch", {"logprobs": True}, "logprobs", "no such setting"),
        ("pairwise", {"orders": "Both"}, "orders", "one of both, as_shown, swapped, random"),
        ("pairwise", {"orders": []}, "orders", "one of both"),
        ("pairwise", {"temperature": 2.5}, "temperature", "a number from 0 to 2"),
        ("pairwise", {"temperature": "1"}, "temperature", "a number"),
        ("pairwise", {"temperature": True}, "temperature", "a number"),
        ("pairwise", {"temperature": float("nan")}, "temperature", "a number"),
        ("pairwise", {"repeats": 0}, "repeats", "a whole number from 1 to 20"),
        ("pairwise", {"repeats": 1.5}, "repeats", "a whole number"),
        ("pairwise", {"repeats": True}, "repeats", "a whole number"),
        ("pairwise", {"logprobs": "yes"}, "logprobs", "true or false"),
        ("batch", {"batch_size": 2}, "batch_size", "from 3 to 12"),
        ("persona", {}, "persona", "can't do without it"),
        ("persona", {"persona": "   "}, "persona", "a text of up to"),
        ("persona", {"persona": 65}, "persona", "a text of up to"),
        ("pairwise", {"instructions": " "}, "instructions", "a text of up to"),
        ("pairwise", {"examples": []}, "examples", "a list of up to 8"),
        ("pairwise", {"examples": [{}]}, "examples", "each is an object"),
        ("pairwise", {"examples": [{"battle": True, "winner": {"x": "tie"}}]}, "examples", "each"),
        (
            "pairwise",
            {"examples": [{"battle": 1, "winner": {"x": "a"}}]},
            "examples",
            "one of first",
        ),
        ("pairwise", {"examples": [{"battle": 1, "winner": {}}]}, "examples", "keys of dimensions"),
        (
            "pairwise",
            {"examples": [{"turns": [{}], "winner": {"x": "tie"}}]},
            "examples",
            "turns is",
        ),
        ("persona", {"persona": "A nurse.", "examples": []}, "examples", "no such setting"),
        ("rubric", {}, "rubric", "can't do without it"),
        ("rubric", {"rubric": "Be kind."}, "rubric", "an object"),
        ("rubric", {"rubric": ITEMS}, "rubric", "one text for overall"),
        ("boolean", {"rubric": TEXTS}, "rubric", "a list of items for overall"),
        ("boolean", {"rubric": {"overall": []}}, "rubric", "from one to 30 items"),
        ("boolean", {"rubric": {"overall": ["Kind.", 1]}}, "rubric", "a text"),
        ("boolean", {"rubric": {"overall": ["Kind.", "Kind. "]}}, "rubric", "an item twice"),
        ("rubric", {"rubric": TEXTS | {"wit": "1: none."}}, "rubric", "no dimension wit"),
        ("rubric", {"rubric": {"overall": "1: bad."}}, "rubric", "nothing of empathy"),
    ],
)
def test_what_says_nothing_is_refused_under_its_name(
    key: str, said: object, field: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        Settings.parse(said, PROTOCOLS[key], dimensions=["overall", "empathy"])
    assert caught.value.field == field


def test_a_breakdown_s_rubric_need_not_speak_of_every_dimension() -> None:
    said = {"rubric": {"empathy": ["Who is meant?"]}}
    settings = Settings.parse(said, PROTOCOLS["breakdown"], dimensions=["overall", "empathy"])
    assert settings.rubric == {"empathy": ("Who is meant?",)}


def test_every_protocol_says_what_it_is() -> None:
    assert list(PROTOCOLS) == [
        "pairwise", "single", "rubric", "boolean", "breakdown", "criteria", "batch", "persona",
        "reference",
    ]  # fmt: skip
    for key, protocol in PROTOCOLS.items():
        assert protocol.key == key
        assert protocol.explanation.count(".") == 1
        assert protocol.required <= protocol.settings
        assert ("rubric" in protocol.settings) == (protocol.rubric is not None)
