"""The admin's pages: all of them open, and each step does what it says or says why not."""

import re
from datetime import timedelta
from html import unescape

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from leaderboards.models import Board, Report, Tournament
from leaderboards.reports import BOARD
from leaderboards.services.boards import take_board
from leaderboards.services.reports import LEASE, claim_report, write_report
from raters.models import (
    Battle,
    Exclusion,
    JudgeRun,
    Participation,
    Rater,
    Signal,
    Strike,
    Verdict,
)
from raters.services.exclusions import exclude, lift_exclusion
from studies.models import (
    ApiToken,
    ChatModel,
    Contestant,
    Dimension,
    Electorate,
    Study,
    WebhookDelivery,
    WebhookEndpoint,
)
from studies.services import withdraw_contestant
from tests.cast import (
    NOW,
    complete_design,
    make_admin,
    make_board,
    make_electorate,
    make_study,
    make_user,
)
from tests.kept import kept
from tests.leaderboards.conftest import write_due_reports

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
NEVER_DELETED = (
    Study,
    Contestant,
    ChatModel,
    Electorate,
    Rater,
    Participation,
    Battle,
    Verdict,
    Exclusion,
    Board,
    Tournament,
)
NEVER_ADDED_BY_HAND = (
    Contestant,
    Rater,
    Participation,
    Battle,
    Verdict,
    Signal,
    Strike,
    JudgeRun,
    Board,
    Tournament,
    Authenticator,
    WebhookDelivery,
)


def address(model, page, *args):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def said(response):
    """The messages of the page that a step ends on."""
    return " ".join(str(message) for message in response.context["messages"])


def text_of(response):
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.fixture
def study():
    return kept(make_study)


@pytest.fixture
def boss(client):
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def everything(study, boss):
    """One of whatever can be registered."""
    board = make_board(study)
    excluded = exclude(Battle.objects.first(), reason="Asleep.", by=boss, at=NOW)
    token, _ = ApiToken.objects.create(boss)
    WebhookEndpoint.objects.create(study=study, url="https://example.org/", created_at=NOW)
    return {Board: board, Exclusion: excluded, ApiToken: token}


def test_every_page_of_every_register_opens(client, everything):
    for model in REGISTERED:
        assert client.get(address(model, "changelist")).status_code == 200, model
        adding = client.get(address(model, "add")).status_code
        assert adding == (403 if model in NEVER_ADDED_BY_HAND else 200), model
        one = model._default_manager.first()
        if one is not None:
            assert client.get(address(model, "change", one.pk)).status_code == 200, model
            assert client.get(address(model, "history", one.pk)).status_code == 200, model


def test_what_is_on_record_cannot_be_deleted(client, everything):
    for model in NEVER_DELETED:
        one = model._default_manager.first()
        page = client.get(address(model, "change", one.pk))
        assert address(model, "delete", one.pk) not in page.content.decode(), model
        answer = client.post(address(model, "delete", one.pk), {"post": "yes"})
        assert answer.status_code == 403, model
        data = {"action": "delete_selected", "_selected_action": [one.pk], "post": "yes"}
        client.post(address(model, "changelist"), data)
        assert model._default_manager.filter(pk=one.pk).exists(), model


def test_the_index_shows_studies_with_raters_verdicts_and_the_latest_board(client, everything):
    page = text_of(client.get(reverse("admin:index")))
    assert "The tea study The town · simulated raters closed 30 240 1 Mar 2026" in page


def test_the_index_is_useful_before_there_is_a_study(client, boss):
    page = text_of(client.get(reverse("admin:index")))
    assert "There is no study yet." in page
    assert "Add an electorate" in page


def test_the_index_shows_staff_only_what_they_may_look_at(client, study):
    client.force_login(make_user("reviewer", "raters.view_verdict", is_staff=True))
    page = text_of(client.get(reverse("admin:index")))
    assert "Verdicts" in page
    assert "The tea study" not in page
    assert "Tokens" not in page


# Studies


