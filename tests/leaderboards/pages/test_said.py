"""What raters wrote about a contestant, on its page."""

import random
import re
from collections import Counter
from html import unescape

import pytest
from django.db import connection
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from leaderboards.models import Board
from leaderboards.pages.said import A_PAGE, Crowd, Said, SaidChoice, read_said, spread
from raters.models import Battle, Participation, Verdict
from raters.quality.personal import FEWEST_ALIKE
from raters.services.erasing import withdraw_and_erase
from raters.services.exclusions import exclude, lift_exclusion
from raters.services.quoting import hide_reason, release_words, show_reason, take_words_back
from studies.models import AttentionCheck, Contestant, Group, Study
from tests.cast import NOW, make_board, make_study, make_user
from tests.kept import kept

pytestmark = pytest.mark.one_database

REASON = "The other one went on too long."


@pytest.fixture
def study(db: None) -> Study:
    """A study of 60 simulated raters, which asks for their words; nobody has said any yet."""
    study: Study = kept(make_study, raters=60)
    Study.objects.filter(pk=study.pk).update(asks_to_quote=True)
    study.refresh_from_db()
    return study


@pytest.fixture
def ash(study: Study) -> Contestant:
    return study.contestants.get(name="Ash")


def about(contestant: Contestant) -> list[Battle]:
    """Its battles, in the order in which they came."""
    met = contestant.battles_as_a.all() | contestant.battles_as_b.all()
    return list(met.order_by("created_at", "pk"))


def say(battle: Battle, reason: str = REASON, *, is_released: bool = True) -> Battle:
    """Let her have given this reason, and released her words."""
    Battle.objects.filter(pk=battle.pk).update(reason=reason)
    if is_released:
        release_words(battle.participation, at=NOW)
    return battle


def say_everywhere(study: Study) -> None:
    """Let every rater have given a reason for everything, which tells its battle."""
    told = Concat(Value("Because of "), Cast("pk", CharField()), Value("."))
    Battle.objects.filter(participation__study=study).update(reason=told)
    study.participations.update(words_released_at=NOW)


def read(contestant: Contestant, group: str = "", number: int = 1) -> Said:
    contestant = Contestant.objects.select_related("study").get(pk=contestant.pk)
    said = read_said(contestant.study, SaidChoice(group, str(number)), contestant=contestant)
    assert said is not None
    return said


def texts(contestant: Contestant, group: str = "") -> list[str]:
    """All that is shown of it, page by page."""
    pages = read(contestant, group).page.paginator.num_pages
    return [q.text for n in range(pages) for q in read(contestant, group, n + 1).quotes]


def page_of(client: Client, contestant: Contestant, **query: str) -> str:
    response = client.get(f"/studies/tea/contestants/{contestant.slug}/", query)
    assert response.status_code == 200
    text = unescape(re.sub(r"<[^>]+>", " ", response.text)).replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(text.split())


# Which words


@pytest.mark.every_database
def test_a_reason_stands_there_with_what_she_chose_and_who_was_behind_the_letters(
    client: Client, study: Study, ash: Contestant
) -> None:
    make_board(study)
    battle = say(about(ash)[0])
    outcome = battle.verdicts.get(dimension__is_overall=True).outcome
    other = battle.side_b if battle.side_a == ash else battle.side_a
    winner = {"a": battle.side_a, "b": battle.side_b}.get(outcome)
    loser = other if winner == ash else ash
    told = f"Found {battle.side_a} and {battle.side_b} about the same"
    if winner:
        told = f"Preferred {winner} to {loser}"
    page = page_of(client, ash)
    verdicts = Verdict.objects.filter(dimension__is_overall=True, battle__in=about(ash)).count()
    for words in (
        "What people said about Ash",
        f"1 reason may be shown here, of {verdicts} verdicts on “Overall”.",
        REASON,
        f"{told}. A was {battle.side_a}, B was {battle.side_b}.",
        "March 2026",
    ):
        assert words in page, words
    assert battle.participation.rater.code not in page
    assert battle.participation.identity.recruiting_id not in page
    assert "1 March" not in page.partition("What people said")[2]


def test_only_those_who_agreed_are_quoted_and_only_while_they_do(
    study: Study, ash: Contestant
) -> None:
    first, second = (b for b in about(ash)[:9:8])
    assert first.participation != second.participation
    say(first, "Shown.")
    say(second, "Never shown.", is_released=False)
    assert texts(ash) == ["Shown."]
    take_words_back(first.participation)
    assert texts(ash) == []


