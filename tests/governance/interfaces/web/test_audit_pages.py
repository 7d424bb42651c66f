"""Audit pages: who can read which events, and that pages show only what was recorded."""

from __future__ import annotations

import io
import tempfile
import uuid
import zipfile
from pathlib import Path

from django.test import Client

from audit.models import Event
from registry.models import User
from tests import factories
from tests.governance.interfaces.web.scene import Page, PageTest
from tests.governance.signed_log import signed_tree, verified


class TestLog(PageTest):
    """The list."""

    def test_an_auditor_reads_all_of_it_newest_first(self) -> None:
        page = self.read(self.scene.people.ingrid, "/audit/")
        page.has("Audit log", "Opened review on an evidence package", "Priya Nair", "Today,")
        page.has_not("usr_")

    def test_others_read_the_history_of_what_they_may_see(self) -> None:
        page = self.read(self.scene.people.marta, "/audit/", 403)
        page.has("need the role auditor or officer", "credit-risk-pd")
        self.read(self.scene.people.marta, "/audit/?model=credit-risk-pd").has(
            "decision.recorded", "promotion.requested"
        )
        self.read(self.scene.people.eve, "/audit/?model=credit-risk-pd", 404)
        self.read(self.scene.people.eve, "/audit/", 403).has_not("credit-risk-pd")

    def test_filters_narrow(self) -> None:
        ingrid = self.scene.people.ingrid
        decisions = self.read(ingrid, "/audit/?action=decision.recorded")
        assert decisions.html.count('<code class="ty ok">decision.recorded</code>') == 2
        by_marta = self.read(ingrid, "/audit/?q=actor:marta action:decision.recorded")
        assert by_marta.html.count('<code class="ty ok">decision.recorded</code>') == 1
        by_marta.has("Who", "marta")
        self.read(ingrid, "/audit/?to=2001-01-01").has("No event matches")
        self.read(ingrid, "/audit/?from=not-a-day")
        for name in ("actor", "action"):
            self.read(ingrid, f"/audit/?{name}=a%00b").has("No event matches")
        self.read(ingrid, "/audit/?model=a%00b", 404)
        self.read(ingrid, "/promotions/?model=a%00b")
        self.read(ingrid, f"/audit/?q={self.scene.request.packet_digest}").has("promotion")

    def test_rows_name_the_model_and_the_version(self) -> None:
        number = self.scene.request.pk
        page = self.read(self.scene.people.ingrid, "/audit/")
        page.has(
            f"promotion #{number}: credit-risk-pd v2 → Production",
            f"performance.threshold, #{number}: credit-risk-pd v2 → Production",
            "model.json of credit-risk-pd v2",
        )
        assessed = self.read(self.scene.people.ingrid, "/audit/?action=model.assessed")
        assert 'class="desc"><a href="/models/credit-risk-pd/">' in assessed.html

    def test_a_search_finds_a_request_a_model_and_a_version_by_their_names(self) -> None:
        ingrid, number = self.scene.people.ingrid, self.scene.request.pk
        of_request = self.read(ingrid, f"/audit/?q=%23{number}")
        of_request.has(f"Audit log of promotion #{number}", "promotion.requested")
        of_request.has_not("Registered the model", "#1:")
        self.read(ingrid, "/audit/?q=credit-risk-pd").has("Audit log of credit-risk-pd", "model.registered")
        of_version = self.read(ingrid, "/audit/?q=credit-risk-pd+v1")
        of_version.has("Audit log of credit-risk-pd v1", "version.registered")
        of_version.has_not("credit-risk-pd v2")
        self.read(ingrid, "/audit/?q=%23999999").has("No event matches")

    def test_a_request_has_its_own_trail_for_everyone_who_sees_it(self) -> None:
        number = self.scene.request.pk
        page = self.read(self.scene.people.marta, f"/promotions/{number}/")
        assert f'href="/audit/?request={number}"' in page.html
        trail = self.read(self.scene.people.marta, f"/audit/?request={number}")
        trail.has(f"Audit log of promotion #{number}", "check.completed")
        trail.has_not("Registered the model")
        self.read(self.scene.people.eve, f"/audit/?request={number}", 404)
        self.read(self.scene.people.marta, "/audit/?request=x", 404).has("is not the number of a promotion request")

    def test_older_events_follow_without_a_gap(self) -> None:
        path, seen = "/audit/", []
        while path:
            page = self.read(self.scene.people.ingrid, path)
            seen += [a["href"] for tag, a in page.tags if tag == "a" and a.get("class") == "rowlink seq"]
            older = [a["href"] for tag, a in page.tags if tag == "a" and a.get("rel") == "next"]
            path = str(older[0]) if older else ""
        # Opening pages records nothing, so the count stands still while it is read.
        assert len(seen) == len(set(seen)) == Event.objects.count()


