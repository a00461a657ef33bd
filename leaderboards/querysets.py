"""What is read of boards, in sentences."""

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models

from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User
    from leaderboards.models import Board  # noqa: F401  named in the base class below


class BoardQuerySet(models.QuerySet["Board"]):
    """Boards by who asks and by what stands."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(study__in=Study.objects.visible_to(user))

    def standing(self) -> Self:
        """Boards that nobody has withdrawn and no newer one supersedes."""
        return self.filter(withdrawal__isnull=True, superseded_by__isnull=True)
