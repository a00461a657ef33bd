"""People who rate one model at a time, and a judge: runs, reports, pages and REST."""

import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient
from scipy import stats

from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.facts import as_json, parse
from leaderboards.machines.asking import ask_for_machine_reports
from leaderboards.machines.boards import rank_judge
from leaderboards.machines.documents import RatedMachine
from leaderboards.machines.rated import read_rated
from leaderboards.machines.rated_reports import compare_rated_on, rated_card_of
from leaderboards.machines.reports import comparison_subject
from leaderboards.ranking.boards import BoardParameters, Engine
from leaderboards.reports import COMPARISON
from leaderboards.services.boards import take_board
from leaderboards.services.reports import report_status
from leaderboards.verdicts import Frame
from raters.errors import JudgeError
from raters.models import (
    Battle,
    JudgeRun,
    JudgeVerdict,
    Participation,
    Rater,
    Rating,
    SideStyle,
    Verdict,
)
from raters.services.battles import give_ratings
from raters.services.exclusions import exclude
from raters.services.judge_runs import start_run
from raters.services.judgements import work_on_run
from studies.models import Study
from studies.services import add_dimension, choose_overall_dimension, enter_contestant
from tests.browser import DESKTOP, NARROW, Visit
from tests.cast import NOW, make_admin
from tests.data import data_file
from tests.leaderboards.conftest import write_due_reports
from tests.leaderboards.rated_by_judge import scored_run
from tests.raters.judging_study import GOOD, make_judge
from tests.raters.live import answer, make_live_study, open_battle, say

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

NO_STYLE = dict.fromkeys(("list_items", "headers", "bold", "links", "code_blocks", "emoji"), 0)
LEVELS = {"ash": 4.5, "birch": 4.0, "cherry": 3.0, "dogwood": 2.0}


def by_level(battle: Battle, dimension: str) -> list[float]:
    """A judge that knows the contestants, and little besides."""
    noise = np.random.default_rng(battle.pk).uniform(0, 0.5)
    return [LEVELS[battle.side_a.slug] + float(noise)]


@pytest.fixture
def run(rated_study: Study) -> JudgeRun:
    """A judge's run over the study, which is not reported on yet."""
    return scored_run(rated_study, by_level)


@pytest.fixture
def reported(run: JudgeRun) -> JudgeRun:
    """The same with a board of people's, and its reports."""
    take_board(run.study, at=NOW)
    ask_for_machine_reports(run, at=NOW)
    write_due_reports()
    return run


def overall(run: JudgeRun) -> RatedMachine:
    return compare_rated_on(run, run.study.dimensions.get(is_overall=True), at=NOW, resamples=20)


# Runs


def test_a_judge_scores_a_study_of_one_model_at_a_time() -> None:
    study = make_live_study(protocol=Study.Protocol.SINGLE)
    for seed in range(3):
        battle = open_battle(study, seed=seed)
        answer(say(battle, "How do I cook rice?"), "a", GOOD)
        give_ratings(battle, scores={"overall": 6, "warmth": 5}, at=timezone.now())
    run = start_run(make_judge(protocol="single"), study, at=timezone.now())
    while run.state == JudgeRun.State.RUNNING:
        work_on_run(run.pk)
        run.refresh_from_db()

    assert run.state == JudgeRun.State.FINISHED, run.reason
    said = JudgeVerdict.objects.filter(judgement__run=run, judgement__battle__isnull=False)
    assert said.count() == 3 * 2
    for verdict in said:
        assert verdict.score_a is not None
        assert 1 <= verdict.score_a <= 5
        assert (verdict.outcome, verdict.score_b) == ("", None)
    canaries = JudgeVerdict.objects.filter(judgement__run=run).exclude(judgement__canary="")
    assert canaries.exclude(outcome="").exists()
    machine = overall(run)
    assert (machine.agreement.items, machine.agreement.ratings) == (3, 3)
    assert machine.canaries.n > 0
    assert not Verdict.objects.filter(battle__participation__study=study).exists()


def test_who_compares_two_sides_has_nothing_to_compare(rated_study: Study) -> None:
    with pytest.raises(JudgeError, match="this study rates one at a time"):
        start_run(make_judge(protocol="pairwise"), rated_study, at=timezone.now())


# Reading


@pytest.mark.every_database
def test_people_and_judge_are_read_onto_one_scale(run: JudgeRun) -> None:
    frame = Frame.of(run.study)
    sheet = read_rated(frame, run, frame.dimensions)
    rated = sheet.rated
    assert len(rated) == Rating.objects.count() == len(rated.item)
    assert sheet.verdicts == JudgeVerdict.objects.count()
    battle = Battle.objects.get(pk=int(sheet.battle[7]))
    (score,) = by_level(battle, "")
    assert rated.judge[7] == pytest.approx(1 + (score - 1) * 6 / 4)
    given = battle.ratings.get(dimension=frame.dimensions[int(sheet.dimension[7])])
    assert rated.people[7] == given.score
    assert rated.contestants[int(rated.contestant[7])] == battle.side_a.slug


