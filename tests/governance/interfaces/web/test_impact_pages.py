"""The list of impacts, the recall of a dataset, and REST."""

from __future__ import annotations

from django.test import Client, TestCase

from governance.models import DatasetRecall
from governance.services import impacts, policies, setup
from registry.models import DatasetReference
from tests import factories
from tests.governance.interfaces.web import scene as scenes

SECTION = "after_promotion: {dataset_recalled: {then: reapproval, within_days: 5}}\n"


class ImpactPages(TestCase):
    """A champion trained with a dataset that an officer recalls."""

    def test_a_recall_reaches_the_list_the_model_the_queue_and_rest(self) -> None:
        scene = scenes.build()
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION + SECTION, reason="the scene of a test")
        people, backend = scene.people, "registry.access.backend.RoleBackend"
        dataset = DatasetReference.objects.filter(version=scene.champion)[0]
        page = f"/datasets/{dataset.identity}/"
        self.client.force_login(people.marta, backend=backend)
        assert self.client.post(f"{page}recall/", {"reason": "consent was withdrawn"}).status_code == 403
        assert "Nothing concerns an approval" in self.client.get("/impacts/").content.decode()
        self.client.force_login(people.henrik, backend=backend)
        assert f"{page}recall/" in self.client.get(page).content.decode()
        assert self.client.post(f"{page}recall/", {"reason": " "}).status_code == 400

        sent = self.client.post(f"{page}recall/", {"reason": "consent was <b>withdrawn</b>"})

        assert sent["Location"] == page
        assert "consent was &lt;b&gt;withdrawn" in self.client.get(page).content.decode()
        assert "A recall is not undone" in self.client.get(f"{page}recall/").content.decode()
        assert DatasetRecall.objects.count() == 1
        recorded = impacts.record_all()
        impacts.follow_all()
        assert {impact.place for impact in recorded} >= {"production"}
        for seen in ("/impacts/?cause=dataset_recalled", f"/models/{scene.model.slug}/", "/reviews/"):
            assert "Dataset recalled" in self.client.get(seen).content.decode(), seen
        assert "approval requested in" in self.client.get("/impacts/").content.decode()
        assert "No impact matches" in self.client.get("/impacts/?state=settled&cause=nonsense").content.decode()
        _, secret = factories.token(people.henrik, ["models:read"])
        api = Client(headers={"Authorization": f"Bearer {secret}"})
        rows = api.get("/api/v1/impacts?cause=dataset_recalled").json()["items"]
        assert {row["approved_fingerprint"] for row in rows if row["place"] == "production"} == {
            scene.champion.fingerprint
        }
        assert api.get("/api/v1/impacts?state=nonsense").status_code == 400
