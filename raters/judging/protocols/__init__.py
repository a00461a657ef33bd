"""The ways to judge, by key."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from raters.judging.labels import Label
from raters.judging.protocols.base import Asking, Asks, JudgingProtocol, LabelSteps, Steps
from raters.judging.protocols.batch import BatchRanking
from raters.judging.protocols.boolean import BooleanRubric
from raters.judging.protocols.breakdown import Breakdowns
from raters.judging.protocols.criteria import Criteria
from raters.judging.protocols.labels import Labels
from raters.judging.protocols.pairwise import Pairwise
from raters.judging.protocols.persona import Persona
from raters.judging.protocols.reference import HumanReference
from raters.judging.protocols.rubric import RubricWithReference
from raters.judging.protocols.single import Single

PROTOCOLS: Final[Mapping[str, JudgingProtocol]] = MappingProxyType(
    {
        protocol.key: protocol
        for protocol in (
            Pairwise(),
            Single(),
            RubricWithReference(),
            BooleanRubric(),
            Breakdowns(),
            Criteria(),
            BatchRanking(),
            Persona(),
            HumanReference(),
        )
    }
)

# What these say is no verdict.
LABELLERS: Final[Mapping[str, Asking[Label]]] = MappingProxyType({Labels.key: Labels()})
# Whatever a judge can be asked by.
EVERY_PROTOCOL: Final[Mapping[str, Asking[Any]]] = MappingProxyType({**PROTOCOLS, **LABELLERS})

__all__ = [
    "EVERY_PROTOCOL",
    "LABELLERS",
    "PROTOCOLS",
    "Asking",
    "Asks",
    "JudgingProtocol",
    "LabelSteps",
    "Steps",
]
