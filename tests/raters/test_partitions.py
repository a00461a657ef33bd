"""Tables that were taken apart hold what they held, and refuse what they refused."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

from leaderboards import document
from leaderboards.exports.archive import write_archive
from leaderboards.models import Export, Standing
from leaderboards.ranking.boards import Engine
from leaderboards.services.boards import compute_sections, parameters_for
from leaderboards.services.standings import fold_standings
from raters.apps import refusals
from raters.models import Battle, Reply, Verdict
from raters.partitions import PARTED_BY, parts_of
from raters.services.battles import give_verdicts
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from studies import append_only
from studies.models import Study
from tests.cast import make_admin, make_board, make_study
from tests.raters.live import make_live_study, open_battle, say
from tests.raters.live_study import make_replies

PARTS = 4
pytestmark = pytest.mark.django_db


@pytest.fixture
def only_postgresql(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no partitions")


def take_apart(into: int = PARTS) -> list[str]:
    """What the command says. Foreign keys of rows that this test wrote are looked at before."""
    connection.check_constraints()
    out = io.StringIO()
    call_command("partition", "--into", str(into), stdout=out)
    return out.getvalue().splitlines()


def constraints_of(table: str) -> dict[str, Any]:
    """Keys, checks and indexes by name, but for the primary key."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return {name: each for name, each in found.items() if not each["primary_key"]}


def column(query: str, *parameters: object) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def triggers_on(table: str) -> list[str]:
    named = "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
    return sorted(column(named, table))


def digests(study: Study) -> dict[str, str]:
    """The digest of what boards are computed from, by engine."""
    found = {}
    for engine in (Engine.DAVIDSON, Engine.TRUESKILL):
        parameters = parameters_for(study, engine)
        _, given, _ = compute_sections(study, parameters)
        found[engine.value] = document.digest(document.input_json(given, parameters))
    return found


@pytest.mark.usefixtures("only_postgresql")
def test_rows_keys_indexes_triggers_and_grants_are_what_they_were() -> None:
    study = make_study(raters=8)
    tables = [model._meta.db_table for model in PARTED_BY]
    run("CREATE ROLE reader", "GRANT SELECT ON raters_verdict TO reader")
    rows = list(Verdict.objects.order_by("pk").values_list())
    before = {table: (constraints_of(table), triggers_on(table)) for table in tables}
    assert before["raters_verdict"][1]
    digest = digests(study)
    assert take_apart() == [
        "raters_verdict: 4 parts, 64 rows moved.",
        "raters_rating: 4 parts, 0 rows moved.",
        "raters_reply: 4 parts, 0 rows moved.",
    ]
    assert {table: (constraints_of(table), triggers_on(table)) for table in tables} == before
    assert list(Verdict.objects.order_by("pk").values_list()) == rows
    assert digests(study) == digest
    assert column("SELECT has_table_privilege('reader', 'raters_verdict', 'SELECT')") == [True]
    # No part is left out, and none holds everything.
    counts = [column(f"SELECT count(*) FROM raters_verdict_{part}")[0] for part in range(PARTS)]
    assert sum(counts) == 64
    assert max(counts) < 64


@pytest.mark.usefixtures("only_postgresql")
def test_again_it_changes_nothing_and_another_number_is_refused() -> None:
    take_apart()
    assert take_apart() == [f"{model._meta.db_table}: 4 parts, already." for model in PARTED_BY]
    with pytest.raises(CommandError, match="raters_verdict has 4 parts already"):
        take_apart(into=8)
    assert [parts_of(model) for model in PARTED_BY] == [PARTS] * len(PARTED_BY)


@pytest.mark.usefixtures("only_postgresql")
def test_a_table_whose_rows_something_refers_to_stays_whole() -> None:
    run("CREATE TABLE of_verdicts (verdict_id bigint REFERENCES raters_verdict)")
    with pytest.raises(CommandError, match="of_verdicts refers to its rows"):
        take_apart()
    assert [parts_of(model) for model in PARTED_BY] == [0] * len(PARTED_BY)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET outcome = 'b'",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        # Past the whole, at one of its parts.
        "UPDATE {table}_{part} SET outcome = 'b'",
        "DELETE FROM {table}_{part}",
        "TRUNCATE {table}_{part}",
    ],
)
@pytest.mark.parametrize("is_anew", [False, True])
@pytest.mark.usefixtures("only_postgresql")
def test_a_verdict_is_as_final_as_it_was(statement: str, is_anew: bool) -> None:
    make_study(raters=8)
    take_apart()
    if is_anew:
        # As after every migrate.
        append_only.install(connection, refusals())
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        run(statement.format(table="raters_verdict", part=1))


