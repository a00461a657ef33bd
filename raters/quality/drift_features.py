"""What a turn shows of whether it keeps to the thread: words shared, themes, and how it opens.

English only. Everything looks back, never ahead, so that a turn can be judged when it comes.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import Final

# A turn is read from both ends: what it answers stands first, what it asks stands last.
MAX_SIGNS: Final = 2000
# How far back "all that was said" goes. It bounds the time per turn.
MAX_TURNS: Final = 30
SPANS: Final = {"last": 1, "two": 2, "four": 4, "all": MAX_TURNS}

Weigh = Callable[[Iterable[str]], float]

_EXPANDED: Final = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\b(it|that|what|who|where|how|he|she|there|here|name)'s\b"), r"\1 is"),
    (re.compile(r"'s\b"), ""),
)
_WORD: Final = re.compile(r"[a-z]+|\d+")
_SENTENCE: Final = re.compile(r"[^.?!\n]+[.?!\s]*")
_ENDINGS: Final = (
    "ingly", "edly", "ings", "ies", "ing", "ers", "est", "ed", "er", "es", "ly", "s", "y", "e",
)  # fmt: skip


def _word_lists(file: str) -> dict[str, frozenset[str]]:
    """The lists of a file beside this one, a list a line: `name: words`."""
    lines = resources.files(__package__).joinpath(file).read_text("utf-8").splitlines()
    return {name: frozenset(words.split()) for name, _, words in (s.partition(":") for s in lines)}


# `empty` words say nothing of the topic.
_KINDS: Final = _word_lists("drift_words.txt")
_EMPTY: Final = _KINDS["empty"]
_POINTING: Final = _KINDS["pointing"]
_ASKING: Final = _KINDS["asking"]
_HELPING: Final = _KINDS["helping"]
_ANSWERING: Final = _KINDS["answering"]
_YOU: Final = frozenset(("you", "your", "yours"))
_I: Final = frozenset(("i", "my", "me"))


@dataclass(frozen=True)
class Sentence:
    """One sentence: its words, whether it asks, and the stems that carry its meaning."""

    words: tuple[str, ...]
    asks: bool
    stems: frozenset[str]


@dataclass(frozen=True)
class Turn:
    """A turn as it is compared with others: lower case, contractions written out."""

    words: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    stems: frozenset[str]
    themes: frozenset[str]
    questions: int
    exclamations: int

    @property
    def asks(self) -> bool:
        return self.questions > 0

    @property
    def ends_asking(self) -> bool:
        return bool(self.sentences) and self.sentences[-1].asks


_SILENCE: Final = Turn((), (), frozenset(), frozenset(), 0, 0)


def read_turn(text: str) -> Turn:
    """The turn of a text; of a long text the beginning and the end are read."""
    if len(text) > MAX_SIGNS:
        text = f"{text[: MAX_SIGNS // 2]}\n{text[-MAX_SIGNS // 2 :]}"
    text = text.lower().replace("’", "'")
    for short, written_out in _EXPANDED:
        text = short.sub(written_out, text)
    sentences = [
        Sentence(words, "?" in match.group(), content_stems(words))
        for match in _SENTENCE.finditer(text)
        if (words := tuple(_WORD.findall(match.group())))
    ]
    stems = frozenset().union(*(sentence.stems for sentence in sentences))
    return Turn(
        words=tuple(word for sentence in sentences for word in sentence.words),
        sentences=tuple(sentences),
        stems=stems,
        themes=themes_of(stems),
        questions=text.count("?"),
        exclamations=text.count("!"),
    )


@cache
def _themes() -> dict[str, frozenset[str]]:
    """The themes of each stem that has any."""
    found: dict[str, set[str]] = {}
    for theme, words in _word_lists("drift_themes.txt").items():
        for word in words:
            found.setdefault(stem(word), set()).add(theme)
    return {each: frozenset(themes) for each, themes in found.items()}


def themes_of(stems: Iterable[str]) -> frozenset[str]:
    """The themes that any of the stems belongs to."""
    known = _themes()
    return frozenset().union(*(known.get(each, frozenset()) for each in stems))


def unrelated(stems: Iterable[str], others: frozenset[str], themes: frozenset[str]) -> set[str]:
    """The stems that are neither among the others nor of one of these themes."""
    known = _themes()
    return {
        each
        for each in stems
        if each not in others and themes.isdisjoint(known.get(each, frozenset()))
    }


def new_stems(thread: Sequence[Turn], i: int, span: int) -> set[str]:
    """The stems of turn `i` that nothing in the `span` turns before it goes with."""
    before = thread[max(0, i - span) : i]
    said = frozenset().union(*(each.stems for each in before))
    themes = frozenset().union(*(each.themes for each in before))
    return unrelated(thread[i].stems, said, themes)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """The word without one ending, crudely: `stories` and `story` give the same."""
    for ending in _ENDINGS:
        if not word.endswith(ending) or len(word) - len(ending) < 3:
            continue
        if ending == "s" and word.endswith("ss"):
            continue
        root = word[: -len(ending)]
        if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "ls":
            root = root[:-1]
        if ending in {"ings", "ers", "es", "s"} and len(root) > 3 and root[-1] in "ey":
            root = root[:-1]
        return root
    return word


_EMPTY_STEMS: Final = frozenset(map(stem, _EMPTY))


def is_empty_word(word: str) -> bool:
    """Whether the word says nothing of the topic: `the`, `really`, `favourite`."""
    return len(word) < 2 or word in _EMPTY or stem(word) in _EMPTY_STEMS


def content_stems(words: Iterable[str]) -> frozenset[str]:
    """The stems of the words that say something of the topic."""
    return frozenset(stem(word) for word in words if not is_empty_word(word))


def measures(thread: Sequence[Turn], i: int, weigh: Weigh) -> dict[str, float]:
    """Numbers about turn `i` ≥ 1 of the thread; the names are the same for every turn.

    `weigh` gives the weight of stems together: rare words weigh more.
    """
    turn, previous = thread[i], thread[i - 1]
    found = {"weight": weigh(turn.stems), "stems": float(len(turn.stems))}
    for name, length in SPANS.items():
        found |= _against_span(name, turn, thread[max(0, i - length) : i], weigh)
    found |= _sentences_against(turn, previous, weigh)
    found |= _form(turn)
    found |= _setting(thread, i, weigh)
    free = 1.0 - found["previous asks"]
    found["asks unasked"] = found["ends asking"] * free
    found["says unasked"] = (1.0 - found["asks"]) * free
    found["unrelated unasked"] = found["unrelated two"] * free
    found["unrelated asked unasked"] = found["unrelated two"] * found["asks unasked"]
    found["unrelated end unasked"] = found["unrelated end"] * (1.0 - found["previous ends asking"])
    return found


def _against_span(name: str, turn: Turn, span: Sequence[Turn], weigh: Weigh) -> dict[str, float]:
    """How much of the turn stood in these turns before it, by words and by themes.

    Where a turn holds no word of meaning its shares are one half: it tells nothing.
    """
    weight = weigh(turn.stems)
    said = frozenset().union(*(each.stems for each in span))
    themes = frozenset().union(*(each.themes for each in span))
    shared = turn.stems & said
    strange = unrelated(turn.stems, said, themes)
    return {
        f"shared {name}": weigh(shared),
        f"shares {name}": float(bool(shared)),
        f"shared part {name}": weigh(shared) / weight if weight else 0.5,
        f"new {name}": weigh(turn.stems - said),
        f"newest {name}": max((weigh((each,)) for each in turn.stems - said), default=0.0),
        f"theme {name}": float(not themes.isdisjoint(turn.themes)),
        f"theme part {name}": (
            len(turn.themes & themes) / len(turn.themes) if turn.themes else 0.5
        ),
        f"unrelated {name}": weigh(strange),
        f"unrelated part {name}": weigh(strange) / weight if weight else 0.5,
        f"most unrelated {name}": max((weigh((each,)) for each in strange), default=0.0),
        f"unrelated themed {name}": float(sum(1 for each in strange if each in _themes())),
    }


def _sentences_against(turn: Turn, previous: Turn, weigh: Weigh) -> dict[str, float]:
    """The turn's first sentence, its last, and the strangest, against the turn before."""
    strange = [
        weigh(unrelated(sentence.stems, previous.stems, previous.themes))
        for sentence in turn.sentences
    ]
    asked = [weight for weight, each in zip(strange, turn.sentences, strict=True) if each.asks]
    first = turn.sentences[0].stems if turn.sentences else frozenset()
    last = turn.sentences[-1] if turn.sentences else Sentence((), asks=False, stems=frozenset())
    before = previous.stems.union(*(sentence.stems for sentence in turn.sentences[:-1]))
    at_end = weigh(unrelated(last.stems, before, themes_of(before)))
    weight = weigh(last.stems)
    return {
        "strangest": max(strange, default=0.0),
        "strangest question": max(asked, default=0.0),
        "shared first": weigh(first & previous.stems),
        "first weight": weigh(first),
        "end weight": weight,
        "unrelated end": at_end,
        "unrelated end question": at_end * last.asks,
        "shared part end": weigh(last.stems & before) / weight if weight else 0.5,
    }


