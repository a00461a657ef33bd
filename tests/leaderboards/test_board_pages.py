"""Pages about the board that stands, through HTTP and in a browser: profiles, matrix, method."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from leaderboards.models import Board, BoardRow
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.services.boards import take_board, withdraw_board
from raters.models import Outcome, Verdict
from studies.models import Contestant, Study
from studies.services import enter_contestant, withdraw_contestant

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NAMES = ("contestant", "groups", "head-to-head", "dimensions", "history", "method", "wall")


def address(study: Study, name: str) -> str:
    slugs = [study.slug]
    if name == "contestant":
        slugs.append(study.contestants.order_by("slug")[0].slug)
    return reverse(f"leaderboards:{name}", args=slugs)


def body(response: HttpResponse) -> str:
    """The page as text, with runs of white space as one space."""
    text = response.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


def chart(page: Any, key: str) -> Any:
    return next(each for each in page.charts if each.key == key)


# Who may see, and what there is without a board


@pytest.mark.parametrize("name", NAMES)
def test_a_study_that_is_not_public_hides_its_pages(
    client: Client, board: Board, name: str
) -> None:
    path = address(board.study, name)
    assert client.get(path).status_code == 200
    Study.objects.filter(pk=board.study.pk).update(is_public=False)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_without_a_board_that_stands_a_page_says_so(
    client: Client, board: Board, admin_user: User, name: str
) -> None:
    withdraw_board(board, reason="A mistake.", by=admin_user, at=timezone.now())
    page = client.get(address(board.study, name))
    assert page.status_code == 200
    assert "No board of this study stands at present" in body(page)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_dimension_is_refused_and_the_known_ones_named(
    client: Client, board: Board, name: str
) -> None:
    page = client.get(address(board.study, name), {"dimension": "taste"})
    assert page.status_code == 404
    assert "This board has no dimension “taste”." in body(page)


def test_an_unknown_contestant_is_not_found(client: Client, board: Board) -> None:
    assert client.get(f"/studies/{board.study.slug}/contestants/none/").status_code == 404


# A contestant


def test_the_board_leads_to_every_contestant(client: Client, board: Board) -> None:
    page = body(client.get(reverse("leaderboards:study", args=[board.study.slug])))
    for contestant in board.study.contestants.all():
        path = reverse("leaderboards:contestant", args=[board.study.slug, contestant.slug])
        assert path in page
        assert client.get(path).status_code == 200


def test_a_profile_says_the_interval_that_the_board_says(
    client: Client, board: Board, leader: Contestant
) -> None:
    row = BoardRow.objects.get(section=board.sections.all()[0], contestant=leader)
    page = client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))
    ranks = (
        f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"
    )
    assert f"{ranks} of 5 in the eyes of the whole electorate" in body(page)
    groups = chart(page.context["page"], "groups")
    assert len(groups.bars) == 5
    assert groups.bars[0].cells[2] == str(board.sections.filter(group_key="18-34")[0].raters)


def test_a_profile_counts_battles_as_they_were_fought(
    client: Client, board: Board, leader: Contestant
) -> None:
    page = client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))
    rivals = chart(page.context["page"], "rivals")
    key = page.context["page"].section.dimension_key
    verdicts = Verdict.objects.counting(board.study).filter(dimension__key=key)
    assert len(rivals.bars) == 4
    for bar in rivals.bars:
        as_a = verdicts.filter(battle__side_a=leader, battle__side_b__name=bar.name)
        as_b = verdicts.filter(battle__side_b=leader, battle__side_a__name=bar.name)
        won = as_a.filter(outcome=Outcome.A).count() + as_b.filter(outcome=Outcome.B).count()
        tied = sum(each.filter(outcome=Outcome.TIE).count() for each in (as_a, as_b))
        met = as_a.count() + as_b.count()
        assert bar.cells[2:] == tuple(map(str, (met, won, tied, met - won - tied)))


def test_a_profile_tells_its_history_over_boards(
    client: Client, board: Board, leader: Contestant, admin_user: User
) -> None:
    at = board.taken_at + timedelta(days=1)
    later = take_board(board.study, BoardParameters(seed=2), at=at)
    withdraw_board(board, reason="A mistake.", by=admin_user, at=at)
    path = reverse("leaderboards:contestant", args=[board.study.slug, leader.slug])
    history = chart(client.get(path).context["page"], "history")
    assert [bar.cells[-1] for bar in history.bars] == ["withdrawn", "stands"]
    assert [bar.is_doubtful for bar in history.bars] == [True, False]
    assert history.bars[-1].address.endswith(f"{later.pk}/")


def test_a_withdrawn_contestant_says_why(client: Client, board: Board, leader: Contestant) -> None:
    withdraw_contestant(leader, reason="Its makers took it back.", at=timezone.now())
    path = reverse("leaderboards:contestant", args=[board.study.slug, leader.slug])
    assert "Its makers took it back." in body(client.get(path))


def test_a_contestant_that_came_after_the_board_is_not_placed(client: Client, board: Board) -> None:
    Study.objects.filter(pk=board.study.pk).update(state=Study.State.DRAFT)
    board.study.refresh_from_db()
    late = enter_contestant(board.study, name="Latecomer")
    path = reverse("leaderboards:contestant", args=[board.study.slug, late.slug])
    Study.objects.filter(pk=board.study.pk).update(state=Study.State.CLOSED)
    assert "This board does not rank it here" in body(client.get(path))


def test_a_profile_asks_few_queries(
    client: Client,
    board: Board,
    leader: Contestant,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(14):
        client.get(reverse("leaderboards:contestant", args=[board.study.slug, leader.slug]))


def test_where_models_are_rated_singly_nobody_meets_anybody(
    client: Client, rating_board: Board
) -> None:
    profile = client.get(address(rating_board.study, "contestant"))
    assert "rivals" not in [each.key for each in profile.context["page"].charts]
    matrix = client.get(address(rating_board.study, "head-to-head"))
    assert "Nobody meets anybody here" in body(matrix)


def test_a_refused_board_ranks_nobody_and_says_why(client: Client, refused_board: Board) -> None:
    for name in NAMES:
        page = body(client.get(address(refused_board.study, name)))
        assert "The battles fall into 2 parts that never met" in page, name


# Head to head


def test_the_matrix_is_the_same_from_both_sides(client: Client, board: Board) -> None:
    lines = client.get(address(board.study, "head-to-head")).context["page"].lines
    assert len(lines) == 5
    for i, line in enumerate(lines):
        assert line.cells[i] is None
        for j, cell in enumerate(line.cells):
            mirror = lines[j].cells[i]
            assert (cell is None) == (mirror is None)
            if cell and mirror:
                assert cell.battles == mirror.battles
                assert cell.style.replace("up", "down") == mirror.style.replace("up", "down")
    assert [line.row.rank for line in lines] == [1, 2, 3, 4, 5]


# Method


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (
            Engine.DAVIDSON,
            ("P(tie) = ν / Z", "given Σ_groups share × u = 0", "Ties, ν = ", "Sides"),
        ),
        (Engine.TRUESKILL, ("performance_i ~ Normal(skill_i, β²)", "Two equal contestants tie in")),
    ],
)
def test_the_method_is_that_of_the_engine(
    client: Client, simulated_study: Study, engine: Engine, said: tuple[str, ...]
) -> None:
    take_board(simulated_study, BoardParameters(engine=engine, draws=100), at=timezone.now())
    page = body(client.get(address(simulated_study, "method")))
    for sentence in said:
        assert sentence in page


def test_the_method_of_ratings_names_its_spreads(client: Client, rating_board: Board) -> None:
    page = body(client.get(address(rating_board.study, "method")))
    assert "b_rater ~ Normal(0, ω²)" in page
    assert "Within a rater, σ = " in page


def test_the_method_states_this_boards_numbers(client: Client, board: Board) -> None:
    page = client.get(address(board.study, "method"))
    fit = board.sections.all()[0].fit
    assert f"Ties, ν = {fit['tie_propensity']:.2f}" in body(page)
    assert f"are worth as much as {fit['effective_battles']:,.0f}" in body(page)
    for axis, bar in zip(("age", "shore"), page.context["page"].shifts.bars, strict=True):
        assert bar.low == fit[f"rank_shift_low_{axis}"]
        assert bar.cells[2] == f"{fit[f'tau_{axis}']:.2f}"
    assert str(board.parameters["draws"]) in body(page).replace(",", "")
