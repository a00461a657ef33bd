"""Attention checks on a rater's way: before the first battle, among dimensions, and as battles."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone

from raters.errors import JudgementRefusedError
from raters.forms import RatingsForm, VerdictsForm
from raters.models import (
    Battle,
    CheckAnswer,
    Participation,
    Rating,
    Reply,
    Signal,
    Strike,
    Turn,
    Verdict,
)
from raters.quality.broken import PARAGRAPHS
from raters.quality.flaws import FlawKind
from raters.quotas import places
from raters.services.battles import give_verdicts, next_battle
from raters.services.checks import items_of, placement_of
from raters.services.drawing import _seen
from raters.services.erasing import withdraw_and_erase
from raters.services.panel import reserve_place
from raters.services.previews import end_preview, start_preview
from raters.services.replies import _ask, claim_reply, make_reply
from raters.services.screening import DEFAULTS
from studies.checks import missing_of_checks
from studies.models import AttentionCheck, ScreenRule, Study
from studies.models.checks import STUDYS_OWN_ANSWERS
from tests.cast import make_admin
from tests.chat_server import ChatServer, Talk
from tests.raters.live import (
    make_live_study,
    open_battle,
    reply_to,
    say,
    server,  # noqa: F401  a fixture
    take_part,
)
from tests.raters.live_study import SECRETS, make_replies, open_study
from tests.raters.steps import agree_and_answer

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

LINK = "/join/tea/?PROLIFIC_PID=p-1"
COMPREHENSION = {"Who answers?": ("Both", "Nobody"), "How often?": ("Twice", "Never")}


@pytest.fixture
def study() -> Study:
    return open_study()


def add_check(study: Study, kind: str, **fields: Any) -> AttentionCheck:
    return AttentionCheck.objects.create(study=study, kind=kind, **fields)


def add_item(study: Study) -> AttentionCheck:
    is_single = study.protocol == Study.Protocol.SINGLE
    accepted = "2" if is_single else "B"
    return add_check(
        study, "instructed", question=f"Please choose {accepted} here.", accepted=accepted
    )


@pytest.fixture
def comprehension(study: Study) -> list[AttentionCheck]:
    return [
        add_check(study, "comprehension", question=q, answers="\n".join(a), accepted=a[0])
        for q, a in COMPREHENSION.items()
    ]


def to_how(client: Client) -> Participation:
    client.post(LINK)
    agree_and_answer(client)
    return Participation.objects.latest("pk")


def begin(client: Client) -> Participation:
    participation = to_how(client)
    client.post("/join/tea/how/")
    return participation


def reply(client: Client, attempt: int, *answers: str) -> Any:
    """Answer the comprehension questions, in their order."""
    checks = AttentionCheck.objects.filter(kind="comprehension").order_by("pk")
    data = {f"question-{c.pk}": a for c, a in zip(checks, answers, strict=False)}
    return client.post("/join/tea/how/", data | {"attempt": attempt})


def talk(client: Client) -> Battle:
    """Her next battle, one message said and answered."""
    assert client.get("/join/tea/battle/").status_code == 200
    battle = Battle.objects.latest("pk")
    data = {"text": "How do I clean an oven that is very dirty?", "number": 1}
    client.post(f"/join/tea/battle/{battle.key}/message/", data)
    make_replies()
    return battle


def compare(client: Client, overall: str | int = "a", item: str = "", **more: str) -> Any:
    """Judge her last battle, with this answer to every item in it."""
    battle = Battle.objects.latest("pk")
    prefix = "outcome" if battle.side_b_id else "score"
    answers = {f"{prefix}-overall": overall, f"{prefix}-clarity": overall}
    items = {f"question-{placed.check.pk}": item for placed in items_of(battle) if item}
    return client.post(f"/join/tea/battle/{battle.key}/compare/", answers | items | more)


# Before the first battle


def test_the_questions_stand_on_the_page_that_explains(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    page = client.get("/join/tea/how/").text
    for question, answers in COMPREHENSION.items():
        assert question in page
        assert all(answer in page for answer in answers)
    assert "checked" not in page
    response = reply(client, 1, "Both", "Twice")
    assert response.url == "/join/tea/battle/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.ACTIVE
    answers = participation.check_answers.values_list("attempt", "answer", "is_passed")
    assert set(answers) == {(1, "Both", True), (1, "Twice", True)}


def test_a_question_left_open_uses_no_try(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    to_how(client)
    response = reply(client, 1, "Both")
    assert response.status_code == 422
    assert "An answer is missing: How often?" in response.text
    assert 'value="Both" required checked' in response.text
    assert not CheckAnswer.objects.exists()
    assert reply(client, 1, "Both", "Thrice").status_code == 422
    assert client.post("/join/tea/how/").status_code == 422
    assert not CheckAnswer.objects.exists()


def test_after_the_first_try_she_is_told_kindly_what_to_read_again(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    assert reply(client, 1, "Both", "Never").url == "/join/tea/how/"
    page = client.get("/join/tea/how/").text
    assert "Not quite yet: 1 of your answers does not fit." in page
    assert page.count("This one was not right.") == 1
    assert page.index("How often?") < page.index("This one was not right.")
    assert 'href="#how"' in page
    assert page.count("checked") == 1, "what was right stays chosen"
    assert reply(client, 2, "Both", "Twice").url == "/join/tea/battle/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.ACTIVE
    assert not Strike.objects.exists()


@pytest.mark.every_database
def test_failing_twice_ends_it_without_a_strike_and_frees_the_place(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    reply(client, 1, "Nobody", "Never")
    assert reply(client, 2, "Nobody", "Twice").url == "/join/tea/end/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.SCREENED_OUT
    assert participation.kept_until is None
    assert not Strike.objects.exists()
    assert all(fill.taken == 0 for fill in places(study))
    page = client.get("/join/tea/end/").text
    assert "It ends here this time" in page
    assert "CODE-SCREENED_OUT" in page
    assert "group is full" not in page
    assert "Ask for a place again" not in page


@pytest.mark.every_database
@pytest.mark.django_db(transaction=True)
def test_coming_back_gives_no_third_try(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    reply(client, 1, "Nobody", "Never")
    reply(client, 2, "Nobody", "Never")
    assert reply(client, 3, "Both", "Twice").url == "/join/tea/end/"
    assert client.post(LINK, {"again": "yes"}).url == "/join/tea/end/"
    stranger = Client()
    assert stranger.post(LINK, {"again": "yes"}).url == "/join/tea/end/"
    agreed = stranger.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    assert agreed.url == "/join/tea/end/"
    again = reserve_place(
        study,
        recruiting_id="p-1",
        groups={"age": "18-34", "sex": "female"},
        consent_text=study.consent_texts.get(),
        at=timezone.now(),
    )
    assert (again.pk, again.state) == (participation.pk, Participation.State.SCREENED_OUT)
    assert CheckAnswer.objects.count() == 4


def test_a_page_that_is_behind_uses_no_try(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    for _ in range(3):
        assert reply(client, 1, "Nobody", "Never").url == "/join/tea/how/"
    assert participation.check_answers.count() == 2
    reply(client, 2, "Both", "Twice")
    participation.refresh_from_db()
    assert participation.state == Participation.State.ACTIVE


def test_who_leaves_after_the_first_try_has_one_left(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    participation = to_how(client)
    reply(client, 1, "Nobody", "Never")
    client.post("/join/tea/leave/")
    Participation.objects.update(state=Participation.State.RESERVED)
    assert "Not quite yet: 2 of your answers do not fit." in client.get("/join/tea/how/").text
    reply(client, 2, "Both", "Never")
    participation.refresh_from_db()
    assert participation.state == Participation.State.SCREENED_OUT


def test_who_has_passed_is_not_asked_again(
    study: Study, comprehension: list[AttentionCheck], client: Client
) -> None:
    to_how(client)
    reply(client, 1, "Both", "Twice")
    Participation.objects.update(state=Participation.State.RESERVED)
    assert "Who answers?" not in client.get("/join/tea/how/").text
    assert client.post("/join/tea/how/").url == "/join/tea/battle/"


# Among the dimensions


def test_an_item_looks_like_a_dimension_and_is_never_the_first(
    study: Study, client: Client
) -> None:
    check = add_item(study)
    study.battles_each = 1
    study.save()
    begin(client)
    battle = talk(client)
    page = client.get(f"/join/tea/battle/{battle.key}/compare/").text
    questions = re.findall(r'name="(?:outcome-|question-)(\w+)" value="([^"]+)"', page)
    order = [name for name, _ in questions]
    assert set(order) == {"overall", "clarity", str(check.pk)}
    assert order[0] == "overall"
    assert [v for name, v in questions if name == str(check.pk)] == ["A", "About the same", "B"]
    asked = page.partition('<form class="compare"')[2].partition("</form>")[0]
    assert "Please choose B here." in asked
    assert not re.search("attention|check(?!ed)", asked)


def test_an_item_answered_rightly_is_kept_and_costs_nothing(study: Study, client: Client) -> None:
    check = add_item(study)
    study.battles_each = 1
    study.save()
    participation = begin(client)
    battle = talk(client)
    assert compare(client, item="B").url == "/join/tea/battle/"
    answer = CheckAnswer.objects.get()
    assert (answer.attention_check, answer.battle, answer.answer) == (check, battle, "B")
    assert answer.is_passed
    assert not Strike.objects.exists()
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    participation.refresh_from_db()
    assert participation.state == Participation.State.COMPLETED


@pytest.mark.every_database
def test_the_second_wrong_answer_is_a_strike_that_quotes_question_and_answer(
    study: Study, client: Client
) -> None:
    checks = {f"check:{add_item(study).pk}" for _ in range(2)}
    study.battles_each = 1
    study.save()
    begin(client)
    battle = talk(client)
    compare(client, item="About the same")
    assert CheckAnswer.objects.filter(is_passed=False).count() == 2
    strike, slip = Strike.objects.get(), Signal.objects.get()
    assert {strike.key, slip.key.removeprefix("slip:")} == checks
    assert strike.kind == slip.kind == FlawKind.FAILED_CHECK
    assert strike.battle == battle
    assert strike.evidence == (
        "Among the questions stood “Please choose B here.” What fits is “B”; you chose "
        "“About the same”."
    )
    compare(client, item="B")
    assert (CheckAnswer.objects.count(), Strike.objects.count()) == (2, 1)


def test_an_item_left_open_is_asked_for_like_a_dimension_and_nothing_is_kept(
    study: Study, client: Client
) -> None:
    add_item(study)
    study.battles_each = 1
    study.save()
    begin(client)
    battle = talk(client)
    for wrong in ("", "Maybe"):
        response = compare(client, item=wrong)
        assert response.status_code == 422
    assert "An answer is missing: Please choose B here." in compare(client).text
    outcomes = {"overall": "a", "clarity": "a"}
    with pytest.raises(JudgementRefusedError, match="An answer is missing"):
        give_verdicts(battle, outcomes=outcomes, at=timezone.now())
    assert not Verdict.objects.exists()
    assert not CheckAnswer.objects.exists()


def test_items_have_answers_of_their_own_if_they_are_given(study: Study, client: Client) -> None:
    add_check(
        study,
        "nonsensical",
        question="Which one cooked you dinner?",
        answers="A did\nNeither of them\nB did",
        accepted="Neither of them",
    )
    study.battles_each = 1
    study.save()
    begin(client)
    battle = talk(client)
    page = client.get(f"/join/tea/battle/{battle.key}/compare/").text
    assert 'value="Neither of them"' in page
    compare(client, item="Neither of them")
    assert CheckAnswer.objects.get().is_passed


def test_a_slip_and_three_failed_checks_end_it_and_no_verdict_is_lost(
    study: Study, client: Client
) -> None:
    for _ in range(4):
        add_item(study)
    study.battles_each = 1
    study.save()
    participation = begin(client)
    talk(client)
    compare(client, item="A")
    participation.refresh_from_db()
    assert participation.state == Participation.State.STRUCK_OUT
    assert Strike.objects.count() == 3
    assert Verdict.objects.count() == 2
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"


@pytest.mark.parametrize(("action", "strikes", "signals"), [("signal", 0, 1), ("off", 0, 0)])
def test_the_study_s_rule_says_what_a_failed_check_does(
    study: Study, client: Client, action: str, strikes: int, signals: int
) -> None:
    ScreenRule.objects.create(study=study, kind="failed_check", action=action)
    add_item(study)
    study.battles_each = 1
    study.save()
    begin(client)
    talk(client)
    compare(client, item="A")
    assert (Strike.objects.count(), Signal.objects.count()) == (strikes, signals)
    assert not CheckAnswer.objects.get().is_passed


# Gold battles


def go_to_gold(client: Client) -> Battle:
    """Judge battles until one of them is gold, and talk in it."""
    begin(client)
    while not (battle := talk(client)).broken_side:
        compare(client, "tie")
    return battle


@pytest.mark.parametrize("fault", ["off_topic", "truncated", "scrambled"])
def test_one_side_of_a_gold_battle_is_broken_and_stays_so_on_record(
    study: Study, client: Client, fault: str
) -> None:
    check = add_check(study, "gold", fault=fault)
    battle = go_to_gold(client)
    assert battle.attention_check == check
    broken = Reply.objects.get(turn__battle=battle, side=battle.broken_side)
    # The bots say little, so that cut or shuffled it would hardly look broken.
    assert broken.text in PARAGRAPHS or fault != "off_topic"
    whole = Reply.objects.exclude(side=battle.broken_side).get(turn__battle=battle)
    assert whole.text not in PARAGRAPHS
    page = client.get("/join/tea/battle/").text
    assert broken.text.split()[0] in page
    assert "Battle 2 of 3" in page or "Battle 3 of 3" in page
    assert not any(secret in page for secret in SECRETS)
    assert fault not in page


@pytest.fixture
def broken(server: ChatServer) -> Turn:  # noqa: F811
    """A message in a gold battle whose side B is broken, sent to a real server."""
    study = make_live_study(server.base_url)
    battle = open_battle(study)
    battle.attention_check = add_check(study, "gold", fault="scrambled")
    battle.broken_side = "b"
    battle.save()
    return say(battle)


def test_what_is_broken_shows_nothing_until_it_is_whole(
    server: ChatServer,  # noqa: F811
    broken: Turn,
) -> None:
    server.play(*[Talk(("Boil ", "it ", "well."), seconds_between=0.1)] * 2)
    for side, grown in (("a", "Boil it well."), ("b", "")):
        claim = claim_reply(reply_to(broken, side).pk, at=timezone.now())
        assert claim is not None
        _ask(claim, lease=timedelta(seconds=9), write_every=timedelta(milliseconds=20))
        assert reply_to(broken, side).text == grown


def test_a_broken_reply_is_stored_as_it_is_shown_and_heard_so_later(
    server: ChatServer,  # noqa: F811
    broken: Turn,
) -> None:
    words = "I am Ash 7B and say that rice is best boiled in much water for twelve minutes."
    server.play(*[Talk((words,))] * 2)
    for side in "ab":
        make_reply(reply_to(broken, side).pk)
    a, b = reply_to(broken, "a"), reply_to(broken, "b")
    assert (a.text, a.masked, b.masked) == (words, 1, 1)
    assert b.text != words
    assert "Ash" not in b.text
    assert set(b.text.split()) > {"rice", "boiled", "minutes."}
    say(broken.battle, "And pasta?", number=2)
    for reply in Reply.objects.filter(turn__number=2).order_by("side"):
        make_reply(reply.pk)
    heard = [request.body["messages"][-2]["content"] for request in server.requests[-2:]]
    assert heard == [words, b.text]


@pytest.mark.parametrize("preferred", ["broken", "whole", "tie"])
def test_who_prefers_the_broken_side_fails(study: Study, client: Client, preferred: str) -> None:
    add_check(study, "gold", fault="off_topic")
    battle = go_to_gold(client)
    other = "b" if battle.broken_side == "a" else "a"
    compare(client, {"broken": battle.broken_side, "whole": other, "tie": "tie"}[preferred])
    answer = CheckAnswer.objects.get()
    assert answer.battle == battle
    assert answer.is_passed == (preferred != "broken")
    slips = Signal.objects.filter(kind=FlawKind.FAILED_CHECK)
    assert slips.count() == (preferred == "broken")
    for slip in slips:
        assert f"the answers of {battle.broken_side.upper()} were broken" in slip.evidence


@pytest.mark.every_database
def test_verdicts_of_a_gold_battle_are_kept_and_count_nowhere(study: Study, client: Client) -> None:
    add_check(study, "gold", fault="off_topic")
    battle = go_to_gold(client)
    compare(client, "tie")
    assert battle.verdicts.count() == 2
    assert not Verdict.objects.counting(study).filter(battle=battle).exists()
    assert (
        sum(_seen(study).values())
        == study.participations.get()
        .battles.exclude(pk=battle.pk)
        .filter(judged_at__isnull=False)
        .count()
    )


def test_gold_takes_no_battle_away_where_all_pairs_are_needed(client: Client) -> None:
    study = open_study(battles_each=3)
    add_check(study, "gold", fault="off_topic")
    begin(client)
    for _ in range(4):
        talk(client)
        compare(client, "tie")
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    counting = Battle.objects.filter(attention_check=None)
    pairs = {frozenset(sides) for sides in counting.values_list("side_a", "side_b")}
    assert len(pairs) == counting.count() == 3


# A battle shown again


def go_to_repeat(client: Client, first: str = "a") -> tuple[Battle, Battle]:
    """Judge both battles in the same way; the one that is shown again, and the one before."""
    begin(client)
    for _ in range(2):
        talk(client)
        compare(client, first)
    again = client.get("/join/tea/battle/")
    repeat = Battle.objects.latest("pk")
    assert again.url == f"/join/tea/battle/{repeat.key}/compare/"
    assert repeat.repeats is not None
    return repeat, repeat.repeats


def replies_on(page: str) -> dict[str, str]:
    found = re.findall(r'data-side="(\w)".*?<div class="reply-body">(.*?)</div>', page, re.DOTALL)
    return dict(found)


@pytest.mark.every_database
def test_the_repeated_battle_shows_the_same_talk_with_swapped_sides(
    study: Study, client: Client
) -> None:
    add_check(study, "repeat")
    repeat, original = go_to_repeat(client)
    assert (repeat.side_a, repeat.side_b) == (original.side_b, original.side_a)
    page = client.get(f"/join/tea/battle/{repeat.key}/compare/").text
    assert "Battle 3 of 3" in page
    assert '<details class="look-back" data-battle-past open>' in page
    assert "How do I clean an oven that is very dirty?" in page
    assert "Go on talking first" not in page
    shown = replies_on(page)
    before = {r.side: r.text for r in Reply.objects.filter(turn__battle=original)}
    assert before["a"].split()[0] in shown["b"]
    assert before["b"].split()[0] in shown["a"]
    assert page.index('data-side="a"') < page.index('data-side="b"')
    assert not Turn.objects.filter(battle=repeat).exists()


def test_nothing_more_is_said_in_a_repeated_battle(study: Study, client: Client) -> None:
    add_check(study, "repeat")
    repeat, _ = go_to_repeat(client)
    data = {"text": "And the windows?", "number": 1}
    response = client.post(f"/join/tea/battle/{repeat.key}/message/", data)
    assert response.status_code == 422
    assert "This conversation is over" in response.text
    assert not repeat.turns.exists()


@pytest.mark.parametrize(
    ("first", "again", "is_passed"),
    [
        ("a", "b", True),
        ("a", "a", False),
        ("b", "b", False),
        ("a", "tie", True),
        ("tie", "a", True),
    ],
)
def test_the_opposite_answer_is_told_to_a_reviewer_and_is_no_strike(
    study: Study, client: Client, first: str, again: str, is_passed: bool
) -> None:
    add_check(study, "repeat")
    repeat, original = go_to_repeat(client, first)
    compare(client, again)
    answer = CheckAnswer.objects.get()
    assert (answer.battle, answer.answer, answer.is_passed) == (repeat, again, is_passed)
    assert not Strike.objects.exists()
    assert Signal.objects.filter(kind=FlawKind.INCONSISTENT).count() == (not is_passed)
    assert repeat.verdicts.count() == 2
    counting = Verdict.objects.counting(study)
    assert set(counting.values_list("battle", flat=True)) == {original.pk, *_others(original)}
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"


def _others(battle: Battle) -> set[int]:
    hers = Battle.objects.filter(participation=battle.participation, attention_check=None)
    return set(hers.values_list("pk", flat=True))


def test_a_study_may_strike_for_contradictions(study: Study, client: Client) -> None:
    add_check(study, "repeat")
    ScreenRule.objects.create(study=study, kind="inconsistent", action="strike")
    go_to_repeat(client, "a")
    compare(client, "a")
    assert Strike.objects.get().kind == FlawKind.INCONSISTENT


# One model at a time


def test_a_study_of_one_model_at_a_time_has_all_of_them(client: Client) -> None:
    study = open_study(protocol=Study.Protocol.SINGLE)
    item = add_item(study)
    gold = add_check(study, "gold", fault="off_topic")
    repeat = add_check(study, "repeat")
    participation = begin(client)
    assert "Conversation 1 of 4" in client.get("/join/tea/battle/").text
    scores = {}
    for _ in range(3):
        battle = talk(client)
        assert battle.broken_side in {"", "a"}
        page = client.get(f"/join/tea/battle/{battle.key}/compare/").text
        assert ("Please choose 2 here." in page) == bool(items_of(battle))
        scores[battle.pk] = 5
        compare(client, 5, item="3")
    assert client.get("/join/tea/battle/").url.endswith("/compare/")
    again = Battle.objects.latest("pk")
    assert again.repeats_id in scores
    compare(client, 2)
    passed = dict(participation.check_answers.values_list("attention_check", "is_passed"))
    assert passed == {item.pk: False, gold.pk: False, repeat.pk: False}
    found = [*Strike.objects.all(), *Signal.objects.filter(kind=FlawKind.FAILED_CHECK)]
    evidence = {each.key.removeprefix("slip:"): each.evidence for each in found}
    assert evidence.keys() == {f"check:{item.pk}", f"check:{gold.pk}"}
    assert "you rated them 5 of 7" in evidence[f"check:{gold.pk}"]
    assert "5 of 7 first, and 2 later" in Signal.objects.get(key=f"check:{repeat.pk}").evidence
    counting = set(Rating.objects.counting(study).values_list("battle", flat=True))
    assert len(counting) == 2
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"


@pytest.mark.parametrize(("gold", "repeat"), [(4, 7), (1, 3)])
def test_a_middling_score_prefers_nothing_and_near_scores_agree(
    client: Client, gold: int, repeat: int
) -> None:
    study = open_study(protocol=Study.Protocol.SINGLE)
    add_check(study, "gold", fault="off_topic")
    add_check(study, "repeat")
    begin(client)
    for _ in range(3):
        battle = talk(client)
        compare(client, gold if battle.broken_side else 5)
    client.get("/join/tea/battle/")
    compare(client, repeat)
    assert CheckAnswer.objects.filter(is_passed=True).count() == 2
    assert not Strike.objects.exists()
    assert not Signal.objects.filter(kind=FlawKind.INCONSISTENT).exists()


# Around them


def test_the_first_page_counts_them_in(study: Study, client: Client) -> None:
    assert "You do this 2 times" in client.get(LINK).text
    add_check(study, "gold", fault="off_topic")
    add_check(study, "repeat")
    assert "You do this 4 times" in client.get(LINK).text


def test_a_preview_shows_them_and_leaves_nothing(study: Study, client: Client) -> None:
    admin = make_admin()
    add_item(study)
    add_check(study, "gold", fault="off_topic")
    add_check(study, "repeat")
    preview = start_preview(study, by=admin, at=timezone.now())
    assert preview.checks.count() == 3
    client.force_login(admin)
    way = f"/join/{preview.slug}"
    client.post(f"{way}/")
    client.post(f"{way}/consent/", {"version": 1, "answer": "agree"})
    client.post(f"{way}/about/age/", {"group": "18-34"})
    client.post(f"{way}/about/sex/", {"group": "female"})
    client.post(f"{way}/how/")
    for _ in range(4):
        client.get(f"{way}/battle/")
        battle = Battle.objects.latest("pk")
        data = {"text": "How do I clean it?", "number": 1}
        client.post(f"{way}/battle/{battle.key}/message/", data)
        make_replies()
        items = {f"question-{placed.check.pk}": "A" for placed in items_of(battle)}
        outcomes = {"outcome-overall": battle.broken_side or "a", "outcome-clarity": "a"}
        client.post(f"{way}/battle/{battle.key}/compare/", outcomes | items)
    assert client.get(f"{way}/battle/").url == f"{way}/end/"
    assert CheckAnswer.objects.count() == 2, "without a verdict nothing is compared again"
    assert (Strike.objects.count(), Signal.objects.count()) == (1, 1)
    end_preview(preview)
    assert not CheckAnswer.objects.exists()
    assert not Strike.objects.exists()
    assert not Signal.objects.exists()
    assert AttentionCheck.objects.count() == study.checks.count() == 3


@pytest.mark.every_database
def test_erasure_keeps_that_a_check_was_answered_and_not_what(study: Study, client: Client) -> None:
    for _ in range(2):
        add_item(study)
    study.battles_each = 1
    study.save()
    participation = begin(client)
    talk(client)
    compare(client, item="A")
    withdraw_and_erase(participation, at=timezone.now())
    answers = CheckAnswer.objects.values_list("answer", "is_passed")
    assert list(answers) == [("", False)] * 2
    assert Strike.objects.get().evidence == Signal.objects.get().evidence == ""


@pytest.mark.every_database
def test_a_check_that_was_answered_keeps_its_words(study: Study, client: Client) -> None:
    check = add_item(study)
    study.battles_each = 1
    study.save()
    AttentionCheck.objects.filter(pk=check.pk).update(question="Please choose B.")
    begin(client)
    talk(client)
    compare(client, item="B")
    with pytest.raises(DatabaseError, match="keeps its words"), transaction.atomic():
        AttentionCheck.objects.filter(pk=check.pk).update(accepted="A")
    AttentionCheck.objects.filter(pk=check.pk).update(position=4)


def test_where_they_come_is_drawn_for_each_rater_and_stays(study: Study) -> None:
    add_item(study)
    add_check(study, "gold", fault="off_topic")
    add_check(study, "repeat")
    raters = [take_part(study) for _ in range(20)]
    drawn = [placement_of(participation) for participation in raters]
    assert drawn == [placement_of(participation) for participation in raters]
    assert len({str(placement) for placement in drawn}) > 5
    assert next_battle(raters[0], at=timezone.now()) is not None
    assert list(missing_of_checks(study)) == []


def test_kinds_and_answers_are_called_alike_on_both_sides() -> None:
    assert {str(kind) for kind in FlawKind} == set(ScreenRule.Kind.values)
    assert ScreenRule.Kind.values == [str(kind) for kind in FlawKind]
    for form in (VerdictsForm, RatingsForm):
        protocol = Study.Protocol.SINGLE if form is RatingsForm else Study.Protocol.PAIRWISE
        assert STUDYS_OWN_ANSWERS[protocol] == tuple(label for _, label in form.answers)
    strikes = {str(kind) for kind, (action, _) in DEFAULTS.items() if action == "strike"}
    assert not strikes & {str(kind) for kind in ScreenRule.NEVER_A_STRIKE}
