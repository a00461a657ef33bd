"""What programs read besides boards: electorates, duels, standings, comparisons, conversations."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from raters.models import Battle, Participation, Rating, Reply, Turn, Verdict
from raters.quality.personal import FEWEST_ALIKE, NUMBER_HIDDEN
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude
from raters.services.quoting import hide_reason, take_words_back
from tests.cast import NOW, make_admin, make_board, make_electorate, make_study, make_user
from tests.leaderboards.talked import make_talked_study
from tests.studies.test_api import bearer

pytestmark = pytest.mark.django_db

STUDIES = "/api/v1/studies/"
TEA = f"{STUDIES}tea/"
TALK = f"{STUDIES}talk/"


def results(client, address, headers=None, **query):
    response = client.get(address, query | {"limit": 1000}, headers=headers or {})
    assert response.status_code == 200, response.content
    assert response.json()["next"] is None
    return response.json()["results"]


def pages(client, address, headers, limit):
    address = f"{address}?limit={limit}"
    while address:
        page = client.get(address, headers=headers).json()
        yield page["results"]
        address = page["next"]


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def viewer():
    """Somebody who may see live figures."""
    return bearer(make_user("viewer", "studies.view_study"))


@pytest.fixture
def reader():
    """Somebody who may read what was said."""
    user = make_user("reader", "studies.view_study", "raters.view_battle")
    return bearer(user, may_read_conversations=True)


# Electorates


def test_electorates_are_those_of_studies_that_the_asker_may_see(client):
    make_study(raters=0)
    hidden = make_study("hidden", raters=0, is_public=False, electorate=make_electorate("village"))
    assert [each["slug"] for each in results(client, "/api/v1/electorates/")] == ["town"]
    assert client.get("/api/v1/electorates/village/").status_code == 404
    member = make_user("member")
    hidden.team.add(member)
    told = client.get("/api/v1/electorates/village/", headers=bearer(member)).json()
    assert told["axes"][0]["groups"][0]["source"] == "count"
    assert [each["slug"] for each in results(client, "/api/v1/electorates/", bearer(member))] == [
        "town",
        "village",
    ]


# Head-to-heads


def test_duels_are_the_battles_that_a_board_was_computed_from(client, study):
    board = make_board(study)
    address = f"{TEA}boards/{board.pk}/head-to-head/"
    told = client.get(address, {"dimension": "overall"}).json()
    assert told["contestants"] == ["ash", "birch", "cherry", "dogwood"]
    assert [(duel["first"], duel["second"]) for duel in told["duels"]] == sorted(
        (duel["first"], duel["second"]) for duel in told["duels"]
    )
    (duel,) = (d for d in told["duels"] if (d["first"], d["second"]) == ("ash", "birch"))
    assert (duel["wins"], duel["ties"], duel["losses"]) == counted(study, "ash", "birch")
    assert duel["share_low"] < duel["share"] < duel["share_high"]


def test_duels_of_the_groups_of_an_axis_add_up_to_those_of_everybody(client, study):
    board = make_board(study)
    address = f"{TEA}boards/{board.pk}/head-to-head/"
    asked = ({}, *({"axis": "age", "group": group} for group in ("18-34", "35-plus")))
    whole, *parts = (
        sum(duel["wins"] for duel in client.get(address, each).json()["duels"]) for each in asked
    )
    assert whole == sum(parts)
    assert all(parts)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dimension=speed", "known are: overall, warmth."),
        ("axis=age", "Give `axis` and `group`"),
        ("axis=age&group=female", "known are: 18-34, 35-plus."),
        ("group=female", "known are: none."),
    ],
)
def test_a_group_that_a_board_lacks_is_400(client, study, query, said):
    board = make_board(study)
    answer = client.get(f"{TEA}boards/{board.pk}/head-to-head/?{query}")
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_a_board_of_ratings_has_no_duels(client, rating_board):
    answer = client.get(
        f"{STUDIES}{rating_board.study.slug}/boards/{rating_board.pk}/head-to-head/"
    )
    assert (answer.status_code, "nobody met" in answer.json()["detail"]) == (404, True)


def counted(study, one, other):
    said = Verdict.objects.filter(
        dimension__study=study, dimension__key="overall", battle__side_a__slug__in=[one, other],
        battle__side_b__slug__in=[one, other],
    )  # fmt: skip
    of_one = Q(outcome="a", battle__side_a__slug=one) | Q(outcome="b", battle__side_b__slug=one)
    ties = said.filter(outcome="tie").count()
    wins = said.filter(of_one).count()
    return wins, ties, said.count() - ties - wins


# Standings


def test_standings_come_tournament_by_tournament_the_best_first(client, study, viewer):
    told = results(client, f"{TEA}standings/", viewer, dimension="overall", axis="everybody")
    assert {row["contestant"] for row in told} == {"ash", "birch", "cherry", "dogwood"}
    assert [row["mu"] for row in told] == sorted((row["mu"] for row in told), reverse=True)
    assert sum(row["battles"] for row in told) == 2 * 120
    assert told[0]["axis"] == told[0]["group"] == ""
    young = results(client, f"{TEA}standings/", viewer, axis="age", group="18-34")
    assert {(row["axis"], row["group"]) for row in young} == {("age", "18-34")}
    assert client.get(f"{TEA}standings/?group=nobody", headers=viewer).status_code == 400


# Comparisons


def test_comparisons_tell_each_verdict_under_the_rater_s_code(client, study, viewer):
    told = results(client, f"{TEA}comparisons/", viewer)
    assert len(told) == Verdict.objects.count() == 240
    assert [row["id"] for row in told] == sorted(row["id"] for row in told)
    first = Verdict.objects.select_related("battle__participation__rater").order_by("pk")[0]
    assert told[0] == {
        "id": first.pk,
        "battle": first.battle_id,
        "rater": first.battle.participation.rater.code,
        "dimension": first.dimension.key,
        "a": first.battle.side_a.slug,
        "b": first.battle.side_b.slug,
        "outcome": first.outcome,
        "score": None,
        "task": None,
        "began_at": told[0]["began_at"],
        "judged_at": told[0]["judged_at"],
        "recorded_at": told[0]["recorded_at"],
        "is_check": False,
        "excluded_by": "",
        "is_withdrawn": False,
    }
    secret = first.battle.participation.identity.recruiting_id
    assert secret not in client.get(f"{TEA}comparisons/", headers=viewer).content.decode()


def test_comparisons_filter_and_come_in_pages_that_hold_each_once(client, study, viewer):
    everything = results(client, f"{TEA}comparisons/", viewer)
    paged = [row for page in pages(client, f"{TEA}comparisons/", viewer, 37) for row in page]
    assert paged == everything
    warm = results(client, f"{TEA}comparisons/", viewer, dimension="warmth", contestant="ash")
    assert warm == [
        row for row in everything if row["dimension"] == "warmth" and "ash" in (row["a"], row["b"])
    ]
    hers = results(client, f"{TEA}comparisons/", viewer, rater=everything[0]["rater"])
    assert {row["rater"] for row in hers} == {everything[0]["rater"]}
    assert len(hers) == 8
    later = (timezone.now() + timedelta(days=1)).isoformat()
    assert results(client, f"{TEA}comparisons/", viewer, recorded_after=later) == []


def test_what_is_excluded_is_marked_and_what_was_withdrawn_is_not_told(client, study, viewer):
    left_out, withdrawn = Participation.objects.filter(study=study).order_by("pk")[:2]
    code = withdrawn.rater.code
    exclude(left_out, reason="Asleep.", by=make_admin(), at=NOW)
    withdraw_and_erase(withdrawn, at=NOW)
    told = results(client, f"{TEA}comparisons/", viewer)
    out = [row for row in told if row["rater"] == left_out.rater.code]
    assert {row["excluded_by"] for row in out} == {"participation"}
    gone = [row for row in told if row["is_withdrawn"]]
    assert len(gone) == 8
    assert {(row["rater"], row["outcome"], row["score"]) for row in gone} == {(None, None, None)}
    assert results(client, f"{TEA}comparisons/", viewer, rater=code) == []
    counting = results(client, f"{TEA}comparisons/", viewer, counts="true")
    assert len(counting) == Verdict.objects.counting(study).count() == 240 - 16
    assert len(results(client, f"{TEA}comparisons/", viewer, counts="false")) == 16


def test_ratings_are_told_by_their_score(client, rated_study, viewer):
    told = results(client, f"{STUDIES}{rated_study.slug}/comparisons/", viewer)
    scores = Rating.objects.of(rated_study).order_by("pk").values_list("score", flat=True)
    assert [row["score"] for row in told] == list(scores)
    assert {(row["b"], row["outcome"]) for row in told} == {(None, None)}


def test_comparisons_take_few_queries_however_many(
    client, study, viewer, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        client.get(f"{TEA}comparisons/", {"limit": 240}, headers=viewer)


# Conversations and raters


@pytest.fixture
def talk():
    return make_talked_study(raters=24, each=1)


def test_conversations_are_told_as_they_were_with_what_is_personal_masked(client, talk, reader):
    battle = Battle.objects.order_by("pk")[0]
    turn = Turn.objects.get(battle=battle)
    Turn.objects.filter(pk=turn.pk).update(text="Call me at 020 7946 0018, Ash!")
    Reply.objects.filter(turn=turn, side="a").update(text="I am Birch, at 020 7946 0018.")
    Battle.objects.filter(pk=battle.pk).update(reason="Mine is 020 7946 0018.")
    told = results(client, f"{TALK}conversations/", reader)
    assert len(told) == 24
    first = told[0]
    assert (first["battle"], first["a"], first["b"]) == (
        battle.pk, battle.side_a.slug, battle.side_b.slug,
    )  # fmt: skip
    assert first["turns"][0]["message"] == f"Call me at {NUMBER_HIDDEN}, Ash!"
    assert first["turns"][0]["replies"][0].endswith(f"at {NUMBER_HIDDEN}.")
    assert "Birch" not in first["turns"][0]["replies"][0]
    assert first["reason"] == f"Mine is {NUMBER_HIDDEN}."
    assert "rater" not in first


def test_only_words_that_were_released_are_told(client, talk, reader):
    battles = list(Battle.objects.select_related("participation").order_by("pk"))
    taken_back, hidden, struck_out, withdrawn, never = battles[:5]
    take_words_back(taken_back.participation)
    hide_reason(hidden)
    Participation.objects.filter(pk=struck_out.participation_id).update(state="struck_out")
    withdraw_and_erase(withdrawn.participation, at=NOW)
    Participation.objects.filter(pk=never.participation_id).update(words_released_at=None)
    told = {row["battle"] for row in results(client, f"{TALK}conversations/", reader)}
    assert told == {battle.pk for battle in battles[5:]}


def test_conversations_come_in_pages(client, talk, reader):
    everything = results(client, f"{TALK}conversations/", reader)
    paged = [row for page in pages(client, f"{TALK}conversations/", reader, 7) for row in page]
    assert paged == everything


def test_a_group_of_a_rater_is_told_only_where_ten_share_all_that_is_told(client, talk, reader):
    told = results(client, f"{TALK}raters/", reader)
    assert len(told) == 24
    assert {len(row["groups"]) for row in told} == {2}
    said = [{axis: group for axis, group in row["groups"].items() if group} for row in told]
    assert any(said)
    truth = {
        participation.rater.code: dict(
            participation.cell.cell_groups.values_list("axis__key", "group__key")
        )
        for participation in talk.participations.select_related("rater", "cell")
    }
    for row, groups in zip(told, said, strict=True):
        assert groups.items() <= truth[row["rater"]].items()
        alike = [other for other in truth.values() if groups.items() <= other.items()]
        assert not groups or len(alike) >= FEWEST_ALIKE
    # Six raters are in each cell: nobody's two groups are told together.
    assert all(len(groups) < 2 for groups in said)


def test_raters_who_withdrew_are_not_told(client, talk, reader):
    participation = talk.participations.order_by("pk")[0]
    withdraw_and_erase(participation, at=NOW)
    told = results(client, f"{TALK}raters/", reader)
    assert participation.rater.code not in {row["rater"] for row in told}
    assert len(told) == 23


# Progress and transparency


def test_progress_counts_raters_battles_and_cost(client, study, viewer):
    told = client.get(f"{TEA}progress/", headers=viewer).json()
    assert told["participations"]["completed"] == 30
    assert told["battles"] == {"judged": 120, "under_way": 0, "left": 0}
    assert [line["contestant"] for line in told["contestants"]] == [
        "ash", "birch", "cherry", "dogwood",
    ]  # fmt: skip
    assert (told["state"], told["cost"]) == ("closed", "0.000000")


def test_transparency_says_who_was_tested_and_what_was_left_out(client, study):
    board = make_board(study)
    subject = Participation.objects.filter(study=study).first()
    exclude(subject, reason="Asleep.", by=make_admin(), at=NOW)
    told = client.get(f"{TEA}transparency/").json()
    assert (told["tested"], told["board"], told["engine"]) == (4, str(board.pk), "davidson")
    assert {line["name"]: line["tested"] for line in told["developers"]} == {
        "Copse": 2, "Spinney": 2,
    }  # fmt: skip
    assert [(line["reason"], line["active"]) for line in told["exclusions"]] == [("Asleep.", 1)]
    assert {line["contestant"] for line in told["pinned"]} == {"ash", "birch", "cherry", "dogwood"}
    assert all(len(line["pinned"]) == 64 for line in told["pinned"])
    assert told["parameters"]["draws"] == 200
    assert b"secret" not in client.get(f"{TEA}transparency/").content


def test_boards_filter_by_when_they_were_taken(client, study):
    board = make_board(study)
    day = timedelta(days=1)
    for query, found in (
        ({"taken_after": NOW - day}, [board]),
        ({"taken_after": NOW}, []),
        ({"taken_before": NOW + day, "engine": "davidson"}, [board]),
        ({"taken_before": NOW}, []),
    ):
        query = {k: v if isinstance(v, str) else v.isoformat() for k, v in query.items()}
        told = results(client, f"{TEA}boards/", **query)
        assert [each["id"] for each in told] == [str(each.pk) for each in found]
    assert client.get(f"{TEA}boards/?taken_after=yesterday").status_code == 400
