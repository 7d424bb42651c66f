"""The help page, the API reference, confirmation of a revocation, and compressed responses."""

from __future__ import annotations

import gzip
import re

from django.test import Client

from registry.models import AccessToken
from tests import factories
from tests.governance.interfaces.web.scene import PageTest


class TestHelp(PageTest):
    """What is behind the question mark."""

    def test_help_is_a_page_with_links_that_answer(self) -> None:
        marta = self.scene.people.marta
        page = self.read(marta, "/models/")
        assert 'href="/help/" aria-label="Help"' in page.html
        help_page = self.read(marta, "/help/")
        help_page.has("Review a promotion request", "Evidence package", "Keyboard shortcuts")
        for link in sorted(set(re.findall(r'href="(/[^"#]*)"', help_page.html.partition("<main")[2]))):
            assert self.get(marta, link.replace("&amp;", "&")).status_code in (200, 302, 403), link

    def test_the_reference_lists_every_operation_and_loads_nothing_from_elsewhere(self) -> None:
        response = Client().get("/api/v1/docs")
        assert response.status_code == 200
        html = response.content.decode()
        for path in ("/api/v1/models/{slug}", "/api/v1/promotions/{id}/events", "/api/v1/stages/{stage}/versions"):
            assert path in html
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
        assert "<code>Idempotency-Key</code>" in html
        assert "`" not in html
        targets = set(re.findall(r'href="#(document-\w+)"', html))
        assert targets <= set(re.findall(r'id="(document-\w+)"', html)), "every link to a document leads to one"
        assert Client().get("/api/v1/docs/").headers["Location"] == "/api/v1/docs"


class TestRevoking(PageTest):
    """A token is revoked after a question."""

    def test_the_list_leads_to_a_question_and_the_question_revokes(self) -> None:
        priya = self.scene.people.priya
        token, _ = factories.token(priya, ["models:read"])
        path = f"/profile/tokens/{token.uid}/revoke/"
        assert f'href="{path}"' in self.read(priya, "/profile/tokens/").html
        question = self.read(priya, path)
        question.has(f"Revoke {token.name}?", "stops working at once", "Cancel")
        assert AccessToken.objects.get(pk=token.pk).revoked_at is None
        client = self.as_(priya)
        assert client.post(path, {"reason": ""}).status_code == 302
        assert AccessToken.objects.get(pk=token.pk).revoked_at is not None
        self.read(self.scene.people.marta, path, 404)


class TestCompression(PageTest):
    """Text is compressed for those who accept it."""

    def test_pages_are_compressed(self) -> None:
        client = self.as_(self.scene.people.marta)
        plain = client.get("/models/")
        packed = client.get("/models/", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert b"<h1>Models</h1>" in gzip.decompress(packed.content)
        assert len(packed.content) < len(plain.content) / 2

    def test_what_carries_a_tag_keeps_its_strong_one(self) -> None:
        _, secret = factories.token(self.scene.people.priya, ["models:read"])
        asked = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "gzip"}
        one = Client().get("/api/v1/models/credit-risk-pd", headers=asked)
        assert one.headers["ETag"].startswith('"')
        assert "Content-Encoding" not in one.headers
        listed = Client().get("/api/v1/promotions", headers=asked)
        assert listed.headers["Content-Encoding"] == "gzip"
