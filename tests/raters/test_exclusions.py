"""What counts: exclusions by name and by rule, lifted again, and attention checks never."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from raters.errors import ExclusionError
from raters.models import Battle, Exclusion, Participation, Rating, Reply, Turn, Verdict
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, exclude_by_rule, lift_exclusion
from studies.models import AttentionCheck, Study
from tests.cast import NOW, make_admin, make_study, make_user
from tests.leaderboards.conftest import rate

pytestmark = pytest.mark.django_db

Rule = Exclusion.Rule


@pytest.fixture
def boss() -> User:
    return make_admin()


@pytest.fixture(params=[Study.Protocol.PAIRWISE, Study.Protocol.SINGLE])
def study(request: pytest.FixtureRequest) -> Study:
    """Ten raters with four battles each, of either protocol; everybody completed it."""
    if request.param == Study.Protocol.PAIRWISE:
        study = make_study(raters=10)
    else:
        study = make_study(raters=0, protocol=Study.Protocol.SINGLE)
        rate(study, raters=10, each=4)
    study.participations.update(state=Participation.State.COMPLETED)
    return study


def counting(study: Study) -> set[int]:
    """The battles whose verdicts or ratings count."""
    answers = Rating if study.protocol == Study.Protocol.SINGLE else Verdict
    found = answers.objects.counting(study)
    battles = set(found.values_list("battle_id", flat=True))
    assert found.count() == len(battles) * study.dimensions.count()
    told = answers.objects.of(study).told_what_counts(study).values_list("pk", "counts")
    assert {pk for pk, counts in told if counts} == set(found.values_list("pk", flat=True))
    return battles


def battles_of(study: Study) -> list[Battle]:
    return list(Battle.objects.filter(participation__study=study).order_by("pk"))


def say(battle: Battle, *, masked: tuple[int, ...] = (0, 0), is_probe: bool = False) -> None:
    """One more turn, in whose replies so many names were masked."""
    turn = Turn.objects.create(
        battle=battle,
        number=battle.turns.count() + 1,
        text="Hello.",
        created_at=NOW,
        is_identity_probe=is_probe,
    )
    for side, count in zip("ab", masked, strict=True):
        Reply.objects.create(
            turn=turn, side=side, state="finished", text="Hi.", due_at=NOW, masked=count
        )


def put(state: str) -> Callable[[Study], set[int]]:
    """Put the second rater in a state; her battles are those that a rule should leave out."""

    def arrange(study: Study) -> set[int]:
        participation = study.participations.order_by("pk")[1]
        Participation.objects.filter(pk=participation.pk).update(state=state)
        return set(participation.battles.values_list("pk", flat=True))

    return arrange


def leak(study: Study) -> set[int]:
    first, second, third, *_ = battles_of(study)
    say(first, masked=(0, 2))
    # Two names in two turns are still one battle.
    say(first, masked=(1, 1))
    say(second, is_probe=True)
    say(third)
    return {first.pk}


def probe(study: Study) -> set[int]:
    first, second, *_ = battles_of(study)
    say(first, masked=(0, 2))
    say(second)
    say(second, is_probe=True)
    return {second.pk}


RULES = {
    Rule.STRUCK_OUT: put("struck_out"),
    Rule.UNFINISHED: put("returned"),
    Rule.LEAKS: leak,
    Rule.PROBES: probe,
}


@pytest.mark.parametrize("rule", Rule)
def test_a_rule_leaves_out_what_it_speaks_of_until_it_is_lifted(
    study: Study, boss: User, rule: Exclusion.Rule
) -> None:
    spoken_of = RULES[rule](study)
    everything = {battle.pk for battle in battles_of(study)}
    assert counting(study) == everything
    exclusion = exclude_by_rule(study, rule, reason="It was agreed.", by=boss, at=NOW)
    assert (exclusion.study, exclusion.actor, exclusion.created_at) == (study, boss, NOW)
    assert spoken_of
    assert counting(study) == everything - spoken_of
    lift_exclusion(exclusion, by=boss, at=NOW)
    assert counting(study) == everything


def test_a_rule_speaks_of_those_to_come(study: Study, boss: User) -> None:
    exclude_by_rule(study, Rule.STRUCK_OUT, reason="Three strikes.", by=boss, at=NOW)
    everything = {battle.pk for battle in battles_of(study)}
    assert counting(study) == everything
    struck_out = put("struck_out")(study)
    assert counting(study) == everything - struck_out


def test_somebody_struck_out_did_not_complete_the_study(study: Study, boss: User) -> None:
    struck_out = put("struck_out")(study)
    exclude_by_rule(study, Rule.UNFINISHED, reason="Half a study.", by=boss, at=NOW)
    assert not counting(study) & struck_out


def test_exclusions_of_every_kind_apply_together(study: Study, boss: User) -> None:
    left_out = leak(study) | probe(study)
    *_, before_last, last = battles_of(study)
    exclude(before_last, reason="A power cut.", by=boss, at=NOW)
    exclude(last.participation, reason="Fraud.", by=boss, at=NOW)
    left_out |= set(last.participation.battles.values_list("pk", flat=True)) | {before_last.pk}
    # Only now: what a rater's state says is no business of the rules about battles.
    exclude_by_rule(study, Rule.LEAKS, reason="Not blind.", by=boss, at=NOW)
    exclude_by_rule(study, Rule.PROBES, reason="Not blind.", by=boss, at=NOW)
    assert counting(study) == {battle.pk for battle in battles_of(study)} - left_out


def test_some_exclusions_can_be_chosen(study: Study, boss: User) -> None:
    named = exclude(battles_of(study)[0].participation, reason="Fraud.", by=boss, at=NOW)
    leaking = leak(study)
    rule = exclude_by_rule(study, Rule.LEAKS, reason="Not blind.", by=boss, at=NOW)
    answers = Rating if study.protocol == Study.Protocol.SINGLE else Verdict
    total = answers.objects.of(study).count()
    dimensions = study.dimensions.count()

    def left_out(*exclusions: Exclusion) -> int:
        chosen = Exclusion.objects.filter(pk__in=[each.pk for each in exclusions])
        return total - answers.objects.counting(study, exclusions=chosen).count()

    assert left_out() == 0
    assert left_out(rule) == dimensions * len(leaking)
    assert left_out(named) == dimensions * 4


def test_a_rule_speaks_of_its_own_study_alone(study: Study, boss: User) -> None:
    other = make_study("coffee", raters=5, electorate=study.electorate)
    other.participations.update(state=Participation.State.STRUCK_OUT)
    before = counting(other)
    exclude_by_rule(study, Rule.STRUCK_OUT, reason="Three strikes.", by=boss, at=NOW)
    assert counting(other) == before


@pytest.mark.parametrize("kind", [AttentionCheck.Kind.GOLD, AttentionCheck.Kind.REPEAT])
def test_a_battle_that_is_an_attention_check_never_counts(study: Study, kind: str) -> None:
    fault = AttentionCheck.Fault.TRUNCATED if kind == AttentionCheck.Kind.GOLD else ""
    check = AttentionCheck.objects.create(study=study, kind=kind, fault=fault)
    everything = {battle.pk for battle in battles_of(study)}
    assert counting(study) == everything
    checked = battles_of(study)[2]
    Battle.objects.filter(pk=checked.pk).update(attention_check=check)
    assert counting(study) == everything - {checked.pk}


def test_without_checks_and_exclusions_no_battle_is_looked_at(study: Study) -> None:
    answers = Rating if study.protocol == Study.Protocol.SINGLE else Verdict
    with CaptureQueriesContext(connection) as queries:
        answers.objects.counting(study).count()
    assert len(queries) == 3
    assert "raters_battle" not in queries[-1]["sql"]


def test_a_rule_stands_once_until_it_is_lifted(study: Study, boss: User) -> None:
    first = exclude_by_rule(study, Rule.LEAKS, reason=" Not blind. ", by=boss, at=NOW)
    assert first.reason == "Not blind."
    with pytest.raises(ExclusionError, match=r"stands already, .* gave its name away: Not blind\."):
        exclude_by_rule(study, Rule.LEAKS, reason="Again.", by=boss, at=NOW)
    exclude_by_rule(study, Rule.PROBES, reason="Not blind.", by=boss, at=NOW)
    lift_exclusion(first, by=boss, at=NOW)
    exclude_by_rule(study, Rule.LEAKS, reason="After all.", by=boss, at=NOW)
    assert study.exclusions.count() == 3


def test_a_rule_needs_a_reason(study: Study, boss: User) -> None:
    with pytest.raises(ExclusionError, match="Say why raters who were struck out are left out"):
        exclude_by_rule(study, Rule.STRUCK_OUT, reason=" ", by=boss, at=NOW)
    assert not study.exclusions.exists()


def test_kinds_are_what_exclusions_name(study: Study, boss: User) -> None:
    assert study.exclusions.active().kinds() == set()
    battle, *_, last = battles_of(study)
    exclude(battle, reason="A power cut.", by=boss, at=NOW)
    rule = exclude_by_rule(study, Rule.PROBES, reason="Not blind.", by=boss, at=NOW)
    withdraw_and_erase(last.participation, at=NOW)
    active = study.exclusions.active()
    assert active.kinds() == {"battle", "probes", "participation"}
    assert active.by_admins().kinds() == {"battle", "probes"}
    assert active.by_raters().kinds() == {"participation"}
    lift_exclusion(rule, by=boss, at=NOW)
    assert study.exclusions.active().by_admins().kinds() == {"battle"}


# The admin's step


def test_an_admin_excludes_by_rule_from_the_study_s_page(client: Client, boss: User) -> None:
    study = make_study(raters=0)
    client.force_login(boss)
    led = client.get(reverse("admin:studies_study_exclude_by_rule", args=[study.pk]))
    page = reverse("admin:raters_exclusion_rule", args=[study.pk])
    assert led["Location"] == page
    assert "raters who were struck out" in client.get(page).content.decode()
    assert client.post(page, {"rule": "charm", "reason": "Why not."}).status_code == 200
    assert not Exclusion.objects.exists()
    data = {"rule": "struck_out", "reason": "Three strikes."}
    response = client.post(page, data, follow=True)
    exclusion = Exclusion.objects.get()
    assert (exclusion.study, exclusion.rule, exclusion.actor) == (study, "struck_out", boss)
    shown = response.content.decode()
    assert "Boards taken from now on leave out raters who were struck out." in shown
    assert "Rule: raters who were struck out" in shown
    again = client.post(page, data, follow=True).content.decode()
    assert "The rule stands already" in again
    lift = reverse("admin:raters_exclusion_lift", args=[exclusion.pk])
    assert "is lifted" in client.post(lift, follow=True).content.decode()
    assert not study.exclusions.active().exists()


def test_who_may_not_exclude_may_not_by_rule_either(client: Client) -> None:
    study = make_study(raters=0)
    page = reverse("admin:raters_exclusion_rule", args=[study.pk])
    client.force_login(make_user("looker", "studies.view_study", is_staff=True))
    assert client.get(page).status_code == 403
    assert client.post(page, {"rule": "leaks", "reason": "Not blind."}).status_code == 403
    hidden = make_study("hidden", raters=0, is_public=False, electorate=study.electorate)
    client.force_login(make_user("clerk", "raters.add_exclusion", is_staff=True))
    assert client.get(page).status_code == 200
    elsewhere = reverse("admin:raters_exclusion_rule", args=[hidden.pk])
    assert client.get(elsewhere).status_code == 404
