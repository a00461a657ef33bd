"""One call of an endpoint over HTTP: whatever it is asked, it is asked in this way."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from studies.providers.addresses import AddressRules, parse_address
from studies.providers.countdown import Countdown
from studies.providers.endpoint import Endpoint
from studies.providers.errors import MalformedAnswerError
from studies.providers.protocol import error_for_status, quote
from studies.providers.retries import parse_retry_after

if TYPE_CHECKING:
    import httpx2

# Enough of a refusal to see why.
REFUSAL_BYTES: Final = 4_096


@contextmanager
def call(
    endpoint: Endpoint,
    path: str,
    body: bytes,
    *,
    accept: str,
    countdown: Countdown,
    rules: AddressRules,
) -> Iterator["httpx2.Response"]:
    """The answer to a body of JSON posted to a path of an endpoint, its own body yet to be read.

    Within the context, and on entering it, every failure is a ProviderError; so is each status
    but 200. The key is in the request's header and nowhere else.
    """
    # Here, not above: who never asks an endpoint need not load an HTTP client.
    from studies.providers.connection import named_failures, open_client

    countdown.check()
    address = parse_address(endpoint.base_url)
    key = endpoint.read_key()
    headers = {
        "accept": accept,
        # A small compressed answer can be a very large one, and its limit is on what arrives.
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "hustings",
    }
    if key:
        headers["authorization"] = f"Bearer {key}"
    with (
        named_failures(address, countdown),
        open_client(address, rules, countdown) as client,
        client.stream(
            "POST",
            endpoint.base_url.rstrip("/") + path,
            content=body,
            headers=headers,
            timeout=endpoint.timeout.total_seconds(),
        ) as response,
    ):
        if response.status_code != 200:
            _refuse(response, key)
        yield response


def kind_of(response: "httpx2.Response") -> str:
    """An answer's media type, such as application/json; MalformedAnswerError if compressed."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedAnswerError("the answer is compressed, which was not asked for")
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind


def _refuse(response: "httpx2.Response", key: str) -> None:
    """Raise what the status stands for, with the beginning of what the endpoint says of it."""
    status = response.status_code
    if response.has_redirect_location:
        where = quote(response.headers["location"])
        message = f"status {status}, a redirect to {where}; redirects are not followed"
    else:
        said = next(response.iter_raw(REFUSAL_BYTES), b"").decode(errors="replace")
        # Some endpoints repeat the key that they refuse, and errors are stored.
        message = f"status {status}: {quote(said.replace(key, '…') if key else said)}"
    retry_after = parse_retry_after(response.headers.get("retry-after"), at=datetime.now(UTC))
    raise error_for_status(status, message, retry_after=retry_after)