def test_raters_of_one_conversation_share_an_item(rated_study: Study) -> None:
    ash = rated_study.contestants.get(slug="ash")
    same = Battle.objects.filter(side_a=ash).order_by("pk")[:3]
    Battle.objects.filter(pk__in=[battle.pk for battle in same]).update(conversation="talk")
    # The judge scored only the first of them.
    others = {battle.pk for battle in same[1:]}
    run = scored_run(rated_study, lambda b, d: [] if b.pk in others else by_level(b, d))
    frame = Frame.of(rated_study)
    rated = read_rated(frame, run, frame.dimensions[:1]).rated
    n = rated.ratings
    assert sorted(n.tolist())[-2:] == [1, 3]
    scores = Rating.objects.filter(battle__in=[b.pk for b in same], dimension=frame.dimensions[0])
    mean = float(np.mean(list(scores.values_list("score", flat=True))))
    assert rated.people[int(n.argmax())] == pytest.approx(mean)


@pytest.mark.every_database
def test_an_abstention_and_an_excluded_rater_say_nothing(rated_study: Study) -> None:
    silent = Battle.objects.filter(participation__study=rated_study).earliest("pk")
    run = scored_run(rated_study, lambda b, d: [] if b == silent else by_level(b, d))
    before = overall(run)
    assert (before.verdicts, before.abstained) == (180, 1)
    assert before.agreement.items == 179
    other = rated_study.participations.exclude(pk=silent.participation_id).earliest("pk")
    exclude(other, reason="Fraud.", by=make_admin(), at=NOW)
    assert overall(run).agreement.items == 176


def test_nothing_shared_is_said_so(rated_study: Study) -> None:
    run = scored_run(rated_study, lambda _battle, _dimension: [])
    with pytest.raises(NothingToRankError, match="has scored no conversation"):
        overall(run)


# Reports


def test_a_report_says_what_its_json_says(run: JudgeRun) -> None:
    machine = overall(run)
    document = json.loads(json.dumps(as_json(machine)))
    again = parse(RatedMachine, document)
    assert as_json(again) == document
    assert again.agreement.spearman == machine.agreement.spearman
    assert again.gaps == machine.gaps


@pytest.mark.every_database
def test_both_boards_stand_side_by_side_on_people_s_scale(run: JudgeRun) -> None:
    machine = overall(run)
    assert [each.contestant for each in machine.standings] == ["ash", "birch", "cherry", "dogwood"]
    for each in machine.standings:
        assert each.judge is not None
        assert each.people is not None
        # A quarter more on average, put from 1 to 5 onto 1 to 7.
        assert each.judge.score == pytest.approx(
            1 + (LEVELS[each.contestant] + 0.25 - 1) * 1.5, abs=0.15
        )
        assert 1 <= each.judge.low < each.judge.score < each.judge.high <= 7
        assert each.judge.battles == 45
    assert machine.order.spearman.value == pytest.approx(1)


def test_the_engine_is_that_of_people_s_board(run: JudgeRun) -> None:
    dimension = run.study.dimensions.get(is_overall=True)
    _given, sections = rank_judge(run, dimension, BoardParameters(engine=Engine.RATINGS))
    assert len(sections) == 2 + 4
    with pytest.raises(WrongEngineError, match="scores of one side"):
        rank_judge(run, dimension, BoardParameters(engine=Engine.DAVIDSON))


def test_gaps_are_by_group_length_and_contestant(run: JudgeRun) -> None:
    SideStyle.objects.bulk_create(
        SideStyle(battle=battle, side="a", words=40 if n % 2 else 200, **NO_STYLE)
        for n, battle in enumerate(Battle.objects.order_by("pk"))
    )
    found = overall(run)
    gaps = {(each.gap.axis, each.gap.name): each for each in found.gaps}
    assert ("everything", "all conversations") in gaps
    assert any(axis.startswith("group:") for axis, _ in gaps)
    assert gaps["length", "under 50 words"].gap.items == 90
    dogwood = gaps["contestant", "Dogwood"]
    ratings = Rating.objects.filter(
        battle__side_a__slug="dogwood", dimension__key="overall"
    ).values_list("score", flat=True)
    assert dogwood.gap.people == pytest.approx(float(np.mean(list(ratings))))
    assert dogwood.gap.gap == pytest.approx(dogwood.gap.judge - dogwood.gap.people)
    assert dogwood.gap.items == dogwood.gap.votes == 45
    sure = [each.gap.at_least for each in found.gaps]
    assert sure == sorted(sure, reverse=True)
    assert found.length.judge.n == 180


