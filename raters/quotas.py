"""How far the quotas of a study are filled, counted whenever it is asked and never stored."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from studies.models import Cell, Quota, Study
from studies.planning import TAKES_A_PLACE


@dataclass(frozen=True, slots=True)
class QuotaFill:
    """How far a quota is filled, counted now."""

    quota: Quota
    target: int
    reserved: int
    active: int
    completed: int

    @property
    def taken(self) -> int:
        """Places that nobody else can have."""
        return self.reserved + self.active + self.completed

    @property
    def is_full(self) -> bool:
        """No place is left."""
        return self.taken >= self.target


def places(study: Study) -> tuple[QuotaFill, ...]:
    """How far each quota of the study is filled, in the order of axes and groups, or of cells."""
    return _fill(study, study.quotas.select_related("group__axis", "cell"))


def fills_of(study: Study, cell: Cell | None) -> tuple[QuotaFill, ...]:
    """How far the quotas of a cell are filled: its own, or its groups'."""
    if cell is None:
        return ()
    quotas = study.quotas.filter(Q(cell=cell) | Q(group__cell_groups__cell=cell))
    return _fill(study, quotas.select_related("group__axis", "cell"))


def full_among(fills: Iterable[QuotaFill]) -> tuple[str, ...]:
    """What the groups without a place are called."""
    return tuple(str(fill.quota.group or fill.quota.cell) for fill in fills if fill.is_full)


def _fill(study: Study, quotas: Iterable[Quota]) -> tuple[QuotaFill, ...]:
    quotas = list(quotas)
    in_cells = _taken(study, "cell_id", [quota.cell_id for quota in quotas])
    in_groups = _taken(study, "cell__cell_groups__group_id", [quota.group_id for quota in quotas])

    def fill(quota: Quota) -> QuotaFill:
        taken, key = (in_groups, quota.group_id) if quota.group_id else (in_cells, quota.cell_id)
        reserved, active, completed = (taken[key, state] for state in TAKES_A_PLACE)
        return QuotaFill(quota, quota.target, reserved, active, completed)

    return tuple(map(fill, quotas))


def _taken(study: Study, path: str, keys: Sequence[int | None]) -> Counter[tuple[int | None, str]]:
    """Places taken, by group or cell as `path` leads to it, and state."""
    wanted = [key for key in keys if key is not None]
    if not wanted:
        return Counter()
    rows = (
        study.participations.filter(**{f"{path}__in": wanted}, state__in=TAKES_A_PLACE)
        .order_by()
        .values_list(path, "state")
        .annotate(Count("pk"))
    )
    return Counter({(key, state): number for key, state, number in rows})
