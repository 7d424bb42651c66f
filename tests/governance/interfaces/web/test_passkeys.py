"""A passkey is enrolled, signs a decision, and the assertion is verified without the server."""

from __future__ import annotations

import html
import json
import re

from django.db import connection

from governance import client as verifier
from governance.models import DecisionKey
from registry.models import Passkey, SigningLock
from tests.authenticator import UP, UV, Authenticator
from tests.factories import PASSWORD
from tests.governance.interfaces.web.scene import Page, PageTest

PAGE = "/profile/second-factor/"


class TestPasskeys(PageTest):
    """The pages, with a software authenticator in the place of browser and device."""

    def enrol(self, device: Authenticator, **given: str) -> int:
        """Send the form of the page; return the status."""
        client = self.as_(self.scene.people.marta)
        page = client.get(PAGE).content.decode()
        options = re.search(r'data-passkey-enrol="([^"]+)"', page)
        ticket = re.search(r'name="passkey-ticket" value="([^"]+)"', page)
        assert options is not None
        assert ticket is not None
        form = {
            "name": "work laptop",
            "password": PASSWORD,
            "passkey-ticket": ticket[1],
            "passkey-response": device.create(html.unescape(options[1])),
        }
        return int(client.post("/profile/passkeys/", {**form, **given}).status_code)

    def sign(self, device: Authenticator, *, comment: str = "Looked at it.") -> int:
        """Prepare an approval, sign its statement, send the form; return the status."""
        client, address = self.as_(self.scene.people.marta), f"/promotions/{self.scene.request.pk}/"
        form = {"outcome": "approve", "comment": "Looked at it.", "packet": self.scene.request.packet_digest}
        prepared = client.post(f"{address}passkey/", form).json()
        signed = {
            **form,
            "comment": comment,
            "passkey_ticket": prepared["ticket"],
            "passkey_assertion": device.get(prepared["options"]),
        }
        status = client.post(f"{address}decision/", signed).status_code
        assert client.post(f"{address}decision/", signed).status_code in {400, 403, 409}, "a statement is signed once"
        return int(status)

    def test_a_decision_is_signed_with_a_passkey_and_verified_elsewhere(self) -> None:
        device, marta = Authenticator(), self.scene.people.marta
        self.read(marta, f"/promotions/{self.scene.request.pk}/").has_not("Sign with a passkey")
        assert self.enrol(device) == 302
        self.read(marta, PAGE).has("work laptop")
        self.read(marta, f"/promotions/{self.scene.request.pk}/").has("Sign with a passkey")
        assert self.sign(device) == 302
        decision = self.scene.request.decisions.get()
        assert decision.signed_method == "passkey"
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        address = f"/promotions/{self.scene.request.pk}/decisions/{decision.pk}/"
        self.read(marta, address).has("Verified: signed with a passkey.", Passkey.objects.get().key_id)
        document = json.loads(self.as_(marta).get(f"{address}?download=1").content)
        key = verifier.read_spki(DecisionKey.objects.get().public_key)
        found = verifier.verify_decision(document, [key])
        assert (found["proof"], found["passkey"]) == ("passkey", Passkey.objects.get().key_id)
        for name, value in (("origin", "https://other.example"), ("rp_id", "other.example"), ("signature", "AAAA")):
            other = {**document, "assertion": {**document["assertion"], name: value}}
            try:
                verifier.verify_decision(other, [key])
            except verifier.VerificationError:
                continue
            raise AssertionError(f"another {name} is accepted")
        without = {name: value for name, value in document.items() if name != "assertion"}
        try:
            verifier.verify_decision(without, [key])
        except verifier.VerificationError:
            pass
        else:
            raise AssertionError("the attestation alone is accepted for a passkey")

    def test_what_is_refused_is_not_signed(self) -> None:
        device, marta = Authenticator(), self.scene.people.marta
        device.count = 5
        assert self.enrol(device, password="wrong") == 400
        assert self.enrol(Authenticator(origin="http://elsewhere")) == 400
        assert self.enrol(device, **{"passkey-response": "{"}) == 400
        assert self.enrol(device) == 302
        assert self.enrol(device) != 302, "once"
        assert self.sign(device, comment="Another text.") == 400
        device.flags = UP
        assert self.sign(device) == 400
        device.flags |= UV
        device.count = 3
        assert self.sign(device) == 400, "the counter of a copy"
        assert not self.scene.request.decisions.exists()
        assert SigningLock.objects.filter(account=marta, closed_at__isnull=True).exists(), "counted as wrong passwords"

    def test_a_passkey_is_renamed_and_removed(self) -> None:
        client = self.as_(self.scene.people.marta)
        assert self.enrol(Authenticator()) == 302
        key = Passkey.objects.get().pk
        assert client.post(f"/profile/passkeys/{key}/rename/", {"name": ""}).status_code == 400
        assert client.post(f"/profile/passkeys/{key}/rename/", {"name": "security key"}).status_code == 302
        self.read(self.scene.people.marta, PAGE).has("security key")
        assert (
            self.as_(self.scene.people.aiko)
            .post(f"/profile/passkeys/{key}/remove/", {"password": PASSWORD})
            .status_code
            == 404
        )
        answer = client.post(f"/profile/passkeys/{key}/remove/", {"password": PASSWORD}, follow=True)
        Page(answer).has("The passkey is removed.")
        answer = client.post(f"/promotions/{self.scene.request.pk}/passkey/", {"outcome": "approve"})
        assert (answer.status_code, "no passkey" in answer.json()["detail"]) == (409, True)
