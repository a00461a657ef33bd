"""A new study made like another one."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from studies.errors import SlugTakenError
from studies.models import Contestant, StoppingRule, Study
from studies.services import add_consent_text, enter_contestant, give_electorate

# What the raters of a study are asked and offered, and how many there are to be.
COPIED = (
    "question",
    "language",
    "protocol",
    "raters_wanted",
    "quota_by",
    "battles_each",
    "min_turns",
    "max_turns",
    "task",
    "reservation_minutes",
    "minutes_estimated",
    "pay",
    "currency",
    "strikes_allowed",
    "screener",
    "asks_to_quote",
    "retention_days",
    "budget",
    "policy",
    "battle_cap",
    "battle_floor",
    "ends_when_answered",
    "entrance",
    "recruiting_parameter",
    "study_parameter",
    "session_parameter",
)
# What belongs to the one study, or starts anew. The team does not come along: who may see a study
# is said of each one, never inherited. Nor is the copy public, or its raters simulated.
NOT_COPIED = frozenset(
    {
        "id",
        "slug",
        "title",
        # A service gives it, which says so in the ledger.
        "electorate",
        "state",
        "opened_at",
        "answered_at",
        "closed_at",
        "identities_erased_at",
        "pause_reason",
        "is_public",
        "is_simulated",
        "team",
        "created_at",
        "preview_of",
    }
)


@transaction.atomic
def clone_study(study: Study, *, slug: str, title: str, is_preview: bool = False) -> Study:
    """A draft with the design of a study and none of its raters; or a passing copy, as a preview.

    Dimensions, contestants that have not withdrawn, checks, quotas, stopping rules, completion
    codes and the latest consent text come along; not a rule about a pair of which one has
    withdrawn. Raises SlugTakenError if another study has the slug.
    """
    if Study.objects.filter(slug=slug).exists():
        raise SlugTakenError(
            _("Another study has the address “%(slug)s”: choose another one.") % {"slug": slug}
        )
    clone = Study.objects.create(
        slug=slug,
        title=title,
        preview_of=study if is_preview else None,
        **{field: getattr(study, field) for field in COPIED},
    )
    if study.electorate is not None:
        give_electorate(clone, study.electorate, at=clone.created_at)
    for rows in (
        study.dimensions.all(),
        study.tasks.all(),
        study.checks.all(),
        study.screen_rules.all(),
        study.quotas.all(),
        study.completion_codes.all(),
        study.stopping_rules.all(),
    ):
        _copy(rows, clone)
    standing = study.contestants.filter(withdrawn_at=None).select_related("chat_model")
    entered = {
        contestant.pk: enter_contestant(
            clone, name=contestant.name, chat_model=contestant.chat_model
        )
        for contestant in standing
    }
    _name_in_pairs(clone, entered)
    latest = study.consent_texts.order_by("-version").first()
    if latest is not None:
        add_consent_text(clone, summary=latest.summary, text=latest.text)
    return clone


def _name_in_pairs(clone: Study, entered: dict[int, Contestant]) -> None:
    """Let rules about pairs name the clone's own contestants; those of whom one is missing go."""
    for rule in clone.stopping_rules.filter(kind=StoppingRule.Kind.PAIR):
        rule.first, rule.second = (entered.get(pk or 0) for pk in (rule.first_id, rule.second_id))
        if rule.first and rule.second:
            rule.save()
        else:
            rule.delete()


def _copy(rows: QuerySet[Any, Any], clone: Study) -> None:
    """Make each row once more, for the clone."""
    model = rows.model
    kept = [f.attname for f in model._meta.concrete_fields if f.name not in {"id", "study"}]
    model._default_manager.bulk_create(
        model(study=clone, **{name: getattr(row, name) for name in kept}) for row in rows
    )
