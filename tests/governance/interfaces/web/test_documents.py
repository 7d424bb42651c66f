"""The model card page and the technical document: current, frozen, and as PDF."""

from __future__ import annotations

import hashlib
import json
import re

from audit import clock
from governance.documents import pdf_files
from governance.models import FrozenDocument, PdfFile
from governance.services import evidence
from registry import access
from registry.models import ModelVersion
from registry.services import models
from registry.services.versions import DatasetSpec, MetricSpec
from tests import factories
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import PageTest
from tests.page_queries import count_page_queries

CHAMPION = "/models/credit-risk-pd/versions/1"
HOSTILE = "<img src=x onerror=alert(1)>[a](javascript:alert(1))"


class TestCard(PageTest):
    """The page of a model card."""

    def test_it_says_what_is_missing_as_the_check_judges(self) -> None:
        page = self.read(self.scene.people.marta, f"{CHAMPION}/card/")
        page.has("Model card of credit-risk-pd v1", "Intended use", "4 of 8 required parts are there")
        page.has("The card has no section “training data”", "presence, not adequacy")

    def test_a_section_says_since_which_version_it_reads_so(self) -> None:
        page = self.read(self.scene.people.marta, "/models/credit-risk-pd/versions/2/card/")
        page.has("unchanged since v1", "changed in v2")

    def test_earlier_revisions_are_reachable(self) -> None:
        people = self.scene.people
        evidence.attach_card(actor=access.actor_for(people.priya), version=self.scene.champion, text="# Another card")
        self.read(people.marta, f"{CHAMPION}/card/").has("Another card", "Revision 1")
        self.read(people.marta, f"{CHAMPION}/card/?revision=1").has("This is revision 1 of 2", "Intended use")
        self.read(people.marta, f"{CHAMPION}/card/?revision=9", 404)

    def test_a_version_without_a_card_says_how_to_add_one(self) -> None:
        made = factories.version(self.scene.model, self.scene.people.priya)
        page = self.read(self.scene.people.marta, f"/models/credit-risk-pd/versions/{made.number}/card/")
        page.has("No model card yet", f"countersign attach credit-risk-pd {made.number} --card CARD.md")
        self.read(self.scene.people.marta, f"/models/credit-risk-pd/versions/{made.number}/card.pdf", 404)

    def test_it_is_printed(self) -> None:
        answer = self.get(self.scene.people.marta, f"{CHAMPION}/card.pdf")
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Content-Disposition"] == 'attachment; filename="credit-risk-pd-v1-card.pdf"'
        assert answer.content.startswith(b"%PDF-")

    def test_a_card_of_very_many_blocks_is_shown_as_it_was_written(self) -> None:
        people = self.scene.people
        for block in ("# a\n", "- a\n"):
            made = factories.version(self.scene.model, people.priya, {"m.json": b"1"}, card=block * 50_000)
            base = f"/models/credit-risk-pd/versions/{made.number}"
            page = self.read(people.marta, f"{base}/card/")
            assert page.html.count(f"<pre>{block * 100}") == 1
            assert f"<pre>{block * 100}" in self.read(people.marta, f"{base}/").html


