"""Low effort: screens on a rater's message, and on all her messages of a battle.

False-positive rates are measured on human chat, part of the messages or conversations that a
screen would flag, by `hustings.benchmarks.careless`: Topical-Chat (crowd workers, paid to
converse), TIAGE (crowd workers), and ConvAI2 (volunteers who try a bot, many of whom make little
effort: there, a flag is not always false).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.identity import is_identity_probe
from raters.quality.words import shingles, similarity, words

# A message of fewer words says little. .7 % of Topical-Chat's messages, none of TIAGE's and 34 %
# of ConvAI2's ("hi", "ok") have fewer: so one of them is a signal, and only a whole
# conversation of them a candidate for a strike.
MIN_WORDS: Final = 3
# Fewer messages than this are no conversation that could be called poor.
MIN_MESSAGES: Final = 3
# Fewer words are said twice by anybody: "thank you", "tell me more".
MIN_REPEATED_WORDS: Final = 4
# Part of the shingles of either text that both have; one word changed in thirty leaves .8.
# .2 % of TIAGE's messages repeat an earlier one (a flaw of theirs), none of Topical-Chat's, and
# 1.1 % of ConvAI2's.
NEARLY_SAME: Final = 0.8
# Words said over and over: so many words of which each stands three times on average.
MIN_MONOTONE_WORDS: Final = 6
MONOTONE_REPEATS: Final = 3
# Part of a message's shingles that stand in the task card, and its least words.
COPIED: Final = 0.8
MIN_COPIED_WORDS: Final = 6
# Part of a text's letters that stand in words nobody writes.
GIBBERISH: Final = 0.5
MIN_LETTERS: Final = 4
RARE_PAIRS: Final = 0.25
MIN_RARE_PAIRS: Final = 2
WALKED_PAIRS: Final = 0.8
# Below so many signs, or less of the text, pasting is nothing: a name, a link.
MIN_PASTED: Final = 40
PASTED: Final = 0.5

# What a study may set otherwise: least words, and shares from 0 to 1.
DEFAULT_THRESHOLDS: Final[Mapping[FlawKind, float]] = {
    FlawKind.TOO_SHORT: MIN_WORDS,
    FlawKind.REPEATED: NEARLY_SAME,
    FlawKind.GIBBERISH: GIBBERISH,
    FlawKind.COPIED_TASK: COPIED,
    FlawKind.PASTED: PASTED,
}

# Pairs of letters (first: seconds) below one in 2,000 in English chat and in each of 31 other
# languages' translations of Django.
_RARE: Final = frozenset(
    first + second
    for first, seconds in {
        "b": "cdfkpqvwxz", "c": "dfgpqvx", "d": "bcfqx", "f": "bcdgmpqvxz", "g": "bmpqxz",
        "h": "chpxz", "j": "bcghjpqrwxy", "k": "fgpqxz", "l": "qxz", "m": "cfgqxz", "n": "qx",
        "p": "bdkmqxz", "q": "bcdfghjkmnpqrsvwxyz", "r": "x", "s": "x", "t": "pq", "u": "q",
        "v": "bfghmpqwxz", "w": "bdfjkmqtvwxz", "x": "bcfghjkmnpqruvwxyz", "y": "q", "z": "fjqx",
    }.items()
    for second in seconds
)  # fmt: skip
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS: Final = frozenset(
    pair for row in _ROWS for one, other in pairwise(row) for pair in (one + other, other + one)
)
_LINKS_AND_CODE: Final = re.compile(r"\S*(?:[/_@\\<>{}=]|\w\.\w|\d)\S*")


def screen_message(
    text: str,
    *,
    earlier: Sequence[str] = (),
    task: str = "",
    pasted_signs: int = 0,
    thresholds: Mapping[FlawKind, float] = DEFAULT_THRESHOLDS,
) -> tuple[Flaw, ...]:
    """All flaws of one message, given her `earlier` ones of all her battles.

    `task` is the text of the task card, empty where there is none; `pasted_signs` is how many
    signs the browser says were pasted. `thresholds` are a study's own where it has some.
    """
    limits = {**DEFAULT_THRESHOLDS, **thresholds}
    found = (
        find_short(text, min_words=limits[FlawKind.TOO_SHORT]),
        find_repeated(text, earlier, nearly_same=limits[FlawKind.REPEATED]),
        find_gibberish(text, share=limits[FlawKind.GIBBERISH]),
        find_copied_task(text, task, share=limits[FlawKind.COPIED_TASK]),
        find_identity_probe(text),
        find_pasted(text, pasted_signs, share=limits[FlawKind.PASTED]),
    )
    return tuple(flaw for flaw in found if flaw)


def find_short(text: str, *, min_words: float = MIN_WORDS) -> Flaw | None:
    """A message of one word, or of few: a signal, since many an honest answer is."""
    length = len(words(text))
    if length >= min_words:
        return None
    kind = FlawKind.SINGLE_WORD if length <= 1 else FlawKind.TOO_SHORT
    said = f"has {length} words" if length > 1 else "is a single word"
    said = said if length else "has no word in it"
    evidence = f"Your message {quote(text)} {said}."
    return Flaw(kind, evidence, "find_short", is_strike=False, figures={"words": length})


def find_short_conversation(
    messages: Sequence[str], *, min_words: float = MIN_WORDS
) -> Flaw | None:
    """All her messages of one battle taken together: fewer than so many words each on average.

    A candidate for a strike. False positives among conversations of at least three messages:
    none of Topical-Chat's and TIAGE's, 27 % of ConvAI2's.
    """
    lengths = [len(words(message)) for message in messages]
    if len(lengths) < MIN_MESSAGES or sum(lengths) >= min_words * len(lengths):
        return None
    kind = FlawKind.SINGLE_WORD if max(lengths) <= 1 else FlawKind.TOO_SHORT
    said = f"Your {len(lengths)} messages have {sum(lengths)} words in all"
    evidence = f"{said}: {', '.join(quote(message) for message in messages[:5])}."
    figures = {"messages": len(lengths), "words": sum(lengths)}
    return Flaw(kind, evidence, "find_short_conversation", is_strike=True, figures=figures)


def find_repeated(
    text: str, earlier: Sequence[str], *, nearly_same: float = NEARLY_SAME
) -> Flaw | None:
    """The same message as an earlier one, or nearly; or the same words over and over."""
    said = words(text)
    if len(said) >= MIN_MONOTONE_WORDS and len(set(said)) * MONOTONE_REPEATS <= len(said):
        evidence = f"Your message {quote(text)} says the same words over and over."
        return _repeated(evidence, 1 - len(set(said)) / len(said))
    if len(said) < MIN_REPEATED_WORDS:
        return None
    own = shingles(text)
    for before in reversed(earlier):
        if words(before) == said:
            return _repeated(f"You sent {quote(text)} before.", 1.0)
        alike = similarity(own, shingles(before))
        if alike >= nearly_same:
            evidence = f"Your message {quote(text)} is nearly the same as {quote(before)}."
            return _repeated(evidence, alike)
    return None


def find_gibberish(text: str, *, share: float = GIBBERISH) -> Flaw | None:
    """Letters without sense: at least a `share` of them in words that nobody writes.

    Knows the Latin script only, and flags no other. Of 97,000 translated texts in 117 locales
    it flags three, of 18,400 chat messages one, which is gibberish. Of made-up keyboard mashing it
    finds .4 (any letters) to .7 (walks along a row): the rest is for people to see.
    """
    mashed = _gibberish_share(text)
    if mashed == 0 or mashed < share:
        return None
    evidence = f"Your message {quote(text)} is no text that can be read."
    figures = {"share": mashed}
    return Flaw(FlawKind.GIBBERISH, evidence, "find_gibberish", is_strike=True, figures=figures)


def find_copied_task(text: str, task: str, *, share: float = COPIED) -> Flaw | None:
    """The task card given back as the message: a `share` of its shingles stands in the card."""
    own = shingles(text)
    copied = len(own & shingles(task))
    if len(words(text)) < MIN_COPIED_WORDS or copied == 0 or copied < share * len(own):
        return None
    evidence = f"Your message {quote(text)} is copied from the task."
    figures = {"share": copied / len(own)}
    return Flaw(FlawKind.COPIED_TASK, evidence, "find_copied_task", is_strike=True, figures=figures)


def find_identity_probe(text: str) -> Flaw | None:
    """A question for the model's name or maker."""
    if not is_identity_probe(text):
        return None
    evidence = f"Your message {quote(text)} asks who the model is."
    return Flaw(FlawKind.IDENTITY_PROBE, evidence, "find_identity_probe", is_strike=True)


