"""Low effort: what each screen finds, and what it must leave alone."""

import gettext
import random
from pathlib import Path

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raters.quality.effort import (
    find_copied_task,
    find_gibberish,
    find_identity_probe,
    find_pasted,
    find_repeated,
    find_short,
    find_short_conversation,
    screen_message,
)
from raters.quality.flaws import QUOTED_SIGNS, SCREEN_VERSION, Flaw, FlawKind, quote
from raters.quality.words import shingles, similarity, words

TASK = "Plan a weekend trip for a family of four that costs less than two hundred pounds."


def _kind(flaw: Flaw | None) -> FlawKind | None:
    return flaw.kind if flaw else None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("…!? 🙂", 0),
        ("Don't stop-start, e.g. here", 4),
        ("नमस्ते दुनिया", 2),
        ("你好吗", 2),
        ("今天天气怎么样 today", 5),
        ("สวัสดีครับ", 5),
        ("안녕하세요 여러분", 2),
    ],
)
def test_words_are_counted_in_any_script(text: str, count: int) -> None:
    assert len(words(text)) == count


def test_case_punctuation_and_width_make_no_other_words() -> None:
    assert words("Hello,  WORLD!") == words("ｈｅｌｌｏ world")


@given(st.lists(st.sampled_from("abcdefgh"), max_size=12), st.integers(1, 4))
def test_shingles_are_the_words_that_follow_each_other(letters: list[str], size: int) -> None:
    naive = {tuple(letters[i : i + size]) for i in range(len(letters) - size + 1)}

    expected = naive or ({tuple(letters)} if letters else set())

    assert shingles(" ".join(letters), size) == expected


def test_nothing_is_similar_to_nothing() -> None:
    assert similarity(frozenset(), frozenset()) == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ok", FlawKind.SINGLE_WORD),
        ("?", FlawKind.SINGLE_WORD),
        ("go on", FlawKind.TOO_SHORT),
        ("Tell me more", None),
        ("为什么天空是蓝色", None),
    ],
)
def test_a_short_message_is_a_signal_and_never_a_strike(text: str, kind: FlawKind | None) -> None:
    flaw = find_short(text)

    assert _kind(flaw) == kind
    assert flaw is None or not flaw.is_strike


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        (["hi", "ok", "bye"], FlawKind.SINGLE_WORD),
        (["hi", "go on", "thank you"], FlawKind.TOO_SHORT),
        (["hi", "What is a good soup for a cold day?", "ok"], None),
        (["hi", "ok"], None),
    ],
)
def test_a_conversation_of_short_messages_may_be_a_strike(
    messages: list[str], kind: FlawKind | None
) -> None:
    flaw = find_short_conversation(messages)

    assert _kind(flaw) == kind
    assert flaw is None or flaw.is_strike


def test_a_repeated_message_is_found_whatever_its_case() -> None:
    flaw = find_repeated("What is the tallest tree?", ["Hello there", "what is the TALLEST tree"])

    assert flaw is not None
    assert flaw.kind == FlawKind.REPEATED
    assert flaw.is_strike
    assert "“What is the tallest tree?”" in flaw.evidence


def test_a_long_message_with_one_word_changed_is_found() -> None:
    before = " ".join(f"word{n}" for n in range(40))

    assert find_repeated(before.replace("word20", "other"), [before]) is not None


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("Thank you very", ["thank you very"]),
        ("What is the capital of France?", ["What is the capital of Spain?"]),
        ("What is the capital of France?", []),
        ("no no no", []),
    ],
)
def test_short_or_different_messages_are_no_repetition(text: str, earlier: list[str]) -> None:
    assert find_repeated(text, earlier) is None


def test_the_same_words_over_and_over_are_found() -> None:
    assert _kind(find_repeated("blue car " * 4, [])) == FlawKind.REPEATED


@pytest.mark.parametrize(
    "text",
    [
        "asdfghjkl",
        "qwerty qwerty",
        "sdfkj hgdfk jshdf",
        "xkqzvw pqjx",
        "lkjdslkfj sdlkfj dsklfj",
        "zxcvbnm ok zxcvbnm",
    ],
)
def test_keyboard_mashing_is_gibberish(text: str) -> None:
    flaw = find_gibberish(text)

    assert _kind(flaw) == FlawKind.GIBBERISH
    assert flaw is not None
    assert flaw.is_strike


