"""The electorate as published figures have it: descriptions, shares of cells, reading files."""

from studies.census.errors import ElectorateError, RakingError
from studies.census.quotas import (
    Allocation,
    Fit,
    QuotaPlan,
    allocate_cells,
    allocate_margins,
    fits,
    full_groups,
    open_share,
)
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
    "Allocation",
    "AxisSpec",
    "ElectorateError",
    "ElectorateSpec",
    "Fit",
    "GroupSpec",
    "JointSpec",
    "QuotaPlan",
    "RakingError",
    "SourceSpec",
    "allocate_cells",
    "allocate_margins",
    "cell_shares",
    "fits",
    "full_groups",
    "key_for",
    "load_shipped",
    "open_share",
    "parse_electorate",
    "rake",
    "read_electorate",
    "shipped_electorates",
]
