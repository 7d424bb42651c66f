"""Risk tier, periodic reviews and calendar, with requests as a browser sends them."""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from registry.access import Role, actor_for
from registry.models import Assessment, ChangeProposal, PeriodicReview, RegisteredModel
from registry.services import models, questionnaires
from tests import factories
from tests.governance.interfaces.web.scene import Page, PageTest
from tests.page_queries import count_page_queries

PATH = "/models/credit-risk-pd"


class RiskTest(PageTest):
    def _answers(self, **given: str) -> dict[str, str]:
        found = questionnaires.in_force()
        assert found is not None
        mild = {f"q-{question.id}": question.answers[0].id for question in found[1].questions}
        model = RegisteredModel.objects.get(slug="credit-risk-pd")
        return {**mild, "rationale": "Figures of 2025.", "revision": str(model.revision), "questionnaire": "1", **given}

    def test_a_declared_tier_says_that_no_answer_exists(self) -> None:
        factories.model(self.scene.people.priya, "declared", risk_tier=3)
        page = self.read(self.scene.people.priya, "/models/declared/risk/")
        page.has("Declared, not assessed", "Not assessed", "Assess", "does not satisfy a policy")
        page = self.read(self.scene.people.priya, "/models/declared/")
        page.has("declared, not assessed", "Risk tier", "Reviews", "does not satisfy a policy")

    def test_a_less_strict_tier_is_proposed_and_shown(self) -> None:
        priya = self.scene.people.priya
        answer = self.as_(priya).post(f"{PATH}/risk/assess/", self._answers())
        assert answer.status_code == 302
        for path in (f"{PATH}/", f"{PATH}/risk/", f"{PATH}/risk/assess/"):
            self.read(priya, path).has("A less strict tier is proposed", "tier 1 → tier 3", "Tier 1")
        proposal = ChangeProposal.objects.get(model=self.scene.model)
        self.read(self.scene.people.marta, f"/changes/{proposal.pk}/").has("answers.materiality: negligible", "Reject")
        factories.confirm(proposal, self.scene.people.marta)
        self.read(priya, f"{PATH}/risk/").has("Tier 3", "was confirmed by", self.scene.people.marta.name)

    def test_assessing_and_reading_why(self) -> None:
        priya = self.scene.people.priya
        form = self.read(priya, f"{PATH}/risk/assess/")
        form.has("What could a wrong or unavailable model cost in a year?", "How the tier follows")
        sent = self.as_(priya).post(f"{PATH}/risk/assess/", self._answers(**{"q-regulatory": "direct", "tier": "1"}))
        assert sent.status_code == 400
        Page(sent).has("The questionnaire gives tier 2: give the reason for tier 1.")
        given = self._answers(**{"q-regulatory": "direct", "tier": "1", "override_reason": "Asked for by the ECB."})
        assert self.as_(priya).post(f"{PATH}/risk/assess/", given).status_code == 302
        page = self.read(priya, f"{PATH}/risk/")
        page.has("Why tier 1", "where the answers give tier 2", "Asked for by the ECB.", "Directly regulated use")
        page.has("Figures of 2025.")
        assert Assessment.objects.filter(model=self.scene.model)[0].tier == 1
        self.read(priya, f"{PATH}/").has("why this tier")

    def test_two_forms_and_the_second_is_refused(self) -> None:
        priya = self.scene.people.priya
        given = self._answers(**{"q-effect": "access", "q-automation": "automatic"})
        assert self.as_(priya).post(f"{PATH}/risk/assess/", given).status_code == 302
        again = self.as_(priya).post(f"{PATH}/risk/assess/", given)
        assert again.status_code == 409
        Page(again).has("was changed since you read it")

    def test_no_owner_is_said_with_who_can_help(self) -> None:
        models.update_model(actor=actor_for(self.scene.people.priya), model=self.scene.model, owner=None)
        factories.grant(Role.VIEWER, to=self.scene.people.eve, on=self.scene.model)
        self.read(self.scene.people.eve, f"{PATH}/").has("No owner.", "can assign one")
        self.read(self.scene.people.priya, f"{PATH}/").has("No owner.", "Assign an owner")


class ReviewTest(PageTest):
    def test_a_validator_records_a_review(self) -> None:
        marta = self.scene.people.marta
        self.read(marta, f"{PATH}/reviews/").has("Record a review", "Not reviewed yet")
        revision = str(RegisteredModel.objects.get(slug="credit-risk-pd").revision)
        sent = self.as_(marta).post(
            f"{PATH}/reviews/", {"outcome": "fit_with_conditions", "findings": "Drifts.", "revision": revision}
        )
        assert sent.status_code == 400
        given = {"outcome": "fit_with_conditions", "findings": "Drifts.", "conditions": "Retrain by May."}
        assert self.as_(marta).post(f"{PATH}/reviews/", {**given, "revision": revision}).status_code == 302
        page = self.read(marta, f"{PATH}/reviews/")
        page.has("Fit with conditions", "Retrain by May.", "In use: v1")
        assert PeriodicReview.objects.get().live_versions[0] == 1

    def test_a_person_who_made_what_is_live_is_shown_who_can(self) -> None:
        page = self.read(self.scene.people.priya, f"{PATH}/reviews/")
        page.has("registered v1, which is in Production", "Who can:")
        page.has_not("Record a review")

    def test_the_calendar_in_its_spans(self) -> None:
        people, today = self.scene.people, clock.now().date()
        for slug, days in (("late", -3), ("soon", 12), ("far", 300)):
            factories.model(people.priya, slug, next_review=today + timedelta(days=days), team="Retail", risk_tier=3)
        page = self.read(people.marta, "/reviews/calendar/")
        page.has("1 model is overdue for review", "3 days overdue", "in 12 days", "Later")
        self.read(people.marta, "/reviews/calendar/?team=Other").has("No model you can see is overdue")
        self.read(people.marta, "/reviews/").has("Periodic reviews due", "late", "soon")
        self.read(people.priya, "/reviews/").has_not("Periodic reviews due")
        self.read(people.eve, "/reviews/calendar/").has("No model you can see is overdue")

    def test_queries_do_not_grow(self) -> None:
        people, today = self.scene.people, clock.now().date()
        browser = self.as_(people.marta)
        counted = {
            path: count_page_queries(browser, path)
            for path in ("/reviews/calendar/", f"{PATH}/reviews/", f"{PATH}/risk/")
        }
        assert max(counted.values()) <= 25, counted
        for number in range(8):
            factories.model(people.priya, f"m{number}", next_review=today + timedelta(days=number), risk_tier=3)
        assert count_page_queries(browser, "/reviews/calendar/") <= counted["/reviews/calendar/"]
