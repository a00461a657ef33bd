"""The multiverse, what boards say of exclusions, and standings under rules."""

import json
from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from leaderboards import document
from leaderboards.combinations import KINDS
from leaderboards.errors import NothingToRankError, WrongEngineError
from leaderboards.facts import as_json, parse
from leaderboards.models import Board, Fold, Standing
from leaderboards.pages.multiverse import MultiversePage, answer, multiverse_page
from leaderboards.ranking.boards import BoardParameters, Engine, Scope, Section
from leaderboards.ranking.errors import RankingError
from leaderboards.ranking.multiverse import MAX_KINDS, Multiverse, rank_combinations
from leaderboards.services.boards import compute_sections, parameters_for, take_board
from leaderboards.services.multiverse import MultiverseReport, compute_multiverse
from leaderboards.services.standings import fold_standings
from raters.models import Battle, Exclusion, Participation, Reply, Turn, Verdict
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, exclude_by_rule, lift_exclusion
from raters.services.identities import ids_of
from studies.models import AttentionCheck, Study
from tests.cast import NOW, make_admin, make_board, make_study, make_user
from tests.leaderboards.conftest import rate, write_due_reports

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

Rule = Exclusion.Rule


@pytest.fixture
def boss() -> User:
    return make_admin()


@pytest.fixture(params=[Study.Protocol.PAIRWISE, Study.Protocol.SINGLE])
def study(request: pytest.FixtureRequest) -> Study:
    """Sixteen raters, of either protocol, three of them struck out; two battles with a leak."""
    if request.param == Study.Protocol.PAIRWISE:
        study = make_study(raters=16)
    else:
        study = make_study(raters=0, protocol=Study.Protocol.SINGLE)
        rate(study, raters=16, each=3)
    struck_out = study.participations.order_by("pk").values("pk")[:3]
    study.participations.update(state=Participation.State.COMPLETED)
    Participation.objects.filter(pk__in=list(struck_out.values_list("pk", flat=True))).update(
        state=Participation.State.STRUCK_OUT
    )
    for battle in Battle.objects.order_by("pk")[10:12]:
        turn = Turn.objects.create(battle=battle, number=1, text="Hi.", created_at=NOW)
        Reply.objects.create(
            turn=turn, side="a", state="finished", text="I am …", due_at=NOW, masked=1
        )
    return study


@pytest.fixture
def excluded(study: Study, boss: User) -> dict[str, list[Exclusion]]:
    """Four kinds of exclusions, some of whose verdicts overlap, and what nobody can lift."""
    people = list(study.participations.order_by("pk"))
    battle = people[6].battles.order_by("pk")[0]
    withdraw_and_erase(people[15], at=NOW)
    check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
    Battle.objects.filter(pk=people[9].battles.order_by("pk")[0].pk).update(attention_check=check)

    def by_rule(rule: Exclusion.Rule) -> Exclusion:
        return exclude_by_rule(study, rule, reason=f"By rule {rule}.", by=boss, at=NOW)

    return {
        "struck_out": [by_rule(Rule.STRUCK_OUT)],
        "leaks": [by_rule(Rule.LEAKS)],
        # The first of them is struck out as well.
        "participation": [exclude(people[n], reason="Fraud.", by=boss, at=NOW) for n in (0, 5)],
        "battle": [exclude(battle, reason="A power cut.", by=boss, at=NOW)],
    }


def sections(study: Study, parameters: BoardParameters, dimension: str) -> Section:
    """What a board of the study as it stands would say for all on a dimension."""
    _frame, _given, found = compute_sections(study, parameters, dimension=dimension)
    return found[0]