def _form(turn: Turn) -> dict[str, float]:
    """How the turn is made, whatever it is about."""
    words, sentences = turn.words, turn.sentences
    first, last = (sentences[0].words, sentences[-1].words) if sentences else ((), ())
    opening, ending = words[0] if words else "", last[0] if last else ""
    return {
        "asks": float(turn.asks),
        "questions": float(min(turn.questions, 4)),
        "ends asking": float(turn.ends_asking),
        "opens asking": float(bool(sentences) and sentences[0].asks),
        "asks in short": float(turn.ends_asking and len(last) <= 3),
        "asks about you": float(turn.ends_asking and not _YOU.isdisjoint(last)),
        "says you": float(sum(word in _YOU for word in words)),
        "says I": float(sum(word in _I for word in words)),
        "exclamations": float(min(turn.exclamations, 3)),
        "length": math.log1p(len(words)),
        "first length": math.log1p(len(first)),
        "end length": math.log1p(len(last)),
        "sentences": float(min(len(sentences), 5)),
        "points early": float(sum(word in _POINTING for word in words[:5])),
        "points": sum(word in _POINTING for word in words) / (len(words) + 1),
        "points at end": float(sum(word in _POINTING for word in last)),
        "opens pointing": float(opening in _POINTING),
        "opens with wh": float(opening in _ASKING),
        "opens helping": float(opening in _HELPING),
        "opens answering": float(opening in _ANSWERING),
        "opens with I": float(opening in {"i", "my", "we"}),
        "end opens with wh": float(ending in _ASKING),
        "end opens helping": float(ending in _HELPING),
    }


