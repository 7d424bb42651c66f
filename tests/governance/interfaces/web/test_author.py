"""Pages for authors and owners: pending items, requirements per target, forms for card, metrics and evidence."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance import promotions, selectors
from governance.models import PromotionRequest
from governance.services import policies, setup
from registry import access
from registry.models import Evidence, Metric, ModelCard, ModelVersion
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Page, PageTest

TO_STAGING_WITH_CARD = scenes.TO_STAGING.replace(
    "{check: integrity.digest}",
    "{check: docs.model_card}, {check: performance.threshold, params: {thresholds: "
    '[{metric: auc, op: ">=", value: 0.8}]}}',
)
HELD = scenes.TO_PRODUCTION + "on_ready: hold\n"


class TestWaitingForMe(PageTest):
    """The requests that wait for their author or for the owner of the model."""

    def test_a_blocked_request_waits_for_author_and_owner(self) -> None:
        people, number = self.scene.people, self.scene.request.pk
        for person in (people.priya, people.chen):
            self.read(person, "/reviews/").has_not("Waiting for me as author or owner")
        self.scene.decide(people.marta, "request_changes", "Explain the thin-file segment.")
        for person in (people.priya, people.chen):
            page = self.read(person, "/reviews/")
            page.has(
                "(1) My reviews", "Waiting for me as author or owner", f"#{number}", "Marta Kovač asked for changes"
            )
            assert self.get(person, "/")["Location"] == "/reviews/"
        self.read(people.marta, "/reviews/").has_not("Waiting for me as author or owner")

    def test_a_request_that_lacks_evidence_says_which_check_waits(self) -> None:
        priya = self.scene.people.priya
        policies.publish(actor=setup.INSTALLER, source=TO_STAGING_WITH_CARD, reason="a card before Staging")
        bare = factories.version(self.scene.model, priya, {"model.json": b"{}"})
        made = promotions.request(
            actor=access.actor_for(priya), version=bare, target_stage="staging", reason="the next candidate"
        )
        page = self.read(priya, "/reviews/")
        page.has(f"#{made.pk}", "evidence is missing for docs.model_card, performance.threshold")
        self.read(priya, f"/promotions/{made.pk}/").has(
            f"countersign attach credit-risk-pd {bare.number} --card CARD.md",
            f"countersign attach credit-risk-pd {bare.number} --evidence evaluation.table=PATH",
            "how to add it here",
        )

    def test_a_ready_request_has_its_action_in_the_header(self) -> None:
        people = self.scene.people
        policies.publish(actor=setup.INSTALLER, source=HELD, reason="somebody carries it out")
        promotions.withdraw(actor=access.actor_for(people.priya), request=self.scene.fresh(), reason="once more")
        request = promotions.request(
            actor=access.actor_for(people.priya),
            version=self.scene.challenger,
            target_stage="production",
            reason="ready when approved",
        )
        run_due_checks()
        for person in (people.marta, people.aiko):
            scenes.decide(PromotionRequest.objects.get(pk=request.pk), person)
        self.read(people.priya, "/reviews/").has("Ready: promote it")
        page = self.read(people.priya, f"/promotions/{request.pk}/")
        ids = [a.get("id") for _, a in page.tags]
        assert ids.index("request-head") < ids.index("head-promote") < ids.index("request-tabs")
        assert "head-promote" not in [
            a.get("id") for _, a in self.read(people.marta, f"/promotions/{request.pk}/").tags
        ]
        assert self.as_(people.priya).post(f"/promotions/{request.pk}/promote/").status_code == 302
        self.scene.challenger.refresh_from_db()
        assert self.scene.challenger.stage.slug == "production"
        self.read(people.priya, "/reviews/").has_not("Waiting for me as author or owner")


class TestReadiness(PageTest):
    """What a version needs for each target."""

    def bare(self) -> ModelVersion:
        """A version with a file and nothing else."""
        return factories.version(self.scene.model, self.scene.people.priya, {"model.json": b"{}"})

    def of(self, version: ModelVersion, person: Any = None) -> dict[str, selectors.TargetReadiness]:
        actor = access.actor_for(person or self.scene.people.priya)
        return {target.name: target for target in selectors.readiness(actor, version)}

    def test_each_target_says_what_is_missing_and_who_would_be_asked(self) -> None:
        people = self.scene.people
        found = self.of(self.bare())
        assert list(found) == ["Staging", "Production", "Archived", "@champion"]
        assert not found["Staging"].missing
        assert found["Staging"].policies == (("scene-staging", 1),)
        assert (
            found["Production"].refusal
            == "Development → Production is not a transition of the lifecycle. From here: Staging, Archived."
        )
        assert found["Archived"].free
        champion = found["@champion"]
        (lacking,) = champion.missing
        assert [(a.form, a.name) for a in lacking.additions] == [("evidence", "evaluation.table"), ("metric", "auc")]
        assert lacking.command.endswith("--evidence evaluation.table=PATH")
        (asked,) = champion.required_groups
        assert (asked.group, asked.count) == ("risk-team", 2)
        assert asked.may_approve == (people.aiko.name, people.marta.name)
        assert any("Priya" in why and "SoD-" in why for why in asked.excluded)
        assert not asked.is_short

    def test_what_was_checked_already_and_asked_for_already_is_said(self) -> None:
        found = self.of(self.scene.challenger)
        production = found["Production"]
        assert production.open_request == self.scene.request.pk
        assert {step.title: step.state for step in production.steps} == {
            "File integrity": "met",
            "Performance thresholds": "met",
        }
        assert all(step.detail.startswith(f"In #{self.scene.request.pk}:") for step in production.steps)

    def test_a_model_without_an_assessed_tier_says_who_can_mend_it(self) -> None:
        priya = self.scene.people.priya
        other = factories.model(priya, "no-tier-yet")
        version = factories.version(other, priya, {"model.json": b"{}"})
        staging = self.of(version)["Staging"]
        assert [step.title for step in staging.missing if not step.additions][:1] == ["A risk tier"]
        assert priya.name in staging.missing[0].detail

    def test_who_may_not_ask_reads_why_nothing_is_offered(self) -> None:
        found = self.of(self.bare(), self.scene.people.marta)
        assert "you need the role" in found["Staging"].refusal

    def test_it_agrees_with_the_request_that_is_made(self) -> None:
        version = scenes.version(self.scene.model, self.scene.people.priya, auc=0.9)
        foretold = self.of(version)["@champion"]
        made = promotions.request(
            actor=access.actor_for(self.scene.people.priya),
            version=version,
            target_alias="champion",
            reason="as foretold",
        )
        assert {(b.policy_revision.policy.slug, b.policy_revision.number) for b in made.governing} == set(
            foretold.policies
        )
        run_due_checks()
        shown = selectors.request_page(access.actor_for(self.scene.people.priya), made.pk)
        (approval,) = shown.approvals
        assert foretold.required_groups[0].may_approve == tuple(reviewer.name for reviewer in approval.may_approve)
        assert shown.verdict is not None
        assert not [r for r in shown.verdict.unmet if r.kind == "check"]

    def test_the_page_shows_it_and_costs_a_bounded_number_of_queries(self) -> None:
        version = self.bare()
        page = self.read(self.scene.people.priya, f"/models/{self.scene.model.slug}/versions/{version.number}/")
        page.has(
            "Readiness: what each target needs", "Not offered: Development → Production", "Who would have to approve"
        )
        links = [str(a.get("href")) for _, a in page.tags]
        base = f"/models/{self.scene.model.slug}/versions/{version.number}"
        assert f"{base}/documents/?kind=evaluation.table" in links
        assert f"{base}/metrics/?name=auc" in links
        assert f"{base}/promote/?target=stage%3Astaging" in links
        actor = access.actor_for(self.scene.people.priya)
        selectors.readiness(actor, version)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            selectors.readiness(actor, version)
        assert len(asked) <= 24, len(asked)


class TestAdding(PageTest):
    """A card, metrics and evidence in the browser."""

    base = "/models/credit-risk-pd/versions/2"

    def test_a_card_is_written_in_the_browser_and_never_over_a_newer_one(self) -> None:
        client = self.as_(self.scene.people.priya)
        path = f"{self.base}/card/edit/"
        form = Page(client.get(path)).fields
        assert form["text"].startswith("---")
        first = {**form, "text": form["text"].replace("\n", "\r\n") + "\r\n\r\nOne more limitation."}
        assert client.post(path, first).status_code == 302
        card = ModelCard.objects.filter(version=self.scene.challenger).latest("revision")
        assert card.text.endswith("\n\nOne more limitation.")
        assert "\r" not in card.text
        stale = client.post(path, {**form, "text": "# Mine"})
        assert stale.status_code == 409
        page = Page(stale)
        page.has("added revision 2 while you were writing")
        assert page.fields["text"] == "# Mine"
        assert client.post(path, page.fields).status_code == 302
        file = SimpleUploadedFile("CARD.md", "\ufeff# From a file".encode())
        assert client.post(path, {"text": "", "revision": "3", "file": file}).status_code == 302
        assert ModelCard.objects.filter(version=self.scene.challenger).latest("revision").text == "# From a file"
        for bad in ({"text": " "}, {"text": "", "file": SimpleUploadedFile("x.md", b"\xff\xfe\x00")}):
            assert client.post(path, {"revision": "4", **bad}).status_code == 400, bad
        self.read(self.scene.people.marta, path, 403)

    def test_an_empty_card_begins_with_what_the_policies_ask(self) -> None:
        bare = factories.version(self.scene.model, self.scene.people.priya, {"model.json": b"{}"})
        page = self.read(self.scene.people.priya, f"/models/credit-risk-pd/versions/{bare.number}/card/edit/")
        assert "license:" in page.fields["text"]
        assert "## intended use" in page.fields["text"]

    def test_metrics_are_added_and_every_fault_is_named(self) -> None:
        client = self.as_(self.scene.people.priya)
        path = f"{self.base}/metrics/"
        form = {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "0"}
        given = {
            "form-0-name": "auc",
            "form-0-value": "0.88",
            "form-1-name": "auc",
            "form-1-value": "0.8",
            "form-1-slice": "thin",
        }
        assert client.post(path, {**form, **given}).status_code == 302
        newest = Metric.objects.filter(version=self.scene.challenger, latest=True, name="auc")
        assert {(m.slice, m.value) for m in newest} == {("", 0.88), ("thin", 0.8)}
        for row, words in (
            ({"form-0-name": "auc", "form-0-value": "0,88"}, "Write a number with a decimal point"),
            ({"form-0-value": "0.88"}, "Name the metric."),
            ({"form-0-name": "auc", "form-0-value": "nan"}, "auc:"),
            ({}, "Give at least one metric."),
        ):
            answer = client.post(path, {**form, **row})
            assert answer.status_code == 400, row
            page = Page(answer)
            page.has(words)
            assert page.fields.get("form-0-value") == row.get("form-0-value", ""), "what was written is kept"
        assert Page(client.get(f"{path}?name=ks")).fields["form-0-name"] == "ks"
        self.read(self.scene.people.marta, path, 403)

    def test_evidence_of_a_kind_that_a_check_reads_is_added(self) -> None:
        client = self.as_(self.scene.people.priya)
        path = f"{self.base}/documents/"
        assert Page(client.get(f"{path}?kind=evaluation.table")).fields["kind"] == "evaluation.table"
        asked = Page(client.get(f"{path}?kind=fairness.table")).fields
        assert (asked["kind"], asked["title"]) == ("other", "fairness.table")
        for kind, title, made in (
            ("evaluation.table", "", "evaluation.table"),
            ("other", "Bias audit", "document.bias_audit"),
        ):
            file = SimpleUploadedFile("a.csv", b"label,score\n1,0.5\n")
            answer = client.post(path, {"kind": kind, "title": title, "file": file})
            assert answer.status_code == 302, answer.content[:3000]
            assert Evidence.objects.filter(version=self.scene.challenger, kind=made).exists()
        file = SimpleUploadedFile("a.csv", b"x")
        unknown = client.post(path, {"kind": "other", "title": "fairness.table", "file": file})
        assert unknown.status_code == 400
        Page(unknown).has("No check reads evidence of the kind “fairness.table”")
        broken = SimpleUploadedFile("b.csv", b"label,score\n1,high\n")
        malformed = client.post(path, {"kind": "evaluation.table", "file": broken})
        assert malformed.status_code == 400
        Page(malformed).has("b.csv, row 2", "is not a finite number. Add a corrected table.")
        assert not Evidence.objects.filter(filename="b.csv").exists()
        file = SimpleUploadedFile("a.csv", b"x")
        refused = client.post(path, {"kind": "other", "title": "?!", "file": file})
        assert refused.status_code == 400
        Page(refused).has("Enter a title with letters or digits.")
