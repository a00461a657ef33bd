"""Dimensions that a study can start from, and what adds them to one."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from studies.errors import StateError
from studies.models import Dimension, Study
from studies.services import choose_overall_dimension

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class DimensionSpec:
    """One dimension of a template.

    `question` is asked of a rater about two models, `rating_question` about one, which she rates.
    """

    key: str
    name: str
    question: str
    rating_question: str
    help: str
    is_overall: bool = False

    def question_for(self, protocol: str) -> str:
        """The question as raters of a study of this protocol are asked."""
        is_single = protocol == Study.Protocol.SINGLE
        return self.rating_question if is_single else self.question


@dataclass(frozen=True)
class DimensionTemplate:
    """Dimensions that belong together, in their order, and where they come from."""

    key: str
    name: str
    description: str
    origin: str
    dimensions: tuple[DimensionSpec, ...]


@cache
def dimension_templates() -> Mapping[str, DimensionTemplate]:
    """The templates that come with Hustings, by key. ValueError for a flaw in their file."""
    return parse_templates(FILE.read_text(encoding="utf-8"))


def parse_templates(text: str) -> Mapping[str, DimensionTemplate]:
    """Templates from TOML; ValueError says which one has which flaw."""
    return MappingProxyType(
        {key: _template(key, table) for key, table in tomllib.loads(text).items()}
    )


def _template(key: str, table: Any) -> DimensionTemplate:
    try:
        dimensions = tuple(DimensionSpec(**row) for row in table["dimension"])
        template = DimensionTemplate(
            key, table["name"], table["description"], table["origin"], dimensions
        )
    except (KeyError, TypeError) as flaw:
        raise ValueError(_("template %(key)s: %(flaw)s") % {"key": key, "flaw": flaw}) from flaw
    keys = [dimension.key for dimension in dimensions]
    if len(set(keys)) < len(keys):
        raise ValueError(_("template %(key)s: two dimensions have the same key") % {"key": key})
    if sum(dimension.is_overall for dimension in dimensions) > 1:
        raise ValueError(
            _("template %(key)s: more than one dimension is the overall one") % {"key": key}
        )
    return template


@transaction.atomic
def add_dimension_template(study: Study, *, template: str) -> tuple[Dimension, ...]:
    """Add the dimensions of a template that the study lacks, after its own; returns them.

    Their questions are about two models, or about one, as the study's protocol wants it. A
    dimension whose key stands already stays as it is, and so does the overall one. KeyError for a
    template that there is not; StateError once the study is no draft, since the battles rated
    until then would lack the new dimensions.
    """
    specs = dimension_templates()[template].dimensions
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.state != Study.State.DRAFT:
        raise StateError(
            _(
                "The study %(slug)s is %(state)s: its raters compare what it asks now. "
                "Clone it to ask about more."
            )
            % {"slug": study.slug, "state": locked.state}
        )
    standing = set(study.dimensions.values_list("key", flat=True))
    last = study.dimensions.aggregate(last=Max("position"))["last"]
    has_overall = study.dimensions.filter(is_overall=True).exists()
    missing = [spec for spec in specs if spec.key not in standing]
    added = Dimension.objects.bulk_create(
        Dimension(
            study=study,
            key=spec.key,
            name=spec.name,
            question=spec.question_for(locked.protocol),
            help=spec.help,
            position=position,
            is_overall=spec.is_overall and not has_overall,
        )
        for position, spec in enumerate(missing, start=0 if last is None else last + 1)
    )
    choose_overall_dimension(study)
    return tuple(added)


@transaction.atomic
def reword_questions(study: Study) -> tuple[Dimension, ...]:
    """Ask what templates ask as the study's protocol wants it, about two models or about one.

    Questions in anybody's own words stay. Returns the dimensions that ask something else now.
    """
    specs = [spec for template in dimension_templates().values() for spec in template.dimensions]
    wanted = {
        question: spec.question_for(study.protocol)
        for spec in specs
        for question in (spec.question, spec.rating_question)
    }
    reworded = []
    for dimension in study.dimensions.all():
        question = wanted.get(dimension.question, dimension.question)
        if question != dimension.question:
            dimension.question = question
            reworded.append(dimension)
    Dimension.objects.bulk_update(reworded, ["question"])
    return tuple(reworded)
