"""The review queue: what a reviewer sees, decides, and may not."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from raters.errors import DecidedAlreadyError
from raters.identities import fields_for
from raters.models import Battle, CheckAnswer, Exclusion, Participation, Strike
from raters.quality.flaws import Flaw, FlawKind
from raters.services.erasing import withdraw_and_erase
from raters.services.review import decide_waiting_strike
from raters.services.strikes import give_signal, give_strike, object_to_strike, overturn_strike
from studies.models import AttentionCheck, Study
from tests.cast import make_admin, make_user
from tests.raters.live import answer, later, make_live_study, open_battle, say, take_part

pytestmark = pytest.mark.django_db

REVIEW = "/admin/raters/strike/review/"
ACTIVE, STRUCK_OUT = Participation.State.ACTIVE, Participation.State.STRUCK_OUT


@pytest.fixture
def study() -> Study:
    return make_live_study(strikes_allowed=2)


@pytest.fixture
def reviewer(client: Client, study: Study) -> User:
    """Somebody of the team who may decide about strikes, and no more."""
    user = make_user("rita", "raters.change_strike", is_staff=True)
    study.team.add(user)
    client.force_login(user)
    return user


def strike(
    participation: Participation,
    *,
    key: str = "turn 1",
    kind: FlawKind = FlawKind.GIBBERISH,
    evidence: str = "“asdf jkl” can't be read.",
    at: Any = None,
    **where: Any,
) -> Strike:
    flaw = Flaw(kind, evidence, "find_gibberish", is_strike=True)
    given = give_strike(participation, flaw, key=key, at=at or timezone.now(), **where)
    assert given is not None
    return given


def battle_with_words(study: Study, words: str = "asdf jkl") -> Battle:
    battle = open_battle(study)
    turn = say(battle, words)
    answer(turn, "a", "Answer of A <script>alert(1)</script>")
    answer(turn, "b", "Answer of B")
    return battle


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


def decide(client: Client, given: Strike, decision: str, **more: str) -> Any:
    address = reverse("admin:raters_review_decide", args=[given.pk])
    return client.post(address, {"decision": decision, **more})


def test_a_reviewer_sees_the_evidence_beside_the_whole_conversation(
    client: Client, reviewer: User, study: Study
) -> None:
    battle = battle_with_words(study, "asdf <b>jkl</b>")
    hers, turn = battle.participation, battle.turns.get()
    given = strike(hers, battle=battle, turn=turn, evidence="“asdf <b>jkl</b>” can't be read.")
    object_to_strike(given, text="It is <i>Welsh</i>.", at=timezone.now())
    strike(hers, key="2", kind=FlawKind.SPEEDING, evidence="Faster than one reads.")
    give_signal(
        hers,
        Flaw(FlawKind.AWAY, "Looked away often.", "find_away", False, {"times_away": 9}),
        key="away",
        at=timezone.now(),
    )
    check = AttentionCheck.objects.create(
        study=study, kind="instructed", question="Choose B.", accepted="B"
    )
    CheckAnswer.objects.create(
        participation=hers, attention_check=check, answer="A", is_passed=False,
        answered_at=timezone.now(),
    )  # fmt: skip
    response = client.get(REVIEW, {"strike": given.pk})
    page = text_of(response)
    for words in (
        "Strike 1 of 2 that wait.",
        "“asdf <b>jkl</b>” can't be read.",
        "It is <i>Welsh</i>.",
        "Message 1: the strike is for this one",
        "Answer of A <script>alert(1)</script>",
        "Answer of B",
        "Found by find_gibberish, version 1",
        "Strikes that count 2 of 2",
        "Her part struck out",
        "Faster than anybody reads, not reviewed: Faster than one reads.",
        "Choose B.: A (failed, try 1)",
        "The page out of sight: Looked away often. times away 9",
    ):
        assert words in page, words
    for markup in ("<script>alert", "<b>jkl", "<i>Welsh"):
        assert markup not in response.text
    for name in ("Ash 7B", "Birch"):
        assert name not in page, "A reviewer must not be swayed by a model's name."


def test_struck_out_raters_and_objections_come_first(
    client: Client, reviewer: User, study: Study
) -> None:
    plain, objecting, ended = (take_part(study) for _ in range(3))
    early = timezone.now() - timedelta(days=1)
    first = strike(plain, at=early)
    objected = strike(objecting, at=early + timedelta(hours=1))
    object_to_strike(objected, text="No.", at=timezone.now())
    last = [strike(ended, key=str(n), at=early + timedelta(hours=2 + n)) for n in range(2)]
    seen, page = [], text_of(client.get(REVIEW))
    address = REVIEW
    for _ in range(4):
        response = client.get(address)
        seen.append(response.context["case"].strike)
        address = response.context["next"]
    assert address == ""
    assert seen == [objected, *last, first]
    assert "Strike 1 of 4" in page


def test_a_confirmed_strike_leaves_the_queue_and_the_next_one_is_shown(
    client: Client, reviewer: User, study: Study
) -> None:
    one, other = (strike(take_part(study), evidence=name) for name in ("first", "second"))
    response = decide(client, one, "confirm", note=" Please read more. ")
    assert response["Location"] == f"{REVIEW}?strike={other.pk}"
    one.refresh_from_db()
    assert (one.decision, one.decided_by, one.note) == ("confirmed", reviewer, "Please read more.")
    page = text_of(client.get(response["Location"]))
    assert "second" in page
    assert "Confirmed." in page
    response = decide(client, other, "overturn")
    page = text_of(client.get(response["Location"]))
    assert "Nothing waits for review." in page


def test_overturning_brings_a_struck_out_rater_back(
    client: Client, reviewer: User, study: Study
) -> None:
    hers = take_part(study)
    given = [strike(hers, key=str(n)) for n in range(2)]
    hers.refresh_from_db()
    assert hers.state == STRUCK_OUT
    decide(client, given[0], "overturn")
    hers.refresh_from_db()
    assert hers.state == ACTIVE
    assert "She is back in the study." in text_of(client.get(REVIEW))


def test_of_two_reviewers_the_first_decision_stands(
    client: Client, reviewer: User, study: Study
) -> None:
    given = strike(take_part(study))
    boss = make_admin("bea")
    decide_waiting_strike(given, is_confirmed=False, by=boss, at=timezone.now())
    response = decide(client, given, "confirm")
    page = text_of(client.get(response["Location"]))
    assert "bea decided about this strike already" in page
    assert "it is overturned. That stands." in page
    given.refresh_from_db()
    assert (given.decision, given.decided_by) == ("overturned", boss)
    with pytest.raises(DecidedAlreadyError):
        decide_waiting_strike(given, is_confirmed=True, by=reviewer, at=timezone.now())
    page = text_of(client.get(REVIEW, {"strike": given.pk}))
    assert "That strike is overturned by bea already." in page


def test_an_objection_brings_a_confirmed_strike_before_a_reviewer_again(
    client: Client, reviewer: User, study: Study
) -> None:
    given = strike(take_part(study))
    decide(client, given, "confirm")
    assert "Nothing waits" in text_of(client.get(REVIEW))
    given.refresh_from_db()
    object_to_strike(given, text="I was right.", at=later(minutes=1))
    assert "rita confirmed it before she objected." in text_of(client.get(REVIEW))
    decide(client, given, "overturn")
    given.refresh_from_db()
    assert given.decision == "overturned"


def test_a_decision_that_is_none_changes_nothing(
    client: Client, reviewer: User, study: Study
) -> None:
    given = strike(take_part(study))
    for decision, note in (("forget", ""), ("confirm", "x" * 2_001)):
        response = decide(client, given, decision, note=note)
        assert response.status_code == 302
        given.refresh_from_db()
        assert given.decision == ""


def test_only_reviewers_of_studies_that_they_may_see_come_in(client: Client, study: Study) -> None:
    given = strike(take_part(study))
    exclude = reverse("admin:raters_review_exclude", args=[given.participation_id])
    clerk = make_user("clerk", "studies.view_study", "raters.view_strike", is_staff=True)
    client.force_login(clerk)
    assert client.get(REVIEW).status_code == 403
    assert decide(client, given, "confirm").status_code == 403
    assert client.get(exclude).status_code == 403
    stranger = make_user("sam", "raters.change_strike", "raters.add_exclusion", is_staff=True)
    client.force_login(stranger)
    assert "Nothing waits for review." in text_of(client.get(REVIEW))
    assert client.get(REVIEW, {"strike": given.pk}).status_code == 404
    assert client.get(REVIEW, {"study": study.slug}).status_code == 404
    assert decide(client, given, "confirm").status_code == 404
    assert client.get(exclude).status_code == 404
    given.refresh_from_db()
    assert given.decision == ""
    assert client.get(reverse("admin:raters_review_decide", args=[given.pk])).status_code == 405


def test_the_queue_of_one_study_stays_with_it(client: Client, reviewer: User, study: Study) -> None:
    other = make_live_study(slug="other", title="Other", contestants=0)
    other.team.add(reviewer)
    strike(take_part(other), evidence="elsewhere")
    here = [strike(take_part(study), evidence=f"here {n}") for n in range(2)]
    page = text_of(client.get(REVIEW, {"study": study.slug}))
    assert "Strike 1 of 2" in page
    response = decide(client, here[0], "confirm", study=study.slug)
    assert response["Location"] == f"{REVIEW}?study={study.slug}&strike={here[1].pk}"
    assert "Strike 1 of 2" in text_of(client.get(REVIEW))


def test_a_rater_is_excluded_for_fraud_from_the_queue(
    client: Client, reviewer: User, study: Study
) -> None:
    given = strike(take_part(study))
    assert "Exclude for fraud" not in text_of(client.get(REVIEW))
    boss = make_admin()
    client.force_login(boss)
    page = client.get(REVIEW, {"study": study.slug})
    address = page.context["excluding"]
    assert "Exclude for fraud" in text_of(page)
    code = given.participation.rater.code
    assert "Fraud" in client.get(address).text
    response = client.post(address, {"reason": f"Rater {code.lower()}, fraud"}, follow=True)
    assert "Leave the rater's code out of the reason" in text_of(response)
    response = client.post(address, {"reason": "Fraud"})
    assert response["Location"] == f"{REVIEW}?study={study.slug}"
    exclusion = Exclusion.objects.get()
    assert exclusion.participation == given.participation
    assert (exclusion.reason, exclusion.actor) == ("Fraud", boss)


def test_of_what_was_erased_the_queue_shows_that_it_was(
    client: Client, reviewer: User, study: Study
) -> None:
    battle = battle_with_words(study, "my secret words")
    hers = battle.participation
    strike(hers, battle=battle, turn=battle.turns.get(), evidence="“my secret words” …")
    withdraw_and_erase(hers, at=timezone.now())
    page = text_of(client.get(REVIEW))
    assert "No evidence is left: the rater had it erased." in page
    assert "secret" not in page


def test_a_repeated_battle_is_shown_with_its_sides_swapped_and_what_she_said_before(
    client: Client, reviewer: User, study: Study
) -> None:
    from raters.services.battles import give_verdicts

    battle = battle_with_words(study)
    give_verdicts(battle, outcomes={"overall": "a", "warmth": "tie"}, at=timezone.now())
    check = AttentionCheck.objects.create(study=study, kind="repeat")
    again = Battle.objects.create(
        participation=battle.participation, key="again", side_a=battle.side_b,
        side_b=battle.side_a, attention_check=check, repeats=battle, created_at=timezone.now(),
    )  # fmt: skip
    strike(battle.participation, battle=again)
    response = client.get(REVIEW)
    assert "an earlier battle again, its sides swapped. She said then: overall A, warmth tie." in (
        text_of(response)
    )
    sides = response.context["case"].conversation.exchanges[0].replies
    assert [(said.side, said.text[:11]) for said in sides] == [
        ("A", "Answer of B"),
        ("B", "Answer of A"),
    ]


def test_the_id_of_a_recruiting_platform_is_counted_over_studies(
    client: Client, reviewer: User, study: Study
) -> None:
    hers = take_part(study)
    for slug in ("second", "third"):
        other = take_part(make_live_study(slug=slug, contestants=0))
        same = fields_for(other.study_id, hers.identity)
        Participation.objects.filter(pk=other.pk).update(**same)
    strike(hers)
    assert "Other studies under her id 2" in text_of(client.get(REVIEW))


def test_the_index_and_the_live_page_say_how_many_wait(client: Client, study: Study) -> None:
    given = [strike(take_part(study)) for _ in range(2)]
    boss = make_admin()
    overturn_strike(given[0], by=boss, at=timezone.now())
    strike(take_part(study))
    client.force_login(boss)
    assert "2 strikes wait for review." in text_of(client.get(reverse("admin:index")))
    live = client.get(reverse("admin:raters_study_live", args=[study.pk]))
    assert "Review (2 waiting)" in text_of(live)
    assert f"{REVIEW}?study={study.slug}" in live.text
    client.force_login(make_user("clerk", "studies.view_study", is_staff=True))
    for address in (reverse("admin:index"), reverse("admin:raters_study_live", args=[study.pk])):
        assert "wait" not in text_of(client.get(address))


def test_registers_show_strikes_and_signals_of_visible_studies_only(
    client: Client, reviewer: User, study: Study
) -> None:
    hers = take_part(study)
    strike(hers)
    hidden = take_part(make_live_study(slug="hidden", contestants=0))
    for who in (hers, hidden):
        give_signal(
            who,
            Flaw(
                FlawKind.SHARED_TEXT, "Sent by others.", "find_shared_texts", False, {"raters": 3}
            ),
            key="shared",
            at=timezone.now(),
        )
    client.force_login(
        user := make_user("eve", "raters.view_strike", "raters.view_signal", is_staff=True)
    )
    study.team.add(user)
    page = text_of(client.get(reverse("admin:raters_signal_changelist")))
    assert hers.rater.code in page
    assert "raters 3" in page
    assert hidden.rater.code not in page
    found = client.get(reverse("admin:raters_signal_change", args=[hers.signals.get().pk]))
    assert "Sent by others." in text_of(found)
    assert hers.rater.code in text_of(client.get(reverse("admin:raters_strike_changelist")))
    page = client.get(reverse("admin:raters_strike_change", args=[hers.strikes.get().pk]))
    assert "find_gibberish, version 1" in text_of(page)


def test_the_number_of_queries_does_not_depend_on_the_queue(
    client: Client, reviewer: User, study: Study, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        strike(take_part(study))
    with django_assert_max_num_queries(30):
        client.get(REVIEW)