def study_form(study=None, **changes):
    """What the browser sends from a study's form."""
    dimensions = list(study.dimensions.order_by("position")) if study else []
    entered = list(study.contestants.order_by("slug")) if study else []
    form = {
        "title": study.title if study else "Coffee",
        "slug": "coffee",
        "question": "Which one?",
        "electorate": study.electorate_id if study else None,
        "min_turns": "3",
        "max_turns": "10",
        "battles_each": "4",
        "reservation_minutes": "60",
        "currency": "GBP",
        "recruiting_parameter": "PROLIFIC_PID",
        "protocol": "pairwise",
        "entrance": "link",
        "strikes_allowed": "3",
        "retention_days": "365",
        "policy": "gain",
        "battle_cap": "0.5",
        "battle_floor": "0.2",
        "stopping_rules-TOTAL_FORMS": 0,
        "stopping_rules-INITIAL_FORMS": 0,
        "checks-TOTAL_FORMS": 0,
        "checks-INITIAL_FORMS": 0,
        "screen_rules-TOTAL_FORMS": 0,
        "screen_rules-INITIAL_FORMS": 0,
        "tasks-TOTAL_FORMS": 0,
        "tasks-INITIAL_FORMS": 0,
        "consent_texts-TOTAL_FORMS": 0,
        "consent_texts-INITIAL_FORMS": 0,
        "completion_codes-TOTAL_FORMS": 0,
        "completion_codes-INITIAL_FORMS": 0,
        "contestants-TOTAL_FORMS": len(entered),
        "contestants-INITIAL_FORMS": len(entered),
        "dimensions-TOTAL_FORMS": len(dimensions) or 1,
        "dimensions-INITIAL_FORMS": len(dimensions),
    }
    for n, contestant in enumerate(entered):
        form |= {f"contestants-{n}-id": contestant.pk, f"contestants-{n}-study": study.pk}
    for n, dimension in enumerate(dimensions):
        form |= {
            f"dimensions-{n}-id": dimension.pk,
            f"dimensions-{n}-study": study.pk,
            f"dimensions-{n}-key": dimension.key,
            f"dimensions-{n}-name": dimension.name,
            f"dimensions-{n}-weight": "1",
            f"dimensions-{n}-position": str(n),
        }
        if dimension.is_overall:
            form[f"dimensions-{n}-is_overall"] = "on"
    if not dimensions:
        form |= {
            "dimensions-0-key": "overall",
            "dimensions-0-name": "Overall",
            "dimensions-0-question": "Which of the two would you rather have talked to?",
            "dimensions-0-weight": "1.0",
            "dimensions-0-position": "0",
            "dimensions-0-is_overall": "on",
        }
    form |= changes
    return {key: value for key, value in form.items() if value is not None}


def test_a_study_is_made_in_one_go_with_contestants_and_the_overall_dimension(client, boss):
    electorate = make_electorate()
    ash = ChatModel.objects.create(name="Ash", developer="Copse")
    birch = ChatModel.objects.create(name="Birch", developer="Copse")
    form = study_form(
        **{
            "electorate": electorate.pk,
            "contestants-TOTAL_FORMS": 2,
            "contestants-0-chat_model": ash.pk,
            "contestants-0-name": "",
            "contestants-1-chat_model": birch.pk,
            "contestants-1-name": "Silver birch",
        }
    )
    response = client.post(address(Study, "add"), form)
    assert response.status_code == 302, text_of(response)
    study = Study.objects.get(slug="coffee")
    assert study.state == Study.State.DRAFT
    assert study.electorate == electorate
    names = study.contestants.values_list("name", "slug")
    assert set(names) == {("Ash", "ash"), ("Silver birch", "silver-birch")}
    assert [d.is_overall for d in study.dimensions.all()] == [True]


@pytest.mark.parametrize(
    ("overall", "message"),
    [
        (("on", "on"), "Only one dimension can be the overall one, and these are ticked: Overall"),
        ((None, None), "Tick “is overall” on one dimension"),
    ],
)
def test_exactly_one_dimension_is_the_overall_one(client, boss, overall, message):
    study = make_study(raters=0)
    ticks = {f"dimensions-{n}-is_overall": tick for n, tick in enumerate(overall)}
    response = client.post(address(Study, "change", study.pk), study_form(study, **ticks))
    assert response.status_code == 200
    assert message in text_of(response)


def test_the_overall_dimension_can_move_to_another(client, boss):
    study = make_study(raters=0)
    for first, second in ((None, "on"), ("on", None)):
        form = study_form(
            study, **{"dimensions-0-is_overall": first, "dimensions-1-is_overall": second}
        )
        response = client.post(address(Study, "change", study.pk), form)
        assert response.status_code == 302, text_of(response)
        overall = study.dimensions.get(is_overall=True)
        assert overall.key == ("overall" if first else "warmth")


