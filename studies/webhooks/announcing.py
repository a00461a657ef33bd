"""Announcing events: written in the transaction of what happened, delivered after it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from studies.models import Study, WebhookDelivery, WebhookEndpoint, WebhookEvent
from studies.webhooks.ringing import ring_delivery

Kind = WebhookEvent.Kind


@transaction.atomic
def announce(
    study: Study, kind: WebhookEvent.Kind, facts: Mapping[str, Any], *, key: str, at: datetime
) -> WebhookEvent | None:
    """Tell whoever wants to know that something happened to a study, once for each `key`.

    To be called in the transaction of the service that writes the fact: nothing is told that did
    not come to be. `facts` hold no rater's text and nothing that says who somebody is. None where
    it was announced before, and for a preview, of which nobody is told.
    """
    if study.preview_of_id is not None:
        return None
    event, is_new = WebhookEvent.objects.get_or_create(
        study=study,
        kind=kind,
        key=key,
        defaults={"facts": {"study": study.slug, **facts}, "at": at},
    )
    if not is_new:
        return None
    wanted = WebhookEndpoint.objects.filter(Q(study=study) | Q(study=None), is_active=True)
    for endpoint in wanted:
        if not endpoint.kinds or kind.value in endpoint.kinds:
            _deliver(event, endpoint, at=at)
    return event


@transaction.atomic
def announce_test(endpoint: WebhookEndpoint, *, at: datetime) -> WebhookDelivery:
    """Send an endpoint an event that means nothing, to try it."""
    event = WebhookEvent.objects.create(
        study=endpoint.study,
        kind=Kind.TEST,
        key=f"{endpoint.pk}:{at.isoformat()}",
        facts={"says": "This is a test."},
        at=at,
    )
    return _deliver(event, endpoint, at=at)


def body_of(event: WebhookEvent) -> bytes:
    """An event as it is sent, the same bytes each time."""
    document = {"type": event.kind, "timestamp": event.at.isoformat(), "data": event.facts}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _deliver(event: WebhookEvent, endpoint: WebhookEndpoint, *, at: datetime) -> WebhookDelivery:
    delivery = WebhookDelivery.objects.create(event=event, endpoint=endpoint, since=at, due_at=at)
    ring_delivery(delivery.pk)
    return delivery
