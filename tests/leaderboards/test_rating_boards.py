"""Boards of studies that rate one model at a time, from the database to the page."""

import json
from contextlib import nullcontext
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from leaderboards import document
from leaderboards.errors import BoardMismatchError, NothingToRankError, WrongEngineError
from leaderboards.models import Board, BoardRow, Tournament
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import compute_sections, parameters_for, take_board
from leaderboards.tasks import fold_all_standings
from raters.models import Battle, Participation, Rating
from raters.services.exclusions import exclude, lift_exclusion
from studies.models import Study
from studies.services import enter_contestant
from tests.cast import NOW, make_study, make_user
from tests.leaderboards.conftest import rate, write_due_reports

pytestmark = pytest.mark.django_db


def command(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def overall_rows(board: Board) -> list[BoardRow]:
    section = board.sections.get(scope="electorate", dimension_key="overall")
    return list(section.rows.order_by("rank"))


def text_of(response: Any) -> str:
    """The page's words, spaces and dashes made plain."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")
    return " ".join(text.replace("\N{WORD JOINER}", "").split())


def test_the_board_of_a_single_study_ranks_its_ratings(rating_board: Board) -> None:
    assert rating_board.engine == Engine.RATINGS
    assert rating_board.verdicts == Rating.objects.count() == 60 * 3 * 2
    assert rating_board.raters == 60
    assert rating_board.sections.count() == 2 * (4 + 2)
    rows = overall_rows(rating_board)
    assert [row.name for row in rows] == ["Ash", "Birch", "Cherry", "Dogwood"]
    for row in rows:
        assert 1 <= row.score_low < row.score < row.score_high <= 7
        assert row.battles == 45
        assert (row.wins, row.losses, row.ties) == (None, None, None)
        assert not row.is_provisional
    assert rows[0].score == pytest.approx(5.5, abs=0.3)


def test_the_sample_has_the_plain_means(rating_board: Board) -> None:
    section = rating_board.sections.get(scope="sample", dimension_key="overall")
    for row in section.rows.all():
        ratings = Rating.objects.filter(
            battle__side_a=row.contestant, dimension__key="overall"
        ).values_list("score", flat=True)
        assert row.score == pytest.approx(sum(ratings) / len(ratings), abs=1e-6)


def test_a_group_s_section_counts_its_raters_and_their_ratings(rating_board: Board) -> None:
    section = rating_board.sections.get(group_key="female", dimension_key="overall")
    raters = Participation.objects.filter(cell__groups__key="female").count()
    assert (section.raters, section.battles) == (raters, 3 * raters)
    assert set(section.fit) == {"rater_sd", "residual_sd", "tau_age", "tau_sex"}


def test_a_rating_board_recomputes_from_its_export_alone(
    rating_board: Board, tmp_path: Path
) -> None:
    path = tmp_path / "board.json"
    path.write_bytes(bytes(rating_board.document))
    assert f"verified. Board {rating_board.pk}" in command("verify_board", str(path))


def test_its_export_names_no_rater_and_no_cell(rating_board: Board) -> None:
    exported = document.unpack(bytes(rating_board.document))
    text = json.dumps(exported)
    for participation in Participation.objects.select_related("rater", "cell"):
        assert participation.rater.code not in text
        assert participation.identity.recruiting_id not in text
        assert participation.cell is not None
        assert participation.cell.key not in text


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("sums", "cannot be ranked: No ratings have these sums"),
        ("products", "residual_sd was published as"),
    ],
)
def test_a_forged_sum_is_found_out(rating_board: Board, what: str, found: str) -> None:
    exported = document.unpack(bytes(rating_board.document))
    exported["input"]["dimensions"][0][what][0][0] += 2
    assert any("input digest" in d for d in document.verify(exported).differences)
    exported["input_digest"] = document.digest(exported["input"])
    assert any(found in d for d in document.verify(exported).differences)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sums_that_no_ratings_have_never_verify(rating_board: Board) -> None:
    counts, sums = {"crossings", "together", "raters"}, {"sums", "sums_together", "products"}
    for what in counts | sums:
        for value in (-5, 10**6):
            exported = document.unpack(bytes(rating_board.document))
            column = exported["input"]["dimensions"][0][what]
            while isinstance(column[0], list):
                column = column[0]
            column[0] = value
            exported["input_digest"] = document.digest(exported["input"])
            is_damaged = what in counts and value < 0
            refused = pytest.raises(BoardMismatchError, match="the export is damaged")
            with refused if is_damaged else nullcontext():
                assert document.verify(exported).differences, (what, value)


def test_an_export_of_another_format_says_by_what_it_was_computed(board: Board) -> None:
    exported = document.unpack(bytes(board.document)) | {"format": document.FORMAT_BEFORE}
    with pytest.raises(BoardMismatchError, match="verify it with Hustings 0"):
        document.verify(exported)


def test_a_study_without_an_electorate_ranks_its_raters(rated_study: Study) -> None:
    bare = Study.objects.create(slug="bare", title="Bare", protocol=Study.Protocol.SINGLE)
    for name in ("Fir", "Oak"):
        enter_contestant(bare, name=name)
    bare.dimensions.create(key="overall", name="Overall", is_overall=True)
    rate(bare, raters=8, each=2)
    board = take_board(bare, at=NOW)
    assert [section.scope for section in board.sections.all()] == ["sample"]
    assert document.verify(document.unpack(bytes(board.document))).differences == ()


def test_what_an_exclusion_names_is_not_counted(rated_study: Study) -> None:
    boss = make_user("boss")
    battle = Battle.objects.first()
    participation = Participation.objects.last()
    assert battle is not None
    assert participation is not None
    exclude(battle, reason="Spoiled.", by=boss, at=NOW)
    exclusion = exclude(participation, reason="Rated blindly.", by=boss, at=NOW)
    board = take_board(rated_study, at=NOW)
    assert (board.raters, board.verdicts, board.exclusions) == (59, 360 - 2 - 6, 2)
    lift_exclusion(exclusion, by=boss, at=NOW)
    assert take_board(rated_study, at=NOW + timedelta(days=1)).verdicts == 360 - 2


def test_who_was_not_rated_twice_is_provisional(rated_study: Study) -> None:
    enter_contestant(rated_study, name="Elder")
    section = take_board(rated_study, at=NOW).sections.get(
        scope="electorate", dimension_key="overall"
    )
    row = section.rows.get(name="Elder")
    assert row.is_provisional
    assert (row.battles, row.score_low, row.score_high) == (0, 1, 7)


def test_a_dimension_that_nobody_rated_is_refused_and_the_others_are_not(
    rated_study: Study,
) -> None:
    rated_study.dimensions.create(key="humour", name="Humour", position=9)
    board = take_board(rated_study, at=NOW)
    refusals = set(board.sections.values_list("dimension_key", "refusal"))
    assert refusals == {("overall", ""), ("warmth", ""), ("humour", "No ratings yet.")}


def test_a_study_without_ratings_has_no_board(rated_study: Study) -> None:
    empty = Study.objects.create(slug="empty", title="Empty", protocol=Study.Protocol.SINGLE)
    with pytest.raises(NothingToRankError, match="has no rating that counts"):
        take_board(empty, at=NOW)


# Which engine


def test_ratings_are_ranked_by_their_own_engine_only(rated_study: Study) -> None:
    for engine in (Engine.DAVIDSON, Engine.TRUESKILL):
        with pytest.raises(WrongEngineError, match=r"rates one model .* by ratings, not"):
            compute_sections(rated_study, BoardParameters(engine=engine))
    with pytest.raises(CommandError, match="computed by ratings, not by davidson"):
        command("take_board", "--study", "rated", "--engine", "davidson")
    assert not Board.objects.exists()


def test_verdicts_are_never_ranked_as_ratings(simulated_study: Study) -> None:
    with pytest.raises(WrongEngineError, match=r"compares two models .* by davidson or trueskill"):
        take_board(simulated_study, parameters_for(simulated_study, Engine.RATINGS), at=NOW)


def test_nobody_has_to_choose_an_engine(rated_study: Study, simulated_study: Study) -> None:
    assert "taken, ratings, from 360 ratings of 60" in command("take_board", "--study", "rated")
    assert "taken, davidson, from" in command("take_board", "--study", "harbour")
    printed = command("boards", "--study", "rated").splitlines()
    assert printed[0] == "overall, electorate: 60 raters, 180 ratings"
    assert printed[1].split()[-1] == "ratings"
    lines = command("boards", "--study", "rated", "--format", "csv").splitlines()
    assert lines[1].startswith("1,1,1,ash,5.")
    assert lines[1].endswith(",45,,,,False")


def test_the_admin_takes_a_board_of_ratings_without_asking(
    rated_study: Study, simulated_study: Study, client: Client
) -> None:
    boss = make_user("boss", is_staff=True)
    boss.is_superuser = True
    boss.save()
    client.force_login(boss)
    page = reverse("admin:leaderboards_board_take", args=[rated_study.pk])
    assert "<select" not in text_of(client.get(page))
    waits = client.post(page, follow=True)
    write_due_reports()
    done = client.get(waits.redirect_chain[-1][0], follow=True)
    assert "A board is published: 360 ratings of 60 raters." in text_of(done)
    assert Board.objects.get().engine == Engine.RATINGS
    other = reverse("admin:leaderboards_board_take", args=[simulated_study.pk])
    assert "Ratings" not in text_of(client.get(other)).partition("<select")[2]
    shown = client.get(reverse("admin:leaderboards_board_change", args=[Board.objects.get().pk]))
    assert "Ratings" in text_of(shown)


def test_the_admin_says_why_a_single_study_has_no_live_standings(
    rated_study: Study, client: Client
) -> None:
    boss = make_user("boss", is_staff=True)
    boss.is_superuser = True
    boss.save()
    client.force_login(boss)
    fold_all_standings()
    assert not Tournament.objects.exists()
    page = reverse("admin:leaderboards_tournament_changelist")
    said = "rates one model at a time: it has no live standings"
    found = client.get(page, {"study__id__exact": rated_study.pk})
    assert said in text_of(found)
    assert said not in text_of(client.get(page))


# Pages and REST


def test_the_page_shows_means_and_ratings_and_no_ties(rating_board: Board, client: Client) -> None:
    page = text_of(client.get("/studies/rated/"))
    assert "Ash is rated 5." in page
    assert "of 7 and leads with more than 99 % probability" in page
    for said in (
        "60 raters, 180 ratings.", "Mean rating from 1 to 7, 95 % interval", 'data-label="Ratings"',
        "their ratings are weighted", "<dt>Ratings</dt><dd>360 from 60 raters",
        "Spread between raters’ levels ω", "Spread within a rater σ",
        "Spread between groups τ: Age",
    ):  # fmt: skip
        assert said in page
    for unsaid in ("Ties", "battle", "73 %", "Davidson"):
        assert unsaid not in page


def test_a_group_s_page_says_how_it_is_weighted(rating_board: Board, client: Client) -> None:
    page = text_of(client.get("/studies/rated/?group=age%3D18-34"))
    assert "shares of the other axes by a multilevel regression" in page
    assert "multilevel" not in text_of(client.get("/studies/rated/?group=sample"))


def test_a_page_of_verdicts_is_as_it_was(board: Board, client: Client) -> None:
    page = text_of(client.get("/studies/harbour/"))
    for said in ("Ties", "Battles", "Score, 95 % interval", "<dt>Verdicts</dt>"):
        assert said in page
    for unsaid in ("Mean", "of 7", "multilevel"):
        assert unsaid not in page


def test_the_csv_leaves_wins_losses_and_ties_empty(rating_board: Board, client: Client) -> None:
    address = reverse("leaderboards:board-table", args=["rated", rating_board.pk])
    lines = client.get(address).content.decode().splitlines()
    assert lines[0].endswith("battles,wins,losses,ties,is_provisional")
    assert lines[1].endswith(",45,,,,False")


def test_rest_clients_get_null_for_what_ratings_do_not_know(rating_board: Board) -> None:
    client = APIClient()
    client.force_authenticate(make_user("reader"))
    found = client.get("/api/v1/studies/rated/boards/", {"engine": "ratings"}).json()["results"]
    assert [(board["engine"], board["verdicts"]) for board in found] == [("ratings", 360)]
    rows = client.get(f"/api/v1/studies/rated/boards/{rating_board.pk}/rows/").json()["results"]
    assert {(row["wins"], row["losses"], row["ties"]) for row in rows} == {(None, None, None)}
    assert {row["battles"] for row in rows if row["scope"] == "sample"} == {45}


def test_a_board_of_ratings_is_taken_at_the_same_numbers_again(rated_study: Study) -> None:
    first = take_board(rated_study, at=NOW)
    second = take_board(rated_study, at=timezone.now())
    assert first.input_digest == second.input_digest
    one, other = (document.unpack(bytes(b.document))["sections"] for b in (first, second))
    assert one == other


def test_a_study_of_verdicts_beside_it_lends_it_none(rated_study: Study) -> None:
    make_study("compared", raters=20, electorate=rated_study.electorate)
    assert take_board(rated_study, at=NOW).raters == 60
