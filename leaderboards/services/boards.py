"""Computes, publishes and withdraws boards."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _

from leaderboards import document
from leaderboards.document import Json
from leaderboards.errors import BoardError, NothingToRankError, WrongEngineError
from leaderboards.exclusions import LeftOut, left_out_json, read_left_out
from leaderboards.facts import as_json
from leaderboards.models import Board, BoardRow, BoardSection, BoardWithdrawal
from leaderboards.ranking.boards import (
    BoardInput,
    BoardParameters,
    Engine,
    Scope,
    Section,
    rank_board,
)
from leaderboards.ratings import read_rating_input
from leaderboards.reports import BOARD, LABELS, ROBUSTNESS, SAFETY, TOPICS
from leaderboards.services.reports import ask_for_report, report_under_way
from leaderboards.verdicts import Frame, read_board_input
from raters.judging.protocols import LABELLERS
from raters.models import Rating, Verdict
from studies.ledger import By, Kind, head, record
from studies.models import Study, WebhookEvent
from studies.webhooks import announce

if TYPE_CHECKING:
    from accounts.models import User


# What can rank the answers of a protocol, the default first.
ENGINES: Final = {
    Study.Protocol.PAIRWISE: (Engine.DAVIDSON, Engine.TRUESKILL),
    Study.Protocol.SINGLE: (Engine.RATINGS,),
}


@dataclass(frozen=True)
class TakenBoard:
    """What a report of the kind `board` says: the id of the board that was taken."""

    board: str


def engines_for(study: Study) -> tuple[Engine, ...]:
    """The engines that can rank what a study's raters say, the default first."""
    return ENGINES[Study.Protocol(study.protocol)]


def engine_for(study: Study, name: str | None = None) -> Engine:
    """The engine of this name, or the study's default. WrongEngineError where it can't rank it."""
    engine = Engine(name) if name else engines_for(study)[0]
    _require_engine(study, engine)
    return engine


def parameters_for(study: Study, engine: Engine | None = None) -> BoardParameters:
    """The parameters of a study's boards, by the protocol's default engine if none is named."""
    return BoardParameters(engine=engine or engines_for(study)[0])


def compute_sections(
    study: Study, parameters: BoardParameters, *, dimension: str | None = None
) -> tuple[Frame, BoardInput, tuple[Section, ...]]:
    """Compute a study's sections from the verdicts or ratings that count now, publishing nothing.

    Raises NothingToRankError where there are none, or no such dimension, and WrongEngineError
    where the engine can't rank what the study's protocol gathers.
    """
    _require_engine(study, parameters.engine)
    frame = Frame.of(study)
    known = [d.key for d in frame.dimensions]
    if dimension is not None and dimension not in known:
        raise NothingToRankError(
            _('The study %(slug)s has no dimension "%(dimension)s"; it has: %(known)s.')
            % {"slug": study.slug, "dimension": dimension, "known": ", ".join(known) or _("none")}
        )
    chosen = None if dimension is None else [dimension]
    if parameters.engine is Engine.RATINGS:
        given = read_rating_input(frame, dimensions=chosen)
    else:
        given = read_board_input(frame, parameters.engine, dimensions=chosen)
    if not any(d.raters[0] for d in given.dimensions):
        words = (
            _("The study %(slug)s has no rating that counts.")
            if parameters.engine is Engine.RATINGS
            else _("The study %(slug)s has no verdict that counts.")
        )
        raise NothingToRankError(words % {"slug": study.slug})
    return frame, given, rank_board(given, parameters)


def _require_engine(study: Study, engine: Engine) -> None:
    engines = engines_for(study)
    if engine not in engines:
        compares = study.protocol == Study.Protocol.PAIRWISE
        raise WrongEngineError(
            (
                _(
                    "The study %(slug)s compares two models at a time: its boards are computed "
                    "by %(engines)s, not by %(engine)s."
                )
                if compares
                else _(
                    "The study %(slug)s rates one model at a time: its boards are computed by "
                    "%(engines)s, not by %(engine)s."
                )
            )
            % {"slug": study.slug, "engines": _(" or ").join(engines), "engine": engine}
        )


