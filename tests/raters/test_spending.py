"""What a study has cost, counted by hand and by us, and the budget that pauses it."""

from decimal import Decimal

import pytest
from django.utils import timezone

from raters.models import Battle, Reply, Turn, Verdict
from raters.services.battles import give_verdicts, next_battle, send_message
from raters.services.erasing import withdraw_and_erase
from raters.services.previews import start_preview
from raters.services.spending import pause_overspent_studies
from raters.tasks import pause_overspent_studies as beat
from studies.errors import StudyNotReadyError
from studies.life_cycle import move_study
from studies.models import ChatModel, Study, WebhookEvent
from studies.planning import open_study
from studies.spending import spending_by_contestant, spent
from tests.cast import NOW, complete_design, make_admin, make_study
from tests.raters.live import make_live_study, open_battle, say, take_part

pytestmark = pytest.mark.django_db

# Dollars for a million tokens, read and written, by contestant.
PRICES = {"Ash 7B": ("2.5", "10"), "Birch": ("0.15", "0.6")}


@pytest.fixture
def study() -> Study:
    study = make_live_study()
    for name, (read, written) in PRICES.items():
        ChatModel.objects.filter(name=name).update(input_price=read, output_price=written)
    return study


def answer(turn: Turn, side: str, prompt: int | None, completion: int | None) -> None:
    """Let a side have answered, with so many tokens."""
    turn.replies.filter(side=side).update(
        state=Reply.State.FINISHED,
        text="Boil it.",
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_ms=900,
        finished_at=timezone.now(),
    )


