"""Imports comparisons or ratings into a study: all of a file, or nothing of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from django.db import IntegrityError, transaction

from raters.errors import ImportRefusedError
from raters.identities import Identity, seal
from raters.imports import staging
from raters.imports.answers import KINDS, Kind
from raters.imports.formats import Format, format_of
from raters.imports.reading import TableFile
from raters.imports.staging import Instant, as_stored
from raters.models import Battle, Participation, Rater
from raters.services.identities import Marker, marker_of
from studies.models import Axis, Study
from studies.services import (
    CELL_SEPARATOR,
    add_dimension,
    choose_overall_dimension,
    enter_contestant,
)

DEFAULT_DIMENSION = "overall"
TRUTHS = {"true": True, "false": False}

# Required values are never empty; a rating has no second model.
_Row = tuple[
    str,
    str,
    str | None,
    str,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, in numbers; `left_out` are rows that the file marks as excluded."""

    kind: Kind
    rows: int
    left_out: int
    answers: int
    battles: int
    raters: int
    contestants: int
    dimensions: int

    @property
    def known(self) -> int:
        """Rows that added nothing: their answers stood already, or the file has them twice."""
        return self.rows - self.left_out - self.answers


@transaction.atomic
def import_comparisons(
    study: Study,
    path: Path,
    *,
    raters: Path | None = None,
    may_create: bool = False,
    form: str = "",
    at: datetime,
    on_progress: Callable[[int], object] = lambda _bytes: None,
) -> ImportReport:
    """Import a file of comparisons, or of ratings, in one transaction.

    `form` is one of `raters.imports.formats`; else the one that the file looks like.
    An answer is known again by battle, rater and dimension; without a `battle` column, by the
    file's content and the line. `conversation` names what several raters judged alike, so that
    judges' verdicts find it. `raters` is a file with the groups of raters; `may_create` lets
    unknown contestants and dimensions be added to the study. Raises ImportRefusedError, which
    names file and line, and then nothing has changed.
    """
    standing = Study.objects.select_for_update().get(pk=study.pk)
    if standing.state == Study.State.ARCHIVED:
        raise ImportRefusedError(f"The study {study.slug} is archived: it takes no more answers.")
    mark = marker_of(study)
    file = TableFile(path, on_progress)
    found = format_of(file, form)
    if standing.protocol != found.kind.protocol:
        asks = KINDS[standing.protocol].asks
        raise file.refusal(f"it holds {found.kind.rows}, and the study {study.slug} {asks}")
    arrival = _Arrival(study, file, mark, found, may_create=may_create, at=at)
    staging.create_tables()
    if raters is not None:
        _stage_raters(study, TableFile(raters), mark)
    rows = staging.stage("import_rows", staging.ROW_COLUMNS, arrival.rows())
    if arrival.new_dimensions:
        choose_overall_dimension(study)
    new_raters = _add_raters(study, file, at=at)
    battles, answers = _add_answers(study, file, found.kind, at=at)
    staging.drop_tables()
    return ImportReport(
        kind=found.kind,
        rows=rows + arrival.left_out,
        left_out=arrival.left_out,
        answers=answers,
        battles=battles,
        raters=new_raters,
        contestants=arrival.new_contestants,
        dimensions=arrival.new_dimensions,
    )