class TestEvent(PageTest):
    """One event."""

    def event(self, action: str = "decision.recorded") -> Event:
        return Event.objects.filter(action=action).order_by("-id")[:1].get()

    def test_what_was_recorded_and_the_exact_bytes(self) -> None:
        event = self.event()
        page = self.read(self.scene.people.marta, f"/audit/{event.event_id}/")
        page.has(
            "decided on the request", "promotion #", "Looked at the evaluation.", "Record (JSON)", "canonical JSON"
        )
        bytes_ = self.get(self.scene.people.marta, f"/audit/{event.event_id}/?download=1")
        assert bytes_.content == bytes(event.leaf)
        assert bytes_["Content-Disposition"].startswith("attachment")

    def test_an_event_of_something_hidden_is_not_there(self) -> None:
        self.read(self.scene.people.eve, f"/audit/{self.event().event_id}/", 404)
        self.read(self.scene.people.eve, f"/audit/{uuid.uuid4()}/", 404)
        of_a_person = self.event("person.registered")
        self.read(self.scene.people.marta, f"/audit/{of_a_person.event_id}/", 404)
        self.read(self.scene.people.ingrid, f"/audit/{of_a_person.event_id}/")

    def test_the_address_is_for_the_log_s_readers(self) -> None:
        client = Client(REMOTE_ADDR="198.51.100.23")
        client.force_login(self.scene.people.priya, backend="registry.access.backend.RoleBackend")
        client.post(f"/promotions/{self.scene.request.pk}/withdraw/", {"withdraw-reason": "A leak was found."})
        path = f"/audit/{self.event('promotion.withdrawn').event_id}/"
        self.read(self.scene.people.ingrid, path).has("198.51.100.23", "A leak was found.", "through web")
        page = self.read(self.scene.people.marta, path)
        page.has("A leak was found.")
        page.has_not("198.51.100.23")

    def test_a_request_behind_proxies_is_known_by_the_entry_the_proxies_wrote(self) -> None:
        def recorded(proxies: int, forwarded: str) -> str:
            with self.settings(COUNTERSIGN_TRUSTED_PROXIES=proxies):
                Client(REMOTE_ADDR="10.0.0.1").post(
                    "/sign-in/", {"username": "marta", "password": "wrong"}, headers={"X-Forwarded-For": forwarded}
                )
            path = f"/audit/{self.event('person.sign_in_failed').event_id}/"
            return self.read(self.scene.people.ingrid, path).text

        assert "10.0.0.1" in recorded(0, "203.0.113.5")
        assert "203.0.113.5" in recorded(1, "192.0.2.66, 203.0.113.5")
        assert "203.0.113.5" in recorded(2, "192.0.2.66, 203.0.113.5, 10.0.0.9")
        assert "10.0.0.1" in recorded(2, "203.0.113.5")


