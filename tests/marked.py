"""What a template or a module says that no catalogue can say otherwise: unmarked words."""

import ast
import re
from collections.abc import Iterable, Iterator
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
GETTEXT = re.compile(r"_|n?p?gettext(?:_lazy|_noop)?")
# What fields and columns of pages are called by.
NAMING = (
    "description", "empty_label", "help_text", "label", "verbose_name", "verbose_name_plural",
)  # fmt: skip
TEXT = (ast.Constant, ast.JoinedStr)
# A header that is called so everywhere.
NO_NAME = "webhook-id"
# They speak of files, of partitions and of what a screener answered: to the command line and logs.
OF_NO_PAGE = {"BoardMismatchError", "PartitionError", "UnreadableScreenError"}


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


def shadowed_in(template: str) -> list[str]:
    """Plurals of a template whose number is another one, or shown otherwise, than they say.

    A `with` is read before `count` is: after `count n=battles with battles=battles|intcomma` the
    number is a text; and `n` is the bare number, whatever a `with` says that it is.
    """
    found = []
    for token in Lexer(template).tokenize():
        bits = token.split_contents() if token.token_type == TokenType.BLOCK else []
        if bits[:1] == ["blocktranslate"] and "count" in bits:
            counted = bits.pop(bits.index("count") + 1)
            name, _equals, number = counted.partition("=")
            given = {bit.partition("=")[0] for bit in bits if "=" in bit}
            if given & {name, re.split(r"[.|]", number)[0]}:
                found.append(token.contents)
    return found


class _Words(ast.NodeVisitor):
    """The texts of a module, or a part of one, outside gettext and docstrings."""

    def __init__(self, part: ast.AST) -> None:
        self.found: list[str] = []
        self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        is_marked = bool(GETTEXT.fullmatch(_name(node.func)))
        for part in ast.iter_child_nodes(node):
            # What is put together inside gettext is in no catalogue.
            if not (is_marked and isinstance(part, ast.Constant)):
                self.visit(part)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        texts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        self.found.append("".join(map(str, texts)))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.append(node.value)


def untold_by(module: str, *, is_of_pages: bool) -> list[str]:
    """The texts in a module's source that reach a person and are not marked for translation.

    These are whatever an error or a message says, in two words or more; in a module of pages also
    sentences, and what fields and columns are called. A text that comes by a variable is not seen.
    """
    tree = ast.parse(module)
    telling = _errors_in(tree) | {"Http404", "ValidationError"}
    found: list[str] = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if _name(call.func) in telling or _is_message(call.func):
            said = _texts_of([*call.args, *(keyword.value for keyword in call.keywords)])
            found += [text for text in said if len(WORD.findall(text)) > 1]
        if is_of_pages:
            names = (each.value for each in call.keywords if each.arg in NAMING)
            said = _texts_of(name for name in names if isinstance(name, TEXT))
            found += [text for text in said if WORD.search(text) and text != NO_NAME]
    if is_of_pages:
        found += [text for text in _Words(tree).found if text.endswith(".") and text.count(" ") > 1]
    return found


def _errors_in(tree: ast.Module) -> set[str]:
    """The errors that a module has from a module of errors, which are all for a person."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    ours = (each for each in imports if (each.module or "").endswith(".errors"))
    return {alias.name for each in ours for alias in each.names} - OF_NO_PAGE


def _is_message(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and _name(function.value) == "messages"


def _texts_of(parts: Iterable[ast.expr]) -> list[str]:
    return [text for part in parts for text in _Words(part).found]


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
