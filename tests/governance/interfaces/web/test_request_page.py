"""The page of a promotion request: content, live updates, and decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from audit import clock
from governance import promotions
from governance.models import Decision, PromotionRequest
from governance.services import evidence
from registry import access
from registry.models import User
from registry.services.versions import MetricSpec
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Page, PageTest


class TestReading(PageTest):
    """What a reader finds."""

    def page(self, person: User) -> Page:
        return self.read(person, f"/promotions/{self.scene.request.pk}/")

    def test_why_what_changed_what_is_missing_and_who_can_give_it(self) -> None:
        people, number = self.scene.people, self.scene.request.pk
        page = self.page(people.chen)
        page.has(
            f"#{number}",
            scenes.WHY,
            "v2 against the champion v1",
            "≥ 0.84",
            "Not ready: 1 requirement left.",
            "2 more of risk-team must approve",
            f"for {people.aiko.name} or {people.marta.name}",
            f"{people.priya.name} cannot approve: opened this request (SoD-1).",
            "Separation of duties",
            "Waiting for",
            "2 checks passed: integrity.digest, performance.threshold",
        )
        assert any(tag == "svg" and a.get("class") == "dotplot" for tag, a in page.tags)

    def test_a_reviewer_is_first_among_those_waited_for(self) -> None:
        page = self.page(self.scene.people.marta)
        page.has("You can sign", "Your decision", "I have reviewed the evidence and approve.")
        waiting = [a for tag, a in page.tags if tag == "li" and a.get("class") == "you"]
        assert len(waiting) == 1
        assert page.fields["packet"] == self.scene.request.packet_digest

    def test_a_person_who_cannot_decide_reads_why_in_place_of_the_form(self) -> None:
        people = self.scene.people
        for person, words in (
            (people.priya, "You cannot approve your own request (SoD-1)."),
            (people.chen, "You are not an approver of this request. The policy requires approval from risk-team."),
        ):
            page = self.page(person)
            page.has(words, "Who can:")
            assert "password" not in page.fields

    def test_the_state_is_a_word_beside_its_glyph(self) -> None:
        page = self.page(self.scene.people.chen)
        assert '<span class="state s-wait"><svg' in page.html
        page.has("Open", "Tier 1", "Required")

    def test_the_frozen_packet_can_be_read_and_taken_away_byte_for_byte(self) -> None:
        digest = self.scene.request.packet_digest
        path = f"/promotions/{self.scene.request.pk}/packet/{digest}/"
        self.read(self.scene.people.marta, path).has(
            "Digest verified.", "No decision was signed on this evidence package."
        )
        answer = self.get(self.scene.people.marta, f"{path}?download=1")
        assert answer["Content-Disposition"].startswith("attachment")
        assert scenes.sha256(answer.content) == digest
        self.read(self.scene.people.marta, path.replace(digest, "0" * 64), 404)

    def test_a_closed_request_shows_who_signed_and_asks_for_nothing(self) -> None:
        first = PromotionRequest.objects.filter(state="promoted", target_stage__slug="production").first()
        assert first is not None
        page = self.read(self.scene.people.marta, f"/promotions/{first.pk}/")
        page.has("Promoted", "Nothing: it is closed.", "approved for risk-team", "Meaning:", "Evidence reviewed")
        assert "password" not in page.fields
        assert "data-live" not in page.html


class TestWaiting(PageTest):
    """Checks that nobody takes up."""

    def test_a_missing_worker_is_shown_and_not_only_waited_for(self) -> None:
        priya = self.scene.people.priya
        made = scenes.version(self.scene.model, priya, auc=0.9)
        request = promotions.request(
            actor=access.actor_for(priya), version=made, target_stage="staging", reason="the next candidate"
        )
        path = f"/promotions/{request.pk}/"
        page = self.read(priya, path)
        page.has("1 queued", "Not ready: 1 requirement left.")
        page.has_not("Checks are delayed.")
        with clock.freeze(clock.now() + timedelta(minutes=5)):
            self.read(priya, path).has("Checks are delayed.", "Checks start as soon as a worker is available")


class TestLive(PageTest):
    """The gate is polled; nothing is swapped until something changed."""

    def poll(self, person: User, seen: str) -> Any:
        path = f"/promotions/{self.scene.request.pk}/?seen={seen}"
        return self.as_(person).get(path, headers={"HX-Request": "true", "HX-Target": "gate-panel"})

    def test_nothing_new_is_no_content_and_two_queries_beyond_the_session(self) -> None:
        marta = self.scene.people.marta
        page = self.read(marta, f"/promotions/{self.scene.request.pk}/")
        gate = next(a for _, a in page.tags if a.get("id") == "gate-panel")
        token = str(gate["hx-get"]).partition("seen=")[2]
        client = self.as_(marta)
        with self.assertNumQueries(4):  # session, person, the request with its checks, its discussion
            answer = client.get(f"/promotions/{self.scene.request.pk}/?seen={token}", headers={"HX-Request": "true"})
        assert answer.status_code == 204
        assert not answer.content

    def test_a_change_swaps_the_gate_and_says_one_sentence_outside_it(self) -> None:
        marta = self.scene.people.marta
        self.scene.decide(self.scene.people.aiko)
        answer = self.poll(marta, "an-old-token")
        assert answer.status_code == 200
        assert "HX-Request" in answer["Vary"]
        part = Page(answer)
        ids = [a.get("id") for _, a in part.tags if a.get("id")]
        parts = {"request-head", "request-tabs", "gate-panel", "timeline", "waiting", "request-details", "on-record"}
        assert {*parts, "announce", "decision"} <= set(ids)
        assert "html" not in {tag for tag, _ in part.tags}
        answer = self.poll(marta, "an-old-token&deciding=1")
        part = Page(answer)
        ids = [a.get("id") for _, a in part.tags if a.get("id")]
        assert {*parts, "announce", "packet-note", "approve-choice"} <= set(ids)
        assert "decision" not in ids
        assert "comment" not in part.fields, "what is being written is never swapped away"
        announced = next(a for _, a in part.tags if a.get("id") == "announce")
        assert announced["role"] == "status"
        gate = next(a for _, a in part.tags if a.get("id") == "gate-panel")
        assert "aria-live" not in gate
        part.has("1 more of risk-team must approve")

    def test_a_closed_request_is_not_polled_again(self) -> None:
        for person in (self.scene.people.aiko, self.scene.people.marta):
            self.scene.decide(person)
        part = Page(self.poll(self.scene.people.chen, "an-old-token"))
        gate = next(a for _, a in part.tags if a.get("id") == "gate-panel")
        assert "hx-trigger" not in gate
        part.has("Promoted", "Nothing: it is closed.")
        part.has_not("answer due", "Withdraw this request", "left")

    def test_who_is_writing_reads_that_it_is_too_late(self) -> None:
        for person in (self.scene.people.aiko, self.scene.people.marta):
            self.scene.decide(person)
        part = Page(self.poll(self.scene.people.marta, "an-old-token&deciding=1"))
        part.has("Your decision can no longer be recorded.", "The request was promoted", "Your text stays here")

    def test_polling_without_a_session_sends_the_whole_page_to_sign_in(self) -> None:
        answer = Client().get(
            f"/promotions/{self.scene.request.pk}/?seen=1",
            headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver/promotions/{self.scene.request.pk}/"},
        )
        assert answer["HX-Redirect"].startswith("/sign-in/?next=/promotions/")


class TestDeciding(PageTest):
    """The form, as a browser sends it."""

    def send(self, person: User, **changes: str) -> Any:
        client = self.as_(person)
        path = f"/promotions/{self.scene.request.pk}/"
        form = Page(client.get(path)).fields
        filled = {
            "packet": form.get("packet", self.scene.request.packet_digest),
            "read_at": form.get("read_at", ""),
            "outcome": "approve",
            "comment": "Reproduced the numbers.",
            "password": factories.PASSWORD,
            **changes,
        }
        return client.post(f"{path}decision/", filled)

    def test_an_approval_is_signed_recorded_and_shown(self) -> None:
        marta = self.scene.people.marta
        answer = self.send(marta)
        assert answer.status_code == 302
        decision = Decision.objects.get(request=self.scene.request)
        assert (decision.person, decision.outcome) == (marta, "approve")
        assert decision.packet_digest == self.scene.request.packet_digest
        page = self.read(marta, f"/promotions/{self.scene.request.pk}/")
        page.has("You approved this", "Reproduced the numbers.", "1 of 2 from risk-team")
        assert "password" not in page.fields

    def test_the_second_approval_promotes(self) -> None:
        self.send(self.scene.people.marta)
        self.send(self.scene.people.aiko)
        assert self.scene.fresh().state == "promoted"
        self.scene.challenger.refresh_from_db()
        assert self.scene.challenger.stage.slug == "production"

    def test_a_wrong_password_signs_nothing_and_keeps_the_text(self) -> None:
        answer = self.send(self.scene.people.marta, password="not mine", comment="A careful text.")
        assert answer.status_code == 400
        page = Page(answer)
        page.has("That is not your password; nothing was signed.")
        assert page.fields["comment"] == "A careful text."
        assert not page.fields["password"]
        assert not Decision.objects.filter(request=self.scene.request).exists()

    def test_a_missing_comment_and_an_unknown_outcome_are_shown_at_the_field(self) -> None:
        Page(self.send(self.scene.people.marta, comment="  ")).has(
            "Write what you reviewed, and why you decide this way."
        )
        assert self.send(self.scene.people.marta, outcome="perhaps").status_code == 400
        assert not Decision.objects.filter(request=self.scene.request).exists()

    def test_a_person_who_is_kept_out_is_refused_with_the_rule_and_who_can(self) -> None:
        people = self.scene.people
        answer = self.send(people.priya)
        assert answer.status_code == 403
        Page(answer).has("SoD-1", people.marta.name, people.aiko.name, "Nothing was signed.", "Reproduced the numbers.")
        assert self.send(people.chen).status_code == 403
        assert self.send(people.ada).status_code == 403
        assert self.send(people.eve).status_code == 404
        assert not Decision.objects.filter(request=self.scene.request).exists()

    def test_what_changed_while_it_was_read_is_shown_and_the_text_kept(self) -> None:
        marta, priya = self.scene.people.marta, self.scene.people.priya
        client = self.as_(marta)
        path = f"/promotions/{self.scene.request.pk}/"
        form = Page(client.get(path)).fields
        evidence.attach_card(
            actor=access.actor_for(priya), version=self.scene.challenger, text=f"{scenes.CARD}\n\nOne more limitation."
        )
        run_due_checks()
        sent = {**form, "outcome": "approve", "comment": "Long assessment.", "password": factories.PASSWORD}
        answer = client.post(f"{path}decision/", sent)
        assert answer.status_code == 409
        page = Page(answer)
        page.has(
            "The request changed while you were reading, so nothing was signed.",
            "The model card changed.",
            "added a revision of the model card",
        )
        assert page.fields["comment"] == "Long assessment."
        assert page.fields["outcome"] == "approve"
        assert page.fields["packet"] == self.scene.fresh().packet_digest != form["packet"]
        assert not Decision.objects.filter(request=self.scene.request).exists()
        again = {**page.fields, "password": factories.PASSWORD}
        assert client.post(f"{path}decision/", again).status_code == 302

    def test_an_approval_lapses_visibly_when_what_it_signed_changes(self) -> None:
        self.send(self.scene.people.marta)
        evidence.attach_metrics(
            actor=access.actor_for(self.scene.people.priya),
            version=self.scene.challenger,
            metrics=[MetricSpec("auc", 0.869)],
        )
        run_due_checks()
        page = self.read(self.scene.people.marta, f"/promotions/{self.scene.request.pk}/")
        page.has("invalidated", "the evidence changed", "0 of 2 from risk-team", "You can sign")
        self.read(self.scene.people.marta, "/reviews/").has("sign again")

    def test_asking_for_changes_blocks_and_rejecting_closes(self) -> None:
        self.send(self.scene.people.marta, outcome="request_changes", comment="Explain the segment.")
        page = self.read(self.scene.people.chen, f"/promotions/{self.scene.request.pk}/")
        page.has("Blocked", "Changes requested", "Explain the segment.")
        self.send(self.scene.people.aiko, outcome="reject", comment="Not this quarter.")
        page = self.read(self.scene.people.chen, f"/promotions/{self.scene.request.pk}/")
        page.has("Rejected", "Not this quarter.")

    def test_a_decision_on_a_closed_request_is_too_late_and_keeps_the_text(self) -> None:
        client = self.as_(self.scene.people.marta)
        path = f"/promotions/{self.scene.request.pk}/"
        form = Page(client.get(path)).fields
        promotions.withdraw(
            actor=access.actor_for(self.scene.people.priya), request=self.scene.fresh(), reason="Not now."
        )
        sent = {**form, "outcome": "approve", "comment": "Too late.", "password": factories.PASSWORD}
        answer = client.post(f"{path}decision/", sent)
        assert answer.status_code == 409
        page = Page(answer)
        page.has(
            "Withdrawn",
            "Your decision was not recorded",
            "was withdrawn already",
            "Since you opened the page:",
            "withdrew",
            "Too late.",
        )
        focused = [a for _, a in page.tags if "autofocus" in a]
        assert [a.get("id") for a in focused] == ["not-recorded"]

    def test_a_decision_made_in_another_window_keeps_the_text_and_says_so(self) -> None:
        client = self.as_(self.scene.people.marta)
        path = f"/promotions/{self.scene.request.pk}/"
        form = Page(client.get(path)).fields
        self.scene.decide(self.scene.people.marta)
        sent = {**form, "outcome": "approve", "comment": "Once more.", "password": factories.PASSWORD}
        answer = client.post(f"{path}decision/", sent)
        assert answer.status_code == 409
        Page(answer).has("Your decision was not recorded", "You have decided on this packet already", "Once more.")

    def test_the_refused_field_has_the_focus(self) -> None:
        for changes, field in (
            ({"password": "not mine"}, "password"),
            ({"comment": " "}, "comment"),
            ({"outcome": "perhaps"}, "outcome-reject"),
        ):
            page = Page(self.send(self.scene.people.marta, **changes))
            assert [a.get("id") for _, a in page.tags if "autofocus" in a] == [field], changes

    def test_withdrawing_asks_why_and_is_for_those_who_may(self) -> None:
        path = f"/promotions/{self.scene.request.pk}/withdraw/"
        priya, marta = self.scene.people.priya, self.scene.people.marta
        assert self.as_(marta).post(path, {"withdraw-reason": "I would rather not."}).status_code == 403
        assert self.as_(priya).post(path, {"withdraw-reason": ""}).status_code == 400
        assert self.as_(priya).post(path, {"withdraw-reason": "Found a leak."}).status_code == 302
        assert self.scene.fresh().state == "withdrawn"
        self.read(priya, f"/promotions/{self.scene.request.pk}/").has("Withdrawn")

    def test_promoting_before_it_is_ready_says_what_is_missing(self) -> None:
        answer = self.as_(self.scene.people.priya).post(f"/promotions/{self.scene.request.pk}/promote/")
        assert answer.status_code == 409
        Page(answer).has("Not possible now", "2 of risk-team", "2 more of risk-team must approve")


class TestMyReviews(PageTest):
    """The inbox."""

    def test_what_waits_for_whom(self) -> None:
        people, name = self.scene.people, f"#{self.scene.request.pk}"
        page = self.read(people.marta, "/reviews/")
        page.has("(1) My reviews", name, "Needs you", "for risk-team")
        self.read(people.priya, "/reviews/").has("No request waits for you", "Your requests", name)
        self.read(people.eve, "/reviews/").has("No request waits for you")
        self.read(people.eve, "/reviews/").has_not(f"{name} credit-risk-pd")
        self.scene.decide(people.marta)
        page = self.read(people.marta, "/reviews/")
        page.has("No request waits for you.", "Waiting for others", name)

    def test_the_start_page_leads_to_what_waits(self) -> None:
        assert self.get(self.scene.people.marta, "/")["Location"] == "/reviews/"
        assert self.get(self.scene.people.chen, "/")["Location"] == "/models/"
