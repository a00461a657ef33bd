"""Says in words what a study's order hangs on: on a page of its own, and beside its board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from leaderboards.errors import NothingToRankError
from leaderboards.models import Board, BoardRow
from leaderboards.pages.board import BoardPage, Choice, Option, PastBoard, read_contents, read_rows
from leaderboards.pages.controls import ControlsPage, Place, Switch, controls_page
from leaderboards.pages.robustness_parts import Part, TriadLine, parts_of, removals
from leaderboards.pages.words import rank_text
from leaderboards.ranking.controls import Standing
from leaderboards.reports import ROBUSTNESS
from leaderboards.services.reports import ReportStatus, report_status
from leaderboards.services.robustness import Robustness
from studies.models import Study

AS_PUBLISHED: Final = gettext_noop("As published")


@dataclass(frozen=True)
class RobustnessReport:
    """All that a report says, in words: `parts` are drop-k, circles, and variants.

    `basis` says on how many verdicts it rests, and how many the board had.
    """

    found: Robustness
    controls: ControlsPage
    answer: str
    basis: str
    triads: tuple[TriadLine, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Line:
    """A contestant in the board's order: its rank there, without a control, and under each."""

    name: str
    slug: str
    developer: str
    is_provisional: bool
    rank: str
    raw: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class RobustnessPage:
    """What could change the order of the board that stands, on one dimension.

    Without a `report` of this board `status` tells whether one is being computed, or why there is
    none; `refusal` says why the board itself ranks nobody.
    """

    study: Study
    board: Board
    dimensions: tuple[Option, ...]
    dimension: str
    dimension_name: str
    status: ReportStatus
    report: RobustnessReport | None
    lines: tuple[Line, ...]
    refusal: str


@dataclass(frozen=True)
class CheckLine:
    """A contestant in a control's order: its place there, its rank without it and on the board."""

    place: Place
    raw: str
    board: str
    is_provisional: bool


@dataclass(frozen=True)
class BoardCheck:
    """What stands beside a board: a line in words, and controls to choose, one of them chosen.

    Without a report there is nothing to say or choose yet.
    """

    report: RobustnessReport | None
    options: tuple[Option, ...]
    chosen: Switch | None
    lines: tuple[CheckLine, ...]


def robustness_report(study: Study, found: Robustness) -> RobustnessReport:
    """A report in words, with contestants by the names that they have now."""
    names = dict(study.contestants.values_list("slug", "name"))
    controls = controls_page(found, names)
    triads = tuple(
        TriadLine.of_slugs(triad, found.controls.contestants, names)
        for triad in found.cycles.triads
    )
    return RobustnessReport(
        found=found,
        controls=controls,
        answer=f"{controls.answer} {removals(found)}".strip(),
        basis=_basis(found),
        triads=triads,
        parts=parts_of(found, triads, names),
    )


def read_robustness_page(study: Study, entry: PastBoard, choice: Choice) -> RobustnessPage:
    """Read the page of a board. Raises NothingToRankError for a dimension that it lacks."""
    contents = read_contents(study, entry.board)
    section = contents.choose(Choice(choice.dimension))
    status, report = _report_of(study, entry.board, section.dimension_key)
    rows = read_rows([section])[section.pk]
    return RobustnessPage(
        study=study,
        board=entry.board,
        dimensions=contents.dimension_options(Choice(section.dimension_key)),
        dimension=section.dimension_key,
        dimension_name=section.dimension_name,
        status=status,
        report=report,
        lines=_lines(rows, report.controls) if report else (),
        refusal=section.refusal,
    )


def read_check(page: BoardPage, control: str) -> BoardCheck | None:
    """What stands beside the board that stands, in the eyes of all; None beside any other table.

    Raises NothingToRankError for a control that is not there to be chosen.
    """
    is_of_all = page.section == page.contents.default_of(page.section.dimension_key)
    if page.table is None or page.board.is_of_ratings or not (is_of_all and page.entry.is_standing):
        if control:
            raise NothingToRankError(_("There are no controls beside this table."))
        return None
    _status, report = _report_of(page.study, page.board, page.section.dimension_key)
    switches = {each.key: each for each in report.controls.computed} if report else {}
    if control and control not in switches:
        raise NothingToRankError(
            _("Beside this table there is no control “%(control)s”.") % {"control": control}
        )
    names = {"": _(AS_PUBLISHED)} | {key: switch.name for key, switch in switches.items()}
    chosen = switches.get(control)
    ranks = {row.slug: row.rank for row in page.table.rows}
    return BoardCheck(
        report=report,
        options=tuple(Option(key, name, "", key == control) for key, name in names.items()),
        chosen=chosen,
        lines=_check_lines(report.controls, chosen, ranks) if report and chosen else (),
    )


def _report_of(
    study: Study, board: Board, dimension: str
) -> tuple[ReportStatus, RobustnessReport | None]:
    """The report on a dimension, if it was computed while this board stood."""
    status = report_status(study, ROBUSTNESS, dimension)
    found = status.facts(Robustness)
    if found is None or found.board is None or found.board.id != str(board.pk):
        return status, None
    return status, robustness_report(study, found)


def _lines(rows: Sequence[BoardRow], controls: ControlsPage) -> tuple[Line, ...]:
    raw = {each.contestant: each.standing for each in controls.raw}
    places = [{each.contestant: each for each in switch.places} for switch in controls.computed]
    return tuple(
        Line(
            name=row.name,
            slug=row.contestant.slug,
            developer=row.developer,
            is_provisional=row.is_provisional,
            rank=rank_text(row.rank_low, row.rank_high),
            raw=_rank(raw[row.contestant.slug]),
            places=tuple(of[row.contestant.slug] for of in places),
        )
        for row in rows
    )


def _check_lines(
    controls: ControlsPage, chosen: Switch, ranks: Mapping[str, str]
) -> tuple[CheckLine, ...]:
    """The contestants of the board by their rank under a control."""
    raw = {each.contestant: each for each in controls.raw}
    return tuple(
        CheckLine(
            place=place,
            raw=_rank(raw[place.contestant].standing),
            board=ranks[place.contestant],
            is_provisional=raw[place.contestant].is_provisional,
        )
        for place in sorted(chosen.places, key=lambda place: place.standing.rank)
        # Who entered since the board was taken is not on it.
        if place.contestant in ranks
    )


def _rank(standing: Standing) -> str:
    return rank_text(standing.rank_low, standing.rank_high)


def _basis(found: Robustness) -> str:
    """On how many verdicts a report rests, and how many the board had."""
    here, board = found.controls.verdicts, found.board
    if board is None:
        return _("It rests on %(here)s verdicts; no board stood when it was computed.") % {
            "here": f"{here:,}"
        }
    if board.is_same_input:
        return _("It rests on the same %(here)s verdicts as the board.") % {"here": f"{here:,}"}
    if board.verdicts == here:
        return _(
            "It rests on as many verdicts as the board, %(here)s, but not on the same ones."
        ) % {"here": f"{here:,}"}
    return _(
        "It rests on the %(here)s verdicts that counted by then; the board on %(verdicts)s."
    ) % {"here": f"{here:,}", "verdicts": f"{board.verdicts:,}"}
