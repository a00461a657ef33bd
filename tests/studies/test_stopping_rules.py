"""Stopping rules of a study: designed in the admin, fixed once it opens, and what they end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from leaderboards.scheduling.stopping import look
from leaderboards.services.standings import fold_standings
from raters.errors import StudyClosedError
from raters.models import Participation
from raters.services.panel import reserve_place, return_place
from raters.simulation import Population, simulate_raters
from studies.cloning import clone_study
from studies.errors import StateError
from studies.models import Matchup, StoppingRule, Study
from studies.planning import missing_before_opening, open_study
from studies.services import withdraw_contestant
from studies.stopping import mark_answered, take_raters_again
from tests.cast import NOW, complete_design, make_admin, make_study
from tests.raters import live_study, steps
from tests.test_admin_design import form_of, page_of, said, step_of, text_of, untouched

pytestmark = pytest.mark.django_db

Kind = StoppingRule.Kind
WORDS = "whoever sees its figures could otherwise choose the rule that is just fulfilled"


@pytest.fixture
def boss(client: Client) -> User:
    user = make_admin()
    client.force_login(user)
    return user


@pytest.fixture
def draft() -> Study:
    return make_study(raters=0, state=Study.State.DRAFT)


def pick(study: Study, name: str) -> Any:
    return study.contestants.get(name=name)


def post_rules(client: Client, study: Study, *rules: dict[str, Any]) -> Any:
    """What the browser sends for new rules, the rest of the form as it stands."""
    form = untouched(client, page_of(study))
    form["stopping_rules-TOTAL_FORMS"] = len(rules)
    for n, rule in enumerate(rules):
        said = {"ranking": "overall", "confidence": "0.95", "study": study.pk, **rule}
        form |= {f"stopping_rules-{n}-{field}": value for field, value in said.items()}
    return client.post(page_of(study), form)


def play(study: Study) -> None:
    """Sixty simulated raters, who answer the study's rules, and the fold of their verdicts."""
    simulate_raters(
        study, raters=60, battles_each=3, seed=1,
        population=Population(skill_sd=2.5, dimension_sd=0, default_group_sd=0), at=NOW,
    )  # fmt: skip
    fold_standings(study)


# The form


@pytest.mark.one_database
def test_rules_of_every_kind_are_added_on_the_study_s_page(
    client: Client, boss: User, draft: Study
) -> None:
    ash, birch = pick(draft, "Ash"), pick(draft, "Birch")
    response = post_rules(
        client,
        draft,
        {"kind": "sigma", "sigma": "0.1"},
        {"kind": "separated", "ranking": "groups", "confidence": "0.9"},
        {"kind": "top", "top": "3"},
        {"kind": "pair", "first": ash.pk, "second": birch.pk},
    )
    assert response.status_code == 302, text_of(response)
    assert [str(rule) for rule in draft.stopping_rules.all()] == [
        "Every skill of the overall ranking within a standard deviation of 0.1",
        "All neighbours in the ranking of every group separated, surely enough (90%)",
        "The top 3 of the overall ranking settled, surely enough (95%)",
        "Ash and Birch separated in the overall ranking, surely enough (95%)",
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "sigma"}, "Say how small every standard deviation has to be."),
        ({"kind": "sigma", "sigma": "0"}, "greater than or equal to 0.01"),
        ({"kind": "top"}, "Say how many contestants the top has."),
        ({"kind": "top", "top": "4"}, "A top of 4 is always settled where 4 contestants take part"),
        ({"kind": "separated", "top": "2"}, "Leave it empty: it is only for “the top settled”."),
        ({"kind": "separated", "confidence": "1"}, "less than or equal to 0.999"),
        ({"kind": "pair", "first": "Ash"}, "Say which two contestants."),
        ({"kind": "pair", "first": "Ash", "second": "Ash"}, "Nobody is separated from itself"),
        ({"kind": "pair", "first": "Ash", "second": "Elm"}, "Select a valid choice"),
        ({"kind": "pair", "first": "Ash", "second": "Birch"}, "Select a valid choice"),
    ],
)
@pytest.mark.one_database
def test_a_rule_that_makes_no_sense_is_refused_in_words(
    client: Client, boss: User, draft: Study, rule: dict[str, Any], message: str
) -> None:
    other = make_study("coffee", raters=0, electorate=draft.electorate)
    withdraw_contestant(pick(other, "Birch"), reason="Retired.", at=NOW)
    keys = {"Ash": pick(draft, "Ash").pk, "Elm": pick(other, "Ash").pk, "Birch": 0}
    named = {field: keys.get(value, value) for field, value in rule.items()}
    response = post_rules(client, draft, named)
    assert response.status_code == 200
    assert message in text_of(response)
    assert not StoppingRule.objects.exists()


@pytest.mark.one_database
def test_only_who_takes_part_can_be_named(client: Client, boss: User, draft: Study) -> None:
    withdraw_contestant(pick(draft, "Birch"), reason="Retired.", at=NOW)
    page = client.get(page_of(draft))
    (formset,) = [
        inline.formset
        for inline in page.context["inline_admin_formsets"]
        if inline.formset.model is StoppingRule
    ]
    offered = formset.empty_form.fields["first"].queryset
    assert {each.name for each in offered} == {"Ash", "Cherry", "Dogwood"}


