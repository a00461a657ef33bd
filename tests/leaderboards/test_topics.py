"""Topics: what is read of a study's tasks, and its page and REST."""

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.models import User
from leaderboards.errors import NothingToRankError
from leaderboards.ranking.swiss import Profile
from leaderboards.ranking.topics import ENOUGH_BATTLES
from leaderboards.topics import Level, read_topics
from raters.models import Battle, Verdict
from raters.services.exclusions import exclude
from studies.models import Study, Task
from tests.cast import NOW, make_admin, make_study, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

API = "/api/v1/studies/tea/topics/"
TASKS = [
    ("Home", "Kitchen", "Bread", 6),
    ("Home", "Kitchen", "Soup", 3),
    ("Home", "Garden", "Roses", 3),
    ("Work", "", "Letters", 6),
    ("", "", "A chat", 2),
]


@pytest.fixture
def boss() -> User:
    return make_admin()


@pytest.fixture
def study() -> Study:
    """A study of four contestants whose 160 battles are about five tasks in turn, by quota."""
    study = make_study(raters=40)
    tasks = Task.objects.bulk_create(
        Task(
            study=study,
            area=area,
            category=category,
            name=name,
            text="Do it.",
            battles_wanted=wanted,
            position=position,
        )
        for position, (area, category, name, wanted) in enumerate(TASKS)
    )
    turns = [task for task in tasks for _ in range(task.battles_wanted or 0)]
    battles = list(Battle.objects.filter(participation__study=study).order_by("pk"))
    for n, battle in enumerate(battles):
        battle.task = turns[n % len(turns)]
    Battle.objects.bulk_update(battles, ["task"])
    return study


def test_topics_are_the_nodes_of_a_level_and_a_branch_that_ends_above_is_one(study: Study) -> None:
    found = {
        level: {topic.name: topic.weight for topic in read_topics(study, level=level).topics}
        for level in Level
    }
    assert found[Level.AREA] == pytest.approx({"Home": 0.6, "Work": 0.3, "A chat": 0.1})
    assert found[Level.CATEGORY] == pytest.approx(
        {"Home › Kitchen": 0.45, "Home › Garden": 0.15, "Work › Letters": 0.3, "A chat": 0.1}
    )
    assert len(found[Level.TASK]) == 5
    assert found[Level.TASK]["Home › Kitchen › Bread"] == pytest.approx(0.3)


def test_verdicts_are_counted_where_their_battle_s_task_is(study: Study) -> None:
    page = read_topics(study, dimension="warmth", level=Level.TASK)
    for line, task in zip(page.lines, study.tasks.all(), strict=True):
        verdicts = Verdict.objects.filter(battle__task=task, dimension__key="warmth")
        assert line.topic.battles == verdicts.count()
        for place in line.places:
            slug = place.contestant
            mine = verdicts.filter(battle__side_a__slug=slug) | verdicts.filter(
                battle__side_b__slug=slug
            )
            assert place.battles == mine.count()
            assert place.is_enough == (place.battles >= ENOUGH_BATTLES)
            assert place.rank_low <= place.rank <= place.rank_high
    assert sum(topic.battles for topic in page.topics) == 160
    assert [place.rank for place in page.overall] == [1, 2, 3, 4]
    assert sum(place.battles for place in page.overall) == 2 * 160


def test_what_boards_leave_out_is_left_out_and_battles_without_a_task_are_told(
    study: Study, boss: User
) -> None:
    person = study.participations.order_by("pk")[0]
    exclude(person, reason="Fraud.", by=boss, at=NOW)
    some = list(Battle.objects.order_by("pk").values_list("pk", flat=True)[4:7])
    Battle.objects.filter(pk__in=some).update(task=None)
    page = read_topics(study)
    assert sum(topic.battles for topic in page.topics) == 160 - person.battles.count() - 3
    assert page.left_out == 3


def test_tasks_without_quotas_are_equal(study: Study) -> None:
    study.tasks.update(battles_wanted=None)
    weights = {topic.name: topic.weight for topic in read_topics(study).topics}
    assert weights == pytest.approx({"Home": 0.6, "Work": 0.2, "A chat": 0.2})


def test_levels_are_offered_where_they_tell_more_topics_apart(study: Study) -> None:
    assert read_topics(study).levels == tuple(Level)
    assert read_topics(study).level is Level.AREA
    # What a task that battles have says, stays.
    Battle.objects.update(task=None)
    study.tasks.update(area="", category="")
    Battle.objects.update(task=study.tasks.all()[0])
    page = read_topics(study)
    assert page.levels == (Level.AREA,)
    assert len(page.topics) == 5
    with pytest.raises(NothingToRankError, match="there are on: area"):
        read_topics(study, level=Level.TASK)