@pytest.mark.parametrize(
    "case", ["hidden", "excluded", "rater excluded", "struck out", "erased", "check", "no verdict"]
)
def test_what_is_not_to_stand_there_is_left_out(study: Study, ash: Contestant, case: str) -> None:
    battle, boss = say(about(ash)[0]), make_user("boss")
    kept = next(b for b in about(ash) if b.participation_id != battle.participation_id)
    say(kept, "Kept.")
    assert sorted(texts(ash)) == ["Kept.", REASON]
    if case == "hidden":
        hide_reason(battle)
    elif case == "excluded":
        exclude(battle, reason="A leak.", by=boss, at=NOW)
    elif case == "rater excluded":
        exclude(battle.participation, reason="A machine.", by=boss, at=NOW)
    elif case == "struck out":
        Participation.objects.filter(pk=battle.participation_id).update(state="struck_out")
    elif case == "erased":
        withdraw_and_erase(battle.participation, at=NOW)
    elif case == "check":
        check = AttentionCheck.objects.create(study=study, kind="repeat")
        Battle.objects.filter(pk=battle.pk).update(attention_check=check)
    else:
        unjudged = Battle.objects.create(
            participation=battle.participation, key="new", side_a=ash, created_at=NOW,
            side_b=study.contestants.get(name="Birch"), reason="Not judged.",
        )  # fmt: skip
        assert unjudged.reason not in texts(ash)
        return
    assert texts(ash) == ["Kept."]


def test_what_is_shown_again_or_counts_again_comes_back(study: Study, ash: Contestant) -> None:
    battle, boss = say(about(ash)[0]), make_user("boss")
    hide_reason(battle)
    lift_exclusion(exclude(battle, reason="A leak.", by=boss, at=NOW), by=boss, at=NOW)
    show_reason(battle)
    assert texts(ash) == [REASON]


def test_nothing_is_shown_while_the_study_does_not_ask(
    client: Client, study: Study, ash: Contestant
) -> None:
    say(about(ash)[0])
    make_board(study)
    Study.objects.filter(pk=study.pk).update(asks_to_quote=False)
    assert "What people said" not in page_of(client, ash)


def test_what_she_wrote_is_text_and_names_addresses_and_numbers_are_masked(
    client: Client, study: Study, ash: Contestant
) -> None:
    make_board(study)
    written = "<b>A</b> is Cherry or ChatGPT, I’m sure.\nWrite me: ann@example.org, 202-555-0143"
    say(about(ash)[0], written)
    assert "".join(texts(ash)) == (
        "<b>A</b> is [name hidden] or [name hidden], I’m sure.\n"
        "Write me: [address hidden], [number hidden]"
    )
    page = client.get("/studies/tea/contestants/ash/").text
    assert "&lt;b&gt;A&lt;/b&gt; is [name hidden]" in page
    assert "<b>A</b>" not in page


def test_a_study_of_ratings_quotes_with_the_mark(client: Client, rating_board: Board) -> None:
    Study.objects.update(asks_to_quote=True)
    ash = Contestant.objects.get(study=rating_board.study, name="Ash")
    battle = say(about(ash)[0], "It listened.")
    mark = battle.ratings.get(dimension__is_overall=True).score
    response = client.get("/studies/rated/contestants/ash/")
    for words in (
        "It listened.",
        f"Rated Ash {mark} of 7.",
        "1 reason may be shown here, of 45 rat",
    ):
        assert words in response.text
    assert "A was" not in response.text


# Which come first


@pytest.mark.every_database
def test_every_page_is_mixed_as_all_the_verdicts_were(study: Study, ash: Contestant) -> None:
    say_everywhere(study)
    said = read(ash)
    assert said.page.paginator.count == said.verdicts == len(about(ash))
    kinds = Counter(words_kind(q.stance) for n in (1, 2) for q in read(ash, number=n).quotes)
    everything = Counter(
        words_kind(q.stance)
        for n in range(said.page.paginator.num_pages)
        for q in read(ash, number=n + 1).quotes
    )
    for kind, number in everything.items():
        assert abs(kinds[kind] - 2 * A_PAGE * number / said.verdicts) <= 1, kind
    shares = [int(share.split("\N{NO-BREAK SPACE}")[0]) for share in said.shares]
    expected = [100 * everything[k] / said.verdicts for k in ("for", "tie", "against")]
    assert shares == pytest.approx(expected, abs=0.5)


def words_kind(stance: str) -> str:
    if stance.startswith("Found"):
        return "tie"
    return "for" if stance.startswith("Preferred Ash") else "against"


