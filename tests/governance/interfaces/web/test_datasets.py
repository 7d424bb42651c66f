"""The dataset pages and the lineage page."""

from __future__ import annotations

from registry.access import Role
from registry.models import DatasetReference, ModelVersion
from registry.services.versions import DatasetSpec
from tests import factories
from tests.governance.interfaces.web.scene import PageTest
from tests.page_queries import count_page_queries

DIGEST = "a" * 64
MOST_QUERIES = 25


class TestDatasets(PageTest):
    """Finding one, and what rests on it."""

    base: ModelVersion
    tuned: ModelVersion

    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        scene = cls.scene
        strong = DatasetSpec("training", "accounts", "2026-07", "s3://data/accounts", "sha256", DIGEST)
        cls.base = factories.version(scene.model, scene.people.priya, datasets=[strong])
        cls.tuned = factories.version(scene.model, scene.people.priya, parents=[cls.base])
        secret = factories.model(scene.people.henrik, "secret-model")
        factories.version(secret, scene.people.henrik, datasets=[strong])

    def test_what_was_used_lately_and_what_is_looked_for(self) -> None:
        marta = self.scene.people.marta
        self.read(marta, "/datasets/").has("accounts", "strong", "loans", "a label only", "weak")
        found = self.read(marta, f"/datasets/?q={DIGEST}")
        found.has("accounts", "1 dataset matches")
        found.has_not("a label only")
        self.read(marta, "/datasets/?q=nothing-like-it").has("No dataset matches", "Clear the search")
        self.read(self.scene.people.eve, "/datasets/").has("No datasets yet", "countersign register")

    def test_which_live_models_rest_on_it(self) -> None:
        loans = DatasetReference.objects.filter(name="loans").first()
        assert loans is not None
        page = self.read(self.scene.people.marta, f"/datasets/{loans.identity}/")
        page.has("2 versions in a protected stage rest on it", "What would make it stronger", "training", "Chen Wei")
        assert page.text.index("credit-risk-pd v1") < page.text.index("credit-risk-pd v2"), "Production first"
        only = self.read(self.scene.people.marta, f"/datasets/{loans.identity}/?stage=staging")
        only.has("credit-risk-pd v2")
        only.has_not("credit-risk-pd v1")

    def test_through_parents_and_hidden_ones_counted(self) -> None:
        self.read(self.scene.people.eve, f"/datasets/{DIGEST}/", 404)
        factories.grant(Role.VIEWER, to=self.scene.people.eve, on=self.scene.model)
        page = self.read(self.scene.people.eve, f"/datasets/{DIGEST}/")
        page.has("Nothing in a protected stage rests on it, 2 versions in all, and 1 of models you may not see")
        page.has(f"credit-risk-pd v{self.tuned.number}", "through its parents")
        page.has_not("secret-model")

    def test_the_lineage_of_a_version(self) -> None:
        page = self.read(self.scene.people.marta, f"/models/credit-risk-pd/versions/{self.tuned.number}/lineage/")
        page.has("accounts", f"credit-risk-pd v{self.base.number}", "made from", "Show as list")
        assert any(tag == "svg" and a.get("class") == "lineage" for tag, a in page.tags)
        self.read(self.scene.people.marta, "/models/credit-risk-pd/versions/1/").has("weak", "add the SHA-256")

    def test_no_page_asks_more_as_data_grows(self) -> None:
        marta = self.scene.people.marta
        paths = ("/datasets/", f"/datasets/{DIGEST}/", f"/models/credit-risk-pd/versions/{self.base.number}/lineage/")

        def costs() -> list[int]:
            return [count_page_queries(self.as_(marta), path) for path in paths]

        costs()  # what a process queries once
        before = costs()
        strong = DatasetSpec("training", "accounts", "2026-07", "s3://data/accounts", "sha256", DIGEST)
        for n in range(6):
            other = DatasetSpec("evaluation", f"other-{n}")
            factories.version(self.scene.model, self.scene.people.priya, parents=[self.base], datasets=[strong, other])
        costs()  # the number in the navigation is computed again after an event
        assert costs() == before
        assert max(before) <= MOST_QUERIES, before
