"""An export reads answers some at a time: each once, in the order of their recording."""

from datetime import timedelta

import pytest

from leaderboards.exports import rows
from leaderboards.exports.people import People
from leaderboards.models import Export
from raters.models import Battle, Verdict
from studies.services import add_dimension
from tests.cast import NOW
from tests.leaderboards.talked import make_talked_study

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 100])
def test_answers_of_one_instant_and_of_many_are_read_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    study = make_talked_study(raters=9, each=1)
    dimension = add_dimension(study, key="trust")
    seconds = (2, 0, 0, 1, 0, 2, 1, 0, 3)
    battles = Battle.objects.filter(participation__study=study).order_by("pk")
    Verdict.objects.bulk_create(
        Verdict(
            battle=battle,
            dimension=dimension,
            outcome="a",
            recorded_at=NOW + timedelta(seconds=after),
        )
        for battle, after in zip(battles, seconds, strict=True)
    )
    people = People.of(Export.objects.create(study=study, format="csv", asked_at=NOW))
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", at_once)
    until = NOW + timedelta(seconds=2)
    found = list(rows.verdict_rows(people, until=until))
    asked = Verdict.objects.filter(recorded_at__lte=until).order_by(
        "dimension__position", "recorded_at", "pk"
    )
    assert [(row[0], row[4], row[7]) for row in found] == [
        (people.names[each.battle.participation_id], each.dimension.key, each.recorded_at)
        for each in asked
    ]
    assert len(found) == 9 + 8
