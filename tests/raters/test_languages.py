"""Raters' pages in other languages: nothing is left untranslated, and nothing else changes."""

import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone, translation
from django.utils.dateformat import format as date_format

from raters.models import Battle, Participation
from raters.pages import money
from raters.quality.effort import find_pasted, find_short_conversation
from raters.services.strikes import give_signal, give_strike
from studies.models import AttentionCheck, Study
from tests.catalogues import GERMAN, english_on
from tests.raters.live import fail
from tests.raters.live_study import add_tasks, make_replies, open_study
from tests.raters.steps import agree_and_answer, begin, complete, judge, say

GERMAN_FIRST = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture(autouse=True)
def _nobody_has_asked_yet() -> Iterator[None]:
    """For a code, or in another language: the last one asked for stays with the thread."""
    cache.clear()
    with translation.override("en-gb"):
        yield


@pytest.fixture
def study(db: None) -> Study:
    study = open_study()
    add_tasks(study)
    return study


@pytest.fixture
def german() -> Client:
    """A browser whose first language is German."""
    return Client(headers=GERMAN_FIRST)


# The way


def everything_seen(client: Client) -> dict[str, str]:
    """Every page of a rater's way through two battles, by a name."""
    pages: dict[str, Any] = {"why": client.get("/join/tea/?PROLIFIC_PID=p-1")}
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    pages["consent"] = client.get("/join/tea/consent/")
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    pages["question"] = client.get("/join/tea/about/age/")
    pages["question open"] = client.post("/join/tea/about/age/")
    client.post("/join/tea/about/age/", {"group": "rather-not-say"})
    client.post("/join/tea/about/sex/", {"group": "female"})
    pages["no place"] = client.get("/join/tea/no-place/")
    client.post("/join/tea/about/age/", {"group": "18-34"})
    pages["how"] = client.get("/join/tea/how/")
    check = AttentionCheck.objects.get()
    wrong = {"attempt": 1, f"question-{check.pk}": "One"}
    pages["how open"] = client.post("/join/tea/how/", {"attempt": 1})
    client.post("/join/tea/how/", wrong)
    pages["how wrong"] = client.get("/join/tea/how/")
    client.post("/join/tea/how/", wrong | {"attempt": 2, f"question-{check.pk}": "Two"})
    pages["battle"] = client.get("/join/tea/battle/")
    pages["message empty"] = say(client, " ")
    say(client)
    pages["writing"] = client.get("/join/tea/battle/")
    fail(Battle.objects.get().turns.get(), "a")
    pages["failed"] = client.get("/join/tea/battle/")
    client.post("/join/tea/battle/1/retry/", {"number": 1, "side": "a"})
    make_replies()
    strike_her()
    pages["struck"] = client.get("/join/tea/battle/")
    pages["strike"] = client.get("/join/tea/strikes/1/")
    pages["strike no words"] = client.post("/join/tea/strikes/1/", {"text": ""})
    client.post("/join/tea/strikes/1/", {"text": "Mein Ofen ist wirklich schmutzig."})
    pages["objected"] = client.get("/join/tea/strikes/1/")
    pages["compare"] = client.get("/join/tea/battle/1/compare/")
    pages["compare open"] = client.post("/join/tea/battle/1/compare/", {"outcome-overall": "a"})
    judge(client)
    judge(client, "Und die Fenster?")
    client.get("/join/tea/battle/")
    pages["end"] = client.get("/join/tea/end/")
    pages["my data"] = client.get("/join/tea/my-data/")
    pages["withdraw"] = client.get("/join/tea/withdraw/")
    client.post("/join/tea/withdraw/")
    pages["withdrawn"] = client.get("/join/tea/withdrawn/")
    return {name: page.text for name, page in pages.items()}


def strike_her() -> None:
    """One strike and one signal, found now."""
    hers, now = Participation.objects.get(), timezone.now()
    flaw = find_short_conversation(["ja", "nein", "ja"])
    assert flaw is not None
    give_strike(hers, flaw, key="short", at=now)
    pasted = find_pasted("x" * 400, 399)
    assert pasted is not None
    give_signal(hers, pasted, key="pasted", at=now)


@pytest.fixture
def checked_study(study: Study) -> Study:
    """With what asks whether it is clear, and with raters asked whether they may be quoted."""
    study.asks_to_quote = True
    study.save()
    question = "Wie viele antworten?"
    AttentionCheck.objects.create(
        study=study, kind="comprehension", question=question, answers="One\nTwo", accepted="Two"
    )
    return study


