"""The technical document is frozen with the promotion, once, and stays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from audit import canonical
from audit import selectors as log
from audit.recorder import ObjectRef
from governance import promotions, task_queue
from governance.documents import building, freezing, reading
from governance.documents.annex_iv import POINTS
from governance.models import FrozenDocument, PromotionRequest
from registry.models import ModelVersion
from registry.validation import ErrorCollector
from tests.governance.promotions.conftest import Bank, found_bank

pytestmark = pytest.mark.django_db

UNRECORDED = """
INSERT INTO governance_frozendocument (uid, version_id, request_id, template, digest, body, missing, event, created_at)
SELECT gen_random_uuid(), version_id, id, 'x', repeat('0', 64), '', 0, uid, now()
FROM governance_promotionrequest WHERE state <> 'promoted' LIMIT 1
"""


def of(request: PromotionRequest) -> FrozenDocument:
    return FrozenDocument.objects.get(request=request)


def promoted(bank: Bank) -> PromotionRequest:
    """A version in Production by two approvals."""
    request = bank.reviewed()
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted", request.state
    return request


def test_a_promotion_into_a_protected_stage_freezes_the_document(bank: Bank) -> None:
    request = promoted(bank)
    document = of(request)
    content = reading.content_of(document)
    assert reading.verify_digest(document)
    assert bytes(document.body) == canonical.dumps(content)
    assert [p["clause"] for p in content["points"]] == [p.clause for p in POINTS]
    assert content["version"]["stage"] == "production"
    assert content["promotion"] == {"number": request.pk, "uid": str(request.uid), "to": "Production"}
    signed = next(b for p in content["points"] if p["clause"] == "5" for b in p["blocks"] if b["title"] == "Decisions")
    assert {row[1] for row in signed["rows"]} >= {"Marta", "Aiko"}
    history = next(b for p in content["points"] if p["clause"] == "6" for b in p["blocks"] if b["title"] == "Stages")
    assert [row[0] for row in history["rows"]] == ["Development", "Staging", "Production"]


def test_its_event_names_its_digest_and_follows_the_promotion(bank: Bank) -> None:
    request = promoted(bank)
    document = of(request)
    event = log.get_event(document.event)
    assert event is not None
    assert event.action == "document.frozen"
    assert event.body["data"]["sha256"] == document.digest
    assert (
        log.events_for_object(ObjectRef("version", str(request.version.uid))).filter(event_id=event.event_id).exists()
    )
    content = reading.content_of(document)
    true_at = log.get_event(content["true_at"]["event"])
    assert true_at is not None
    assert true_at.action == "promotion.promoted"
    assert content["true_at"]["number"] == true_at.stream_seq < event.stream_seq


def test_each_promotion_freezes_once_however_often_it_is_settled(bank: Bank) -> None:
    request = promoted(bank)
    for _ in range(3):
        promotions.reevaluate(request.pk)
    found = FrozenDocument.objects.filter(version=request.version).order_by("pk")
    assert [d.request.target_name for d in found] == ["Staging", "Production"]


def test_what_moves_freely_or_sets_an_alias_freezes_nothing(bank: Bank, publish: Callable[[str], object]) -> None:
    version = bank.version()
    promotions.request(actor=bank.actor("priya"), version=version, target_stage="archived", reason="not needed")
    assert not FrozenDocument.objects.exists()


def test_a_document_that_cannot_be_built_moves_nothing(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the document cannot be built")

    request = bank.decide(bank.reviewed(), "marta")
    before = FrozenDocument.objects.count()
    monkeypatch.setattr(freezing, "build", broken)
    request = bank.decide(request, "aiko")
    assert request.state == "blocked"
    assert request.version.stage.slug == "staging"
    assert FrozenDocument.objects.count() == before
    monkeypatch.undo()
    assert promotions.reevaluate(request.pk).state == "promoted"


def test_the_same_facts_give_the_same_bytes(bank: Bank) -> None:
    version = ModelVersion.objects.select_related("model", "stage", "registered_by", "trained_by").get(
        pk=bank.in_staging().pk
    )
    assert building.build(version).body == building.build(version).body


def test_freezing_costs_a_fixed_number_of_queries(bank: Bank) -> None:
    version = bank.in_staging()
    with CaptureQueriesContext(connection) as queries:
        building.build(version)
    assert len(queries) <= 25


CHANGES = (
    "UPDATE governance_frozendocument SET body = 'x'",
    "UPDATE governance_frozendocument SET digest = repeat('0', 64)",
    "UPDATE governance_frozendocument SET missing = 0",
    "DELETE FROM governance_frozendocument",
    "TRUNCATE governance_frozendocument",
    UNRECORDED,
)


def is_refused(statement: str) -> bool:
    """Whether the database refuses the statement, at once or when it would be committed."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            connection.check_constraints()
    except DatabaseError:
        return True
    return False


def test_the_database_refuses_any_change(bank: Bank) -> None:
    request = promoted(bank)
    bank.request(bank.in_staging())
    before = of(request)
    assert [statement for statement in CHANGES if not is_refused(statement)] == []
    after = of(request)
    assert (bytes(after.body), after.digest, after.missing) == (bytes(before.body), before.digest, before.missing)


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Bank]:
    """The bank, in a database that commits."""
    with task_queue.suppress_enqueue():
        yield found_bank()


def test_the_owner_of_the_table_may_not_either(committed: Bank, owner: Callable[[], Any]) -> None:
    request = promoted(committed)
    session = owner()
    for statement in (
        "UPDATE governance_frozendocument SET missing = 0",
        "DELETE FROM governance_frozendocument",
        "TRUNCATE governance_frozendocument",
        "ALTER TABLE governance_frozendocument DISABLE TRIGGER ALL",
    ):
        with pytest.raises(psycopg2.Error), session, session.cursor() as cursor:
            cursor.execute(statement)
    assert reading.verify_digest(of(request))


def test_many_settling_at_once_freeze_one(committed: Bank) -> None:
    bank = committed
    request = bank.decide(bank.reviewed(), "marta")
    starting = threading.Barrier(4)

    def settle() -> None:
        starting.wait()
        promotions.reevaluate(request.pk)
        connections.close_all()

    others = [threading.Thread(target=settle) for _ in range(3)]
    for other in others:
        other.start()
    starting.wait()
    request = bank.decide(request, "aiko")
    for other in others:
        other.join()
    assert request.state == "promoted"
    assert FrozenDocument.objects.filter(request=request).count() == 1
    assert json.loads(bytes(of(request).body))["promotion"]["number"] == request.pk


def test_a_signature_that_cannot_be_read_does_not_stop_a_promotion(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = "[" * 3000 + "]" * 3000
    with monkeypatch.context() as earlier:
        # A version that was registered before such signatures were refused.
        earlier.setattr(ErrorCollector, "json_text", lambda *_: None)
        version = bank.in_staging(signature={"inputs": nested, "outputs": nested})
    request = bank.run_checks(bank.request(version))
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted"
    document = of(request)
    assert reading.verify_digest(document)
    assert b"unreadable: nested deeper" in bytes(document.body)
