"""Two bots that know nothing: one sums up and asks on, the other repeats."""

from collections.abc import Sequence
from random import Random
from typing import Final

from studies.providers.bots.words import sentences_of, subjects_of, weighty_words_of

QUESTIONS: Final = (
    "What would a good outcome look like for you?",
    "What have you tried so far, and what came of it?",
    "What is the hardest part of it at the moment?",
    "By when does it have to be settled?",
    "Who else is affected, and what do they want?",
    "If you could change one thing about it today, which would it be?",
)
QUOTED_WORDS: Final = 30


def summarise(said: Sequence[str], chance: Random) -> str:
    """What was said, in a list of its weightiest sentences, and one question that goes on."""
    sentences = [sentence for text in said for sentence in sentences_of(text)]
    if not sentences:
        return "You have not told me anything yet. What is on your mind?"
    heaviest = sorted(sentences, key=_weight, reverse=True)[:3]
    points = "\n".join(f"- {_shortened(s)}" for s in sentences if s in heaviest)
    subjects = subjects_of(" ".join(said), 3)
    about = f" It seems to be mostly about **{', '.join(subjects)}**." if subjects else ""
    # One after the other, from a place that chance gives, so that none comes twice in a row.
    question = QUESTIONS[(chance.randrange(2) + 2 * len(said)) % len(QUESTIONS)]
    return (
        f"Let me check that I have understood you:\n\n{points}\n\nIs that right?{about} {question}"
    )


def echo(said: Sequence[str], chance: Random) -> str:
    """The rater's own words."""
    words = said[-1].strip() or "…"
    return chance.choice((words, f"You said: {words}"))


def _weight(sentence: str) -> int:
    """How many different words of a sentence carry meaning."""
    return len(set(weighty_words_of(sentence)))


def _shortened(sentence: str) -> str:
    words = sentence.split()
    return " ".join(words[:QUOTED_WORDS]) + ("…" if len(words) > QUOTED_WORDS else "")
