"""A bot of many words, which come near the subject and leave again."""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any, Final

from studies.providers.bots.words import read_script, subjects_of

PARAGRAPHS: Final = 4


def answer(said: Sequence[str], chance: Random) -> str:
    """An opening, four paragraphs on the subject's surroundings, and a conclusion without one."""
    script = _script()
    subjects = subjects_of(said[-1], PARAGRAPHS) or ["this"]
    middles = [
        middle.format(subject=subjects[place % len(subjects)])
        for place, middle in enumerate(chance.sample(script["middles"], PARAGRAPHS))
    ]
    opening, closing = chance.choice(script["openings"]), chance.choice(script["closings"])
    return "\n\n".join([opening, *middles, closing])


@cache
def _script() -> dict[str, Any]:
    return read_script("rambler")
