"""The audit log over HTTP."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from audit import leaf, merkle, notes, selectors
from audit.actor import process
from audit.exceptions import CommitmentMismatchError
from audit.models import Event, Private
from audit.recorder import ObjectRef, record_event
from registry.access import Role
from tests import factories
from tests.governance.interfaces.rest.conftest import Caller, CallerOf
from tests.personas import People


@pytest.fixture
def happened(priya_calls: Caller) -> Caller:
    priya_calls.register_model("m", description="names Ada")
    priya_calls.register_version("m", {"a": b"x"})
    return priya_calls


def test_an_auditor_reads_what_happened(happened: Caller, ingrid_calls: Caller) -> None:
    page = ingrid_calls.get("/audit/events?action=version.registered").json

    assert len(page["items"]) == 1
    newest = page["items"][0]
    assert newest["action"] == "version.registered"
    assert newest["sentence"] == "registered the version"
    assert newest["event"]["action"] == "version.registered"
    assert newest["happened_at"].endswith("Z")
    event = Event.objects.get(event_id=newest["id"])
    assert leaf.encode_leaf(newest["event"]) == bytes(event.leaf)

    single = ingrid_calls.get(f"/audit/events/{newest['id']}")
    assert single.json == newest


def test_what_the_record_only_commits_to_is_opened_beside_it(happened: Caller, ingrid_calls: Caller) -> None:
    (registered,) = ingrid_calls.get("/audit/events?action=model.registered").json["items"]

    assert "names Ada" not in str(registered["event"])
    assert "names Ada" in registered["private"].values()
    assert registered["altered"] is None


def test_an_altered_value_is_said_and_hides_nothing_else(
    happened: Caller, ingrid_calls: Caller, superuser: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = Event.objects.filter(action="model.registered")
    honest = selectors.private_values_bulk

    def read(events: Any) -> Any:
        # As if the kept value had been changed behind the product's back.
        for kept in Private.objects.filter(event_id__in=[e.event_id for e in events]):
            if kept.event_id == event.event_id:
                raise CommitmentMismatchError(kept.event_id, kept.pointer)
        return honest(events)

    monkeypatch.setattr(selectors, "private_values_bulk", read)
    items = ingrid_calls.get("/audit/events?limit=100").json["items"]

    altered = {item["id"]: item["altered"] for item in items if item["altered"]}
    assert list(altered) == [str(event.event_id)]
    assert any(item["private"] for item in items)


def test_conditions_narrow_the_search(happened: Caller, ingrid_calls: Caller, installed: People) -> None:
    def actions(query: str) -> set[str]:
        return {e["action"] for e in ingrid_calls.get(f"/audit/events?limit=100&{query}").json["items"]}

    assert actions("action=version.declared") == {"version.declared"}
    assert "artifact.stored" not in actions("model=m")
    assert actions("model=m") >= {"model.registered", "version.registered"}
    assert actions("actor=initialise") >= {"policy.published"}
    assert actions("q=version.registered") >= {"version.registered"}
    assert actions("before=2020-01-01T00:00:00Z") == set()
    assert actions("after=2020-01-01T00:00:00%2B02:00") >= {"model.registered"}
    uid = Event.objects.get(action="version.declared").thing_id
    assert actions(f"thing=version:{uid}") == {"version.declared", "artifact.stored", "version.registered"}


def test_pages_follow_each_other_while_more_happens(happened: Caller, ingrid_calls: Caller) -> None:
    everything = [e["id"] for e in ingrid_calls.get("/audit/events?limit=100").json["items"]]

    seen, path = [], "/audit/events?limit=4"
    while True:
        page = ingrid_calls.get(path)
        seen += [e["id"] for e in page.json["items"]]
        happened.register_model(f"n-{len(seen)}")
        if page.json["next"] is None:
            break
        path = page.headers["Link"].partition(">")[0].removeprefix("<")

    assert seen == everything


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("after=yesterday", "after"),
        ("after=2026-01-01", "after"),
        ("after=2026-01-01T00:00:00", "after"),
        ("after=1767225600", "after"),
        ("before=2026-13-01T00:00:00Z", "before"),
        ("thing=version", "thing"),
        ("thing=version:a%20b", "thing"),
        ("cursor=Im5vbmUi", "cursor"),
        ("cursor=Nw", "cursor"),
        ("as_of=2026-01-01T00:00:00Z", "as_of"),
    ],
)
def test_the_query_is_strict(ingrid_calls: Caller, query: str, name: str) -> None:
    problem = ingrid_calls.get(f"/audit/events?{query}").problem(400, "invalid_request")

    assert problem["errors"][0]["pointer"] == f"?{name}"


def test_the_log_is_for_those_who_may_read_it(
    happened: Caller, ingrid_calls: Caller, eve_calls: Caller, call: CallerOf, installed: People
) -> None:
    for caller in (happened, eve_calls, call(installed.ada)):
        problem = caller.get("/audit/events").problem(403, "not_permitted")
        assert "auditor" in problem["detail"]
        caller.get(f"/audit/events/{uuid.uuid4()}").problem(403, "not_permitted")
    call(installed.ingrid, "models:read").get("/audit/events").problem(403, "missing_scope")
    ingrid_calls.get(f"/audit/events/{uuid.uuid4()}").problem(404, "not_found")
    ingrid_calls.get("/audit/events?model=absent").problem(404, "not_found")
    factories.grant(Role.OFFICER, to=installed.eve)
    assert eve_calls.get("/audit/events").status == 200


def test_what_was_done_over_http_says_so(happened: Caller, ingrid_calls: Caller, installed: People) -> None:
    happened.post("/models", {"slug": "named"}, X_Request_Id="build-4711")

    newest = ingrid_calls.get("/audit/events?action=model.registered&limit=1").json["items"][0]
    assert newest["event"]["request"]["id"] == "build-4711"
    assert newest["event"]["request"]["client"] == "api"
    assert newest["event"]["actor"]["type"] == "token"
    assert newest["event"]["actor"]["behind"] == installed.priya.uid
    assert newest["private"]["/request/address"] == "127.0.0.1"


def test_events_are_found_by_the_names_that_people_know(happened: Caller, ingrid_calls: Caller) -> None:
    by_name = ingrid_calls.get("/audit/events?q=m").json["items"]
    assert {item["action"] for item in by_name} >= {"model.registered", "version.registered"}
    of_version = ingrid_calls.get("/audit/events?q=m%20v1").json["items"]
    assert {item["action"] for item in of_version} >= {"version.registered"}
    assert "model.registered" not in {item["action"] for item in of_version}


def test_a_request_has_its_own_trail(happened: Caller, ingrid_calls: Caller) -> None:
    happened.register_model("scored", risk_tier=1)
    number = happened.ask(happened.register_version("scored", {"a": b"y"}), "archived").json["id"]

    trail = happened.get(f"/promotions/{number}/events").json["items"]
    assert "promotion.requested" in {item["action"] for item in trail}
    assert not any("/request/address" in item["private"] for item in trail)
    same = [
        ingrid_calls.get(path).json["items"]
        for path in (
            f"/promotions/{number}/events",
            f"/audit/events?promotion={number}",
            f"/audit/events?q=%23{number}",
        )
    ]
    assert same[0] == same[1] == same[2]
    assert [item["id"] for item in same[0]] == [item["id"] for item in trail]


def _ended(raw: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The lines of an export and its summary, compared with each other."""
    *lines, last = raw.splitlines(keepends=True)
    summary: dict[str, Any] = json.loads(last)["export"]
    assert hashlib.sha256(b"".join(lines)).hexdigest() == summary["sha256"]
    assert summary["events"] == len(lines)
    return [json.loads(line) for line in lines], summary