class TestDocument(PageTest):
    """The page of a technical document."""

    def test_as_of_now_it_says_what_is_known_and_what_is_missing(self) -> None:
        page = self.read(self.scene.people.marta, f"{CHAMPION}/document/")
        page.has("In the structure of Annex IV", "What is missing", "Name of the provider", "section “Provider”")
        page.has("1(a)", "2(g)", "Declaration of conformity".lower()[:11], "Marta Kovač", "Aiko Tanaka", "auc")
        assert "compliant" not in page.text.casefold()

    def test_as_frozen_it_proves_its_bytes_and_says_what_changed_since(self) -> None:
        people = self.scene.people
        frozen = FrozenDocument.objects.filter(version=self.scene.champion).order_by("-pk").first()
        assert frozen is not None
        where = f"{CHAMPION}/document/?frozen={frozen.request_id}"
        page = self.read(people.marta, where)
        page.has(f"Frozen on promotion #{frozen.request_id}", f"sha256:{frozen.digest}")
        models.update_model(
            actor=access.actor_for(people.chen),
            model=self.scene.model,
            intended_use="Rank applications and decline none.",
        )
        page = self.read(people.marta, where)
        page.has(f"What changed since promotion #{frozen.request_id}", "and decline none")
        text = re.sub(r"\s+", " ", page.html)
        assert "Rank applications." in text
        self.read(people.marta, f"{CHAMPION}/document/").has("As of now", f"Frozen on #{frozen.request_id}")
        self.read(people.marta, f"{CHAMPION}/document/?frozen=99999", 404)
        self.read(people.marta, f"{CHAMPION}/document/?frozen=x", 404)

    def test_the_bytes_hash_to_the_digest(self) -> None:
        frozen = FrozenDocument.objects.filter(version=self.scene.champion).order_by("-pk").first()
        assert frozen is not None
        answer = self.get(self.scene.people.marta, f"{CHAMPION}/document.json?frozen={frozen.request_id}")
        assert hashlib.sha256(answer.content).hexdigest() == frozen.digest
        assert json.loads(answer.content)["form"] == "countersign.document/1"
        assert "attachment" in answer["Content-Disposition"]

    def test_it_is_printed(self) -> None:
        frozen = FrozenDocument.objects.filter(version=self.scene.champion).order_by("-pk").first()
        assert frozen is not None
        for query in ("", f"?frozen={frozen.request_id}"):
            answer = self.get(self.scene.people.marta, f"{CHAMPION}/document.pdf{query}")
            assert answer["Content-Type"] == "application/pdf"
            assert answer.content.startswith(b"%PDF-")

    def test_nothing_sent_in_is_markup(self) -> None:
        people = self.scene.people
        models.update_model(
            actor=access.actor_for(people.chen),
            model=self.scene.model,
            intended_use=HOSTILE,
            prohibited_use=HOSTILE,
            title=HOSTILE,
            purpose=HOSTILE,
        )
        headings = ("Limitations", "Hardware", "Security", "Training data", HOSTILE)
        made = factories.version(
            self.scene.model,
            people.priya,
            {"img.bin": b"1"},
            card=f"---\nstandards: ['{HOSTILE}']\nother: '{HOSTILE}'\n---\n"
            + "\n".join(f"## {heading}\n\n{HOSTILE}\n" for heading in headings),
            parameters={HOSTILE: {HOSTILE: [HOSTILE]}},
            signature={"inputs": [{"name": HOSTILE, "type": HOSTILE}], "outputs": HOSTILE},
            environment_lock=f"numpy==2\n{HOSTILE}",
            metrics=[MetricSpec(HOSTILE, 1.0, HOSTILE, HOSTILE)],
            datasets=[DatasetSpec(role="training", name=HOSTILE, reference=HOSTILE, uri=HOSTILE)],
            source=HOSTILE,
            run_id=HOSTILE,
            code_repository=HOSTILE,
            licence=HOSTILE,
        )
        base = f"/models/credit-risk-pd/versions/{made.number}"
        for path in ("document/", "card/"):
            page = self.read(people.marta, f"{base}/{path}")
            assert "<img" not in page.html
            assert 'href="javascript' not in page.html
        for path in ("document.pdf", "card.pdf"):
            answer = self.get(people.marta, f"{base}/{path}")
            assert answer.status_code == 200
            assert b"/JavaScript" not in answer.content

    def test_what_it_costs_and_that_it_does_not_grow(self) -> None:
        client = self.as_(self.scene.people.marta)
        frozen = FrozenDocument.objects.filter(version=self.scene.champion).order_by("-pk").first()
        assert frozen is not None
        paths = ("card/", "document/", f"document/?frozen={frozen.request_id}", "document.json")

        def costs() -> dict[str, int]:
            return {path: count_page_queries(client, f"{CHAMPION}/{path}") for path in paths}

        before = costs()
        over = {path: n for path, n in before.items() if n > 36}
        assert not over
        people = self.scene.people
        for auc in (0.8, 0.81, 0.82):
            made = scenes.version(self.scene.model, people.priya, auc=auc)
            scenes.promoted(made, people.priya, "staging")
        assert ModelVersion.objects.filter(model=self.scene.model).count() == 5
        costs()  # the number in the navigation is computed again after an event
        after = costs()
        assert not {path: (n, after[path]) for path, n in before.items() if after[path] > n + 1}


class TestLongPaper(PageTest):
    """A PDF that takes long: the page says so, and the next request after the worker is done has the file."""

    def test_it_is_prepared_by_a_worker(self) -> None:
        people = self.scene.people
        table = "| a | b | c |\n|-|-|-|\n" + "| one | 0.5 | two |\n" * 500
        evidence.attach_card(
            actor=access.actor_for(people.priya), version=self.scene.champion, text=f"# Card\n\n{table}"
        )
        path = f"{CHAMPION}/card.pdf"
        answer = self.get(people.marta, path)
        assert (answer.status_code, answer["Retry-After"]) == (202, "2")
        assert "no-store" in answer["Cache-Control"]
        assert '<meta http-equiv="refresh" content="2">' in answer.content.decode()
        assert "script" not in answer["Content-Security-Policy"].replace("script-src 'self'", "")
        # Who may not see the version learns nothing of the file, however far it is.
        self.read(people.eve, path, 404)
        row = PdfFile.objects.get()
        assert pdf_files.draw(row.pk)
        self.read(people.eve, path, 404)
        answer = self.get(people.marta, path)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content == bytes(PdfFile.objects.get().body or b"")

    def test_a_failure_is_a_page_with_its_reason(self) -> None:
        people = self.scene.people
        table = "| a | b | c |\n|-|-|-|\n" + "| one | 0.5 | two |\n" * 500
        evidence.attach_card(
            actor=access.actor_for(people.priya), version=self.scene.champion, text=f"# Card\n\n{table}"
        )
        assert self.get(people.marta, f"{CHAMPION}/card.pdf").status_code == 202
        PdfFile.objects.update(state="failed", problem="the reason", finished_at=clock.now(), source=b"")
        self.read(people.marta, f"{CHAMPION}/card.pdf", 409).has("The PDF could not be prepared", "the reason")
