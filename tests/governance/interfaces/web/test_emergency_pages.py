"""An emergency change from the page of the model, and the notice of what is owed."""

from __future__ import annotations

from django.test import Client, TestCase

from governance.models import EmergencyChange, PromotionRequest
from governance.services import policies, setup
from registry.access import Role
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.web import scene as scenes

SECTION = "emergency: {groups: [risk-team], max_hours: 12, retrospective_within_days: 5}\n"


class EmergencyPages(TestCase):
    """A challenger in Staging, whose ordinary request was withdrawn, and a policy with the section."""

    def setUp(self) -> None:
        self.scene = scenes.build()
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION + SECTION, reason="the scene of a test")
        self.model = f"/models/{self.scene.model.slug}/"
        self.requester = factories.person("rosa", name="Rosa Lind")
        factories.grant(Role.DEVELOPER, to=self.requester, on=self.scene.model)
        self.client.force_login(self.requester, backend="registry.access.backend.RoleBackend")
        self.client.post(f"/promotions/{self.scene.request.pk}/withdraw/", {"withdraw-reason": "an incident"})
        self.form = {
            "version": "2",
            "target": "stage:production",
            "confirming_group": "risk-team",
            "incident": "INC-4711",
            "hours": "4",
            "reason": "The champion answers nothing.",
            "password": factories.PASSWORD,
        }

    def test_it_is_signed_confirmed_and_shown_as_owed(self) -> None:
        assert "Emergency change</a>" in self.client.get(self.model).content.decode()
        opened = self.client.get(f"{self.model}emergency/?version=2").content.decode()
        for words in ("What is owed afterwards", "at most 12 hours", "confirmed by one of risk-team"):
            assert words in opened

        sent = self.client.post(f"{self.model}emergency/", self.form)

        assert sent.status_code == 302, sent.content.decode()
        made = PromotionRequest.objects.latest("pk")
        assert "INC-4711" in self.client.get(f"/promotions/{made.pk}/").content.decode()
        run_due_checks()
        scenes.decide(made, self.scene.people.marta)
        change = EmergencyChange.objects.get(request=made)
        assert change.began_at is not None
        for page in (self.model, f"{self.model}versions/2/", f"{self.model}risk/", f"/promotions/{made.pk}/"):
            assert "Emergency change owed" in self.client.get(page).content.decode(), page
        for page in ("/models/", "/reviews/"):
            assert "Emergency change" in self.client.get(page).content.decode(), page
        assert f"/promotions/{made.pk}/" in self.client.get(f"{self.model}emergency/").content.decode()
        _, secret = factories.token(self.requester, ["models:read"])
        (row,) = (
            Client(headers={"Authorization": f"Bearer {secret}"}).get(f"/api/v1{self.model}emergencies").json()["items"]
        )
        assert (row["incident"], row["holds_place"], row["overdue"], len(row["owed"])) == ("INC-4711", True, False, 2)

    def test_a_wrong_password_and_a_refused_target_stay_at_the_form(self) -> None:
        wrong = self.client.post(f"{self.model}emergency/", {**self.form, "password": "not mine"})
        assert wrong.status_code == 400
        assert "nothing was signed" in wrong.content.decode()
        assert "not mine" not in wrong.content.decode()
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION, reason="the scene of a test")
        assert "No policy allows an emergency change" in self.client.get(f"{self.model}emergency/").content.decode()
        assert self.client.post(f"{self.model}emergency/", self.form).status_code == 400
