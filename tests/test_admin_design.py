"""Designing a study in the admin: the registry, tasks, quotas, texts, templates, clones."""

import re
from html import unescape

import pytest
from django.contrib.auth import get_user
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from django.urls import resolve, reverse

from raters.models import Battle
from studies.models import ChatModel, CompletionCode, ConsentText, Dimension, Quota, Study, Task
from studies.services import add_consent_text
from tests.cast import (
    NOW,
    complete_design,
    make_admin,
    make_electorate,
    make_study,
    make_user,
)
from tests.chat_server import ChatServer, Refuse, Talk

# Forms over HTTP: what they write goes through services, which have tests on both databases.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def text_of(response):
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def said(response):
    """The messages of the page that a step ends on."""
    return " ".join(str(message) for message in response.context["messages"])


def untouched(client, address):
    """What the browser sends back from the form at an address; the page is not drawn for it."""
    request = RequestFactory().get(address)
    request.session = client.session
    request.user = get_user(request)
    request.resolver_match = view = resolve(address)
    return form_of(view.func(request, *view.args, **view.kwargs).context_data)


def form_of(context):
    """What the browser sends back from a page's form that nobody has touched."""
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False and not field.field.disabled:
                data[field.html_name] = "on" if value is True else value
    return data


def page_of(study):
    return reverse("admin:studies_study_change", args=[study.pk])


def step_of(study, name):
    return reverse(f"admin:studies_study_{name}", args=[study.pk])


@pytest.fixture
def boss(client):
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def draft():
    return make_study(raters=0, state=Study.State.DRAFT)


# The registry


def model_form(**changes):
    """What the browser sends from a chat model's form."""
    return {
        "name": "Elm",
        "version": 1,
        "developer": "Grove",
        "base_url": "https://127.0.0.1/v1",
        "model_id": "elm-1",
        "parameters": '{"temperature": 0.7}',
        "key_variable": "ELM_API_KEY",
        "timeout_s": 30,
        "max_concurrent": 4,
        "input_price": "0.5",
        "output_price": "1.5",
    } | changes


def register(client, **changes):
    return client.post(reverse("admin:studies_chatmodel_add"), model_form(**changes))