def test_an_export_has_the_exact_records_and_states_what_it_is(happened: Caller, ingrid_calls: Caller) -> None:
    answer = ingrid_calls.get("/audit/export?model=m")
    lines, summary = _ended(answer.raw)

    listed = ingrid_calls.get("/audit/events?model=m&limit=100").json["items"]
    assert [line["id"] for line in lines] == [item["id"] for item in reversed(listed)]
    newest = Event.objects.order_by("-id")[0]
    assert summary["filter"] == {"model": "m"}
    assert summary["as_of"] == {"event": str(newest.event_id), "at": newest.body["at"]}
    for line, raw in zip(lines, answer.raw.splitlines(), strict=False):
        event = Event.objects.get(event_id=line["id"])
        assert raw.endswith(b'"event": ' + bytes(event.leaf) + b"}")
        assert line["leaf_hash"] == leaf.leaf_hash(bytes(event.leaf)).hex()
    assert "names Ada" in lines[0]["private"].values()
    assert _ended(ingrid_calls.get("/audit/export?action=no.such").raw)[0] == []


def test_a_spreadsheet_evaluates_no_cell_of_an_export(priya_calls: Caller, ingrid_calls: Caller) -> None:
    priya_calls.register_model("m")
    with transaction.atomic():
        record_event(
            "model.registered",
            actor=process("test"),
            target=ObjectRef("other", "1"),
            stream="other:1",
            reason="=1+1\r\n-2",
        )
    raw = ingrid_calls.get("/audit/export?format=csv&thing=other:1").raw
    heading, row, last = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    named = dict(zip(heading, row, strict=True))
    assert named["reason"].startswith("'=1+1")
    assert "\n'-2" in named["reason"]
    assert last[0] == "end of export"
    lines = b"".join(raw.splitlines(keepends=True)[:-1])
    assert last[-1] == f"sha256: {hashlib.sha256(lines).hexdigest()}"