def test_two_dimensions_cannot_share_a_key(client, boss):
    study = make_study(raters=0)
    form = study_form(study) | {
        "dimensions-TOTAL_FORMS": 3,
        "dimensions-2-study": study.pk,
        "dimensions-2-key": "warmth",
        "dimensions-2-name": "Warmth again",
        "dimensions-2-weight": "1",
        "dimensions-2-position": "2",
    }
    response = client.post(address(Study, "change", study.pk), form)
    assert "Two dimensions have the key warmth" in text_of(response)


def test_a_dimension_with_verdicts_cannot_be_removed(client, study, boss):
    form = study_form(study, **{"dimensions-1-DELETE": "on"})
    response = client.post(address(Study, "change", study.pk), form)
    assert response.status_code == 200
    assert Dimension.objects.filter(study=study, key="warmth").exists()


@pytest.mark.parametrize(
    ("name", "model", "message"),
    [("Ash", "new", "Another contestant is named Ash"), ("New", "Ash", "Ash takes part already")],
)
def test_a_contestant_enters_once_under_its_own_name(client, boss, name, model, message):
    study = make_study(raters=0)
    chosen, _ = ChatModel.objects.get_or_create(name=model)
    form = study_form(study) | {
        "contestants-TOTAL_FORMS": 5,
        "contestants-4-study": study.pk,
        "contestants-4-chat_model": chosen.pk,
        "contestants-4-name": name,
    }
    response = client.post(address(Study, "change", study.pk), form)
    assert response.status_code == 200
    assert message in text_of(response)


def test_slug_state_and_keys_stay_whatever_the_form_says(client, study, boss):
    form = study_form(study, slug="other", state="open", **{"dimensions-0-key": "other"})
    response = client.post(address(Study, "change", study.pk), form)
    assert response.status_code == 302, text_of(response)
    study.refresh_from_db()
    assert (study.slug, study.state) == ("tea", "closed")
    assert set(study.dimensions.values_list("key", flat=True)) == {"overall", "warmth"}


def test_the_electorate_stays_once_there_are_raters(client, study, boss):
    other = make_electorate("village")
    client.post(address(Study, "change", study.pk), study_form(study, electorate=other.pk))
    study.refresh_from_db()
    assert study.electorate.slug == "town"


def test_the_electorate_can_change_before_there_are_raters(client, boss):
    study = make_study(raters=0)
    other = make_electorate("village")
    client.post(address(Study, "change", study.pk), study_form(study, electorate=other.pk))
    study.refresh_from_db()
    assert study.electorate == other


def test_a_paused_study_is_extended_by_new_groups(client, boss):
    study = make_study(state="paused")
    client.post(
        address(Study, "change", study.pk),
        study_form(study, electorate=make_electorate("county", age={"65-plus": 0.2}).pk),
    )
    study.refresh_from_db()
    assert study.electorate.slug == "county"
    assert set(study.participations.values_list("cell__electorate__slug", flat=True)) == {"county"}


def test_a_study_moves_along_its_life_cycle(client, boss):
    study = complete_design(make_study(raters=0, state="draft"))
    for step, state in (
        ("open", "open"),
        ("pause", "paused"),
        ("open", "open"),
        ("close", "closed"),
        ("archive", "archived"),
    ):
        page = reverse(f"admin:studies_study_{step}", args=[study.pk])
        assert page in client.get(address(Study, "change", study.pk)).content.decode()
        assert client.get(page).status_code == 200
        study.refresh_from_db()
        assert study.state != state, "asking is not doing"
        assert "The study is" in said(client.post(page, follow=True))
        study.refresh_from_db()
        assert study.state == state


def test_a_draft_that_is_not_ready_stays_one_and_the_page_says_what_is_missing(client, boss):
    study = complete_design(make_study(raters=0, state="draft"))
    study.consent_texts.all().delete()
    page = reverse("admin:studies_study_open", args=[study.pk])
    response = client.post(page, follow=True)
    assert "The study can't open yet. Write the consent text" in said(response)
    study.refresh_from_db()
    assert study.state == Study.State.DRAFT


