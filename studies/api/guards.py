"""What every view under a study's address has in common: the guard, and how parameters are read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import cached_property
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.admin_site import needs_second_factor
from studies.access import Asker, Scope
from studies.models import ApiToken, Study


def asker_of(request: Request) -> Asker:
    """Who asks: the user that is signed in, or the token's, narrowed by the token.

    Staff who have yet to set up a second factor are nobody here, as in the admin.
    """
    token = request.auth if isinstance(request.auth, ApiToken) else None
    if token is None and needs_second_factor(request._request):  # noqa: SLF001
        return Asker(AnonymousUser())
    return Asker(request.user, token)


def require_known(request: Request, parameters: Collection[str]) -> None:
    """Raise ValidationError for a query parameter that is not among these, or is given twice."""
    known = {"format", *parameters}
    errors = {}
    for name, values in request.query_params.lists():
        if name not in known:
            errors[name] = [f"There is no such parameter; there are: {', '.join(sorted(known))}."]
        elif len(values) > 1:
            errors[name] = ["Give it once."]
        elif "\x00" in values[0]:
            errors[name] = ["It holds a sign that no value here can hold."]
    if errors:
        raise ValidationError(errors)


class OfStudy(APIView):
    """A view at an address under one study, which the asker may see.

    `needs` says what else she must be allowed, to read it. `parameters` are those of its address
    besides a list's own; any other is an error.
    """

    needs: ClassVar[Scope] = Scope.RESULTS
    parameters: ClassVar[tuple[str, ...]] = ()
    request: Any
    kwargs: Mapping[str, Any]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # What is not found is not found, whoever asks.
        _ = self.study
        if refusal := self.refusal(request):
            self.permission_denied(request, refusal)
        # A list knows its filters besides, and looks at them itself.
        if not isinstance(self, ListModelMixin):
            require_known(request, self.parameters)

    def refusal(self, request: Request) -> str:  # noqa: ARG002  those that write look at it
        """Why the asker may not have this; empty if she may."""
        return self.asker.refusal(self.needs, self.study)

    @cached_property
    def asker(self) -> Asker:
        return asker_of(self.request)

    @cached_property
    def study(self) -> Study:
        return self.asker.study(self.kwargs["slug"])

    def asked(self, name: str, known: Sequence[str]) -> str:
        """A parameter's value, one of those that are known; empty where it is not given."""
        value = str(self.request.query_params.get(name, ""))
        if value and value not in known:
            listed = ", ".join(known) or "none"
            raise ValidationError({name: [f"“{value}” is not known here; known are: {listed}."]})
        return value

    def asked_dimension(self) -> str:
        """The dimension that is asked for, by its key."""
        return self.asked("dimension", list(self.study.dimensions.values_list("key", flat=True)))


class OfLiveStudy(OfStudy):
    """A view of one study's live figures, for whoever may see them."""

    needs = Scope.LIVE_FIGURES