@transaction.atomic
def take_board(
    study: Study,
    parameters: BoardParameters | None = None,
    *,
    by: "User | None" = None,
    at: datetime,
) -> Board:
    """Publish a snapshot of all sections of a study; it supersedes the one that stood.

    From here on nobody can change or delete it. Without parameters it is computed as
    `parameters_for` says. What its order hangs on is asked for with it. Raises NothingToRankError
    where no verdict or rating counts, and WrongEngineError as `compute_sections` does.
    """
    parameters = parameters or parameters_for(study)
    # Two boards taken at once would both supersede the same one.
    Study.objects.select_for_update().get(pk=study.pk)
    frame, given, sections = compute_sections(study, parameters)
    left_out = read_left_out(study)
    board = Board(
        id=uuid.uuid4(),
        study=study,
        engine=parameters.engine,
        code_version=version("hustings"),
        taken_at=at,
        taken_by=by,
        raters=max(int(d.raters[0]) for d in given.dimensions),
        verdicts=sum(_everybodys(section) for section in sections),
        exclusions=len(left_out),
        **_fieldwork(study),
        supersedes=Board.objects.standing().filter(study=study).order_by("-taken_at").first(),
    )
    exported = _document(board, frame, given, parameters, sections, left_out)
    board.parameters = exported["input"]["parameters"]
    board.input_digest = exported["input_digest"]
    board.document = document.pack(exported)
    _write_sections(board, frame, exported["sections"])
    # Last: the triggers refuse a section or row of a board that stands.
    board.save(force_insert=True)
    _record_board(board, exported, by=by)
    if study.protocol == Study.Protocol.PAIRWISE:
        has_topics = study.tasks.count() > 1
        is_labelled = study.judge_runs.filter(judge__protocol__in=LABELLERS).exists()
        for each in frame.dimensions:
            ask_for_report(study, ROBUSTNESS, each.key, by=by, at=at)
            if has_topics:
                ask_for_report(study, TOPICS, each.key, by=by, at=at)
            if study.has_scenarios:
                ask_for_report(study, SAFETY, each.key, by=by, at=at)
            if is_labelled:
                ask_for_report(study, LABELS, each.key, by=by, at=at)
    return board


def report_board(study: Study, subject: str, at: datetime) -> Json:
    """Take the board that somebody has asked for, by the engine that is the report's subject.

    Raises what `take_board` does.
    """
    report = report_under_way(study, BOARD, subject)
    if report is None:
        raise BoardError(_("Nobody waits for this board any more."))
    taken = Board.objects.filter(
        study=study, engine=subject, taken_by=report.asked_by, taken_at__gte=report.asked_at
    )
    # A worker that died once it was published took it already.
    board = taken.defer("document").first() or take_board(
        study, parameters_for(study, Engine(subject)), by=report.asked_by, at=at
    )
    return as_json(TakenBoard(str(board.pk)))


def _record_board(board: Board, exported: Json, *, by: "User | None") -> None:
    facts = {
        "board": exported["id"],
        "engine": board.engine,
        "input_digest": board.input_digest,
        "document": document.digest(exported),
        "supersedes": exported["supersedes"],
    }
    of = By.PLATFORM if by is None else By.ADMIN
    record(board.study, Kind.BOARD_TAKEN, facts, by=of, at=board.taken_at)
    kind = WebhookEvent.Kind.BOARD_PUBLISHED
    announce(board.study, kind, facts, key=facts["board"], at=board.taken_at)


def _fieldwork(study: Study) -> dict[str, datetime]:
    """When the battles whose verdicts or ratings count began and ended."""
    is_single = study.protocol == Study.Protocol.SINGLE
    answers = Rating.objects.counting(study) if is_single else Verdict.objects.counting(study)
    return answers.aggregate(
        first_battle_at=Min("battle__created_at"), last_battle_at=Max("battle__created_at")
    )


def _everybodys(section: Section) -> int:
    return section.record.battles if section.scope is Scope.SAMPLE else 0


