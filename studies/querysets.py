"""What is read of studies, in sentences."""

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from studies.models import Study  # noqa: F401  named in the base class below


class StudyQuerySet(models.QuerySet["Study"]):
    """Studies by state and by who asks."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Public studies past their draft; to a team its own; to staff with the permission, all.

        Never a preview: it is a passing copy, which only who made it walks through.
        """
        real = self.filter(preview_of=None)
        if user.has_perm("studies.view_study"):
            return real
        shown = Q(is_public=True) & ~Q(state="draft")
        if user.is_authenticated:
            shown |= Q(pk__in=user.studies.values("pk"))
        return real.filter(shown)
