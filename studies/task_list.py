"""Tasks that a study takes many at once, from a table of area, category, task, text and battles.

Only `task` and `text` have to be there. The table is CSV in UTF-8, or what a spreadsheet puts on
the clipboard: tabs, or semicolons, in place of commas.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from studies.errors import StateError, TaskListError
from studies.models import Study, Task

COLUMNS: Final = ("area", "category", "task", "text", "battles")
NEEDED: Final = ("task", "text")
DELIMITERS: Final = ",\t;"
LONGEST_NAME: Final = 100
TASKS_AT_ONCE: Final = 2_000
# More than that is told once these are mended.
FLAWS_TOLD: Final = 10
BATTLES_AT_MOST: Final = 1_000_000
# What the column holds. Tasks in one position stand in the order of their names.
LAST_POSITION: Final = 32_767


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task of a list, and the line that it begins on. `battles_wanted` is its quota."""

    area: str
    category: str
    name: str
    text: str
    battles_wanted: int | None
    line: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What no other task of the study has."""
        return self.area, self.category, self.name


def decode_tasks(content: bytes) -> str:
    """The text of an uploaded table; TaskListError if it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TaskListError(
            (_("Line %(line)s: this is not UTF-8; save the file as UTF-8.") % {"line": line},)
        ) from None


def parse_tasks(text: str) -> tuple[TaskSpec, ...]:
    """The tasks of a table, in its order; TaskListError names the line and column of each flaw."""
    records = list(_records(text.removeprefix("\ufeff")))
    if not records:
        raise TaskListError((_("The table is empty: begin with a line that names its columns."),))
    line, header = records[0]
    columns = [name.casefold() for name in header]
    flaws = list(_flaws_of_header(line, columns))
    if not flaws and len(records) == 1:
        flaws = [_("The table has a header and no tasks.")]
    if not flaws and len(records) - 1 > TASKS_AT_ONCE:
        flaws = [
            _("%(records)s tasks; %(tasks_at_once)s are the most at once.")
            % {"records": f"{len(records) - 1:,}", "tasks_at_once": f"{TASKS_AT_ONCE:,}"}
        ]
    if flaws:
        raise TaskListError(tuple(flaws))
    specs = [_spec(line, values, columns, flaws) for line, values in records[1:]]
    tasks = tuple(spec for spec in specs if spec is not None)
    flaws += _flaws_between(tasks)
    if flaws:
        raise TaskListError(_first(flaws))
    return tasks


