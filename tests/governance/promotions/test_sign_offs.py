"""Sign-offs of the regulatory document: who signs, what a signature is for, and the check that requires it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from audit.actor import process
from audit.models import Event
from governance.checks.builtin.docs_regulatory import ANNEX_IV, REGULATORY
from governance.checks.documentation import EXAMPLES
from governance.models import DocumentSignOff, PromotionRequest
from governance.services import evidence, sign_offs
from registry.exceptions import DomainError, InvalidStateError, ValidationFailedError
from registry.models import ModelVersion
from tests.governance.promotions.conftest import PASSWORD, Bank

POLICY = """
slug: regulated
title: Into Production with a signed document
applies_to: {stages: [production]}
priority: 90
checks:
  - check: docs.regulatory
    params: {sign_off_roles: [approver, validator]}
approvals:
  - {group: reviewers, count: 1}
"""
DOCUMENT = (EXAMPLES / "docs_regulatory.yaml").read_bytes()


def attach(bank: Bank, version: ModelVersion, content: bytes = DOCUMENT) -> str:
    """Attach a document and return its digest."""
    evidence.attach_evidence(
        actor=bank.actor("priya"), version=version, kind=REGULATORY, filename="annex.yaml", stream=io.BytesIO(content)
    )
    return hashlib.sha256(content).hexdigest()


def sign(bank: Bank, version: ModelVersion, by: str, sha256: str, parts: list[str] | None = None) -> DocumentSignOff:
    """Sign parts of the document, by default all."""
    return sign_offs.sign_off(
        actor=bank.actor(by),
        version=version,
        parts=parts if parts is not None else list(ANNEX_IV),
        document_sha256=sha256,
        signature=sign_offs.SignOffSignature(PASSWORD),
    )


@pytest.fixture
def request_to_sign(bank: Bank, publish: Callable[[str], object]) -> PromotionRequest:
    """A request for Production whose policy requires signatures in a role."""
    version = bank.in_staging()
    publish(POLICY)
    attach(bank, version)
    return bank.run_checks(bank.request(version))


def codes(bank: Bank, request: PromotionRequest) -> set[str]:
    """The findings of the latest run of the check."""
    run = bank.run_checks(request).check_runs.filter(check_slug="docs.regulatory").latest("pk")
    assert (run.conclusion == "success") == (not run.findings)
    return {finding["code"] for finding in run.findings}


def test_the_check_passes_when_persons_in_a_role_signed_every_part_as_it_is(
    bank: Bank, request_to_sign: PromotionRequest
) -> None:
    version, sha256 = request_to_sign.version, hashlib.sha256(DOCUMENT).hexdigest()
    assert codes(bank, request_to_sign) == {"not_signed"}
    made = sign(bank, version, "marta", sha256)
    event = Event.objects.get(action="document.signed")
    assert {row["point"]: row["sha256"] for row in event.body["data"]["parts"]} == made.parts
    assert event.event_id == made.event
    assert made.roles == ["approver"]
    assert codes(bank, request_to_sign) == set(), "the signature is an input: the check ran again"

    changed = DOCUMENT.replace(b"Ranks applications", b"Orders applications")
    newer = attach(bank, version, changed)
    assert codes(bank, request_to_sign) == {"not_signed"}
    document = sign_offs.signable_document(version)
    assert [part.clause for part in document.parts if not part.sign_offs] == ["1(a)"], "the others are unchanged"
    with pytest.raises(InvalidStateError) as stale:
        sign(bank, version, "marta", sha256, ["1(a)"])
    assert stale.value.code == "document_changed"
    sign(bank, version, "sofia", newer, ["1(a)"])
    assert codes(bank, request_to_sign) == {"signer_without_role"}


def test_who_and_what_is_refused(bank: Bank, request_to_sign: PromotionRequest) -> None:
    version, sha256 = request_to_sign.version, hashlib.sha256(DOCUMENT).hexdigest()
    refusals: list[tuple[object, list[str], str, type[DomainError], str]] = [
        (process("importer"), ["3"], PASSWORD, DomainError, ""),
        (bank.actor("marta"), [], PASSWORD, ValidationFailedError, "required"),
        (bank.actor("marta"), ["3", "10"], PASSWORD, ValidationFailedError, "unknown_part"),
        (bank.actor("marta"), ["3"], "wrong", ValidationFailedError, "wrong_password"),
    ]
    for actor, parts, password, kind, code in refusals:
        with pytest.raises(kind) as refused:
            sign_offs.sign_off(
                actor=actor,  # type: ignore[arg-type]  # an actor of the table
                version=version,
                parts=parts,
                document_sha256=sha256,
                signature=sign_offs.SignOffSignature(password),
            )
        if isinstance(refused.value, ValidationFailedError):
            assert [error.code for error in refused.value.errors] == [code]
    assert not DocumentSignOff.objects.exists()
    made = sign(bank, version, "marta", sha256, ["3"])
    for statement in ("UPDATE governance_documentsignoff SET parts = '{}'", "DELETE FROM governance_documentsignoff"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert DocumentSignOff.objects.get().parts == made.parts
