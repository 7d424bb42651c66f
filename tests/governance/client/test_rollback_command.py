"""`countersign rollback` against the real server: the version that was there before, or a named one."""

from __future__ import annotations

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from governance.models import PromotionRequest
from governance.services import policies
from tests import factories
from tests.governance.client.conftest import SCOPES, command
from tests.governance.promotions.conftest import ROOT, found_bank
from tests.governance.promotions.test_rollback import PRODUCTION, ROLLBACK, promoted


def test_rollback_finds_the_version_that_was_there_before(
    transactional_db: None,
    live_server: LiveServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.PUBLIC_URL = live_server.url
    bank = found_bank()
    policies.publish(actor=ROOT, source=PRODUCTION + ROLLBACK, reason="with a way back")
    first = promoted(bank)
    monkeypatch.setenv("COUNTERSIGN_URL", live_server.url)
    monkeypatch.setenv("COUNTERSIGN_TOKEN", factories.token(bank.people["priya"], SCOPES)[1])
    run = command(capsys)
    slug, why = bank.model.slug, ("--reason", "The new version rejects good applicants.")
    nothing = run("rollback", slug, "--to", "production", *why)
    assert (nothing.status, "was approved in production before" in nothing.err) == (7, True)

    promoted(bank)
    asked = run("rollback", slug, "--to", "production", *why)
    request = PromotionRequest.objects.latest("pk")
    assert (request.kind, request.version_id, request.requested_by.username) == ("rollback", first.pk, "priya")
    assert asked.status == 0, asked.err
    named = run("rollback", f"{slug}/{first.number}", "--to", "production", *why)
    assert named.status != 0
    assert f"#{request.pk}" in named.err
    assert run("rollback", f"{slug}/{first.number}", "--to", "@nowhere", *why).status == 7
