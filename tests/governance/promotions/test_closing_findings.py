"""A critical finding is closed by two people, on the pages; no other interface closes one."""

from __future__ import annotations

from django.test import Client

from governance.interfaces.admin.urls import ADMINS
from governance.models import Finding
from governance.services import findings
from tests.governance.interfaces.rest.conftest import caller_of
from tests.governance.promotions.conftest import Bank


def pages_of(bank: Bank, name: str) -> Client:
    client = Client()
    client.force_login(bank.people[name])
    return client


def test_two_people_close_a_critical_finding_on_its_page(bank: Bank) -> None:
    made = findings.open_for(
        actor=bank.actor("marta"), model=bank.model, source="incident", severity="critical", title="Refuses applicants"
    )
    page = f"/findings/{made.pk}/"
    marta, chen = pages_of(bank, "marta"), pages_of(bank, "chen")
    alone = marta.post(f"{page}close/", {"reason": "Corrected."})
    assert alone.status_code == 409
    assert "closed by two" in alone.content.decode()
    assert marta.post(f"{page}propose/", {"evidence": "The file was replaced."}).status_code == 302
    same = marta.post(f"{page}close/", {"reason": "Corrected."})
    assert same.status_code == 409
    assert "another person confirms" in same.content.decode()

    api = caller_of(bank.people["chen"])
    assert api.get(f"/findings/{made.pk}").json["state"] == "closure_proposed"
    for method, path in (("POST", f"/findings/{made.pk}/close"), ("DELETE", f"/findings/{made.pk}")):
        assert api(method, path, json={"reason": "Corrected."}).status in (404, 405)
    assert api("PATCH", f"/findings/{made.pk}", json={"state": "closed"}).status == 405
    assert ADMINS[Finding].commands == ()
    assert ADMINS[Finding].change_permission is None
    assert Finding.objects.get(pk=made.pk).closed_at is None

    assert chen.post(f"{page}close/", {"reason": "I compared the digests."}).status_code == 302
    closed = api.get(f"/findings/{made.pk}").json
    assert (closed["state"], closed["proposed_by"]["username"], closed["closed_by"]["username"]) == (
        "closed", "marta", "chen",
    )  # fmt: skip