def test_repeats_and_its_own_family_are_on_the_card(rated_study: Study) -> None:
    developers = dict(rated_study.contestants.values_list("pk", "chat_model__developer"))
    assert sorted(developers.values()).count("Copse") == 2
    run = scored_run(
        rated_study,
        lambda b, _d: [5.0, 4.0] if developers[b.side_a_id] == "Copse" else [3.0, 3.0],
    )
    card = rated_card_of(run, at=NOW, resamples=20)
    assert card.dimension == ""
    # Those of its family are scored again a point lower.
    assert card.repeated.same.value == pytest.approx(0.5)
    assert card.repeated.apart.value == pytest.approx(0.5 * 1.5)
    assert card.family is not None
    # Four and a half against three, on people's scale.
    assert card.family.judge.value == pytest.approx(1.5 * 1.5)
    assert card.family.beyond.value == pytest.approx(
        card.family.judge.value - card.family.people.value
    )
    assert card.standings == ()


# Real data


def test_the_page_s_correlations_are_scipy_s_on_published_scores(client: Client) -> None:
    """Zhong et al. (2022), UniEval on Topical-Chat: three people's means and a machine's scores."""
    with gzip.open(data_file("judges/dialogue_dimensions.jsonl.gz"), "rt") as file:
        rows = [json.loads(line) for line in file]
    study = dialogue_study(rows)
    keys = ["overall", "naturalness", "engagingness"]
    scale = {key: ends([row["machine"][key] for row in rows]) for key in keys}
    of = {f"response-{row['id']}": row for row in rows}
    run = scored_run(
        study,
        lambda battle, key: [put(of[battle.conversation]["machine"][key], scale[key])],
    )
    take_board(study, at=NOW)
    ask_for_machine_reports(run, at=NOW)
    write_due_reports()
    for key in keys:
        people = [row["human"][key] for row in rows]
        machine = [row["machine"][key] for row in rows]
        subject = comparison_subject(run, study.dimensions.get(key=key))
        found = report_status(study, COMPARISON, subject).facts(RatedMachine)
        assert found is not None
        assert found.agreement.items == len(rows) == 360
        assert found.agreement.ratings == 3 * 360
        for figure, correlation in (
            (found.agreement.pearson, stats.pearsonr),
            (found.agreement.spearman, stats.spearmanr),
            (found.agreement.kendall, stats.kendalltau),
        ):
            value = correlation(people, machine).statistic
            assert figure.value == pytest.approx(value, abs=1e-6)
            assert figure.low < value < figure.high
        by_system = [
            [
                np.mean([row[who][key] for row in rows if row["system"] == name])
                for name in systems(rows)
            ]
            for who in ("human", "machine")
        ]
        rho = stats.spearmanr(*by_system).statistic
        assert found.order.spearman.value == pytest.approx(rho, abs=1e-6)
        address = reverse("leaderboards:machine", args=[study.slug, run.number])
        page = text_of(client.get(address, {"dimension": key}))
        rho = stats.spearmanr(people, machine).statistic
        assert f"{rho:.2f}" in page[page.index("Spearman’s ρ") :][:400]
    # As it was published.
    found = report_status(study, COMPARISON, f"{run.number}:naturalness").facts(RatedMachine)
    assert found is not None
    assert found.agreement.spearman.value == pytest.approx(0.514, abs=0.0006)


def systems(rows: list[dict[str, object]]) -> list[str]:
    return sorted({str(row["system"]) for row in rows})


def ends(scores: list[float]) -> tuple[float, float]:
    return min(scores), max(scores)


def put(score: float, scale: tuple[float, float]) -> float:
    """A machine's score as one from 1 to 5, which no correlation minds."""
    low, high = scale
    return 1 + 4 * (score - low) / (high - low)


