"""How a reply looks: its length and marks, as a page shows them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raters.markdown import render_markdown
from raters.quality.style import Style, style_of, style_of_all

REPLY = """Sure! Here is a **plan** for __you__:

## Day one
- Visit the **old harbour**, have lunch 🍲
- See [the museum](https://example.org)
  1. early
  2. late

### Day two
1. Rest *a little*

```python
# no heading
- no item, **no bold**
```

That is `**all**` 👩🏽‍🚀 🇫🇷
"""


def test_words_and_marks_of_a_reply_are_counted_as_they_are_shown() -> None:
    assert style_of(REPLY) == Style(
        words=38, list_items=5, headers=2, bold=3, links=1, code_blocks=1, emoji=3
    )


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("", {}),
        ("Two times 3 * 4 is 24, and 5 - 3 is 2.", {"words": 11}),
        ("1986. What a year!", {"words": 4, "list_items": 1}),
        ("#hashtag is no heading", {"words": 4}),
        ("A heading\n=========", {"words": 2, "headers": 1}),
        ("***\n\nA rule above", {"words": 3}),
        ("    indented code", {"words": 2, "code_blocks": 1}),
        ("```\nnever closed **x**", {"words": 3, "code_blocks": 1}),
        ("**never closed", {"words": 2}),
        ("我喜欢茶", {"words": 2}),
        ("| a | b |\n|---|---|\n| **c** | d |", {"words": 4, "bold": 1}),
        ("© and ™ are letters", {"words": 4}),
        ("<b>no HTML</b>", {"words": 2}),
    ],
)
def test_what_only_looks_like_a_mark_is_none(text: str, marks: dict[str, int]) -> None:
    assert style_of(text) == Style(**marks)


PIECES = st.sampled_from(
    ["# ", "## ", "- ", "* ", "1. ", "**", "__", "`", "```\n", "\n", "\n\n", "    ", "> ", "tea",
     " and ", "[a](https://x.org)", "![b](https://y.org)", "~~", "| a | b |\n|---|---|\n", "---",
     "🙂"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
@settings(max_examples=150, deadline=None)
def test_marks_are_those_of_the_page_that_a_rater_sees(text: str) -> None:
    shown, counted = render_markdown(text), style_of(text)
    assert counted.list_items == shown.count("<li>")
    assert counted.headers == len(re.findall("<h4>", shown))
    assert counted.bold == shown.count("<strong>")
    assert counted.links == shown.count("<a ")
    assert counted.code_blocks == shown.count("<pre>")


def test_a_side_s_replies_are_counted_together() -> None:
    assert style_of_all([REPLY, REPLY]) == style_of(REPLY) + style_of(REPLY)
    assert style_of_all([]) == Style()