def test_the_whole_way_in_german_has_no_english_sentence(
    checked_study: Study, german: Client
) -> None:
    seen = everything_seen(german)
    for name, page in seen.items():
        assert '<html lang="de">' in page, name
        assert english_on(page, GERMAN) == set(), name


def test_the_same_search_finds_every_page_of_the_way_in_english(
    checked_study: Study, client: Client
) -> None:
    for name, page in everything_seen(client).items():
        assert '<html lang="en-gb">' in page, name
        assert len(english_on(page, GERMAN)) > 5, name


def test_the_other_ends_are_german_as_well(study: Study, german: Client) -> None:
    pages = [german.get("/join/tea/?PROLIFIC_PID={{PROLIFIC_PID}}")]
    german.post("/join/tea/?PROLIFIC_PID=p-1")
    pages.append(german.post("/join/tea/consent/", {"version": 1, "answer": "decline"}))
    hers = begin(german)
    pages.append(german.get("/join/tea/leave/"))
    Study.objects.update(state="paused")
    pages += [german.get("/join/tea/battle/"), Client(headers=GERMAN_FIRST).get("/join/tea/")]
    Study.objects.update(state="open")
    for state in ("returned", "timed_out", "struck_out", "screened_out"):
        Participation.objects.filter(pk=hers.pk).update(state=state, kept_until=None)
        pages.append(german.get("/join/tea/end/"))
    pages.append(german.get("/join/tea/strikes/7/"))
    pages.append(german.get("/join/nowhere/"))
    german.cookies.pop("sessionid")
    pages.append(german.post("/join/tea/battle/1/message/", {"text": "Hallo", "number": 1}))
    for page in pages:
        assert '<html lang="de">' in page.text
        assert english_on(page.text, GERMAN) == set(), page.request["PATH_INFO"]


def test_one_assistant_alone_is_rated_in_german(db: None, german: Client) -> None:
    study = open_study(protocol=Study.Protocol.SINGLE, battles_each=1)
    add_tasks(study)
    pages = [german.get("/join/tea/?PROLIFIC_PID=p-1")]
    german.post("/join/tea/?PROLIFIC_PID=p-1")
    pages.append(agree_and_answer(german))
    pages.append(german.get("/join/tea/how/"))
    german.post("/join/tea/how/")
    pages.append(german.get("/join/tea/battle/"))
    say(german)
    make_replies()
    pages += [german.get("/join/tea/battle/"), german.get("/join/tea/battle/1/compare/")]
    for page in pages:
        assert english_on(page.text, GERMAN) == set(), page.request["PATH_INFO"]
    assert "Gespräch 1 von 1" in pages[-1].text


def test_signing_up_is_german_with_its_mail(study: Study, german: Client) -> None:
    Study.objects.update(entrance=Study.Entrance.ACCOUNT)
    german.post("/join/tea/")
    pages = [german.get("/accounts/login/code/")]
    pages.append(german.post("/accounts/login/code/", {"email": "niemand"}))
    pages.append(german.post("/accounts/login/code/", {"email": "anna@example.org"}, follow=True))
    pages.append(german.post("/accounts/login/code/confirm/", {"code": "123456"}))
    code = re.search(r"\d{6}", mail.outbox[0].body)
    assert code is not None
    pages.append(german.post("/accounts/login/code/confirm/", {"code": code[0]}, follow=True))
    pages.append(german.get("/accounts/logout/"))
    pages += [
        Client(headers=GERMAN_FIRST).get(f"/accounts/{page}/") for page in ("login", "signup")
    ]
    for page in pages:
        assert '<html lang="de">' in page.text
        assert english_on(page.text, GERMAN) == set(), page.request["PATH_INFO"]
    for text in (mail.outbox[0].subject, mail.outbox[0].body):
        assert english_on(text, GERMAN) == set()
    assert mail.outbox[0].subject == f"{code[0]} ist Ihr Code für Hustings"


