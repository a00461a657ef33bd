"""Attention checks that a study can start from, and what adds them to one."""

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
from studies.models import AttentionCheck, Study

FILE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class CheckSpec:
    """One check of a template; what begins with `rating_` is for a study of one model at a time."""

    kind: str
    question: str = ""
    answers: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    rating_question: str = ""
    rating_answers: tuple[str, ...] = ()
    rating_accepted: tuple[str, ...] = ()
    fault: str = ""

    def check_for(self, study: Study) -> AttentionCheck:
        """The check as a study of this protocol asks it; nothing is stored."""
        is_single = study.protocol == Study.Protocol.SINGLE
        return AttentionCheck(
            study=study,
            kind=AttentionCheck.Kind(self.kind),
            question=self.rating_question if is_single else self.question,
            answers="\n".join(self.rating_answers if is_single else self.answers),
            accepted="\n".join(self.rating_accepted if is_single else self.accepted),
            fault=self.fault,
        )


@dataclass(frozen=True)
class CheckTemplate:
    """Checks that belong together, in their order."""

    key: str
    name: str
    description: str
    checks: tuple[CheckSpec, ...]


@cache
def check_templates() -> Mapping[str, CheckTemplate]:
    """The templates that come with Hustings, by key. ValueError for a flaw in their file."""
    return parse_check_templates(FILE.read_text(encoding="utf-8"))


def parse_check_templates(text: str) -> Mapping[str, CheckTemplate]:
    """Templates from TOML; ValueError says which one has which flaw."""
    return MappingProxyType(
        {key: _template(key, table) for key, table in tomllib.loads(text).items()}
    )


def _template(key: str, table: Any) -> CheckTemplate:
    try:
        checks = tuple(_spec(row) for row in table["check"])
        return CheckTemplate(key, table["name"], table["description"], checks)
    except (KeyError, TypeError, ValueError) as flaw:
        raise ValueError(f"template {key}: {flaw}") from flaw


def _spec(row: Mapping[str, Any]) -> CheckSpec:
    AttentionCheck.Kind(row["kind"])
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    return CheckSpec(**{**row, **lists})


@transaction.atomic
def add_check_template(study: Study, *, template: str) -> tuple[AttentionCheck, ...]:
    """Add the checks of a template that the study lacks, after its own; returns them.

    One of the same kind and question stands already as it is. KeyError for a template that there
    is not; StateError once the study has raters: where each of them meets which check is drawn
    from all of them.
    """
    specs = check_templates()[template].checks
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if locked.participations.exists():
        raise StateError(
            _(
                "The study %(study)s has raters, who meet the checks that it has now. Clone it for "
                "other ones."
            )
            % {"study": study.slug}
        )
    standing = set(study.checks.values_list("kind", "question"))
    last = study.checks.aggregate(last=Max("position"))["last"]
    missing = [
        check
        for check in (spec.check_for(locked) for spec in specs)
        if (check.kind, check.question) not in standing
    ]
    for position, check in enumerate(missing, start=0 if last is None else last + 1):
        check.position = position
    return tuple(AttentionCheck.objects.bulk_create(missing))