@transaction.atomic
def add_tasks(study: Study, specs: Sequence[TaskSpec]) -> tuple[Task, ...]:
    """Add tasks after those that the study has; all of them, or none.

    Raises TaskListError for a task that the study has already, or where a study past its draft
    would say of some tasks how many battles they should have, and of some not; StateError once it
    is closed.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if locked.state in {Study.State.CLOSED, Study.State.ARCHIVED}:
        raise StateError(
            _("The study %(slug)s is %(state)s: no battle takes a task now.")
            % {"slug": study.slug, "state": locked.state}
        )
    standing = set(study.tasks.values_list("area", "category", "name"))
    flaws = [
        _("Line %(line)s, column task: the study has a task “%(name)s” there already.")
        % {"line": spec.line, "name": spec.name}
        for spec in specs
        if spec.key in standing
    ]
    if locked.state != Study.State.DRAFT and specs:
        flaws += _flaws_beside(study, has_quotas=specs[0].battles_wanted is not None)
    if flaws:
        raise TaskListError(_first(flaws))
    last = study.tasks.aggregate(last=Max("position"))["last"]
    return tuple(
        Task.objects.bulk_create(
            Task(
                study=study,
                area=spec.area,
                category=spec.category,
                name=spec.name,
                text=spec.text,
                battles_wanted=spec.battles_wanted,
                position=min(position, LAST_POSITION),
            )
            for position, spec in enumerate(specs, start=0 if last is None else last + 1)
        )
    )


def _flaws_beside(study: Study, *, has_quotas: bool) -> list[str]:
    """The flaw of new tasks with quotas beside standing ones without, or the other way round."""
    if not study.tasks.filter(battles_wanted__isnull=has_quotas).exists():
        return []
    if has_quotas:
        return [_("Leave out the column battles: the tasks that the study has do without it.")]
    return [
        _("Fill the column battles: the tasks that the study has say how many they should have.")
    ]


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of the line it begins on."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield begin, [value.strip() for value in values]
            begin = reader.line_num + 1
    except csv.Error as error:
        raise TaskListError(
            (
                _("Line %(begin)s: this is not CSV (%(error)s); look for a quote left open.")
                % {"begin": begin, "error": error},
            )
        ) from None


def _flaws_of_header(line: int, columns: Sequence[str]) -> Iterator[str]:
    for name in NEEDED:
        if name not in columns:
            yield _("Line %(line)s: there is no column %(name)s.") % {"line": line, "name": name}
    for name in dict.fromkeys(columns):
        if name not in COLUMNS:
            yield _("Line %(line)s: “%(name)s” is no column; there are: %(columns)s.") % {
                "line": line,
                "name": name,
                "columns": ", ".join(COLUMNS),
            }
        elif columns.count(name) > 1:
            yield _("Line %(line)s: the column %(name)s is there twice.") % {
                "line": line,
                "name": name,
            }


def _spec(
    line: int, values: Sequence[str], columns: Sequence[str], flaws: list[str]
) -> TaskSpec | None:
    """The task of one row; None where it has flaws, which are added to the list."""
    if len(values) != len(columns):
        flaws.append(
            _(
                "Line %(line)s: %(values)s values for %(columns)s columns; put text that "
                'holds a comma in "quotes".'
            )
            % {"line": line, "values": len(values), "columns": len(columns)}
        )
        return None
    row = dict.fromkeys(COLUMNS, "") | dict(zip(columns, values, strict=True))
    found = [
        _("Line %(line)s, column %(column)s: %(flaw)s.")
        % {"line": line, "column": column, "flaw": flaw}
        for column, flaw in _flaws_of_row(row)
    ]
    flaws += found
    if found:
        return None
    return TaskSpec(
        area=row["area"],
        category=row["category"],
        name=row["task"],
        text=row["text"],
        battles_wanted=int(row["battles"]) if row["battles"] else None,
        line=line,
    )


def _flaws_of_row(row: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each column with what is wrong with it."""
    for column, value in row.items():
        if not value and column in NEEDED:
            yield column, _("it is empty")
        elif "\0" in value:
            yield column, _("it holds a character that can't be stored")
        elif column in {"area", "category", "task"} and len(value) > LONGEST_NAME:
            yield (
                column,
                _("%(value)s characters; %(longest_name)s are the most")
                % {"value": len(value), "longest_name": LONGEST_NAME},
            )
    if row["category"] and not row["area"]:
        yield "area", _("it is empty, and a category lies in an area")
    if battles := row["battles"]:
        # Python reads ١٢ and 1_000 as numbers; a person who meant something else has to hear of it.
        is_number = battles.isascii() and battles.isdecimal() and len(battles) <= 9
        if not is_number or not 0 < int(battles) <= BATTLES_AT_MOST:
            yield (
                "battles",
                _("“%(battles)s” is no whole number from 1 to %(battles_at_most)s")
                % {"battles": battles, "battles_at_most": f"{BATTLES_AT_MOST:,}"},
            )


def _flaws_between(tasks: Sequence[TaskSpec]) -> Iterator[str]:
    """What is wrong with a task only beside the others of the table."""
    lines: dict[tuple[str, str, str], int] = {}
    for task in tasks:
        first = lines.setdefault(task.key, task.line)
        if first != task.line:
            yield _("Line %(line)s, column task: line %(first)s has the same task.") % {
                "line": task.line,
                "first": first,
            }
    without = [task.line for task in tasks if task.battles_wanted is None]
    if without and len(without) < len(tasks):
        yield (
            _(
                "Line %(without)s, column battles: it is empty, and other lines say how "
                "many; say it of every task, or of none."
            )
            % {"without": without[0]}
        )


def _first(flaws: Sequence[str]) -> tuple[str, ...]:
    """The flaws that are told, and how many more there are."""
    told = tuple(flaws[:FLAWS_TOLD])
    more = len(flaws) - len(told)
    return (*told, _("And %(more)s more.") % {"more": f"{more:,}"}) if more else told
