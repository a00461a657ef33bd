"""Exports: read back to the same boards, and of a release only what may leave."""

import csv
import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leaderboards import document
from leaderboards.errors import ExportError
from leaderboards.exports import writing
from leaderboards.exports.archive import write_archive
from leaderboards.models import BoardRow, Export
from leaderboards.ranking.boards import Engine
from leaderboards.services.boards import compute_sections, parameters_for, take_board
from raters.identities import Identity, seal
from raters.models import (
    Battle,
    Judge,
    Judgement,
    JudgeRun,
    JudgeVerdict,
    Participation,
    Rating,
    Turn,
    Verdict,
)
from raters.quality.personal import FEWEST_ALIKE
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from raters.services.quoting import hide_reason, take_words_back
from studies.models import AttentionCheck, Dimension, Electorate, Source, Study
from studies.services import ensure_shipped_electorate, withdraw_contestant
from tests.cast import NOW, make_admin, make_board, make_study
from tests.data import data_file
from tests.leaderboards.talked import make_talked_study

FORMATS = ("csv", "jsonl", "parquet")
SECRETS = ("secret", "platform-", "simulated-1-")
Row = dict[str, Any]
pytestmark = pytest.mark.django_db


def ask(study: Study, form: str = "csv", *, is_release: bool = False) -> Export:
    return Export.objects.create(study=study, format=form, is_release=is_release, asked_at=NOW)


def build(export: Export, folder: Path) -> Path:
    """The archive, of all that was ever recorded."""
    path = folder / f"{export.pk}.zip"
    with path.open("wb") as file:
        write_archive(export, file, at=NOW.replace(year=2100))
    return path


