"""What is read of raters and their verdicts, in sentences."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from raters.models import Exclusion, Verdict  # noqa: F401  named in the base classes below
    from studies.models import Study


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    """Exclusions by what they do now."""

    def active(self) -> Self:
        return self.filter(lifted_at__isnull=True)


class VerdictQuerySet(models.QuerySet["Verdict"]):
    """Verdicts by study and by what counts."""

    def of(self, study: "Study") -> Self:
        return self.filter(dimension__study=study)

    def counting(self, study: "Study") -> Self:
        """The study's verdicts that boards count: those that no active exclusion names."""
        excluded = study.exclusions.active()
        if not excluded.exists():
            # Spares the database a join and two empty look-ups for every verdict.
            return self.of(study)
        battles = excluded.filter(battle__isnull=False).values("battle")
        participations = excluded.filter(participation__isnull=False).values("participation")
        return self.of(study).exclude(
            Q(battle__in=battles) | Q(battle__participation__in=participations)
        )
