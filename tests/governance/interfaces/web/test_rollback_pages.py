"""Rolling back from the pages of the model, the version and the request, and by REST."""

from __future__ import annotations

import json

from django.test import Client, TestCase

from governance.models import PromotionRequest
from governance.services import policies, setup
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.web import scene as scenes

SECTION = "rollback: {checks: [{check: integrity.digest}], approvals: [{group: risk-team}], within_days: 30}\n"


class RollbackPages(TestCase):
    """A champion that was displaced an hour ago."""

    def setUp(self) -> None:
        self.scene = scenes.build()
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION + SECTION, reason="the scene of a test")
        for person in (self.scene.people.marta, self.scene.people.aiko):
            self.scene.decide(person)
        assert self.scene.fresh().state == "promoted"
        self.model = f"/models/{self.scene.model.slug}/"
        self.client.force_login(self.scene.people.priya, backend="registry.access.backend.RoleBackend")

    def test_three_pages_lead_to_the_rollback_and_the_request_states_its_kind(self) -> None:
        choice = "stage:production:1"
        for page in (self.model, f"{self.model}versions/1/", f"/promotions/{self.scene.request.pk}/"):
            shown = self.client.get(page).content.decode().replace("%3A", ":")
            assert f"{self.model}rollback/?choice={choice}" in shown, page
        opened = self.client.get(f"{self.model}rollback/?choice={choice}").content.decode()
        assert "1 of risk-team; integrity.digest" in opened
        assert "loans" in opened

        sent = self.client.post(f"{self.model}rollback/", {"choice": choice, "reason": "v2 rejects good applicants"})

        made = PromotionRequest.objects.latest("pk")
        assert sent["Location"] == f"/promotions/{made.pk}/"
        page = self.client.get(sent["Location"]).content.decode()
        assert "Roll back Production to" in page
        assert "Back to inputs that were approved before" in page
        run_due_checks()
        scenes.decide(made, self.scene.people.marta)
        assert PromotionRequest.objects.get(pk=made.pk).state == "promoted"
        assert "Nothing to roll back to" not in self.client.get(f"{self.model}rollback/").content.decode()

    def test_without_the_section_the_page_names_the_remedy(self) -> None:
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION, reason="the scene of a test")

        opened = self.client.get(f"{self.model}rollback/").content.decode()

        assert "has no section `rollback`" in opened
        assert "Request the rollback" not in opened
        sent = self.client.post(f"{self.model}rollback/", {"choice": "stage:production:1", "reason": "r"})
        assert sent.status_code == 400

    def test_rest_lists_the_candidates_and_requests_the_rollback(self) -> None:
        _, secret = factories.token(self.scene.people.priya, ["models:read", "promotions:write"])
        api = Client(headers={"Authorization": f"Bearer {secret}"})
        (row,) = api.get(f"/api/v1/models/{self.scene.model.slug}/rollbacks").json()["items"]
        assert (row["version"], row["current"], row["possible"], row["approvals"]) == (1, 2, True, ["1 of risk-team"])
        assert row["datasets"][0]["name"] == "loans"
        body = {
            "model": self.scene.model.slug,
            "version": 1,
            "target": row["target"] and {"stage": "production"},
            "reason": "v2 rejects good applicants",
            "kind": "rollback",
        }

        made = api.post("/api/v1/promotions", json.dumps(body), content_type="application/json")

        assert made.status_code == 201, made.content
        assert (made.json()["kind"], made.json()["restores"]) == ("rollback", row["approved_by"])
        refused = api.post(
            "/api/v1/promotions", json.dumps({**body, "kind": "emergency"}), content_type="application/json"
        )
        assert refused.status_code == 400