@pytest.mark.parametrize(
    "text",
    [
        "ohhhh hmmmm pfff",
        "HTTPS or NTFS",
        "Why does my nginx give 502?",
        "Wie schreibt man Angstschweiß?",
        "Szczęście w nieszczęściu, chrząszcz brzmi w trzcinie",
        "Sut mae'r tywydd yng Nghaerdydd?",
        "Привет, как дела?",
        "مرحبا كيف حالك",
        "こんにちは",
        "def f(x): return x",
        "https://xkqz.example/zxcvb",
        "haha Alaska",
        "12345 67890",
    ],
)
def test_what_people_write_is_no_gibberish(text: str) -> None:
    assert find_gibberish(text) is None


@given(st.text(st.characters(min_codepoint=0x0370, max_codepoint=0x1CFF)))
def test_a_text_without_latin_letters_is_no_gibberish(text: str) -> None:
    assert find_gibberish(text) is None


def test_less_than_one_in_a_thousand_of_djangos_translations_is_gibberish() -> None:
    """Ninety languages; every text, its placeholders too."""
    translated, flagged = 0, []
    for path in Path(django.__file__).parent.glob("conf/locale/*/LC_MESSAGES/django.mo"):
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)
        texts = [text for text in vars(catalog)["_catalog"].values() if isinstance(text, str)]
        translated += len(texts)
        flagged += [text for text in texts if find_gibberish(text)]

    assert translated > 20_000
    assert len(flagged) < translated / 1000, flagged


def test_most_walks_over_the_keyboard_are_gibberish() -> None:
    rng = random.Random(1)

    def walk() -> str:
        row = rng.choice(("qwertyuiop", "asdfghjkl", "zxcvbnm"))
        return "".join(rng.choice(row) for _ in range(rng.randint(6, 12)))

    found = [find_gibberish(" ".join(walk() for _ in range(3))) is not None for _ in range(500)]

    assert sum(found) / len(found) > 0.6


@pytest.mark.parametrize(
    ("text", "is_copied"),
    [
        (TASK, True),
        ("plan a weekend trip for a family of four", True),
        ("We are four. Where could we go for a cheap weekend?", False),
        ("a weekend trip", False),
    ],
)
def test_a_message_copied_from_the_task_is_found(text: str, is_copied: bool) -> None:
    assert (find_copied_task(text, TASK) is not None) == is_copied


def test_without_a_task_nothing_is_copied() -> None:
    assert find_copied_task(TASK, "") is None


def test_a_question_for_the_model_is_found() -> None:
    assert _kind(find_identity_probe("Which model are you?")) == FlawKind.IDENTITY_PROBE
    assert find_identity_probe("Which model of bicycle is best?") is None


@pytest.mark.parametrize(
    ("pasted", "is_found"), [(0, False), (39, False), (40, False), (60, True), (500, True)]
)
def test_pasted_text_is_a_signal_where_it_is_half_of_the_message(
    pasted: int, is_found: bool
) -> None:
    flaw = find_pasted("a" * 100, pasted)

    assert (flaw is not None) == is_found
    assert flaw is None or not flaw.is_strike


def test_an_honest_message_has_no_flaw() -> None:
    text = "My daughter is afraid of dogs. How do I help her?"

    assert screen_message(text, earlier=["Hello, can you help me?"], task=TASK) == ()


def test_a_study_may_set_thresholds_of_its_own() -> None:
    text = "What is the capital of France?"
    strict = {FlawKind.TOO_SHORT: 10, FlawKind.REPEATED: 0.3, FlawKind.GIBBERISH: 0.0}

    flaws = screen_message(text, earlier=["What is the capital of Spain?"], thresholds=strict)

    assert [flaw.kind for flaw in flaws] == [FlawKind.TOO_SHORT, FlawKind.REPEATED]
    assert flaws[0].figures == {"words": 6}
    assert flaws[1].figures["similarity"] == pytest.approx(3 / 5)


def test_a_message_may_have_several_flaws() -> None:
    flaws = screen_message(TASK, earlier=[TASK], task=TASK, pasted_signs=len(TASK))

    assert [flaw.kind for flaw in flaws] == [
        FlawKind.REPEATED,
        FlawKind.COPIED_TASK,
        FlawKind.PASTED,
    ]
    assert {flaw.version for flaw in flaws} == {SCREEN_VERSION}


@given(st.text())
def test_every_flaw_quotes_the_message_on_one_short_line(text: str) -> None:
    for flaw in screen_message(text, earlier=[text], task=text, pasted_signs=len(text)):
        assert quote(text) in flaw.evidence
        assert "\n" not in flaw.evidence
        assert len(quote(text)) <= QUOTED_SIGNS + 2