def test_every_combination_is_what_a_board_would_say_if_the_others_were_lifted(
    study: Study, boss: User, excluded: dict[str, list[Exclusion]]
) -> None:
    parameters = BoardParameters(engine=parameters_for(study).engine, draws=100)
    _dimension, multiverse = compute_multiverse(study, dimension="warmth", parameters=parameters)
    assert multiverse.kinds == ("struck_out", "leaks", "participation", "battle")
    assert len(multiverse.combinations) == 16
    seen = set()
    for combination in multiverse.combinations:
        applied = {
            kind
            for kind, is_applied in zip(multiverse.kinds, combination.applied, strict=True)
            if is_applied
        }
        # The database has no other way to let them count for a moment than to lift them.
        every = list(chain.from_iterable(excluded.values()))
        for exclusion in every:
            is_on = exclusion in chain.from_iterable(excluded[kind] for kind in applied)
            exclusion.lifted_at, exclusion.lifted_by = (None, None) if is_on else (NOW, boss)
        Exclusion.objects.bulk_update(every, ["lifted_at", "lifted_by"])
        expected = sections(study, parameters, "warmth")
        summary = expected.summary
        assert summary is not None
        assert combination.raters == expected.raters
        assert combination.battles == expected.record.battles
        found = {place.contestant: place for place in combination.places}
        places = [found[slug] for slug in multiverse.contestants]
        np.testing.assert_allclose([p.score for p in places], summary.mean, atol=1e-9)
        np.testing.assert_allclose([p.score_low for p in places], summary.low, atol=1e-9)
        assert [p.rank for p in places] == list(summary.rank)
        assert [p.rank_low for p in places] == list(summary.rank_low)
        assert [p.rank_high for p in places] == list(summary.rank_high)
        seen.add((combination.raters, combination.battles))
    assert len(seen) > 8
    assert multiverse.scope == Scope.ELECTORATE
    assert multiverse.combinations[-1].applied == (True,) * 4


@pytest.mark.every_database
def test_the_verdicts_are_read_once_whatever_the_number_of_combinations(
    study: Study, boss: User, excluded: dict[str, list[Exclusion]]
) -> None:
    with CaptureQueriesContext(connection) as many:
        compute_multiverse(study)
    for exclusion in chain.from_iterable(excluded.values()):
        lift_exclusion(exclusion, by=boss, at=NOW)
    with CaptureQueriesContext(connection) as one:
        _dimension, multiverse = compute_multiverse(study)
    assert len(multiverse.combinations) == 1
    assert len(many) == len(one)


def crowned(firsts: list[str | None]) -> Multiverse:
    """A multiverse of three contestants in whose combinations these rank first."""
    names = ("ash", "bay", "elm")
    pairs = [(i, j) for i, j in combinations(range(3), 2)]

    def given(c: int) -> Any:
        from leaderboards.ranking.boards import BoardInput, DimensionInput

        first = firsts[c]
        # The first beats both others again and again; of nobody there is no battle.
        order = [] if first is None else [names.index(first)]
        order += [k for k in range(3) if k not in order] if order else []
        rows = [(order[i], order[j]) for i, j in pairs] if order else []
        a, b = (np.array([row[n] for row in rows], np.int64) for n in (0, 1))
        zeros = np.zeros(len(rows), np.int64)
        return BoardInput(
            contestants=names,
            groups=(),
            dimensions=(
                DimensionInput(
                    key="overall", tournament=zeros, a=a, b=b, outcome=zeros,
                    times=zeros + 50, crossings=np.zeros((0, 0), np.int64),
                    raters=np.array([3]),
                ),
            ),
        )  # fmt: skip

    kinds = KINDS[: len(firsts).bit_length() - 1]
    return rank_combinations(kinds, given, BoardParameters(draws=200))