class TestJump(PageTest):
    """/go/: whatever names a thing leads to it, where the reader may see it."""

    def to(self, named: str, person: object = None) -> str:
        client = self.as_(person or self.scene.people.marta)  # type: ignore[arg-type]  # the arguments of the case have many types
        return str(client.get("/go/", {"q": named})["Location"])

    def test_numbers_references_names_digests_and_events(self) -> None:
        number, challenger = self.scene.request.pk, self.scene.challenger
        request, version = f"/promotions/{number}/", "/models/credit-risk-pd/versions/2/"
        file = challenger.artifacts.get(path="model.json").sha256
        event = Event.objects.filter(action="model.registered").get()
        for named, address in (
            (f"#{number}", request), (str(number), request), (self.scene.request.packet_digest[:12], request),
            ("credit-risk-pd/2", version), ("models:/credit-risk-pd/2", version), ("credit-risk-pd v2", version),
            (f"sha256:{file}", version), (challenger.fingerprint[:10], version),
            (str(challenger.uid), version), (str(self.scene.request.uid), request),
            ("credit-risk-pd", "/models/credit-risk-pd/"), (str(event.event_id), f"/audit/{event.event_id}/"),
        ):  # fmt: skip
            assert self.to(named) == address, named
        assert self.as_(self.scene.people.marta).get("/go/credit-risk-pd/2")["Location"] == version

    def test_what_is_unknown_or_hidden_becomes_a_search(self) -> None:
        assert self.to("chargebacks & co") == "/models/?q=chargebacks+%26+co"
        for named in (f"#{self.scene.request.pk}", "credit-risk-pd", self.scene.request.packet_digest):
            assert self.to(named, self.scene.people.eve).startswith("/models/?q=")
        assert self.to("9" * 40).startswith("/models/?q=")
        event = Event.objects.filter(action="model.registered").get()
        for named in (str(event.event_id), str(uuid.uuid4())):
            assert self.to(named, self.scene.people.eve) == f"/models/?q={named}"
        assert self.to("") == "/models/?q="


class TestTokens(PageTest):
    """The reader's tokens."""

    def test_a_token_is_shown_once_and_ends_at_once(self) -> None:
        priya = self.scene.people.priya
        client = self.as_(priya)
        wanted = {"name": "CI", "scopes": ["models:read"], "lifetime": "30", "models": "credit-risk-pd"}
        answer = client.post("/profile/tokens/", wanted)
        assert answer.status_code == 201
        page = Page(answer)
        secret = next(str(a["data-copy"]) for _, a in page.tags if str(a.get("data-copy", "")).startswith("cs_"))
        page.has("Copy it now")
        again = Page(client.get("/profile/tokens/"))
        assert secret not in again.html
        again.has("CI", "only credit-risk-pd", "never")
        bearer = {"Authorization": f"Bearer {secret}"}
        assert Client().get("/api/v1/models/credit-risk-pd", headers=bearer).status_code == 200
        revoke = next(str(a["href"]) for tag, a in again.tags if tag == "a" and "revoke" in str(a.get("href")))
        assert self.as_(self.scene.people.marta).post(revoke).status_code == 404
        assert client.post(revoke).status_code == 302
        assert Client().get("/api/v1/models/credit-risk-pd", headers=bearer).status_code == 401
        Page(client.get("/profile/tokens/")).has("No token in use", "Ended", "revoked")

    def test_a_token_without_scopes_is_refused_at_the_field(self) -> None:
        answer = self.as_(self.scene.people.priya).post("/profile/tokens/", {"name": "CI", "lifetime": "30"})
        assert answer.status_code == 400
        Page(answer).has("This field is required.")


