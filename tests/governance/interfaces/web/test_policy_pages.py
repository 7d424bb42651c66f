"""The pages of a policy: what readers see of it, and of whom it covers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from governance.models import PolicyReplay
from governance.services import policies, policy_replays
from registry import access
from registry.models import ChangeProposal, RegisteredModel
from registry.services import archiving
from tests import factories
from tests.governance.interfaces.web.scene import TO_PRODUCTION, Page, PageTest

STRICTER = TO_PRODUCTION.replace("0.84", "0.86")
PAGE = "/policies/scene-production/"


class TestPolicyPages(PageTest):
    """What is in force, how it came into force, and what changed."""

    def propose(self, source: str = STRICTER, reason: str = "finding 3 of the audit") -> int:
        henrik = access.actor_for(self.scene.people.henrik)
        return policies.propose(actor=henrik, source=source, reason=reason).pk

    def test_the_requirements_are_one_sentence_first(self) -> None:
        expected = (
            "To enter Production or to have the alias @champion, a model of any tier needs 2 checks that pass, "
            "then 2 of risk-team."
        )
        self.read(self.scene.people.eve, PAGE).has(expected, "performance.threshold", '"metric": "auc"')
        self.read(self.scene.people.eve, "/policies/").has(expected)

    def test_the_history_names_both_officers_and_what_each_revision_changed(self) -> None:
        people = self.scene.people
        number = self.propose()
        self.read(people.dorothy, PAGE).has(f"C{number}: Put policy scene-production", "finding 3 of the audit")
        self.read(people.priya, PAGE).has_not(f"C{number}: Put policy")

        factories.confirm(ChangeProposal.objects.get(pk=number), people.dorothy)

        page = self.read(people.priya, PAGE)
        page.has("proposed by Henrik Aas, confirmed by Dorothy Mensah", "finding 3 of the audit")
        page.has("Difference between revisions 1 and 2", "the scene of a test")
        assert ("del", {}) in page.tags
        page.has_not("audit event")
        officer = self.read(people.dorothy, PAGE)
        assert len([a for _, a in officer.tags if (a.get("href") or "").startswith("/audit/")]) >= 2
        self.read(people.priya, f"{PAGE}?from=2&to=2").has("The texts are the same.")
        for missing in ("?from=7&to=1", "?from=1&to=9", "?revision=3"):
            self.read(people.priya, PAGE + missing, 404)
        self.read(people.priya, f"{PAGE}?from=two&to=-1&revision=x&after=%00")

    def test_covered_models_are_those_that_the_reader_may_see(self) -> None:
        people = self.scene.people
        factories.model(people.priya, "another-model", risk_tier=2)
        archived = factories.model(people.priya, "archived-model", risk_tier=2)
        archiving.archive_model(actor=access.actor_for(people.priya), model=archived, reason="It is not used.")
        assert RegisteredModel.objects.count() == 3

        page = self.read(people.marta, PAGE)
        page.has("credit-risk-pd", "another-model", "2 models that you can see")
        page.has_not("archived-model")
        stranger = self.read(people.eve, PAGE)
        stranger.has("0 models that you can see")
        stranger.has_not("credit-risk-pd", "another-model")


class TestPolicyEditor(PageTest):
    """The officer drafts, previews, replays and proposes; the second officer sees the replay before signing."""

    path = f"{PAGE}propose/"

    def send(self, action: str, source: str = STRICTER, **more: str) -> Any:
        return self.as_(self.scene.people.henrik).post(self.path, {"action": action, "source": source, **more})

    def test_a_draft_starts_from_what_is_in_force_or_from_the_template(self) -> None:
        henrik = self.scene.people.henrik
        page = self.read(henrik, self.path)
        assert page.fields["source"].strip() == TO_PRODUCTION.strip()
        page.has("performance.threshold", "thresholds[].metric", "risk-team")
        fresh = self.read(henrik, "/policies/another-one/propose/")
        assert fresh.fields["source"].startswith("# A policy says")
        assert "slug: another-one" in fresh.fields["source"]
        for person in (self.scene.people.priya, self.scene.people.ingrid, self.scene.people.ada):
            self.read(person, self.path, 403)

    def test_the_preview_shows_words_and_difference_and_changes_nothing(self) -> None:
        page = Page(self.send("preview", STRICTER.replace("\n", "\r\n")))
        page.has("the text is valid", "Limits: auc >= 0.86", "Difference to revision 1")
        assert ChangeProposal.objects.count() == 0

    def test_faults_name_line_and_field(self) -> None:
        wrong = STRICTER.replace("count: 2", "count: many").replace("integrity.digest", "integrity.digst")
        for action in ("preview", "replay", "propose"):
            response = self.send(action, wrong, reason="no")
            assert response.status_code == 400
            Page(response).has("Line 10, field approvals[1].count: write a whole number; found: “many”.")
        Page(self.send("preview", STRICTER.replace("integrity.digest", "integrity.digst"))).has(
            "Line 7", "checks[1].check"
        )
        Page(self.send("preview", STRICTER.replace("scene-production", "scene-other"))).has(
            "open the page of another policy"
        )
        for nonsense in ("", "- a", "\x00", "a: [", "{" * 5000):
            assert self.send("preview", nonsense).status_code == 400, nonsense[:9]
        assert self.send("replay", since="yesterday").status_code == 400
        assert self.send("propose", reason="").status_code == 400

    def test_a_replay_is_kept_and_recorded_with_the_proposal(self) -> None:
        people = self.scene.people
        stricter = STRICTER.replace("0.86", "0.87")
        made = self.send("replay", stricter, since="2020-01-01")
        assert made.status_code == 302
        replay = PolicyReplay.objects.get()
        assert made.headers["Location"] == f"/replays/{replay.pk}/"
        assert replay.state == "done"
        page = self.read(people.dorothy, f"/replays/{replay.pk}/")
        page.has("newly blocked", "auc is declared as 0.8610", "What cannot be known")
        self.read(people.dorothy, f"/replays/{replay.pk}/?outcome=unknown&part=nonsense").has("No request has another")
        table = self.get(people.dorothy, f"/replays/{replay.pk}/?download=csv").bytes.decode("utf-8-sig")
        assert table.splitlines()[0] == "part,outcome,request,model,version,target,state,before,after,reasons"
        assert len(table.splitlines()) == 3
        for person in (people.priya, people.eve):
            self.read(person, f"/replays/{replay.pk}/", 404)

        form = self.read(people.henrik, f"{self.path}?replay={replay.pk}").fields
        assert form["source"].strip() == stricter.strip()
        sent = self.as_(people.henrik).post(self.path, {**form, "action": "propose", "reason": "finding 3"})
        proposal = ChangeProposal.objects.get()
        assert sent.headers["Location"] == f"/changes/{proposal.pk}/"
        assert proposal.payload["replay"]["digest"] == replay.digest
        assert proposal.payload["replay"]["counts"]["past"]["newly_blocked"] == 1
        change = f"/changes/{proposal.pk}/"
        self.read(people.dorothy, change).has("Replay of this draft", replay.digest)
        PolicyReplay.objects.update(result={**(replay.result or {}), "rows": []})
        self.read(people.dorothy, change).has("does not have the digest that was recorded")
        assert policy_replays.sweep() == 0
        with clock.freeze(clock.now() + timedelta(days=40)):
            assert policy_replays.sweep() == 0, "a proposal names it"

    def test_a_replay_of_another_draft_is_not_recorded(self) -> None:
        self.send("replay")
        replay = PolicyReplay.objects.get()
        self.send("propose", STRICTER.replace("0.86", "0.9"), reason="another", replay=str(replay.pk))
        assert "replay" not in ChangeProposal.objects.get().payload
        self.read(self.scene.people.dorothy, f"/changes/{ChangeProposal.objects.get().pk}/").has(
            "No replay was recorded"
        )
        with clock.freeze(clock.now() + timedelta(days=40)):
            assert policy_replays.sweep() == 1

    def test_a_large_replay_is_left_to_a_worker(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(policy_replays, "INLINE_REQUESTS", 0)
            for _ in range(policy_replays.MAX_WAITING):
                assert self.send("replay").status_code == 302
            assert self.send("replay").status_code == 409
        waiting = PolicyReplay.objects.earliest("pk")
        page = self.read(self.scene.people.henrik, f"/replays/{waiting.pk}/")
        page.has("The replay is running")
        assert waiting.pk in policy_replays.due()
        assert policy_replays.run(waiting.pk)
        assert not policy_replays.run(waiting.pk), "it is made once"
        self.read(self.scene.people.henrik, f"/replays/{waiting.pk}/").has("Outcomes")
