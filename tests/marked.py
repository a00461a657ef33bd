"""What a template says that no catalogue can say otherwise: its words outside translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import Lexer, Token, TokenType

SPOKEN = ("aria-label", "alt", "content", "label", "placeholder", "summary", "title")
# Data that a page or its stylesheet reads out.
SPOKEN_DATA = ("data-label", "data-words", "data-answered", "data-unanswered", "data-step")
# Two letters or more, of which one is small: neither a formula nor an abbreviation.
WORD = re.compile(r"\b(?=\w*[a-z])[^\W\d_]{2,}")
# What a filter says, or a tag passes on to another template.
IN_FILTER = re.compile(r"\|(?:add|default|default_if_none|yesno):\"([^\"]*)\"")
PASSED = re.compile(r"\b(?:heading|label|lede|text|title|words)=\"([^\"]*)\"")
# The project's name, and what tells a phone and a search engine how to treat a page.
NO_LANGUAGE = re.compile(
    r"\bHustings\b|^yes,no$|width=device-width, initial-scale=1|light dark|noindex|"
    r"&\w+;|[?&#]\w+=|\b\w+(?:-\w+)*=\w+"
)
NOT_READ = ("code", "pre", "script", "style")


class _Texts(HTMLParser):
    """The texts of a page that a person reads or hears, but for code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unread += tag in NOT_READ
        for name, value in attrs:
            if value and (name in SPOKEN or name.startswith(SPOKEN_DATA)):
                self.found.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in NOT_READ

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.found.append(data)


def unmarked_in(template: str) -> list[str]:
    """The texts in a template's source that have a word and are not marked for translation."""
    tokens = Lexer(template).tokenize()
    reader = _Texts()
    reader.feed("".join(_outside(tokens)))
    reader.close()
    said = [*reader.found, *_in_tags(tokens)]
    return [" ".join(text.split()) for text in said if WORD.search(NO_LANGUAGE.sub(" ", text))]


def _outside(tokens: list[Token]) -> Iterator[str]:
    """The source without tags, comments, and what stands in a translated block."""
    end = ""
    for token in tokens:
        if token.token_type == TokenType.BLOCK:
            name = token.split_contents()[0]
            if name in {"blocktranslate", "comment"}:
                end = f"end{name}"
            elif name == end:
                end = ""
        elif token.token_type == TokenType.TEXT and not end:
            yield token.contents


def _in_tags(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.token_type in {TokenType.BLOCK, TokenType.VAR}:
            yield from IN_FILTER.findall(token.contents)
            yield from PASSED.findall(token.contents)
