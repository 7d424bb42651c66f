"""The commands of governance: first accounts, proposals from files, the second signature, the single officer."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from governance.models import Policy, PolicyRevision
from governance.selectors import paths as policy_paths
from governance.services import policies
from registry import selectors
from registry.access import OrgPermission, Role, actor_for, check_org_permission
from registry.models import ChangeProposal, User
from registry.services import instance
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

POLICY = """
slug: into-staging
title: Into Staging
applies_to: {stages: [staging]}
checks: [{check: integrity.digest}]
priority: 9
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    secret = tmp_path / "password"
    secret.write_text(f"{factories.PASSWORD}\n")

    def call(command: str, *arguments: object, password: bool = True) -> str:
        out = io.StringIO()
        given = [str(a) for a in arguments] + (["--password-file", str(secret)] if password else [])
        call_command(command, *given, stdout=out)
        return out.getvalue()

    return call


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


def test_the_first_officers_are_created_by_command_until_the_setup_is_confirmed(run: Callable[..., str]) -> None:
    run("initialise", password=False)
    for username in ("ola", "pat"):
        assert username in run("create_account", username, "--name", username.title(), "--role", "officer")
    connection.check_constraints()  # the set-up is committed before it is confirmed
    ola, pat = User.objects.get(username="ola"), User.objects.get(username="pat")
    assert check_org_permission(actor_for(ola), OrgPermission.MANAGE_POLICIES)
    factories.confirm(instance.propose_setup_confirmation(actor=actor_for(ola), reason="as appointed"), pat)
    with pytest.raises(CommandError, match="second person"):
        run("create_account", "quinn", "--name", "Quinn", "--role", "officer")
    assert not User.objects.filter(username="quinn").exists()


def test_a_policy_from_a_file_needs_the_second_signature(run: Callable[..., str], policy: Path, people: People) -> None:
    factories.lifecycle()
    assert people.dorothy
    assert people.henrik
    with pytest.raises(SystemExit) as differs:
        run("apply_policy", policy, "--plan", password=False)
    assert differs.value.code == 3
    assert not ChangeProposal.objects.exists()
    said = run("apply_policy", policy, "--as", "henrik", "--reason", "the quarterly review")
    assert "can be confirmed by: dorothy" in said
    number = ChangeProposal.objects.get().pk
    assert f"/changes/{number}/" in said
    again = run("apply_policy", policy, "--as", "henrik", "--reason", "the quarterly review")
    assert f"into-staging: valid, proposed already: C{number}" in again
    assert ChangeProposal.objects.count() == 1
    assert f"C{number}" in run("change_proposal", "list", "--as", "dorothy")
    assert "slug: into-staging" in run("change_proposal", "show", number, "--as", "dorothy")
    with pytest.raises(CommandError, match="second person"):
        run("change_proposal", "confirm", number, "--as", "henrik")
    assert not Policy.objects.exists()
    assert "confirmed" in run("change_proposal", "confirm", number, "--as", "dorothy", "--comment", "read it")
    assert Policy.objects.get().latest in PolicyRevision.objects.in_force()
    assert "into-staging: valid, unchanged" in run("apply_policy", policy, "--plan", password=False)


def test_files_are_validated_together_before_anything_is_proposed(
    run: Callable[..., str], policy: Path, people: People, tmp_path: Path
) -> None:
    factories.lifecycle()
    assert people.henrik
    other = tmp_path / "other.yaml"
    other.write_text(POLICY.replace("into-staging", "into-staging-too"))
    with pytest.raises(CommandError, match="neither is more specific"):
        run("apply_policy", policy, other, "--as", "henrik", "--reason", "why")
    with pytest.raises(CommandError, match="given twice: into-staging"):
        run("apply_policy", policy, policy, "--plan", password=False)
    other.write_text("slug: broken")
    with pytest.raises(CommandError, match=r"other\.yaml: "):
        run("apply_policy", policy, other, "--as", "henrik", "--reason", "why")
    assert not ChangeProposal.objects.exists()


