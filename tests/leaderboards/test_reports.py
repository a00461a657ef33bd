"""Reports: asked for, claimed, computed once, and told why where there is none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from leaderboards import reports as kinds
from leaderboards.errors import NothingToRankError
from leaderboards.models import Report
from leaderboards.services import reports
from leaderboards.services.leases import MOST_ATTEMPTS
from studies.models import Study

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def count_contestants(study: Study, subject: str, at: datetime) -> dict[str, Any]:
    return {"subject": subject, "contestants": study.contestants.count()}


def find_nothing(study: Study, subject: str, at: datetime) -> dict[str, Any]:
    raise NothingToRankError("The study has no verdict that counts.")


def break_off(study: Study, subject: str, at: datetime) -> dict[str, Any]:
    return {"one": 1 / len(subject)}


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    here = {name: f"{__name__}.{name}" for name in ("count_contestants", "find_nothing")}
    here["break_off"] = f"{__name__}.break_off"
    monkeypatch.setattr(kinds, "KINDS", here)
    monkeypatch.setattr(reports, "KINDS", here)
    return Study.objects.create(slug="s", title="S")


def test_a_report_is_computed_once_it_was_asked_for(study: Study) -> None:
    report = reports.ask_for_report(study, "count_contestants", "warmth", at=AT)
    assert reports.latest_report(study, "count_contestants", "warmth") is None
    assert reports.report_under_way(study, "count_contestants", "warmth") == report
    reports.write_report(report.pk, at=LATER)
    found = reports.latest_report(study, "count_contestants", "warmth")
    assert found is not None
    assert found.document == {"subject": "warmth", "contestants": 0}
    assert reports.report_under_way(study, "count_contestants", "warmth") is None
    assert reports.latest_report(study, "count_contestants", "tact") is None


def test_who_asks_for_what_is_under_way_joins_it(study: Study) -> None:
    first = reports.ask_for_report(study, "count_contestants", at=AT)
    assert reports.ask_for_report(study, "count_contestants", at=LATER) == first
    assert Report.objects.count() == 1


def test_a_newer_report_replaces_the_one_before(study: Study) -> None:
    for at in (AT, LATER):
        report = reports.ask_for_report(study, "count_contestants", at=at)
        reports.write_report(report.pk, at=at)
    assert list(Report.objects.values_list("pk", flat=True)) == [report.pk]


def test_a_report_that_cannot_be_made_says_why_and_the_one_before_stays(study: Study) -> None:
    before = Report.objects.create(
        study=study,
        kind="find_nothing",
        state=Report.State.FINISHED,
        document={},
        asked_at=AT,
        finished_at=AT,
    )
    report = reports.ask_for_report(study, "find_nothing", at=LATER)
    reports.write_report(report.pk, at=LATER)
    failed = reports.report_under_way(study, "find_nothing")
    assert failed is not None
    assert failed.error == "The study has no verdict that counts."
    assert reports.latest_report(study, "find_nothing") == before


def test_an_unforeseen_error_is_told_without_its_words(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    report = reports.ask_for_report(study, "break_off", at=AT)
    reports.write_report(report.pk, at=LATER)
    report.refresh_from_db()
    assert report.state == Report.State.FAILED
    assert "ZeroDivisionError" in report.error
    assert "division by zero" in caplog.text


def test_a_report_whose_worker_died_is_claimed_anew_and_at_last_given_up(study: Study) -> None:
    report = reports.ask_for_report(study, "count_contestants", at=AT)
    at = AT
    for _ in range(MOST_ATTEMPTS):
        assert reports.claim_report(report.pk, at=at) is not None
        assert reports.claim_report(report.pk, at=at + reports.LEASE / 2) is None
        at += reports.LEASE
    assert reports.claim_report(report.pk, at=at) is None
    report.refresh_from_db()
    assert report.error == reports.DIED


def test_who_comes_late_with_a_lost_claim_changes_nothing(study: Study) -> None:
    report = reports.ask_for_report(study, "count_contestants", at=AT)
    slow = reports.claim_report(report.pk, at=AT)
    quick = reports.claim_report(report.pk, at=AT + reports.LEASE)
    assert slow is not None
    assert quick is not None
    assert not reports.finish_report(slow, {"of": "slow"}, at=LATER)
    assert reports.finish_report(quick, {"of": "quick"}, at=LATER)
    assert not reports.fail_report(slow, "too late", at=LATER)
    found = reports.latest_report(study, "count_contestants")
    assert found is not None
    assert found.document == {"of": "quick"}


def test_nobody_asks_for_a_kind_that_there_is_not(study: Study) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        reports.ask_for_report(study, "horoscope", at=AT)
