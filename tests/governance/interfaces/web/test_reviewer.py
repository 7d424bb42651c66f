"""What a reviewer needs before deciding.

Direction of metrics, disagreeing values, other requests, rejections, evidence, the policy, and few Tab stops.
"""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from audit import clock
from governance import promotions, selectors
from governance.interfaces.web import previews
from governance.models import CheckRun
from governance.selectors.paths import ACCEPTS_DECLARED
from governance.services import evidence, policies, setup
from registry import access
from registry.services import models
from registry.services.versions import MetricSpec
from tests.checking import run_due_checks
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import PageTest

OPEN_POLICY = """
slug: open-archive
title: Out of Production, for the scene
applies_to: {from: [production], stages: [archived]}
priority: 1
requires_assessed_tier: false
"""
TABLE = b"label,score\n" + b"".join(b"%d,0.%d%04d\n" % (n % 2, 1 + 7 * (n % 2), n) for n in range(400))


class TestWhatAReviewerSees(PageTest):
    """On the page of a request."""

    def path(self) -> str:
        return f"/promotions/{self.scene.request.pk}/"

    def test_a_slice_is_judged_by_the_direction_of_its_metric(self) -> None:
        priya = access.actor_for(self.scene.people.priya)
        for version, value in ((self.scene.champion, 0.84), (self.scene.challenger, 0.8284)):
            evidence.attach_metrics(
                actor=priya,
                version=version,
                metrics=[MetricSpec("auc", value, slice="thin file"), MetricSpec("x", value)],
            )
        rows = selectors.request_page(access.actor_for(self.scene.people.marta), self.scene.request.pk).metrics
        found = {(row.name, row.slice): row.improved for row in rows}
        assert found["auc", "thin file"] is False
        assert found["auc", ""] is True
        assert found["ece", ""] is False, "known by its name"
        assert found["x", ""] is None, "nothing tells"
        self.read(self.scene.people.marta, self.path()).has("worse −0.0116")

    def test_a_declared_value_that_the_rows_contradict_is_in_plain_sight(self) -> None:
        evidence.attach_evidence(
            actor=access.actor_for(self.scene.people.priya),
            version=self.scene.challenger,
            kind="evaluation.table",
            filename="scores.csv",
            stream=io.BytesIO(TABLE),
        )
        run_due_checks()
        run = CheckRun.objects.filter(request=self.scene.request, check_slug="performance.threshold").latest("pk")
        assert run.conclusion == "success", run.summary
        page = self.read(self.scene.people.marta, self.path())
        page.has(
            "Declared and measured values disagree.", "auc : declared as 0.874, but the rows", "passed with warnings"
        )
        assert 'title="Passed, with warnings"' in page.html
        assert any(
            tag == "details" and a.get("id") == "found-performance.threshold" and "open" in a for tag, a in page.tags
        )
        shown = selectors.request_page(access.actor_for(self.scene.people.marta), self.scene.request.pk)
        assert [(row.name, row.value, row.measured) for row in shown.disagreements] == [("auc", 0.874, 1.0)]
        version = self.read(self.scene.people.marta, f"/models/{self.scene.model.slug}/versions/2/")
        version.has("Declared and measured values disagree.")

    def test_evidence_is_linked_and_shown_as_a_table(self) -> None:
        added = evidence.attach_evidence(
            actor=access.actor_for(self.scene.people.priya),
            version=self.scene.challenger,
            kind="document.bias_audit",
            filename="groups.csv",
            stream=io.BytesIO(b"group;rate\n<b>a</b>;0,4\n"),
        )
        address = f"/models/{self.scene.model.slug}/versions/2/evidence/{added.kind}/1/"
        page = self.read(self.scene.people.marta, self.path())
        assert any(a.get("href") == address for _, a in page.tags)
        shown = self.read(self.scene.people.marta, address)
        shown.has("group", "<b>a</b>", "0,4", "the whole file")
        assert ("b", {}) not in [(tag, a) for tag, a in shown.tags if tag == "b" and a]
        self.read(self.scene.people.eve, address, 404)
        self.read(self.scene.people.marta, address.replace("/1/", "/2/"), 404)

    def test_an_image_is_shown_and_anything_else_is_only_sent_as_a_file(self) -> None:
        png = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
        for kind, content, image in (
            ("document.drift_plot", png, True), ("document.other_plot", b"<svg onload=alert(1)>", False),
        ):  # fmt: skip
            evidence.attach_evidence(
                actor=access.actor_for(self.scene.people.priya),
                version=self.scene.challenger,
                kind=kind,
                filename="plot.png",
                stream=io.BytesIO(content),
            )
            address = f"/models/{self.scene.model.slug}/versions/2/evidence/{kind}/1"
            page = self.read(self.scene.people.marta, f"{address}/")
            sources = [a.get("src") for tag, a in page.tags if tag == "img"]
            assert (f"{address}?image=1" in sources) is image
            answer = self.get(self.scene.people.marta, f"{address}?image=1")
            assert answer.bytes == content
            assert answer["Content-Type"] == ("image/png" if image else "application/octet-stream")
            assert answer["Content-Disposition"].startswith("inline" if image else "attachment")
            assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert answer["X-Content-Type-Options"] == "nosniff"

    def test_other_requests_and_earlier_rejections_are_named(self) -> None:
        people = self.scene.people
        self.scene.decide(people.aiko, "reject", "The thin-file segment is not explained.")
        rival = scenes.version(self.scene.model, people.priya, auc=0.9)
        scenes.promoted(rival, people.priya, "staging")
        first = promotions.request(
            actor=access.actor_for(people.priya), version=rival, target_stage="production", reason="the rival"
        )
        again = promotions.request(
            actor=access.actor_for(people.priya),
            version=self.scene.challenger,
            target_stage="production",
            reason="explained now",
        )
        related = selectors.request_page(access.actor_for(people.marta), again.pk).related
        assert [other.pk for other in related.competing] == [first.pk]
        assert [rejection.request.pk for rejection in related.rejections] == [self.scene.request.pk]
        page = self.read(people.marta, f"/promotions/{again.pk}/")
        page.has(
            "Other open requests of this model.",
            f"#{first.pk}",
            "the same place",
            "Rejected before:",
            "The thin-file segment is not explained.",
        )
        closed = selectors.request_page(access.actor_for(people.marta), self.scene.request.pk).related
        assert not closed.competing
        assert not closed.rejections

    def test_an_overdue_review_and_another_version_in_the_target_are_named(self) -> None:
        chen = access.actor_for(self.scene.people.chen)
        self.scene.model.refresh_from_db()
        models.update_model(
            actor=chen,
            model=self.scene.model,
            expected_revision=self.scene.model.revision,
            next_review=clock.now().date() + timedelta(days=1),
        )
        self.read(self.scene.people.marta, self.path()).has_not("is overdue since")
        with clock.freeze(clock.now() + timedelta(days=3)):
            self.read(self.scene.people.marta, self.path()).has(
                "The periodic review of credit-risk-pd is overdue since"
            )

    def test_who_can_see_a_request_can_read_its_policy(self) -> None:
        page = self.read(self.scene.people.marta, self.path())
        address = "/policies/scene-production/?revision=1"
        assert any(a.get("href") == address for _, a in page.tags)
        for person in (self.scene.people.marta, self.scene.people.priya, self.scene.people.eve):
            read = self.read(person, address)
            read.has(
                "A version enters Production.",
                "The alias @champion is pointed at a version.",
                "Performance thresholds (performance.threshold) must pass. Limits: auc >= 0.84.",
                "2 different people of risk-team must approve.",
                "slug: scene-production",
                "in force",
            )
        self.read(self.scene.people.marta, "/policies/").has("Into Production, for the scene", "Development → Staging")
        for missing in ("/policies/none/", "/policies/scene-production/?revision=9"):
            self.read(self.scene.people.marta, missing, 404)

    def test_the_page_of_a_policy_names_what_it_leaves_open_and_who_put_it_in_force(self) -> None:
        policies.publish(actor=setup.INSTALLER, source=OPEN_POLICY, reason="the scene of a test")
        self.read(self.scene.people.marta, "/policies/open-archive/").has(
            ACCEPTS_DECLARED,
            "It lets a version leave Production without a check or an approval.",
            "Put in force at the set-up, without a second officer.",
        )

    def test_links_on_the_page_are_in_the_order_of_its_parts(self) -> None:
        page = self.read(self.scene.people.marta, self.path())
        ids = [str(a["id"]) for _, a in page.tags if a.get("id")]
        links = [str(a["href"])[1:] for _, a in page.tags if str(a.get("id", "")).startswith("tab-")]
        assert links == sorted(links, key=ids.index)
        assert {"why", "metrics", "changes", "gate-panel", "decide", "timeline"} <= set(links)


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"a,b\n1,2\n", "t.csv", previews.Preview(("a", "b"), (("1", "2"),))),
        (b"sep=;\r\na;b\r\n1;2\r\n", "t.csv", previews.Preview(("a", "b"), (("1", "2"),))),
        ("a\tä\n1\n".encode("utf-16"), "t.tsv", previews.Preview(("a", "ä"), (("1", ""),))),
        (b'{"b": 1}', "t.json", previews.Preview(text='{\n  "b": 1\n}')),
        (b"{no json", "t.json", previews.Preview(text="{no json")),
        (b"[" * 5000, "t.json", previews.Preview(text="[" * 5000)),
        ("grün".encode("cp1252"), "t.md", previews.Preview(text="grün")),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "t.png", previews.Preview(image="image/png")),
        (b"\xff\xd8\xff\xe0\x00", "t.csv", previews.Preview(image="image/jpeg")),
        (b"<svg><script>1</script></svg>", "t.svg", previews.Preview(text="<svg><script>1</script></svg>")),
        (b'{"cells": 3}', "t.ipynb", previews.Preview(text='{"cells": 3}')),
        (
            (
                b'{"cells": [{"cell_type": "code", "source": ["a = 1\\n", "a"], "outputs": [{"data": '
                b'{"text/plain": "1", "text/html": "<script>1</script>"}}, '
                b'{"output_type": "error", "ename": "E", "evalue": "v"}, '
                b'{"data": {"image/png": "x"}}, {"text": ["out"]}, 7]}, {"cell_type": "markdown", "source": "# T"}, 3]}'
            ),
            "t.ipynb",
            previews.Preview(
                cells=(
                    previews.NotebookCell("Code", "a = 1\na", "1\nE: v\n[image/png, not shown]\nout"),
                    previews.NotebookCell("Text", "# T", ""),
                )
            ),
        ),
        (b"\xff\x00\x01", "t.csv", previews.Preview()),
        (b"", "t.txt", previews.Preview()),
        (b'"open', "t.csv", previews.Preview(text='"open')),
    ],
)
def test_a_preview_shows_text_and_tables_and_nothing_else(head: bytes, name: str, expected: previews.Preview) -> None:
    assert previews.preview(head, name, complete=True) == expected


def test_a_preview_of_a_long_file_is_cut_at_a_line() -> None:
    head = ("ä,b\n" * 100_000).encode()[: previews.HEAD - 3]
    found = previews.preview(head, "t.csv", complete=False)
    assert found.cut
    assert len(found.rows) == previews.MOST_ROWS
    assert previews.preview("ä".encode()[:1], "t.txt", complete=False).text == ""
