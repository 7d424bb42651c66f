"""Model page, version page, files, comparison, and the promotion form."""

from __future__ import annotations

from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import Event
from registry import access
from registry.access import Role
from registry.models import RegisteredModel
from registry.services import models
from registry.services.versions import ArtifactSpec, DatasetSpec, MetricSpec, VersionSpec, declare_version
from tests import factories
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Page, PageTest


class TestModel(PageTest):
    """The model's page."""

    def test_where_its_versions_are_and_what_waits(self) -> None:
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/")
        page.has("Production", "v1", "v2 requested in", f"#{self.scene.request.pk}", "Needs you", "Tier 1", "Chen Wei")
        page.has("differences are to v1, the champion", "+0.013")

    def test_what_people_wrote_is_text_and_never_markup(self) -> None:
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/")
        assert "<strong>boosted</strong>" in page.html
        assert "<script>alert" not in page.html
        page.has("<script>alert(1)</script>")

    def test_a_model_without_owner_or_tier_says_what_that_stops(self) -> None:
        models.register_model(actor=access.actor_for(self.scene.people.priya), slug="bare")
        page = self.read(self.scene.people.priya, "/models/bare/")
        page.has("No risk tier.", "Assess it", "No version yet", "mlflow.register_model")

    def test_registering_and_the_faults_of_a_form(self) -> None:
        client = self.as_(self.scene.people.eve)
        answer = client.post("/models/new/", {"slug": "Not A Slug", "title": "x"})
        assert answer.status_code == 400
        page = Page(answer)
        page.has("A model's name has 1 to 200 lower-case letters")
        field = next(a for tag, a in page.tags if a.get("name") == "slug")
        assert field["aria-invalid"] == "true"
        assert "id_slug_error" in str(field["aria-describedby"])
        assert client.post("/models/new/", {"slug": "eves-model", "risk_tier": "3"}).status_code == 302
        made = RegisteredModel.objects.get(slug="eves-model")
        assert (made.owner, made.risk_tier) == (self.scene.people.eve, 3)
        assert client.post("/models/new/", {"slug": "eves-model"}).status_code == 400

    def test_editing_over_another_persons_change_shows_theirs_and_keeps_mine(self) -> None:
        client = self.as_(self.scene.people.priya)
        form = Page(client.get("/models/credit-risk-pd/edit/")).fields
        models.update_model(actor=access.actor_for(self.scene.people.chen), model=self.scene.model, team="Chen's team")
        answer = client.post("/models/credit-risk-pd/edit/", {**form, "risk_tier": "1", "title": "My title"})
        assert answer.status_code == 409
        page = Page(answer)
        page.has("Another person changed this while you were writing.", "Chen's team")
        assert page.fields["title"] == "My title"
        again = {**page.fields, "risk_tier": "1"}
        assert client.post("/models/credit-risk-pd/edit/", again).status_code == 302
        assert RegisteredModel.objects.get(slug="credit-risk-pd").title == "My title"

    def test_only_what_was_changed_is_sent_to_be_changed(self) -> None:
        factories.grant(Role.DEVELOPER, to=self.scene.people.eve, on=self.scene.model)
        client = self.as_(self.scene.people.eve)
        form = Page(client.get("/models/credit-risk-pd/edit/")).fields
        assert client.post("/models/credit-risk-pd/edit/", {**form, "risk_tier": "1", "team": "New"}).status_code == 302
        newer = str(RegisteredModel.objects.get(slug="credit-risk-pd").revision)
        client.post("/models/credit-risk-pd/edit/", {**form, "risk_tier": "3", "revision": newer})
        assert RegisteredModel.objects.get(slug="credit-risk-pd").risk_tier == 1, "an assessed tier is not edited"