def test_what_the_script_is_told_is_german(study: Study, german: Client) -> None:
    begin(german)
    fetch = {"X-Requested-With": "fetch"}
    sent = german.post(
        "/join/tea/battle/1/message/", {"text": "Wie putze ich?", "number": 1}, headers=fetch
    ).json()
    assert sent["page"]["progress"] == "0 von 1 Nachricht"
    assert sent["page"]["strikes"] == "Verwarnungen: 0 von 3"
    assert 'data-answered="A hat geantwortet."' in sent["html"]
    refused = german.post(
        "/join/tea/battle/1/message/", {"text": "Und?", "number": 2}, headers=fetch
    )
    assert refused.json()["error"] == "Bitte warten Sie, bis Ihre letzte Nachricht beantwortet ist."
    long = german.post(
        "/join/tea/battle/1/message/", {"text": "x" * 8_001, "number": 2}, headers=fetch
    )
    assert "8000 Zeichen" in long.json()["error"]


# Which language


def test_a_browser_of_another_language_is_answered_in_english(study: Study) -> None:
    page = Client(headers={"Accept-Language": "fr"}).get("/join/tea/?PROLIFIC_PID=p-1").text
    assert '<html lang="en-gb">' in page


def test_american_differs_in_its_words_and_dates(study: Study, client: Client) -> None:
    text = study.consent_texts.get()
    american = Client(headers={"Accept-Language": "en-US"})
    for browser, word, day in ((client, "e-mail", "j M Y"), (american, "email", "N j, Y")):
        browser.post("/join/tea/")
        assert f"of {date_format(text.created_at, day)}." in browser.get("/join/tea/consent/").text
        assert f"Your {word} address, please" in browser.get("/accounts/login/code/").text


def test_money_and_days_are_written_as_the_language_does(study: Study, german: Client) -> None:
    assert "etwa 20 Minuten, 3,00 £" in german.get("/join/tea/?PROLIFIC_PID=p-1").text
    with translation.override("de"):
        assert money(Decimal("3.5"), "CHF") == "3,50 CHF"


@pytest.mark.parametrize("address", ["/", "/nowhere/", "/api/v1/studies/", "/admin/login/"])
def test_what_is_not_translated_stays_english_as_a_whole(
    study: Study, german: Client, address: str
) -> None:
    """Half a German page would be read out wrongly, and a decimal comma breaks a chart."""
    page = german.get(address)
    assert page["Content-Language"] == "en-gb"


def test_she_chooses_a_language_in_the_footer_and_keeps_her_place(
    study: Study, client: Client
) -> None:
    page = client.get("/join/tea/?PROLIFIC_PID=p-1").text
    assert 'name="next" value="/join/tea/?PROLIFIC_PID=p-1"' in page
    assert '<button type="submit" name="language" value="de" lang="de">Deutsch</button>' in page
    answer = client.post("/language/", {"language": "de", "next": "/join/tea/?PROLIFIC_PID=p-1"})
    assert answer.url == "/join/tea/?PROLIFIC_PID=p-1"
    page = client.get(answer.url).text
    assert '<html lang="de">' in page
    assert 'value="de" lang="de" aria-current="true"' in page


def test_from_a_page_that_only_a_form_leads_to_she_comes_back_to_her_place(
    study: Study, client: Client
) -> None:
    begin(client)
    refused = say(client, " ")
    assert refused.status_code == 422
    assert 'name="next" value="/join/tea/"' in refused.text
    assert client.get("/join/tea/").url == "/join/tea/battle/"


def test_the_choice_leads_nowhere_else(client: Client, db: None) -> None:
    answer = client.post("/language/", {"language": "de", "next": "https://elsewhere.example/"})
    assert answer.url == "/"
    client.cookies.clear()
    client.get("/language/?language=de")
    assert not client.cookies, "a link changes nothing"


def test_the_file_of_her_data_keeps_its_names(study: Study, german: Client) -> None:
    complete(german)
    data = german.get("/join/tea/my-data.json").json()
    assert data["state"] == "abgeschlossen"
    assert {"public_code", "battles", "strikes", "consent"} <= data.keys()


# A study's own language


def test_a_study_opens_in_its_language_whatever_the_browser_speaks(
    study: Study, client: Client
) -> None:
    Study.objects.update(language="de")
    page = client.get("/join/tea/?PROLIFIC_PID=p-1")
    assert '<html lang="de">' in page.text
    assert page["Content-Language"] == "de"
    begin(client)
    for path in ("battle/", "my-data/", "leave/", "strikes/7/"):
        assert '<html lang="de">' in client.get(f"/join/tea/{path}").text, path
    refused = client.post(
        "/join/tea/battle/1/message/",
        {"text": "x" * 8_001, "number": 1},
        headers={"X-Requested-With": "fetch"},
    )
    assert "8000 Zeichen" in refused.json()["error"]


