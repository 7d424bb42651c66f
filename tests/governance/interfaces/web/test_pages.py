"""Every page: access by role, and common properties."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLPattern

from governance.interfaces.web import urls
from registry.models import User
from tests.governance.interfaces.web.scene import Page, PageTest

OPEN = {"sign-in", "sign-in-link", "theme"}
"""Answered without a session."""


class TestEveryPage(PageTest):
    """One table: page, role, answer."""

    def addresses(self) -> dict[str, str]:
        """Every page that can be read, by its name."""
        scene, slug = self.scene, self.scene.model.slug
        event = scene.request.decisions.model.objects.first()
        assert event is not None
        return {
            "reviews": "/reviews/",
            "promotions": "/promotions/?state=any",
            "promotion": f"/promotions/{scene.request.pk}/",
            "packet": f"/promotions/{scene.request.pk}/packet/{scene.request.packet_digest}/",
            "models": "/models/",
            "search-help": "/search/help/",
            "saved-views": "/search/views/",
            "register-model": "/models/new/",
            "model": f"/models/{slug}/",
            "edit-model": f"/models/{slug}/edit/",
            "compare": f"/models/{slug}/compare/v1..v2/",
            "version": f"/models/{slug}/versions/2/",
            "request-promotion": f"/models/{slug}/versions/2/promote/",
            "artifact": f"/models/{slug}/versions/2/files/folder/notes.txt",
            "audit": f"/audit/?model={slug}",
            "whole log": "/audit/",
            "event": f"/audit/{event.event}/",
            "profile": "/profile/",
            "tokens": "/profile/tokens/",
        }

    def test_who_gets_which_answer(self) -> None:
        p = self.scene.people
        own = dict.fromkeys(["reviews", "promotions", "models", "search-help", "saved-views", "profile", "tokens"], 200)
        see = dict.fromkeys(["promotion", "packet", "model", "compare", "version", "artifact", "audit", "event"], 200)
        hidden = dict.fromkeys(see, 404)
        forms = ("register-model", "edit-model", "request-promotion", "whole log")
        expected = {
            person: {**own, **pages, **dict(zip(forms, answers, strict=True))}
            for person, pages, answers in (
                (p.priya, see, (200, 200, 200, 403)),
                (p.chen, see, (200, 200, 200, 403)),
                (p.marta, see, (200, 403, 403, 403)),
                (p.ingrid, see, (403, 403, 403, 200)),
                (p.henrik, see, (200, 200, 403, 200)),  # an officer says who answers for a model
                (p.ada, see, (200, 200, 403, 403)),
                (p.eve, hidden, (200, 404, 404, 403)),
            )
        }
        got = {
            person: {name: self.get(person, path).status_code for name, path in self.addresses().items()}
            for person in expected
        }
        assert {u.username: s for u, s in got.items()} == {u.username: s for u, s in expected.items()}

    def test_a_request_without_session_is_sent_to_sign_in_and_back(self) -> None:
        for path in self.addresses().values():
            answer = Client().get(path)
            assert answer.status_code == 302, path
            assert answer["Location"].startswith("/sign-in/?next="), path

    def test_no_parameter_of_an_address_with_a_nul_is_an_error(self) -> None:
        sources = "".join(path.read_text() for path in Path(urls.__file__).parent.glob("*.py"))
        names = sorted(set(re.findall(r"""GET\.get(?:list)?\(["']([a-z_]+)["']""", sources)))
        assert {"q", "team", "owner"} <= set(names)
        query = urlencode(dict.fromkeys(names, "a\x00b"))
        for path in [*self.addresses().values(), "/reviews/calendar/", "/datasets/", "/stages/", "/changes/"]:
            assert self.get(self.scene.people.marta, f"{path}?{query}").status_code < 500, path

    def test_no_page_holds_a_style_or_a_script_of_its_own(self) -> None:
        for person in (self.scene.people.marta, self.scene.people.chen):
            for path in [*self.addresses().values(), "/models/none/", "/models/?q=nothing-like-it", "/sign-in/"]:
                answer = self.get(person, path)
                if "text/html" not in answer.get("Content-Type", "") or answer.status_code == 302:
                    continue
                for tag, attributes in Page(answer).tags:
                    assert tag != "style", path
                    assert "style" not in attributes, (path, tag)
                    assert not [name for name in attributes if name.startswith("on")], (path, tag)
                    assert tag != "script" or (attributes.get("src") or "").startswith("/static/"), path
                    assert not str(attributes.get("href") or "").startswith("javascript:"), path

    def test_every_answer_is_fenced_and_kept_nowhere(self) -> None:
        for path in self.addresses().values():
            answer = self.get(self.scene.people.marta, path)
            policy = answer["Content-Security-Policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert "no-store" in answer["Cache-Control"], path
            assert answer["X-Content-Type-Options"] == "nosniff", path
            assert answer["X-Request-Id"].startswith("req_"), path

    def test_every_page_has_one_heading_a_title_a_way_past_the_menu_and_named_parts(self) -> None:
        titles = set()
        for path in self.addresses().values():
            answer = self.get(self.scene.people.chen, path)
            if "text/html" not in answer["Content-Type"]:
                continue
            page = Page(answer)
            assert [tag for tag, _ in page.tags].count("h1") == 1, path
            assert [tag for tag, _ in page.tags].count("main") == 1, path
            assert ("a", {"class": "skip", "href": "#main"}) in page.tags, path
            ids = [str(attributes["id"]) for _, attributes in page.tags if attributes.get("id")]
            assert len(ids) == len(set(ids)), (path, sorted(i for i in ids if ids.count(i) > 1))
            for tag, attributes in page.tags:
                for name in ("aria-labelledby", "aria-describedby", "for"):
                    for target in (attributes.get(name) or "").split():
                        assert target in ids, (path, tag, name, target)
            found = re.search(r"<title>(.+?)</title>", page.html)
            assert found is not None, path
            titles.add(found[1])
        assert len(titles) >= len(self.addresses()) - 2

    def test_a_superuser_sees_and_is_shown_that_superusers_decide_nothing(self) -> None:
        page = self.read(self.scene.people.ada, f"/promotions/{self.scene.request.pk}/")
        page.has("you are a superuser, who administers and decides nothing (SoD-4)")
        assert "password" not in page.fields


def test_every_address_goes_through_the_one_entry_point() -> None:
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name not in OPEN:
            assert getattr(pattern.callback, "is_page", False), pattern.name


@pytest.mark.parametrize("given", ["abc", "x" * 65, "with space", "line\nbreak", "<script>"])
def test_a_request_id_from_outside_is_taken_over_only_in_a_safe_form(client: Client, db: None, given: str) -> None:
    assert client.get("/sign-in/", headers={"X-Request-Id": given})["X-Request-Id"].startswith("req_")
    assert client.get("/sign-in/", headers={"X-Request-Id": "trace-0123456789"})["X-Request-Id"] == "trace-0123456789"


def test_an_unknown_address_is_a_page_that_says_so(client: Client, db: None) -> None:
    answer = client.get("/no/such/place/")
    assert answer.status_code == 404
    Page(answer).has("Page not found", "/no/such/place/")


def test_a_fault_is_a_page_with_the_request_s_id_and_what_became_of_the_input(
    client: Client, marta: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the secret inside of the fault")

    monkeypatch.setattr("governance.interfaces.web.reviews.selectors.my_queue", fail)
    monkeypatch.setattr("governance.interfaces.web.models.service.register_model", fail)
    client.force_login(marta, backend="registry.access.backend.RoleBackend")
    client.raise_request_exception = False
    read = client.get("/reviews/")
    assert read.status_code == 500
    Page(read).has("Internal error", "Nothing was changed.", read["X-Request-Id"])
    Page(read).has_not("secret")
    written = client.post("/models/new/", {"slug": "new-model"})
    assert written.status_code == 500
    Page(written).has("It is not known whether the change was saved: check the audit log")
