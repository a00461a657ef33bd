"""What services write into a study's ledger, and that nobody can change it there."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from leaderboards.services.boards import withdraw_board
from raters.models import Exclusion
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, exclude_by_rule, lift_exclusion
from raters.services.identities import ids_of
from raters.services.previews import end_preview, start_preview
from studies import chain
from studies.cloning import clone_study
from studies.errors import LedgerError, StateError
from studies.ledger import By, Kind, export_ledger, head, record, record_sharing
from studies.life_cycle import move_study
from studies.models import ChatModel, LedgerEntry, Study
from studies.planning import allocate_quotas, open_study
from studies.registry import pinned_digest
from studies.services import give_electorate, withdraw_contestant
from studies.stopping import mark_answered, take_raters_again
from tests.cast import (
    NOW,
    complete_design,
    make_admin,
    make_board,
    make_electorate,
    make_study,
)
from tests.raters.live import shared_database  # noqa: F401  a fixture
from tests.raters.test_strikes import together
from tests.test_admin_design import page_of, said, step_of, text_of, untouched

pytestmark = pytest.mark.django_db

SECRETS = ("secret.example", "secret-id", "A secret prompt.", "0.123", "temperature")


@pytest.fixture
def boss(client: Client) -> User:
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def draft() -> Study:
    return make_study(raters=0, state=Study.State.DRAFT)


@pytest.fixture
def opened(draft: Study) -> Study:
    open_study(complete_design(draft), at=NOW)
    return draft


def newest(study: Study) -> LedgerEntry:
    entry = head(study)
    assert entry is not None
    return entry


def told(study: Study, kind: LedgerEntry.Kind) -> list[dict[str, Any]]:
    """The facts of a study's entries of a kind, in their order."""
    return [entry.facts for entry in LedgerEntry.objects.filter(study=study, kind=kind)]


def changes(study: Study) -> dict[str, tuple[Any, Any]]:
    """What the newest entry says of rules: each before and after."""
    entry = newest(study)
    assert entry.kind == Kind.RULES_CHANGED, entry
    return {each["what"]: (each["from"], each["to"]) for each in entry.facts["changes"]}


def assert_sound(study: Study) -> None:
    """Its ledger is a whole chain, and holds nothing secret."""
    document = export_ledger(study)
    assert chain.read(document).flaw == ""
    assert not [secret for secret in SECRETS if secret in str(document)]


# The table


def test_nobody_can_change_remove_or_squeeze_in_an_entry(draft: Study) -> None:
    entries = LedgerEntry.objects.filter(study=draft)
    never = pytest.raises(IntegrityError, match="never changed or deleted")
    with never, transaction.atomic():
        entries.update(facts={})
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        entries.filter(number=4).delete()
    last = newest(draft)
    for number, previous in ((5, "f" * 64), (6, last.digest), (4, last.previous)):
        with pytest.raises(IntegrityError), transaction.atomic():
            LedgerEntry.objects.create(
                study=draft, number=number, kind=Kind.DATA_SHARED, at=NOW, facts={},
                previous=previous, digest="0" * 64,
            )  # fmt: skip
    assert newest(draft) == last


@pytest.mark.parametrize(
    "change", [{"kind": "party"}, {"digest": "short"}, {"number": 2}, {"previous": "f" * 64}]
)
def test_what_is_no_entry_is_kept_out(change: dict[str, Any]) -> None:
    study = Study.objects.create(slug="new", title="New")
    fields = {"number": 1, "kind": Kind.DATA_SHARED, "previous": "", "digest": "0" * 64} | change
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(study=study, at=NOW, facts={}, **fields)


def test_each_study_has_a_chain_of_its_own(draft: Study) -> None:
    other = make_study("coffee", raters=0, electorate=draft.electorate)
    for study in (draft, other, draft):
        record(study, Kind.STUDY_CLOSED, {"reason": ""}, by=By.ADMIN, at=NOW)
    assert (newest(draft).number, newest(other).number) == (6, 5)
    for study in (draft, other):
        assert_sound(study)