def test_what_she_chose_herself_comes_before_the_study(study: Study, german: Client) -> None:
    Study.objects.update(language="en-us")
    assert '<html lang="en-us">' in german.get("/join/tea/?PROLIFIC_PID=p-1").text
    german.post("/language/", {"language": "de", "next": "/join/tea/"})
    assert '<html lang="de">' in german.get("/join/tea/?PROLIFIC_PID=p-1").text
    german.cookies["django_language"] = "tlh"
    assert '<html lang="en-us">' in german.get("/join/tea/?PROLIFIC_PID=p-1").text


def test_signing_in_on_the_way_into_it_is_in_its_language(study: Study, client: Client) -> None:
    Study.objects.update(entrance=Study.Entrance.ACCOUNT, language="de")
    client.post("/join/tea/")
    page = client.post("/accounts/login/code/", {"email": "anna@example.org"}, follow=True)
    assert '<html lang="de">' in page.text
    assert mail.outbox[0].subject.endswith("ist Ihr Code für Hustings")
    assert '<html lang="en-gb">' in Client().get("/accounts/login/").text


def test_a_study_in_one_language_says_nothing_of_another(study: Study, client: Client) -> None:
    """The thread that answered has another page to answer next."""
    Study.objects.update(language="de")
    client.get("/join/tea/?PROLIFIC_PID=p-1")
    other = open_study("coffee")
    assert other.language == ""
    assert '<html lang="en-gb">' in client.get("/join/coffee/?PROLIFIC_PID=p-1").text


WRITTEN = (
    "Help around the house",
    "Ask for help with something that you would really do this month.",
    "Something is dirty",
    "Which one was clearer?",
    "Clarity",
    "How many answer?",
    "One",
    "We keep your messages, the answers to them, and your verdicts.",
)


class _Spoken(HTMLParser):
    """Under which `lang` each text of a page is read out."""

    VOID: Final = {"meta", "link", "input", "br", "img", "hr"}

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str | None] = []
        self.languages: dict[str, set[str | None]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.stack.append(dict(attrs).get("lang") or (self.stack or [None])[-1])

    def handle_endtag(self, tag: str) -> None:
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and self.stack:
            self.languages.setdefault(data.strip(), set()).add(self.stack[-1])


def languages_on(page: str) -> dict[str, set[str | None]]:
    """The languages in which each text of a page's body is read out."""
    reader = _Spoken()
    reader.feed(page[page.index("<html") :].replace("<title", "<meta ").replace("</title>", ""))
    return reader.languages


def test_what_an_admin_wrote_is_marked_with_the_language_it_is_in(
    study: Study, german: Client
) -> None:
    Study.objects.update(language="en-us")
    study.checks.create(
        kind="comprehension", question="How many answer?", answers="One\nTwo", accepted="Two"
    )
    german.cookies["django_language"] = "de"
    german.post("/join/tea/?PROLIFIC_PID=p-1")
    pages = [german.get("/join/tea/consent/").text]
    agree_and_answer(german)
    pages.append(german.get("/join/tea/how/").text)
    german.post("/join/tea/how/", {"attempt": 1, f"question-{study.checks.get().pk}": "Two"})
    german.get("/join/tea/battle/")
    Battle.objects.update(task=study.tasks.get(category="Cleaning"))
    say(german)
    make_replies()
    pages += [german.get(f"/join/tea/{path}").text for path in ("battle/", "battle/1/compare/")]
    found: dict[str, set[str | None]] = {}
    for page in pages:
        for text, languages in languages_on(page).items():
            found.setdefault(text, set()).update(languages)
    assert {text: found[text] for text in WRITTEN} == {text: {"en-us"} for text in WRITTEN}
    # What is ours stays the page's.
    for ours in ("Etwa gleich", "Warum?", "Ihre Aufgabe", "Beginnen"):
        assert found[ours] == {"de"}


def test_where_a_study_names_no_language_nothing_is_marked(study: Study, client: Client) -> None:
    begin(client)
    say(client)
    make_replies()
    for path in ("battle/", "battle/1/compare/", "my-data/"):
        page = client.get(f"/join/tea/{path}").text
        marked = re.findall(r"<(\w+)[^>]* lang=", page)
        assert set(marked) == {"html", "button"}, path