def test_a_step_that_the_life_cycle_does_not_allow_is_refused_kindly(client, study, boss):
    page = reverse("admin:studies_study_open", args=[study.pk])
    assert page not in client.get(address(Study, "change", study.pk)).content.decode()
    response = client.post(page, follow=True)
    assert response.status_code == 200
    assert "A study that is closed can become: archived. Not open." in said(response)


def test_the_study_s_page_says_how_far_it_is(client, study, boss):
    page = text_of(client.get(address(Study, "change", study.pk)))
    assert "30 raters · 120 battles · 240 verdicts" in page
    assert "The question" in page
    order = [page.index(word) for word in ("The question", "Contestants Chat model", "Dimensions")]
    assert order == sorted(order)
    assert page.index("Electorate and quotas") > order[-1]


def test_staff_who_only_look_are_offered_no_step_and_can_take_none(client, study):
    client.force_login(
        make_user(
            "reader",
            "studies.view_study",
            "studies.view_contestant",
            "leaderboards.view_board",
            is_staff=True,
        )
    )
    board = make_board(study)
    contestant = study.contestants.first()
    for page in (
        reverse("admin:studies_study_archive", args=[study.pk]),
        reverse("admin:studies_study_take_board", args=[study.pk]),
        reverse("admin:leaderboards_board_take", args=[study.pk]),
        reverse("admin:leaderboards_board_withdraw", args=[board.pk]),
        reverse("admin:studies_contestant_withdraw", args=[contestant.pk]),
    ):
        assert client.post(page, {"reason": "No."}).status_code == 403
    for one in (study, board, contestant):
        page = client.get(address(type(one), "change", one.pk)).content.decode()
        assert "/withdraw/" not in page
        assert "/archive/" not in page
        assert "/take-board/" not in page


def test_staff_without_a_view_of_all_studies_see_their_team_s_only(client, study):
    hidden = make_study("hidden", raters=5, is_public=False, electorate=study.electorate)
    user = make_user(
        "reader",
        "studies.change_study",
        "raters.view_verdict",
        "raters.view_rater",
        "leaderboards.view_board",
        is_staff=True,
    )
    board = make_board(hidden)
    client.force_login(user)
    assert client.get(address(Study, "change", hidden.pk)).status_code == 302
    assert client.get(address(Board, "change", board.pk)).status_code == 302
    verdict = Verdict.objects.of(hidden).first()
    assert client.get(address(Verdict, "change", verdict.pk)).status_code == 302
    hidden.team.add(user)
    for one in (hidden, board, verdict):
        assert client.get(address(type(one), "change", one.pk)).status_code == 200
    listed = client.get(address(Rater, "changelist")).context["cl"].result_list
    assert len({rater.pk for rater in listed}) == len(listed) == 35


# Contestants and chat models


def test_a_contestant_withdraws_with_a_reason_and_only_once(client, study, boss):
    contestant = study.contestants.first()
    page = reverse("admin:studies_contestant_withdraw", args=[contestant.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"reason": ""}).status_code == 200
    contestant.refresh_from_db()
    assert contestant.withdrawn_at is None
    assert "has withdrawn" in said(client.post(page, {"reason": "Retired."}, follow=True))
    contestant.refresh_from_db()
    assert contestant.withdrawal_reason == "Retired."
    assert "has withdrawn already" in said(client.post(page, {"reason": "Again."}, follow=True))


CALLS = {"timeout_s": 60, "max_concurrent": 8, "input_price": "0", "output_price": "0"}


def test_pinned_fields_can_change_until_the_first_battle(client, boss):
    study = make_study(raters=0)
    model = study.contestants.first().chat_model
    form = CALLS | {"name": "Ash", "version": 1, "developer": "Grove", "parameters": "{}"}
    assert client.post(address(ChatModel, "change", model.pk), form).status_code == 302
    model.refresh_from_db()
    assert model.developer == "Grove"


def test_pinned_fields_stay_once_it_has_been_in_a_battle(client, study, boss):
    model = study.contestants.first().chat_model
    form = CALLS | {"name": "Ash", "version": 1, "developer": "Grove", "system_prompt": "New"}
    assert client.post(address(ChatModel, "change", model.pk), form).status_code == 302
    model.refresh_from_db()
    assert (model.developer, model.system_prompt) == ("Copse", "A secret prompt.")


