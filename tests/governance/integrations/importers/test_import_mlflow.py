"""Bringing an MLflow registry over real HTTP: whole, again, interrupted, and from servers that lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import Event
from governance import promotions
from governance.gate import gate_inputs, review_packet
from governance.integrations.importers.mlflow_import import MlflowImport
from governance.integrations.importers.people import TOKEN_SCOPES
from governance.integrations.importers.report import Report
from governance.models import PromotionRequest
from governance.outbound_http import RemoteServer, ServerFault
from governance.services import setup
from registry import access, selectors
from registry.models import ImportRecord, ModelVersion, RegisteredModel, User
from registry.services import tokens
from tests import factories
from tests.governance.integrations.importers.registry_server import CREATED, Registry, Reply, serving


@pytest.fixture
def henrik(henrik: User) -> User:
    setup.initialise()
    return henrik


@pytest.fixture
def theirs() -> Iterator[Registry]:
    registry = Registry()
    registry.model("churn", aliases=[{"alias": "champion", "version": "4"}, {"alias": "canary", "version": "5"}])
    for number, stage in ((1, "Archived"), (2, "Production"), (4, "Production"), (5, "Staging"), (6, "None")):
        registry.version("churn", number, stage, tags=[{"key": "team", "value": "retail"}])
    registry.model("Fraud Model", description="Card fraud.", tags=[{"key": "pii", "value": "no"}])
    registry.version("Fraud Model", 1, description="first")
    registry.model("empty")
    with serving(registry):
        yield registry


def bring(registry: Registry, by: User, **options: Any) -> Report:
    server = RemoteServer(registry.url, pause=0.01)
    return MlflowImport(
        actor=access.actor_for(by, auth="command"), server=server, reason="moving house", **options
    ).run()


def version(slug: str, number: int) -> ModelVersion:
    return ModelVersion.objects.select_related("stage", "model").get(model__slug=slug, number=number)


def test_everything_comes_with_numbers_times_and_authors(theirs: Registry, henrik: User) -> None:
    report = bring(theirs, henrik)

    assert report.counts["models imported"] == 3
    assert report.counts["versions imported"] == 6
    assert {
        v.number: v.stage.slug for v in ModelVersion.objects.filter(model__slug="churn").select_related("stage")
    } == {
        1: "archived",
        2: "development",
        4: "production",
        5: "staging",
        6: "development",
    }
    fourth = version("churn", 4)
    assert fourth.source == "s3://models/churn/4"
    assert fourth.tags == {"team": "retail"}
    record = ImportRecord.objects.get(version=fourth)
    assert record.created_there == datetime.fromtimestamp(CREATED / 1000 + 4, tz=UTC)
    assert record.author_there == "nadia"
    assert record.stage == "Production"
    assert record.imported_by == henrik
    event = Event.objects.get(action="version.imported", touched__contains=[f"version:{fourth.uid}"])
    assert event.body["data"]["created_there"].startswith("2020-09-13")
    fraud = RegisteredModel.objects.get(slug="fraud-model")
    assert fraud.display_name == "Fraud Model"
    assert fraud.tags == {"pii": "no"}


def test_what_stood_in_production_keeps_resolving_and_is_not_approved(theirs: Registry, henrik: User) -> None:
    report = bring(theirs, henrik)

    actor = access.actor_for(henrik)
    assert selectors.resolve(actor, "churn@champion").number == 4
    assert selectors.resolve(actor, "churn@canary").number == 5
    assert selectors.resolve(actor, "churn:production").number == 4
    before = PromotionRequest.objects.filter(before_governance=True)
    assert {(r.version.number, r.target_name) for r in before} == {(4, "Production"), (4, "@champion"), (5, "Staging")}
    assert all(r.policy_revision is None and not r.decisions.exists() for r in before)
    assert report.counts["marked promoted before governance"] == 3
    (left,) = report.notes
    assert "version 2 in Production" in left.what
    assert "version 4" in left.rule
    assert left.way_out


def test_again_it_changes_nothing_and_brings_what_is_new(theirs: Registry, henrik: User) -> None:
    bring(theirs, henrik)
    count = Event.objects.count()

    again = bring(theirs, henrik)

    assert Event.objects.count() == count
    assert again.counts["versions imported"] == 0
    assert again.counts["versions imported before"] == 6
    theirs.version("churn", 7)
    theirs.models["churn"]["aliases"].append({"alias": "shadow", "version": "7"})
    theirs.models["churn"]["aliases"][0]["version"] = "7"
    bring(theirs, henrik)
    assert version("churn", 7).stage.slug == "development"
    actor = access.actor_for(henrik)
    assert selectors.resolve(actor, "churn@shadow").number == 7
    assert selectors.resolve(actor, "churn@champion").number == 4  # decided here since it came


def test_a_protected_place_given_there_after_it_came_is_not_taken_over(theirs: Registry, henrik: User) -> None:
    theirs.models["churn"]["aliases"] = []
    bring(theirs, henrik)
    theirs.models["churn"]["aliases"] = [{"alias": "champion", "version": "6"}]

    report = bring(theirs, henrik)

    assert any("champion" in note.what and "promotion" in note.way_out for note in report.notes)
    assert not PromotionRequest.objects.filter(target_alias="champion").exists()


def test_interrupted_it_goes_on_where_it_was(theirs: Registry, henrik: User) -> None:
    class Stopped(Exception):
        pass

    seen = []

    def stop(made: ModelVersion) -> None:
        seen.append(made.number)
        if len(seen) == 4:
            raise Stopped

    with pytest.raises(Stopped):
        bring(theirs, henrik, on_import=stop)
    # The fourth was rolled back whole: no version without its record and its place.
    assert ModelVersion.objects.count() == ImportRecord.objects.exclude(version=None).count() == 3

    bring(theirs, henrik)

    assert ModelVersion.objects.count() == 6
    assert version("churn", 4).stage.slug == "production"


def test_a_dry_run_writes_nothing(theirs: Registry, henrik: User) -> None:
    events = Event.objects.count()

    report = bring(theirs, henrik, dry=True)

    assert Event.objects.count() == events
    assert not RegisteredModel.objects.exists()
    assert report.counts["models imported"] == 3
    assert report.counts["versions imported"] == 6
    assert len(report.notes) == 1


def test_a_name_that_is_taken_is_reported_and_a_prefix_helps(theirs: Registry, henrik: User, priya: User) -> None:
    factories.model(priya, "churn")

    report = bring(theirs, henrik)
    assert [note for note in report.notes if "churn" in note.what and "--prefix" in note.way_out]
    assert not ModelVersion.objects.filter(model__slug="churn").exists()

    bring(theirs, henrik, prefix="old-")
    assert version("old-churn", 4).stage.slug == "production"


def test_entries_without_their_form_are_left_out_and_reported(theirs: Registry, henrik: User) -> None:
    theirs.model("broken", tags="none")
    theirs.version("churn", 8)["version"] = 8
    theirs.version("churn", 9)["creation_timestamp"] = "long ago"
    theirs.version("churn", 10, description="x" * 200_000)
    theirs.version("churn", 11, tags=[{"key": "big", "value": "x" * 6_000}], run_link="ftp://x")
    theirs.version("churn", 12, "Shadow")

    report = bring(theirs, henrik)

    told = " ".join(note.what for note in report.notes)
    assert all(word in told for word in ("(broken)", "version 8", "version 9", "version 10", "version 11", "Shadow"))
    assert not ModelVersion.objects.filter(model__slug="churn", number__in=(8, 9, 10)).exists()
    assert version("churn", 11).tags == {}
    assert ImportRecord.objects.get(version__number=11).claims["run_link"] == "ftp://x"
    assert version("churn", 12).stage.slug == "development"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(body=b"<!doctype html><html></html>", kind="text/html"), "no JSON object"),
        (Reply(body=b"[1]"), "no JSON object"),
        (Reply(body=b'{"registered_models": 5}'), "not a list"),
        (Reply(body=b'{"registered_models": [], "next_page_token": 7}'), "next_page_token"),
        (Reply(body=b'{"registered_models": [], "next_page_token": "same"}'), "repeats pages"),
        (Reply(302, location="http://169.254.169.254/latest/meta-data/"), "redirects are not followed"),
        (Reply(401, b"no", kind="text/plain"), "credentials"),
        (Reply(403, b'{"error_code": "PERMISSION_DENIED", "message": "not you"}'), "PERMISSION_DENIED: not you"),
        (Reply(503), "503"),
        (Reply(0), "is not available"),
        (Reply(body=b"[" * 100_000), "no JSON object"),
    ],
)
def test_a_server_that_lies_is_reported_and_nothing_is_brought(
    theirs: Registry, henrik: User, reply: Reply, said: str
) -> None:
    theirs.instead = lambda path, query: reply

    with pytest.raises(ServerFault, match=said):
        bring(theirs, henrik)

    assert not RegisteredModel.objects.exists()


def test_an_answer_without_end_is_cut(theirs: Registry) -> None:
    theirs.instead = lambda path, query: Reply(body=json.dumps({"registered_models": ["x" * 5_000_000]}).encode())

    with pytest.raises(ServerFault, match="more than"):
        RemoteServer(theirs.url).json("/api/2.0/mlflow/registered-models/search", limit=1_000_000)


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0.0.0.0"])
def test_where_machines_keep_their_credentials_nothing_is_asked(host: str) -> None:
    with pytest.raises(ServerFault, match=r"credentials|not a valid server"):
        RemoteServer(f"http://{host}:1/").json("/")


def test_a_private_address_that_no_setting_names_is_refused(theirs: Registry) -> None:
    with pytest.raises(ServerFault, match="private network"):
        RemoteServer(theirs.url, private=False).json("/")
    assert theirs.asked == []


@pytest.fixture
def proved(henrik: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token of Henrik's in the environment of the command."""
    secret = factories.token(henrik, TOKEN_SCOPES)[1]
    monkeypatch.setenv("COUNTERSIGN_TOKEN", secret)
    return secret


