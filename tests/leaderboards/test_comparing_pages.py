"""Pages that set tables of a board beside each other: groups, dimensions, boards, and the wall."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from leaderboards.models import Board, BoardRow
from leaderboards.pages.wall import MOST_LINES, SECONDS_ON_THE_WALL, part_ends
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.reports import TOPICS
from leaderboards.services.boards import take_board, withdraw_board
from leaderboards.services.reports import write_report
from leaderboards.topics import read_topics
from raters.models import Battle
from studies.models import Contestant, Study, Task
from tests.leaderboards.test_board_pages import address, body

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


# Groups


def test_groups_are_set_beside_everybody_and_each_other(client: Client, board: Board) -> None:
    page = client.get(address(board.study, "groups")).context["page"]
    assert [bar.name for bar in page.agreements.bars][:2] == ["Age: 18-34", "Age: 35-54"]
    assert [len(matrix.lines) for matrix in page.matrices] == [3, 2]
    for matrix in page.matrices:
        for i, line in enumerate(matrix.lines):
            assert line.cells[1 + i] is None
            for j, other in enumerate(matrix.lines):
                assert line.cells[1 + j] == other.cells[1 + i]


def test_a_group_states_how_many_people_it_is(client: Client, board: Board) -> None:
    page = client.get(address(board.study, "groups"))
    for section in board.sections.filter(dimension_key="overall", scope="group"):
        assert f"{section.raters} raters" in body(page)


def test_a_study_without_an_electorate_has_no_groups_to_compare(
    client: Client, simulated_study: Study
) -> None:
    Study.objects.filter(pk=simulated_study.pk).update(electorate=None)
    simulated_study.refresh_from_db()
    take_board(simulated_study, BoardParameters(draws=100), at=timezone.now())
    page = body(client.get(address(simulated_study, "groups")))
    assert "There are no groups to compare" in page
    assert "names no electorate" in page


# Dimensions


def test_each_two_dimensions_are_compared_and_two_drawn(client: Client, board: Board) -> None:
    path = address(board.study, "dimensions")
    page = client.get(path).context["page"]
    keys = list(dict.fromkeys(board.sections.values_list("dimension_key", flat=True)))
    assert len(page.pairs.bars) == len(keys) * (len(keys) - 1) / 2
    assert page.across == "overall"
    chosen = client.get(path, {"dimension": "trust", "against": "overall"}).context["page"]
    assert (chosen.across, chosen.up) == ("trust", "overall")
    assert len(chosen.scatter.points) == 5
    itself = client.get(path, {"dimension": "trust", "against": "trust"}).context["page"]
    assert itself.up == "overall"


def test_a_point_lies_where_its_two_scores_are(client: Client, board: Board) -> None:
    path = address(board.study, "dimensions")
    page = client.get(path, {"dimension": "overall", "against": "trust"}).context["page"]
    trust = board.sections.filter(dimension_key="trust")[0]
    rows = {row.name: row for row in BoardRow.objects.filter(section=trust)}
    for point in page.scatter.points:
        row = rows[point.name]
        assert (point.up.low, point.up.value, point.up.high) == (
            row.score_low,
            row.score,
            row.score_high,
        )


def test_one_dimension_has_none_to_be_set_against(client: Client, refused_board: Board) -> None:
    assert "This board has one dimension." in body(
        client.get(address(refused_board.study, "dimensions"))
    )


# History


def test_one_board_is_no_history(client: Client, board: Board) -> None:
    page = client.get(address(board.study, "history"))
    assert page.context["page"].chart is None
    assert "There is no history yet" in body(page)


def test_history_breaks_where_the_engine_changes_and_marks_what_was_withdrawn(
    client: Client, board: Board, admin_user: User
) -> None:
    study, at = board.study, board.taken_at
    for days, engine in enumerate((Engine.TRUESKILL, Engine.DAVIDSON, Engine.DAVIDSON), start=1):
        parameters = BoardParameters(engine=engine, draws=100)
        taken = take_board(study, parameters, at=at + timedelta(days=days))
        if days == 2:
            withdraw_board(taken, reason="A mistake.", by=admin_user, at=at + timedelta(days=3))
    chart = client.get(address(study, "history")).context["page"].chart
    assert [head.is_change for head in chart.heads] == [False, True, True, False]
    assert [head.note for head in chart.heads] == [
        "Davidson, superseded",
        "TrueSkill, superseded",
        "Davidson, withdrawn",
        "Davidson, stands",
    ]
    assert len(chart.lines) == 5
    for line in chart.lines:
        assert [moment.stretch for moment in line.moments] == [0, 1, 2, 2]
        assert [moment.is_doubtful for moment in line.moments] == [False, False, True, False]


def test_history_asks_few_queries(
    client: Client, board: Board, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for days in (1, 2):
        at = board.taken_at + timedelta(days=days)
        take_board(board.study, BoardParameters(draws=100), at=at)
    for name in ("groups", "dimensions", "history", "wall"):
        with django_assert_max_num_queries(8):
            client.get(address(board.study, name))


# The wall


def test_the_wall_turns_to_the_next_dimension_by_itself(client: Client, board: Board) -> None:
    path = address(board.study, "wall")
    first = client.get(path)
    assert first.headers["Refresh"] == f"{SECONDS_ON_THE_WALL}; url={path}?turn=1"
    assert b"<script" not in first.content
    assert first.context["page"].section.dimension_key == "overall"
    names = [client.get(path, {"turn": n}).context["page"].section.dimension_key for n in range(4)]
    assert names == ["overall", "trust", "overall", "trust"]


def test_the_wall_stays_with_a_dimension_that_was_asked_for(client: Client, board: Board) -> None:
    path = address(board.study, "wall")
    page = client.get(path, {"dimension": "trust", "turn": "3"})
    assert page.context["page"].section.dimension_key == "trust"
    assert page.headers["Refresh"].endswith(f"url={path}?dimension=trust&turn=4")


@pytest.mark.parametrize("turn", ["x", "-1", "١", "99999999999999"])
def test_what_is_no_turn_is_the_first(client: Client, board: Board, turn: str) -> None:
    page = client.get(address(board.study, "wall"), {"turn": turn})
    assert page.context["page"].section.dimension_key == "overall"


@pytest.mark.parametrize("rows", [1, 14, 15, 28, 29, 100])
def test_the_parts_of_a_long_table_are_all_of_it(rows: int) -> None:
    parts = -(-rows // MOST_LINES)
    ends = [part_ends(rows, parts, part) for part in range(parts)]
    assert [line for first, last in ends for line in range(first, last)] == list(range(rows))
    assert max(last - first for first, last in ends) <= MOST_LINES


# Files


def read(client: Client, board: Board, name: str, **query: str) -> list[dict[str, str]]:
    path = reverse(f"leaderboards:{name}", args=[board.study.slug, board.pk])
    response = client.get(path, query)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))


def test_the_heat_map_is_a_file_of_all_its_places(client: Client, board: Board) -> None:
    lines = read(client, board, "board-groups", dimension="trust")
    rows = BoardRow.objects.filter(section__board=board, section__dimension_key="trust").exclude(
        section__scope="sample"
    )
    assert len(lines) == rows.count()
    for line, row in zip(lines, rows.select_related("section").order_by("pk"), strict=True):
        assert line["contestant"] == row.name
        assert line["group"] == row.section.group_name
        assert (line["rank_low"], line["rank_high"]) == (str(row.rank_low), str(row.rank_high))
        assert line["raters"] == str(row.section.raters)


def test_head_to_heads_are_a_file_that_tells_every_battle_twice(
    client: Client, board: Board
) -> None:
    lines = read(client, board, "board-duels")
    section = board.sections.filter(dimension_key="overall")[0]
    assert sum(int(line["battles"]) for line in lines) == 2 * section.battles
    wins = {(line["contestant"], line["against"]): line["wins"] for line in lines}
    losses = {(line["against"], line["contestant"]): line["losses"] for line in lines}
    assert wins == losses


def test_no_name_in_a_file_is_taken_for_a_formula(client: Client, simulated_study: Study) -> None:
    evil = simulated_study.contestants.order_by("slug")[0]
    Contestant.objects.filter(pk=evil.pk).update(name="=1+1")
    board = take_board(simulated_study, BoardParameters(draws=100), at=timezone.now())
    for name in ("board-groups", "board-duels"):
        names = {line["contestant"] for line in read(client, board, name)}
        assert "'=1+1" in names
        assert "=1+1" not in names


@pytest.mark.parametrize("name", ["board-groups", "board-duels"])
def test_a_file_of_what_there_is_not_is_not_found(
    client: Client, board: Board, rating_board: Board, name: str
) -> None:
    path = reverse(f"leaderboards:{name}", args=[board.study.slug, board.pk])
    assert client.get(path, {"dimension": "taste"}).status_code == 404
    assert client.get(path.replace(board.study.slug, "rated")).status_code == 404
    Study.objects.filter(pk=board.study.pk).update(is_public=False)
    assert client.get(path).status_code == 404
    if name == "board-duels":
        rated = reverse(f"leaderboards:{name}", args=[rating_board.study.slug, rating_board.pk])
        assert client.get(rated).status_code == 404


# Topics


@pytest.fixture
def topical_board(simulated_study: Study) -> Board:
    """The board of a study whose battles are about two tasks in turn."""
    tasks = Task.objects.bulk_create(
        Task(study=simulated_study, area=area, name=area, text="Do it.", position=k)
        for k, area in enumerate(("Home", "Work"))
    )
    battles = list(Battle.objects.filter(participation__study=simulated_study).order_by("pk"))
    for n, battle in enumerate(battles):
        battle.task = tasks[n % 2]
    Battle.objects.bulk_update(battles, ["task"])
    return take_board(simulated_study, BoardParameters(draws=100), at=timezone.now())


def test_topics_are_computed_with_a_board_and_shown_once_they_are(
    client: Client, topical_board: Board
) -> None:
    path = address(topical_board.study, "topics")
    assert "It is being computed" in body(client.get(path))
    for report in topical_board.study.reports.filter(kind=TOPICS):
        write_report(report.pk, at=timezone.now())
    page = client.get(path).context["page"]
    live = read_topics(topical_board.study, dimension="overall")
    assert [row.name for row in page.rows] == [place.name for place in live.overall]
    assert [column.name for column in page.columns] == ["Home", "Work"]
    for k, line in enumerate(live.lines):
        assert [row.cells[k].battles for row in page.rows] == [p.battles for p in line.places]
    assert len(page.swiss.bars) == 5
    profile = client.get(address(topical_board.study, "contestant")).context["page"]
    (topics,) = (each for each in profile.charts if each.key == "topics")
    assert [bar.name for bar in topics.bars] == ["Home", "Work"]


def test_the_board_leads_to_topics_only_where_there_are_tasks(
    client: Client, topical_board: Board, rating_board: Board
) -> None:
    path = address(topical_board.study, "topics")
    assert path in body(client.get(address(topical_board.study, "study")))
    assert "/studies/rated/topics/" not in body(client.get("/studies/rated/"))


def test_without_tasks_nothing_is_computed_and_the_page_says_so(
    client: Client, board: Board
) -> None:
    assert not board.study.reports.filter(kind=TOPICS).exists()
    page = body(client.get(address(board.study, "topics")))
    assert "There are no topics to compare" in page
    assert "asked to talk about one thing" in page
