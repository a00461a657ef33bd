"""Fixtures of the leaderboards' tests."""

from pathlib import Path

import pytest
from django.utils import timezone

from leaderboards.models import Board
from leaderboards.ranking.boards import BoardParameters
from leaderboards.services.boards import take_board
from raters.imports.comparisons import import_comparisons
from studies.models import Study
from studies.services import add_dimension, choose_overall_dimension, enter_contestant


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