def test_the_command_needs_an_officer_and_speaks_plainly(
    theirs: Registry, henrik: User, proved: str, priya: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret-token")
    out = StringIO()

    with pytest.raises(CommandError, match="publish policies"):
        call_command("import_mlflow", theirs.url, "--as", "priya")
    with pytest.raises(CommandError, match="no active account"):
        call_command("import_mlflow", theirs.url, "--as", "nobody")
    with pytest.raises(CommandError, match="no credentials into the address"):
        call_command("import_mlflow", "http://me:secret@localhost", "--as", "henrik")
    call_command("import_mlflow", theirs.url, "--as", "henrik", "--owner", "priya", stdout=out)

    assert "6  versions imported" in out.getvalue()
    assert "remedy" in out.getvalue()
    assert RegisteredModel.objects.get(slug="churn").owner == priya
    assert {h["Authorization"] for h in theirs.headers} == {"Bearer secret-token"}
    assert "secret-token" not in out.getvalue()
    assert proved not in out.getvalue()


def test_access_to_the_shell_alone_does_not_act_for_an_officer(
    theirs: Registry, henrik: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERSIGN_TOKEN", raising=False)
    monkeypatch.delenv("COUNTERSIGN_TOKEN_FILE", raising=False)

    for command in (["import_mlflow", theirs.url], ["import_registry"]):
        with pytest.raises(CommandError, match="Prove that henrik runs this"):
            call_command(*command, *(["/dev/null"] if len(command) == 1 else []), "--as", "henrik")

    assert theirs.asked == []
    assert not RegisteredModel.objects.exists()


def test_a_token_proves_its_own_person_only_and_has_the_scopes(
    theirs: Registry, henrik: User, priya: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked, secret = factories.token(henrik, TOKEN_SCOPES)
    tokens.revoke(actor=access.actor_for(henrik), token=revoked, reason="leaked")
    insufficient = {
        "belongs to someone else": [factories.token(priya, TOKEN_SCOPES)[1], secret, "cs_nothing"],
        "not issued for promotions:write": [factories.token(henrik, TOKEN_SCOPES[:2])[1]],
        "limited to some models": [factories.token(henrik, TOKEN_SCOPES, models=["churn"])[1]],
    }

    for said, secrets in insufficient.items():
        for given in secrets:
            monkeypatch.setenv("COUNTERSIGN_TOKEN", given)
            with pytest.raises(CommandError, match=said):
                call_command("import_mlflow", theirs.url, "--as", "henrik")

    assert theirs.asked == []


def test_the_password_of_the_officer_proves_it_and_a_wrong_one_is_recorded(
    theirs: Registry, henrik: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN", "cs_not-read-because-a-file-is-named")
    file = tmp_path / "password"
    file.write_text("a guess\n")

    with pytest.raises(CommandError, match="not your password"):
        call_command("import_mlflow", theirs.url, "--as", "henrik", "--password-file", str(file))
    assert Event.objects.filter(action="person.reauthentication_failed", actor_id=henrik.uid).count() == 1
    assert theirs.asked == []
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_mlflow", theirs.url, "--as", "henrik", "--password-file", str(tmp_path / "absent"))

    file.write_text(f"{factories.PASSWORD}\n")
    call_command("import_mlflow", theirs.url, "--as", "henrik", "--password-file", str(file), stdout=StringIO())

    assert version("churn", 4).stage.slug == "production"
    assert Event.objects.filter(action="person.reauthenticated", actor_id=henrik.uid).count() == 1


def test_a_later_promotion_goes_the_usual_way(theirs: Registry, henrik: User) -> None:
    bring(theirs, henrik)
    fourth = version("churn", 4)
    actor = access.actor_for(henrik)
    factories.assessed(fourth.model, 2)

    asked = promotions.request(actor=actor, version=version("churn", 5), target_stage="production", reason="newer")

    assert asked.state == "open"
    assert not asked.before_governance
    assert asked.champion == fourth
    contents = gate_inputs.contents_of(asked)
    document = gate_inputs.get_policy_document(asked)
    assert document is not None
    shown = review_packet.build(asked, document, {}, {}, contents).content
    assert shown["champion"]["before_governance"] is True
    assert shown["version"]["before_governance"] is True