def test_within_a_kind_the_newest_come_first(study: Study, ash: Contestant) -> None:
    say_everywhere(study)
    place = {f"Because of {battle.pk}.": n for n, battle in enumerate(about(ash))}
    shown = [q for n in range(5) for q in read(ash, number=n + 1).quotes]
    for kind in ("for", "tie", "against"):
        places = [place[quote.text] for quote in shown if words_kind(quote.stance) == kind]
        assert len(places) > 1
        assert places == sorted(places, reverse=True)


@given(
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 20)),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 1000)),
)
def test_nothing_is_lost_and_each_beginning_keeps_its_quota(
    sizes: dict[str, int], weights: dict[str, int]
) -> None:
    of = {key: [hash((key, n)) for n in range(size)] for key, size in sizes.items()}
    order = spread(of, weights)
    assert Counter(order) == Counter(each for many in of.values() for each in many)
    kind = {each: key for key, many in of.items() for each in many}
    standing = {key: weights.get(key, 0) for key in of}
    taken: Counter[str] = Counter()
    for each in order:
        taken[kind[each]] += 1
        if any(taken[key] == sizes[key] for key in of if standing[key]):
            break
        # A kind with a greater weight is never behind a smaller one.
        for one in of:
            for other in of:
                if standing[one] > standing[other]:
                    assert taken[one] >= taken[other]


def test_pages_follow_each_other_and_keep_group_and_dimension(
    client: Client, study: Study, ash: Contestant
) -> None:
    say_everywhere(study)
    make_board(study)
    query = {"said": "sex=male", "dimension": "warmth"}
    page = client.get("/studies/tea/contestants/ash/", query).text
    more = re.search(r'href="([^"]+)" rel="next"', page)
    assert more is not None
    assert unescape(more[1]) == "?dimension=warmth&said=sex%3Dmale&page=2#said"
    assert 'rel="prev"' not in page
    response = client.get("/studies/tea/contestants/ash/" + unescape(more[1]).partition("#")[0])
    assert 'rel="prev"' in response.text
    assert 'value="sex=male" selected' in response.text
    odd = client.get("/studies/tea/contestants/ash/", {"page": "x"})
    assert "Page 1 of" in odd.text


# Whose words


@pytest.mark.every_database
def test_a_filter_shows_the_words_of_this_group_alone(study: Study, ash: Contestant) -> None:
    say_everywhere(study)
    shown = texts(ash, "sex=female")
    hers = {
        f"Because of {battle.pk}."
        for battle in about(ash)
        if battle.participation.cell is not None
        and battle.participation.cell.groups.filter(key="female").exists()
    }
    assert shown
    assert set(shown) <= hers
    said = read(ash, "sex=female")
    assert said.verdicts == len(hers)
    assert all("female" in quote.groups for quote in said.quotes)


@pytest.mark.every_database
def test_nobody_is_told_by_all_filters_taken_together(study: Study, ash: Contestant) -> None:
    """Whoever collects the same words under every filter finds as many people as promised."""
    men = Participation.objects.filter(study=study, cell__key="18-34|male").order_by("pk")
    assert men.count() > FEWEST_ALIKE
    # Of young men only a few are left: the others move to the older ones.
    cell = study.electorate.cells.get(key="35-plus|male")
    Participation.objects.filter(pk__in=list(men.values_list("pk", flat=True)[4:])).update(
        cell=cell
    )
    say_everywhere(study)
    people = Counter(Participation.objects.filter(study=study).values_list("cell__key", flat=True))
    assert 0 < people["18-34|male"] < FEWEST_ALIKE
    filters = [
        f"{g.axis.key}={g.key}" for g in Group.objects.filter(axis__electorate__studies=study)
    ]
    found: dict[str, set[str]] = {}
    for value in filters:
        for text in texts(ash, value):
            found.setdefault(text, set()).add(value.partition("=")[2])
    whole = 0
    for groups in found.values():
        alike = sum(n for key, n in people.items() if groups <= set(key.split("|")))
        assert alike >= FEWEST_ALIKE, groups
        whole += len(groups) == 2
    assert whole > 0
    young_men = [
        found[text]
        for battle in about(ash)
        if battle.participation.cell.key == "18-34|male"
        and (text := f"Because of {battle.pk}.") in found
    ]
    assert young_men
    assert all(len(groups) == 1 for groups in young_men)


