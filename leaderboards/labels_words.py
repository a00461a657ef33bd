"""What raters' messages say of conversations by themselves, without a judge."""

from itertools import groupby
from typing import Final

import numpy as np

from leaderboards.ranking.outcomes import IntArray
from raters.judging.labels import LabelSpec
from raters.models import Turn
from raters.quality.followup import Complexity, Followup, complexity_of, followup_of
from studies.models import Study

UNKNOWN: Final = -1
# What is read from messages alone, and what its values mean.
FROM_WORDS: Final = (
    LabelSpec(
        "follow-up",
        "What the next message says",
        "Does the rater thank, correct, ask again or give up?",
        {
            Followup.THANKS.value: "thanks, and nothing worse",
            Followup.REPHRASING.value: "asks again what was asked before",
            Followup.CORRECTION.value: "says that something was wrong or missed",
            Followup.GIVING_UP.value: "breaks off",
            Followup.NONE.value: "none of these",
            "unclear": "a single message",
        },
    ),
    LabelSpec(
        "length",
        "Length and questions",
        "How much is asked, by words and question marks?",
        {
            Complexity.SIMPLE.value: "few words",
            Complexity.MODERATE.value: "some sentences",
            Complexity.COMPLEX.value: "many words, or several questions in one message",
            "unclear": "no message is left",
        },
    ),
)


def from_words(study: Study, battle: IntArray) -> dict[str, IntArray]:
    """What messages alone say, by label; of an erased conversation nothing."""
    turns = Turn.objects.filter(battle__participation__study=study, is_erased=False)
    rows = turns.order_by("battle_id", "number").values_list("battle_id", "text")
    of_battle = {
        pk: (followup_of(texts), complexity_of(texts))
        for pk, each in groupby(rows.iterator(), key=lambda row: row[0])
        for texts in ([text for _, text in each],)
    }
    found: dict[str, IntArray] = {}
    for place, spec in enumerate(FROM_WORDS):
        number = {value: n for n, value in enumerate(spec.values)}
        found[spec.key] = np.array(
            [number.get(str(of_battle.get(pk, (None, None))[place]), UNKNOWN) for pk in battle],
            np.int64,
        )
    return found
