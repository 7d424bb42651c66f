"""The discussion on the pages of a request, a version and a packet, without JavaScript."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import Comment, CommentRevision, Decision, DiscussionThread
from governance.services import discussion
from registry.access import actor_for
from tests.factories import PASSWORD
from tests.fixtures.pages import Open
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import PageTest


def signed_in(person: object) -> Client:
    client = Client()
    client.force_login(person, backend="registry.access.backend.RoleBackend")  # type: ignore[arg-type]  # an account
    return client


class DiscussionPage(PageTest):
    def test_comment_reply_edit_withdraw_resolve(self) -> None:
        people, request = self.scene.people, self.scene.request
        priya, marta = signed_in(people.priya), signed_in(people.marta)
        page = reverse("web:promotion", args=[request.pk])
        text = "# Which *quarter*, @priya and @unknown-name?\n<script>alert(1)</script> <strong class='x'>no</strong>"
        sent = marta.post(reverse("web:request-comments", args=[request.pk]), {"text": text}, follow=True)
        assert [str(m) for m in sent.context["messages"]][1].startswith("No account that may see this model has the")
        posted = Comment.objects.get()
        assert sent.redirect_chain[-1][0] == f"{page}#comment-{posted.pk}"
        shown = priya.get(page).content.decode()
        assert '<strong class="mention" title="Priya' in shown
        assert "&lt;script&gt;alert(1)" in shown
        assert "@unknown-name" in shown
        assert "Not mentioned" not in shown  # told to the author only
        assert "Not mentioned" in marta.get(page).content.decode()
        assert reverse("web:edit-comment", args=[posted.pk]) not in shown
        priya.post(
            reverse("web:request-comments", args=[request.pk]), {"text": "The third.", "thread": posted.thread_id}
        )
        assert DiscussionThread.objects.count() == 1
        marta.post(reverse("web:edit-comment", args=[posted.pk]), {"text": "Which year?\r\nSay it.", "revision": "1"})
        assert CommentRevision.objects.get(comment=posted, number=2).text == "Which year?\nSay it."
        stale = marta.post(reverse("web:edit-comment", args=[posted.pk]), {"text": "Lost", "revision": "1"})
        assert stale.status_code == 409
        shown = priya.get(page).content.decode()
        assert "1 earlier text" in shown
        marta.post(reverse("web:withdraw-comment", args=[posted.pk]))
        shown = priya.get(page).content.decode()
        assert "Show the withdrawn text" in shown
        priya.post(reverse("web:resolve-thread", args=[posted.thread_id]), {"explanation": "Answered."})
        assert "Resolved by" in marta.get(page).content.decode()
        marta.post(reverse("web:reopen-thread", args=[posted.thread_id]))
        assert "Reopened by" in marta.get(page).content.decode()

    def test_a_bad_form_is_an_error_that_keeps_the_text_and_never_a_500(self) -> None:
        client = signed_in(self.scene.people.priya)
        there = reverse("web:request-comments", args=[self.scene.request.pk])
        for fields in ({}, {"text": ""}, {"text": "a\u202eb"}, {"text": "x", "thread": "x"}, {"text": "x" * 20_001}):
            assert client.post(there, fields).status_code == 400, fields
        for name in ("edit-comment", "withdraw-comment", "resolve-thread", "reopen-thread"):
            assert client.post(reverse(f"web:{name}", args=[99999])).status_code == 404
        assert client.get(there).headers["Location"] == reverse("web:promotion", args=[self.scene.request.pk])

    def test_a_version_has_a_discussion_of_its_own(self) -> None:
        client, version = signed_in(self.scene.people.priya), self.scene.challenger
        address = [version.model.slug, version.number]
        client.post(reverse("web:version-comments", args=address), {"text": "A note on the **version**."})
        assert (
            "A note on the <strong>version</strong>."
            in client.get(reverse("web:version", args=address)).content.decode()
        )
        assert (
            "A note on the" not in client.get(reverse("web:promotion", args=[self.scene.request.pk])).content.decode()
        )

    def test_the_poll_renews_the_threads_only_when_the_discussion_changed(self) -> None:
        client, request = signed_in(self.scene.people.priya), self.scene.request
        page = reverse("web:promotion", args=[request.pk])
        token = client.get(page).context["token"]
        assert client.get(page, {"seen": token}, headers={"HX-Request": "true"}).status_code == 204
        client.post(reverse("web:request-comments", args=[request.pk]), {"text": "News."})
        changed = client.get(page, {"seen": token}, headers={"HX-Request": "true"})
        assert 'id="threads" hx-swap-oob="true"' in changed.content.decode()
        token = changed.context["token"]
        assert client.get(page, {"seen": token}, headers={"HX-Request": "true"}).status_code == 204
        self.scene.decide(self.scene.people.marta)
        changed = client.get(page, {"seen": token}, headers={"HX-Request": "true"})
        assert changed.status_code == 200
        assert 'id="threads"' not in changed.content.decode()

    def test_the_packet_page_shows_the_discussion_as_it_was_at_the_decision(self) -> None:
        people, request = self.scene.people, self.scene.request
        marta = signed_in(people.marta)
        there = reverse("web:request-comments", args=[request.pk])
        marta.post(there, {"text": "Before it."})
        early = Comment.objects.get()
        decision = self.scene.decide(people.aiko)
        marta.post(reverse("web:edit-comment", args=[early.pk]), {"text": "Changed."})
        marta.post(there, {"text": "After it."})
        page = marta.get(reverse("web:packet", args=[request.pk, decision.packet_digest]))
        past = page.context["past"]
        assert [entry.comment and str(entry.comment.latest.html) for entry in past.entries] == [
            "<p>Before it.</p>\n",
            None,
        ]
        assert past.entries[0].edited_later
        assert [str(comment.latest.html) for comment in past.later] == ["<p>After it.</p>\n"]
        assert self.scene.fresh().packet_digest == decision.packet_digest

    def test_an_objection_is_ended_on_the_page_by_who_raised_it(self) -> None:
        people, request = self.scene.people, self.scene.request
        decision = self.scene.decide(people.marta, "request_changes", "Say how thin files are ranked.")
        page = reverse("web:promotion", args=[request.pk])
        there = reverse("web:end-objection", args=[request.pk, decision.pk])
        marta, aiko = signed_in(people.marta), signed_in(people.aiko)
        shown = aiko.get(page).content.decode()
        assert "Marta" in shown
        assert "resolved or withdrawn with an explanation" in shown
        assert there not in shown
        assert there in marta.get(page).content.decode()
        fields = {"kind": "withdrawn", "explanation": "It is in the card.", "password": PASSWORD}
        assert aiko.post(there, fields).status_code == 403
        wrong = marta.post(there, {**fields, "password": "wrong"})
        assert wrong.status_code == 400
        assert "That is not your password; nothing was signed." in wrong.content.decode()
        assert "\nIt is in the card.</textarea>" in wrong.content.decode()
        assert marta.post(there, fields, follow=True).status_code == 200
        assert Decision.objects.get(pk=decision.pk).lapsed_at is not None
        assert self.scene.fresh().state == "open"
        shown = aiko.get(page).content.decode()
        assert "objection withdrawn" in shown
        assert "It is in the card." in shown
        assert marta.get(page).context["page"].can_decide


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_text_that_is_being_written_stays_while_the_page_is_renewed(transactional_db: None, open_as: Open) -> None:
    from playwright.sync_api import expect

    scene = scenes.build()
    priya = actor_for(scene.people.priya)
    thread = discussion.post_comment(actor=priya, subject=scene.request, text="Is it enough?").thread
    page = open_as(scene.people.marta, f"/promotions/{scene.request.pk}/")
    page.locator(f"#reply-{thread.pk} summary").click()
    reply, new = page.locator(f"#reply-text-{thread.pk}"), page.locator("#new-comment")
    reply.fill("Half a rep")
    new.fill("Half a comment")
    reply.focus()
    discussion.post_comment(actor=priya, subject=scene.request, text="It is in the card.", thread=thread)
    expect(page.locator("#threads")).to_contain_text("It is in the card.", timeout=30_000)
    expect(reply).to_have_value("Half a rep")
    expect(reply).to_be_visible()
    expect(reply).to_be_focused()
    expect(new).to_have_value("Half a comment")
    page.keyboard.press("End")
    page.keyboard.type("ly")
    page.locator(f"#reply-{thread.pk} button").click()
    expect(page.locator("#threads")).to_contain_text("Half a reply")
    expect(page.locator(".comment:target")).to_contain_text("Half a reply")