def test_a_chat_model_is_registered_with_all_that_it_takes_to_ask_it(client, boss):
    response = register(client)
    assert response.status_code == 302, text_of(response)
    model = ChatModel.objects.get(name="Elm")
    assert model.parameters == {"temperature": 0.7}
    assert (model.key_variable, model.timeout_s, model.max_concurrent) == ("ELM_API_KEY", 30, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "https://10.0.0.1/v1"}, "10.0.0.1 is a private address"),
        ({"base_url": "https://169.254.169.254/v1"}, "a cloud's metadata service"),
        ({"base_url": "http://8.8.8.8/v1"}, "use https, or allow plain http in the settings"),
        ({"base_url": "ftp://127.0.0.1"}, "does not begin with https://"),
        ({"base_url": "bot:nobody"}, "there is no bot bot:nobody; known are bot:helper"),
        ({"model_id": ""}, "Say what its endpoint calls it."),
        ({"parameters": "[1, 2]"}, "This is no JSON object"),
        ({"parameters": '{"temperature": '}, "Enter a valid JSON"),
        ({"parameters": '{"stream": false}'}, "Leave out stream: the request sets it."),
        ({"key_variable": "SECRET_KEY"}, "The name is in capitals and ends in _API_KEY"),
        ({"timeout_s": 0}, "greater than or equal to 1"),
        ({"input_price": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_kindly(client, boss, changes, message):
    response = register(client, **changes)
    assert response.status_code == 200
    assert message in text_of(response)
    assert not ChatModel.objects.exists()


@pytest.mark.parametrize(
    "key", ["sk-abc", "sk-proj-AbCdEf123456", "AIzaSyA1234567890abcdefghijklmnop"]
)
def test_a_key_is_never_stored_nor_shown_again(client, boss, key):
    response = register(client, key_variable=key)
    assert response.status_code == 200
    assert "This looks like a key" in text_of(response)
    assert key not in response.content.decode()
    assert not ChatModel.objects.exists()


def test_settings_can_allow_private_addresses(client, boss, settings):
    settings.PROVIDERS_ALLOW_PRIVATE_ADDRESSES = True
    assert register(client, base_url="https://10.0.0.1/v1").status_code == 302


def test_empty_parameters_are_none(client, boss):
    assert register(client, parameters="").status_code == 302
    assert ChatModel.objects.get().parameters == {}


def test_the_page_says_whether_the_key_is_set_and_never_its_value(client, boss, monkeypatch):
    register(client)
    page = reverse("admin:studies_chatmodel_change", args=[ChatModel.objects.get().pk])
    monkeypatch.delenv("ELM_API_KEY", raising=False)
    assert "not set" in text_of(client.get(page))
    monkeypatch.setenv("ELM_API_KEY", "very-secret")
    for address in (page, reverse("admin:studies_chatmodel_changelist")):
        response = client.get(address)
        assert "not set" not in text_of(response)
        assert "very-secret" not in response.content.decode()


def test_how_it_is_called_can_change_after_a_battle_and_what_is_pinned_cannot(client, boss):
    model = make_study(raters=3).contestants.first().chat_model
    page = reverse("admin:studies_chatmodel_change", args=[model.pk])
    form = model_form(name=model.name, timeout_s=99, base_url="bot:echo", input_price="2")
    response = client.post(page, form)
    assert response.status_code == 302, text_of(response)
    model.refresh_from_db()
    assert (model.timeout_s, model.input_price, model.key_variable) == (99, 2, "ELM_API_KEY")
    assert (model.base_url, model.model_id) == ("https://secret.example/v1", "secret-id")


def test_the_address_is_looked_up_only_when_it_changes(client, boss):
    model = ChatModel.objects.create(
        name="Ash", base_url="https://no-such-host.invalid/v1", model_id="ash"
    )
    page = reverse("admin:studies_chatmodel_change", args=[model.pk])
    form = model_form(name="Ash", base_url=model.base_url)
    assert client.post(page, form).status_code == 302
    other = model_form(name="Ash", base_url="https://other-host.invalid/v1")
    assert "does not resolve" in text_of(client.post(page, other))


def test_the_bots_are_offered_and_registered_once(client, boss):
    page = reverse("admin:studies_chatmodel_add_bots")
    register_page = reverse("admin:studies_chatmodel_changelist")
    assert page in client.get(register_page).content.decode()
    assert "Turns statements into questions" in text_of(client.get(page))
    assert not ChatModel.objects.exists(), "asking is not doing"
    assert "Registered: Helper" in said(client.post(page, follow=True))
    assert ChatModel.objects.filter(developer="Built in").count() == 7
    assert page not in client.get(register_page).content.decode()
    assert "Every bot is registered already." in said(client.post(page, follow=True))


# Try it


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


@pytest.fixture
def trial(server):
    """The page on which a chat model at the server is tried."""
    model = ChatModel.objects.create(
        name="Elm",
        base_url=server.base_url,
        model_id="elm-1",
        timeout_s=1,
        input_price=1000,
        output_price=2000,
    )
    return reverse("admin:studies_chatmodel_try_out", args=[model.pk])


def test_trying_shows_the_reply_its_tokens_its_time_and_its_cost(client, boss, server, trial):
    page = client.get(trial)
    assert page.status_code == 200
    assert server.requests == [], "looking asks nobody"
    page = text_of(client.post(trial, {"message": "How do I cook rice?"}))
    assert "Boil the rice in salted water." in page
    assert "Tokens read 12 Tokens written 6 Cost $0.024000 Ended by stop" in page
    assert re.search(r"First piece \d+ ms In all \d+ ms", page)
    assert server.requests[0].body["messages"][-1]["content"] == "How do I cook rice?"


def test_a_reply_is_shown_as_text_and_never_as_markup(client, boss, server, trial):
    server.play(Talk(("<script>alert(1)</script>",), usage=None))
    response = client.post(trial, {"message": "Hello"})
    assert "<script>alert(1)" not in response.content.decode()
    assert "<script>alert(1)</script>" in unescape(response.content.decode())
    assert "Tokens read not counted" in text_of(response)
    assert "Cost unknown" in text_of(response)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (Refuse(401), "Elm did not answer: status 401"),
        (Refuse(404), "Elm did not answer: status 404"),
        (Talk(seconds_before=3), "Elm did not answer: "),
    ],
)
def test_a_model_that_does_not_answer_says_why(client, boss, server, trial, script, message):
    server.play(script)
    response = client.post(trial, {"message": "Hello"})
    assert response.status_code == 200
    assert message in said(response)
    assert "Its answer" not in text_of(response)


