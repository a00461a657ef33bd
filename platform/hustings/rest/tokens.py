"""Tokens: how a program says who it is."""

from typing import Any

from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from studies.models import ApiToken
from studies.tokens import mark_used


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`. The database knows a token by its hash only, and when it ends."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        try:
            user, found = super().authenticate_credentials(token)
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("Invalid token.") from error
        mark_used(found, at=timezone.now())
        return user, found