@pytest.mark.one_database
def test_a_study_of_one_model_at_a_time_says_that_it_has_none(
    client: Client, boss: User, draft: Study
) -> None:
    Study.objects.update(protocol=Study.Protocol.SINGLE)
    assert "has no battle queue and no stopping rules" in text_of(client.get(page_of(draft)))
    response = post_rules(client, draft, {"kind": "separated"})
    assert "Remove the rules, or let raters compare two." in text_of(response)
    assert not StoppingRule.objects.exists()


@pytest.mark.one_database
def test_rules_are_fixed_once_the_study_has_opened_also_against_forgery(
    client: Client, boss: User, draft: Study
) -> None:
    rule = StoppingRule.objects.create(study=draft, kind=Kind.TOP, top=2)
    assert "can't be changed once the study has opened" in text_of(client.get(page_of(draft)))
    form = untouched(client, page_of(draft))
    open_study(complete_design(draft), at=NOW)
    page = client.get(page_of(draft))
    assert WORDS in text_of(page)
    assert 'name="stopping_rules-0-top"' not in page.text
    forged = form_of(page.context) | {
        name: value for name, value in form.items() if "stopping" in name
    }
    more = {
        "stopping_rules-TOTAL_FORMS": 2,
        "stopping_rules-0-top": "1",
        "stopping_rules-0-DELETE": "on",
        "stopping_rules-1-kind": "separated",
        "stopping_rules-1-ranking": "overall",
        "stopping_rules-1-confidence": "0.5",
    }
    response = client.post(page_of(draft), forged | more)
    assert response.status_code == 302, text_of(response)
    with pytest.raises(IntegrityError, match="fixed once it has opened"), transaction.atomic():
        draft.stopping_rules.update(top=1)
    with pytest.raises(IntegrityError, match="fixed once it has opened"), transaction.atomic():
        draft.stopping_rules.all().delete()
    with pytest.raises(IntegrityError, match="fixed once it has opened"), transaction.atomic():
        StoppingRule.objects.create(study=draft, kind=Kind.SEPARATED)
    (stands,) = draft.stopping_rules.all()
    assert (stands.pk, stands.top) == (rule.pk, 2)


@pytest.mark.one_database
def test_a_draft_that_has_raters_has_fixed_rules_too(client: Client, boss: User) -> None:
    study = make_study(raters=2, state=Study.State.DRAFT)
    page = text_of(client.get(page_of(study)))
    assert "none can be added, since the study has raters" in page
    assert WORDS in page


def test_how_pairs_are_chosen_may_change_while_it_runs_and_empties_the_queue(
    client: Client, boss: User, draft: Study
) -> None:
    open_study(complete_design(draft), at=NOW)
    Matchup.objects.create(
        study=draft, side_a=pick(draft, "Ash"), side_b=pick(draft, "Birch"), position=1, gain=1,
        created_at=NOW,
    )  # fmt: skip
    form = untouched(client, page_of(draft))
    assert client.post(page_of(draft), form | {"title": "Tea"}).status_code == 302
    assert draft.matchups.exists()
    form |= {"policy": "swiss", "battle_cap": "0.4", "battle_floor": "0.1"}
    response = client.post(page_of(draft), form)
    assert response.status_code == 302, text_of(response)
    draft.refresh_from_db()
    assert (draft.policy, draft.battle_cap, draft.battle_floor) == ("swiss", 0.4, 0.1)
    assert not draft.matchups.exists()


# Opening and cloning


def test_a_rule_that_cannot_be_fulfilled_is_told_before_opening(draft: Study) -> None:
    Study.objects.update(battles_each=2)
    draft.refresh_from_db()
    complete_design(draft)
    StoppingRule.objects.create(
        study=draft, kind=Kind.PAIR, first=pick(draft, "Ash"), second=pick(draft, "Birch")
    )
    StoppingRule.objects.create(study=draft, kind=Kind.TOP, top=3)
    assert missing_before_opening(draft) == ()
    withdraw_contestant(pick(draft, "Birch"), reason="Retired.", at=NOW)
    pair, top = missing_before_opening(draft)
    assert pair == (
        "Change the stopping rule “Ash and Birch separated in the overall ranking, surely enough "
        "(95%)”. Birch does not take part: name another pair."
    )
    assert "A top of 3 is always settled where 3 contestants take part" in top


def test_a_study_of_one_model_at_a_time_opens_without_rules_only(draft: Study) -> None:
    draft.protocol = Study.Protocol.SINGLE
    draft.save()
    complete_design(draft)
    StoppingRule.objects.create(study=draft, kind=Kind.SEPARATED)
    (missing,) = missing_before_opening(draft)
    assert missing.startswith("Remove the stopping rules: raters rate one model at a time")


