"""Writes over REST: each is done once, however often it is sent with the same Idempotency-Key."""

import json
import re
from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import Any, ClassVar, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotAuthenticated, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.admin_site import needs_second_factor
from accounts.models import User
from studies.access import Scope
from studies.api.guards import OfStudy
from studies.errors import KeyReusedError, WriteUnderWayError
from studies.written import Answered, begin_write, digest_of, finish_write, freed_if_not_done

KEY_HEADER: Final = "Idempotency-Key"
# Visible ASCII: the header's field is a string of it, with or without quotes.
KEY: Final = re.compile(r"[\x21\x23-\x7e]{1,200}")


class Conflict(APIException):
    """The study, as it stands, does not allow it. `reasons` are sentences."""

    status_code = status.HTTP_409_CONFLICT

    def __init__(self, detail: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.reasons = reasons or (detail,)


class KeyReused(APIException):
    """The key came with another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class Writes(OfStudy, ABC):
    """A view with a POST: `write` does it, given what the serializer `takes` has read.

    Whoever writes must be allowed to manage the study, and hold `permission`, as in the admin.
    What it raises of `refusals` is answered as a conflict: nothing was done, and why. With
    `is_atomic` all that it wrote and the answer stand together or not at all; a write that waits
    for others, as for the net, can't be, and has to bear being done again after the server died.
    """

    permission: ClassVar[str]
    takes: ClassVar[type[serializers.BaseSerializer[Any]]]
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    is_atomic: ClassVar[bool] = True

    @abstractmethod
    def write(self, given: dict[str, Any]) -> Response:
        """Do it, and say what came of it as an object; its `url` is where more is told, if any.

        `given` is validated. 201 for what was made, 202 for what a worker will make, 200 else.
        """

    def refusal(self, request: Request) -> str:
        if request.method in SAFE_METHODS:
            return super().refusal(request)
        if request.auth is None and needs_second_factor(request._request):  # noqa: SLF001
            return "Set up a second factor first, as for the admin."
        if refused := self.asker.refusal(Scope.MANAGE, self.study):
            return refused
        if not request.user.has_perm(self.permission):
            return f"Your user lacks the permission {self.permission}."
        return ""

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        taken = self.takes(data=request.data, context={"view": self, "request": request})
        taken.is_valid(raise_exception=True)
        digest = digest_of("POST", request.get_full_path(), request.data)
        try:
            begun = begin_write(user_of(request), _key_of(request), digest, at=timezone.now())
        except KeyReusedError as error:
            raise KeyReused(str(error)) from error
        except WriteUnderWayError as error:
            raise Conflict(str(error)) from error
        if isinstance(begun, Answered):
            return _response(begun, {"Idempotent-Replayed": "true"})
        with freed_if_not_done(begun):
            try:
                with transaction.atomic() if self.is_atomic else nullcontext():
                    response = self.write(taken.validated_data)
                    document = json.loads(JSONRenderer().render(response.data))
                    answered = Answered(response.status_code, document)
                    finish_write(begun, answered)
            except self.refusals as refusal:
                raise Conflict(str(refusal), getattr(refusal, "missing", ())) from refusal
            except WriteUnderWayError as error:
                raise Conflict(str(error)) from error
        return _response(answered)


def user_of(request: Request) -> User:
    """Who writes. Nobody comes so far without saying who she is."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def log_change(request: Request, obj: Model, said: str) -> None:
    """Write into an object's history in the admin who did what over REST."""
    LogEntry.objects.log_actions(
        user_of(request).pk, [obj], CHANGE, f"{said} (over REST)", single_object=True
    )


def _response(answered: Answered, headers: dict[str, str] | None = None) -> Response:
    headers = dict(headers or {})
    if address := answered.document.get("url"):
        headers["Location"] = address
    return Response(answered.document, status=answered.status, headers=headers)


def _key_of(request: Request) -> str:
    given = request.headers.get(KEY_HEADER, "")
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    if not KEY.fullmatch(key):
        raise ValidationError(
            {KEY_HEADER: ["Send this header, of 1 to 200 visible ASCII signs, new for each write."]}
        )
    return key