def test_a_contestant_planted_to_be_strong_in_one_topic_alone_is_told(study: Study) -> None:
    """Dogwood wins every battle about letters, and loses all others; the rest is by lot."""
    rng = np.random.default_rng(1)
    old = Battle.objects.select_related("participation", "side_a", "side_b", "task")
    overall = study.dimensions.get(key="overall")
    battles, verdicts = [], []
    for n in range(15):
        for model in old:
            assert model.side_b is not None
            assert model.task is not None
            sides = [model.side_a.slug, model.side_b.slug]
            winner = int(rng.integers(2))
            if "dogwood" in sides:
                mine = sides.index("dogwood")
                winner = mine if model.task.area == "Work" else 1 - mine
            battle = Battle(
                participation=model.participation,
                key=f"{model.key}-{n}",
                side_a=model.side_a,
                side_b=model.side_b,
                task=model.task,
                created_at=NOW,
            )
            battles.append(battle)
            verdicts.append(
                Verdict(battle=battle, dimension=overall, outcome="ab"[winner], recorded_at=NOW)
            )
    Battle.objects.bulk_create(battles)
    Verdict.objects.bulk_create(verdicts)
    page = read_topics(study)
    lines = {line.contestant: line for line in page.swiss}
    assert lines["dogwood"].profile is Profile.SPECIALIST
    assert min(lines, key=lambda slug: lines[slug].sensitivity) == "dogwood"
    work = next(line for line in page.lines if line.topic.name == "Work")
    assert next(p for p in work.places if p.contestant == "dogwood").rank_high == 1
    assert page.answer.index("Dogwood") < page.answer.index("specialist")


def test_what_has_no_topics_says_so(study: Study) -> None:
    with pytest.raises(NothingToRankError, match='no dimension "charm"'):
        read_topics(study, dimension="charm")
    bare = make_study("bare", raters=0, electorate=study.electorate)
    with pytest.raises(NothingToRankError, match="has no tasks"):
        read_topics(bare)
    Task.objects.create(study=bare, name="Only", text="Do it.")
    with pytest.raises(NothingToRankError, match="has one task"):
        read_topics(bare)
    Task.objects.create(study=bare, name="Other", text="Do it.")
    with pytest.raises(NothingToRankError, match="No battles yet"):
        read_topics(bare)
    rated = make_study(
        "rated", raters=0, electorate=study.electorate, protocol=Study.Protocol.SINGLE
    )
    with pytest.raises(NothingToRankError, match="raters rate one model"):
        read_topics(rated)


def test_who_was_in_no_battle_with_a_task_is_placed_by_the_prior_and_says_so(study: Study) -> None:
    apart = Battle.objects.filter(side_a__slug="ash") | Battle.objects.filter(side_b__slug="ash")
    apart.update(task=None)
    page = read_topics(study)
    ash = next(place for place in page.overall if place.contestant == "ash")
    assert (ash.battles, ash.is_enough) == (0, False)


# Pages and REST


def test_topics_over_rest_are_for_those_who_see_live_figures(client: Client, study: Study) -> None:
    assert client.get(API).status_code == 401
    client.force_login(make_user("stranger"))
    assert client.get(API).status_code == 403
    client.force_login(make_user("looker", "studies.view_study"))
    told: dict[str, Any] = client.get(API, {"level": "category"}).json()
    assert (told["dimension"], told["level"]) == ("overall", "category")
    assert told["levels"] == ["area", "category", "task"]
    assert told["topics"][0]["name"] == "Home › Kitchen"
    for topic in told["topics"]:
        assert sorted(place["rank"] for place in topic["places"]) == [1, 2, 3, 4]
    assert told["tau_low"] <= told["tau"] <= told["tau_high"]
    assert sum(line["wins"] for line in told["swiss"]) == pytest.approx(1)
    assert {line["profile"] for line in told["swiss"]} <= {"specialist", "generalist", "open"}
    assert told["answer"].endswith(".")
    assert client.get(API, {"level": "category"}).json() == told
    assert "known are: overall" in client.get(API, {"dimension": "charm"}).json()["detail"]
    assert "known are: area" in client.get(API, {"level": "leaf"}).json()["detail"]


def test_rest_says_of_a_study_without_tasks_that_it_has_none(client: Client, boss: User) -> None:
    make_study(raters=0)
    client.force_login(boss)
    answer = client.get(API)
    assert answer.status_code == 404
    assert "has no tasks" in answer.content.decode()


def test_the_admin_s_page_shows_ranks_by_topic_and_the_contests(
    client: Client, study: Study, boss: User
) -> None:
    client.force_login(boss)
    address = reverse("admin:leaderboards_study_topics", args=[study.pk])
    led = client.get(reverse("admin:studies_study_topics", args=[study.pk]))
    assert led["Location"] == address
    page = strip_tags(client.get(address, {"level": "task"}).content.decode())
    shown = read_topics(study, level=Level.TASK)
    assert shown.answer in page
    assert "Home › Kitchen › Bread" in page
    few = sum(not place.is_enough for line in shown.lines for place in line.places)
    assert few > 0
    assert page.count("not enough data") == few
    assert "has no dimension" in client.get(address, {"dimension": "charm"}).content.decode()
    Battle.objects.update(task=None)
    study.tasks.all().delete()
    assert "has no tasks" in client.get(address).content.decode()
    client.force_login(make_user("clerk", "leaderboards.view_board", is_staff=True))
    assert client.get(address).status_code == 403
