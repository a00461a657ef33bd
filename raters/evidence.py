"""What was seen of a rater, said again in the language that she reads.

Evidence is kept as the sentence in which a screen found it, in the project's own language: a
reviewer reads that one, and so does whoever asks later. Screens know no language of pages. What
they say is told here by its form, so that what was found before a language came speaks it too.
"""

import re
from functools import cache
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# Each as `raters.quality` and the services that screen write it; the longer form first.
SENTENCES: Final = (
    gettext_noop("Your message “%(text)s” has no word in it."),
    gettext_noop("Your message “%(text)s” is a single word."),
    gettext_noop("Your message “%(text)s” has %(words)s words."),
    gettext_noop("Your %(messages)s messages have %(words)s words in all: “%(texts)s”."),
    gettext_noop("Your message “%(text)s” says the same words over and over."),
    gettext_noop("You sent “%(text)s” before."),
    gettext_noop("Your message “%(text)s” is nearly the same as “%(earlier)s”."),
    gettext_noop("Your message “%(text)s” is no text that can be read."),
    gettext_noop("Your message “%(text)s” is copied from the task."),
    gettext_noop("Your message “%(text)s” asks who the model is."),
    gettext_noop("%(pasted)s of the %(signs)s signs of “%(text)s” were pasted."),
    gettext_noop(
        "Your message “%(text)s” leaves what you were talking about. You had been writing "
        "“%(earlier)s”."
    ),
    gettext_noop("Your message “%(text)s” leaves what you were talking about."),
    gettext_noop("%(signs)s signs of “%(text)s” were written in %(seconds)s seconds."),
    gettext_noop(
        "You compared the replies after %(seconds)s seconds; the shorter has %(words)s words."
    ),
    gettext_noop(
        "Your battle took %(seconds)s seconds; to write its messages and scan one reply to each "
        "takes %(needed)s."
    ),
    gettext_noop("The page was out of sight for %(away)s of %(seconds)s seconds."),
    gettext_noop("The page was left %(times)s times before the message was sent."),
    gettext_noop(
        "In %(alike)s of your %(battles)s battles you gave the same answer on all %(questions)s "
        "questions; others do in %(share)s%% (p = %(p)s)."
    ),
    gettext_noop(
        "In %(most)s of %(battles)s battles you preferred side %(side)s, and one side %(run)s "
        "times in a row; sides are drawn at random (p = %(p)s)."
    ),
    gettext_noop(
        "Among the questions stood “%(question)s” What fits is “%(fits)s”; you chose “%(answer)s”."
    ),
    gettext_noop(
        "In conversation %(number)s the answers were broken on purpose (%(how)s), and you rated "
        "them %(score)s of 7."
    ),
    gettext_noop(
        "In battle %(number)s the answers of %(side)s were broken on purpose (%(how)s), and you "
        "preferred them."
    ),
    gettext_noop("You rated the same conversation %(first)s of 7 first, and %(later)s later."),
    gettext_noop(
        "You preferred %(side)s in a conversation, and the other side when you saw it again."
    ),
    gettext_noop(
        "%(n)s participations came from one network address. It may be a household, an office or "
        "a mobile network."
    ),
    gettext_noop(
        "%(n)s participations came from one network address by browsers that are the same."
    ),
    gettext_noop("“%(text)s” was sent by another rater too, word for word."),
    gettext_noop("“%(text)s” was sent by another rater too, almost word for word."),
    gettext_noop("“%(text)s” was sent by %(n)s other raters too, word for word."),
    gettext_noop("“%(text)s” was sent by %(n)s other raters too, almost word for word."),
)
# The one of a study's own answers that is a word.
TIE: Final = "About the same"
PLACE: Final = re.compile(r"%\((\w+)\)s")


def in_her_language(evidence: str) -> str:
    """Evidence in the active language; what no screen of ours wrote stays as it is."""
    for sentence in SENTENCES:
        if found := _form_of(sentence).fullmatch(evidence):
            said = {name: _say(name, value) for name, value in found.groupdict().items()}
            return _(sentence) % said
    return evidence


@cache
def _form_of(sentence: str) -> re.Pattern[str]:
    """What evidence of this sentence looks like, a group for each of its places."""
    parts = PLACE.split(sentence)
    parts[::2] = [re.escape(part.replace("%%", "%")) for part in parts[::2]]
    parts[1::2] = [f"(?P<{name}>.*?)" for name in parts[1::2]]
    return re.compile("".join(parts), re.DOTALL)


def _say(name: str, value: str) -> str:
    """A part of a sentence: a way of breaking answers, a list in quotation marks, or a figure."""
    if name == "how" or value == TIE:
        return _(value)
    if name == "texts":
        return value.replace("”, “", _("”, “"))
    if name == "fits":
        return _("” or “").join(_(fit) if fit == TIE else fit for fit in value.split("” or “"))
    return number_format(value) if re.fullmatch(r"\d+\.\d+", value) else value