def test_trying_needs_a_message_and_the_right_to_change_the_registry(client, boss, server, trial):
    assert "This field is required" in text_of(client.post(trial, {"message": " "}))
    client.force_login(make_user("reader", "studies.view_chatmodel", is_staff=True))
    assert client.post(trial, {"message": "Hello"}).status_code == 403
    assert server.requests == []


def test_a_model_without_an_address_is_not_offered_for_trial(client, boss):
    model = ChatModel.objects.create(name="Imported")
    trial = reverse("admin:studies_chatmodel_try_out", args=[model.pk])
    page = reverse("admin:studies_chatmodel_change", args=[model.pk])
    assert trial not in client.get(page).content.decode()
    assert "has no address" in said(client.post(trial, {"message": "Hello"}))


# The study's page


def test_the_form_follows_the_order_in_which_a_person_thinks(client, boss, draft):
    page = text_of(client.get(page_of(draft)))
    order = [
        page.index(words)
        for words in (
            "The question", "Contestants Chat model", "Dimensions", "Electorate and quotas",
            "Task and turns", "Battles in all", "Add another Task", "Consent texts", "Hourly rate",
            "Budget", "Way in and way back", "Completion codes", "Who may see it",
        )
    ]  # fmt: skip
    assert order == sorted(order)


def test_a_form_that_nobody_touched_changes_nothing(client, boss, draft):
    complete_design(draft)
    response = client.post(page_of(draft), untouched(client, page_of(draft)))
    assert response.status_code == 302, text_of(response)
    assert (draft.dimensions.count(), draft.contestants.count()) == (2, 4)
    assert (draft.consent_texts.count(), draft.completion_codes.count()) == (1, 5)


def test_rules_and_pay_are_stored_and_the_hourly_rate_is_shown(client, boss, draft):
    form = untouched(client, page_of(draft)) | {
        "task": "Plan a meal.", "min_turns": 2, "max_turns": 6, "battles_each": 3,
        "pay": "4.50", "minutes_estimated": 30, "currency": "usd",
    }  # fmt: skip
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    draft.refresh_from_db()
    assert (draft.task, draft.min_turns, draft.max_turns) == ("Plan a meal.", 2, 6)
    assert "9.00 USD an hour" in text_of(client.get(page_of(draft)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_turns": 5, "max_turns": 3}, "Raters write 5 messages at least: allow as many."),
        ({"currency": "€"}, "Three letters, such as GBP"),
        ({"battles_each": ""}, "This field is required"),
        ({"budget": "0"}, "greater than or equal to 0.01"),
        ({"recruiting_parameter": ""}, "This field is required"),
        ({"recruiting_parameter": "a b"}, "A letter first, then letters, digits and _ - . only."),
        ({"study_parameter": "&x"}, "A letter first, then letters, digits and _ - . only."),
        ({"session_parameter": "STUDY_ID"}, "Each parameter needs a name of its own."),
    ],
)
def test_rules_that_make_no_sense_are_refused(client, boss, draft, changes, message):
    form = untouched(client, page_of(draft)) | changes
    response = client.post(page_of(draft), form)
    assert response.status_code == 200
    assert message in text_of(response)


