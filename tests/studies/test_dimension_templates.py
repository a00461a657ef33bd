"""Dimensions that a study can start from."""

import pytest

from studies.dimension_templates import (
    add_dimension_template,
    dimension_templates,
    parse_templates,
)
from studies.errors import StateError
from studies.models import Dimension, Study

FLAWED = """
[one]
name = "One"
description = ""
origin = ""
[[one.dimension]]
key = "a"
name = "A"
question = "Which?"
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
            assert (
                Dimension(
                    key=spec.key, name=spec.name, question=spec.question, help=spec.help
                ).clean_fields(exclude=["study"])
                is None
            )


def test_the_templates_are_the_five_and_the_six():
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
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flawed", "message"),
    [
        (FLAWED.replace('question = "Which?"', ""), "template one: .*question"),
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