@pytest.mark.parametrize(
    ("firsts", "hinges", "words"),
    [
        (["ash"] * 4, {}, "The first place is Ash’s in all 4 combinations: it does not depend"),
        (["ash", "bay", "ash", "ash"], {"struck_out": 1, "unfinished": 1}, "Ash’s in 3 of 4 comb"),
        (["ash", "bay", "ash", "bay"], {"struck_out": 2}, "these are left out: raters who were s"),
        (["ash", "ash", "elm", "elm"], {"unfinished": 2}, "raters who did not complete the study"),
        (["ash", "bay", "ash", "elm"], {"struck_out": 2, "unfinished": 1}, "Bay’s in 1 and Elm’s"),
        (["ash", "ash", "ash", None], {"struck_out": 1, "unfinished": 1}, "In 1 nobody is ranked."),
        (["elm"], {}, "No exclusion can be lifted: there is one combination, and Elm is first."),
        ([None], {}, "Nobody is ranked in any combination."),
    ],
)
def test_the_answer_says_whose_the_first_place_is_and_what_it_hinges_on(
    firsts: list[str | None], hinges: dict[str, int], words: str
) -> None:
    multiverse = crowned(firsts)
    assert multiverse.hinges == hinges
    told = answer(multiverse, {"ash": "Ash", "bay": "Bay", "elm": "Elm"})
    assert words in told
    assert ("It hinges on" in told) == bool(hinges)


def test_all_kinds_of_exclusions_at_once_are_not_too_many() -> None:
    assert len(KINDS) <= MAX_KINDS
    with pytest.raises(RankingError, match="7 kinds of exclusions have 128 combinations"):
        rank_combinations(["a"] * 7, lambda c: pytest.fail(str(c)), BoardParameters())


def computed(study: Study) -> MultiversePage:
    """The page of the multiverse as it would be computed now, by way of its document."""
    dimension, multiverse = compute_multiverse(study)
    told = json.loads(json.dumps(as_json(MultiverseReport(dimension.key, NOW, multiverse))))
    report = parse(MultiverseReport, told)
    assert report.multiverse == multiverse
    return multiverse_page(study, dimension, report)


def test_what_cannot_be_ranked_is_refused(study: Study) -> None:
    with pytest.raises(NothingToRankError, match='no dimension "charm"; it has: overall, warmth'):
        compute_multiverse(study, dimension="charm")
    with pytest.raises(WrongEngineError):
        compute_multiverse(study, parameters=BoardParameters(engine=Engine.TRUESKILL))
    empty = make_study("empty", raters=0, electorate=study.electorate)
    with pytest.raises(NothingToRankError, match="no verdict that could count"):
        compute_multiverse(empty)


def test_a_combination_without_verdicts_says_so_and_the_others_are_ranked(
    study: Study, boss: User
) -> None:
    study.participations.update(state=Participation.State.STRUCK_OUT)
    exclude_by_rule(study, Rule.STRUCK_OUT, reason="Three strikes.", by=boss, at=NOW)
    page = computed(study)
    everybody_out, everybody_in = page.lines
    assert everybody_out.places == ()
    assert everybody_out.refusal.startswith("No ")
    assert len(everybody_in.places) == 4


# Pages and REST

API = "/api/v1/studies/tea/multiverse/"


def test_the_multiverse_over_rest_is_for_those_who_see_live_figures(
    client: Client, study: Study, excluded: dict[str, list[Exclusion]]
) -> None:
    assert client.get(API).status_code == 401
    client.force_login(make_user("stranger"))
    assert client.get(API).status_code == 403
    client.force_login(make_user("looker", "studies.view_study"))
    waits = client.get(API)
    assert (waits.status_code, waits.json()["state"]) == (202, "waiting")
    assert waits["Retry-After"] == "5"
    write_due_reports()
    told = client.get(API).json()
    assert (told["dimension"], told["scope"]) == ("overall", "electorate")
    assert [kind["key"] for kind in told["kinds"]] == list(excluded)
    assert len(told["combinations"]) == 16
    assert told["combinations"][0]["left_out"] == list(excluded)
    assert told["combinations"][-1]["left_out"] == []
    for combination in told["combinations"]:
        assert [place["rank"] for place in combination["places"]] == [1, 2, 3, 4]
    assert sum(spread["firsts"] for spread in told["spreads"]) == 16
    assert told["answer"].startswith("The first place is ")
    unknown = client.get(API, {"dimension": "charm"})
    assert unknown.status_code == 400
    assert "known are: overall, warmth" in unknown.json()["errors"]["dimension"][0]