def test_budget_and_entrance_are_stored(client, boss, draft):
    form = untouched(client, page_of(draft)) | {
        "budget": "250.50", "entrance": "recruited", "recruiting_parameter": "PID",
        "study_parameter": "", "session_parameter": "visit.id",
    }  # fmt: skip
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    draft.refresh_from_db()
    assert (str(draft.budget), draft.entrance) == ("250.50", "recruited")
    parameters = (draft.recruiting_parameter, draft.study_parameter, draft.session_parameter)
    assert parameters == ("PID", "", "visit.id")


def test_questions_of_a_template_follow_the_protocol(client, boss, draft):
    client.post(step_of(draft, "add_template"), {"template": "companion"})
    form = untouched(client, page_of(draft)) | {"protocol": "single"}
    response = client.post(page_of(draft), form, follow=True)
    assert "Questions from a template ask what the protocol wants now." in said(response)
    draft.refresh_from_db()
    assert draft.protocol == "single"
    assert (
        draft.dimensions.get(key="empathy").question == "How well did it understand how you feel?"
    )
    note = text_of(client.get(step_of(draft, "add_template")))
    assert "Their questions are those for one model at a time, rated." in note


def test_a_new_study_of_one_model_at_a_time_asks_about_one(client, boss):
    page = reverse("admin:studies_study_add")
    form = untouched(client, page) | {"title": "Cups", "slug": "cups", "protocol": "single"}
    response = client.post(page, form)
    assert response.status_code == 302, text_of(response)
    study = Study.objects.get(slug="cups")
    assert study.protocol == "single"
    assert study.dimensions.get().question == "All in all, how much did you like talking to it?"


def test_a_study_with_raters_keeps_its_protocol(client, boss):
    study = make_study(raters=2)
    page = client.get(page_of(study))
    assert 'name="protocol"' not in page.content.decode()
    form = form_of(page.context) | {"protocol": "single", "title": "Cups"}
    assert client.post(page_of(study), form).status_code == 302
    study.refresh_from_db()
    assert (study.protocol, study.title) == ("pairwise", "Cups")


def test_a_paused_study_says_why_and_since_when_it_has_been_open(client, boss, draft):
    assert "Pause reason" not in text_of(client.get(page_of(draft)))
    assert "Opened at" not in text_of(client.get(page_of(draft)))
    Study.objects.filter(pk=draft.pk).update(
        state=Study.State.PAUSED, opened_at=NOW, pause_reason="The budget of $5.00 is spent."
    )
    page = text_of(client.get(page_of(draft)))
    assert "Pause reason The budget of $5.00 is spent." in page
    assert "Opened at 1 Mar 2026, noon" in page


def test_the_live_page_and_the_preview_are_a_click_away_where_they_make_sense(client, boss, draft):
    def offered():
        page = client.get(page_of(draft)).content.decode()
        return [name for name in ("live", "preview") if step_of(draft, name) in page]

    assert offered() == ["preview"]
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    assert offered() == ["live", "preview"]
    for name in offered():
        led = client.get(step_of(draft, name))
        assert led.url == reverse(f"admin:raters_study_{name}", kwargs={"study_id": draft.pk})
    Study.objects.filter(pk=draft.pk).update(state=Study.State.CLOSED)
    assert offered() == ["live"]


# Tasks


def task_forms(study, *tasks, standing=0):
    """What the browser sends for new tasks, after those that stand already."""
    form = {"tasks-TOTAL_FORMS": standing + len(tasks)}
    for n, task in enumerate(tasks, start=standing):
        form[f"tasks-{n}-study"] = study.pk
        form[f"tasks-{n}-position"] = n
        form |= {f"tasks-{n}-{field}": value for field, value in task.items()}
    return form