class TestVersion(PageTest):
    """The version's page and its files."""

    def test_what_it_consists_of_and_where_it_has_been(self) -> None:
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/versions/2/")
        page.has(
            "Performance against the champion v1", "0.874", "+0.013", "≥ 0.84", "model.json", "folder/notes.txt",
            "stored, digest matched", "Intended use", "loans", "Stage history", "Staging", "requested in",
            "Parameters that differ from v1", "Show as list",
        )  # fmt: skip
        assert any(tag == "svg" and a.get("class") == "lineage" for tag, a in page.tags)

    def test_its_facts_as_tables(self) -> None:
        page = self.read(self.scene.people.priya, "/models/credit-risk-pd/versions/2/")
        page.has("Metrics by dataset and slice", "all data", "Inputs and outputs", "age", "long", "required", "pd")
        page.has("2 parameters", "Registered by", "Priya Nair")

    def test_notes_are_kept_unless_another_person_wrote_meanwhile(self) -> None:
        client, path = self.as_(self.scene.people.priya), "/models/credit-risk-pd/versions/2/edit/"
        form = Page(client.get(path)).fields
        answer = client.post(path, {**form, "notes": "Read **this**.\r\nTwice.", "tags": "run=nightly\n"})
        assert answer.status_code == 302
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/versions/2/")
        assert "<strong>this</strong>" in page.html
        page.has("nightly")
        stale = client.post(path, {**form, "notes": "Mine."})
        assert stale.status_code == 409
        Page(stale).has("changed while you were writing", "Read **this**.")
        assert client.post(path, {**Page(stale).fields, "tags": "no tag"}).status_code == 400
        self.read(self.scene.people.marta, path, 403)

    def test_a_document_is_evidence_in_revisions_and_approvals_lapse(self) -> None:
        scene, path = self.scene, "/models/credit-risk-pd/versions/2/documents/"
        scene.decide(scene.people.marta)
        client = self.as_(scene.people.priya)
        for content in (b"first", b"second"):
            file = SimpleUploadedFile("report.pdf", content)
            answer = client.post(path, {"kind": "document.validation_report", "file": file})
            assert answer.status_code == 302, answer.content[:2000]
        other = {"kind": "other", "title": "Bias audit", "file": SimpleUploadedFile("audit.txt", b"fair")}
        assert client.post(path, other).status_code == 302
        page = self.read(scene.people.marta, "/models/credit-risk-pd/versions/2/")
        page.has("document.validation_report", "revision 1", "document.bias_audit")
        old = self.get(scene.people.marta, "/models/credit-risk-pd/versions/2/evidence/document.validation_report/1")
        assert old.bytes == b"first"
        assert scene.request.decisions.get(person=scene.people.marta).lapsed_at is not None
        assert client.post(path, {"kind": "other", "file": SimpleUploadedFile("x", b"x")}).status_code == 400
        self.read(scene.people.marta, path, 403)

    def test_a_file_is_sent_as_a_download_and_recorded(self) -> None:
        answer = self.get(self.scene.people.marta, "/models/credit-risk-pd/versions/2/files/folder/notes.txt")
        assert answer.bytes == b"nothing to see"
        assert answer["Content-Disposition"] == 'attachment; filename="notes.txt"'
        assert answer["Content-Type"] == "application/octet-stream"
        assert "sandbox" in answer["Content-Security-Policy"]
        event = Event.objects.filter(action="artifact.downloaded").get()
        assert event.actor_id == self.scene.people.marta.uid
        assert event.body["data"]["sha256"] == scenes.sha256(b"nothing to see")

    def test_a_file_that_is_not_there_or_not_for_this_reader_is_not_found(self) -> None:
        before = Event.objects.filter(action="artifact.downloaded").count()
        for path in ("nothing.txt", "../../etc/passwd", "folder"):
            self.read(self.scene.people.marta, f"/models/credit-risk-pd/versions/2/files/{path}", 404)
        self.read(self.scene.people.eve, "/models/credit-risk-pd/versions/2/files/model.json", 404)
        assert Event.objects.filter(action="artifact.downloaded").count() == before

    def test_a_version_still_being_uploaded_says_so(self) -> None:
        declare_version(
            actor=access.actor_for(self.scene.people.priya),
            model=self.scene.model,
            spec=VersionSpec(artifacts=[ArtifactSpec("big.bin", "0" * 64, 5)]),
        )
        page = self.read(self.scene.people.priya, "/models/credit-risk-pd/versions/3/")
        page.has("Not registered yet.", "not uploaded yet")
        page.has_not("Request promotion")

    def test_a_parent_of_a_model_one_may_not_see_is_counted_and_not_named(self) -> None:
        secret = factories.model(self.scene.people.chen, "secret-model", risk_tier=1)
        parent = factories.version(secret, self.scene.people.chen)
        factories.grant(Role.VIEWER, to=self.scene.people.eve, on=self.scene.model)
        factories.grant(Role.DEVELOPER, to=self.scene.people.chen, on=self.scene.model)
        scenes.version(self.scene.model, self.scene.people.chen, auc=0.9, parents=[parent])
        page = self.read(self.scene.people.eve, "/models/credit-risk-pd/versions/3/")
        page.has("1 more version of models you may not see.")
        page.has_not("secret-model")
        self.read(self.scene.people.chen, "/models/credit-risk-pd/versions/3/").has("secret-model v1")


