"""Fraud over participations: signals with figures, told once, and never strikes."""

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leaderboards.ranking.davidson import fit_davidson
from leaderboards.ranking.outcomes import count_outcomes
from leaderboards.ranking.predictions import predict, predict_without_own
from leaderboards.services.vote_tests import find_unlikely_votes
from raters.models import Battle, Participation, Signal, Strike, Verdict
from raters.services.erasing import withdraw_and_erase
from raters.services.fraud import look_for_fraud, look_for_fraud_everywhere
from raters.tasks import look_for_fraud as beat
from studies.models import ScreenRule, Study
from tests.cast import make_admin, make_study, make_user
from tests.raters.live import make_live_study, open_battle, say, take_part
from tests.raters.live_study import open_study

pytestmark = pytest.mark.django_db

LONG = "Please tell me how I can bake a good sourdough bread at home without a machine"


def look(study: Study) -> int:
    return look_for_fraud(study, at=timezone.now())


def signals(study: Study, kind: str) -> list[Signal]:
    return list(Signal.objects.filter(participation__study=study, kind=kind).order_by("pk"))


def from_browser(study: Study, address: str, device: str = "") -> Participation:
    hers = take_part(study)
    Participation.objects.filter(pk=hers.pk).update(address_hash=address, device_hash=device)
    return hers


def walk_in(client: Client, study: Study) -> None:
    """From the link to a place."""
    way = f"/join/{study.slug}/"
    client.post(way)
    client.post(f"{way}consent/", {"version": 1, "answer": "agree"})
    client.post(f"{way}about/age/", {"group": "18-34"})
    client.post(f"{way}about/sex/", {"group": "female"})


# Addresses and devices


def test_several_raters_of_one_address_are_told_of_each() -> None:
    study = make_live_study(contestants=0)
    together = {from_browser(study, "home") for _ in range(3)}
    from_browser(study, "elsewhere")
    from_browser(study, "")
    from_browser(study, "")
    assert look(study) == 3
    found = signals(study, "shared_address")
    assert {signal.participation for signal in found} == together
    assert all(signal.figures == {"participations": 3} for signal in found)
    assert found[0].evidence.startswith("3 participations came from one network address.")
    assert not Strike.objects.exists()


def test_looking_again_tells_nothing_twice_until_the_number_has_doubled() -> None:
    study = make_live_study(contestants=0)
    for _ in range(2):
        from_browser(study, "home")
    assert [look(study), look(study)] == [2, 0]
    from_browser(study, "home")
    assert look(study) == 1, "Two know already; the third is new."
    from_browser(study, "home")
    assert look(study) == 4
    assert {s.figures["participations"] for s in signals(study, "shared_address")} == {2, 3, 4}


def test_a_device_says_something_only_at_one_address() -> None:
    study = make_live_study(contestants=0)
    twins = {from_browser(study, "home", "phone") for _ in range(2)}
    from_browser(study, "home", "laptop")
    from_browser(study, "elsewhere", "phone")
    look(study)
    assert {signal.participation for signal in signals(study, "shared_device")} == twins


def test_a_study_can_turn_a_search_off_or_set_from_how_many_on() -> None:
    study = make_live_study(contestants=0)
    for _ in range(3):
        from_browser(study, "home", "phone")
    ScreenRule.objects.create(study=study, kind="shared_address", action="signal", threshold=4)
    ScreenRule.objects.create(study=study, kind="shared_device", action="off")
    assert look(study) == 0
    from_browser(study, "home", "phone")
    assert look(study) == 4
    assert signals(study, "shared_device") == []


def test_who_has_withdrawn_shares_nothing_any_more() -> None:
    study = make_live_study(contestants=0)
    gone, _stays = (from_browser(study, "home") for _ in range(2))
    withdraw_and_erase(gone, at=timezone.now())
    assert look(study) == 0