def rows_of(path: Path, name: str) -> list[Row]:
    """The rows of a CSV file of an archive."""
    with zipfile.ZipFile(path) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def everything_in(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def run(path: Path, *options: str, study: str = "again") -> str:
    out = io.StringIO()
    call_command("import_comparisons", str(path), "--study", study, *options, stdout=out)
    return out.getvalue()


def digests(study: Study) -> dict[str, str]:
    """The digest of what boards of the study are computed from, by engine."""
    found = {}
    for engine in (Engine.DAVIDSON, Engine.TRUESKILL):
        parameters = parameters_for(study, engine)
        _, given, _ = compute_sections(study, parameters)
        found[engine.value] = document.digest(document.input_json(given, parameters))
    return found


def board_of(study: Study) -> tuple[str, str, list[Any]]:
    """The engine of the study's board, the digest of what it is computed from, and its rows."""
    board = take_board(study, at=NOW)
    rows = BoardRow.objects.filter(section__board=board).order_by("section_id", "rank", "name")
    place = [f"section__{name}" for name in ("dimension_key", "scope", "axis_key", "group_key")]
    found = rows.values_list(*place, "name", "rank", "score", "score_low", "score_high", "battles")
    return board.engine, board.input_digest, list(found)


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_read_back_to_the_same_boards(tmp_path: Path, form: str) -> None:
    study = make_study()
    exclude(study.participations.order_by("pk")[3], reason="Clicks.", by=make_admin(), at=NOW)
    last = study.contestants.order_by("slug").last()
    assert last is not None
    withdraw_contestant(last, reason="Its maker asked.", at=NOW, may_split=True)
    Dimension.objects.filter(study=study, key="warmth").update(question="Warm?", weight=0.5)
    Study.objects.update(language="de")
    study.refresh_from_db()
    said = run(build(ask(study, form), tmp_path), "--create")
    assert "240 rows read, 8 left out as excluded; added: 232 verdicts" in said
    again = Study.objects.get(slug="again")
    assert digests(again) == digests(study)
    assert again.dimensions.get(key="warmth").question == "Warm?"
    assert again.contestants.get(name=last.name).withdrawal_reason == "Its maker asked."
    assert (again.title, again.is_simulated, again.is_public) == (study.title, True, False)
    assert again.language == "de"


def test_an_electorate_comes_back_to_the_last_digit_where_it_is_not_known(tmp_path: Path) -> None:
    study = make_study(electorate=ensure_shipped_electorate("us-2023"))
    path = build(ask(study), tmp_path)
    Electorate.objects.update(slug="elsewhere")
    run(path, "--create")
    again = Study.objects.get(slug="again")
    assert again.electorate_id != study.electorate_id
    assert digests(again) == digests(study)
    assert again.electorate is not None
    sources = again.electorate.sources.order_by("key").values_list("title", "url", "year")
    known = Source.objects.filter(electorate__slug="elsewhere").order_by("key")
    assert list(sources) == list(known.values_list("title", "url", "year"))
    assert "nothing new" in run(path)
    assert "nothing new" in run(path, "--create")


def test_the_order_of_recording_comes_back_although_battles_began_in_another(
    tmp_path: Path,
) -> None:
    study = make_study()
    for n, battle in enumerate(Battle.objects.order_by("-pk")):
        Battle.objects.filter(pk=battle.pk).update(created_at=NOW.replace(minute=n % 60))
    run(build(ask(study), tmp_path), "--create")
    assert digests(Study.objects.get(slug="again")) == digests(study)


def test_a_study_without_an_electorate_comes_back_and_a_slug_stays(tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv"
    path.write_text("rater,model_a,model_b,outcome\nann,=Elm+1,'Oak,a\nbob,'Oak,-Yew,tie\n")
    run(path, "--create", study="first")
    study = Study.objects.get(slug="first")
    study.contestants.filter(name="-Yew").update(name="+Yew")
    names = set(study.contestants.values_list("name", "slug"))
    assert names == {("=Elm+1", "elm1"), ("'Oak", "oak"), ("+Yew", "yew")}
    run(build(ask(study), tmp_path), "--create")
    again = Study.objects.get(slug="again")
    assert set(again.contestants.values_list("name", "slug")) == names
    assert digests(again) == digests(study)


@pytest.mark.one_database
def test_the_votes_of_llmfao_come_back_to_the_same_boards(tmp_path: Path) -> None:
    outcomes = {"left": "a", "right": "b", "tie": "tie"}
    path = tmp_path / "human.csv"
    with (
        gzip.open(data_file("llmfao/human.csv.gz"), "rt") as votes,
        path.open("w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["rater", "model_a", "model_b", "outcome", "battle", "conversation"])
        for row in csv.DictReader(votes):
            pair = (row["model_x"], row["model_y"], outcomes[row["winner"]], row["pair"])
            writer.writerow([row["worker"], *pair, row["prompt"]])
    run(path, "--create", study="llmfao")
    study = Study.objects.get(slug="llmfao")
    assert "6,215 verdicts" in run(build(ask(study), tmp_path), "--create")
    assert digests(Study.objects.get(slug="again")) == digests(study)


def test_two_builds_of_the_same_export_have_the_same_bytes(tmp_path: Path) -> None:
    study = make_talked_study(raters=12, each=1, tie=0)
    for form in FORMATS:
        for is_release in (False, True):
            export = ask(study, form, is_release=is_release)
            first = build(export, tmp_path).read_bytes()
            assert build(export, tmp_path).read_bytes() == first


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_has_the_digest_that_the_archive_says(tmp_path: Path, form: str) -> None:
    study = make_talked_study(raters=12, each=1, tie=0)
    board = make_board(study)
    with zipfile.ZipFile(build(ask(study, form), tmp_path)) as archive:
        sums = archive.read("SHA256SUMS").decode().splitlines()
        told = dict(line.split("  ")[::-1] for line in sums)
        files = {name: archive.read(name) for name in archive.namelist() if name != "SHA256SUMS"}
    assert told == {name: hashlib.sha256(each).hexdigest() for name, each in files.items()}
    assert set(files) == {
        *(f"{name}.{form}" for name in TABLES),
        *("README.txt", "study.json", "codebook.csv", "datasheet.md", "CITATION.cff"),
        *("datacite.json", f"boards/{board.pk}.json"),
    }
    exported = json.loads(files[f"boards/{board.pk}.json"])
    assert document.verify(exported).differences == ()


TABLES = ("comparisons", "raters", "conversations", "judgements", "boards")


def test_the_codebook_explains_every_column_of_every_file(tmp_path: Path) -> None:
    study = make_talked_study(raters=12, each=1, tie=0)
    make_board(study)
    path = build(ask(study), tmp_path)
    explained: dict[str, list[str]] = {}
    for row in rows_of(path, "codebook.csv"):
        assert row["meaning"]
        explained.setdefault(row["file"], []).append(row["column"])
    with zipfile.ZipFile(path) as archive:
        for name in (f"{each}.csv" for each in (*TABLES, "codebook")):
            header = archive.read(name).decode().split("\r\n", 1)[0]
            assert header.split(",") == explained[name]


def test_all_formats_hold_the_same_rows(tmp_path: Path) -> None:
    from pyarrow import parquet

    study = make_talked_study(raters=12, each=1, tie=0)
    Battle.objects.filter(participation__study=study).update(reason="=HYPERLINK(1)")
    paths = {form: build(ask(study, form), tmp_path) for form in FORMATS}
    for name in ("comparisons", "conversations", "raters"):
        with zipfile.ZipFile(paths["parquet"]) as archive:
            stored = io.BytesIO(archive.read(f"{name}.parquet"))
        from_parquet = parquet.read_table(stored).to_pylist()
        with zipfile.ZipFile(paths["jsonl"]) as archive:
            lines = archive.read(f"{name}.jsonl").decode().splitlines()
        from_jsonl = [json.loads(line) for line in lines]
        assert len(from_jsonl) == len(from_parquet) == len(rows_of(paths["csv"], f"{name}.csv"))
        for one, other in zip(from_jsonl, from_parquet, strict=True):
            instants = {key for key in one if key.endswith("_at") and one[key]}
            for key in instants:
                other[key] = other[key].isoformat()
            assert one == other
    reasons = [row for row in rows_of(paths["csv"], "conversations.csv") if row["kind"] == "reason"]
    assert {row["text"] for row in reasons} == {"'=HYPERLINK(1)"}


def test_a_full_export_has_everything_but_identities(tmp_path: Path) -> None:
    study = make_talked_study(raters=12, each=1, tie=0)
    first, checked = study.participations.order_by("pk")[:2]
    Participation.objects.filter(pk=first.pk).update(
        identity_sealed=seal(Identity("PID-5f3a", recruiting_session="SESSION-77")),
        address_hash="a" * 64,
        device_hash="d" * 64,
    )
    take_words_back(first)
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    Battle.objects.filter(participation=checked).update(attention_check=check)
    path = build(ask(study), tmp_path)
    text = everything_in(path)
    for secret in (*SECRETS, "PID-5f3a", "SESSION-77", "a" * 64, "d" * 64):
        assert secret not in text
    hers = Turn.objects.get(battle__participation=first)
    assert hers.text in text
    (row,) = [r for r in rows_of(path, "comparisons.csv") if r["rater"] == checked.rater.code]
    assert (row["is_check"], row["is_excluded"]) == ("true", "true")
    raters = rows_of(path, "raters.csv")
    assert len(raters) == 12
    assert all(row["age"] and row["sex"] for row in raters)


def test_a_release_has_only_released_words_and_none_of_who_withdrew(tmp_path: Path) -> None:
    study = make_talked_study(raters=24, each=1, tie=0)
    kept, unreleased, withdrawn, struck, hidden, checked = study.participations.order_by("pk")[:6]
    gone = [Turn.objects.get(battle__participation=each).text for each in (unreleased, withdrawn)]
    gone += [Turn.objects.get(battle__participation=each).text for each in (struck, hidden)]
    take_words_back(unreleased)
    withdraw_and_erase(withdrawn, at=NOW)
    Participation.objects.filter(pk=struck.pk).update(state=Participation.State.STRUCK_OUT)
    hide_reason(Battle.objects.get(participation=hidden))
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    Battle.objects.filter(participation=checked).update(attention_check=check)
    path = build(ask(study, is_release=True), tmp_path)
    text = everything_in(path)
    assert not [words for words in gone if words in text]
    assert Turn.objects.get(battle__participation=kept).text in text
    # Verdicts of those who did not release their words are there all the same.
    comparisons = rows_of(path, "comparisons.csv")
    assert len(comparisons) == 22
    assert [row["is_check"] for row in comparisons] == ["false"] * 22
    datasheet = zipfile.ZipFile(path).read("datasheet.md").decode()
    assert "Raters who withdrew, with all that they said: 1." in datasheet
    assert "Words of 2 raters who did not release them" in datasheet


def test_a_release_names_nobody_by_a_code_a_key_or_an_hour(tmp_path: Path) -> None:
    study = make_talked_study(raters=24, each=2, tie=0)
    Battle.objects.filter(participation__study=study).update(conversation="of Ann Smith")
    first = study.participations.order_by("pk")[0]
    words = "I am Ann, ann@example.org, and Ash by Copse is best."
    Turn.objects.filter(battle__participation=first).update(text=words)
    Battle.objects.filter(participation=first).update(reason="Call 020 7946 0000.")
    one, other = (build(ask(study, is_release=True), tmp_path) for _ in range(2))
    text = everything_in(one)
    for code in study.participations.values_list("rater__code", flat=True):
        assert code not in text
    assert "ann@example.org" not in text
    assert "7946" not in text
    assert "of Ann Smith" not in text
    comparisons = rows_of(one, "comparisons.csv")
    assert {row["created_at"] for row in comparisons} == {"2026-03-01T00:00:00+00:00"}
    assert {row["recorded_at"] for row in comparisons} == {""}
    names = [{row["rater"] for row in rows_of(path, "raters.csv")} for path in (one, other)]
    assert len(names[0]) == len(names[1]) == 24
    assert names[0].isdisjoint(names[1])
    raters = [row["rater"] for row in rows_of(one, "raters.csv")]
    assert raters == sorted(raters)
    said = [row["text"] for row in rows_of(one, "conversations.csv")]
    assert "I am Ann, [address hidden], and " in "".join(said)


def test_a_release_names_groups_that_enough_people_share_taken_together(tmp_path: Path) -> None:
    study = make_talked_study(raters=24, each=1, tie=0)
    raters = rows_of(build(ask(study, is_release=True), tmp_path), "raters.csv")
    full = rows_of(build(ask(study), tmp_path), "raters.csv")
    for row in raters:
        told = {axis: row[axis] for axis in ("age", "sex") if row[axis]}
        alike = [each for each in full if all(each[axis] == told[axis] for axis in told)]
        assert told
        assert len(alike) >= FEWEST_ALIKE
    # Six people are in each cell: nobody's is told.
    assert not [row for row in raters if row["age"] and row["sex"]]


def test_a_release_is_read_back_without_the_electorate(tmp_path: Path) -> None:
    study = make_talked_study(raters=24, each=1, tie=0)
    said = run(build(ask(study, is_release=True), tmp_path), "--create")
    assert "24 verdicts" in said
    assert "boards speak for its raters" in said
    assert Study.objects.get(slug="again").electorate is None


def test_what_judges_said_is_there_and_quotes_only_released_words(tmp_path: Path) -> None:
    study = make_talked_study(raters=12, each=1, tie=0)
    judge = Judge.objects.create(name="Prudence", protocol="pairwise", created_at=NOW)
    run_ = JudgeRun.objects.create(
        study=study, judge=judge, number=1, state="finished", started_at=NOW, ended_at=NOW
    )
    for battle in Battle.objects.filter(participation__study=study):
        judgement = Judgement.objects.create(
            run=run_, battle=battle, state="finished", due_at=NOW, finished_at=NOW
        )
        JudgeVerdict.objects.create(
            judgement=judgement,
            dimension=study.dimensions.get(),
            outcome="a",
            p_a=0.75,
            reason=f"She asks for number {battle.pk}, ann@example.org.",
            recorded_at=NOW,
        )
    silent = study.participations.order_by("pk")[0]
    take_words_back(silent)
    rows = rows_of(build(ask(study), tmp_path), "judgements.csv")
    assert len(rows) == 12
    assert {(row["judge"], row["outcome"], row["p_a"]) for row in rows} == {
        ("Prudence", "a", "0.75")
    }
    assert all(row["reason"].endswith("ann@example.org.") for row in rows)
    released = [
        row["reason"]
        for row in rows_of(build(ask(study, is_release=True), tmp_path), "judgements.csv")
    ]
    assert released.count("") == 1
    assert all("ann@" not in reason for reason in released)


@pytest.mark.parametrize("form", FORMATS)
def test_ratings_are_read_back_to_the_same_board(
    tmp_path: Path, rated_study: Study, form: str
) -> None:
    careless = rated_study.participations.order_by("pk")[3]
    exclude(careless, reason="Clicks.", by=make_admin(), at=NOW)
    Dimension.objects.filter(study=rated_study, key="warmth").update(weight=0.5)
    path = build(ask(rated_study, form), tmp_path)
    said = run(path, "--create")
    assert "360 rows read, 6 left out as excluded; added: 354 ratings in 177 battles" in said
    again = Study.objects.get(slug="again")
    assert again.protocol == Study.Protocol.SINGLE
    board = board_of(again)
    assert board == board_of(rated_study)
    assert (board[0], len(board[2])) == (Engine.RATINGS, 2 * (4 + 2) * 4)
    assert "nothing new" in run(path)
    assert "nothing new" in run(path, "--create")


def test_a_release_of_ratings_is_read_back_without_the_electorate(
    tmp_path: Path, rated_study: Study
) -> None:
    said = run(build(ask(rated_study, is_release=True), tmp_path), "--create")
    assert "360 ratings in 180 battles, 60 raters" in said
    assert "boards speak for its raters" in said
    scores = [
        sorted(Rating.objects.of(study).values_list("dimension__key", "score"))
        for study in (rated_study, Study.objects.get(slug="again"))
    ]
    assert scores[0] == scores[1]


def test_an_archive_is_refused_by_a_study_of_the_other_protocol(
    tmp_path: Path, rated_study: Study
) -> None:
    compared = make_study(raters=4, electorate=rated_study.electorate)
    for study, other, what in (
        (rated_study, compared, "it holds ratings, and the study tea compares two models"),
        (compared, rated_study, "comparisons, and the study rated rates one model at a time"),
    ):
        with pytest.raises(CommandError, match=what):
            run(build(ask(study), tmp_path), "--create", study=other.slug)
    assert Rating.objects.of(compared).count() == Verdict.objects.of(rated_study).count() == 0


def test_a_damaged_archive_is_refused_and_nothing_comes_in(tmp_path: Path) -> None:
    study = make_study(raters=4)
    whole = build(ask(study), tmp_path)
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "comparisons.csv":
                content = content.replace(b",a,overall", b",b,overall", 1)
            target.writestr(name, content)
    with pytest.raises(CommandError, match=r"changed\.zip: comparisons\.csv is not as SHA256SUMS"):
        run(changed, "--create")
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-500])
    with pytest.raises(CommandError, match=r"cut\.zip: the archive is broken"):
        run(cut, "--create")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(CommandError, match=r"other\.zip: this is no export"):
        run(other, "--create")
    assert not Study.objects.filter(slug="again").exists()


def test_an_electorate_of_the_same_name_with_other_figures_is_refused(tmp_path: Path) -> None:
    study = make_study(raters=4)
    path = build(ask(study), tmp_path)
    assert study.electorate is not None
    cells = list(study.electorate.cells.order_by("pk")[:2])
    for cell, share in zip(cells, (0.3, 0.1), strict=True):
        study.electorate.cells.filter(pk=cell.pk).update(share=share)
    with pytest.raises(CommandError, match="stands already, with other groups or shares"):
        run(path, "--create")


def test_the_citation_names_who_publishes_and_the_licence(tmp_path: Path, settings: Any) -> None:
    settings.DATA_LICENCE, settings.DATA_PUBLISHER = "CC BY 4.0", "The Tea Institute"
    study = make_study(raters=4)
    path = build(ask(study, is_release=True), tmp_path)
    with zipfile.ZipFile(path) as archive:
        cff = archive.read("CITATION.cff").decode()
        cited = json.loads(archive.read("datacite.json"))
        datasheet = archive.read("datasheet.md").decode()
    assert 'license: "CC-BY-4.0"\n' in cff
    assert 'authors: [{"name": "The Tea Institute"}]\n' in cff
    assert cited["rightsList"] == [{"rights": "CC BY 4.0"}]
    assert cited["publisher"] == {"name": "The Tea Institute"}
    assert "- Licence: CC BY 4.0" in datasheet
    full = zipfile.ZipFile(build(ask(study), tmp_path)).read("CITATION.cff").decode()
    assert "license" not in full


def test_words_of_others_become_no_heading_of_the_datasheet(tmp_path: Path) -> None:
    study = make_study(raters=4)
    Study.objects.filter(pk=study.pk).update(title="Tea\n# Hacked", question="Which?\n\n## Licence")
    export = Export.objects.select_related("study").get(pk=ask(study).pk)
    datasheet = zipfile.ZipFile(build(export, tmp_path)).read("datasheet.md").decode()
    headings = [line for line in datasheet.splitlines() if line.startswith("#")]
    assert headings[0].startswith("# Tea # Hacked: data")
    assert headings.count("## Licence") == 0


def test_without_pyarrow_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ExportError, match=r"pip install 'hustings\[parquet\]'"):
        writing.require("parquet")
    writing.require("csv")