class TestCompare(PageTest):
    """Two versions side by side."""

    def test_what_differs_kind_by_kind(self) -> None:
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/compare/v1..v2/")
        page.has("auc", "+0.013", "depth", "Model card", "Revision for version", "commit", "model.json")
        page.has("The same in both: signature, data, dependencies.")
        page.has("[removed: 1 ]", "[added: 2 ]", "added", "v1")
        assert page.html.count("<del>") == page.html.count("<ins>") == 4
        page.has_not("eta")
        self.read(self.scene.people.marta, "/models/credit-risk-pd/compare/v1..v2/?all=1").has("eta")
        self.read(self.scene.people.marta, "/models/credit-risk-pd/compare/v2..v2/").has("Nothing differs")

    def test_a_request_sums_up_what_changed_and_leads_there(self) -> None:
        page = self.read(self.scene.people.marta, f"/promotions/{self.scene.request.pk}/")
        page.has("Changes v1 → v2", "Parameters 1", "Artifacts 1", "Everything that differs")
        assert 'href="/models/credit-risk-pd/compare/v1..v2/"' in page.html

    def test_what_breaks_callers_is_named_and_nothing_sent_in_is_markup(self) -> None:
        hostile = "<img src=x onerror=alert(1)>"
        inputs = [{"name": hostile, "type": "string"}]
        made = factories.version(
            self.scene.model,
            self.scene.people.priya,
            {f"{hostile[1:5]}.bin": b"1"},
            card=f"---\n{hostile!r}: 1\n---\n## {hostile}\n\n{hostile}\n",
            parameters={hostile: hostile},
            signature={"inputs": inputs, hostile: 1},
            environment_lock=f"numpy==2.0\n{hostile} and more\n",
            metrics=[MetricSpec(hostile, 1.0)],
            datasets=[DatasetSpec(role="training", name=hostile, reference=hostile)],
            source=hostile,
        )
        for path in (f"v2..v{made.number}", f"v{made.number}..v2", f"v1..v{made.number}"):
            for every in ("", "?all=1"):
                page = self.read(self.scene.people.marta, f"/models/credit-risk-pd/compare/{path}/{every}")
                assert "<img" not in page.html
        page.has("breaking", "New required input", "changes break callers")

    def test_two_ticked_versions_lead_there_older_first(self) -> None:
        marta = self.scene.people.marta
        answer = self.get(marta, "/models/credit-risk-pd/compare/?v=2&v=1")
        assert answer["Location"] == "/models/credit-risk-pd/compare/v1..v2/"
        self.read(marta, "/models/credit-risk-pd/compare/?v=2", 404).has("Choose two versions")
        self.read(marta, "/models/credit-risk-pd/compare/v1..v9/", 404)


class TestAsking(PageTest):
    """The form that asks for a promotion."""

    def test_only_lawful_moves_are_offered_and_the_reason_is_asked_for(self) -> None:
        priya = self.scene.people.priya
        made = scenes.version(self.scene.model, priya, auc=0.9)
        path = f"/models/credit-risk-pd/versions/{made.number}/promote/"
        page = self.read(priya, path)
        page.has("Staging, decided by policy", "Archived, at once", "the alias @champion, decided by policy")
        page.has_not("Production, decided by policy")
        client = self.as_(priya)
        assert client.post(path, {"target": "stage:production", "reason": "now"}).status_code == 400
        assert client.post(path, {"target": "stage:staging", "reason": " "}).status_code == 400
        answer = client.post(path, {"target": "stage:staging", "reason": "The first candidate."})
        assert answer["Location"].startswith("/promotions/")
        self.read(priya, answer["Location"]).has("The first candidate.", "Queued")

    def test_a_second_request_for_the_same_is_led_to_the_first(self) -> None:
        path = "/models/credit-risk-pd/versions/2/promote/"
        answer = self.as_(self.scene.people.priya).post(path, {"target": "stage:production", "reason": "again"})
        assert answer.status_code == 409
        page = Page(answer)
        page.has(f"#{self.scene.request.pk} already requests this.")
        assert page.fields["reason"] == "again"
