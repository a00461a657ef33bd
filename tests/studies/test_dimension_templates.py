"""Dimensions that a study can start from."""

import pytest

from studies.dimension_templates import (
    add_dimension_template,
    dimension_templates,
    parse_templates,
    reword_questions,
)
from studies.errors import StateError
from studies.models import Dimension, Study
from studies.planning import COMPARES
from studies.services import choose_protocol

FLAWED = """
[one]
name = "One"
description = ""
origin = ""
[[one.dimension]]
key = "a"
name = "A"
question = "Which?"
rating_question = "How well?"
help = ""
"""


@pytest.fixture
def study(db):
    return Study.objects.create(slug="tea", title="Tea")


def keys_of(study):
    return list(study.dimensions.order_by("position").values_list("key", flat=True))


def test_every_template_asks_short_clear_questions():
    for template in dimension_templates().values():
        for spec in template.dimensions:
            assert spec.question.endswith("?"), spec
            assert len(spec.question) <= 80, spec
            assert spec.help, spec
            for question in (spec.question, spec.rating_question):
                Dimension(
                    key=spec.key, name=spec.name, question=question, help=spec.help
                ).clean_fields(exclude=["study"])


def test_every_dimension_can_be_asked_about_two_models_and_about_one():
    for template in dimension_templates().values():
        for spec in template.dimensions:
            assert COMPARES.search(spec.question), spec
            assert not COMPARES.search(spec.rating_question), spec
            assert spec.rating_question.endswith("?"), spec
            assert len(spec.rating_question) <= 80, spec


def test_the_templates_are_the_five_the_six_and_the_one_of_trust():
    names = {
        key: [spec.name for spec in template.dimensions]
        for key, template in dimension_templates().items()
    }
    assert names == {
        "humaine": [
            "Core task performance and reasoning",
            "Communication style and presentation",
            "Interaction fluidity and adaptiveness",
            "Trust, ethics and safety",
            "Overall winner",
        ],
        "companion": [
            "Empathy", "Guidance", "Gentleness", "Understanding", "Completeness", "Fluency",
        ],
        "safety": ["Trust"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flawed", "message"),
    [
        (FLAWED.replace('question = "Which?"', ""), "template one: .*question"),
        (FLAWED.replace('rating_question = "How well?"', ""), "template one: .*rating_question"),
        (FLAWED + 'colour = "blue"', "template one: .*colour"),
        (FLAWED.replace('origin = ""', ""), "template one: 'origin'"),
        (FLAWED + FLAWED[FLAWED.index("[[") :], "two dimensions have the same key"),
    ],
)
def test_a_flaw_in_the_file_is_an_error(flawed, message):
    assert set(parse_templates(FLAWED)) == {"one"}
    with pytest.raises(ValueError, match=message):
        parse_templates(flawed)


def test_an_empty_study_gets_all_in_order_with_one_overall(study):
    add_dimension_template(study, template="humaine")
    assert keys_of(study) == [
        "task-performance", "communication", "interaction", "trust", "overall",
    ]  # fmt: skip
    assert study.dimensions.get(is_overall=True).key == "overall"


def test_where_raters_rate_one_model_they_are_asked_about_one(study):
    choose_protocol(study, "single")
    add_dimension_template(study, template="humaine")
    asked = study.dimensions.get(key="task-performance").question
    assert asked == "How well did it do what you asked for?"


def test_questions_of_a_template_follow_the_protocol_and_other_words_stay(study):
    add_dimension_template(study, template="companion")
    study.dimensions.filter(key="fluency").update(question="Which one reads better to you?")
    before = list(study.dimensions.values_list("question", flat=True))
    assert reword_questions(study) == ()
    choose_protocol(study, "single")
    assert len(reword_questions(study)) == 5
    assert (
        study.dimensions.get(key="empathy").question == "How well did it understand how you feel?"
    )
    assert study.dimensions.get(key="fluency").question == "Which one reads better to you?"
    choose_protocol(study, "pairwise")
    reword_questions(study)
    assert list(study.dimensions.values_list("question", flat=True)) == before


def test_what_the_study_has_stays_and_comes_first(study):
    Dimension.objects.create(study=study, key="warmth", name="Warmth", position=4, is_overall=True)
    Dimension.objects.create(study=study, key="trust", name="My trust", position=2)
    added = add_dimension_template(study, template="humaine")
    assert len(added) == 4
    assert keys_of(study)[:2] == ["trust", "warmth"]
    assert study.dimensions.get(key="trust").name == "My trust"
    assert study.dimensions.get(is_overall=True).key == "warmth"
    assert add_dimension_template(study, template="humaine") == ()


def test_a_template_without_an_overall_dimension_still_leaves_the_study_with_one(study):
    add_dimension_template(study, template="companion")
    assert study.dimensions.filter(is_overall=True).count() == 1


def test_two_templates_go_together(study):
    for template in ("humaine", "companion"):
        add_dimension_template(study, template=template)
    assert len(keys_of(study)) == 11
    assert study.dimensions.get(is_overall=True).key == "overall"


def test_a_study_that_has_opened_asks_what_it_asked(study):
    Study.objects.filter(pk=study.pk).update(state=Study.State.OPEN)
    with pytest.raises(StateError, match="its raters compare what it asks now"):
        add_dimension_template(study, template="humaine")


def test_a_template_that_there_is_not_is_an_error(study):
    with pytest.raises(KeyError):
        add_dimension_template(study, template="humane")