@pytest.fixture
def used():
    """A study with three tasks, of which a battle has the first."""
    study = make_study(raters=2, state=Study.State.OPEN)
    for position, name in enumerate(("Soup", "Stew", "Salad")):
        study.tasks.create(name=name, text="Cook it.", position=position)
    battle = Battle.objects.earliest("pk")
    Battle.objects.filter(pk=battle.pk).update(task=study.tasks.get(name="Soup"))
    return study


def test_tasks_are_added_on_the_study_s_page(client, boss, draft):
    form = untouched(client, page_of(draft)) | task_forms(
        draft,
        {"area": "Home", "category": "Kitchen", "name": "Soup", "text": "Cook a soup."},
        {"name": "Rain", "text": "Plan a day of rain.", "battles_wanted": 12},
    )
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    values = draft.tasks.values_list("area", "category", "name", "battles_wanted")
    assert list(values) == [("Home", "Kitchen", "Soup", None), ("", "", "Rain", 12)]
    page = text_of(client.get(page_of(draft)))
    assert "Home › Kitchen › Soup" in page
    assert "Say of every task how many battles it should have, or of none" in page


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([{"name": "Soup", "text": ""}], "This field is required."),
        ([{"category": "Hot", "name": "Soup", "text": "Cook."}], "Name the area that the category"),
        ([{"name": "Soup", "text": "Cook."}] * 2, "Two tasks are “Soup”: give one another name."),
        ([{"name": "Soup", "text": "Cook.", "battles_wanted": 0}], "greater than or equal to 1"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(client, boss, draft, tasks, message):
    form = untouched(client, page_of(draft)) | task_forms(draft, *tasks)
    response = client.post(page_of(draft), form)
    assert response.status_code == 200
    assert message in text_of(response)
    assert not Task.objects.exists()


def test_a_task_that_a_battle_has_keeps_its_words_and_may_get_a_quota(client, boss, used):
    form = untouched(client, page_of(used))
    assert "tasks-0-text" not in form, "it is locked"
    form |= {f"tasks-{n}-battles_wanted": 5 for n in range(3)}
    form |= {"tasks-0-text": "Buy it.", "tasks-1-text": "Buy it."}
    response = client.post(page_of(used), form)
    assert response.status_code == 302, text_of(response)
    assert list(used.tasks.values_list("name", "text", "battles_wanted")) == [
        ("Soup", "Cook it.", 5), ("Stew", "Buy it.", 5), ("Salad", "Cook it.", 5),
    ]  # fmt: skip


def test_a_task_that_a_battle_has_is_not_deleted_and_others_are(client, boss, used):
    form = untouched(client, page_of(used))
    response = client.post(page_of(used), form | {"tasks-0-DELETE": "on"})
    assert response.status_code == 200
    assert "Battles have the task “Soup”: it is part of the record" in text_of(response)
    assert used.tasks.count() == 3
    response = client.post(page_of(used), form | {"tasks-1-DELETE": "on"})
    assert response.status_code == 302, text_of(response)
    assert set(used.tasks.values_list("name", flat=True)) == {"Soup", "Salad"}


def test_a_study_that_has_opened_has_quotas_of_all_tasks_or_of_none(client, boss, used):
    form = untouched(client, page_of(used)) | {"tasks-1-battles_wanted": 5}
    response = client.post(page_of(used), form)
    assert "Say of every task how many battles it should have, or of none." in text_of(response)
    assert not used.tasks.exclude(battles_wanted=None).exists()


def test_the_page_stays_small_with_many_tasks_and_names_stay_apart(client, boss, draft):
    rows = "".join(f"Task {n:03},Do it.\n" for n in range(200))
    client.post(step_of(draft, "add_tasks"), {"table": f"task,text\n{rows}"})
    form = form_of(client.get(page_of(draft), {"tasks-page": 2}).context)
    assert [form["tasks-0-name"], form["tasks-19-name"]] == ["Task 020", "Task 039"]
    assert len(form) < 500
    form |= {"tasks-page": 2, "tasks-0-text": "Do it well.", "tasks-1-name": "Task 199"}
    response = client.post(page_of(draft), form)
    assert "Two tasks are “Task 199”" in text_of(response)
    response = client.post(page_of(draft), form | {"tasks-1-name": "Task 021"})
    assert response.status_code == 302, text_of(response)
    assert draft.tasks.get(name="Task 020").text == "Do it well."
    assert draft.tasks.count() == 200


def test_many_tasks_are_pasted_at_once(client, boss, draft):
    table = "area\ttask\ttext\tbattles\nHome\tSoup\tCook a soup.\t40\n\tRain\tStay in.\t20"
    assert "area,category,task,text,battles" in text_of(client.get(step_of(draft, "add_tasks")))
    response = client.post(step_of(draft, "add_tasks"), {"table": table}, follow=True)
    assert response.redirect_chain == [(page_of(draft), 302)]
    assert "2 tasks are added." in said(response)
    assert [str(task) for task in draft.tasks.all()] == ["Home › Soup", "Rain"]
    client.post(step_of(draft, "allocate"), {"raters": 10, "quota_by": "margins"})
    page = text_of(client.get(page_of(draft)))
    assert "40: 10 raters hold 4 each. The tasks' quotas add up to 60; battles are divided" in page


def test_tasks_come_from_a_file(client, boss, draft):
    file = SimpleUploadedFile("tasks.csv", "\ufefftask,text\nCafé,Go there.".encode())
    response = client.post(step_of(draft, "add_tasks"), {"file": file}, follow=True)
    assert "One task is added." in said(response)
    assert draft.tasks.get().name == "Café"


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({}, ["Paste a table, or give a file."]),
        ({"table": "task,text\nSoup,\n,Cook."}, ["Line 2, column text", "Line 3, column task"]),
        ({"table": "task,text\nTea,Brew.\nSoup,Eat."}, ["Line 3, column task: the study has a"]),
    ],
)
def test_a_table_with_a_flaw_adds_nothing(client, boss, draft, data, messages):
    draft.tasks.create(name="Soup", text="Cook.")
    response = client.post(step_of(draft, "add_tasks"), data)
    assert response.status_code == 200
    page = text_of(response)
    assert [message for message in messages if message not in page] == []
    assert draft.tasks.count() == 1


