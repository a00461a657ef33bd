"""What is read of raters and their verdicts, in sentences."""

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from raters.models import Exclusion, Rating, Verdict  # noqa: F401  named in the base classes below
    from studies.models import Study

Answer = TypeVar("Answer", bound=models.Model)


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    """Exclusions by what they do now."""

    def active(self) -> Self:
        return self.filter(lifted_at__isnull=True)


class _OnDimensions(models.QuerySet[Answer]):
    """What raters say of a battle on a dimension, by study and by what counts."""

    def of(self, study: "Study") -> Self:
        return self.filter(dimension__study=study)

    def counting(self, study: "Study") -> Self:
        """The study's, as boards count them: those that no active exclusion names."""
        excluded = study.exclusions.active()
        if not excluded.exists():
            # Spares the database a join and two empty look-ups for every one of them.
            return self.of(study)
        battles = excluded.filter(battle__isnull=False).values("battle")
        participations = excluded.filter(participation__isnull=False).values("participation")
        return self.of(study).exclude(
            Q(battle__in=battles) | Q(battle__participation__in=participations)
        )


class VerdictQuerySet(_OnDimensions["Verdict"]):
    """Verdicts, of studies that compare two models."""


class RatingQuerySet(_OnDimensions["Rating"]):
    """Ratings, of studies of one model at a time."""
