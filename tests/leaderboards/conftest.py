"""Fixtures of the leaderboards' tests."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from leaderboards.models import Board, BoardRow
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from leaderboards.services.reports import due_reports, write_report
from raters.identities import Identity, fields_for
from raters.imports.comparisons import import_comparisons
from raters.models import Battle, Participation, Rater, Rating
from studies.models import Contestant, Study
from studies.services import add_dimension, choose_overall_dimension, enter_contestant
from tests.cast import NOW, make_study
from tests.kept import kept


@pytest.fixture
def refused_board(db: None, tmp_path: Path) -> Board:
    """The board of a study without an electorate, whose four contestants met in two pairs only."""
    study = Study.objects.create(
        slug="parted", title="Two rounds that never met", state=Study.State.CLOSED, is_public=True
    )
    for name in ("Ash", "Fir", "Oak", "Yew"):
        enter_contestant(study, name=name)
    add_dimension(study, key="overall")
    choose_overall_dimension(study)
    comparisons = tmp_path / "comparisons.csv"
    comparisons.write_text("rater,model_a,model_b,outcome\nr1,Ash,Fir,a\nr2,Oak,Yew,tie\n")
    import_comparisons(study, comparisons, raters=None, at=timezone.now())
    return take_board(study, BoardParameters(), at=timezone.now())


@pytest.fixture
def rated_study(db: None) -> Study:
    """A study of one model at a time: 60 raters rate three of four contestants, Ash the best."""
    study: Study = kept(make_rated_study)
    return study


def make_rated_study() -> Study:
    study = make_study("rated", raters=0)
    study.protocol = Study.Protocol.SINGLE
    study.save()
    rate(study, raters=60, each=3)
    return study


@pytest.fixture
def rating_board(rated_study: Study) -> Board:
    """The board of that study, just published."""
    board: Board = kept(take_board, rated_study, at=NOW)
    return board


def write_due_reports(at: datetime = NOW) -> None:
    """Do what a worker does: compute the reports that somebody has asked for."""
    for report in due_reports(at=at):
        write_report(report.pk, at=at)


def rate(study: Study, *, raters: int, each: int, level: float = 4.0) -> None:
    """Let raters of all cells in turn rate contestants in turn, the first the best."""
    rng = np.random.default_rng(1)
    contestants = list(study.contestants.order_by("slug"))
    cells = list(study.electorate.cells.order_by("pk")) if study.electorate else [None]
    people = Rater.objects.bulk_create(Rater(created_at=NOW) for _ in range(raters))
    participations = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            cell=cells[n % len(cells)],
            **fields_for(study.pk, Identity(f"platform-{n}")),
            state=Participation.State.COMPLETED,
            created_at=NOW,
        )
        for n, rater in enumerate(people)
    )
    battles = Battle.objects.bulk_create(
        Battle(
            participation=participation,
            key=str(m),
            side_a=contestants[(n + m) % len(contestants)],
            created_at=NOW,
        )
        for n, participation in enumerate(participations)
        for m in range(each)
    )
    mood = {participation.pk: rng.normal(0, 0.5) for participation in participations}
    Rating.objects.bulk_create(
        Rating(
            battle=battle,
            dimension=dimension,
            score=_score(level + 1.5 - contestants.index(battle.side_a), mood, battle, rng),
            recorded_at=NOW,
        )
        for dimension in study.dimensions.all()
        for battle in battles
    )


def _score(level: float, mood: dict[int, float], battle: Battle, rng: np.random.Generator) -> int:
    wanted = level + mood[battle.participation_id] + rng.normal(0, 0.8)
    return round(min(max(wanted, Rating.LOWEST), Rating.HIGHEST))


@pytest.fixture
def leader(board: Board) -> Contestant:
    """The first of the board's first table."""
    return BoardRow.objects.filter(section=board.sections.all()[0]).order_by("rank")[0].contestant
