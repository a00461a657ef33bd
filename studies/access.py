"""The guard: how every view and command gets a study, and what whoever asks may do with it."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Union

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from studies.models import ApiToken, Study

if TYPE_CHECKING:
    from accounts.models import User


class Scope(Enum):
    """What somebody may want of a study that she sees; each word ends “may not …”."""

    RESULTS = "read what is published of this study"
    LIVE_FIGURES = "see this study's live figures"
    CONVERSATIONS = "read this study's conversations"
    MANAGE = "manage this study"


@dataclass(frozen=True)
class Asker:
    """Who asks: a user, narrowed to the scopes and studies of her token where a program asks.

    A token never gives what its user may not; of studies that it is not for, a program sees what
    anybody sees. A user who is signed in in a browser is not narrowed.
    """

    user: Union["User", AnonymousUser]
    token: ApiToken | None = None

    def studies(self) -> QuerySet[Study]:
        """The studies that the asker may know of."""
        shown = Study.objects.visible_to(self.user)
        if self.token is None or self.token.is_for_all_studies:
            return shown
        public = Study.objects.visible_to(AnonymousUser())
        named = Q(pk__in=self.token.studies.values("pk"))
        return shown.filter(named | Q(pk__in=public.values("pk")))

    def study(self, slug: str) -> Study:
        """The study, if the asker may see it. Otherwise, as far as she can tell, there is none."""
        study = self.studies().filter(slug=slug).first()
        if study is None:
            raise Http404(
                _("There is no study “%(slug)s” here, or it is not public.") % {"slug": slug}
            )
        return study

    def may(self, scope: Scope, study: Study) -> bool:
        """Whether the asker may do this with a study that she sees."""
        return not self.refusal(scope, study)

    def refusal(self, scope: Scope, study: Study) -> str:
        """Why the asker may not do this with a study that she sees; empty if she may.

        Whoever manages needs the permission for the very step besides, as in the admin.
        """
        if scope is Scope.RESULTS:
            return ""
        if not _user_may(self.user, scope):
            return f"Your user may not {scope.value}."
        if self.token is not None and not _is_within(self.token, scope):
            return f"This token may not {scope.value}: it lacks the scope."
        if self.token is not None and not _is_for(self.token, study):
            return f"This token may not {scope.value}: it is for other studies."
        return ""


def get_study_for(user: "User | AnonymousUser", slug: str) -> Study:
    """The study, if this user may see it. Otherwise it does not exist, as far as she can tell."""
    return Asker(user).study(slug)


def may_see_live_figures(user: "User | AnonymousUser") -> bool:
    """Whether this user may see, of studies she sees at all, what they come to as they run."""
    return user.has_perm("studies.view_study") or user.has_perm("studies.change_study")


def _user_may(user: "User | AnonymousUser", scope: Scope) -> bool:
    if scope is Scope.MANAGE:
        return bool(user.is_active and user.is_staff)
    is_reader = scope is not Scope.CONVERSATIONS or user.has_perm("raters.view_battle")
    return is_reader and may_see_live_figures(user)


def _is_within(token: ApiToken, scope: Scope) -> bool:
    if scope is Scope.CONVERSATIONS:
        return token.may_read_conversations
    return token.may_manage if scope is Scope.MANAGE else True


def _is_for(token: ApiToken, study: Study) -> bool:
    return token.is_for_all_studies or token.studies.filter(pk=study.pk).exists()
