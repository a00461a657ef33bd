"""What a rater may see of a reply's text: never a name that tells who wrote it."""

from dataclasses import dataclass

from raters.models import Reply
from raters.quality.identity import mask_growing, mask_identity
from studies.models import Study


@dataclass(frozen=True)
class ShownText:
    """A reply's text as a rater may see it, and how many names were masked in it."""

    text: str
    masked: int


def text_for_rater(reply: Reply, names: frozenset[str] | None = None) -> str:
    """What may be shown of a reply now: names masked, of a growing text all but the last words.

    The only way in which a reply's text leaves for a rater. `names` (`names_to_hide`) spares
    the look-up where many replies of a study are shown.
    """
    if names is None:
        names = names_to_hide(reply.turn.battle.participation.study)
    return shown_text(reply.state, reply.text, names).text


def shown_text(state: str, text: str, names: frozenset[str]) -> ShownText:
    """`text_for_rater` by a reply's state and text, with the number of masks."""
    if state == Reply.State.FINISHED:
        return ShownText(*mask_identity(text, names))
    if state == Reply.State.CLAIMED:
        return ShownText(*mask_growing(text, names))
    return ShownText("", 0)


def names_to_hide(study: Study) -> frozenset[str]:
    """What the study's contestants and their developers are called, anywhere.

    All of the study's, for every reply: were only a side's own names masked, a mask where
    the other side says the name would tell whose side it is.
    """
    fields = ("name", "chat_model__name", "chat_model__developer", "chat_model__model_id")
    names = set()
    for row in study.contestants.values_list(*fields):
        for name in row:
            names |= {name, name.rpartition("/")[2]}
    return frozenset(names - {""})