@pytest.mark.parametrize("name", ["light", "bank", "eu-ai-act"])
def test_each_set_of_starter_policies_covers_every_path(run: Callable[..., str], name: str) -> None:
    said = run("initialise", "--policies", name, password=False)
    assert said.count("policy in force") >= 4
    assert [row.words for row in policy_paths() if row.missing or row.conflicts] == []
    assert "policy in force" not in run("initialise", "--policies", "light", password=False)


def test_a_wrong_password_signs_nothing(run: Callable[..., str], policy: Path, people: People, tmp_path: Path) -> None:
    factories.lifecycle()
    assert people.dorothy
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n")
    with pytest.raises(CommandError, match="not your password"):
        run("apply_policy", policy, "--as", people.henrik.username, "--password-file", wrong, password=False)
    run("apply_policy", policy, "--as", "henrik", "--reason", "the quarterly review")
    number = ChangeProposal.objects.get().pk
    with pytest.raises(CommandError, match="not your password"):
        run("change_proposal", "confirm", number, "--as", "dorothy", "--password-file", wrong, password=False)
    assert ChangeProposal.objects.get().state == "proposed"


def test_a_broken_policy_is_refused_with_its_place(run: Callable[..., str], policy: Path, people: People) -> None:
    factories.lifecycle()
    policy.write_text(POLICY.replace("integrity.digest", "integrity.unheard_of"))
    with pytest.raises(CommandError, match=r"line 5, field checks\[1\]\.check: No check called integrity\.unheard_of"):
        run("apply_policy", policy, "--as", people.henrik.username, "--reason", "why")


def test_a_single_officer_is_declared_at_the_setup_or_by_the_only_officer(
    run: Callable[..., str], people: People
) -> None:
    assert "single officer" in run("initialise", "--single-officer", password=False)
    assert selectors.instance().single_officer
    assert people.henrik
    assert "declares a single officer" in run("declare_single_officer", "--as", "henrik", "--reason", "others left")


def test_a_policy_to_start_from_is_valid_as_it_is(people: People) -> None:
    factories.lifecycle()
    assert people.risk_team
    out = io.StringIO()
    call_command("apply_policy", "--template", stdout=out)
    document = policies.read(out.getvalue())
    assert document.applies_to.stages == ("production",)
    assert document.approvals[0].group == "risk-team"
    assert "requires_assessed_tier: false" in out.getvalue()
    with pytest.raises(CommandError, match="use --template"):
        call_command("apply_policy", "--as", "henrik")


def test_what_an_account_is_responsible_for_is_shown_and_reassigned(run: Callable[..., str], people: People) -> None:
    model = factories.model(people.priya, "owned-model")
    assert people.chen
    factories.grant(Role.ADMINISTRATOR, to=people.henrik)
    assert "They own owned-model." in run("reassign", "priya", "--as", "henrik")
    model.refresh_from_db()
    assert model.owner == people.priya
    done = run("reassign", "priya", "--to", "chen", "--reason", "priya leaves", "--as", "henrik")
    assert "reassigned: 1 models owned" in done
    model.refresh_from_db()
    assert model.owner == people.chen
    with pytest.raises(CommandError, match="no account"):
        run("reassign", "priya", "--to", "nobody", "--as", "henrik")
    with pytest.raises(CommandError, match="Give a reason"):
        run("reassign", "chen", "--to", "priya", "--as", "henrik")


def test_the_log_is_exported_into_a_new_file(people: People, lifecycle: None, tmp_path: Path) -> None:
    factories.model(people.priya, "m")
    factories.model(people.priya, "n")
    file = tmp_path / "log.jsonl"
    call_command("export_audit", "--output", str(file), "--format", "jsonl", "--model", "m", stdout=io.StringIO())
    *lines, last = file.read_text().splitlines()
    assert {json.loads(line)["model"] for line in lines} == {"m"}
    assert json.loads(last)["export"]["filter"] == {"model": "m"}
    for wrong in (["--model", "m"], ["--model", "absent"], ["--request", "9"], ["--from", "someday"]):
        output = file if wrong[-1] == "m" else tmp_path / "other"
        with pytest.raises(CommandError):
            call_command("export_audit", "--output", str(output), *wrong, stdout=io.StringIO())
