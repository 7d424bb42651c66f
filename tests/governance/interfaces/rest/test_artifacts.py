"""Files over HTTP: streamed uploads and downloads, declared files only, recorded downloads."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from django.conf import settings

from audit.models import Event
from registry.models import Artifact
from tests.governance.interfaces.rest.conftest import Caller, file, viewer
from tests.personas import People

CONTENT = b"\x00\x01<script>alert(1)</script>" * 1000
WHERE = "/models/m/versions/1/artifacts/deep/model.html"


@pytest.fixture
def declared(priya_calls: Caller) -> Caller:
    priya_calls.register_model("m")
    priya_calls.post("/models/m/versions", {"artifacts": [file("deep/model.html", CONTENT)]})
    return priya_calls


def stored_files() -> list[Path]:
    return [path for path in Path(settings.COUNTERSIGN_STORAGE_DIR).rglob("*") if path.is_file()]


def test_what_is_sent_comes_back(declared: Caller) -> None:
    assert declared.get(WHERE).problem(404, "not_found")["detail"].endswith("not uploaded yet.")
    assert declared.upload(WHERE, CONTENT).status == 200
    assert declared.upload(WHERE, CONTENT).status == 200

    back = declared.get(WHERE)
    assert back.raw == CONTENT
    assert back.headers["Content-Type"] == "application/octet-stream"
    assert back.headers["Content-Disposition"] == 'attachment; filename="model.html"'
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    assert back.headers["Content-Length"] == str(len(CONTENT))
    digest = hashlib.sha256(CONTENT)
    assert back.headers["ETag"] == f'"{digest.hexdigest()}"'
    assert back.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert "default-src 'none'" in back.headers["Content-Security-Policy"]


def test_a_slash_may_be_sent_as_a_slash_or_escaped(declared: Caller) -> None:
    assert declared.upload("/models/m/versions/1/artifacts/deep%2Fmodel.html", CONTENT).status == 200


def test_who_took_which_file_is_on_record(declared: Caller, installed: People) -> None:
    declared.upload(WHERE, CONTENT)
    chen = viewer(installed.chen, "m")

    def taken() -> list[Event]:
        return list(Event.objects.filter(action="artifact.downloaded").order_by("id"))

    tag = chen.get(WHERE).headers["ETag"]
    assert len(taken()) == 1
    assert taken()[0].body["actor"]["behind"] == installed.chen.uid
    # Nothing was handed out, so nothing is recorded.
    assert chen.get(WHERE, If_None_Match=tag).status == 304
    head = chen("HEAD", WHERE)
    assert (head.status, head.raw, head.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))
    assert len(taken()) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [(CONTENT[:-1], "wrong_size"), (CONTENT + b"x", "wrong_size"), (b"", "wrong_size"),
     (b"y" + CONTENT[1:], "wrong_digest")],
)  # fmt: skip
def test_other_bytes_than_declared_are_refused_and_not_kept(declared: Caller, sent: bytes, code: str) -> None:
    before = stored_files()

    problem = declared.upload(WHERE, sent).problem(422, "invalid_input")

    assert problem["errors"][0]["code"] == code
    assert stored_files() == before
    assert not Artifact.objects.filter(blob__isnull=False).exists()


def test_the_length_must_be_known(declared: Caller) -> None:
    chunked = declared.client.put(
        f"/api/v1{WHERE}",
        CONTENT,
        content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {declared.secret}", "Transfer-Encoding": "chunked"},
        CONTENT_LENGTH="",
    )
    assert chunked.status_code == 411
    assert chunked.json()["code"] == "length_required"


def test_a_form_is_no_file(declared: Caller) -> None:
    declared.upload(WHERE, b"x=1", content_type="application/x-www-form-urlencoded").problem(
        415, "unsupported_media_type"
    )
    declared.upload(WHERE, b"x", content_type="multipart/form-data; boundary=x").problem(415, "unsupported_media_type")


def test_only_what_was_declared_is_taken(declared: Caller) -> None:
    declared.upload("/models/m/versions/1/artifacts/other", b"x").problem(404, "not_found")
    declared.get("/models/m/versions/1/artifacts/other").problem(404, "not_found")
    declared.upload("/models/m/versions/2/artifacts/deep/model.html", b"x").problem(404, "not_found")


def test_files_of_a_registered_version_are_fixed(declared: Caller) -> None:
    declared.upload(WHERE, CONTENT)
    declared.post("/models/m/versions/1/complete")

    declared.upload(WHERE, CONTENT).problem(409, "version_registered")


def test_forbidden_and_invisible(declared: Caller, eve_calls: Caller, installed: People) -> None:
    declared.upload(WHERE, CONTENT)

    eve_calls.get(WHERE).problem(404, "not_found")
    eve_calls.upload(WHERE, CONTENT).problem(404, "not_found")
    chen = viewer(installed.chen, "m")
    chen.upload(WHERE, CONTENT).problem(403, "not_permitted")
    assert chen.get(WHERE).status == 200
