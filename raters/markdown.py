"""What a model wrote, as HTML that a page may hold: Markdown without HTML, images or scripts."""

from functools import lru_cache
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h4", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
# Read twice: the parser takes no HTML, and the sanitiser lets nothing else through if it did.
ATTRIBUTES: dict[str, set[str]] = {"a": {"href"}, "ol": {"start"}}


class _Renderer(MarkdownIt):
    """CommonMark with tables; every heading is one level below a reply's own."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "breaks": True})
        self.enable(["table", "strikethrough"])
        # An image would be fetched from an address that the model chose.
        self.disable("image")

    def parse(self, src: str, env: Any = None) -> list[Token]:
        tokens = super().parse(src, env)
        for token in tokens:
            if token.type in {"heading_open", "heading_close"}:
                token.tag = "h4"
        return tokens


_renderer = _Renderer()


def render_markdown(text: str) -> str:
    """Sanitised HTML of a text; links open apart, and say nothing of where they were followed."""
    return nh3.clean(
        _renderer.render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


# Pages of a battle show again and again what was said before in it; what grows is shown once.
finished_markdown: Final = lru_cache(maxsize=1_000)(render_markdown)
