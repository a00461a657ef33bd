"""What others wrote reaches a chat model as data: JSON lines between two lines with a fence.

Inside a JSON string a line's end is written as two signs, so no text begins a line of its own.
And since the fence is drawn when the text stands, no text can hold it.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

# Signs that end a line for some readers, and that JSON lets stand.
LINE_ENDS: Final = str.maketrans(dict.fromkeys("\x85\u2028\u2029", " "))

Line = Mapping[str, object]


def write_lines(lines: Iterable[Line]) -> str:
    """Each thing as one line of JSON."""
    data = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    return data.translate(LINE_ENDS)


def draw_fence(data: str, *, seed: str) -> str:
    """A fence of 32 signs for what is written already; the same again for the same seed.

    It is a digest of the data, and a text that held its own digest is not to be found.
    """
    return blake2b(f"{seed}\n{data}".encode(), digest_size=16).hexdigest()


def check_fence(data: str, *, fence: str) -> None:
    """ValueError if the fence stands in what it is to hold."""
    if fence in data:
        raise ValueError("The fence stands in what it is to hold.")