def test_a_clone_has_the_rules_and_pairs_of_its_own_contestants(draft: Study) -> None:
    ash, birch, cherry = (pick(draft, name) for name in ("Ash", "Birch", "Cherry"))
    StoppingRule.objects.create(study=draft, kind=Kind.SIGMA, sigma=0.2, ranking="groups")
    StoppingRule.objects.create(study=draft, kind=Kind.PAIR, first=ash, second=birch)
    StoppingRule.objects.create(study=draft, kind=Kind.PAIR, first=ash, second=cherry)
    withdraw_contestant(birch, reason="Retired.", at=NOW)
    clone = clone_study(draft, slug="again", title="Again")
    sigma, pair = clone.stopping_rules.all()
    assert (sigma.kind, sigma.sigma, sigma.ranking) == ("sigma", 0.2, "groups")
    assert (pair.first, pair.second) == (pick(clone, "Ash"), pick(clone, "Cherry"))
    assert draft.stopping_rules.count() == 3


# The end


@pytest.fixture
def tea() -> Study:
    """An open study with places for a hundred, and a rule that sixty raters answer."""
    study = live_study.open_study(places=100)
    StoppingRule.objects.create(study=study, kind=Kind.TOP, top=1, confidence=0.8)
    return study


def test_once_answered_nobody_new_comes_in_and_who_is_inside_goes_on(
    tea: Study, client: Client
) -> None:
    play(tea)
    ann = steps.begin(client)
    assert tea.answered_at is None
    look(tea, at=NOW)
    assert tea.answered_at == NOW
    newcomer = Client()
    page = newcomer.get("/join/tea/?PROLIFIC_PID=p-2")
    assert "It has all the answers it needs, and takes nobody new." in page.text
    assert newcomer.post("/join/tea/?PROLIFIC_PID=p-2").url == "/join/tea/"
    assert not Participation.objects.named(tea, "p-2").exists()
    steps.judge(client)
    steps.judge(client, "And the windows?")
    assert client.get("/join/tea/battle/").url == "/join/tea/end/"
    ann.refresh_from_db()
    assert ann.state == Participation.State.COMPLETED


def test_who_is_on_her_way_in_when_it_ends_is_told_so(tea: Study, client: Client) -> None:
    client.post("/join/tea/?PROLIFIC_PID=p-1")
    client.post("/join/tea/consent/", {"version": 1, "answer": "agree"})
    mark_answered(tea, at=NOW)
    client.post("/join/tea/about/age/", {"group": "18-34"})
    response = client.post("/join/tea/about/sex/", {"group": "female"}, follow=True)
    assert "The study has ended" in response.text
    assert not Participation.objects.exists()


def test_who_left_cannot_come_back_once_it_is_answered(tea: Study, client: Client) -> None:
    ann = steps.begin(client)
    return_place(ann, at=NOW + timedelta(hours=1))
    assert "Ask for a place again" in client.get("/join/tea/end/").text
    mark_answered(tea, at=NOW)
    assert "Ask for a place again" not in client.get("/join/tea/end/").text
    assert client.post("/join/tea/", {"again": "yes"}).url == "/join/tea/end/"


def test_a_paused_study_that_is_answered_promises_no_return(tea: Study, client: Client) -> None:
    Study.objects.update(state=Study.State.PAUSED)
    assert "taking a break" in client.get("/join/tea/").text
    mark_answered(tea, at=NOW)
    assert "The study has ended" in client.get("/join/tea/").text


@pytest.mark.django_db(transaction=True)
def test_the_service_refuses_a_place_until_raters_are_taken_again(
    tea: Study, client: Client
) -> None:
    def ask() -> Participation:
        return reserve_place(
            tea, recruiting_id="p-9", groups={"age": "18-34", "sex": "male"},
            consent_text=tea.consent_texts.get(), at=NOW,
        )  # fmt: skip

    mark_answered(tea, at=NOW)
    with pytest.raises(StudyClosedError, match="its question is answered"):
        ask()
    make_admin()
    client.login(username="admin", password="a long sentence")
    step = step_of(tea, "take_again")
    assert step in client.get(page_of(tea)).text
    assert "nobody new can take part" in text_of(client.get(step))
    response = client.post(step, follow=True)
    assert "The study takes raters again" in said(response)
    assert step not in client.get(page_of(tea)).text
    assert ask().state == Participation.State.RESERVED
    tea.refresh_from_db()
    assert (tea.answered_at, tea.ends_when_answered) == (NOW, False)


def test_a_study_that_only_tells_it_takes_raters_on(tea: Study, client: Client) -> None:
    Study.objects.update(ends_when_answered=False)
    mark_answered(tea, at=NOW)
    assert steps.begin(client).state == Participation.State.ACTIVE


def test_it_is_answered_once_and_goes_on_only_where_it_has_ended(tea: Study) -> None:
    with pytest.raises(StateError, match="has not ended by its stopping rules"):
        take_raters_again(tea, at=NOW)
    mark_answered(tea, at=NOW)
    mark_answered(tea, at=NOW + timedelta(days=1))
    assert tea.answered_at == NOW