def test_the_admin_s_page_shows_every_combination(
    client: Client, study: Study, boss: User, excluded: dict[str, list[Exclusion]]
) -> None:
    client.force_login(boss)
    address = reverse("admin:leaderboards_study_multiverse", args=[study.pk])
    assert "Nobody has asked for this yet" in client.get(address).content.decode()
    assert client.post(address)["Location"] == address
    waits = client.get(address)
    assert "Being computed" in waits.content.decode()
    assert waits["Refresh"] == "3"
    write_due_reports()
    done = client.get(address)
    assert "Refresh" not in done
    page = done.content.decode()
    assert computed(study).answer in page
    assert "Compute anew" in page
    assert page.count("<strong>") >= 16 * 4
    assert "raters named one by one, battles named one by one" in page
    assert "has no dimension" in client.get(address, {"dimension": "charm"}).content.decode()
    client.force_login(make_user("clerk", "leaderboards.view_board", is_staff=True))
    assert client.get(address).status_code == 403


# What boards say


def rules_of(board: Board) -> dict[str, Any]:
    told = document.unpack(bytes(board.document))["exclusions"]
    return {each["rule"] or each["kind"]: each for each in told}


def test_a_board_says_what_each_exclusion_left_out_and_of_nobody_by_name(
    client: Client, study: Study, excluded: dict[str, list[Exclusion]]
) -> None:
    board = take_board(study, at=NOW)
    assert board.exclusions == 6
    told = rules_of(board)
    each, dimensions = study.participations.order_by("pk")[0].battles.count(), 2
    assert (told["struck_out"]["verdicts"], told["struck_out"]["participations"]) == (
        3 * each * dimensions,
        3,
    )
    assert told["leaks"]["verdicts"] == 2 * dimensions
    assert (told["battle"]["verdicts"], told["battle"]["participations"]) == (dimensions, 1)
    assert told["participation"]["verdicts"] == each * dimensions
    assert told["struck_out"]["of"] == "raters who were struck out"
    assert told["struck_out"]["created_at"] == NOW.isoformat()
    over_rest = client.get(f"/api/v1/studies/tea/boards/{board.pk}/").json()
    assert [e["reason"] for e in over_rest["exclusions_applied"]].count("Fraud.") == 2
    assert over_rest["exclusions_applied"][0]["kind"] in {"participation", "battle", "rule"}
    page = client.get(reverse("leaderboards:board", args=["tea", board.pk])).content.decode()
    assert "What was left out, and why" in page
    assert "By rule leaks." in page
    ids = [*filter(None, ids_of(study).values())]
    assert ids
    codes = study.participations.values_list("rater__code", flat=True)
    for name in (*ids, *codes):
        assert name not in json.dumps(over_rest)
        assert name not in page


@pytest.mark.every_database
def test_a_rule_s_count_is_that_of_the_day_the_board_was_taken(study: Study, boss: User) -> None:
    exclude_by_rule(study, Rule.STRUCK_OUT, reason="Three strikes.", by=boss, at=NOW)
    before = take_board(study, at=NOW)
    study.participations.update(state=Participation.State.COMPLETED)
    after = take_board(study, at=NOW)
    assert rules_of(before)["struck_out"]["participations"] == 3
    assert rules_of(after)["struck_out"]["participations"] == 0
    assert after.raters == before.raters + 3