def test_a_small_group_is_neither_offered_nor_shown(
    client: Client, study: Study, ash: Contestant
) -> None:
    make_board(study)
    men = Participation.objects.filter(study=study, cell__groups__key="male").order_by("pk")
    women = study.electorate.cells.get(key="35-plus|female")
    ids = list(men.values_list("pk", flat=True))
    Participation.objects.filter(pk__in=ids[FEWEST_ALIKE - 1 :]).update(cell=women)
    say_everywhere(study)
    page = client.get("/studies/tea/contestants/ash/", {"said": "sex=male"}).text
    section = page[page.index('id="said"') :]
    assert "Too few to be shown by themselves" in section
    assert "Because of" not in section
    assert 'value="sex=male"' not in section
    assert 'value="sex=female"' in section
    assert all("male" not in quote.groups for quote in read(ash).quotes)
    Participation.objects.filter(pk=ids[-1]).update(
        cell=study.electorate.cells.get(key="35-plus|male")
    )
    assert texts(ash, "sex=male")


def test_an_unknown_group_is_no_page(client: Client, study: Study, ash: Contestant) -> None:
    make_board(study)
    for value in ("sex", "sex=other", "shoe=42", "="):
        response = client.get("/studies/tea/contestants/ash/", {"said": value})
        assert response.status_code == 404
        assert f"This study has no group “{value}”." in response.text


def test_who_belongs_where_decides_alone_which_groups_are_named(
    study: Study, ash: Contestant
) -> None:
    say_everywhere(study)
    crowd = Crowd.of(study)
    named = {q.text: q.groups for n in range(9) for q in read(ash, number=n + 1).quotes}
    everybody = int(crowd.people.sum())
    assert everybody == 60
    assert {len(groups) for groups in named.values()} <= {1, 2}
    again = {q.text: q.groups for n in range(9) for q in read(ash, number=n + 1).quotes}
    assert named == again


# All contestants


def test_the_study_s_page_prefers_each_contestant_as_often_as_raters_did(
    client: Client, study: Study
) -> None:
    say_everywhere(study)
    make_board(study)
    board = client.get("/studies/tea/").text
    assert 'href="/studies/tea/said/"' in board
    response = client.get("/studies/tea/said/")
    assert "240 reasons may be shown here, of 240 verdicts on “Overall”." in response.text
    contestants = {str(c): str(c.pk) for c in study.contestants.all()}
    verdicts = Verdict.objects.filter(dimension__study=study, dimension__is_overall=True)
    wins = Counter(
        str({"a": v.battle.side_a, "b": v.battle.side_b}.get(v.outcome, "tie"))
        for v in verdicts.select_related("battle__side_a", "battle__side_b")
    )
    shown: Counter[str] = Counter()
    pages = 8
    for number in range(1, pages + 1):
        said = read_said(study, SaidChoice(number=str(number)))
        assert said is not None
        shown.update(
            q.stance.split()[1] if q.stance.startswith("Preferred") else "tie" for q in said.quotes
        )
    assert shown.keys() <= {*contestants, "tie"}
    for name, number in wins.items():
        assert abs(shown[name] - pages * A_PAGE * number / 240) <= 1.5, name


def test_the_page_of_a_study_that_does_not_ask_is_not_there(client: Client, study: Study) -> None:
    make_board(study)
    Study.objects.filter(pk=study.pk).update(asks_to_quote=False)
    response = client.get("/studies/tea/said/")
    assert response.status_code == 404
    assert "This study does not publish what raters write." in response.text
    assert "/said/" not in client.get("/studies/tea/").text


def test_a_study_that_is_not_public_shows_nobody_s_words(client: Client, study: Study) -> None:
    make_board(study)
    Study.objects.filter(pk=study.pk).update(is_public=False)
    assert client.get("/studies/tea/said/").status_code == 404


# Nothing to show


def test_empty_states_say_why(client: Client, study: Study, ash: Contestant) -> None:
    make_board(study)
    page = page_of(client, ash)
    assert "No words yet" in page
    battle = next(b for b in about(ash) if b.participation.cell.key == "18-34|male")
    say(battle)
    assert REASON in page_of(client, ash)
    page = page_of(client, ash, said="sex=female")
    assert "No words of this group yet" in page
    assert "Nobody of Sex: female who met Ash" in page


def test_a_study_without_electorate_has_no_filter(client: Client, refused_board: Board) -> None:
    Study.objects.update(asks_to_quote=True)
    ash = refused_board.study.contestants.get(name="Ash")
    say(about(ash)[0], "It was kind.")
    page = client.get("/studies/parted/contestants/ash/").text
    assert "It was kind." in page
    assert 'name="said"' not in page


@pytest.mark.every_database
def test_more_words_cost_no_more_queries(study: Study, ash: Contestant) -> None:
    battles = about(ash)
    random.Random(1).shuffle(battles)
    for battle in battles[:2]:
        say(battle)
    with CaptureQueriesContext(connection) as few:
        read(ash)
    for battle in battles:
        say(battle)
    with CaptureQueriesContext(connection) as many:
        read(ash)
    assert len(few) == len(many) <= 16
