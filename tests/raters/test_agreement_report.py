"""Agreement in a study, its figures against a count by hand, in the admin and over REST."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from raters.agreement_report import read_agreement
from raters.models import Battle, Participation, Rating, Verdict
from raters.quality.agreement import wilson
from raters.services.exclusions import exclude
from studies.models import AttentionCheck, Contestant, Study, Task
from tests.cast import NOW, make_admin, make_study, make_user
from tests.raters.live import make_live_study, take_part

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Four contestants, two dimensions, two axes, and nobody yet."""
    return make_study(raters=0)


def rater(study: Study, cell: str = "18-34|female") -> Participation:
    hers = take_part(study)
    if study.electorate:
        hers.cell = study.electorate.cells.get(key=cell)
        hers.save()
    return hers


def judge(
    hers: Participation, a: str, b: str, outcome: str, *, task: Task | None = None, **more: Any
) -> Battle:
    """A verdict on the overall dimension."""
    sides = {c.slug: c for c in Contestant.objects.filter(study=hers.study)}
    battle = Battle.objects.create(
        participation=hers, key=f"{Battle.objects.count()}", side_a=sides[a], side_b=sides[b],
        task=task, created_at=NOW, **more,
    )  # fmt: skip
    overall = hers.study.dimensions.get(is_overall=True)
    Verdict.objects.create(battle=battle, dimension=overall, outcome=outcome, recorded_at=NOW)
    return battle


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


def test_a_verdict_is_the_same_on_whichever_side_the_contestant_stood(study: Study) -> None:
    for n in range(6):
        hers = rater(study)
        judge(hers, *(("ash", "birch", "a") if n % 2 else ("birch", "ash", "b")))
        judge(hers, *(("cherry", "ash", "a") if n % 2 else ("ash", "cherry", "b")))
    line = read_agreement(study).alphas[0]
    assert (line.group, line.raters, line.alpha.units, line.alpha.values) == (None, 6, 2, 12)
    assert line.alpha.alpha == 1


def test_another_task_is_another_unit(study: Study) -> None:
    tasks = [
        Task.objects.create(study=study, name=name, text=name, position=n)
        for n, name in enumerate(("Bread", "Tea"))
    ]
    for _ in range(5):
        judge(rater(study), "ash", "birch", "a", task=tasks[0])
        judge(rater(study), "ash", "birch", "b", task=tasks[1])
    line = read_agreement(study).alphas[0]
    assert (line.alpha.units, line.alpha.alpha) == (2, 1)


def test_alpha_is_of_the_raters_of_each_group_and_small_groups_are_not_shown(
    study: Study,
) -> None:
    for n in range(6):
        for cell, outcome in (("18-34|female", "a"), ("35-plus|male", "ab"[n % 2])):
            hers = rater(study, cell)
            judge(hers, "ash", "birch", outcome)
            judge(hers, "cherry", "ash", "a")
    for _ in range(4):
        judge(rater(study, "35-plus|female"), "ash", "birch", "tie")
    lines = {
        line.group.key if line.group else "": line
        for line in read_agreement(study).alphas
        if line.dimension.is_overall
    }
    assert lines["18-34"].alpha.alpha == 1
    assert lines["35-plus"].raters == 10
    assert lines["35-plus"].alpha.alpha < 0.5 < lines["female"].alpha.alpha
    assert lines[""].raters == 16
    Participation.objects.filter(cell__key="18-34|female").update(cell=None)
    line = next(line for line in read_agreement(study).alphas if str(line.group) == "Sex: female")
    assert (line.raters, line.alpha) == (4, None)


def test_a_rater_agrees_with_the_majority_of_the_others(study: Study) -> None:
    crowd = [rater(study) for _ in range(6)]
    loner = rater(study)
    pairs = (("ash", "birch"), ("cherry", "birch"), ("dogwood", "ash"), ("cherry", "dogwood"))
    for pair in pairs:
        for hers in crowd:
            judge(hers, *pair, "a")
        judge(loner, *pair, "b")
    judge(crowd[0], "ash", "cherry", "tie")
    first, *rest = read_agreement(study).raters
    assert (first.code, first.labels) == (loner.rater.code, 4)
    assert first.agreement == wilson(0, 4)
    assert {line.code for line in rest} == {hers.rater.code for hers in crowd}
    assert all(line.agreement == wilson(4, 4) for line in rest), "Alone on a unit says nothing."
    assert all(line.labels == 4 for line in rest)
    assert first.reliability < min(line.reliability for line in rest)


