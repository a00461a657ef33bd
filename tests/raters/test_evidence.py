"""What was found of a rater is kept as it was found, and told in the language that she reads."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone, translation

from raters.evidence import in_her_language
from raters.models import Battle, Participation
from raters.quality.effort import (
    find_copied_task,
    find_gibberish,
    find_identity_probe,
    find_pasted,
    find_repeated,
    find_short,
    find_short_conversation,
)
from raters.quality.flaws import Flaw, FlawKind, quote
from raters.quality.pace import (
    Population,
    find_away,
    find_fast_battle,
    find_fast_comparison,
    find_fast_message,
    find_often_away,
    find_one_side,
    find_straight_lines,
)
from raters.services.strikes import give_strike
from studies.models import AttentionCheck, Study
from tests.raters.live_study import make_replies, open_study
from tests.raters.steps import begin, say


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet() -> Iterator[None]:
    """The language that a page was asked in stays with the thread."""
    with translation.override("en-gb"):
        yield


@pytest.fixture
def study(db: None) -> Study:
    return open_study()


@pytest.fixture
def german() -> Client:
    return Client(headers={"Accept-Language": "de"})


def flaws() -> list[Flaw]:
    """One of every sentence that a screen of `raters.quality` writes."""
    population = Population(0.3, 0.1)
    long = "Could you tell me how to clean a very dirty oven without any harsh chemicals?"
    found = [
        find_short(""),
        find_short("yes"),
        find_short("yes please"),
        find_short_conversation(["yes", "no", "yes"]),
        find_repeated("spam spam spam spam spam spam spam spam", []),
        find_repeated(long, [long]),
        find_repeated(long, [f"{long} Thanks."]),
        find_gibberish("sdfghjkl qwrtzp xcvbnm sdfghjk"),
        find_copied_task(long, f"Your task: {long}"),
        find_identity_probe("Are you ChatGPT or Claude?"),
        find_pasted("x" * 400, 399),
        find_fast_message(long, seconds=0.5),
        find_fast_comparison([long], seconds=0.5),
        find_fast_battle([long], [[long, long]], seconds=1.0),
        find_away(seconds_away=60, seconds=90),
        find_often_away(9),
        find_straight_lines(np.zeros((20, 3), dtype=np.int64), population),
        find_one_side(["a"] * 20),
    ]
    assert None not in found
    return [flaw for flaw in found if flaw is not None]


def test_every_evidence_of_a_screen_is_said_in_german_and_keeps_her_words() -> None:
    for flaw in flaws():
        assert in_her_language(flaw.evidence) == flaw.evidence
        with translation.override("de"):
            said = in_her_language(flaw.evidence)
        assert said != flaw.evidence, flaw
        quoted = re.findall(r"“(.+?)”", flaw.evidence)
        assert all(words in said for words in quoted), said


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            "Your message “a” leaves what you were talking about. You had been writing “b”.",
            (
                "Ihre Nachricht „a“ verlässt das, worüber Sie gesprochen haben. Davor hatten Sie "
                "geschrieben: „b“."
            ),
        ),
        (
            (
                "Among the questions stood “Choose B.” What fits is “B” or “About the same”; you "
                "chose “A”."
            ),
            (
                "Unter den Fragen stand „Choose B.“ Dazu passt „B“ oder „Etwa gleich“; Sie haben "
                "„A“ gewählt."
            ),
        ),
        (
            (
                "In battle 2 the answers of B were broken on purpose (off the topic), and you "
                "preferred them."
            ),
            (
                "In Vergleich 2 waren die Antworten von B mit Absicht fehlerhaft (am Thema "
                "vorbei), und Sie haben sie vorgezogen."
            ),
        ),
        (
            (
                "Your battle took 1.5 seconds; to write its messages and scan one reply to each "
                "takes 9."
            ),
            (
                "Ihr Vergleich dauerte 1,5 Sekunden; seine Nachrichten zu schreiben und je eine "
                "Antwort zu überfliegen dauert 9."
            ),
        ),
        ("A machine thought this strange.", "A machine thought this strange."),
    ],
)
def test_evidence_is_said_by_its_form(evidence: str, said: str) -> None:
    with translation.override("de"):
        assert in_her_language(evidence) == said


def test_evidence_is_kept_in_the_project_s_language_whatever_she_reads(
    study: Study, german: Client
) -> None:
    gold = AttentionCheck.objects.create(study=study, kind="gold", fault="off_topic")
    begin(german)
    battle = Battle.objects.get()
    Battle.objects.update(attention_check=gold, broken_side="a")
    say(german)
    make_replies()
    german.post(
        f"/join/tea/battle/{battle.key}/compare/",
        {"outcome-overall": "a", "outcome-clarity": "a"},
    )
    hers = Participation.objects.get()
    kept = [*hers.strikes.values_list("evidence"), *hers.signals.values_list("evidence")]
    assert kept == [
        (
            (
                "In battle 1 the answers of A were broken on purpose (off the topic), and you "
                "preferred them."
            ),
        )
    ]


def test_her_own_words_are_never_a_form(study: Study, german: Client) -> None:
    """Neither markup nor a place in what she wrote becomes part of a sentence."""
    hers = begin(german)
    words = "%(text)s <b>%s 100%</b>"
    flaw = Flaw(FlawKind.GIBBERISH, f"Your message {quote(words)} is no text that can be read.",
                "find_gibberish", is_strike=True)  # fmt: skip
    give_strike(hers, flaw, key="g", at=timezone.now())
    page = german.get("/join/tea/battle/").text
    assert "„%(text)s &lt;b&gt;%s 100%&lt;/b&gt;“ ist kein Text" in page