@pytest.mark.django_db(transaction=True)
def test_entries_that_are_written_at_once_follow_one_another(shared_database: str) -> None:  # noqa: F811
    study = Study.objects.create(slug="new", title="New")
    facts = {"with": "Us", "what": "All.", "on": "2026-03-01"}
    together(lambda _n: record(study, Kind.DATA_SHARED, facts, by=By.ADMIN, at=NOW), 4)
    assert newest(study).number == 4
    assert_sound(study)


def test_a_fact_that_can_t_be_spelt_is_not_written(draft: Study) -> None:
    with pytest.raises(ValueError, match="neither text nor whole number"):
        record(draft, Kind.DATA_SHARED, {"share": 0.5}, by=By.ADMIN, at=NOW)
    assert newest(draft).number == 4


def test_texts_of_every_script_come_back_from_the_database_as_they_were(draft: Study) -> None:
    odd = 'A “reason” \\ with \n lines, \x7f, 日本語, e\u0301, 🙂 and {"json": 1.0}'
    withdraw_contestant(draft.contestants.all()[0], reason=odd, at=NOW)
    assert newest(draft).facts["reason"] == odd
    assert_sound(draft)


# What is recorded


def test_a_contestant_s_entry_holds_a_digest_of_how_it_is_asked_and_not_how(draft: Study) -> None:
    ash = draft.contestants.get(name="Ash")
    (first, *_) = told(draft, Kind.CONTESTANT_ENTERED)
    assert first == {
        "by": "admin", "contestant": "ash", "name": "Ash", "developer": "Copse", "version": 1,
        "pinned": pinned_digest(ash.chat_model),
    }  # fmt: skip
    assert_sound(draft)


def test_the_digest_of_how_it_is_asked_depends_on_each_pinned_field(draft: Study) -> None:
    model = draft.contestants.all()[0].chat_model
    digests = {pinned_digest(model)}
    for field in ChatModel.PINNED:
        changed = ChatModel.objects.get(pk=model.pk)
        setattr(changed, field, {"seed": 7} if field == "parameters" else "something else")
        digests.add(pinned_digest(changed))
    assert len(digests) == 1 + len(ChatModel.PINNED)


def test_a_study_s_life_is_recorded_with_the_rules_at_its_first_opening(draft: Study) -> None:
    open_study(complete_design(draft), at=NOW)
    rules = {rule["what"]: rule["is"] for rule in newest(draft).facts["rules"]}
    assert rules["Cap of a day's battles"] == "0.5"
    assert rules["Pairs are chosen"] == "where a battle teaches most"
    assert rules["Strikes that end it"] == 3
    assert rules["Places of Age: 18-34"] == 8
    assert rules["Dimension “overall”"] == "Which one was better? (weight 1, overall)"
    move_study(draft, to="paused", at=NOW)
    open_study(draft, at=NOW + timedelta(days=1))
    assert newest(draft).facts == {"by": "admin"}
    move_study(draft, to="paused", reason="It has cost $7.", public_reason="It is spent.", at=NOW)
    assert newest(draft).facts == {"by": "platform", "reason": "It is spent."}
    move_study(draft, to="closed", at=NOW)
    move_study(draft, to="archived", at=NOW)
    kinds = LedgerEntry.objects.filter(study=draft).values_list("kind", flat=True)
    assert list(kinds)[4:] == [
        "study_opened", "study_paused", "study_opened", "study_paused", "study_closed",
        "study_archived",
    ]  # fmt: skip
    assert_sound(draft)


def test_a_step_that_is_refused_leaves_no_entry(opened: Study) -> None:
    before = newest(opened)
    with pytest.raises(StateError):
        open_study(opened, at=NOW)
    with pytest.raises(StateError):
        move_study(opened, to="archived", at=NOW)
    with pytest.raises(StateError):
        withdraw_contestant(opened.contestants.all()[0], reason=" ", at=NOW)
    assert newest(opened) == before


def test_quotas_divided_anew_are_a_change_of_rule_once_it_has_opened(opened: Study) -> None:
    allocate_quotas(opened, raters=40, at=NOW)
    assert changes(opened) == {
        "Raters wanted": (20, 40),
        "Places of Age: 18-34": (8, 16),
        "Places of Age: 35-plus": (12, 24),
        "Places of Sex: female": (10, 20),
        "Places of Sex: male": (10, 20),
    }
    before = newest(opened)
    allocate_quotas(opened, raters=40, at=NOW)
    assert newest(opened) == before


