"""One attempt to send a message: to checked addresses only, no redirect followed, soon over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from studies.providers.addresses import AddressRules, parse_address, resolve
from studies.providers.countdown import Countdown
from studies.providers.errors import ProviderError
from studies.providers.retries import parse_retry_after

# Receivers answer first and work then. The specification advises 15 to 30 s.
TIMEOUT: Final = timedelta(seconds=15)
RESOLVE_TIMEOUT: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Sent:
    """What came of an attempt. `status` is None where nothing answered; `error` then says why."""

    status: int | None
    error: str
    total_ms: int
    retry_after: timedelta | None = None

    @property
    def is_received(self) -> bool:
        """The receiver has it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of them."""
        return self.status == 410


def check_webhook_address(url: str, rules: AddressRules) -> None:
    """Raise a ProviderError that says why nothing may be sent to `url`. Resolves its host."""
    resolve(parse_address(_without_query(url)), rules, timeout=RESOLVE_TIMEOUT)


def send(url: str, body: bytes, headers: Mapping[str, str], *, rules: AddressRules) -> Sent:
    """Post a message once. No failure is raised: it is what came of it."""
    # Here, not above: who never sends one need not load an HTTP client.
    from studies.providers.connection import named_failures, open_client

    countdown = Countdown(datetime.now(UTC) + TIMEOUT)
    sent_headers = {
        **headers,
        "content-type": "application/json",
        "user-agent": "hustings",
        "accept-encoding": "identity",
    }
    try:
        address = parse_address(_without_query(url))
        with (
            named_failures(address, countdown),
            open_client(address, rules, countdown) as client,
            # Its body is not read: nobody needs it, and it may never end.
            client.stream(
                "POST", url, content=body, headers=sent_headers, timeout=TIMEOUT.total_seconds()
            ) as response,
        ):
            status = response.status_code
            after = parse_retry_after(response.headers.get("retry-after"), at=datetime.now(UTC))
            error = _("a redirect, which is not followed") if 300 <= status < 400 else ""
            return Sent(status, error, countdown.elapsed_ms, after)
    except ProviderError as error:
        return Sent(None, str(error)[:300], countdown.elapsed_ms)


def _without_query(url: str) -> str:
    # Other than a chat model's address, a receiver's may tell it apart by a query.
    return url.partition("?")[0]
