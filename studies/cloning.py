"""A new study made like another one."""

from django.db import transaction

from studies.errors import SlugTakenError
from studies.models import (
    AttentionCheck,
    CompletionCode,
    ConsentText,
    Dimension,
    Quota,
    ScreenRule,
    Study,
    Task,
)
from studies.services import enter_contestant

# What the raters of a study are asked and offered, and how many there are to be.
COPIED = (
    "question",
    "protocol",
    "electorate",
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
    "budget",
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
        "state",
        "opened_at",
        "pause_reason",
        "is_public",
        "is_simulated",
        "team",
        "created_at",
        "preview_of",
    }
)


@transaction.atomic
def clone_study(study: Study, *, slug: str, title: str) -> Study:
    """A draft with the design of a study and none of its raters.

    Dimensions, contestants that have not withdrawn, checks, quotas, completion codes and the
    latest consent text come along. Raises SlugTakenError if another study has the slug.
    """
    if Study.objects.filter(slug=slug).exists():
        raise SlugTakenError(f"Another study has the address “{slug}”: choose another one.")
    clone = Study.objects.create(
        slug=slug, title=title, **{field: getattr(study, field) for field in COPIED}
    )
    Dimension.objects.bulk_create(
        Dimension(
            study=clone,
            key=dimension.key,
            name=dimension.name,
            question=dimension.question,
            help=dimension.help,
            weight=dimension.weight,
            position=dimension.position,
            is_overall=dimension.is_overall,
        )
        for dimension in study.dimensions.all()
    )
    Task.objects.bulk_create(
        Task(
            study=clone,
            area=task.area,
            category=task.category,
            name=task.name,
            text=task.text,
            battles_wanted=task.battles_wanted,
            position=task.position,
        )
        for task in study.tasks.all()
    )
    for contestant in study.contestants.filter(withdrawn_at=None).select_related("chat_model"):
        enter_contestant(clone, name=contestant.name, chat_model=contestant.chat_model)
    _copy_checks(study, clone)
    _copy_recruitment(study, clone)
    return clone


def _copy_checks(study: Study, clone: Study) -> None:
    AttentionCheck.objects.bulk_create(
        AttentionCheck(
            study=clone,
            kind=check.kind,
            question=check.question,
            answers=check.answers,
            accepted=check.accepted,
            fault=check.fault,
            position=check.position,
        )
        for check in study.checks.all()
    )
    ScreenRule.objects.bulk_create(
        ScreenRule(study=clone, kind=rule.kind, action=rule.action, threshold=rule.threshold)
        for rule in study.screen_rules.all()
    )


def _copy_recruitment(study: Study, clone: Study) -> None:
    Quota.objects.bulk_create(
        Quota(study=clone, group_id=quota.group_id, cell_id=quota.cell_id, target=quota.target)
        for quota in Quota.objects.filter(study=study)
    )
    CompletionCode.objects.bulk_create(
        CompletionCode(
            study=clone, outcome=code.outcome, code=code.code, redirect_url=code.redirect_url
        )
        for code in CompletionCode.objects.filter(study=study)
    )
    latest = ConsentText.objects.filter(study=study).order_by("-version").first()
    if latest is not None:
        ConsentText.objects.create(study=clone, version=1, summary=latest.summary, text=latest.text)