def test_a_new_version_starts_as_a_copy(client, study, boss):
    model = study.contestants.first().chat_model
    page = client.get(reverse("admin:studies_chatmodel_new_version", args=[model.pk]), follow=True)
    initial = page.context["adminform"].form.initial
    assert (initial["name"], initial["version"]) == (model.name, 2)
    assert initial["system_prompt"] == model.system_prompt


# Electorates

CSV = "axis,group,share,source\nage,young,0.5,A count\nage,old,0.5,A count\n"


def upload(client, text, name="village.csv", called="", **data):
    file = SimpleUploadedFile(name, text.encode())
    data["name"] = called
    return client.post(address(Electorate, "add"), {"file": file} | data, follow=True)


def test_an_electorate_is_made_from_a_file(client, boss):
    response = upload(client, CSV, called="The village")
    assert "“The village” is ready for studies" in said(response)
    page = text_of(response)
    assert "young 50.00% young" in page
    assert Electorate.objects.get(slug="village").axes.get().groups.count() == 2


def test_an_electorate_that_is_shipped_is_made_by_choosing_it(client, boss):
    response = client.post(address(Electorate, "add"), {"shipped": "us-2023"}, follow=True)
    assert "is ready for studies" in said(response)
    page = text_of(response)
    assert "U.S. Census Bureau" in page


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (CSV.replace("0.5,A count\nage,old", "0.4,A count\nage,old"), "v.csv", "add up to 0.9"),
        (CSV.replace("share", "shard"), "v.csv", "v.csv"),
        ("nonsense", "v.toml", "v.toml"),
        ("nonsense", "v.xlsx", "its name ends in .csv or .toml"),
        ("", "v.csv", "file"),
    ],
)
def test_a_file_that_is_no_electorate_is_refused_with_what_to_do(client, boss, text, name, message):
    response = upload(client, text, name=name)
    assert response.status_code == 200
    assert message in text_of(response)
    assert not Electorate.objects.exists()


def test_another_electorate_of_the_same_slug_is_refused(client, boss):
    upload(client, CSV)
    response = upload(client, CSV.replace("0.5", "0.6", 1).replace("0.5", "0.4"))
    assert "stands already, with other groups or shares" in text_of(response)


def test_nothing_or_both_chosen_is_refused(client, boss):
    assert "or give a file" in text_of(client.post(address(Electorate, "add"), {}))
    assert "or give a file" in text_of(upload(client, CSV, shipped="us-2023"))
    assert not Electorate.objects.exists()


# Exclusions


def test_a_participation_is_excluded_with_a_reason_by_whoever_is_signed_in(client, study, boss):
    participation = Participation.objects.first()
    page = address(Exclusion, "add")
    response = client.get(
        reverse("admin:raters_participation_leave_out", args=[participation.pk]), follow=True
    )
    assert str(participation) in text_of(response)
    client.post(page, {"participation": participation.pk, "reason": "Asleep."})
    exclusion = Exclusion.objects.get()
    assert (exclusion.participation, exclusion.actor) == (participation, boss)
    assert exclusion.study == study


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ((), "Choose a participation or a battle"),
        (("participation", "battle"), "Choose a participation or a battle"),
    ],
)
def test_an_exclusion_names_one_thing(client, study, boss, chosen, message):
    one = {"participation": Participation.objects.first().pk, "battle": Battle.objects.first().pk}
    data = {name: one[name] for name in chosen} | {"reason": "Asleep."}
    response = client.post(address(Exclusion, "add"), data)
    assert message in text_of(response)
    assert not Exclusion.objects.exists()


def test_what_a_person_may_not_see_she_cannot_exclude(client, study):
    study.is_public = False
    study.save()
    client.force_login(make_user("clerk", "raters.add_exclusion", is_staff=True))
    data = {"battle": Battle.objects.first().pk, "reason": "Asleep."}
    response = client.post(address(Exclusion, "add"), data)
    assert "not one of the available choices" in text_of(response)
    assert not Exclusion.objects.exists()


def test_the_same_is_not_excluded_twice_until_it_was_lifted(client, study, boss):
    battle = Battle.objects.first()
    data = {"battle": battle.pk, "reason": "Asleep."}
    client.post(address(Exclusion, "add"), data)
    response = client.post(address(Exclusion, "add"), data, follow=True)
    assert response.status_code == 200
    assert "is left out already: Asleep." in said(response)
    exclusion = Exclusion.objects.get()
    page = reverse("admin:raters_exclusion_lift", args=[exclusion.pk])
    assert "Asleep." in text_of(client.get(page))
    assert "is lifted" in said(client.post(page, follow=True))
    exclusion.refresh_from_db()
    assert exclusion.lifted_by == boss
    assert "was lifted already" in said(client.post(page, follow=True))
    client.post(address(Exclusion, "add"), data)
    assert Exclusion.objects.active().count() == 1


