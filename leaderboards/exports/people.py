"""Whose data are in an export, under which names, and what of them may be told.

For the study's team that is everything but who they are to others. A release names as many groups
of a rater as at least `FEWEST_ALIKE` people have in common with her, taken together, has only
words that were released, and no pseudonym of it says anything outside of it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from itertools import islice
from typing import Final

from django.utils.crypto import salted_hmac

from leaderboards.models import Export
from leaderboards.pages.said import UNQUOTED, Crowd
from raters.models import Participation
from raters.quality.identity import mask_identity
from raters.quality.personal import mask_personal
from raters.shown import names_to_hide
from studies.models import Axis, Study

SALT: Final = "leaderboards.exports"
# Signs of a pseudonym: 60 bits.
LENGTH: Final = 15
# How many raters' rows are read at a time.
RATERS_AT_ONCE: Final = 200


@dataclass(frozen=True)
class People:
    """The raters in an export: `names` by participation, in the order of its files."""

    export: Export
    study: Study
    axes: tuple[Axis, ...]
    names: dict[int, str]
    crowd: Crowd
    hidden: frozenset[str]
    _released: frozenset[int]
    _groups: dict[tuple[int | None, int], tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, export: Export) -> "People":
        """Read who they are. Raters who withdrew are in none, whatever it is for."""
        study = export.study
        there = study.participations.exclude(state=Participation.State.WITHDRAWN)
        rows = list(there.order_by("pk").values_list("pk", "rater__code"))
        if export.is_release:
            names = {pk: pseudonym(export, f"rater {pk}") for pk, _code in rows}
            names = dict(sorted(names.items(), key=lambda each: each[1]))
        else:
            names = _told_apart(rows)
        released = there.filter(words_released_at__isnull=False).exclude(state__in=UNQUOTED)
        axes = study.electorate.axes.prefetch_related("groups") if study.electorate else ()
        return cls(
            export=export,
            study=study,
            axes=tuple(axes),
            names=names,
            crowd=Crowd.of(study),
            hidden=names_to_hide(study),
            _released=frozenset(released.values_list("pk", flat=True)),
        )

    @property
    def is_release(self) -> bool:
        return self.export.is_release

    def chunks(self) -> Iterator[list[int]]:
        """The participations, some at a time, in the order of the export's files."""
        ids = iter(self.names)
        while chunk := list(islice(ids, RATERS_AT_ONCE)):
            yield chunk

    def groups_of(self, participation: int, cell: int | None) -> tuple[str, ...]:
        """The key of the rater's group of each axis; empty where it is not told."""
        # Of raters of one cell those are alike who begin with the same axis: see Crowd.named.
        alike = (cell, participation % len(self.axes) if self.is_release and self.axes else 0)
        if alike not in self._groups:
            self._groups[alike] = self._read_groups(participation, cell)
        return self._groups[alike]

    def _read_groups(self, participation: int, cell: int | None) -> tuple[str, ...]:
        frame = self.crowd.frame
        if self.is_release:
            told: Sequence[int] = self.crowd.named(cell, participation)
        elif cell is None or not frame.groups:
            told = ()
        else:
            told = frame.groups_of_cell[frame.cell_ids.searchsorted(cell)].tolist()
        keys = {frame.groups[g].axis_id: frame.groups[g].key for g in told}
        return tuple(keys.get(axis.pk, "") for axis in self.axes)

    def key_of(self, battle: int, key: str) -> str:
        """What names a battle, given its id and key, among those of its rater."""
        return pseudonym(self.export, f"battle {battle}") if self.is_release else key

    def conversation(self, name: str) -> str:
        """What names a conversation that several raters judged."""
        is_named = bool(name and self.is_release)
        return pseudonym(self.export, f"conversation {name}") if is_named else name

    def day_or_instant(self, at: datetime) -> datetime:
        """When something was: of a release only the day."""
        return datetime.combine(at.date(), time(), UTC) if self.is_release else at

    def may_quote(self, participation: int, *, is_hidden: bool) -> bool:
        """Whether a rater's words in a battle are in the export."""
        return not self.is_release or (participation in self._released and not is_hidden)

    def text(self, text: str) -> str:
        """Words as they may stand in the export."""
        if not self.is_release:
            return text
        return mask_identity(mask_personal(text), self.hidden)[0]


def pseudonym(export: Export, what: str) -> str:
    """A name that is another one in each export, and leads back only on this server."""
    return salted_hmac(SALT, f"{export.pk} {what}", algorithm="sha256").hexdigest()[:LENGTH]


def _told_apart(rows: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Each participation by its rater's code; a second one of the same rater says so."""
    seen = Counter[str]()
    names = {}
    for pk, code in rows:
        seen[code] += 1
        names[pk] = code if seen[code] == 1 else f"{code}-{seen[code]}"
    return names
