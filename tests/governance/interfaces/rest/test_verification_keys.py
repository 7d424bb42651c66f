"""The list of verification keys over HTTP."""

from __future__ import annotations

from tests import factories
from tests.governance.checks.signing_made import ED25519, pem
from tests.governance.interfaces.rest.conftest import Caller, CallerOf
from tests.personas import People


def test_keys_of_all_models_and_of_visible_models_are_listed(
    priya_calls: Caller, eve_calls: Caller, call: CallerOf, installed: People
) -> None:
    model = factories.model(installed.priya, "credit-risk-pd")
    first = factories.verification_key(installed.henrik, installed.dorothy)
    factories.verification_key(
        installed.henrik,
        installed.dorothy,
        name="PD only",
        model=model,
        public_key=pem(ED25519),
        purposes=["provenance"],
    )
    page = priya_calls.get("/verification-keys").json
    assert [(key["name"], key["model"], key["state"]) for key in page["items"]] == [
        ("PD only", "credit-risk-pd", "in_force"),
        ("Risk team", None, "in_force"),
    ]
    assert [key["name"] for key in eve_calls.get("/verification-keys").json["items"]] == ["Risk team"]
    shown = page["items"][1]
    assert (shown["key_id"], shown["algorithm"], shown["purposes"]) == (first.key_id, "ecdsa-p256", ["signature"])
    assert shown["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    cursor = priya_calls.get("/verification-keys?limit=1").json["next"]
    assert [key["name"] for key in priya_calls.get(f"/verification-keys?cursor={cursor}").json["items"]] == [
        "Risk team"
    ]
    call(installed.priya, "audit:read").get("/verification-keys").problem(403, "missing_scope")
