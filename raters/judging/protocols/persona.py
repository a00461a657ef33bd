"""A judge that speaks as a member of a group."""

from raters.judging.answers import Schema, an_object, one_of
from raters.judging.orders import ABSTAIN, WINNERS
from raters.judging.protocols.base import EVERY_CALL
from raters.judging.protocols.pairwise import Pairwise
from raters.judging.settings import Settings
from raters.judging.writing import a_reason

# In steps, for judges are no surer than that, and as values since ranges are not everywhere held.
PERCENT = tuple(range(0, 101, 10))


class Persona(Pairwise):
    """As a group would choose, with stated certainty (Dong et al. 2024, arXiv 2406.11657).

    They found that a judge with a persona is unreliable, unless it says how sure it is and is
    not believed where it is unsure.
    """

    key = "persona"
    name = "Persona of a group"
    explanation = (
        "Compares both sides as a member of a group would, says how sure it is of that, and "
        "abstains where it can't know."
    )
    settings = EVERY_CALL | {"orders", "persona"}
    required = frozenset({"persona"})

    template = "persona"

    def schema(self, settings: Settings) -> Schema:
        """A winner or an abstention, and the certainty in percent."""
        return an_object(
            {
                "reason": a_reason(settings),
                "winner": one_of((*WINNERS, ABSTAIN)),
                "certainty": one_of(PERCENT),
            }
        )

    def parts(self, settings: Settings) -> dict[str, str]:
        """Who is spoken for."""
        return {"persona": settings.persona}