def test_a_file_that_cannot_be_read_is_refused(client, boss, draft):
    for content, message in (
        (b"task,text\nCaf\xe9,Go.", "Line 2: this is not UTF-8"),
        (b"x" * 2_000_001, "2,000,000 bytes are the most at once."),
    ):
        file = SimpleUploadedFile("tasks.csv", content)
        assert message in text_of(client.post(step_of(draft, "add_tasks"), {"file": file}))
    assert not Task.objects.exists()


def test_a_study_that_is_over_takes_no_tasks(client, boss, used):
    Study.objects.filter(pk=used.pk).update(state=Study.State.CLOSED)
    page = client.get(page_of(used)).content.decode()
    assert step_of(used, "add_tasks") not in page
    assert "tasks-__prefix__-name" not in page
    posted = client.post(step_of(used, "add_tasks"), {"table": "task,text\nTea,Brew."})
    assert "no battle takes a task now" in text_of(posted)
    assert used.tasks.count() == 3


def test_consent_texts_are_added_and_never_changed(client, boss, draft):
    add_consent_text(draft, summary="First.", text="You agree.")
    page = client.get(page_of(draft))
    assert "First." in text_of(page)
    form = form_of(page.context) | {
        "consent_texts-TOTAL_FORMS": 2,
        "consent_texts-0-summary": "Forged.",
        "consent_texts-1-summary": "Second.",
        "consent_texts-1-text": "You agree to more.",
        "consent_texts-1-study": draft.pk,
    }
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    texts = list(ConsentText.objects.order_by("version").values_list("version", "summary"))
    assert texts == [(1, "First."), (2, "Second.")]