class TestProfile(PageTest):
    """Display and password."""

    def test_theme_and_zone_are_kept_by_this_browser_and_known_to_the_server(self) -> None:
        client = self.as_(self.scene.people.marta)
        answer = client.post("/profile/theme/", {"theme": "dark", "next": "/models/"})
        assert answer["Location"] == "/models/"
        assert answer.cookies["theme"]["httponly"]
        assert '<html lang="en" class="no-js" data-theme="dark">' in client.get("/models/").content.decode()
        client.post("/profile/display/", {"theme": "light", "zone": "Asia/Tokyo"})
        page = Page(client.get("/profile/"))
        page.has("Asia/Tokyo")
        assert 'data-theme="light"' in page.html
        assert "data-keys" not in page.html, "single keys are switched off"
        utc = self.read(self.scene.people.marta, f"/promotions/{self.scene.request.pk}/").html
        tokyo = client.get(f"/promotions/{self.scene.request.pk}/").content.decode()
        opened = self.scene.request.created_at
        assert opened.strftime("%H:%M</time>") in utc
        assert opened.strftime("%H:%M</time>") not in tokyo
        assert opened.strftime("%Y-%m-%d %H:%M:%S UTC") in tokyo

    def test_a_cookie_written_by_hand_is_the_default(self) -> None:
        client = self.as_(self.scene.people.marta)
        for name, value in (("theme", '"><script>'), ("zone", "../../etc/passwd"), ("shortcuts", "x")):
            client.cookies[name] = value
        page = Page(client.get("/models/"))
        assert 'data-theme="auto"' in page.html
        page.has("UTC")

    def test_the_password_is_changed_against_the_present_one(self) -> None:
        client = self.as_(self.scene.people.marta)
        other = self.as_(self.scene.people.marta)
        new = "another-Long-password-9"
        assert client.post("/profile/password/", {"current": "wrong", "password": new}).status_code == 400
        weak = client.post("/profile/password/", {"current": factories.PASSWORD, "password": "short"})
        assert weak.status_code == 400
        Page(weak).has("too short")
        assert client.post("/profile/password/", {"current": factories.PASSWORD, "password": new}).status_code == 302
        assert client.get("/profile/").status_code == 200
        assert other.get("/profile/").status_code == 302, "other browsers are signed out"

    def test_groups_and_roles_are_shown_with_what_they_come_through(self) -> None:
        self.read(self.scene.people.marta, "/profile/").has("Risk Team", "approver", "the whole organisation")
        self.read(self.scene.people.ada, "/profile/").has("as a superuser you see and administer, and decide nothing")


class TestBundles(PageTest):
    """Bundles from the page, and what they contain."""

    def test_a_reader_of_a_request_gets_its_bundle_with_what_was_decided(self) -> None:
        marta, number = self.scene.people.marta, self.scene.request.pk
        assert self.get(marta, f"/audit/bundle/?request={number}").status_code == 409
        policy = signed_tree(self.files())
        self.read(marta, f"/audit/?request={number}").has("Bundle with proofs")
        for person, has_addresses in ((marta, False), (self.scene.people.ingrid, True)):
            folder = self.unpacked(person, f"/audit/bundle/?request={number}")
            private = (folder / "private.jsonl").read_text()
            assert '"/reason"' in private or '"/data' in private
            assert ('"/request/address"' in private) <= has_addresses
            report = verified(folder, policy, "--require", "proofs,canonical,openings,attachments")
            assert report["status"] == "unanchored", report["fault"]
        page = (folder / "index.html").read_text()
        assert f"#{number}: credit-risk-pd v2" in page
        assert "<script" not in page
        assert (folder / f"packets/{self.scene.request.packet_digest}.json").exists()
        for wrong in ("?request=x", "?request=999999", "?model=absent"):
            self.read(marta, f"/audit/bundle/{wrong}", 404)
        self.read(marta, "/audit/bundle/", 403)
        self.read(self.scene.people.eve, f"/audit/bundle/?request={number}", 404)

    def test_an_auditor_gets_the_complete_log_and_the_verifier(self) -> None:
        policy = signed_tree(self.files())
        folder = self.unpacked(self.scene.people.ingrid, "/audit/bundle/")
        report = verified(folder, policy, "--trusted", folder / "checkpoint", "--require", "leaves,tiles,streams")
        assert report["status"] == "verified", report
        got = self.get(self.scene.people.ingrid, "/audit/verifier.py")
        assert got.content == (folder / "verifier.py").read_bytes()

    def files(self) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def unpacked(self, person: User, path: str) -> Path:
        answer = self.get(person, path)
        assert answer.status_code == 200
        folder = self.files()
        with zipfile.ZipFile(io.BytesIO(answer.bytes)) as archive:
            archive.extractall(folder)
        (bundle,) = folder.iterdir()
        return bundle
