"""The rules of a study, as its ledger states them: each a name and a value that people can read."""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.db.models import Field
from django.utils import translation
from django.utils.text import capfirst

from studies.models import ScreenRule, Study

Value = str | int | bool | None
Rules = dict[str, Value]

# Fields of a study by which battles, raters and the end of it are chosen.
SETTINGS: Final = (
    "question",
    "language",
    "task",
    "battles_each",
    "min_turns",
    "max_turns",
    "entrance",
    "raters_wanted",
    "quota_by",
    "strikes_allowed",
    "policy",
    "battle_cap",
    "battle_floor",
    "ends_when_answered",
    "asks_to_quote",
    "retention_days",
)


def rules_of(study: Study) -> Rules:
    """The rules as they stand in the database, and in this object's fields.

    Attention checks are not named, since raters may read this; they are fixed once there are
    raters. Nor are contestants, whose coming and going are entries of their own.
    """
    # A ledger is kept in one language, whichever its reader or its writer has chosen.
    with translation.override(settings.LANGUAGE_CODE):
        rules = {_label(study, field): _value(study, field) for field in SETTINGS}
        return rules | dict(_rules_of_parts(study))


def differences(before: Rules, after: Rules) -> list[dict[str, Value]]:
    """What changed, in the order of the rules: each name, what it was and what it is.

    A rule that there is not, or was not, is None.
    """
    return [
        {"what": what, "from": before.get(what), "to": after.get(what)}
        for what in before | after
        if before.get(what) != after.get(what)
    ]


def _rules_of_parts(study: Study) -> Iterator[tuple[str, Value]]:
    for dimension in study.dimensions.all():
        weight = f"weight {dimension.weight:g}{', overall' if dimension.is_overall else ''}"
        yield f"Dimension “{dimension.key}”", f"{dimension.question} ({weight})".strip()
    for quota in study.quotas.select_related("group__axis", "cell"):
        of = f"{quota.group.axis.name}: {quota.group.name}" if quota.group else str(quota.cell)
        yield f"Places of {of}", quota.target
    for screen in study.screen_rules.all():
        yield f"Screen for {_found_by(screen)}", _doing_of(screen)
    for number, rule in enumerate(study.stopping_rules.select_related("first", "second"), 1):
        yield f"Stopping rule {number}", str(rule)


def _found_by(screen: ScreenRule) -> str:
    known = screen.kind in ScreenRule.Kind.values
    return str(ScreenRule.Kind(screen.kind).label) if known else screen.kind


def _doing_of(screen: ScreenRule) -> str:
    above = "" if screen.threshold is None else f", threshold {screen.threshold:g}"
    return f"{screen.get_action_display()}{above}"


def _label(study: Study, field: str) -> str:
    return str(capfirst(_field(study, field).verbose_name))


def _value(study: Study, field: str) -> Value:
    value: Any = getattr(study, field)
    choices = dict(_field(study, field).flatchoices)
    if choices:
        return str(choices[value])
    # Fractions are spelt otherwise in every language, so that a digest could not hold them.
    return f"{value:g}" if isinstance(value, float) else value


def _field(study: Study, name: str) -> "Field[Any, Any]":
    field = study._meta.get_field(name)
    assert isinstance(field, Field), "settings are the study's own columns"  # noqa: S101
    return field