@pytest.mark.usefixtures("only_postgresql")
def test_one_verdict_per_battle_and_dimension_and_battles_that_are_there() -> None:
    make_study(raters=2)
    take_apart()
    verdict = Verdict.objects.earliest("pk")
    again = Verdict(
        battle_id=verdict.battle_id,
        dimension_id=verdict.dimension_id,
        outcome="a",
        recorded_at=timezone.now(),
    )
    with pytest.raises(IntegrityError, match="battle_id"), transaction.atomic():
        Verdict.objects.bulk_create([again])
    again.battle_id = Battle.objects.latest("pk").pk + 1
    Verdict.objects.bulk_create([again])
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        connection.check_constraints()
    # Else the test's end would find it.
    transaction.set_rollback(True)


@pytest.mark.usefixtures("only_postgresql")
def test_a_battle_is_played_folded_excluded_erased_and_exported(tmp_path: Path) -> None:
    take_apart()
    study = make_live_study()
    battle = open_battle(study)
    say(battle)
    make_replies()
    assert set(Reply.objects.values_list("state", flat=True)) == {Reply.State.FINISHED}
    give_verdicts(battle, outcomes={"overall": "a", "warmth": "tie"}, at=timezone.now())
    assert fold_standings(study) == 2
    played = Standing.objects.filter(tournament__study=study)
    assert sorted(played.values_list("wins", "losses", "ties")) == [
        (0, 0, 1), (0, 0, 1), (0, 1, 0), (1, 0, 0),
    ]  # fmt: skip
    exclude(battle, reason="Clicks.", by=make_admin(), at=timezone.now())
    assert not Verdict.objects.counting(study).exists()
    export = Export.objects.create(study=study, format="csv", asked_at=timezone.now())
    with (tmp_path / "export.zip").open("wb") as file:
        rows = write_archive(export, file, at=timezone.now())
    assert (rows["comparisons"], rows["conversations"]) == (2, 3)
    withdraw_and_erase(battle.participation, at=timezone.now())
    assert set(Reply.objects.values_list("state", "text")) == {(Reply.State.ERASED, "")}


@pytest.mark.usefixtures("only_postgresql")
def test_what_is_imported_goes_to_its_parts_and_makes_a_board(tmp_path: Path) -> None:
    rows = [f"r{n % 7},{'ash' if n % 2 else 'birch'},cherry,{'ab'[n % 3 == 0]}" for n in range(60)]
    path = tmp_path / "comparisons.csv"
    path.write_text("\n".join(["rater,model_a,model_b,outcome", *rows]))
    whole, parted = io.StringIO(), io.StringIO()
    call_command("import_comparisons", str(path), "--study", "whole", "--create", stdout=whole)
    first = Verdict.objects.latest("pk").pk
    take_apart()
    call_command("import_comparisons", str(path), "--study", "parted", "--create", stdout=parted)
    assert "added: 60 verdicts" in parted.getvalue()
    # The sequence went on where it stood.
    assert Verdict.objects.filter(pk__gt=first).count() == 60
    assert len(set(Verdict.objects.values_list("pk", flat=True))) == 120
    studies = [Study.objects.get(slug=slug) for slug in ("whole", "parted")]
    assert digests(studies[0]) == digests(studies[1])
    assert make_board(studies[1]).study == studies[1]


@pytest.mark.usefixtures("only_postgresql")
def test_later_migrations_find_a_table_as_any_other() -> None:
    make_study(raters=2)
    take_apart()
    connection.check_constraints()
    added = models.CharField(max_length=5, default="x", db_default="x")
    added.set_attributes_from_name("added")
    added.model = Verdict
    index = models.Index(fields=["outcome"], name="verdicts_by_outcome")
    check = models.CheckConstraint(condition=models.Q(pk__gt=0), name="verdict_is_numbered")
    unique = next(c for c in Verdict._meta.constraints if isinstance(c, models.UniqueConstraint))
    with connection.schema_editor() as editor:
        assert isinstance(editor, BaseDatabaseSchemaEditor)
        editor.add_field(Verdict, added)
        editor.add_index(Verdict, index)
        editor.add_constraint(Verdict, check)
        editor.remove_constraint(Verdict, unique)
        editor.add_constraint(Verdict, unique)
    assert set(column("SELECT added FROM raters_verdict")) == {"x"}
    names = set(constraints_of("raters_verdict"))
    assert names >= {"verdicts_by_outcome", "verdict_is_numbered", unique.name}


def test_sqlite_and_numbers_that_are_none_are_refused_in_a_sentence(settings: Any) -> None:
    with pytest.raises(CommandError, match="Set PARTITIONS, or say --into N"):
        call_command("partition")
    settings.PARTITIONS = 1
    is_sqlite = connection.vendor == "sqlite"
    said = "Only PostgreSQL has partitions" if is_sqlite else "1 is no number of parts"
    with pytest.raises(CommandError, match=said):
        call_command("partition")