def dialogue_study(rows: list[dict[str, object]]) -> Study:
    """Three raters of every response; their means are those published, in whole points.

    Scales from 0 to 3 are moved up by one: the platform's begins at 1.
    """
    study = Study.objects.create(
        slug="dialogues",
        title="Dialogues",
        state=Study.State.CLOSED,
        protocol=Study.Protocol.SINGLE,
        is_public=True,
    )
    for key in ("overall", "naturalness", "engagingness"):
        add_dimension(study, key=key)
    choose_overall_dimension(study)
    entered = {name: enter_contestant(study, name=name) for name in systems(rows)}
    # Who rated what is not published: so each rating is somebody else's.
    people = Rater.objects.bulk_create(Rater(created_at=NOW) for _ in range(3 * len(rows)))
    participations = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            state=Participation.State.COMPLETED,
            created_at=NOW,
        )
        for n, rater in enumerate(people)
    )
    battles = Battle.objects.bulk_create(
        Battle(
            participation=participation,
            key=str(rows[n // 3]["id"]),
            conversation=f"response-{rows[n // 3]['id']}",
            side_a=entered[str(rows[n // 3]["system"])],
            created_at=NOW,
        )
        for n, participation in enumerate(participations)
    )
    of_row = defaultdict(list)
    for battle in battles:
        of_row[battle.conversation].append(battle)
    Rating.objects.bulk_create(
        Rating(battle=battle, dimension=dimension, score=score, recorded_at=NOW)
        for dimension in study.dimensions.all()
        for row in rows
        for battle, score in zip(
            of_row[f"response-{row['id']}"],
            thirds(row["human"][dimension.key]),  # type: ignore[index]
            strict=True,
        )
    )
    return study


def thirds(mean: float) -> list[int]:
    """Three whole ratings with this mean, moved up by one."""
    whole, rest = divmod(round(3 * mean), 3)
    return [1 + whole + (n < rest) for n in range(3)]


# Pages and REST


def text_of(response: object) -> str:
    text: str = response.content.decode()  # type: ignore[attr-defined]
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ").split())


def test_the_page_says_how_well_scores_go_with_ratings(client: Client, reported: JudgeRun) -> None:
    study = reported.study
    page = text_of(client.get(reverse("leaderboards:machine", args=[study.slug, 1])))
    machine = report_status(study, COMPARISON, "1:overall").facts(RatedMachine)
    assert machine is not None
    assert f"correlate by {machine.agreement.spearman.value:.2f}" in page
    for words in (
        "no two people rated the same one",
        "Krippendorff’s α",
        "Kendall’s τ",
        "Milder by",
        "put on people’s scale end to end",
        "With the contestant: Dogwood",
        "180 ratings of people that count",
        "Abstained",
    ):
        assert words in page
    runs = text_of(client.get(reverse("leaderboards:machines", args=[study.slug])))
    assert f"{machine.agreement.spearman.value:.2f}" in runs
    assert "Agreement is Spearman’s correlation" in runs


def test_the_conversations_behind_a_gap_are_the_team_s(client: Client, reported: JudgeRun) -> None:
    address = reverse("leaderboards:machine-conversations", args=[reported.study.slug, 1])
    asked = {"dimension": "overall", "axis": "contestant", "name": "Dogwood"}
    assert client.get(address, asked).status_code == 404
    client.force_login(make_admin())
    page = text_of(client.get(address, asked))
    assert "45 conversations" in page
    battle = Battle.objects.filter(side_a__slug="dogwood").earliest("pk")
    assert reverse("admin:raters_battle_change", args=[battle.pk]) in page
    assert client.get(address, {**asked, "name": "Nobody"}).status_code == 404
    whole = text_of(client.get(reverse("leaderboards:machine", args=[reported.study.slug, 1])))
    assert "axis=contestant&amp;name=Dogwood" in whole


def test_rest_tells_ratings_and_the_card(reported: JudgeRun) -> None:
    api = APIClient()
    base = f"/api/v1/studies/{reported.study.slug}/judges/1/"
    found = api.get(f"{base}comparison/")
    assert found.status_code == 200, found.content
    said = found.json()
    assert said["agreement"]["items"] == 180
    assert said["agreement"]["people_with_others"]["value"] is None
    gap = next(each for each in said["gaps"] if each["name"] == "Dogwood")
    assert gap["gap"] == pytest.approx(gap["judge"] - gap["people"])
    assert said["answer"].startswith("Over conversations")
    assert api.get(f"{base}report-card/").json()["dimension"] == ""


def test_a_judge_s_board_is_printed_by_the_command(
    run: JudgeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("boards", "--study", run.study.slug, "--judge", "Owl", "--format", "json")
    call_command(*arguments)
    board = json.loads(capsys.readouterr().out)
    assert board["judge"] == str(run)
    assert board["rows"][0]["contestant"] in {"Ash", "ash"}
    with pytest.raises(CommandError, match="scores of one side"):
        call_command(*arguments, "--engine", "davidson")


def test_people_s_board_does_not_know_of_the_judge(rated_study: Study) -> None:
    board = take_board(rated_study, at=NOW)
    scored_run(rated_study, by_level)
    assert take_board(rated_study, at=NOW).input_digest == board.input_digest


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("size", "scheme"), [(NARROW, "dark"), (DESKTOP, "light")])
def test_the_page_fits_and_is_accessible(
    reported: JudgeRun,
    live_server: LiveServer,
    browser: Browser,
    pictures: Path,
    size: int,
    scheme: str,
) -> None:
    visit = Visit(browser, size, scheme)
    there = reverse("leaderboards:machine", args=[reported.study.slug, 1])
    visit.open(f"{live_server.url}{there}")
    visit.look(pictures / f"rated-machine-{size}.png")
    assert visit.page.locator("figure.chart .drawing svg").count() == 1
    expect(visit.page.locator("#gaps table")).to_be_visible()
