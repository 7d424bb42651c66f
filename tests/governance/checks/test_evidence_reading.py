"""A file that no check can read is refused when it is attached, with the message of the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.checks import documentation, entry_points, evidence_reading
from governance.checks.base import EVALUATION_TABLE, CheckOutcome, is_attachable
from tests.governance.checks.conftest import Shelf

EXAMPLES = sorted(
    {
        (need.kind, need.example)
        for check in entry_points.BUILTIN
        for need in check.needs
        if need.example and is_attachable(need.kind)
    }
)
WORKBOOK = b"PK\x03\x04" + bytes(40)
SEMICOLONS = b"id;label;score\n1;1;0.9\n2;0;high\n"
THRESHOLD = {"thresholds": [{"metric": "auc", "op": ">=", "value": 0.5}]}


def fault(shelf: Shelf, kind: str, content: bytes, name: str = "given.csv") -> str:
    """Return why content is refused as evidence of a kind."""
    source = shelf.add(content, name, kind)
    return evidence_reading.find_fault(kind, name, source.sha256, source.size, shelf.open)


def test_every_example_can_be_read(shelf: Shelf) -> None:
    read = {kind: fault(shelf, kind, (documentation.EXAMPLES / name).read_bytes(), name) for kind, name in EXAMPLES}
    assert len(read) > 8
    assert {kind: said for kind, said in read.items() if said} == {}


@pytest.mark.parametrize(
    ("slug", "kind", "content", "named"),
    [
        ("performance.threshold", EVALUATION_TABLE, WORKBOOK, "workbook of Excel"),
        ("performance.threshold", EVALUATION_TABLE, SEMICOLONS, "row 3"),
        ("performance.threshold", EVALUATION_TABLE, b"a,b\n1,2\n", "lacks a column “label”"),
        ("performance.threshold", EVALUATION_TABLE, b"label,score\n1,0.5\n0,0.1,7\n", "line 3: 3 fields"),
        ("docs.privacy_review", "privacy.review", b"reviewer: Greta Holm\n", "legal_basis"),
        ("docs.regulatory", "docs.regulatory", b"template: [\n", "line"),
        ("explanation.declared", "explanation.global", b'{"features": [{"name": "age"}]}', "features/0/contribution"),
        ("lineage.declared", "environment.lock", b"\xff\xfe\x00\x00", "UTF-8"),
    ],
)  # fmt: skip
def test_the_message_is_that_of_the_check(
    shelf: Shelf, judged: Callable[..., CheckOutcome], slug: str, kind: str, content: bytes, named: str
) -> None:
    said = fault(shelf, kind, content)
    facts = {"code": {"repository": "", "commit": "", "dirty": None}, "datasets": [], "metrics": []}
    params: dict[str, Any] = THRESHOLD if slug == "performance.threshold" else {}
    outcome = judged(slug, {"given.csv": content}, kind=kind, facts=facts, **params)
    assert named in said
    assert said in [finding.message for finding in outcome.findings]


@pytest.mark.parametrize(
    ("kind", "content", "named"),
    [
        ("provenance.slsa", b'{"payloadType": "x"}', "/payload must be a text"),
        ("signature.bundle", b"{", "cannot be read"),
        ("training.ids", b"id\n", "no rows"),
        ("current.scores", b"score\nlow\n", "row 2"),
        ("bom.cyclonedx", b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 5}', "/components"),
    ],
)
def test_the_place_is_named(shelf: Shelf, kind: str, content: bytes, named: str) -> None:
    assert named in fault(shelf, kind, content)


def test_what_another_check_can_read_is_accepted(shelf: Shelf) -> None:
    assert fault(shelf, EVALUATION_TABLE, b"id,score\n1,0.4\n2,0.6\n") == "", "stability.drift reads the scores"
    assert fault(shelf, "bom.cyclonedx", b'{"bomFormat": "CycloneDX", "specVersion": "1.5"}') == ""
    assert fault(shelf, "document.memo", WORKBOOK) == "", "people read it"


def test_a_large_table_is_read_to_its_end_in_the_sandbox(shelf: Shelf) -> None:
    rows = b"".join(b"%d,1,0.5\n" % number for number in range(evidence_reading.MAX_IN_PROCESS // 8))
    said = fault(shelf, EVALUATION_TABLE, b"id,label,score\n" + rows + b"x,0,inf\n")
    assert "not a finite number" in said


def test_a_reader_that_fails_refuses_nothing(shelf: Shelf, with_plugins: None) -> None:
    assert fault(shelf, "acme.notes", b"fail") == ""
    assert fault(shelf, "acme.notes", b"wrong") == "given.csv is wrong."
