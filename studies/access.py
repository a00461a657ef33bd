"""The guard: how every view and command gets a study."""

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.http import Http404

from studies.models import Study

if TYPE_CHECKING:
    from accounts.models import User


def get_study_for(user: "User | AnonymousUser", slug: str) -> Study:
    """The study, if this user may see it. Otherwise it does not exist, as far as she can tell."""
    study = Study.objects.visible_to(user).filter(slug=slug).first()
    if study is None:
        raise Http404(f"There is no study “{slug}” here, or it is not public.")
    return study


def may_see_live_figures(user: "User | AnonymousUser") -> bool:
    """Whether this user may see, of studies she sees at all, what they come to as they run."""
    return user.has_perm("studies.view_study") or user.has_perm("studies.change_study")