def test_the_admin_s_page_of_a_board_lists_what_was_left_out(
    client: Client, study: Study, boss: User, excluded: dict[str, list[Exclusion]]
) -> None:
    board = take_board(study, at=NOW)
    client.force_login(boss)
    page = client.get(reverse("admin:leaderboards_board_change", args=[board.pk])).content.decode()
    assert "raters who were struck out" in page
    assert "A power cut." in page
    address = reverse("admin:leaderboards_board_multiverse", args=[board.pk])
    led = client.get(address)
    assert led["Location"] == reverse("admin:leaderboards_study_multiverse", args=[study.pk])


def test_attention_checks_are_on_no_board(study: Study) -> None:
    before = take_board(study, at=NOW)
    check = AttentionCheck.objects.create(study=study, kind="gold", fault="truncated")
    Battle.objects.filter(pk=Battle.objects.order_by("pk")[20].pk).update(attention_check=check)
    after = take_board(study, at=NOW)
    assert after.verdicts == before.verdicts - 2
    assert after.exclusions == 0


# Standings


@pytest.fixture
def compared() -> Study:
    study = make_study(raters=12)
    study.participations.update(state=Participation.State.COMPLETED)
    return study


def numbers() -> list[tuple[Any, ...]]:
    fields = ("tournament__dimension", "tournament__group", "contestant", "mu", "wins", "ties")
    return sorted(Standing.objects.values_list(*fields), key=str)


@pytest.mark.every_database
def test_standings_are_folded_anew_when_a_rule_begins_to_speak_of_somebody(
    compared: Study, boss: User
) -> None:
    rule = exclude_by_rule(compared, Rule.STRUCK_OUT, reason="Strikes.", by=boss, at=NOW)
    fold_standings(compared)
    before = numbers()
    struck_out = compared.participations.order_by("pk")[2]
    Participation.objects.filter(pk=struck_out.pk).update(state="struck_out")
    left = Verdict.objects.exclude(battle__participation=struck_out).count()
    assert fold_standings(compared) == left
    assert fold_standings(compared) == 0
    after = numbers()
    assert after != before
    Fold.objects.all().delete()
    fold_standings(compared)
    assert numbers() == after
    lift_exclusion(rule, by=boss, at=NOW)
    fold_standings(compared)
    assert numbers() == before


def test_two_who_change_places_under_a_rule_do_not_go_unnoticed(
    compared: Study, boss: User
) -> None:
    exclude_by_rule(compared, Rule.UNFINISHED, reason="Half a study.", by=boss, at=NOW)
    out, back = compared.participations.order_by("pk")[:2]
    Participation.objects.filter(pk=out.pk).update(state="returned")
    fold_standings(compared)
    before = numbers()
    # As many verdicts count as before.
    Participation.objects.filter(pk=out.pk).update(state="completed")
    Participation.objects.filter(pk=back.pk).update(state="returned")
    assert fold_standings(compared) == Verdict.objects.counting(compared).count()
    assert numbers() != before


@pytest.mark.every_database
def test_a_battle_that_turns_out_to_leak_leaves_the_standings(compared: Study, boss: User) -> None:
    exclude_by_rule(compared, Rule.PROBES, reason="Not blind.", by=boss, at=NOW)
    fold_standings(compared)
    battle = Battle.objects.order_by("pk")[4]
    Turn.objects.create(
        battle=battle, number=1, text="Who are you?", created_at=NOW, is_identity_probe=True
    )
    assert fold_standings(compared) == Verdict.objects.exclude(battle=battle).count()


@pytest.mark.every_database
def test_boards_with_and_without_a_rule_differ_and_its_lifting_restores_them(
    compared: Study, boss: User
) -> None:
    first = make_board(compared)
    Participation.objects.filter(pk=compared.participations.order_by("pk")[0].pk).update(
        state="returned"
    )
    rule = exclude_by_rule(compared, Rule.UNFINISHED, reason="Half a study.", by=boss, at=NOW)
    without = make_board(compared)
    assert without.raters == first.raters - 1
    lift_exclusion(rule, by=boss, at=NOW)
    assert make_board(compared).input_digest == first.input_digest