def test_an_electorate_is_recorded_when_given_and_when_extended(draft: Study) -> None:
    give_electorate(draft, make_electorate("county", age={"65-plus": 0.2}), at=NOW)
    assert newest(draft).facts == {
        "by": "admin", "electorate": "county", "name": "The county", "before": "town",
    }  # fmt: skip
    before = newest(draft)
    give_electorate(draft, make_electorate("county", age={"65-plus": 0.2}), at=NOW)
    assert newest(draft) == before


def test_an_answered_question_and_going_on_after_it_are_recorded(opened: Study) -> None:
    mark_answered(opened, at=NOW)
    mark_answered(opened, at=NOW)
    assert told(opened, Kind.STUDY_ANSWERED) == [{"by": "platform"}]
    take_raters_again(opened, at=NOW)
    assert changes(opened) == {"Ends once it is answered": (True, False)}


def test_exclusions_are_recorded_without_whom() -> None:
    boss = make_admin("grace")
    study = make_study(raters=4)
    ann, bea, cis, _ = study.participations.order_by("pk")
    battle = bea.battles.all()[0]
    battle_out = exclude(battle, reason="Its task was wrong.", by=boss, at=NOW)
    exclude(ann, reason="Too fast.", by=boss, at=NOW)
    exclude_by_rule(study, Exclusion.Rule.LEAKS, reason="Not hidden.", by=boss, at=NOW)
    lift_exclusion(battle_out, by=boss, at=NOW)
    withdraw_and_erase(cis, at=NOW)
    assert told(study, Kind.EXCLUSION_MADE) == [
        {"by": "admin", "of": "battle", "reason": "Its task was wrong.", "verdicts": 2},
        {"by": "admin", "of": "participation", "reason": "Too fast.", "verdicts": 8},
        {"by": "admin", "of": "leaks", "reason": "Not hidden."},
        {"by": "rater", "of": "participation", "reason": "The rater withdrew."},
    ]
    assert told(study, Kind.EXCLUSION_LIFTED) == [
        {"by": "admin", "of": "battle", "reason": "Its task was wrong."}
    ]
    whole = str(export_ledger(study))
    for code in study.participations.values_list("rater__code", flat=True):
        assert code not in whole
    ids = [*filter(None, ids_of(study).values())]
    assert len(ids) == 3, "one has withdrawn"
    assert [name for name in ids if f"'{name}'" in whole] == []
    assert boss.username not in whole
    assert_sound(study)


def test_boards_are_recorded_when_taken_and_when_withdrawn(boss: User) -> None:
    study = make_study()
    first, second = make_board(study), make_board(study)
    withdraw_board(second, reason="A wrong share.", by=boss, at=NOW)
    taken = told(study, Kind.BOARD_TAKEN)
    assert [each["board"] for each in taken] == [str(first.pk), str(second.pk)]
    assert [each["supersedes"] for each in taken] == [None, str(first.pk)]
    assert taken[0]["input_digest"] == first.input_digest
    assert newest(study).facts == {
        "by": "admin", "board": str(second.pk), "reason": "A wrong share.",
    }  # fmt: skip
    assert_sound(study)


def test_a_preview_has_no_ledger_and_goes_with_all_of_it(boss: User, draft: Study) -> None:
    complete_design(draft)
    preview = start_preview(draft, by=boss, at=NOW)
    move_study(preview, to="paused", at=NOW)
    assert head(preview) is None
    with pytest.raises(IntegrityError, match="previews have no ledger"), transaction.atomic():
        LedgerEntry.objects.create(
            study=preview, number=1, kind=Kind.DATA_SHARED, at=NOW, facts={}, digest="0" * 64
        )
    end_preview(preview)
    assert not Study.objects.filter(pk=preview.pk).exists()


def test_a_clone_begins_a_ledger_of_its_own(draft: Study) -> None:
    clone = clone_study(draft, slug="again", title="Again")
    kinds = LedgerEntry.objects.filter(study=clone).values_list("kind", flat=True)
    assert list(kinds) == ["electorate_given", *["contestant_entered"] * 4]
    assert_sound(clone)