def test_a_battle_that_came_again_is_compared_with_the_first_time(study: Study) -> None:
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    for outcome in ("b", "b", "a", "tie"):
        hers = rater(study)
        first = judge(hers, "ash", "birch", "a")
        judge(hers, "birch", "ash", outcome, attention_check=check, repeats=first)
    report = read_agreement(study)
    overall, warmth = report.consistency
    assert overall.share == wilson(2, 4), "A became B, for the sides were swapped."
    assert warmth.share.n == 0
    assert report.alphas[0].alpha is None, "Four raters; checks are no answers of their own."
    exclude(first.participation, reason="Fraud.", by=make_admin(), at=timezone.now())
    assert read_agreement(study).consistency[0].share == wilson(2, 3)


def test_ratings_agree_by_their_distance() -> None:
    study = make_study(raters=0, protocol="single")
    overall = study.dimensions.get(is_overall=True)
    ash, birch = study.contestants.order_by("slug")[:2]
    for n in range(6):
        hers = rater(study)
        for contestant, score in ((ash, 6 + n % 2), (birch, 1 + n % 2)):
            battle = Battle.objects.create(
                participation=hers, key=contestant.slug, side_a=contestant, created_at=NOW
            )
            Rating.objects.create(battle=battle, dimension=overall, score=score, recorded_at=NOW)
    report = read_agreement(study)
    assert report.unit == "one contestant on one task"
    assert report.alphas[0].alpha.units == 2
    assert 0.9 < report.alphas[0].alpha.alpha < 1
    assert len(report.raters) == 6


def test_what_is_excluded_agrees_with_nobody(study: Study) -> None:
    people = [rater(study) for _ in range(6)]
    for hers in people:
        judge(hers, "ash", "birch", "a")
    exclude(people[0], reason="Fraud.", by=make_admin(), at=timezone.now())
    report = read_agreement(study)
    assert report.alphas[0].raters == 5
    assert people[0].rater.code not in {line.code for line in report.raters}


def test_the_page_says_what_a_unit_is_and_shows_the_figures(client: Client) -> None:
    study = make_study(raters=40)
    client.force_login(make_admin())
    page = text_of(client.get(reverse("admin:raters_study_agreement", args=[study.pk])))
    assert "A unit is a pair of contestants on one task." in page
    assert "No two raters judge the same conversation here" in page
    assert re.search(r"Everybody Overall 40 6 160 -?0\.\d\d -?0\.\d\d to -?0\.\d\d", page)
    assert "of 40 raters whose agreement is surely lowest" in page
    empty = make_live_study(contestants=0)
    page = text_of(client.get(reverse("admin:raters_study_agreement", args=[empty.pk])))
    assert "fewer than 5 raters" in page


def test_rest_tells_those_who_may_see_live_figures(client: Client) -> None:
    study = make_study(raters=40)
    address = f"/api/v1/studies/{study.slug}/agreement/"
    assert client.get(address).status_code == 401
    client.force_login(make_user("reader"))
    assert client.get(address).status_code == 403
    client.force_login(make_user("staff", "studies.view_study"))
    document = client.get(address).json()
    assert document["unit"] == "a pair of contestants on one task"
    assert len(document["alphas"]) == 2 * (1 + 4)
    everybody, *_, last = document["alphas"]
    assert (everybody["axis"], everybody["group"], everybody["raters"]) == ("", "", 40)
    assert everybody["agreement"]["low"] <= everybody["agreement"]["alpha"]
    assert (last["axis"], last["group"]) == ("sex", "male")
    assert document["consistency"][0]["same"] == {
        "share": None, "low": 0.0, "high": 1.0, "count": 0, "n": 0,
    }  # fmt: skip
    assert len(document["raters"]) == 40
    assert {"rater", "answers", "agrees", "reliability"} == document["raters"][0].keys()
    Study.objects.filter(pk=study.pk).update(is_public=False)
    client.force_login(make_user("outsider", "studies.change_study"))
    assert client.get(address).status_code == 404