def test_an_auditor_gets_proofs_that_fit_together(happened: Caller, ingrid_calls: Caller) -> None:
    event = ingrid_calls.get("/audit/events?limit=1").json["items"][0]["id"]
    ingrid_calls.get(f"/audit/events/{event}/proof").problem(409, "proof_pending")
    ingrid_calls.get(f"/audit/events/{uuid.uuid4()}/proof").problem(404, "not_found")
    assert ingrid_calls.get("/audit/heads/latest").json["note"] is None

    factories.seal_log()

    head = ingrid_calls.get("/audit/heads/latest").json
    keys = [notes.VerificationKey.parse(key["key"]) for key in head["keys"]]
    notes.verify(notes.parse(head["note"]), keys)
    checkpoint = notes.parse_checkpoint(notes.parse(head["note"]).text)
    assert (checkpoint.size, head["pending"]) == (head["size"], 0)
    proof = ingrid_calls.get(f"/audit/events/{event}/proof").json
    hashed = leaf.leaf_hash(bytes(Event.objects.get(event_id=event).leaf))
    path = notes.parse_proof(proof["tlog_proof"]).path
    assert proof["leaf_hash"] == hashed.hex()
    assert merkle.verify_inclusion(hashed, proof["index"], checkpoint.size, path, checkpoint.root)
    tile = ingrid_calls.get(f"/audit/tiles/tile/0/000.p/{checkpoint.size}").raw
    hashes = [tile[at : at + 32] for at in range(0, len(tile), 32)]
    assert merkle.root_of(hashes) == checkpoint.root
    between = ingrid_calls.get(f"/audit/consistency?from=2&to={checkpoint.size}").json["proof"]
    assert merkle.verify_consistency(
        2, merkle.root_of(hashes[:2]), checkpoint.size, checkpoint.root, [notes.decode64(step) for step in between]
    )
    bundle = ingrid_calls.get(f"/audit/tiles/tile/entries/000.p/{checkpoint.size}").raw
    assert leaf.leaf_hash(bundle[2 : 2 + int.from_bytes(bundle[:2], "big")]) == hashes[0]


@pytest.mark.parametrize(
    "path", ["tile/0/001", "tile/0/000", "tile/63/000.p/1", "tile/0/000.p/0", "tile/x/000", "checkpoint"]
)
def test_a_tile_that_the_tree_does_not_have_is_absent(ingrid_calls: Caller, path: str) -> None:
    ingrid_calls.get(f"/audit/tiles/{path}").problem(404, "not_found")


def test_sizes_that_do_not_fit_are_refused(ingrid_calls: Caller) -> None:
    ingrid_calls.get("/audit/consistency?from=2&to=1").problem(422, "invalid_input")
    ingrid_calls.get("/audit/consistency?from=0&to=999999").problem(422, "invalid_input")
    ingrid_calls.get("/audit/consistency?from=x").problem(400, "invalid_request")