def _write_sections(board: Board, frame: Frame, sections: list[Json]) -> None:
    dimensions = {dimension.key: dimension for dimension in frame.dimensions}
    groups = {(group.axis.key, group.key): group for group in frame.groups}
    contestants = {contestant.slug: contestant for contestant in frame.contestants}
    rows = []
    for section in sections:
        group = groups.get((section["axis"], section["group"]))
        stored = BoardSection.objects.create(
            board=board,
            scope=section["scope"],
            dimension_key=section["dimension"],
            dimension_name=dimensions[section["dimension"]].name,
            axis_key=section["axis"],
            axis_name=group.axis.name if group else "",
            group_key=section["group"],
            group_name=group.name if group else "",
            raters=section["raters"],
            battles=section["battles"],
            fit=section["fit"],
            refusal=section["refusal"],
        )
        for row in section["rows"]:
            contestant = contestants[row["contestant"]]
            rows.append(
                BoardRow(
                    section=stored,
                    name=contestant.name,
                    developer=contestant.chat_model.developer,
                    **row | {"contestant": contestant},
                )
            )
    BoardRow.objects.bulk_create(rows, batch_size=1000)


def _document(
    board: Board,
    frame: Frame,
    given: BoardInput,
    parameters: BoardParameters,
    sections: tuple[Section, ...],
    left_out: list[LeftOut],
) -> Json:
    study = frame.study
    given_json = document.input_json(given, parameters)
    return {
        "format": document.FORMAT,
        "id": str(board.pk),
        "study": {
            "slug": study.slug,
            "title": study.title,
            "question": study.question,
            "is_simulated": study.is_simulated,
        },
        "taken_at": board.taken_at.isoformat(),
        "first_battle_at": board.first_battle_at.isoformat(),
        "last_battle_at": board.last_battle_at.isoformat(),
        "code_version": board.code_version,
        "supersedes": str(board.supersedes_id) if board.supersedes_id else None,
        "electorate": _electorate_json(frame),
        "dimensions": [
            {"key": d.key, "name": d.name, "question": d.question, "is_overall": d.is_overall}
            for d in frame.dimensions
        ],
        "contestants": [
            {
                "slug": c.slug,
                "name": c.name,
                "developer": c.chat_model.developer,
                "is_withdrawn": c.withdrawn_at is not None,
            }
            for c in frame.contestants
        ],
        "exclusions": left_out_json(left_out),
        "ledger": _ledger_json(study),
        "input": given_json,
        "input_digest": document.digest(given_json),
        "sections": [document.section_json(section, given) for section in sections],
    }


def _ledger_json(study: Study) -> Json | None:
    """The ledger's head as the board is taken: nobody can cut or rewrite what stood by then."""
    last = head(study)
    return None if last is None else {"number": last.number, "digest": last.digest}


def _electorate_json(frame: Frame) -> Json | None:
    electorate = frame.study.electorate
    if electorate is None:
        return None
    return {
        "slug": electorate.slug,
        "name": electorate.name,
        "groups": [
            {
                "axis": group.axis.key,
                "axis_name": group.axis.name,
                "group": group.key,
                "group_name": group.name,
                "share": group.share,
                "source": str(group.source),
            }
            for group in frame.groups
        ],
    }


@transaction.atomic
def withdraw_board(board: Board, *, reason: str, by: "User", at: datetime) -> BoardWithdrawal:
    """Withdraw a published board with a reason; the board itself stays, and says so."""
    if not reason.strip():
        raise BoardError(_("Say why the board is withdrawn: its page will show the reason."))
    withdrawal, is_new = BoardWithdrawal.objects.get_or_create(
        board=board, defaults={"reason": reason.strip(), "actor": by, "withdrawn_at": at}
    )
    if not is_new:
        raise BoardError(
            _("The board was withdrawn already: %(reason)s") % {"reason": withdrawal.reason}
        )
    facts = {"board": str(board.pk), "reason": withdrawal.reason}
    record(board.study, Kind.BOARD_WITHDRAWN, facts, by=By.ADMIN, at=at)
    return withdrawal