def test_an_excluded_rater_s_verdicts_are_not_on_the_next_board(study, boss):
    exclusion = exclude(Participation.objects.first(), reason="Asleep.", by=boss, at=NOW)
    assert make_board(study).raters == 29
    lift_exclusion(exclusion, by=boss, at=NOW)
    board = make_board(study)
    assert (board.raters, board.exclusions) == (30, 0)


# Boards


@pytest.mark.parametrize("engine", ["davidson", "trueskill"])
def test_a_board_is_taken_from_the_study_s_page(client, study, boss, engine):
    page = client.get(reverse("admin:studies_study_take_board", args=[study.pk]), follow=True)
    assert "Take a board of this study?" in text_of(page)
    address_of_step = page.redirect_chain[-1][0]
    waits = client.post(address_of_step, {"engine": engine}, follow=True)
    assert "a board is being taken" in text_of(waits)
    assert (waits["Refresh"], Board.objects.count()) == ("3", 0)
    write_due_reports()
    taking = waits.redirect_chain[-1][0]
    response = client.get(taking, follow=True)
    assert "A board is published: 240 verdicts of 30 raters." in said(response)
    board = Board.objects.get()
    assert response.redirect_chain == [(address(Board, "change", board.pk), 302)]
    assert (board.engine, board.taken_by) == (engine, boss)


def test_a_worker_that_died_once_the_board_was_published_takes_no_other(client, study, boss):
    page = reverse("admin:leaderboards_board_take", args=[study.pk])
    client.post(page, {"engine": "davidson"})
    report = Report.objects.get(kind=BOARD)
    claim = claim_report(report.pk, at=timezone.now())
    board = take_board(study, by=boss, at=timezone.now())
    assert claim is not None
    write_report(report.pk, at=timezone.now() + 2 * LEASE)
    assert Board.objects.get() == board
    report.refresh_from_db()
    assert report.document == {"board": str(board.pk)}


def test_a_study_without_verdicts_has_no_board_to_take(client, boss):
    study = make_study(raters=0)
    page = reverse("admin:leaderboards_board_take", args=[study.pk])
    waits = client.post(page, {"engine": "davidson"}, follow=True)
    write_due_reports()
    refused = client.get(waits.redirect_chain[-1][0])
    assert refused.status_code == 200
    assert "no board was taken" in text_of(refused)
    assert "has no verdict that counts" in text_of(refused)
    assert "Refresh" not in refused
    assert not Board.objects.exists()


def test_nobody_waits_for_a_board_that_was_not_asked_for(client, study, boss):
    waiting = reverse("admin:leaderboards_board_taking", args=[study.pk, "davidson"])
    there = reverse("admin:leaderboards_board_take", args=[study.pk])
    assert client.get(waiting)["Location"] == there
    client.force_login(make_user("reader", "studies.view_study", is_staff=True))
    assert client.get(waiting).status_code == 403


def test_a_board_is_withdrawn_with_a_reason_and_only_once(client, study, boss):
    board = make_board(study)
    page = reverse("admin:leaderboards_board_withdraw", args=[board.pk])
    assert client.post(page, {"reason": " "}).status_code == 200
    response = client.post(page, {"reason": "Wrong file."}, follow=True)
    assert "The board is withdrawn." in said(response)
    assert "withdrawn already: Wrong file." in said(client.post(page, {"reason": "x"}, follow=True))
    shown = text_of(client.get(address(Board, "change", board.pk)))
    assert "Wrong file." in shown
    assert page not in client.get(address(Board, "change", board.pk)).content.decode()


def test_a_board_s_page_shows_ranking_sections_and_ways_out(client, study, boss):
    board = make_board(study)
    response = client.get(address(Board, "change", board.pk))
    page = text_of(response)
    assert "Overall, the electorate, merged from the groups" in page
    assert "Warmth Age: 18-34" in page
    export = client.get(reverse("admin:leaderboards_board_export", args=[board.pk]))
    assert export.status_code == 302
    assert client.get(export["Location"]).status_code == 200
    public = client.get(reverse("admin:leaderboards_board_see", args=[board.pk]))
    assert client.get(public["Location"]).status_code == 200


