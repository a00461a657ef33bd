"""Admin pages of raters: the live page, erasing, and what marks a battle."""

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from raters.admin.live import bar, dollars, duration, words_of
from raters.identities import Identity, seal
from raters.models import Battle, Exclusion, Participation, Rating, Reply, Turn
from raters.progress import read_progress
from raters.services.battles import give_verdicts
from raters.services.erasing import withdraw_and_erase
from raters.services.spending import pause_overspent_studies
from studies.models import ChatModel, Study, Task
from tests.cast import complete_design, make_admin, make_study, make_user
from tests.raters.live import answer, fail, later, make_live_study, open_battle, say, take_part

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def boss(client: Client) -> User:
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def study() -> Study:
    """Twelve places, two chat models with prices, one judged battle and one under way."""
    study = complete_design(make_study(raters=0, state="open"), raters=12)
    Study.objects.filter(pk=study.pk).update(budget="0.50", min_turns=1, opened_at=timezone.now())
    ChatModel.objects.update(input_price=100, output_price=200)
    study.refresh_from_db()
    battle = open_battle(study)
    turn = say(battle)
    answer(turn, "a")
    answer(turn, "b")
    turn.replies.update(prompt_tokens=500, completion_tokens=250, first_piece_ms=400, total_ms=2600)
    give_verdicts(battle, outcomes={"overall": "a", "warmth": "b"}, at=timezone.now())
    Participation.objects.filter(pk=battle.participation_id).update(
        cell=study.electorate.cells.get(key="18-34|female"),
        state=Participation.State.COMPLETED,
        ended_at=timezone.now(),
    )
    fail(say(open_battle(study, seed=2)), "a")
    return study


def live(study: Study) -> str:
    return reverse("admin:raters_study_live", args=[study.pk])


def text_of(response: Any) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


# The live page


def test_the_live_page_says_what_a_count_by_hand_says(
    client: Client, boss: User, study: Study
) -> None:
    page = text_of(client.get(live(study)))
    for words in (
        "Raters who completed it 1 of 12",
        "Battles judged 1 ",
        # Two answers of 500 tokens in and 250 out, at 100 and 200 dollars for a million.
        "Cost so far $0.2000 of $0.5000",
        "Cost of a judged battle $0.2000",
        "Tokens in and out 1,000 · 500",
        "18-34 1 0 0 5",
        "35-plus 0 0 0 7",
        "female 1 0 0 6",
        "0.4 s 0.4 s 2.6 s 2.6 s",
        "RefusedRequestError 1",
        "2 battles in all. Marked 0 of them",
        "11 raters have still to complete the study. 1 did in the last",
        "Previews do not: what you try out is not charged to the budget.",
    ):
        assert words in page, words


def test_the_live_page_says_why_the_platform_paused_the_study(
    client: Client, boss: User, study: Study
) -> None:
    assert "Paused by the platform" not in text_of(client.get(live(study)))
    Study.objects.filter(pk=study.pk).update(budget="0.20")
    pause_overspent_studies(at=timezone.now())
    page = text_of(client.get(live(study)))
    assert "The budget of $0.20 is spent: replies have cost $0.20. Raise the budget" in page
    assert "It is paused, so no end is expected." in page


@pytest.mark.parametrize("state", Study.State.values)
def test_the_live_page_opens_in_every_state_and_for_a_study_with_nothing_in_it(
    client: Client, boss: User, state: str
) -> None:
    empty = Study.objects.create(slug="empty", title="Empty", state=state)
    page = text_of(client.get(live(empty)))
    assert "No quotas: everybody who comes finds a place." in page
    assert "The study has no budget, so nothing pauses it." in page