@pytest.mark.parametrize(
    ("headers", "has_address"),
    [({"REMOTE_ADDR": "203.0.113.7"}, True), ({"REMOTE_ADDR": "127.0.0.1"}, False)],
)
def test_the_entrance_keeps_hashes_of_address_and_device(
    client: Client, headers: dict[str, str], has_address: bool
) -> None:
    study = open_study()
    client.defaults |= headers | {"HTTP_USER_AGENT": "Phone", "HTTP_ACCEPT_LANGUAGE": "en"}
    walk_in(client, study)
    hers = Participation.objects.get(study=study)
    assert bool(hers.address_hash) is has_address
    assert len(hers.device_hash) == 64
    stored = f"{hers.address_hash} {hers.device_hash}"
    assert "203.0.113.7" not in stored
    assert "Phone" not in stored


def test_hashes_are_other_ones_in_each_study_and_the_same_within_one() -> None:
    found = []
    for slug in ("tea", "coffee"):
        study = open_study(slug)
        for _ in range(2):
            walker = Client(REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Phone")
            walk_in(walker, study)
        found.append(set(study.participations.values_list("address_hash", "device_hash")))
    assert [len(pairs) for pairs in found] == [1, 1]
    assert not (set(*found[0]) & set(*found[1]))


def test_a_proxy_is_believed_only_where_the_settings_count_it(settings: Any) -> None:
    study = open_study()
    for believed in (0, 1):
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = believed
        for n in range(2):
            claimed = f"198.51.100.{n}, 198.51.100.{100 + n}"
            walk_in(Client(REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR=claimed), study)
    hashes = list(study.participations.order_by("pk").values_list("address_hash", flat=True))
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


# Texts


def test_the_same_words_of_two_raters_are_told_of_both() -> None:
    study = make_live_study(
        task="Talk about bread, and about nothing else in the whole wide world."
    )
    battles = [open_battle(study) for _ in range(4)]
    for battle, text in zip(
        battles, (LONG, f"  {LONG.upper()}!", "Hello there", study.task), strict=True
    ):
        say(battle, text)
    say(open_battle(study), study.task)
    say(open_battle(study), "Hello there")
    assert [look(study), look(study)] == [2, 0]
    found = signals(study, "shared_text")
    assert [signal.battle for signal in found] == battles[:2]
    assert all(signal.figures == {"raters": 2, "similarity": 1.0} for signal in found)
    assert "was sent by another rater too, word for word." in found[0].evidence
    assert found[0].evidence.startswith("“Please tell me how I can bake")


def test_nearly_the_same_words_quote_to_each_rater_her_own() -> None:
    study = make_live_study()
    mine, hers = open_battle(study), open_battle(study)
    say(mine, f"{LONG} now or later today if that is at all possible")
    say(hers, f"{LONG} now or later today if that is at all feasible")
    look(study)
    by_battle = {signal.battle: signal for signal in signals(study, "shared_text")}
    assert by_battle.keys() == {mine, hers}
    assert 0.8 <= by_battle[mine].figures["similarity"] < 1
    assert "almost word for word" in by_battle[mine].evidence
    keys = {signal.key for signal in by_battle.values()}
    assert len(keys) == 2


def test_one_raters_own_words_are_shared_with_nobody() -> None:
    study = make_live_study(contestants=3)
    battle = open_battle(study)
    say(battle, LONG)
    again = Battle.objects.create(
        participation=battle.participation, key="2", side_a=battle.side_b, side_b=battle.side_a,
        created_at=timezone.now(),
    )  # fmt: skip
    say(again, LONG)
    assert look(study) == 0


# Votes


def vote(study: Study, outcomes: str, *, at: Any = None) -> Participation:
    """A rater who has finished, and found the first contestant better (w), worse (l) or equal."""
    first, second = study.contestants.order_by("slug")[:2]
    overall = study.dimensions.get(is_overall=True)
    hers = take_part(study)
    said = {"w": "a", "l": "b", "t": "tie"}
    for n, outcome in enumerate(outcomes):
        battle = Battle.objects.create(
            participation=hers, key=str(n), side_a=first, side_b=second,
            created_at=timezone.now(), judged_at=timezone.now(),
        )  # fmt: skip
        Verdict.objects.create(
            battle=battle, dimension=overall, outcome=said[outcome], recorded_at=timezone.now()
        )
    return hers


def test_votes_against_what_everybody_says_are_signalled_with_their_figures() -> None:
    study = make_live_study()
    honest = [vote(study, "wwwwwwwwwl") for _ in range(15)]
    rigger = vote(study, "l" * 10)
    look(study)
    found = {signal.screen: signal for signal in signals(study, "unlikely_votes")}
    assert {signal.participation for signal in found.values()} == {rigger}
    # She is active: the likelihood test is of a fixed number of votes, so it waits for her end.
    assert found.keys() == {"sequential_test"}
    figures = found["sequential_test"].figures
    assert figures["M"] > figures["limit"] == 100
    assert (figures["votes"], figures["vote"]) == (10, 3)
    Participation.objects.filter(pk__in=[rigger.pk, honest[0].pk]).update(state="completed")
    assert look(study) == 1
    figures = signals(study, "unlikely_votes")[-1].figures
    assert figures["p_value"] < 0.01
    assert figures["statistic"] > figures["expected"]
    assert look(study) == 0
    assert not Strike.objects.exists()


def test_a_rater_is_not_judged_by_her_own_votes() -> None:
    rng = np.random.default_rng(1)
    rater = np.repeat(np.arange(6), 5)
    a = rng.integers(0, 4, 30)
    b = (a + rng.integers(1, 4, 30)) % 4
    outcome = rng.integers(0, 3, 30)
    found = predict_without_own(rater, a, b, outcome, contestants=4)
    assert found.sum(axis=1) == pytest.approx(np.ones(30))
    for r in range(6):
        others, hers = rater != r, rater == r
        counts = count_outcomes(a[others], b[others], outcome[others], contestants=4)
        fit = fit_davidson(counts, require_connected=False)
        assert found[hers] == pytest.approx(predict(fit, a[hers], b[hers]), abs=1e-9)


def test_too_few_votes_predict_nobodys() -> None:
    study = make_live_study()
    for _ in range(8):
        vote(study, "wwwwwwwwww")
    vote(study, "l" * 10)
    assert list(find_unlikely_votes(study)) == []


def test_simulated_honest_raters_are_seldom_signalled() -> None:
    study = make_study(raters=150)
    found = {finding.participation_id for finding in find_unlikely_votes(study)}
    assert len(found) <= 0.05 * 150


def test_a_study_of_one_model_at_a_time_has_no_votes_to_test() -> None:
    study = make_study(raters=0, protocol="single")
    assert list(find_unlikely_votes(study)) == []


# Who looks


def test_the_beat_looks_through_studies_that_go_on() -> None:
    studies = {
        state: make_live_study(slug=state, state=state, contestants=0)
        for state in ("draft", "open", "paused", "closed")
    }
    for study in studies.values():
        for _ in range(2):
            from_browser(study, "home")
    beat()
    looked = {state for state, study in studies.items() if signals(study, "shared_address")}
    assert looked == {"open", "paused"}
    assert look_for_fraud_everywhere(at=timezone.now()) == 0


def test_a_reviewer_looks_again_by_a_button(client: Client) -> None:
    study = make_live_study(contestants=0)
    for _ in range(2):
        from_browser(study, "home")
    again = reverse("admin:raters_study_look_again", args=[study.pk])
    client.force_login(make_user("clerk", "studies.view_study", is_staff=True))
    assert client.post(again).status_code == 403
    client.force_login(make_admin())
    assert client.get(again).status_code == 405
    for words in ("2 new signals were found.", "Nothing new was found."):
        assert words in client.post(again, follow=True).text
