"""The pages of frozen packets: verified, rendered by the renderer of their form, and compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from django.test import TestCase

from audit import canonical, clock
from governance.gate import gate_inputs, review_packet
from governance.interfaces.web.packet_pages import differences
from governance.interfaces.web.packet_renderers import RENDERERS
from governance.models import Packet
from governance.selectors import evaluate_request
from governance.selectors.packets import prove
from governance.services import evidence
from registry import access
from registry.services.versions import MetricSpec
from tests.checking import run_due_checks
from tests.governance.interfaces.web.scene import WHY, Page, PageTest

STORED = Path(__file__).parent / "stored_packets"
"""A packet of each form, as a release of that form froze it. Files are never changed."""


class TestPacketPage(PageTest):
    """What a reader of a packet finds, also years later."""

    def path(self, digest: str) -> str:
        return f"/promotions/{self.scene.request.pk}/packet/{digest}/"

    def keep(self, body: bytes) -> str:
        """Store a packet of the request; its address."""
        digest = hashlib.sha256(body).hexdigest()
        Packet.objects.create(request=self.scene.request, digest=digest, body=body, created_at=clock.now())
        return self.path(digest)

    def test_every_section_of_what_was_signed_is_on_the_page(self) -> None:
        people = self.scene.people
        self.scene.decide(people.marta)
        page = self.read(people.ingrid, self.path(self.scene.request.packet_digest))
        page.has(
            "Digest verified.", f"sha256:{self.scene.request.packet_digest}", WHY,
            f"{people.priya.name} {people.priya.uid}", "opened this request (SoD-1)", "Changes v1 → v2", "depth",
            "auc", ">= 0.84", "+0.013", "performance.threshold", "Passed", "Intended use", "Revision for version 2.",
            "A version enters Production.", "risk-team", "I have reviewed the evidence and approve.", people.marta.uid,
            "Model signature", "Training run",
        )  # fmt: skip

    def test_a_packet_of_each_form_is_rendered(self) -> None:
        assert {path.stem for path in STORED.glob("*.json")} == {form.partition("/")[2] for form in RENDERERS}
        for form in RENDERERS:
            body = (STORED / f"{form.partition('/')[2]}.json").read_bytes()
            page = self.read(self.scene.people.marta, self.keep(body))
            page.has(
                "Request and justification", WHY, "Version v2", "Changes v1 → v2", "Metrics", "0.874", "Checks",
                "performance.threshold", "Model card", "Policy in words", "Who may approve", "Cannot approve",
                "opened this request (SoD-1)",
            )  # fmt: skip
            page.has_not("Further content")
            # Nothing recorded these bytes here, so the page says that they are not verified.
            page.has("Not verified", "No event of the audit log names this digest.")

    def test_bytes_that_are_not_the_signed_ones_are_a_red_failure_and_never_an_error(self) -> None:
        right = bytes(Packet.objects.get(digest=self.scene.request.packet_digest).body)
        broken = canonical.dumps(json.loads(right) | {"version": None})
        for body, words, canonically in (
            (b"{", "{", False), (b"[1]", "[1]", True), (b'{"form": "countersign.packet/9"}', "packet/9", False),
            (broken, "performance.threshold", True), (b"\xff\xfe<script>", "&lt;script&gt;", False),
        ):  # fmt: skip
            page = self.read(self.scene.people.marta, self.keep(body))
            page.has("Not verified: this is not the record that was signed.", "No event of the audit log names")
            assert ("not canonical JSON" in page.text) is not canonically
            assert words in page.html
            assert '<div class="notice bad" id="proof"' in page.html
            assert "Digest verified" not in page.text

    def test_one_changed_byte_is_found(self) -> None:
        digest = self.scene.request.packet_digest
        right = bytes(Packet.objects.get(digest=digest).body)
        assert prove(self.scene.request, digest, right).holds
        changed = prove(self.scene.request, digest, right.replace(b"0.874", b"0.974"))
        assert not changed.holds
        assert changed.computed in changed.failures[0]

    def test_members_that_the_renderer_does_not_know_are_shown(self) -> None:
        right = json.loads(bytes(Packet.objects.get(digest=self.scene.request.packet_digest).body))
        page = self.read(self.scene.people.marta, self.keep(canonical.dumps(right | {"later_member": ["W-1"]})))
        page.has("Further content", "W-1", "Request and justification")

    def test_waivers_are_a_section(self) -> None:
        right = json.loads(bytes(Packet.objects.get(digest=self.scene.request.packet_digest).body))
        marta = self.scene.people.marta
        waiver = {
            "uid": "u", "number": 7, "check": "docs.model_card", "codes": ["missing"], "inputs": "0", "reason": "late",
            "control": "daily review", "accepted_by": marta.uid, "valid_until": "2026-12-31", "event": "e",
        }  # fmt: skip
        page = self.read(marta, self.keep(canonical.dumps(right | {"waivers": [waiver]})))
        page.has("Waivers", "docs.model_card: missing", "daily review", f"{marta.name} {marta.uid}")
        page.has_not("Further content")

    def test_the_earlier_address_leads_to_the_page(self) -> None:
        path = self.path(self.scene.request.packet_digest)
        answer = self.get(self.scene.people.marta, path.replace("/packet/", "/packets/") + "?download=1")
        assert (answer.status_code, answer["Location"]) == (301, f"{path}?download=1")

    def test_two_packets_of_a_request_are_compared(self) -> None:
        first, priya = self.scene.request.packet_digest, self.scene.people.priya
        self.scene.decide(self.scene.people.marta)
        evidence.attach_metrics(
            actor=access.actor_for(priya), version=self.scene.challenger, metrics=[MetricSpec("recall", 0.5)]
        )
        run_due_checks()
        second = self.scene.fresh().packet_digest
        other = self.keep(canonical.dumps({"form": "x", "version": {"number": 2}})).split("/")[-2]
        marta = self.scene.people.marta
        page = self.read(marta, f"/promotions/{self.scene.request.pk}/packet/{first}..{second}/")
        page.has("recall: none → 0.5.", "Every difference", "metrics › recall", '"value": 0.5')
        page.has_not("not verified", "card")
        self.read(marta, f"/promotions/{self.scene.request.pk}/packet/{first}..{other}/").has("not verified", "form")
        self.read(marta, f"/promotions/{self.scene.request.pk}/packet/{first}..{'0' * 64}/", 404)
        same = self.read(marta, f"/promotions/{self.scene.request.pk}/packet/{first}..{first}/")
        same.has("The two packages are the same.")
        Page(self.get(marta, self.path(first))).has("invalidated", "Other evidence packages of this request")

    def test_a_review_that_opened_in_an_earlier_form_keeps_it_while_its_content_is_the_same(self) -> None:
        request = self.scene.fresh()
        standing = evaluate_request(request)
        document = gate_inputs.get_policy_document(request)
        assert document is not None

        def shown() -> review_packet.ReviewPacket:
            return review_packet.build(request, document, standing.latest, standing.inputs, standing.contents)

        assert shown().content["form"] == review_packet.FORM_2
        request.packet_digest = hashlib.sha256((STORED / "1.json").read_bytes()).hexdigest()
        assert shown().content["form"] == review_packet.FORM_2, "another content"
        earlier = {**shown().content, "form": review_packet.FORM_1}
        earlier["policy"] = {name: value for name, value in earlier["policy"].items() if name != "document"}
        added = {"source", "run", "licence", "environment", "parameters", "signature", "evidence"}
        for name in ("version", "champion"):
            earlier[name] = {key: value for key, value in earlier[name].items() if key not in added}
        request.packet_digest = canonical.digest(earlier)
        assert shown().content["form"] == review_packet.FORM_1


class TestDifferences(TestCase):
    """Members that differ are found wherever they are."""

    def test_items_of_lists_are_matched_by_what_identifies_them(self) -> None:
        old = {"version": {"metrics": [{"name": "auc", "value": 0.8}, {"name": "ece", "value": 0.1}], "card": "x"}}
        new = {"version": {"metrics": [{"name": "ece", "value": 0.1}, {"name": "auc", "value": 0.9}], "card": "x"}}
        (found,) = differences(old, new)
        assert (found.part, found.item, found.before, found.after) == ("version", "metrics › auc › value", "0.8", "0.9")
        assert list(differences(old, old)) == []
        (added,) = differences(old, {**old, "waivers": ["W-1"]})
        assert (added.part, added.before, added.after) == ("waivers", "–", '["W-1"]')


@pytest.mark.parametrize("name", ["1", "2"])
def test_a_stored_packet_is_canonical(name: str) -> None:
    body = (STORED / f"{name}.json").read_bytes()
    assert canonical.dumps(json.loads(body)) == body
