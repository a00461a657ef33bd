"""Boards are computed, published, verified; and nobody changes one afterwards."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from accounts.models import User
from leaderboards import document
from leaderboards.errors import BoardError, NothingToRankError
from leaderboards.models import Board, BoardRow, BoardSection, BoardWithdrawal
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import compute_sections, take_board, withdraw_board
from raters.models import Battle, Exclusion, Participation, Rater, Verdict
from studies.models import Study
from studies.services import enter_contestant

pytestmark = pytest.mark.django_db


def command(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def sections_of(board: Board) -> set[tuple[str, str]]:
    return {
        (section.dimension_key, section.group_key or section.scope)
        for section in board.sections.all()
    }


def test_a_board_has_every_dimension_and_group_the_electorate_and_the_sample(
    simulated_study: Study, board: Board
) -> None:
    assert simulated_study.electorate is not None
    groups = [g.key for axis in simulated_study.electorate.axes.all() for g in axis.groups.all()]
    dimensions = simulated_study.dimensions.values_list("key", flat=True)
    expected = {(d, place) for d in dimensions for place in [*groups, "electorate", "sample"]}
    assert sections_of(board) == expected
    for section in board.sections.filter(refusal=""):
        assert section.rows.count() == simulated_study.contestants.count()


def test_a_board_says_what_it_was_computed_from_and_how(board: Board) -> None:
    assert board.engine == Engine.DAVIDSON
    assert board.parameters["hierarchical"]["skill_scale"] > 0
    assert board.verdicts == Verdict.objects.count()
    assert board.raters == Participation.objects.count()
    assert board.input_digest == document.digest(document.unpack(bytes(board.document))["input"])


def test_rows_hold_together(board: Board) -> None:
    for section in board.sections.exclude(refusal__gt=""):
        rows = list(section.rows.all())
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        assert sum(row.p_best for row in rows) == pytest.approx(1, abs=1e-5)
        assert sum(row.win_share for row in rows) == pytest.approx(len(rows) / 2, abs=1e-4)
        assert sum(row.battles for row in rows) == 2 * section.battles
        for row in rows:
            assert row.rank_low <= row.rank <= row.rank_high
            assert row.wins + row.losses + row.ties == row.battles


@pytest.mark.parametrize("engine", [Engine.DAVIDSON, Engine.TRUESKILL])
def test_a_board_recomputes_from_its_export_alone(
    simulated_study: Study, engine: Engine, tmp_path: Path
) -> None:
    board = take_board(simulated_study, BoardParameters(engine=engine), at=timezone.now())
    path = tmp_path / "board.json"
    path.write_bytes(document.pack(document.unpack(bytes(board.document))))
    assert f"verified. Board {board.pk}" in command("verify_board", str(path))


def test_an_export_names_no_rater(simulated_study: Study, board: Board) -> None:
    text = json.dumps(document.unpack(bytes(board.document)))
    for participation in simulated_study.participations.select_related("rater"):
        assert participation.identity.recruiting_id not in text
        assert participation.rater.code not in text


def _times(exported: dict[str, Any]) -> list[int]:
    times: list[int] = exported["input"]["dimensions"][0]["times"]
    return times


Tamper = Callable[[dict[str, Any]], object]
TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "a count of verdicts": (lambda d: _times(d).__setitem__(0, 99), "input digest"),
    "a score": (lambda d: d["sections"][0]["rows"][0].update(score=9.0), "score was published"),
    "a rank": (lambda d: d["sections"][0]["rows"][0].update(rank=2), "rank was published as 2"),
    "a count": (lambda d: d["sections"][0].update(battles=1), "battles was published as 1"),
    "a section": (lambda d: d["sections"].pop(), "only computed"),
    "a share": (lambda d: d["input"]["groups"][0].update(share=0.9), "input digest"),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "what"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_an_export_that_was_tampered_with_is_found_out(
    board: Board, tamper: Tamper, what: str
) -> None:
    exported = document.unpack(bytes(board.document))
    tamper(exported)
    assert any(what in difference for difference in document.verify(exported).differences)


@pytest.mark.parametrize(
    ("tamper", "what"),
    [
        (lambda d: _times(d).__setitem__(0, 99), "cannot be ranked"),
        (lambda d: d["input"]["parameters"].update(seed=7), "was published as"),
        (lambda d: d["input"]["groups"][0].update(share=0.9), "cannot be ranked"),
    ],
)
def test_a_forged_digest_does_not_help(board: Board, tamper: Tamper, what: str) -> None:
    exported = document.unpack(bytes(board.document))
    tamper(exported)
    exported["input_digest"] = document.digest(exported["input"])
    assert any(what in difference for difference in document.verify(exported).differences)


def test_an_export_that_does_not_verify_ends_with_status_1(board: Board, tmp_path: Path) -> None:
    exported = document.unpack(bytes(board.document))
    exported["sections"][0]["rows"][0]["score"] = 9.0
    path = tmp_path / "board.json"
    path.write_text(json.dumps(exported))
    with pytest.raises(SystemExit) as stopped:
        command("verify_board", str(path))
    assert stopped.value.code == 1


def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    for content, what in (("{", "it is not JSON"), ("{}", "no board export"), ("[]", "no board")):
        path = tmp_path / "board.json"
        path.write_text(content)
        with pytest.raises(CommandError, match=what):
            command("verify_board", str(path))


def test_a_damaged_export_is_refused(board: Board, tmp_path: Path) -> None:
    exported = document.unpack(bytes(board.document))
    del exported["input"]["dimensions"][0]["a"]
    path = tmp_path / "board.json"
    path.write_text(json.dumps(exported))
    with pytest.raises(CommandError, match="damaged"):
        command("verify_board", str(path))


def _refused(change: Callable[[], object]) -> None:
    with pytest.raises((DatabaseError, models.ProtectedError)), transaction.atomic():
        change()


def test_the_database_refuses_to_change_a_published_board(board: Board) -> None:
    section = board.sections.all()[0]
    row = section.rows.all()[0]
    tables = [model._meta.db_table for model in (BoardRow, BoardSection, Board)]

    def raw(statement: str) -> Callable[[], object]:
        return lambda: connection.cursor().execute(statement)

    for change in (
        board.delete,
        lambda: Board.objects.update(engine="trueskill"),
        lambda: BoardSection.objects.update(battles=0),
        lambda: BoardRow.objects.filter(pk=row.pk).update(rank=1, score=9, score_high=10),
        lambda: BoardRow.objects.all()._raw_delete(using="default"),
        lambda: BoardRow.objects.filter(pk=row.pk).delete(),
        lambda: BoardRow(
            **{**_values(row), "id": None, "contestant_id": _newcomer(board).pk}
        ).save(),
        lambda: BoardSection(**{**_values(section), "id": None, "dimension_key": "new"}).save(),
        *(raw(f"DELETE FROM {table}") for table in tables),
    ):
        _refused(change)
    if connection.vendor == "postgresql":
        _refused(raw(f"TRUNCATE {', '.join(tables)} CASCADE"))
    assert BoardRow.objects.get(pk=row.pk).score == row.score


def _values(instance: models.Model) -> dict[str, Any]:
    return {
        field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields
    }


def _newcomer(board: Board) -> models.Model:
    return enter_contestant(board.study, name="Newcomer")


def test_the_database_refuses_to_change_or_delete_a_verdict(simulated_study: Study) -> None:
    verdict = Verdict.objects.all()[0]
    for change in (
        verdict.delete,
        lambda: Verdict.objects.filter(pk=verdict.pk).update(outcome="tie"),
        lambda: verdict.battle.delete(),
    ):
        _refused(change)


def test_the_database_refuses_a_battle_of_a_contestant_with_itself(simulated_study: Study) -> None:
    battle = Battle.objects.all()[0]
    _refused(lambda: Battle.objects.filter(pk=battle.pk).update(side_b=battle.side_a))


def test_the_pinned_fields_of_a_chat_model_stay_once_it_was_in_a_battle(
    simulated_study: Study,
) -> None:
    chat_model = Battle.objects.all()[0].side_a.chat_model
    chat_model.revision = "2"
    _refused(chat_model.save)
    unmet = enter_contestant(simulated_study, name="Unmet").chat_model
    unmet.revision = "2"
    unmet.save()


def test_a_newer_board_supersedes_the_one_that_stood(simulated_study: Study, board: Board) -> None:
    newer = take_board(simulated_study, BoardParameters(), at=timezone.now())
    assert newer.supersedes == board
    assert list(Board.objects.standing()) == [newer]
    assert newer.input_digest == board.input_digest


def test_a_board_is_withdrawn_once_and_with_a_reason(board: Board, admin_user: User) -> None:
    now = timezone.now()
    with pytest.raises(BoardError, match="Say why"):
        withdraw_board(board, reason=" ", by=admin_user, at=now)
    withdrawal = withdraw_board(board, reason="A contestant was misnamed", by=admin_user, at=now)
    assert not Board.objects.standing().exists()
    with pytest.raises(BoardError, match="withdrawn already: A contestant was misnamed"):
        withdraw_board(board, reason="Again", by=admin_user, at=now)
    _refused(withdrawal.delete)
    _refused(lambda: BoardWithdrawal.objects.update(reason="Never mind"))


def test_excluded_verdicts_are_left_out_and_come_back(
    simulated_study: Study, board: Board, admin_user: User
) -> None:
    participation = simulated_study.participations.all()[0]
    battles = participation.battles.count()
    exclusion = Exclusion.objects.create(
        study=simulated_study,
        participation=participation,
        reason="three strikes",
        actor=admin_user,
        created_at=timezone.now(),
    )
    without = take_board(simulated_study, BoardParameters(), at=timezone.now())
    dimensions = simulated_study.dimensions.count()
    assert without.verdicts == board.verdicts - battles * dimensions
    assert without.raters == board.raters - 1
    assert without.exclusions == 1
    assert document.unpack(bytes(without.document))["exclusions"][0]["reason"] == "three strikes"
    _refused(exclusion.delete)
    Exclusion.objects.update(lifted_at=timezone.now(), lifted_by=admin_user)
    again = take_board(simulated_study, BoardParameters(), at=timezone.now())
    assert again.input_digest == board.input_digest


def test_a_study_without_verdicts_has_nothing_to_rank(simulated_study: Study) -> None:
    empty = Study.objects.create(slug="empty", title="Empty")
    with pytest.raises(NothingToRankError, match="no verdict that counts"):
        take_board(empty, BoardParameters(), at=timezone.now())
    assert not Board.objects.filter(study=empty).exists()


def test_parts_that_never_met_are_refused_by_name(simulated_study: Study) -> None:
    study = Study.objects.create(slug="parted", title="Parted")
    dimension = study.dimensions.create(key="overall", name="Overall", is_overall=True)
    now = timezone.now()
    rater = Rater.objects.create(created_at=now)
    participation = Participation.objects.create(
        study=study, rater=rater, state="completed", created_at=now
    )
    for key, pair in enumerate((("Ash", "Bay"), ("Fir", "Oak"))):
        a, b = (enter_contestant(study, name=name) for name in pair)
        battle = Battle.objects.create(
            participation=participation, key=str(key), side_a=a, side_b=b, created_at=now
        )
        Verdict.objects.create(battle=battle, dimension=dimension, outcome="a", recorded_at=now)
    board = take_board(study, BoardParameters(), at=now)
    section = board.sections.get()
    assert section.refusal == "The battles fall into 2 parts that never met: ash, bay; fir, oak."
    assert not section.rows.exists()


def test_boards_are_printed_as_table_json_and_csv(simulated_study: Study) -> None:
    slug = simulated_study.slug
    table = command("boards", "--study", slug)
    assert "electorate" in table.splitlines()[0]
    assert "P(best)" in table
    section = json.loads(command("boards", "--study", slug, "--format", "json"))
    assert section["scope"] == "electorate"
    lines = command("boards", "--study", slug, "--format", "csv").splitlines()
    assert len(lines) == 1 + simulated_study.contestants.count()


@pytest.mark.parametrize("engine", ["davidson", "trueskill"])
def test_a_board_of_one_group_counts_its_raters_only(simulated_study: Study, engine: str) -> None:
    assert simulated_study.electorate is not None
    group = simulated_study.electorate.axes.all()[0].groups.all()[0]
    printed = command(
        "boards", "--study", simulated_study.slug, "--group", f"{group.axis.key}={group.key}",
        "--engine", engine, "--format", "json",
    )  # fmt: skip
    raters = Participation.objects.filter(cell__groups=group).count()
    assert json.loads(printed)["raters"] == raters


def test_unknown_names_are_refused_with_those_that_there_are(simulated_study: Study) -> None:
    slug = simulated_study.slug
    with pytest.raises(CommandError, match="there are: "):
        command("boards", "--study", "nowhere")
    with pytest.raises(CommandError, match='has no dimension "charm"; it has: '):
        command("boards", "--study", slug, "--dimension", "charm")
    with pytest.raises(CommandError, match='has no group "age=young"; it has: '):
        command("boards", "--study", slug, "--group", "age=young")


def test_what_is_computed_depends_on_the_seed_and_nothing_else(simulated_study: Study) -> None:
    def ranked(seed: int) -> list[dict[str, Any]]:
        _frame, given, sections = compute_sections(simulated_study, BoardParameters(seed=seed))
        return [document.section_json(section, given) for section in sections]

    assert ranked(1) == ranked(1)
    assert ranked(1) != ranked(2)
