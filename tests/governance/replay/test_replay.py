"""A draft over what happened: each outcome with its reason, by the facts that were kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.policies import parse
from governance.replay.result import Replay, ReplayRow
from governance.replay.running import replay
from tests.governance.interfaces.web.scene import TO_PRODUCTION, PageTest, promoted, version

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
STRICTER = TO_PRODUCTION.replace("0.84", "0.87")
THREE = TO_PRODUCTION.replace("count: 2", "count: 3")
ONE_MORE_CHECK = TO_PRODUCTION.replace("checks:", "checks:\n  - check: docs.model_card")


def run(source: str) -> Replay:
    return replay(parse(source), since=ALWAYS)


def only(found: Replay, part: str) -> ReplayRow:
    (row,) = [row for row in found.rows if row.part == part]
    return row


class TestReplay(PageTest):
    """The scene: a champion that two people approved for Production, a challenger under review."""

    def test_the_policy_itself_changes_nothing(self) -> None:
        found = run(TO_PRODUCTION)
        assert found.rows == ()
        assert [found.counts[part]["unchanged"] for part in ("past", "open", "production")] == [1, 1, 1]
        assert found.outside["past"] == 2, "both requests for Staging"

    def test_another_limit_is_judged_by_what_was_measured(self) -> None:
        found = run(STRICTER)
        past, production = only(found, "past"), only(found, "production")
        assert (past.outcome, past.before, past.after) == ("newly_blocked", "ready", "blocked")
        assert past.request == production.request
        (reason,) = past.reasons
        assert reason.startswith("Performance thresholds: judged again by what was measured; the result then: auc")
        assert found.counts["open"]["unchanged"] == 1, "the challenger has 0.874"

    def test_a_check_that_never_ran_is_unknown_and_no_pass(self) -> None:
        found = run(ONE_MORE_CHECK)
        assert {(row.part, row.outcome) for row in found.rows} == {
            ("past", "unknown"), ("open", "unknown"), ("production", "unknown")
        }  # fmt: skip
        assert "it was not required then, and never ran" in only(found, "past").reasons[0]
        both = run(ONE_MORE_CHECK.replace("0.84", "0.99"))
        assert only(both, "past").outcome == "newly_blocked", "it fails whatever the unknown check says"
        advisory = run(ONE_MORE_CHECK.replace("docs.model_card", "docs.model_card\n    mode: advisory"))
        assert advisory.rows == ()

    def test_more_approvals_than_were_given(self) -> None:
        found = run(THREE)
        assert only(found, "past").outcome == "newly_blocked"
        assert only(found, "past").reasons == ("3 of risk-team: 2 of 3",)
        assert found.counts["open"]["unchanged"] == 1, "it waits in both cases"
        other_group = run(TO_PRODUCTION.replace("risk-team", "reviewers"))
        assert only(other_group, "past").reasons == ("2 of reviewers: 0 of 2",)

    def test_fewer_approvals_let_an_open_request_pass(self) -> None:
        self.scene.decide(self.scene.people.marta)
        found = run(TO_PRODUCTION.replace("count: 2", "count: 1"))
        row = only(found, "open")
        assert (row.outcome, row.before, row.after) == ("newly_allowed", "open", "ready")
        assert row.reasons == ("no longer required: 2 of risk-team: 1 of 2",)

    def test_a_blocked_request_that_the_draft_lets_go_on(self) -> None:
        weak = version(self.scene.model, self.scene.people.priya, auc=0.5)
        promoted(weak, self.scene.people.priya, "staging")
        request = promoted(weak, self.scene.people.priya, "production")
        assert request.state == "blocked"
        found = run(TO_PRODUCTION.replace("0.84", "0.4"))
        row = only(found, "open")
        assert (row.request, row.outcome, row.after) == (request.pk, "newly_allowed", "open")
        assert "Performance thresholds" in row.reasons[0]

    def test_a_draft_that_no_longer_covers_a_target_leaves_it_without_a_policy(self) -> None:
        elsewhere = TO_PRODUCTION.replace("{stages: [production], aliases: [champion]}", "{aliases: [champion]}")
        found = run(elsewhere)
        assert only(found, "past").reasons == ("2 of reviewers: 0 of 2",), "the starter policy covers it in its place"
        other = run(TO_PRODUCTION.replace("scene-production", "a-new-policy").replace("priority: 50", "priority: 9"))
        assert other.outside["past"] == 3, "a lower priority governs nothing"

    def test_results_are_the_same_each_time_and_queries_do_not_grow(self) -> None:
        with CaptureQueriesContext(connection) as first:
            found = run(STRICTER)
        assert run(STRICTER).digest == found.digest
        for number in range(3):
            more = version(self.scene.model, self.scene.people.priya, auc=0.8 + number / 100)
            promoted(more, self.scene.people.priya, "staging")
            promoted(more, self.scene.people.priya, "production")
        with CaptureQueriesContext(connection) as second:
            run(STRICTER)
        assert len(second) <= len(first) + 1, (len(first), len(second))

    def test_the_command_prints_it_and_refuses_nonsense(self) -> None:
        folder = Path(self.enterContext(TemporaryDirectory()))
        (folder / "draft.yaml").write_text(STRICTER)
        (folder / "wrong.yaml").write_text("slug: X")
        path = str(folder / "draft.yaml")
        assert "newly blocked" in _command(path, "--since", "2020-01-01")
        result = json.loads(_command(path, "--json"))
        assert result["counts"]["past"]["newly_blocked"] == 1
        assert len(result["digest"]) == 64
        for arguments in ([path, "--since", "yesterday"], ["/none.yaml"], [str(folder / "wrong.yaml")]):
            with pytest.raises(CommandError):
                _command(*arguments)


def _command(*arguments: str) -> str:
    out = StringIO()
    call_command("replay_policy", *arguments, stdout=out)
    return out.getvalue()
