from django.apps import AppConfig

from studies.append_only import Refusal, keep_installed

# A preview is a passing copy, deleted with all of it.
HAS_OPENED = """
SELECT 1 FROM studies_study s
WHERE s.id = {row}.study_id AND s.opened_at IS NOT NULL AND s.preview_of_id IS NULL
"""


class StudiesConfig(AppConfig):
    name = "studies"
    verbose_name = "Studies"

    def ready(self) -> None:
        keep_installed(self, refusals)


def refusals() -> tuple[Refusal, ...]:
    """What the database refuses here beyond constraints."""
    from studies.models import StoppingRule

    fixed = "The stopping rules of a study are fixed once it has opened"
    return tuple(
        Refusal(StoppingRule, event, fixed, f"EXISTS ({HAS_OPENED.format(row=row)})")
        for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
    )
