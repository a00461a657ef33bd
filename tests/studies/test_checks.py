"""Attention checks in a study's design: what can work, templates, clones, and the admin."""

import pytest

from raters.models import Participation, Rater
from studies.check_templates import add_check_template, check_templates, parse_check_templates
from studies.checks import missing_of_checks
from studies.cloning import clone_study
from studies.errors import StateError
from studies.models import AttentionCheck, ChatModel, ScreenRule, Study
from studies.planning import missing_before_opening
from studies.services import choose_protocol
from tests.cast import NOW, complete_design, make_study
from tests.test_admin_design import boss, page_of, said, step_of, text_of, untouched  # noqa: F401

pytestmark = pytest.mark.django_db
WORDS = ("kind", "question", "answers", "accepted", "fault", "position")


@pytest.fixture
def draft():
    return make_study(raters=0, state=Study.State.DRAFT)


def add(study, kind="instructed", **fields):
    return AttentionCheck.objects.create(study=study, kind=kind, **fields)


def take_part(study):
    rater = Rater.objects.create(created_at=NOW)
    Participation.objects.create(study=study, rater=rater, state="active", created_at=NOW)


# What can work


@pytest.mark.parametrize("protocol", Study.Protocol.values)
def test_every_template_can_work_in_every_study(draft, protocol):
    choose_protocol(draft, protocol)
    for template in check_templates():
        assert add_check_template(draft, template=template)
    assert list(missing_of_checks(draft)) == []
    for check in draft.checks.all():
        check.full_clean()
        assert check.is_battle or check.question.endswith((".", "?"))
        assert check.is_battle or any(not check.accepts(a) for a in check.answers_for(protocol))


def test_the_templates_have_a_few_of_each_kind():
    kinds = [spec.kind for template in check_templates().values() for spec in template.checks]
    assert sorted(kinds) == [
        "comprehension", "comprehension", "gold", "instructed", "instructed", "nonsensical",
        "repeat",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('[a]\nname = "A"\n', "template a: 'description'|template a: 'check'"),
        (
            '[a]\nname = "A"\ndescription = ""\n[[a.check]]\nkind = "riddle"\n',
            "template a: 'riddle' is not a valid AttentionCheck.Kind",
        ),
        (
            '[a]\nname = "A"\ndescription = ""\n[[a.check]]\nkind = "gold"\ncolour = "red"\n',
            "template a: .*colour",
        ),
    ],
)
def test_a_flaw_in_the_file_is_named(text, flaw):
    with pytest.raises(ValueError, match=flaw):
        parse_check_templates(text)


def test_a_template_added_twice_adds_nothing_and_what_stands_stays(draft):
    add(draft, question="Mine?", accepted="B", position=4)
    first = add_check_template(draft, template="battles")
    assert [check.position for check in first] == [5, 6]
    assert add_check_template(draft, template="battles") == ()
    assert draft.checks.count() == 3


def test_a_study_with_raters_keeps_its_checks(draft):
    take_part(draft)
    with pytest.raises(StateError, match="Clone it for other ones"):
        add_check_template(draft, template="questions")


CLEAR = "give it answers to choose from: it stands before the first battle."


@pytest.mark.parametrize(
    ("protocol", "fields", "sentence"),
    [
        (
            "pairwise",
            {"question": "Choose C.", "accepted": "C"},
            "The attention check “Choose C.”: “C” is none of its answers: A, About the same, B.",
        ),
        (
            "single",
            {"question": "Choose B.", "accepted": "B"},
            "The attention check “Choose B.”: “B” is none of its answers: 1, 2, 3, 4, 5, 6, 7.",
        ),
        (
            "pairwise",
            {"question": "Well?", "accepted": "A\nB\nAbout the same"},
            "The attention check “Well?”: every answer passes: leave one out that fails.",
        ),
        (
            "pairwise",
            {"question": "Well?", "answers": "Yes", "accepted": "Yes"},
            "The attention check “Well?”: give from 2 to 9 answers.",
        ),
        (
            "pairwise",
            {"kind": "comprehension", "question": "Clear?", "accepted": "A"},
            f"The attention check “Clear?”: {CLEAR}",
        ),
    ],
)
def test_what_cannot_work_is_told_before_opening(draft, protocol, fields, sentence):
    choose_protocol(draft, protocol)
    complete_design(draft)
    draft.refresh_from_db()
    assert not missing_before_opening(draft)
    add(draft, **fields)
    assert sentence in missing_before_opening(draft)


def test_more_check_battles_than_battles_are_told_before_opening(draft):
    complete_design(draft)
    draft.refresh_from_db()
    draft.battles_each = 2
    draft.save()
    for _ in range(2):
        add(draft, "gold", fault="truncated")
    assert not missing_before_opening(draft)
    add(draft, "repeat")
    assert "3 battles would be checks, beside 2 that count" in missing_before_opening(draft)[0]
    add(draft, "repeat")
    assert "Repeat one battle at most" in missing_before_opening(draft)[0]


def test_a_clone_has_checks_and_rules(draft):
    for template in check_templates():
        add_check_template(draft, template=template)
    model = ChatModel.objects.first()
    Study.objects.filter(pk=draft.pk).update(strikes_allowed=5, screener=model)
    ScreenRule.objects.create(study=draft, kind="speeding", action="strike", threshold=12.0)
    draft.refresh_from_db()
    clone = clone_study(draft, slug="again", title="Again")
    assert list(clone.checks.values_list(*WORDS)) == list(draft.checks.values_list(*WORDS)) != []
    assert list(clone.screen_rules.values_list("kind", "action", "threshold")) == [
        ("speeding", "strike", 12.0)
    ]
    assert (clone.strikes_allowed, clone.screener) == (5, model)


