"""Submitted text is kept: outdated CSRF tokens, expired sessions, rejected forms, and reloaded form URLs."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from governance.interfaces.html import resending
from tests import factories
from tests.governance.interfaces.web.scene import Page, PageTest

OWN = {"Origin": "http://testserver"}
TEXT = "A long and careful reason, written over an hour.\nWith a second line."


class TestFormsThatWereNotTaken(PageTest):
    """Each with the way back to what was written."""

    def strict(self, username: str) -> Client:
        client = Client(enforce_csrf_checks=True)
        client.force_login(getattr(self.scene.people, username), backend="registry.access.backend.RoleBackend")
        return client

    def test_a_form_with_an_old_token_is_sent_again_from_the_page_that_refuses_it(self) -> None:
        client = self.strict("priya")
        path = f"/promotions/{self.scene.request.pk}/withdraw/"
        answer = client.post(path, {"withdraw-reason": TEXT, "code": "secret words"}, headers=OWN)
        assert answer.status_code == 403
        page = Page(answer)
        page.has("This form is out of date", "What you sent")
        assert page.fields["withdraw-reason"] == TEXT
        assert "secret words" not in page.html
        assert self.scene.fresh().is_live
        again = client.post(path, {**page.fields, "withdraw-reason": TEXT}, headers=OWN)
        assert again.status_code == 302
        assert self.scene.fresh().state == "withdrawn"

    def test_a_decision_is_signed_on_its_own_page_only_and_finds_its_text_there(self) -> None:
        client = self.strict("marta")
        path = f"/promotions/{self.scene.request.pk}/"
        sent = {"outcome": "reject", "comment": TEXT, "password": "secret words"}
        page = Page(client.post(f"{path}decision/", sent, headers=OWN))
        page.has("Open the page again")
        assert "secret words" not in page.html
        assert not [a for tag, a in page.tags if tag == "form" and a.get("action") == f"{path}decision/"]
        again = Page(client.get(path))
        assert (again.fields["outcome"], again.fields["comment"]) == ("reject", TEXT)

    def test_a_form_that_another_site_sent_is_not_offered_again(self) -> None:
        path = f"/promotions/{self.scene.request.pk}/withdraw/"
        for headers in ({"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {}):
            answer = self.strict("priya").post(path, {"withdraw-reason": TEXT}, headers=headers)
            assert answer.status_code == 403
            page = Page(answer)
            page.has("Reload the page")
            assert "withdraw-reason" not in page.fields, headers
            assert TEXT not in page.html, headers

    def test_a_file_has_to_be_chosen_again(self) -> None:
        path = f"/models/{self.scene.model.slug}/versions/2/documents/"
        sent: dict[str, Any] = {"kind": "", "title": "Bias audit", "file": SimpleUploadedFile("a.txt", b"text")}
        page = Page(self.strict("priya").post(path, sent, headers=OWN))
        page.has("choose the file again", "Bias audit")
        form = next(a for tag, a in page.tags if tag == "form" and a.get("action") == path)
        assert form["enctype"] == "multipart/form-data"

    def test_what_was_sent_after_the_session_ended_is_sent_again_after_signing_in(self) -> None:
        client = Client()
        path = f"/models/{self.scene.model.slug}/archive/"
        asked = client.post(path, {"reason": TEXT, "to": "archived"})
        assert asked.status_code == 401
        Page(asked).has("Your session ended while you were writing", "Nothing was changed.")
        signed_in = client.post("/sign-in/", {**Page(asked).fields, "username": "chen", "password": factories.PASSWORD})
        page = Page(client.get(signed_in["Location"]))
        page.has("Send it again")
        assert page.fields["reason"] == TEXT
        assert next(a for tag, a in page.tags if a.get("action") == path)["method"] == "post"
        assert Page(client.get(signed_in["Location"])).fields["reason"] == TEXT, "a reload loses nothing"
        elsewhere = client.get("/sign-in/send-again/?to=/models/new/")
        assert elsewhere.status_code == 302

    def test_a_refused_form_shows_what_was_written_and_the_way_back(self) -> None:
        path = f"/promotions/{self.scene.request.pk}/withdraw/"
        answer = self.as_(self.scene.people.marta).post(path, {"withdraw-reason": TEXT}, headers=OWN)
        assert answer.status_code == 403
        page = Page(answer)
        page.has("What you wrote", "Nothing was changed.", "Back to the page")
        assert TEXT in page.html
        assert any(a.get("href") == f"/promotions/{self.scene.request.pk}/" for _, a in page.tags)

    def test_the_address_of_a_form_leads_to_its_page(self) -> None:
        slug, number = self.scene.model.slug, self.scene.request.pk
        client = self.as_(self.scene.people.marta)
        for path, target in (
            (f"/promotions/{number}/decision/", f"/promotions/{number}/"),
            (f"/promotions/{number}/withdraw/", f"/promotions/{number}/"),
            (f"/models/{slug}/aliases/champion/remove/", f"/models/{slug}/"),
            (f"/models/{slug}/access/give/", f"/models/{slug}/access/"),
            ("/access-requests/1/deny/", "/access-requests/1/"),
            ("/changes/1/confirm/", "/changes/1/"),
            ("/profile/password/", "/profile/"),
            ("/search/views/1/", "/search/views/"),
            ("/sign-out/", "/"),
        ):
            assert client.get(path)["Location"] == target, path

    def test_a_method_that_no_page_takes_is_answered_with_a_page(self) -> None:
        answer = self.as_(self.scene.people.marta).post("/models/")
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, HEAD"
        Page(answer).has("This URL supports GET and HEAD.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"path": "/nowhere/", "fields": [], "files": [], "signs": false}',
        '{"path": "https://elsewhere.example/", "fields": [["a", "b"]], "files": [], "signs": false}',
        '{"path": "/models/", "fields": [["a", "b"]], "files": [], "signs": false}',
        "[" * 10_000,
    ],
)
def test_what_is_no_kept_form_is_not_read(text: str) -> None:
    assert resending.read(text) is None


def test_secrets_and_more_than_the_limit_are_not_kept(rf: Any) -> None:
    sent = {"comment": "kept", "Password": "x", "csrfmiddlewaretoken": "x", "code": "x", "huge": "x" * 500_000}
    kept = resending.sent_with(rf.post("/sign-in/", sent))
    assert [field.name for field in kept.fields] == ["comment"]