def talk(study: Study, *, seed: int = 1, tokens: int = 1_000) -> Battle:
    """One whole turn: A is charged for `tokens`, and B for half of them."""
    battle = open_battle(study, seed=seed)
    turn = say(battle)
    answer(turn, "a", tokens, 200)
    answer(turn, "b", tokens // 2, 100)
    return battle


def priced(contestant_name: str, prompt: int, completion: int) -> Decimal:
    read, written = map(Decimal, PRICES[contestant_name])
    return (read * prompt + written * completion) / 1_000_000


def test_cost_is_tokens_times_prices_on_both_sides(study: Study) -> None:
    by_hand = Decimal(0)
    for seed in range(6):
        battle = talk(study, seed=seed)
        by_hand += priced(battle.side_a.name, 1_000, 200) + priced(battle.side_b.name, 500, 100)
    spending = spent(study)
    assert spending.cost == by_hand
    assert (spending.prompt_tokens, spending.completion_tokens) == (6 * 1_500, 6 * 300)
    assert spending.uncounted == 0
    sides = {battle.side_a_id for battle in Battle.objects.all()}
    assert len(sides) == 2, "One that never was side A would show nothing of the other side."
    assert sum(part.cost for part in spending_by_contestant(study).values()) == by_hand


def test_a_study_without_replies_has_cost_nothing(study: Study) -> None:
    open_battle(study)
    assert spent(study).cost == 0


@pytest.mark.parametrize("tokens", [(None, None), (10, None), (None, 10)])
def test_an_answer_without_both_counts_is_told_apart(
    study: Study, tokens: tuple[int | None, int | None]
) -> None:
    battle = open_battle(study)
    turn = say(battle)
    answer(turn, "a", *tokens)
    answer(turn, "b", 100, 10)
    spending = spent(study)
    assert spending.cost == priced(battle.side_b.name, 100, 10)
    assert (spending.prompt_tokens, spending.uncounted) == (100, 1)


def test_what_failed_or_waits_is_no_answer_without_a_count(study: Study) -> None:
    turn = say(open_battle(study))
    turn.replies.filter(side="a").update(state=Reply.State.FAILED, error="ServerError: 500")
    assert spent(study).uncounted == 0


def test_what_was_erased_still_counts(study: Study) -> None:
    battle = talk(study)
    before = spent(study)
    withdraw_and_erase(battle.participation, at=timezone.now())
    assert before.cost > 0
    assert spent(study) == before


def test_another_study_of_the_same_chat_models_is_charged_for_itself(study: Study) -> None:
    talk(study)
    study.consent_texts.create(version=1, summary="You talk.", text="You agree.")
    preview = start_preview(study, by=make_admin(), at=timezone.now())
    before = spent(study)
    talk(preview)
    assert spent(study) == before
    assert spent(preview).cost > 0


def test_a_budget_that_is_spent_pauses_the_study_and_says_so(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(budget="0.01")
    talk(study, tokens=100)
    assert pause_overspent_studies(at=NOW) == []
    talk(study, tokens=100_000)
    cost = spent(study).cost
    assert pause_overspent_studies(at=NOW) == [study]
    study.refresh_from_db()
    assert study.state == Study.State.PAUSED
    assert study.pause_reason == (
        f"The budget of $0.01 is spent: replies have cost ${cost:.2f}. Raise the budget to go on."
    )
    assert pause_overspent_studies(at=NOW) == [], "It is paused once."
    event = WebhookEvent.objects.get(kind=WebhookEvent.Kind.BUDGET_SPENT)
    assert event.facts == {"study": study.slug, "budget": "0.01", "currency": "USD"}


def test_a_budget_is_spent_once_all_of_it_is(study: Study) -> None:
    battle = talk(study)
    cost = spent(study).cost
    Reply.objects.filter(turn__battle=battle).update(prompt_tokens=0, completion_tokens=0)
    ChatModel.objects.update(input_price=10_000, output_price=0)
    Reply.objects.filter(turn__battle=battle, side="a").update(prompt_tokens=199)
    Study.objects.filter(pk=study.pk).update(budget="2.00")
    assert cost > 0
    assert pause_overspent_studies(at=NOW) == []
    Reply.objects.filter(turn__battle=battle, side="b").update(prompt_tokens=1)
    assert spent(study).cost == 2
    assert pause_overspent_studies(at=NOW) == [study]


def test_the_beat_pauses_what_is_overspent_and_nothing_else(study: Study) -> None:
    free = make_study("free", raters=0, state=Study.State.OPEN)
    Study.objects.filter(pk=study.pk).update(budget="0.01")
    talk(study, tokens=100_000)
    beat()
    states = dict(Study.objects.values_list("slug", "state"))
    assert states == {"live": "paused", free.slug: "open"}


def test_a_battle_that_was_begun_can_be_ended_while_the_budget_pauses(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(budget="0.01")
    battle = talk(study, tokens=100_000)
    newcomer = take_part(study)
    pause_overspent_studies(at=NOW)
    ended = give_verdicts(battle, outcomes={"overall": "a", "warmth": "tie"}, at=timezone.now())
    assert ended.judged_at is not None
    assert Verdict.objects.of(study).count() == 2
    for begin in (
        lambda: next_battle(newcomer, at=timezone.now()),
        lambda: send_message(battle, text="And?", number=2, at=timezone.now()),
    ):
        with pytest.raises(Exception, match=r"paused|ended"):
            begin()


def test_a_study_whose_budget_is_spent_opens_again_once_it_is_raised() -> None:
    study = complete_design(make_study(raters=0, state="draft"))
    Study.objects.filter(pk=study.pk).update(budget="1.00", min_turns=1)
    ChatModel.objects.update(input_price=10, output_price=10)
    open_study(study, at=NOW)
    talk(study, tokens=100_000)
    assert pause_overspent_studies(at=NOW) == [study]
    with pytest.raises(StudyNotReadyError, match=r"The budget of \$1.00 is spent: replies have"):
        open_study(study, at=NOW)
    Study.objects.filter(pk=study.pk).update(budget="100.00")
    open_study(study, at=NOW)
    assert (study.state, study.pause_reason) == ("open", "")


def test_who_pauses_by_hand_gives_no_reason_of_the_platform(study: Study) -> None:
    move_study(study, to=Study.State.PAUSED, reason="The budget is spent.", at=NOW)
    assert study.pause_reason == "The budget is spent."
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    move_study(study, to=Study.State.PAUSED, at=NOW)
    assert study.pause_reason == ""