@dataclass
class _Arrival:
    """Turns a file's rows into rows to be staged: names become ids, unknown ones an error."""

    study: Study
    file: TableFile
    mark: Marker
    format: Format
    may_create: bool
    at: datetime
    left_out: int = 0
    new_contestants: int = 0
    new_dimensions: int = 0
    _contestants: dict[str, int] = field(default_factory=dict)
    _dimensions: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[staging.StagedRow]:
        self._contestants = dict(self.study.contestants.values_list("name", "pk"))
        self._dimensions = dict(self.study.dimensions.values_list("key", "pk"))
        kind, now = self.format.kind, as_stored(self.at)
        answers = frozenset(kind.known)
        contestants, dimensions, mark = self._contestants, self._dimensions, self.mark
        for line, values in self.format.read(self.file):
            rater, model_a, model_b, said, dimension, battle, created_at, *rest = cast(
                "_Row", values
            )
            conversation, recorded_at, is_excluded = rest
            if is_excluded is not None and self._is_excluded(is_excluded, line):
                self.left_out += 1
                continue
            if said not in answers:
                known = ", ".join(kind.known)
                raise self.file.refusal(
                    f'{kind.column} "{said}" is unknown; there are: {known}', line
                )
            if model_a == model_b:
                raise self.file.refusal(f'"{model_a}" is compared with itself', line)
            dimension = dimension or DEFAULT_DIMENSION
            yield (
                line,
                rater,
                mark(rater),
                contestants.get(model_a) or self._contestant(model_a, line),
                None
                if model_b is None
                else contestants.get(model_b) or self._contestant(model_b, line),
                said,
                dimensions.get(dimension) or self._dimension(dimension, line),
                battle or f"{self.file.digest}-{line}",
                self._instant(created_at, line) if created_at else now,
                conversation or "",
                self._instant(recorded_at, line) if recorded_at else None,
            )

    def _is_excluded(self, text: str, line: int) -> bool:
        if text not in TRUTHS:
            raise self.file.refusal(f'is_excluded "{text}" is neither true nor false', line)
        return TRUTHS[text]

    def _contestant(self, name: str, line: int) -> int:
        if not self.may_create:
            raise self.file.refusal(
                f'the study {self.study.slug} has no contestant "{name}"; --create would add it',
                line,
            )
        self.new_contestants += 1
        self._contestants[name] = enter_contestant(self.study, name=name).pk
        return self._contestants[name]

    def _dimension(self, key: str, line: int) -> int:
        if not self.may_create:
            known = ", ".join(self._dimensions) or "none"
            raise self.file.refusal(
                f'the study {self.study.slug} has no dimension "{key}"; it has: {known}; '
                "--create would add it",
                line,
            )
        if not key.replace("-", "").replace("_", "").isalnum() or not key.isascii():
            raise self.file.refusal(
                f'the dimension "{key}" is no key: use letters, digits, - and _', line
            )
        self.new_dimensions += 1
        self._dimensions[key] = add_dimension(self.study, key=key).pk
        return self._dimensions[key]

    def _instant(self, text: str, line: int) -> Instant:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise self.file.refusal(
                f'created_at "{text}" is no ISO 8601 instant such as 2026-05-04T12:30:00Z', line
            ) from error
        return as_stored(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _stage_raters(study: Study, file: TableFile, mark: Marker) -> None:
    """Stage the raters' cells, from a file with one column for each axis."""
    if study.electorate is None:
        raise file.refusal(
            f"the study {study.slug} has no electorate, so its raters have no groups; "
            "name one with --electorate"
        )
    axes = list(study.electorate.axes.prefetch_related("groups"))
    columns = ["rater", *(a.key if a.key in file.header else a.name for a in axes)]
    groups = [_group_keys(axis) for axis in axes]
    cells = dict(study.electorate.cells.values_list("key", "pk"))
    seen: dict[tuple[str | None, ...], int] = {}

    def cell_of(line: int, values: tuple[str | None, ...]) -> int:
        if values not in seen:
            keys = []
            for axis, known, value in zip(axes, groups, values, strict=True):
                if value not in known:
                    allowed = ", ".join(group.name for group in axis.groups.all())
                    raise file.refusal(
                        f'"{value}" is no group of {axis.key}; there are: {allowed}', line
                    )
                keys.append(known[value])
            seen[values] = cells[CELL_SEPARATOR.join(keys)]
        return seen[values]

    staging.stage(
        "import_raters",
        staging.RATER_COLUMNS,
        (
            (rater, mark(str(rater)), line, cell_of(line, tuple(hers)))
            for line, (rater, *hers) in file.rows(columns)
        ),
    )
    staging.execute(staging.RATERS_BY_NAME)
    if row := staging.first_row(staging.RATER_IN_TWO_CELLS):
        raise file.refusal(f'the rater "{row[1]}" is there already, in other groups', row[0])
    if row := staging.first_row(staging.RATER_IN_ANOTHER_CELL, [study.pk]):
        raise file.refusal(f'the rater "{row[1]}" is in the study already, in other groups', row[0])


def _group_keys(axis: Axis) -> dict[str | None, str]:
    """The key of each group of an axis, by key and by name."""
    keys: dict[str | None, str] = {group.name: group.key for group in axis.groups.all()}
    return keys | {key: key for key in keys.values()}


def _add_raters(study: Study, file: TableFile, *, at: datetime) -> int:
    """Add the raters whom the study does not know yet; returns their number."""
    staging.analyze("import_rows")
    staging.execute(staging.NEW_RATERS, [study.pk])
    if study.electorate is not None and (row := staging.first_row(staging.RATER_WITHOUT_GROUP)):
        raise file.refusal(
            f'the rater "{row[1]}" has no group; give the groups with --raters', row[0]
        )
    added, has_quotas = 0, study.quotas.exists()
    for chunk in staging.new_raters():
        raters = Rater.objects.bulk_create(Rater(created_at=at) for _ in chunk)
        participations = [
            Participation(
                study=study,
                rater=rater,
                cell_id=cell_id,
                identity_mark=mark,
                identity_sealed=seal(Identity(name)),
                state=Participation.State.COMPLETED,
                created_at=at,
            )
            for rater, (name, mark, cell_id) in zip(raters, chunk, strict=True)
        ]
        try:
            Participation.objects.bulk_create(participations)
        except IntegrityError as error:
            if not has_quotas:
                raise
            raise file.refusal(
                f"the quotas of the study {study.slug} have no place for all of its raters; "
                "ask for more raters, or import into a study of its own"
            ) from error
        added += len(chunk)
    return added


def _add_answers(study: Study, file: TableFile, kind: Kind, *, at: datetime) -> tuple[int, int]:
    """Add battles and answers that do not stand yet; returns how many of each."""
    staging.execute(staging.ANSWERS)
    staging.analyze("import_answers")
    staging.execute(staging.BATTLES, [study.pk])
    staging.analyze("import_battles")
    _refuse_two_of_one(file, kind)
    _refuse_others_than_stand(study, file, kind)
    battles = staging.execute(staging.ADD_BATTLES)
    answers = staging.execute(staging.ADD_ANSWERS, [as_stored(at), study.pk], kind)
    staging.analyze(*(model._meta.db_table for model in (Participation, Battle, kind.model)))
    return battles, answers


def _refuse_two_of_one(file: TableFile, kind: Kind) -> None:
    """Raise ImportRefusedError where a file says two things of one battle."""
    for query, what in (
        (staging.TWO_ANSWERS_IN_FILE, f"has another {kind.column}"),
        (staging.TWO_PAIRS_IN_FILE, f"is {kind.of_another}"),
        (staging.TWO_CONVERSATIONS_IN_FILE, "is of another conversation"),
    ):
        if row := staging.first_row(query):
            line, key, rater = row
            raise file.refusal(f'battle "{key}" of rater "{rater}" {what} on an earlier line', line)


def _refuse_others_than_stand(study: Study, file: TableFile, kind: Kind) -> None:
    """Raise ImportRefusedError where the study has something else of a battle than the file."""
    if row := staging.first_row(staging.ANOTHER_PAIR_STANDS):
        line, key, rater = row
        raise file.refusal(
            f'battle "{key}" of rater "{rater}" stands already, {kind.of_another}', line
        )
    if row := staging.first_row(staging.ANOTHER_CONVERSATION_STANDS):
        line, key, rater, standing, given = row
        of = f'of conversation "{standing}"' if standing else "of no named conversation"
        raise file.refusal(
            f'battle "{key}" of rater "{rater}" stands already, {of}, not of "{given}"', line
        )
    if row := staging.first_row(staging.ANOTHER_ANSWER_STANDS, [study.pk], kind):
        line, key, rater, standing, given = row
        raise file.refusal(
            f'battle "{key}" of rater "{rater}" has the {kind.noun} {standing} already, not '
            f"{given}; a {kind.noun} is never changed",
            line,
        )
