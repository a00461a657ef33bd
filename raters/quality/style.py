"""How a reply looks, whatever it says: its length, and its marks of Markdown."""

import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Final

from markdown_it import MarkdownIt

from raters.quality.words import words

# The Markdown that pages show: CommonMark with tables, and neither HTML nor images.
_parser: Final = MarkdownIt("commonmark", {"html": False})
_parser.enable(["table", "strikethrough"]).disable("image")
_MARKS: Final = {
    "list_item_open": "list_items",
    "heading_open": "headers",
    "strong_open": "bold",
    "link_open": "links",
    "fence": "code_blocks",
    "code_block": "code_blocks",
}
# A pictograph with its colour and what it is joined to, or the two letters of a flag.
_PICTURE: Final = "[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]*"
_EMOJI: Final = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}(?:\u200d{_PICTURE})*")


@dataclass(frozen=True)
class Style:
    """What is counted in one text, or in several together.

    Marks are counted as they are shown: inside code there are none. A run of bold is one however
    many words it has. `words` are those of code too, since they are read.
    """

    words: int = 0
    list_items: int = 0
    headers: int = 0
    bold: int = 0
    links: int = 0
    code_blocks: int = 0
    emoji: int = 0

    def __add__(self, other: "Style") -> "Style":
        """Both texts together."""
        return Style(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def style_of(text: str) -> Style:
    """Count a reply in Markdown."""
    counted = dict.fromkeys(_MARKS.values(), 0)
    for block in _parser.parse(text):
        for token in (block, *(block.children or ())):
            if token.type in _MARKS:
                counted[_MARKS[token.type]] += 1
    return Style(words=len(words(text)), emoji=len(_EMOJI.findall(text)), **counted)


def style_of_all(texts: Iterable[str]) -> Style:
    """Count several replies together, as those of one side of a battle."""
    return sum(map(style_of, texts), Style())
