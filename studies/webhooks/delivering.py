"""Delivering: claim, send, write down what came of it; again later, for a day."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from studies.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from studies.providers.addresses import AddressRules
from studies.webhooks.announcing import body_of
from studies.webhooks.ringing import due_deliveries, ring_delivery
from studies.webhooks.sending import Sent, send
from studies.webhooks.signing import headers_of, message_id, secrets_of

State = WebhookDelivery.State
# Longer than an attempt takes.
LEASE: Final = timedelta(minutes=2)
# After the first attempt, the second, …: those of the Standard Webhooks specification, for a day.
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=6),
)
# What fails together must not come back together: up to a tenth less.
JITTER: Final = 0.1
LONGEST: Final = timedelta(days=1)
KEPT: Final = timedelta(days=30)
GONE: Final = gettext_noop("The receiver answered 410: it wants no more of them.")


@dataclass(frozen=True)
class DeliveryClaim:
    """A delivery that is this worker's to send."""

    delivery: WebhookDelivery
    token: uuid.UUID


def deliver(delivery_id: int, *, at: datetime) -> Sent | None:
    """Send a delivery if it is due; None if it is not, or another worker has it."""
    claim = claim_delivery(delivery_id, at=at)
    if claim is None:
        return None
    event, endpoint = claim.delivery.event, claim.delivery.endpoint
    body = body_of(event)
    headers = headers_of(message_id(event.pk), body, secrets=endpoint_secrets(endpoint), at=at)
    sent = send(endpoint.url, body, headers, rules=address_rules())
    finish_delivery(claim, sent, at=at + timedelta(milliseconds=sent.total_ms))
    return sent


@transaction.atomic
def claim_delivery(delivery_id: int, *, at: datetime) -> DeliveryClaim | None:
    """Claim a delivery for this worker."""
    due = due_deliveries(at=at).select_related("event", "endpoint")
    delivery = due.filter(pk=delivery_id).first()
    if delivery is None:
        return None
    token = uuid.uuid4()
    # As it was found, by the row's own columns: whoever waits for another's update sees them
    # again then, and no subquery.
    claimed = WebhookDelivery.objects.filter(
        pk=delivery_id, state=delivery.state, claim=delivery.claim, due_at=delivery.due_at
    ).update(state=State.CLAIMED, claim=token, leased_until=at + LEASE)
    return DeliveryClaim(delivery, token) if claimed else None


@transaction.atomic
def finish_delivery(claim: DeliveryClaim, sent: Sent, *, at: datetime) -> bool:
    """Write down an attempt, and what is next; False if the claim is no longer its own.

    The attempt is written either way: it was made.
    """
    WebhookAttempt.objects.create(
        delivery=claim.delivery,
        at=at,
        status=sent.status,
        total_ms=sent.total_ms,
        error=sent.error,
    )
    made = claim.delivery.attempts_made + 1
    due_at = None if sent.is_received else next_due(claim.delivery, sent, made=made, at=at)
    if sent.is_received:
        state = State.DELIVERED
    else:
        state = State.GIVEN_UP if due_at is None else State.WAITING
    own = WebhookDelivery.objects.filter(
        pk=claim.delivery.pk, state=State.CLAIMED, claim=claim.token
    )
    finished = own.update(
        state=state,
        claim=None,
        leased_until=None,
        attempts_made=F("attempts_made") + 1,
        due_at=due_at or claim.delivery.due_at,
        ended_at=None if state == State.WAITING else at,
    )
    if sent.is_gone:
        WebhookEndpoint.objects.filter(pk=claim.delivery.endpoint_id).update(
            is_active=False, pause_reason=_(GONE)
        )
    return bool(finished)


def next_due(delivery: WebhookDelivery, sent: Sent, *, made: int, at: datetime) -> datetime | None:
    """When to try again after the `made`th attempt; None to give up, after a day or a 410.

    Never sooner than the receiver asks for.
    """
    if sent.is_gone or made > len(DELAYS):
        return None
    # No secret hangs on this: the same delivery waits the same time.
    chance = random.Random(f"{delivery.pk}:{made}").random()  # noqa: S311
    delay = max(DELAYS[made - 1] * (1 - JITTER * chance), sent.retry_after or timedelta(0))
    return at + delay if at + delay <= delivery.since + LONGEST else None


@transaction.atomic
def replay(delivery: WebhookDelivery, *, at: datetime) -> None:
    """Send a delivery again, with another day to try; the receiver sees the same id."""
    WebhookDelivery.objects.filter(pk=delivery.pk).exclude(state=State.CLAIMED).update(
        state=State.WAITING, since=at, due_at=at, attempts_made=0, ended_at=None
    )
    ring_delivery(delivery.pk)


def change_secret(endpoint: WebhookEndpoint) -> None:
    """Give an endpoint a new secret. Messages are signed with the old one besides."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secret_number=F("secret_number") + 1)
    endpoint.refresh_from_db(fields=["secret_number"])


def endpoint_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """What an endpoint's messages are signed with, the newest first."""
    server_secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return secrets_of(endpoint.pk, endpoint.secret_number, server_secrets)


def address_rules() -> AddressRules:
    """Whom webhooks may reach: public addresses by https, unless the site allows its own."""
    is_allowed = settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES
    return AddressRules(
        is_plain_http_allowed=is_allowed,
        are_private_addresses_allowed=is_allowed,
        is_loopback_allowed=is_allowed,
    )


def forget_old_events(*, at: datetime) -> int:
    """Delete events, and what was tried, after a month; returns how many events."""
    old = WebhookEvent.objects.filter(at__lt=at - KEPT)
    unfinished = [State.WAITING, State.CLAIMED]
    _, by_model = old.exclude(deliveries__state__in=unfinished).delete()
    return by_model.get(WebhookEvent._meta.label, 0)
