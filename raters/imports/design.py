"""The design of an exported study, parsed, and made again in a study of its own."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from raters.errors import ImportRefusedError
from studies.census import AxisSpec, ElectorateSpec, GroupSpec, SourceSpec
from studies.models import Dimension, Study
from studies.services import (
    add_dimension,
    create_electorate,
    enter_contestant,
    give_electorate,
    withdraw_contestant,
)

FORMAT: Final = "hustings-export/1"
STUDY_FIELDS: Final = (
    "title", "question", "language", "protocol", "is_simulated", "task", "min_turns", "max_turns",
    "battles_each",
)  # fmt: skip
DIMENSION_FIELDS: Final = ("name", "question", "help", "weight", "is_overall")
Cells = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class ContestantDesign:
    """A contestant as it stood; `withdrawn_at` None where it stands."""

    slug: str
    name: str
    developer: str
    withdrawn_at: datetime | None
    withdrawal_reason: str


@dataclass(frozen=True)
class Design:
    """What `leaderboards.exports.design` wrote. A release does not tell every rater's groups."""

    is_release: bool
    protocol: Study.Protocol
    study: dict[str, Any]
    dimensions: dict[str, dict[str, Any]]
    contestants: tuple[ContestantDesign, ...]
    electorate: ElectorateSpec | None
    cells: Cells

    @classmethod
    def parse(cls, text: str, *, where: str) -> "Design":
        """Parse the document. Raises ImportRefusedError, which names the file, for another."""
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                raise ImportRefusedError(f'{where}: its "format" is not "{FORMAT}"')
            return cls(
                is_release=document["is_release"],
                protocol=Study.Protocol(document["study"]["protocol"]),
                study={name: document["study"][name] for name in STUDY_FIELDS},
                dimensions={
                    each["key"]: {name: each[name] for name in DIMENSION_FIELDS}
                    for each in document["dimensions"]
                },
                contestants=tuple(_contestant(each) for each in document["contestants"]),
                electorate=_electorate(document["electorate"]),
                cells=_cells(document["electorate"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ImportRefusedError(f"{where}: it is no study of an export: {error!r}") from error


def _contestant(given: dict[str, Any]) -> ContestantDesign:
    gone = given["withdrawn_at"]
    return ContestantDesign(
        slug=given["slug"],
        name=given["name"],
        developer=given["developer"],
        withdrawn_at=datetime.fromisoformat(gone) if gone else None,
        withdrawal_reason=given["withdrawal_reason"],
    )


def _electorate(given: dict[str, Any] | None) -> ElectorateSpec | None:
    if given is None:
        return None
    return ElectorateSpec(
        slug=given["slug"],
        name=given["name"],
        description=given["description"],
        axes=tuple(
            AxisSpec(axis["key"], axis["name"], tuple(GroupSpec(**each) for each in axis["groups"]))
            for axis in given["axes"]
        ),
        joint=None,
        sources=tuple(SourceSpec(**each) for each in given["sources"]),
    )


def _cells(given: dict[str, Any] | None) -> Cells:
    return {tuple(cell["groups"]): cell["share"] for cell in given["cells"]} if given else {}


@transaction.atomic
def restore_design(study: Study, design: Design, *, at: datetime) -> None:
    """Add to a study what it lacks of a design: dimensions, contestants, and the electorate.

    A release has no electorate to speak for: its raters' groups are not all told. Raises
    StudyError or ElectorateError where the study, or the electorate of that name, is another.
    """
    if design.electorate is not None and not design.is_release:
        give_electorate(study, create_electorate(design.electorate, cells=design.cells), at=at)
    known = set(study.dimensions.values_list("key", flat=True))
    is_first = not known
    for key, fields in design.dimensions.items():
        if key not in known:
            fields = fields if is_first else {**fields, "is_overall": False}
            Dimension.objects.filter(pk=add_dimension(study, key=key).pk).update(**fields)
    standing = set(study.contestants.values_list("name", flat=True))
    for each in design.contestants:
        if each.name not in standing:
            entered = enter_contestant(
                study, name=each.name, developer=each.developer, slug=each.slug
            )
            if each.withdrawn_at is not None:
                withdraw_contestant(
                    entered, reason=each.withdrawal_reason, at=each.withdrawn_at, may_split=True
                )