def test_a_code_for_every_outcome_is_offered_and_those_filled_in_are_kept(client, boss, draft):
    form = untouched(client, page_of(draft))
    offered = [form[f"completion_codes-{n}-outcome"] for n in range(5)]
    assert offered == list(CompletionCode.Outcome)
    form |= {
        "completion_codes-0-code": "DONE1",
        "completion_codes-0-redirect_url": "https://recruiting.example/done",
        "completion_codes-2-code": "STRUCK",
    }
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    codes = draft.completion_codes.values_list("outcome", "code", "redirect_url")
    assert set(codes) == {
        ("completed", "DONE1", "https://recruiting.example/done"),
        ("struck_out", "STRUCK", ""),
    }
    form = untouched(client, page_of(draft))
    assert [form[f"completion_codes-{n}-outcome"] for n in (2, 3, 4)] == [
        "screened_out", "timed_out", "returned",
    ]  # fmt: skip


def test_a_redirect_without_a_code_is_refused(client, boss, draft):
    form = untouched(client, page_of(draft))
    form |= {"completion_codes-1-redirect_url": "https://recruiting.example/full"}
    response = client.post(page_of(draft), form)
    assert response.status_code == 200
    assert not CompletionCode.objects.exists()


def test_a_draft_always_shows_what_is_missing_and_other_studies_do_not(client, boss, draft):
    heading = "What is missing before this can open"
    Dimension.objects.filter(study=draft).update(question="")
    page = text_of(client.get(page_of(draft)))
    assert heading in page
    assert "Give the dimension Overall the question that raters are asked." in page
    complete_design(draft)
    assert "Say how many raters" not in text_of(client.get(page_of(draft)))
    Study.objects.filter(pk=draft.pk).update(state=Study.State.OPEN)
    assert heading not in text_of(client.get(page_of(draft)))
    assert heading not in text_of(client.get(reverse("admin:studies_study_add")))


# Quotas


def test_an_allocation_is_shown_with_its_shortfall_before_it_is_confirmed(client, boss, draft):
    page = step_of(draft, "allocate")
    assert client.get(page).status_code == 200
    shown = text_of(client.get(page, {"raters": 3, "quota_by": "cells"}))
    assert "1 of 4 get nobody, 20.0% of the electorate; the largest of them is" in shown
    assert "Allocate 3 places" in shown
    shown = text_of(client.get(page, {"raters": 10, "quota_by": "margins"}))
    assert "Age: everyone has a place." in shown
    assert "18-34 40.00% 4 +0.0" in shown
    assert not Quota.objects.exists(), "asking is not doing"


def test_places_are_allocated_and_shown_on_the_study_s_page(client, boss, draft):
    data = {"raters": 10, "quota_by": "margins"}
    response = client.post(step_of(draft, "allocate"), data, follow=True)
    assert "10 places are divided among groups of each axis." in said(response)
    targets = draft.quotas.values_list("group__key", "target")
    assert set(targets) == {("18-34", 4), ("35-plus", 6), ("female", 5), ("male", 5)}
    page = text_of(response)
    assert "10 places, divided by the electorate’s shares." in page
    assert "Age Share Places Deviation Taken 18-34 40.00% 4 +0.0 0" in page


def test_places_can_be_allocated_again_by_cells(client, boss, draft):
    for quota_by in ("margins", "cells"):
        client.post(step_of(draft, "allocate"), {"raters": 7, "quota_by": quota_by})
    draft.refresh_from_db()
    assert (draft.quota_by, draft.raters_wanted) == ("cells", 7)
    assert sum(draft.quotas.values_list("target", flat=True)) == 7
    assert not draft.quotas.filter(cell=None).exists()


@pytest.mark.parametrize("raters", ["0", "many", ""])
def test_a_number_of_raters_that_is_none_is_refused(client, boss, draft, raters):
    response = client.post(step_of(draft, "allocate"), {"raters": raters, "quota_by": "cells"})
    assert response.status_code == 200
    assert not Quota.objects.exists()


