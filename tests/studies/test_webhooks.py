"""Programs are told of what happens: signed, once, and again until they have it."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction

from leaderboards.services.boards import take_board
from studies.life_cycle import move_study
from studies.models import Study, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from studies.providers.addresses import AddressRules
from studies.providers.errors import AddressRefusedError
from studies.stopping import mark_answered
from studies.webhooks import announce
from studies.webhooks.delivering import (
    DELAYS,
    LONGEST,
    change_secret,
    claim_delivery,
    deliver,
    endpoint_secrets,
    finish_delivery,
    forget_old_events,
    replay,
)
from studies.webhooks.ringing import due_deliveries
from studies.webhooks.sending import check_webhook_address, send
from studies.webhooks.signing import secret_of
from tests.cast import NOW, make_study
from tests.raters.live import shared_database  # noqa: F401  a fixture
from tests.studies.webhook_receiver import Answer, Receiver

pytestmark = pytest.mark.django_db
Kind = WebhookEvent.Kind
State = WebhookDelivery.State
PUBLIC = AddressRules(is_loopback_allowed=False)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(autouse=True)
def _loopback(settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def study() -> Study:
    return make_study("fruit")


@pytest.fixture
def endpoint(receiver: Receiver, study: Study) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(study=study, url=receiver.url, created_at=NOW)


def told(study: Study, kind: WebhookEvent.Kind = Kind.STUDY_FINISHED, key: str = "1"):
    event = announce(study, kind, {"because": "closed"}, key=key, at=NOW)
    return event and event.deliveries.first()


def is_signed(received, secret: str) -> bool:
    """As the specification tells receivers to do it."""
    signed = (
        f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode()
        + received.body
    )
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(
        hmac.compare_digest(given, f"v1,{right}")
        for given in received.headers["webhook-signature"].split()
    )


def test_an_event_is_sent_signed_with_the_endpoints_secret(study, endpoint, receiver):
    delivery = told(study)
    assert deliver(delivery.pk, at=NOW).is_received
    (received,) = receiver.received
    assert received.path == "/hooks?from=hustings"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-id"] == f"msg_{delivery.event_id.hex}"
    assert is_signed(received, endpoint_secrets(endpoint)[0])
    assert not is_signed(received, secret_of(endpoint.pk, 1, "another server"))
    assert json.loads(received.body) == {
        "type": "study.finished",
        "timestamp": "2026-03-01T12:00:00+00:00",
        "data": {"study": "fruit", "because": "closed"},
    }
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == (State.DELIVERED, 1)


def test_the_signature_is_that_of_the_specifications_example():
    from datetime import UTC, datetime

    from studies.webhooks.signing import headers_of

    headers = headers_of(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_was_told_is_told_once(study, endpoint):
    assert told(study)
    assert told(study) is None
    assert WebhookDelivery.objects.count() == 1


def test_nothing_is_told_of_what_did_not_come_to_be(study, endpoint):
    with transaction.atomic():
        told(study)
        transaction.set_rollback(True)
    assert not WebhookEvent.objects.exists()


def test_an_endpoint_is_told_of_its_study_and_its_events_only(study, endpoint, receiver):
    other = make_study("trees", electorate=None)
    everything = WebhookEndpoint.objects.create(url=receiver.url, created_at=NOW)
    boards = WebhookEndpoint.objects.create(
        study=study, url=receiver.url, kinds=["board.published"], created_at=NOW
    )
    WebhookEndpoint.objects.create(url=receiver.url, is_active=False, created_at=NOW)
    announce(study, Kind.STUDY_FINISHED, {}, key="1", at=NOW)
    announce(other, Kind.BOARD_PUBLISHED, {}, key="1", at=NOW)
    announce(study, Kind.BOARD_PUBLISHED, {}, key="1", at=NOW)
    by_endpoint = {
        each: sorted(each.deliveries.values_list("event__study__slug", "event__kind"))
        for each in (endpoint, everything, boards)
    }
    assert by_endpoint[endpoint] == [("fruit", "board.published"), ("fruit", "study.finished")]
    assert by_endpoint[boards] == [("fruit", "board.published")]
    assert len(by_endpoint[everything]) == 3


def test_what_fails_is_sent_again_for_a_day_and_then_given_up(study, endpoint, receiver):
    receiver.answers.extend([Answer(500)] * 20)
    delivery, at, waits = told(study), NOW, []
    while delivery.state == State.WAITING:
        claim = claim_delivery(delivery.pk, at=at)
        sent = send(endpoint.url, b"{}", {}, rules=AddressRules())
        assert finish_delivery(claim, sent, at=at)
        delivery.refresh_from_db()
        assert deliver(delivery.pk, at=at) is None
        waits.append(delivery.due_at - at)
        at = delivery.due_at
    assert delivery.state == State.GIVEN_UP
    assert delivery.attempts_made == len(DELAYS) + 1 == delivery.attempts.count()
    assert timedelta(hours=20) < delivery.ended_at - NOW <= LONGEST
    assert waits[:-1] == [*sorted(waits[:-2]), waits[-2]]
    assert len({received.headers.get("webhook-id") for received in receiver.received}) == 1


def test_a_receiver_that_wants_to_be_left_alone_is(study, endpoint, receiver):
    receiver.answers.append(Answer(429, {"retry-after": "3600"}))
    delivery = told(study)
    deliver(delivery.pk, at=NOW)
    delivery.refresh_from_db()
    (attempt,) = delivery.attempts.all()
    assert (delivery.state, attempt.status) == (State.WAITING, 429)
    assert delivery.due_at >= attempt.at + timedelta(hours=1)


def test_a_receiver_that_is_gone_pauses_its_endpoint(study, endpoint, receiver):
    receiver.answers.append(Answer(410))
    delivery = told(study)
    deliver(delivery.pk, at=NOW)
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert delivery.state == State.GIVEN_UP
    assert not endpoint.is_active
    assert "410" in endpoint.pause_reason
    assert told(study, key="2") is None


def test_a_redirect_is_not_followed(study, endpoint, receiver):
    with Receiver() as elsewhere:
        receiver.answers.append(Answer(302, {"location": elsewhere.url}))
        delivery = told(study)
        deliver(delivery.pk, at=NOW)
        assert elsewhere.received == []
    (attempt,) = delivery.attempts.all()
    assert (attempt.status, attempt.error) == (302, "a redirect, which is not followed")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:6379/",
        "https://localhost/hook",
        "https://[::1]/hook",
        "https://10.0.0.7/hook",
        "https://192.168.1.1/hook?token=1",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/hook",
        "https://0/hook",
        "https://2130706433/hook",
        "http://93.184.216.34/plain",
        "https://user:secret@93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://93.184.216.34\\@10.0.0.1/",
    ],
)
def test_no_private_address_is_reached(url):
    with pytest.raises(AddressRefusedError):
        check_webhook_address(url, PUBLIC)
    sent = send(url, b"{}", {}, rules=PUBLIC)
    assert sent.status is None
    assert sent.error
    assert "secret" not in sent.error


def test_a_receiver_that_is_down_is_written_down(study, endpoint):
    with Receiver() as gone:
        url = gone.url
    endpoint.url = url
    endpoint.save()
    delivery = told(study)
    deliver(delivery.pk, at=NOW)
    delivery.refresh_from_db()
    (attempt,) = delivery.attempts.all()
    assert delivery.state == State.WAITING
    assert attempt.status is None
    assert "no connection" in attempt.error


def test_a_delivery_whose_worker_died_is_sent_again(study, endpoint, receiver):
    delivery = told(study)
    claim = claim_delivery(delivery.pk, at=NOW)
    assert claim_delivery(delivery.pk, at=NOW) is None
    later = NOW + timedelta(minutes=3)
    assert deliver(delivery.pk, at=later).is_received
    # Who died was slow only: what it finds out too late changes nothing.
    assert not finish_delivery(claim, send(endpoint.url, b"", {}, rules=PUBLIC), at=later)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts_made) == (State.DELIVERED, 1)


def test_many_workers_send_it_once(receiver, shared_database):  # noqa: F811
    study = make_study("fruit")
    WebhookEndpoint.objects.create(study=study, url=receiver.url, created_at=NOW)
    delivery = told(study)

    def work() -> None:
        try:
            deliver(delivery.pk, at=NOW)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(receiver.received) == 1


def test_a_delivery_is_replayed_with_the_same_id(study, endpoint, receiver):
    delivery = told(study)
    deliver(delivery.pk, at=NOW)
    assert not due_deliveries(at=NOW).exists()
    replay(delivery, at=NOW + timedelta(days=3))
    assert deliver(delivery.pk, at=NOW + timedelta(days=3)).is_received
    first, again = receiver.received
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body


def test_after_a_new_secret_the_old_one_still_signs_and_the_one_before_no_more(
    study, endpoint, receiver
):
    first = endpoint_secrets(endpoint)[0]
    change_secret(endpoint)
    second = endpoint_secrets(endpoint)[0]
    deliver(told(study, key="1").pk, at=NOW)
    change_secret(endpoint)
    deliver(told(study, key="2").pk, at=NOW)
    assert [is_signed(each, first) for each in receiver.received] == [True, False]
    assert [is_signed(each, second) for each in receiver.received] == [True, True]


def test_a_paused_endpoints_deliveries_wait(study, endpoint):
    delivery = told(study)
    WebhookEndpoint.objects.update(is_active=False)
    assert deliver(delivery.pk, at=NOW) is None


def test_old_events_are_forgotten_once_nothing_waits(study, endpoint, receiver):
    delivery = told(study)
    later = NOW + timedelta(days=31)
    assert forget_old_events(at=later) == 0
    deliver(delivery.pk, at=NOW)
    assert forget_old_events(at=later) == 1
    assert not WebhookAttempt.objects.exists()


# What is told of


def facts_of(kind: WebhookEvent.Kind) -> list[dict]:
    return [event.facts for event in WebhookEvent.objects.filter(kind=kind).order_by("at", "key")]


def test_a_published_board_is_told_of(simulated_study):
    board = take_board(simulated_study, at=NOW)
    (facts,) = facts_of(Kind.BOARD_PUBLISHED)
    assert facts["board"] == str(board.pk)
    assert facts["input_digest"] == board.input_digest


def test_a_study_that_ends_is_told_of(study):
    Study.objects.update(state="open", opened_at=NOW)
    study.refresh_from_db()
    mark_answered(study, at=NOW)
    move_study(study, to=Study.State.CLOSED, at=NOW + timedelta(days=1))
    assert [facts["because"] for facts in facts_of(Kind.STUDY_FINISHED)] == ["answered", "closed"]
    study.refresh_from_db()
    assert study.closed_at == NOW + timedelta(days=1)


def test_a_preview_tells_nobody(study):
    preview = make_study("preview", electorate=None)
    preview.preview_of = study
    assert announce(preview, Kind.BOARD_PUBLISHED, {}, key="1", at=NOW) is None