# The admin's pages


@pytest.mark.one_database
def test_rules_changed_on_the_study_s_page_are_recorded_once_it_has_opened(
    client: Client, boss: User, draft: Study
) -> None:
    form = untouched(client, page_of(draft))
    assert client.post(page_of(draft), form | {"strikes_allowed": 4}).status_code == 302
    assert told(draft, Kind.RULES_CHANGED) == []
    open_study(complete_design(draft), at=NOW)
    form = untouched(client, page_of(draft)) | {
        "battle_cap": "0.4", "strikes_allowed": "2", "language": "de",
        "screen_rules-TOTAL_FORMS": 1,
        "screen_rules-0-kind": "drift", "screen_rules-0-action": "signal",
        "screen_rules-0-threshold": "0.25", "screen_rules-0-study": draft.pk,
    }  # fmt: skip
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    assert changes(draft) == {
        "Language of its raters": ("each rater’s own", "Deutsch"),
        "Cap of a day's battles": ("0.5", "0.4"),
        "Strikes that end it": (4, 2),
        "Screen for leaving the topic": (None, "only tell a reviewer, threshold 0.25"),
    }
    before = newest(draft)
    form = untouched(client, page_of(draft))
    assert client.post(page_of(draft), form | {"title": "Tea"}).status_code == 302
    assert newest(draft) == before, "a title is no rule"
    refused = client.post(page_of(draft), form | {"battle_cap": "7"})
    assert refused.status_code == 200
    assert newest(draft) == before
    assert_sound(draft)


@pytest.mark.one_database
def test_a_study_made_in_the_admin_says_whom_it_speaks_for(client: Client, boss: User) -> None:
    page = "/admin/studies/study/add/"
    town = make_electorate()
    form = untouched(client, page) | {"title": "New", "slug": "new", "electorate": town.pk}
    response = client.post(page, form)
    assert response.status_code == 302, text_of(response)
    study = Study.objects.get(slug="new")
    assert study.electorate == town
    assert [each["electorate"] for each in told(study, Kind.ELECTORATE_GIVEN)] == ["town"]


@pytest.mark.one_database
def test_another_way_to_ask_a_contestant_is_recorded_by_its_digest(
    client: Client, boss: User, draft: Study
) -> None:
    model = draft.contestants.get(name="Ash").chat_model
    before = pinned_digest(model)
    page = f"/admin/studies/chatmodel/{model.pk}/change/"
    form = untouched(client, page) | {"base_url": "bot:echo", "model_id": "", "parameters": "{}"}
    response = client.post(page, form)
    assert response.status_code == 302, text_of(response)
    model.refresh_from_db()
    assert changes(draft) == {"SHA-256 of how Ash is asked": (before, pinned_digest(model))}
    last = newest(draft)
    assert client.post(page, form | {"timeout_s": 9}).status_code == 302
    assert newest(draft) == last, "how long one waits is not pinned"


@pytest.mark.one_database
def test_a_sharing_of_data_is_recorded_by_a_step(client: Client, boss: User, draft: Study) -> None:
    step = step_of(draft, "share_data")
    assert step in client.get(page_of(draft)).text
    assert "nobody can change or remove" in text_of(client.get(step))
    given = {"recipient": " A university ", "what": "All verdicts.", "shared_on": "2026-02-27"}
    assert "with: A university." in said(client.post(step, given, follow=True))
    assert newest(draft).facts == {
        "by": "admin", "with": "A university", "what": "All verdicts.", "on": "2026-02-27",
    }  # fmt: skip
    refused = client.post(step, given | {"shared_on": "2126-02-27"}, follow=True)
    assert refused.status_code == 200
    assert len(told(draft, Kind.DATA_SHARED)) == 1


def test_a_sharing_says_with_whom_and_what_and_lies_in_the_past(draft: Study) -> None:
    with pytest.raises(LedgerError, match="with whom"):
        record_sharing(draft, recipient=" ", what="All.", shared_on=date(2026, 1, 1), at=NOW)
    with pytest.raises(LedgerError, match="what has happened"):
        record_sharing(draft, recipient="Us", what="All.", shared_on=date(2026, 3, 2), at=NOW)