def test_without_an_electorate_there_is_nothing_to_divide(client, boss):
    study = Study.objects.create(slug="plain", title="Plain")
    shown = client.get(step_of(study, "allocate"), {"raters": 10, "quota_by": "cells"})
    assert "Choose an electorate first" in text_of(shown)
    posted = client.post(step_of(study, "allocate"), {"raters": 10, "quota_by": "cells"})
    assert "Choose an electorate first" in text_of(posted)
    study.refresh_from_db()
    assert study.quota_by == "margins", "what is refused leaves nothing behind"


def test_fewer_places_than_are_taken_are_refused(client, boss):
    study = make_study(raters=30, state=Study.State.OPEN)
    shown = client.post(step_of(study, "allocate"), {"raters": 2, "quota_by": "margins"})
    assert "are taken" in text_of(shown)
    assert not Quota.objects.exists()


def test_quotas_of_another_electorate_go_with_it(client, boss, draft):
    client.post(step_of(draft, "allocate"), {"raters": 10, "quota_by": "margins"})
    form = untouched(client, page_of(draft)) | {"electorate": make_electorate("village").pk}
    assert client.post(page_of(draft), form).status_code == 302
    assert not draft.quotas.exists()


# Templates and clones


def test_dimensions_are_added_from_a_template(client, boss, draft):
    page = step_of(draft, "add_template")
    assert "Trust, ethics and safety" in text_of(client.get(page))
    answer = said(client.post(page, {"template": "companion"}, follow=True))
    assert "Added: Empathy, Guidance, Gentleness, Understanding, Completeness, Fluency." in answer
    assert draft.dimensions.count() == 8
    answer = said(client.post(page, {"template": "companion"}, follow=True))
    assert "The study has all of them already." in answer


def test_a_study_that_has_opened_gets_no_dimensions_from_a_template(client, boss):
    study = make_study(raters=0, state=Study.State.OPEN)
    page = step_of(study, "add_template")
    assert page not in client.get(page_of(study)).content.decode()
    answer = said(client.post(page, {"template": "companion"}, follow=True))
    assert "its raters compare what it asks now" in answer


def test_a_clone_opens_on_its_own_page(client, boss, draft):
    complete_design(draft)
    response = client.post(step_of(draft, "clone"), {"title": "More tea", "slug": ""}, follow=True)
    clone = Study.objects.get(slug="more-tea")
    assert response.redirect_chain == [(page_of(clone), 302)]
    assert "“More tea” is a draft with the design of “The tea study”." in said(response)
    assert clone.quotas.count() == draft.quotas.count()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"title": "Tea", "slug": ""}, "Another study has the address “tea”"),
        ({"title": "茶", "slug": ""}, "Say what it is called in addresses"),
        ({"title": "", "slug": "x"}, "This field is required"),
    ],
)
def test_a_clone_needs_a_title_and_an_address_of_its_own(client, boss, draft, data, message):
    response = client.post(step_of(draft, "clone"), data)
    assert message in text_of(response)
    assert Study.objects.count() == 1


def test_staff_who_only_look_take_none_of_these_steps(client, draft):
    client.force_login(make_user("reader", "studies.view_study", is_staff=True))
    page = client.get(page_of(draft)).content.decode()
    for name, data in (
        ("allocate", {"raters": 10, "quota_by": "cells"}),
        ("add_template", {"template": "humaine"}),
        ("add_tasks", {"table": "task,text\nSoup,Cook."}),
        ("preview", {}),
        ("clone", {"title": "More tea"}),
    ):
        assert step_of(draft, name) not in page
        assert client.post(step_of(draft, name), data).status_code == 403
    assert client.post(reverse("admin:studies_chatmodel_add_bots")).status_code == 403
    assert (Quota.objects.count(), Study.objects.count()) == (0, 1)
