"""The pages of a policy: what readers see of it, and of whom it covers."""

from __future__ import annotations

from governance.services import policies
from registry import access
from registry.models import ChangeProposal, RegisteredModel
from registry.services import archiving
from tests import factories
from tests.governance.interfaces.web.scene import TO_PRODUCTION, PageTest

STRICTER = TO_PRODUCTION.replace("0.84", "0.86")
PAGE = "/policies/scene-production/"


class TestPolicyPages(PageTest):
    """What is in force, how it came into force, and what changed."""

    def propose(self, source: str = STRICTER, reason: str = "finding 3 of the audit") -> int:
        henrik = access.actor_for(self.scene.people.henrik)
        return policies.propose(actor=henrik, source=source, reason=reason).pk

    def test_the_requirements_are_one_sentence_first(self) -> None:
        expected = (
            "To enter Production or to have the alias @champion, a model of any tier needs 2 checks that pass, "
            "then 2 of risk-team."
        )
        self.read(self.scene.people.eve, PAGE).has(expected, "performance.threshold", '"metric": "auc"')
        self.read(self.scene.people.eve, "/policies/").has(expected)

    def test_the_history_names_both_officers_and_what_each_revision_changed(self) -> None:
        people = self.scene.people
        number = self.propose()
        self.read(people.dorothy, PAGE).has(f"C{number}: Put policy scene-production", "finding 3 of the audit")
        self.read(people.priya, PAGE).has_not(f"C{number}: Put policy")

        factories.confirm(ChangeProposal.objects.get(pk=number), people.dorothy)

        page = self.read(people.priya, PAGE)
        page.has("proposed by Henrik Aas, confirmed by Dorothy Mensah", "finding 3 of the audit")
        page.has("Difference between revisions 1 and 2", "the scene of a test")
        assert ("del", {}) in page.tags
        page.has_not("audit event")
        officer = self.read(people.dorothy, PAGE)
        assert len([a for _, a in officer.tags if (a.get("href") or "").startswith("/audit/")]) >= 2
        self.read(people.priya, f"{PAGE}?from=2&to=2").has("The texts are the same.")
        for missing in ("?from=7&to=1", "?from=1&to=9", "?revision=3"):
            self.read(people.priya, PAGE + missing, 404)
        self.read(people.priya, f"{PAGE}?from=two&to=-1&revision=x&after=%00")

    def test_covered_models_are_those_that_the_reader_may_see(self) -> None:
        people = self.scene.people
        factories.model(people.priya, "another-model", risk_tier=2)
        archived = factories.model(people.priya, "archived-model", risk_tier=2)
        archiving.archive_model(actor=access.actor_for(people.priya), model=archived, reason="It is not used.")
        assert RegisteredModel.objects.count() == 3

        page = self.read(people.marta, PAGE)
        page.has("credit-risk-pd", "another-model", "2 models that you can see")
        page.has_not("archived-model")
        stranger = self.read(people.eve, PAGE)
        stranger.has("0 models that you can see")
        stranger.has_not("credit-risk-pd", "another-model")
