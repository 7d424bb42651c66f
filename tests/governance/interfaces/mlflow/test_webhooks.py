"""Webhooks created with MLflow's client and received by a local server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.webhooks import constants
from mlflow.webhooks.delivery import _generate_hmac_signature
from pytest_django import Settings

from audit import clock
from audit.models import Event, Private
from governance.models import LogPosition, Webhook, WebhookDelivery, WebhookSecret
from governance.notifications.webhooks import outbox, sending
from governance.outbound_http import post
from governance.services import webhooks
from registry.access import SCOPES, actor_for
from registry.exceptions import ValidationFailedError
from registry.services import people as accounts
from tests import factories
from tests.governance.interfaces.mlflow.conftest import Bank, Raw, Refused
from tests.governance.interfaces.mlflow.receiver import Receiver, listening
from tests.personas import People
from tests.waiting import wait_until

SECRET = "whsec-never-shown"
ALL = list(webhooks.EVENT_TYPES)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with listening() as told:
        settings.COUNTERSIGN_WEBHOOK_HOSTS = ["127.0.0.1"]
        yield told


def carried() -> list[WebhookDelivery]:
    """What beat and workers do, in this process."""
    outbox.enqueue_deliveries()
    for number in sending.due():
        sending.deliver(number)
    return list(WebhookDelivery.objects.order_by("pk"))


def made(people: People, url: str, *events: str) -> Webhook:
    return webhooks.create(
        actor=actor_for(people.henrik), name="ci", url=url, events=events or ALL, secret=SECRET, description="builds"
    )


def test_the_life_of_a_webhook_in_mlflows_client(bank: Bank, receiver: Receiver, refused: Refused) -> None:
    client = bank.client(bank.people.henrik)
    hook = client.create_webhook(
        "ci", receiver.url, ["model_version.created", "registered_model.created"], "builds", SECRET
    )
    assert (hook.name, hook.url, hook.description, str(hook.status)) == ("ci", receiver.url, "builds", "ACTIVE")
    assert sorted(map(str, hook.events)) == ["model_version.created", "registered_model.created"]
    assert hook.secret is None
    assert client.get_webhook(hook.webhook_id).name == "ci"
    second = client.create_webhook("second", receiver.url, ["model_version_tag.set"], status="DISABLED")
    assert [each.name for each in client.list_webhooks()] == ["second", "ci"]
    page = client.list_webhooks(max_results=1)
    assert [each.name for each in client.list_webhooks(1, page.token)] == ["ci"]

    changed = client.update_webhook(hook.webhook_id, events=["model_version_alias.created"], status="DISABLED")
    assert (list(map(str, changed.events)), str(changed.status)) == (["model_version_alias.created"], "DISABLED")
    assert changed.description == "builds"

    result = client.test_webhook(hook.webhook_id)
    assert (result.success, result.response_status, result.response_body) == (True, 200, "thank you")
    assert json.loads(receiver.got[-1][2])["data"]["alias"] == "example_alias"

    client.delete_webhook(second.webhook_id)
    for call in (client.get_webhook, client.delete_webhook):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(second.webhook_id)
    actions = Event.objects.filter(thing_type="webhook").order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "webhook.created", "webhook.created", "webhook.updated", "webhook.tested", "webhook.deleted"
    ]  # fmt: skip


def test_what_happens_is_sent_in_mlflows_terms_and_signed(bank: Bank, receiver: Receiver) -> None:
    before: MlflowClient = bank.client()
    before.create_registered_model("told-before")
    bank.client(bank.people.henrik).create_webhook(
        "all",
        receiver.url,
        [WebhookEvent(*name.split(".")) for name in ALL],
        secret=SECRET,
    )
    client = bank.client()
    client.create_registered_model("Churn Model", tags={"team": "retail"}, description="who leaves")
    client.create_model_version("Churn Model", "s3://models/1", run_id="abc", tags={"a": "1"})
    client.set_model_version_tag("Churn Model", "1", "note", "x=1\ny=2")
    client.delete_model_version_tag("Churn Model", "1", "note")
    client.set_registered_model_alias("Churn Model", "canary", "1")
    client.delete_registered_model_alias("Churn Model", "canary")
    rows = carried()
    assert {row.state for row in rows} == {"delivered"}
    assert carried() == rows, "nothing is told twice"

    said = [json.loads(body) for _, _, body in receiver.got]
    named = {"name": "Churn Model", "version": "1"}
    assert [(each["entity"], each["action"], each["data"]) for each in said] == [
        (
            "registered_model",
            "created",
            {"name": "Churn Model", "tags": {"team": "retail"}, "description": "who leaves"},
        ),
        (
            "model_version",
            "created",
            named | {"source": "s3://models/1", "run_id": "abc", "tags": {"a": "1"}, "description": None},
        ),
        ("model_version_tag", "set", named | {"key": "note", "value": "x=1\ny=2"}),
        ("model_version_tag", "deleted", named | {"key": "note"}),
        ("model_version_alias", "created", named | {"alias": "canary"}),
        ("model_version_alias", "deleted", {"name": "Churn Model", "alias": "canary"}),
    ]
    path, headers, body = receiver.got[0]
    assert path == "/hook?from=registry"
    identity, moment = headers[constants.WEBHOOK_DELIVERY_ID_HEADER], headers[constants.WEBHOOK_TIMESTAMP_HEADER]
    assert headers[constants.WEBHOOK_SIGNATURE_HEADER] == _generate_hmac_signature(
        SECRET, identity, moment, body.decode()
    )
    assert identity == str(rows[0].uid)


def test_a_receiver_that_is_down_is_tried_again(
    installed: People, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook = made(installed, receiver.url)
    caplog.set_level(logging.DEBUG)
    with clock.freeze(clock.now()):
        factories.model(installed.priya, "churn")
        receiver.status, receiver.headers = 503, {"Retry-After": "30"}
        (row,) = carried()
        assert (row.state, row.attempts, row.answer) == ("waiting", 1, 503)
        assert row.run_after is not None
        assert row.run_after - clock.now() == timedelta(seconds=30)
        carried()
        assert len(receiver.got) == 1
        receiver.headers = {}
        for pause in sending.PAUSES[1:]:
            clock.advance(pause * 1.2 + timedelta(seconds=30))
            (row,) = carried()
            assert row.run_after is not None
            receiver.status = 500
        assert (row.state, row.attempts) == ("waiting", len(sending.PAUSES))
        clock.advance(timedelta(hours=30))
        receiver.status = 200
        (row,) = carried()
        assert (row.state, row.attempts, row.problem) == ("delivered", len(sending.PAUSES) + 1, "")
        assert len({body for _, _, body in receiver.got}) == 1, "the message stays the same"
        clock.advance(timedelta(days=31))
        outbox.prune()
    assert not WebhookDelivery.objects.exists()
    assert SECRET not in caplog.text
    assert hook.url not in caplog.text


def test_a_worker_that_was_lost_leaves_the_row_to_another(installed: People, receiver: Receiver) -> None:
    made(installed, receiver.url)
    factories.model(installed.priya, "churn")
    outbox.enqueue_deliveries()
    (number,) = sending.due()
    WebhookDelivery.objects.update(claim=uuid4(), heartbeat_at=clock.now())
    assert not sending.deliver(number)
    with clock.freeze(clock.now() + sending.LOST_AFTER + timedelta(seconds=1)):
        assert sending.due() == [number]
        assert sending.deliver(number)
    assert len(receiver.got) == 1


def test_the_last_attempt_fails(installed: People, receiver: Receiver) -> None:
    made(installed, receiver.url)
    factories.model(installed.priya, "churn")
    receiver.status = 400
    outbox.enqueue_deliveries()
    WebhookDelivery.objects.update(attempts=len(sending.PAUSES))
    (row,) = carried()
    assert (row.state, row.answer, row.problem) == ("failed", 400, "The receiver answered 400.")


def test_gone_disables(installed: People, receiver: Receiver) -> None:
    hook = made(installed, receiver.url)
    factories.model(installed.priya, "churn")
    receiver.status = 410
    (row,) = carried()
    hook.refresh_from_db()
    assert (row.state, hook.status) == ("failed", "DISABLED")
    event = Event.objects.get(action="webhook.disabled")
    assert event.actor_id == "webhook-sender"
    factories.model(installed.priya, "unheard")
    assert len(carried()) == 1
    webhooks.update(actor=actor_for(installed.henrik), webhook_id=str(hook.uid), status="ACTIVE")
    assert len(carried()) == 1, "what happened meanwhile is not told"
    factories.model(installed.priya, "heard")
    receiver.status = 200
    assert [row.state for row in carried()] == ["failed", "delivered"]


def test_a_redirect_is_not_followed(installed: People, receiver: Receiver) -> None:
    with listening() as elsewhere:
        receiver.status, receiver.headers = 307, {"Location": elsewhere.url}
        made(installed, receiver.url)
        factories.model(installed.priya, "churn")
        (row,) = carried()
        assert (row.state, row.answer) == ("waiting", 307)
        assert not elsewhere.got


def test_an_answer_without_end_is_read_to_a_bound(receiver: Receiver) -> None:
    receiver.body = b"x" * 1_000_000
    assert len(post(receiver.url, b"{}", {}, private=True).body) == 64 * 1024


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/hook", "private_address"),
        ("https://10.1.2.3/hook", "private_address"),
        ("https://[::1]/hook", "private_address"),
        ("https://[::ffff:192.168.0.1]/hook", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("http://8.8.8.8/hook", "https_only"),
        ("   ", "required"),
        ("http://[invalid", "invalid"),
        ("ftp://8.8.8.8/hook", "invalid"),
        ("https://user:word@8.8.8.8/hook", "invalid"),
        ("https://8.8.8.8:99999/hook", "invalid"),
        ("https://no-such-host.invalid/hook", "not_resolved"),
    ],
)
def test_where_a_webhook_may_not_lead(installed: People, settings: Settings, url: str, code: str) -> None:
    settings.COUNTERSIGN_WEBHOOK_HOSTS = []
    with pytest.raises(ValidationFailedError) as caught:
        made(installed, url)
    (error,) = caught.value.errors
    assert (error.pointer, error.code) == ("/url", code)
    assert "url" in error.detail.lower()
    if code in ("private_address", "https_only"):
        assert "COUNTERSIGN_WEBHOOK_HOSTS" in error.detail
    assert not Webhook.objects.exists()


def test_the_address_is_judged_again_when_it_is_called(
    installed: People, receiver: Receiver, settings: Settings
) -> None:
    """An operator takes a name back, or a name comes to mean another address."""
    made(installed, receiver.url)
    factories.model(installed.priya, "churn")
    settings.COUNTERSIGN_WEBHOOK_HOSTS = []
    (row,) = carried()
    assert (row.state, row.answer) == ("waiting", None)
    assert "TLS" in row.problem
    assert not receiver.got


def test_nothing_is_sent_that_its_creator_may_not_see(installed: People, receiver: Receiver) -> None:
    made(installed, receiver.url)
    factories.model(installed.priya, "churn")
    accounts.deactivate(actor=factories.SETUP, person=installed.henrik, reason="left the bank")
    (row,) = carried()
    assert row.state == "withheld"
    assert not receiver.got


def test_tags_that_were_erased_are_not_sent(installed: People, receiver: Receiver) -> None:
    from audit.services import erase_private
    from registry.services import metadata

    model = factories.model(installed.priya, "churn")
    version = factories.version(model, installed.priya)
    made(installed, receiver.url)
    metadata.tag_version(actor=actor_for(installed.priya), version=version, key="name", value="Jo")
    outbox.enqueue_deliveries()
    kept = Private.objects.get(pointer="/data/tag_changes")
    erase_private(actor=factories.SETUP, event=Event.objects.get(event_id=kept.event_id), reason="asked for")
    assert [row.state for row in carried()] == ["withheld"]
    assert not receiver.got


def test_the_secret_is_nowhere_but_in_its_table(installed: People, receiver: Receiver) -> None:
    raw = Raw(factories.token(installed.henrik, SCOPES)[1])
    fields = {
        "name": "ci",
        "url": receiver.url,
        "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}],
        "secret": SECRET,
    }
    answers = [raw("POST", "webhooks", fields)]
    identity = answers[0].body["webhook"]["webhook_id"]
    answers += [
        raw("GET", "webhooks"),
        raw("GET", f"webhooks/{identity}"),
        raw("PATCH", f"webhooks/{identity}", {"secret": SECRET + "-2"}),
        raw("POST", f"webhooks/{identity}/test", {"event": {"entity": "MODEL_VERSION_TAG", "action": "SET"}}),
    ]
    assert [answer.status for answer in answers] == [200] * 5
    assert SECRET not in json.dumps([answer.body for answer in answers])
    for event in Event.objects.filter(thing_type="webhook"):
        assert SECRET not in bytes(event.leaf).decode()
        assert receiver.url not in bytes(event.leaf).decode()
    assert not Private.objects.filter(value__contains=SECRET).exists()
    assert WebhookSecret.objects.get().value == SECRET + "-2"
    raw("DELETE", f"webhooks/{identity}")
    assert not WebhookSecret.objects.exists()


def test_what_is_refused_names_field_and_rule(installed: People) -> None:
    raw = Raw(factories.token(installed.henrik, SCOPES)[1])
    good = {
        "name": "ci",
        "url": "https://127.0.0.1:9/",
        "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}],
    }
    for change, words in (
        ({"name": "-ci"}, "name has 1 to 63"),
        ({"name": None}, "'name'"),
        ({"url": "nowhere"}, "Invalid webhook URL: it is https://host/path"),
        ({"events": []}, "registered_model.created"),
        ({"events": [{"entity": "MODEL_VERSION", "action": "UPDATED"}]}, "registered_model.created"),
        ({"events": [{"entity": 1}]}, "entity and action"),
        ({"status": "ASLEEP"}, "ACTIVE or DISABLED"),
        ({"secret": "with space"}, "secret has up to"),
    ):
        message = raw("POST", "webhooks", good | change).error("INVALID_PARAMETER_VALUE", 400)
        assert words in message
    assert raw("GET", "webhooks").body == {}
    raw("GET", "webhooks", max_results=1001).error("INVALID_PARAMETER_VALUE", 400)
    for identity in ("nothing", "6f1c1c9c-9d0f-4d3c-8a3c-0a8f2c9a5c11"):
        raw("GET", f"webhooks/{identity}").error("RESOURCE_DOES_NOT_EXIST", 404)
    ajax = Raw(raw.headers["Authorization"].partition(" ")[2], "/ajax-api/2.0/mlflow")
    assert ajax("POST", "webhooks", good).status == 200


def test_an_owner_is_shown_who_can_help(raw: Raw, installed: People) -> None:
    factories.person("root", is_staff=True, is_superuser=True, name="Ada Byrne")
    message = raw("GET", "webhooks").error("PERMISSION_DENIED", 403)
    assert "officer or administrator" in message
    assert "Ada Byrne" in message
    limited = Raw(factories.token(installed.henrik, SCOPES, ["churn"])[1])
    of_one_model = limited("GET", "webhooks").error("PERMISSION_DENIED", 403)
    assert "limited to models" in of_one_model
    narrow = Raw(factories.token(installed.henrik, ["models:read"])[1])
    assert "webhooks:admin" in narrow("GET", "webhooks").error("PERMISSION_DENIED", 403)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_committed_late_is_sent(people: People, receiver: Receiver) -> None:
    """Its order of arrival lies before that of events told already."""
    import threading

    from django.db import transaction

    from governance.services import setup

    setup.initialise()
    made(people, receiver.url)
    priya = people.priya
    written, go = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                factories.model(priya, "slow")
                written.set()
                assert go.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(30)
    for name in ("quick", "quicker", "quickest"):
        factories.model(priya, name)
        carried()
    go.set()
    thread.join()
    newest = Event.objects.order_by("-id").values_list("pk", flat=True)[0]
    # Transactions of the whole cluster count, those of tests beside this one too.
    wait_until(lambda: carried() and LogPosition.objects.get().arrival == newest)
    told = [json.loads(body)["data"]["name"] for _, _, body in receiver.got]
    assert sorted(told) == ["quick", "quicker", "quickest", "slow"]
