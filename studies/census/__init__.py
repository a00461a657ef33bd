"""The electorate as published figures have it: descriptions, shares of cells, reading files."""

from studies.census.errors import ElectorateError, RakingError
from studies.census.raking import CELL_LIMIT, cell_shares, rake
from studies.census.reading import parse_electorate, read_electorate
from studies.census.shipped import load_shipped, shipped_electorates
from studies.census.specification import (
    AxisSpec,
    ElectorateSpec,
    GroupSpec,
    JointSpec,
    SourceSpec,
    key_for,
)

__all__ = [
    "CELL_LIMIT",
    "AxisSpec",
    "ElectorateError",
    "ElectorateSpec",
    "GroupSpec",
    "JointSpec",
    "RakingError",
    "SourceSpec",
    "cell_shares",
    "key_for",
    "load_shipped",
    "parse_electorate",
    "rake",
    "read_electorate",
    "shipped_electorates",
]