# In the admin


def check_form(study, *checks):
    """What the browser sends for new checks."""
    form = {"checks-TOTAL_FORMS": len(checks)}
    for n, check in enumerate(checks):
        form |= {f"checks-{n}-study": study.pk, f"checks-{n}-position": n}
        form |= {f"checks-{n}-{field}": value for field, value in check.items()}
    return form


def rule_form(study, *rules):
    form = {"screen_rules-TOTAL_FORMS": len(rules)}
    for n, rule in enumerate(rules):
        form |= {f"screen_rules-{n}-study": study.pk}
        form |= {f"screen_rules-{n}-{field}": value for field, value in rule.items()}
    return form


def send(client, study, *forms):
    form = untouched(client, page_of(study))
    for more in forms:
        form |= more
    return client.post(page_of(study), form)


@pytest.mark.one_database
def test_checks_rules_and_strikes_have_their_place_on_the_page(client, boss, draft):  # noqa: F811
    page = text_of(client.get(page_of(draft)))
    order = [
        page.index(words)
        for words in ("Add another Task", "Strikes that end it", "Attention check", "Screen rule",
                      "Hourly rate")
    ]  # fmt: skip
    assert order == sorted(order)
    response = send(
        client,
        draft,
        {"strikes_allowed": 4, "screener": ChatModel.objects.first().pk},
        check_form(
            draft,
            {"kind": "instructed", "question": "Choose B.", "accepted": " B \n"},
            {"kind": "gold", "fault": "scrambled"},
        ),
        rule_form(draft, {"kind": "drift", "action": "signal", "threshold": "0.9"}),
    )
    assert response.status_code == 302, text_of(response)
    draft.refresh_from_db()
    assert (draft.strikes_allowed, draft.screener) == (4, ChatModel.objects.first())
    assert list(draft.checks.values_list("kind", "fault")) == [
        ("instructed", ""), ("gold", "scrambled")
    ]  # fmt: skip
    assert str(draft.screen_rules.get()) == "leaving the topic: only tell a reviewer"


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ([{"kind": "instructed"}], "Say what raters are asked."),
        ([{"kind": "instructed", "question": "Choose B."}], "Say which answers pass."),
        (
            [{"kind": "nonsensical", "question": "Q?", "accepted": "C"}],
            "“C” is none of its answers: A, About the same, B.",
        ),
        (
            [{"kind": "comprehension", "question": "Q?", "accepted": "A"}],
            "Give it answers to choose from",
        ),
        ([{"kind": "gold"}], "Say how the one side is broken."),
        ([{"kind": "repeat", "fault": "truncated"}], "only in a gold battle is a side broken"),
        ([{"kind": "repeat", "question": "Again?"}], "Leave it empty: this check is a battle"),
        (
            [{"kind": "nonsensical", "question": "Q?", "answers": "x\nx\ny", "accepted": "x"}],
            "“x” stands there twice.",
        ),
        ([{"kind": "repeat"}, {"kind": "repeat"}], "Repeat one battle at most"),
        ([{"kind": "gold", "fault": "truncated"}] * 5, "5 battles would be checks, beside 4"),
    ],
)
@pytest.mark.one_database
def test_a_check_that_cannot_work_is_refused(client, boss, draft, checks, message):  # noqa: F811
    response = send(client, draft, check_form(draft, *checks))
    assert response.status_code == 200
    assert message in text_of(response)
    assert "Constraint" not in text_of(response)
    assert not draft.checks.exists()


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"kind": "pasted", "action": "strike"}], "This alone is never a strike"),
        ([{"kind": "mood", "action": "off"}], "Select a valid choice"),
        ([{"kind": "drift", "action": "off", "threshold": "-1"}], "greater than or equal to 0"),
        (
            [{"kind": "drift", "action": "off"}, {"kind": "drift", "action": "signal"}],
            "There is another rule for this: leave one.",
        ),
    ],
)
@pytest.mark.one_database
def test_a_rule_that_makes_no_sense_is_refused(client, boss, draft, rules, message):  # noqa: F811
    response = send(client, draft, rule_form(draft, *rules))
    assert response.status_code == 200
    assert message in text_of(response)
    assert not draft.screen_rules.exists()


@pytest.mark.one_database
def test_checks_stay_once_there_are_raters_and_rules_may_change(client, boss, draft):  # noqa: F811
    add(draft, question="Choose B.", accepted="B")
    assert 'name="checks-0-question"' in client.get(page_of(draft)).content.decode()
    take_part(draft)
    page = client.get(page_of(draft)).content.decode()
    assert 'name="checks-0-question"' not in page
    assert "Choose B." in page
    assert step_of(draft, "add_checks") not in page
    response = send(
        client,
        draft,
        check_form(draft, {"kind": "repeat"}),
        rule_form(draft, {"kind": "drift", "action": "off"}),
    )
    assert response.status_code == 302, text_of(response)
    assert (draft.checks.count(), draft.screen_rules.count()) == (1, 1)


@pytest.mark.one_database
def test_checks_are_added_from_a_template(client, boss, draft):  # noqa: F811
    step = step_of(draft, "add_checks")
    page = client.get(page_of(draft)).content.decode()
    assert step in page
    assert "two models side by side" in text_of(client.get(step))
    assert "Added: 5 checks." in said(client.post(step, {"template": "questions"}, follow=True))
    assert "has all of them" in said(client.post(step, {"template": "questions"}, follow=True))
    assert draft.checks.count() == 5
    form = untouched(client, page_of(draft))
    assert client.post(page_of(draft), form).status_code == 302
    take_part(draft)
    refused = client.post(step, {"template": "battles"}, follow=True)
    assert "Clone it for other ones" in said(refused)
