"""The steps of a rater's way through the study `tea`, at the HTTP level."""

from typing import Any

from django.test import Client

from raters.models import Battle, Participation
from tests.raters.live_study import make_replies


def agree_and_answer(client: Client, age: str = "18-34", sex: str = "female") -> Any:
    """From the consent to the place that is hers, or not."""
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    client.post("/join/tea/about/age/", {"group": age})
    return client.post("/join/tea/about/sex/", {"group": sex})


def begin(client: Client, link: str = "?PROLIFIC_PID=p-1") -> Participation:
    """By the link to her first battle."""
    client.post(f"/join/tea/{link}")
    return go_to_battle(client)


def go_to_battle(client: Client) -> Participation:
    """From the consent to her first battle."""
    agree_and_answer(client)
    client.post("/join/tea/how/")
    assert client.get("/join/tea/battle/").status_code == 200
    return Participation.objects.latest("pk")


def say(client: Client, text: str = "How do I clean an oven?", number: int = 1) -> Any:
    """A message in her last battle."""
    key = Battle.objects.latest("pk").key
    return client.post(f"/join/tea/battle/{key}/message/", {"text": text, "number": number})


def judge(client: Client, text: str = "How do I clean an oven?") -> Any:
    """Talk in her last battle, and give a verdict on each dimension."""
    client.get("/join/tea/battle/")
    say(client, text)
    make_replies()
    key = Battle.objects.latest("pk").key
    outcomes = {"outcome-overall": "a", "outcome-clarity": "tie"}
    page = f"/join/tea/battle/{key}/compare/"
    return client.post(page, outcomes | {"reason": "It asked how dirty."})


def complete(client: Client, link: str = "?PROLIFIC_PID=p-1") -> Participation:
    """The whole way, through both battles."""
    participation = begin(client, link)
    judge(client)
    judge(client, "And the windows?")
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.COMPLETED
    return participation