def test_the_live_page_is_for_those_who_may_see_the_study(client: Client, study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(is_public=False)
    for user, status in (
        (make_user("rater"), 302),
        (make_user("clerk", "raters.view_battle", is_staff=True), 403),
        (make_user("reader", "studies.view_study", is_staff=True), 200),
    ):
        client.force_login(user)
        assert client.get(live(study)).status_code == status
    outsider = make_user("outsider", "studies.change_study", is_staff=True)
    client.force_login(outsider)
    assert client.get(live(study)).status_code == 404
    study.team.add(outsider)
    assert client.get(live(study)).status_code == 200
    assert client.post(live(study)).status_code == 405


def test_the_live_page_holds_no_inline_style_and_refreshes_by_a_file(
    client: Client, boss: User, study: Study
) -> None:
    page = client.get(live(study)).text
    content = page[page.index("hustings-live-head") : page.index("unfold/js/simplebar")]
    assert "style=" not in content
    assert "hustings/admin-live.js" in page
    assert page.count("data-live-part") == 8


def test_the_live_page_takes_as_many_queries_for_many_raters(client: Client, boss: User) -> None:
    numbers = []
    for study in (make_study("few", raters=1), make_study("many", raters=60)):
        client.get(live(study))
        with CaptureQueriesContext(connection) as queries:
            client.get(live(study))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 40


def test_figures_are_written_for_people() -> None:
    assert [dollars(amount) for amount in (None, Decimal(0), Decimal("0.0123"), Decimal(1234))] == [
        "–", "$0.00", "$0.0123", "$1,234.00",
    ]  # fmt: skip
    hour = later(hours=1) - later(hours=0)
    assert [duration(round(n * 3600) * (hour / 3600)) for n in (1 / 60, 0.5, 1.9, 2, 47, 60)] == [
        "1 minute", "30 minutes", "114 minutes", "2 hours", "47 hours", "2 days",
    ]  # fmt: skip
    widths = re.findall(r'class="is-(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', bar(8, a=2, b=4))
    assert widths == [("a", "0.00", "25.00"), ("b", "25.00", "50.00")]
    assert "rect" not in bar(0, a=2)
    assert 'width="100.00"' in bar(2, a=5), "A group may have more raters than places."


def test_the_forecast_is_said_in_words(study: Study) -> None:
    Participation.objects.update(ended_at=None)
    forecast = read_progress(study, at=later(hours=9)).forecast
    words = words_of(forecast, study)
    assert words.endswith("nobody did in the last 6 hours: there is no telling when it ends.")


# Registers


def test_erasing_is_asked_first_and_done_once(client: Client, boss: User, study: Study) -> None:
    participation = Participation.objects.earliest("pk")
    step = reverse("admin:raters_participation_erase", args=[participation.pk])
    page = reverse("admin:raters_participation_change", args=[participation.pk])
    assert step in client.get(page).text
    assert "Nobody can bring any of it back" in client.get(step).text
    assert Turn.objects.filter(is_erased=True).count() == 0
    assert "is withdrawn" in text_of(client.post(step, follow=True))
    participation.refresh_from_db()
    assert participation.state == Participation.State.WITHDRAWN
    assert not Turn.objects.filter(battle__participation=participation, is_erased=False).exists()
    assert step not in client.get(page).text


def test_erasing_is_for_those_who_may_change_a_participation(client: Client, study: Study) -> None:
    participation = Participation.objects.earliest("pk")
    step = reverse("admin:raters_participation_erase", args=[participation.pk])
    reader = make_user("reader", "raters.view_participation", is_staff=True)
    client.force_login(reader)
    assert client.post(step).status_code == 403
    Study.objects.filter(pk=study.pk).update(is_public=False)
    clerk = make_user(
        "clerk", "raters.view_participation", "raters.change_participation", is_staff=True
    )
    client.force_login(clerk)
    assert client.post(step).status_code == 404
    assert not Turn.objects.filter(is_erased=True).exists()


def test_what_a_rater_withdrew_is_lifted_by_nobody(
    client: Client, boss: User, study: Study
) -> None:
    withdraw_and_erase(Participation.objects.earliest("pk"), at=timezone.now())
    exclusion = Exclusion.objects.get()
    page = client.get(reverse("admin:raters_exclusion_change", args=[exclusion.pk]))
    assert page.status_code == 200
    lift = reverse("admin:raters_exclusion_lift", args=[exclusion.pk])
    assert lift not in page.text
    client.post(lift)
    exclusion.refresh_from_db()
    assert exclusion.lifted_at is None


def test_an_exclusion_by_rule_has_its_page(client: Client, boss: User, study: Study) -> None:
    rule = Exclusion.objects.create(
        study=study,
        rule=Exclusion.Rule.LEAKS,
        reason="Names were given away.",
        actor=boss,
        created_at=timezone.now(),
    )
    page = client.get(reverse("admin:raters_exclusion_change", args=[rule.pk]))
    assert "battles in which a model gave its name away" in text_of(page)
    assert client.get(reverse("admin:raters_exclusion_changelist")).status_code == 200


def test_marked_battles_are_found_and_say_why(client: Client, boss: User, study: Study) -> None:
    probed, leaking = Battle.objects.order_by("pk")[:2]
    plain = open_battle(study, seed=3)
    Turn.objects.filter(battle=probed).update(is_identity_probe=True)
    Reply.objects.filter(turn__battle=leaking, side="b").update(masked=3)
    marked = client.get(reverse("admin:raters_battle_changelist"), {"marked": "yes"})
    assert set(marked.context["cl"].result_list) == {probed, leaking}
    for battle, words in (
        (probed, "Messages that ask who it is: 1."),
        (leaking, "Names masked in what B said: 3."),
        (plain, "Marks None."),
    ):
        page = client.get(reverse("admin:raters_battle_change", args=[battle.pk]))
        assert words in text_of(page)


def test_a_rated_battle_of_one_model_has_its_pages(client: Client, boss: User) -> None:
    study = make_live_study(protocol=Study.Protocol.SINGLE)
    task = Task.objects.create(study=study, area="Home", name="Oven", text="Clean an oven.")
    participation = take_part(study)
    Participation.objects.filter(pk=participation.pk).update(
        identity_sealed=seal(Identity("p-1", "study-77", "session-88"))
    )
    battle = Battle.objects.create(
        participation=participation,
        key="1",
        side_a=study.contestants.all()[0],
        task=task,
        created_at=timezone.now(),
    )
    Rating.objects.create(
        battle=battle, dimension=study.dimensions.all()[0], score=6, recorded_at=timezone.now()
    )
    page = text_of(client.get(reverse("admin:raters_battle_change", args=[battle.pk])))
    assert "Home › Oven" in page
    assert "Ratings" in page
    assert "overall 6" in page
    assert "Verdicts" not in page[page.index("Home › Oven") :]
    page = text_of(
        client.get(reverse("admin:raters_participation_change", args=[participation.pk]))
    )
    assert "study-77" in page
    assert "session-88" in page
    for name in ("battle", "participation", "rater"):
        assert client.get(reverse(f"admin:raters_{name}_changelist")).status_code == 200
    assert client.get(live(study)).status_code == 200
