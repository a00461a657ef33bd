"""A rater who is still here: her place is kept as often as she says so, and not for ever."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from raters.errors import PlaceLostError
from raters.models import Battle, Participation, Turn
from raters.place import PlacePage, read_place
from raters.quality.effort import find_short_conversation
from raters.services.panel import keep_place, release_expired_places, return_place
from raters.services.staying import STAYS, stay
from raters.services.strikes import give_strike, overturn_strike
from studies.models import Study
from tests.cast import make_admin
from tests.raters.live_study import open_study
from tests.raters.steps import agree_and_answer, begin, say

FETCH = {"X-Requested-With": "fetch"}
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """It keeps a place for an hour."""
    return open_study()


@pytest.fixture
def ann(study: Study, client: Client) -> Participation:
    """In her first battle."""
    return begin(client)


def left(participation: Participation, at: datetime) -> timedelta:
    """For how long her place is kept, as it is stored."""
    participation.refresh_from_db()
    assert participation.kept_until is not None
    return participation.kept_until - at


def last_deed(participation: Participation) -> datetime:
    """Her battle was the last thing that began."""
    return participation.battles.latest("pk").created_at


# Keeping it


def test_it_is_kept_as_long_again_as_by_a_word(ann: Participation) -> None:
    at = timezone.now() + 50 * MINUTE
    stay(ann, at=at)
    assert left(ann, at) == HOUR


def test_ten_times_over_and_then_no_longer(ann: Participation) -> None:
    begun = last_deed(ann)
    for times in range(1, STAYS + 1):
        stay(ann, at=begun + times * HOUR)
        assert left(ann, begun) == (times + 1) * HOUR
    end = begun + (STAYS + 1) * HOUR
    stay(ann, at=end - MINUTE)
    assert left(ann, end) == timedelta()
    assert release_expired_places(at=end + MINUTE) == 1
    with pytest.raises(PlaceLostError):
        stay(ann, at=end + MINUTE)


def test_to_say_it_twice_in_a_minute_uses_nothing_up(ann: Participation) -> None:
    begun = last_deed(ann)
    for seconds in range(30):
        stay(ann, at=begun + timedelta(seconds=seconds))
    stay(ann, at=begun + STAYS * HOUR)
    assert left(ann, begun) == (STAYS + 1) * HOUR


def test_a_word_from_her_begins_the_count_anew(ann: Participation, client: Client) -> None:
    begun = last_deed(ann)
    say(client)
    late = begun + 9 * HOUR
    Turn.objects.update(created_at=late)
    stay(ann, at=late + STAYS * HOUR)
    assert left(ann, late) == (STAYS + 1) * HOUR


def test_who_is_let_in_again_can_stay_as_long_as_others(ann: Participation) -> None:
    flaw = find_short_conversation(["yes", "no", "yes"])
    assert flaw is not None
    strike = give_strike(ann, flaw, key="short", at=last_deed(ann))
    assert strike is not None
    back = last_deed(ann) + timedelta(days=3)
    overturn_strike(strike, by=make_admin(), at=back)
    keep_place(ann, at=back)
    stay(ann, at=back + STAYS * HOUR)
    assert left(ann, back) == (STAYS + 1) * HOUR


def test_it_is_never_made_shorter(ann: Participation) -> None:
    later = last_deed(ann) + 20 * HOUR
    keep_place(ann, at=later)
    stay(ann, at=later + MINUTE)
    assert left(ann, later) == HOUR


def test_a_place_that_is_gone_is_not_kept(ann: Participation) -> None:
    return_place(ann, at=timezone.now())
    with pytest.raises(PlaceLostError):
        stay(ann, at=timezone.now())


def test_to_look_at_her_battle_is_no_more_than_to_say_so(
    ann: Participation, client: Client
) -> None:
    """A page that loads itself again holds no place for ever either."""
    long_ago = timezone.now() - STAYS * HOUR - 50 * MINUTE
    Battle.objects.update(created_at=long_ago)
    Participation.objects.update(
        created_at=long_ago, consented_at=long_ago, kept_until=timezone.now() + MINUTE
    )
    assert client.get("/join/tea/battle/").status_code == 200
    assert 9 * MINUTE < left(ann, timezone.now()) <= 10 * MINUTE


# Saying so


def place_on(page: str) -> dict[str, str]:
    """What the script is told of her place, by name."""
    (tag,) = re.findall(r"<aside class=\"place\"[^>]*>", page)
    return dict(re.findall(r'data-([a-z-]+)="([^"]*)"', tag))


PAGES = ("battle/", "my-data/")


@pytest.mark.parametrize("page", PAGES)
def test_each_page_says_from_the_start_how_long_it_is_kept(
    ann: Participation, client: Client, page: str
) -> None:
    shown = client.get(f"/join/tea/{page}").text
    assert "Your place is kept for 60 minutes, and longer with each thing you do." in shown
    assert 3_590 <= int(place_on(shown)["left-s"]) <= 3_600
    assert place_on(shown)["warned-s"] == "300"
    assert "Your place goes back in less than 5 minutes." in place_on(shown)["words-ending"]


def test_before_her_first_battle_she_is_told_as_well(study: Study, client: Client) -> None:
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    agree_and_answer(client)
    Participation.objects.update(kept_until=timezone.now() + 12 * MINUTE)
    assert "Your place is kept for 12 minutes," in client.get("/join/tea/how/").text
    client.post("/join/tea/stay/")
    assert "Your place is kept for 60 minutes," in client.get("/join/tea/how/").text


def test_without_a_script_the_answer_is_a_page_beside_what_she_does(
    ann: Participation, client: Client
) -> None:
    form = re.search(
        r"<form [^>]*action=\"/join/tea/stay/\"[^>]*>", client.get("/join/tea/battle/").text
    )
    assert form is not None
    assert 'target="_blank"' in form[0]
    Participation.objects.update(kept_until=timezone.now() + MINUTE)
    answer = client.post("/join/tea/stay/")
    assert "Your place is kept for 60 minutes," in answer.text
    assert 'href="/join/tea/battle/"' in answer.text
    assert left(ann, timezone.now()) > 59 * MINUTE


def test_the_script_is_told_for_how_many_seconds(ann: Participation, client: Client) -> None:
    told = client.post("/join/tea/stay/", headers=FETCH).json()
    assert 3_590 <= told["left_s"] <= 3_600
    assert told["words"].startswith("Your place is kept for 60 minutes,")


def test_with_what_she_sends_the_script_is_told_as_well(ann: Participation, client: Client) -> None:
    Participation.objects.update(kept_until=timezone.now() + MINUTE)
    replies = client.get("/join/tea/battle/1/replies/", headers=FETCH).json()
    assert 50 <= replies["page"]["place"]["left_s"] <= 60
    sent = client.post(
        "/join/tea/battle/1/message/", {"text": "How do I clean it?", "number": 1}, headers=FETCH
    ).json()
    assert sent["page"]["place"]["left_s"] >= 3_590


def test_a_place_that_went_back_is_said_to_have_gone(ann: Participation, client: Client) -> None:
    release_expired_places(at=timezone.now() + 2 * HOUR)
    refused = client.post("/join/tea/stay/", headers=FETCH)
    assert (refused.status_code, refused.json()["go_to"]) == (409, "/join/tea/end/")
    assert client.post("/join/tea/stay/").url == "/join/tea/end/"


def test_nothing_is_kept_for_a_stranger_or_by_a_link(ann: Participation, client: Client) -> None:
    assert client.get("/join/tea/stay/").status_code == 405
    assert Client().post("/join/tea/stay/").status_code == 401


def test_at_the_end_there_is_no_place_to_keep(ann: Participation, client: Client) -> None:
    return_place(ann, at=timezone.now())
    assert 'class="place"' not in client.get("/join/tea/end/").text
    ann.refresh_from_db()
    assert read_place(ann, at=timezone.now()) is None


# The warning


@pytest.mark.parametrize(
    ("minutes", "warned_s", "words"),
    [(1, 30, "less than 1 minute."), (3, 90, "less than 2 minutes."), (600, 300, "5 minutes.")],
)
def test_she_is_warned_in_time_however_short_it_is_kept(
    ann: Participation, minutes: int, warned_s: int, words: str
) -> None:
    """WCAG wants twenty seconds to answer."""
    Study.objects.update(reservation_minutes=minutes)
    place = read_place(Participation.objects.get(), at=timezone.now())
    assert place is not None
    assert place.warned_s == warned_s >= 20
    assert words in place.warning


@pytest.mark.parametrize(("left_s", "minutes"), [(0, 1), (59, 1), (60, 1), (61, 2), (3_600, 60)])
def test_the_minute_under_way_counts_as_one(left_s: int, minutes: int) -> None:
    place: Any = PlacePage(left_s=left_s, warned_s=30)
    assert place.minutes == minutes
