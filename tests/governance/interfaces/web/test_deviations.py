"""Pages of a version with additions since its approval, and who sees them."""

from __future__ import annotations

from audit.models import Event
from governance.gate import approvals
from governance.models import PromotionRequest
from governance.services import evidence
from registry import access
from registry.services.versions import MetricSpec
from tests.checking import run_due_checks
from tests.governance.interfaces.web.scene import PageTest, decide

VERSION = "/models/credit-risk-pd/versions/1/"
HEADING = "Changed after approval"


class TestDeviations(PageTest):
    """A metric was added to the champion in Production."""

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        cls.approved = cls.scene.champion.fingerprint
        evidence.attach_metrics(
            actor=access.actor_for(cls.scene.people.priya),
            version=cls.scene.champion,
            metrics=[MetricSpec("auc", 0.999)],
        )

    approved: str

    def test_the_version_and_the_model_say_what_was_added_by_whom_and_since_which_request(self) -> None:
        promoted = PromotionRequest.objects.get(version=self.scene.champion, target_stage__slug="production")
        for path in (VERSION, "/models/credit-risk-pd/"):
            page = self.read(self.scene.people.marta, path)
            page.has("Production", f"#{promoted.pk}", "1 addition since", "metric auc = 0.999", "Priya Nair")
            page.has("Request approval there again")
        page = self.read(self.scene.people.marta, VERSION)
        page.has("Approved inputs", "added to since")
        assert self.approved in page.html
        self.read(self.scene.people.marta, "/models/credit-risk-pd/versions/2/").has_not("added to since")

    def test_the_owner_and_officers_find_it_in_their_queues(self) -> None:
        henrik = self.scene.people.henrik
        for reader, path in ((self.scene.people.chen, "/reviews/"), (henrik, "/reviews/"), (henrik, "/admin/")):
            self.read(reader, path).has(HEADING, "credit-risk-pd v1", "metric auc = 0.999")
        for reader in (self.scene.people.marta, self.scene.people.priya, self.scene.people.eve):
            self.read(reader, "/reviews/").has_not(HEADING)

    def test_it_is_found_by_a_query(self) -> None:
        self.read(self.scene.people.marta, "/models/?q=approval:deviating").has("credit-risk-pd")

    def test_approving_it_again_ends_it(self) -> None:
        client = self.as_(self.scene.people.priya)
        form = client.get(f"{VERSION}promote/?target=stage:production").content.decode()
        assert "Production, approve it there again" in form
        asked = client.post(f"{VERSION}promote/", {"target": "stage:production", "reason": "a better evaluation"})
        assert asked.status_code == 302
        run_due_checks()
        again = PromotionRequest.objects.get(reapproves__isnull=False)
        page = self.read(self.scene.people.marta, f"/promotions/{again.pk}/")
        page.has("Approve again in Production", "metric auc = 0.999", "no stage or alias changes")
        self.read(self.scene.people.chen, "/reviews/").has(f"Request #{again.pk} requests approval there again")

        for person in (self.scene.people.marta, self.scene.people.aiko):
            decide(again, person)

        (stage, *_) = approvals.approvals(self.scene.champion)
        assert (stage.request, stage.deviates) == (again.pk, False)
        assert Event.objects.filter(action="promotion.reapproved").count() == 1
        self.read(self.scene.people.chen, "/reviews/").has_not(HEADING)
        self.read(self.scene.people.marta, VERSION).has_not("added to since")
        model = self.read(self.scene.people.marta, "/models/credit-risk-pd/")
        assert model.text.count("before: v1") == 1  # it left Staging once, and has not left Production
        self.read(self.scene.people.marta, f"/promotions/{again.pk}/").has("approved the version again")
