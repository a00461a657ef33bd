"""Study admins say who is told of what, see what was sent, and send it again."""

from collections.abc import Iterator

import pytest
from django.urls import reverse

from studies.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from studies.webhooks import announce
from studies.webhooks.delivering import deliver, endpoint_secrets
from tests.cast import NOW, make_admin, make_study, make_user
from tests.studies.webhook_receiver import Answer, Receiver

pytestmark = pytest.mark.django_db
ADD = reverse("admin:studies_webhookendpoint_add")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture(autouse=True)
def _loopback(settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture
def boss(client):
    user = make_admin("boss")
    client.force_login(user)
    return user


def page(of, name: str = "change") -> str:
    return reverse(f"admin:studies_{of._meta.model_name}_{name}", args=[of.pk])


def test_an_admin_adds_an_endpoint_tries_it_and_sees_what_came_of_it(client, boss, receiver):
    study = make_study("fruit")
    data = {"url": receiver.url, "study": study.pk, "kinds": ["board.published"], "is_active": "on"}
    client.post(ADD, data)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.study, endpoint.created_by) == (study, boss)
    assert endpoint.kinds == ["board.published"]
    assert endpoint_secrets(endpoint)[0] in client.get(page(endpoint)).content.decode()

    client.post(reverse("admin:studies_webhookendpoint_send_test", args=[endpoint.pk]))
    delivery = WebhookDelivery.objects.get()
    receiver.answers.append(Answer(503))
    deliver(delivery.pk, at=delivery.due_at)
    said = client.get(page(delivery)).content.decode()
    assert "503" in said
    assert "This is a test." in said
    again = reverse("admin:studies_webhookdelivery_send_again", args=[delivery.pk])
    client.post(again, {})
    delivery.refresh_from_db()
    assert deliver(delivery.pk, at=delivery.due_at).is_received
    assert len(receiver.received) == 2


def test_an_address_inside_the_network_is_refused_with_the_reason(client, boss, settings):
    settings.WEBHOOKS_ALLOW_PRIVATE_ADDRESSES = False
    for url, reason in {
        "https://10.0.0.1/hook": "a private address",
        "https://127.0.0.1/hook": "this server itself",
        "https://169.254.169.254/": "metadata service",
        "gopher://example.org": "does not begin with https://",
    }.items():
        response = client.post(ADD, {"url": url, "is_active": "on"})
        assert reason in str(response.context["adminform"].form.errors["url"])
    assert not WebhookEndpoint.objects.exists()


def test_a_new_secret_is_asked_for_first(client, boss, receiver):
    endpoint = WebhookEndpoint.objects.create(url=receiver.url, created_at=NOW)
    before = endpoint_secrets(endpoint)[0]
    address = reverse("admin:studies_webhookendpoint_new_secret", args=[endpoint.pk])
    client.get(address)
    endpoint.refresh_from_db()
    assert endpoint_secrets(endpoint)[0] == before
    client.post(address, {})
    endpoint.refresh_from_db()
    assert endpoint_secrets(endpoint)[0] != before
    assert before in endpoint_secrets(endpoint)


def test_who_may_only_look_sees_no_secret_and_no_other_studies(client, receiver):
    hers, other = make_study("fruit"), make_study("trees", electorate=None)
    looks = [f"studies.view_{model}" for model in ("webhookendpoint", "webhookdelivery")]
    clerk = make_user("clerk", *looks, is_staff=True)
    hers.team.add(clerk)
    client.force_login(clerk)
    own = WebhookEndpoint.objects.create(study=hers, url=receiver.url, created_at=NOW)
    foreign = WebhookEndpoint.objects.create(study=other, url=receiver.url, created_at=NOW)
    of_all = WebhookEndpoint.objects.create(url=receiver.url, created_at=NOW)
    assert endpoint_secrets(own)[0] not in client.get(page(own)).content.decode()
    for each in (foreign, of_all):
        assert client.get(page(each)).status_code == 302
    event = announce(other, WebhookEvent.Kind.STUDY_FINISHED, {}, key="1", at=NOW)
    for delivery in event.deliveries.all():
        assert client.get(page(delivery)).status_code == 302
    for action in ("send_test", "new_secret"):
        address = reverse(f"admin:studies_webhookendpoint_{action}", args=[own.pk])
        assert client.post(address, {}).status_code == 403
