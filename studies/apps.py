from django.apps import AppConfig

from studies.append_only import Refusal, append_only, keep_installed

# A preview is a passing copy, deleted with all of it.
HAS_OPENED = """
SELECT 1 FROM studies_study s
WHERE s.id = {row}.study_id AND s.opened_at IS NOT NULL AND s.preview_of_id IS NULL
"""

OF_A_PREVIEW = """
SELECT 1 FROM studies_study s WHERE s.id = NEW.study_id AND s.preview_of_id IS NOT NULL
"""
THE_ONE_BEFORE = """
SELECT 1 FROM studies_ledgerentry e
WHERE e.study_id = NEW.study_id AND e.number = NEW.number - 1 AND e.digest = NEW.previous
"""


class StudiesConfig(AppConfig):
    name = "studies"
    verbose_name = "Studies"

    def ready(self) -> None:
        keep_installed(self, refusals)


def refusals() -> tuple[Refusal, ...]:
    """What the database refuses here beyond constraints."""
    from studies.models import LedgerEntry, StoppingRule

    fixed = "The stopping rules of a study are fixed once it has opened"
    return (
        *(
            Refusal(StoppingRule, event, fixed, f"EXISTS ({HAS_OPENED.format(row=row)})")
            for event, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD"))
        ),
        *append_only(LedgerEntry, "An entry of a ledger is never changed or deleted"),
        Refusal(
            LedgerEntry,
            "INSERT",
            "An entry of a ledger follows the one before it, and previews have no ledger",
            f"EXISTS ({OF_A_PREVIEW}) OR NEW.number > 1 AND NOT EXISTS ({THE_ONE_BEFORE})",
        ),
    )