def _setting(thread: Sequence[Turn], i: int, weigh: Weigh) -> dict[str, float]:
    """Where in the conversation the turn stands, and what the turns before it did."""
    turn, previous = thread[i], thread[i - 1]
    earlier = thread[i - 2] if i > 1 else _SILENCE
    unasked = next((k for k in range(min(i, 5)) if thread[i - 1 - k].asks), min(i, 5))
    return {
        "place": math.log(i),
        "second": float(i == 1),
        "third": float(i == 2),
        "fourth": float(i == 3),
        "late": max(0, min(i, MAX_TURNS) - 10) / 5,
        "previous asks": float(previous.asks),
        "previous ends asking": float(previous.ends_asking),
        "previous length": math.log1p(len(previous.words)),
        "previous sentences": float(min(len(previous.sentences), 5)),
        "previous weight": weigh(previous.stems),
        "previous shared": weigh(previous.stems & earlier.stems),
        "previous theme": float(not previous.themes.isdisjoint(earlier.themes)),
        "one before asks": float(earlier.asks),
        "shared with own": weigh(turn.stems & earlier.stems),
        "turns unasked": float(unasked),
        "themes": float(len(turn.themes)),
    }


def traits(turn: Turn, previous: Turn) -> frozenset[str]:
    """Words, phrases and themes that the turn has or has not, each with the place it stands at."""
    words = turn.words
    found = {f"word {stem(word)}" for word in words}
    found |= {f"pair {a} {b}" for a, b in pairwise(words)}
    found |= {f"before {stem(word)}" for word in previous.words}
    found |= {f"asked {stem(word)}" for each in turn.sentences if each.asks for word in each.words}
    found |= {f"theme {theme}" for theme in turn.themes - previous.themes}
    found |= {f"theme kept {theme}" for theme in turn.themes & previous.themes}
    found |= {f"theme left {theme}" for theme in previous.themes - turn.themes}
    if words:
        found |= {f"opens {words[0]}", f"opens {' '.join(words[:2])}"}
    if turn.sentences:
        last, mark = turn.sentences[-1].words, "?" * turn.ends_asking
        found |= {f"end {word}" for word in last[:3]}
        found |= {f"end opens {' '.join(last[:k])}{mark}" for k in (2, 3, 4)}
    if previous.sentences:
        mark = "?" * previous.ends_asking
        found.add(f"before end {' '.join(previous.sentences[-1].words[:2])}{mark}")
    return frozenset(found)
