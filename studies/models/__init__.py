"""Models of the studies app, by topic."""

from studies.models.contestants import ChatModel, Contestant
from studies.models.design import Dimension, Study
from studies.models.electorate import Axis, Cell, CellGroup, Electorate, Group, Source

__all__ = [
    "Axis",
    "Cell",
    "CellGroup",
    "ChatModel",
    "Contestant",
    "Dimension",
    "Electorate",
    "Group",
    "Source",
    "Study",
]
