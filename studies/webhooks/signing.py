"""Signatures of webhooks, after the Standard Webhooks specification 1.0.

Secrets are not stored anywhere: each is derived from the server's own by HMAC, so that a copy of
the database signs nothing.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

PREFIX: Final = "whsec_"


def secret_of(endpoint: UUID, number: int, server_secret: str) -> str:
    """An endpoint's secret of a number, as receivers are given it: `whsec_` and base64."""
    derived = hmac.digest(
        server_secret.encode(), f"hustings.webhooks:{endpoint}:{number}".encode(), "sha256"
    )
    return PREFIX + b64encode(derived).decode()


def secrets_of(endpoint: UUID, number: int, server_secrets: Sequence[str]) -> list[str]:
    """What a message is signed with: this secret and the one before it.

    So a receiver that has not changed it yet goes on. Each by every secret of the server that
    still counts, the newest first.
    """
    numbers = [number] if number == 1 else [number, number - 1]
    return [secret_of(endpoint, each, server) for server in server_secrets for each in numbers]


def message_id(event: UUID) -> str:
    """The id of an event's message: the same each time it is sent, so that receivers drop twins."""
    return f"msg_{event.hex}"


def headers_of(
    message: str, body: bytes, *, secrets: Iterable[str], at: datetime
) -> dict[str, str]:
    """The three headers of a message that is sent now."""
    timestamp = str(int(at.timestamp()))
    signatures = " ".join(f"v1,{_signature(each, message, timestamp, body)}" for each in secrets)
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures,
    }


def _signature(secret: str, message: str, timestamp: str, body: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    signed = f"{message}.{timestamp}.".encode() + body
    return b64encode(hmac.digest(key, signed, "sha256")).decode()