def test_a_withdrawn_contestant_is_marked(client, study, boss):
    withdraw_contestant(study.contestants.first(), reason="Retired.", at=NOW)
    assert "withdrawn" in text_of(client.get(address(Contestant, "changelist")))


# Tokens and users

NIGHTLY = {"label": "Nightly", "days": 30, "is_for_all_studies": "on"}


def test_a_token_is_shown_once_and_works_until_it_is_deleted(client, boss):
    response = client.post(address(ApiToken, "add"), NIGHTLY | {"user": boss.pk})
    secret = response.context["secret"]
    assert secret in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    token = ApiToken.objects.get()
    assert timedelta(days=29) < token.expiry - token.created <= timedelta(days=30)
    for page in (address(ApiToken, "changelist"), address(ApiToken, "change", token.pk)):
        assert secret not in client.get(page).content.decode()
    headers = {"Authorization": f"Token {secret}"}
    assert client.get("/api/v1/studies/", headers=headers).status_code == 200
    client.post(address(ApiToken, "delete", token.pk), {"post": "yes"})
    assert client.get("/api/v1/studies/", headers=headers).status_code == 401


def test_staff_make_tokens_for_themselves_only(client):
    other = make_admin("boss")
    user = make_user("clerk", "studies.add_apitoken", "studies.view_apitoken", is_staff=True)
    client.force_login(user)
    assert client.post(address(ApiToken, "add"), NIGHTLY | {"user": other.pk}).status_code == 200
    assert not ApiToken.objects.exists()
    client.post(address(ApiToken, "add"), NIGHTLY | {"user": user.pk})
    assert ApiToken.objects.get().user == user
    ApiToken.objects.create(other)
    assert len(client.get(address(ApiToken, "changelist")).context["cl"].result_list) == 1


def test_strangers_and_raters_do_not_come_in(client):
    assert client.get(reverse("admin:index")).status_code == 302
    client.force_login(make_user("stranger"))
    assert client.get(reverse("admin:index")).status_code == 302


# Many rows


@pytest.fixture
def crowd(boss):
    """Ten thousand raters with a battle each, without a simulation."""
    study = make_study(raters=0)
    ash, birch, *_ = study.contestants.order_by("slug")
    cell = study.electorate.cells.first()
    raters = Rater.objects.bulk_create(Rater(created_at=NOW) for _ in range(10_000))
    participations = Participation.objects.bulk_create(
        Participation(
            study=study,
            rater=rater,
            cell=cell,
            state="completed",
            created_at=NOW,
        )
        for rater in raters
    )
    battles = Battle.objects.bulk_create(
        Battle(participation=participation, key="1", side_a=ash, side_b=birch, created_at=NOW)
        for participation in participations
    )
    overall = study.dimensions.get(is_overall=True)
    Verdict.objects.bulk_create(
        Verdict(battle=battle, dimension=overall, outcome="a", recorded_at=NOW)
        for battle in battles
    )
    return raters


def test_pages_of_many_rows_take_few_queries_and_find_a_rater(client, crowd):
    wanted = crowd[5_000]
    for model in (Rater, Participation, Battle, Verdict):
        for query in ({}, {"q": wanted.code}, {"p": 50}):
            with CaptureQueriesContext(connection) as queries:
                page = client.get(address(model, "changelist"), query)
            assert page.status_code == 200
            assert len(queries) <= 7, [found["sql"] for found in queries]
            assert len(page.context["cl"].result_list) == (1 if "q" in query else 100)
            if model in (Battle, Verdict):
                counts = [found for found in queries if "COUNT(" in found["sql"].upper()]
                assert not counts, counts


def test_choosing_among_many_takes_few_queries(client, crowd):
    wanted = crowd[5_000]
    for field in ("participation", "battle"):
        query = {
            "app_label": "raters",
            "model_name": "exclusion",
            "field_name": field,
            "term": wanted.code,
        }
        with CaptureQueriesContext(connection) as queries:
            found = client.get(reverse("admin:autocomplete"), query).json()["results"]
        assert len(found) == 1
        assert len(queries) <= 6