def find_pasted(text: str, pasted_signs: int, *, share: float = PASTED) -> Flaw | None:
    """Text that was pasted, by the browser's word: a signal, since it may be her own."""
    if pasted_signs < max(MIN_PASTED, share * len(text)):
        return None
    evidence = f"{pasted_signs} of the {len(text)} signs of {quote(text)} were pasted."
    figures = {"pasted": pasted_signs, "signs": len(text)}
    return Flaw(FlawKind.PASTED, evidence, "find_pasted", is_strike=False, figures=figures)


def _repeated(evidence: str, similarity: float) -> Flaw:
    figures = {"similarity": similarity}
    return Flaw(FlawKind.REPEATED, evidence, "find_repeated", is_strike=True, figures=figures)


def _gibberish_share(text: str) -> float:
    """Part of the letters, of any script, that stand in Latin words nobody writes."""
    plain = _LINKS_AND_CODE.sub(" ", text)
    letters = sum(sign.isalpha() for sign in plain)
    if letters < MIN_LETTERS:
        return 0.0
    apart = unicodedata.normalize("NFKD", plain)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return sum(len(word) for word in re.findall("[A-Za-z]+", bare) if _is_mashed(word)) / letters


def _is_mashed(word: str) -> bool:
    """Whether a word has rare pairs, no vowel, or walks along the keyboard.

    Capitals are spared, since they shorten names; drawn-out letters ("ohhh") count once.
    """
    if word.isupper():
        return False
    short = re.sub(r"(.)\1{2,}", r"\1", word.lower())
    pairs = [one + other for one, other in pairwise(short)]
    if sum(pair in _RARE for pair in pairs) >= max(MIN_RARE_PAIRS, RARE_PAIRS * len(pairs)):
        return True
    if len(short) > MIN_LETTERS and not set(short) & set("aeiouyw"):
        return True
    on_one_row = any(set(short) <= set(row) for row in _ROWS[1:])
    if on_one_row and len(short) > MIN_LETTERS + 1 and len(set(short)) > MIN_LETTERS:
        return True
    walked = sum(pair in _NEIGHBOURS for pair in pairs)
    return len(set(short)) >= MIN_LETTERS and walked >= WALKED_PAIRS * len(pairs)
