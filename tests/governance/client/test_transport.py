"""The client against bad networks: what it sends again, what it never sends, and what it says."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance import client
from tests.governance.client.conftest import Command, command
from tests.governance.client.networks import Said, Scripted, Tunnel, over_tls, scripted, serving

TOKEN = "cs_" + "s3cret" * 7 + "abcd"
ME = {"person": {"name": "Priya Nair", "username": "priya"}}
OPEN = {
    "id": 7, "model": "pd", "version": 3, "state": "open", "target": {"stage": "production", "alias": None},
    "headline": "Not ready: 1 requirement left.", "page": "https://registry.example/promotions/7/", "live": True,
    "fingerprint": "f" * 64, "requirements": [],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.lower().endswith("_proxy") or n.startswith(("COUNTERSIGN_", "GITHUB_"))]:
        if name not in ("COUNTERSIGN_VAR_DIR", "COUNTERSIGN_PROVISION_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COUNTERSIGN_TOKEN", TOKEN)


@pytest.fixture
def countersign(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line."""
    return command(capsys)


def asking(server: Scripted, **options: Any) -> client.Client:
    return client.Client(server.url, TOKEN, backoff=0.001, **options)


# --- what is sent again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Said(503), Said(502, html="<h1>Bad gateway</h1>"), Said(500), Said(429, headers={"Retry-After": "0"}), Said(0)],
)
def test_a_passing_fault_is_asked_again(fault: Said) -> None:
    notes: list[str] = []
    with scripted(fault, fault, Said(200, ME)) as server:
        assert asking(server, note=notes.append).whoami() == ME

    assert len(server.asked) == 3
    assert len(notes) == 2


def test_a_post_keeps_its_key_when_it_is_sent_again_and_has_a_new_one_otherwise() -> None:
    with scripted(Said(0), Said(503), Said(201, OPEN)) as server:
        api = asking(server)
        api.request_promotion("pd", 3, stage="production", reason="better")
        api.request_promotion("pd", 3, stage="production", reason="better")

    keys = [asked.headers["Idempotency-Key"] for asked in server.asked]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_twin_that_is_still_carried_out_is_waited_for() -> None:
    busy = Said(409, {"code": "idempotency_in_progress", "detail": "wait"}, {"Retry-After": "0"})
    with scripted(busy, Said(201, OPEN)) as server:
        assert asking(server).request_promotion("pd", 3, stage="production", reason="better") == OPEN


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 428])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    said = Said(status, {"code": "refused", "detail": "No."})
    with scripted(said) as server, pytest.raises(client.ApiError, match="No"):
        asking(server).whoami()

    assert len(server.asked) == 1


def test_a_file_is_sent_from_its_beginning_again(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"0123456789" * 1000)
    with scripted(Said(0), Said(201, {"kind": "evaluation.table"})) as server:
        asking(server).add_evidence("pd", 3, "evaluation.table", client.LocalFile.read(path))

    assert [asked.size for asked in server.asked] == [10_000, 10_000]
    assert "filename=table.csv" in server.asked[0].path


def test_a_server_that_refuses_before_it_has_read_all_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with path.open("wb") as stream:
        stream.truncate(3 << 20)
    refusal = Said(403, {"code": "missing_scope", "detail": "Not for you."})
    with scripted(refusal, read_body=False) as server, pytest.raises(client.ClientError) as failure:
        asking(server, attempts=3).add_evidence("pd", 3, "some.kind", client.LocalFile.read(path))

    # The connection may be reset before the answer is read; then it is asked again, and never taken for done.
    assert failure.value.exit_code in (3, 8)


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    with path.open("wb") as stream:
        stream.truncate(96 << 20)
    with scripted(Said(201, {"kind": "some.kind"})) as server:
        tracemalloc.start()
        try:
            asking(server).add_evidence("pd", 3, "some.kind", client.LocalFile.read(path))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert server.asked[0].size == 96 << 20
    assert server.asked[0].headers["Content-Length"] == str(96 << 20)
    assert peak < 16 << 20


def test_waiting_outlives_a_server_that_is_away_for_a_while() -> None:
    unchanged = Said(304, headers={"Retry-After": "0"})
    done = Said(200, {**OPEN, "state": "promoted"})
    with scripted(Said(200, OPEN, {"ETag": '"7-1-abc"'}), unchanged, *[Said(0)] * 5, Said(503), done) as server:
        document = asking(server, attempts=2).follow(7, timeout=60)

    assert document["state"] == "promoted"
    assert server.asked[1].headers["If-None-Match"] == '"7-1-abc"'
    assert "wait=25" in server.asked[1].path


def test_what_is_blocked_is_waited_for_until_every_check_has_answered() -> None:
    running = Said(200, {**OPEN, "state": "blocked", "checks": [{"status": "completed"}, {"status": "running"}]})
    lacking = {**OPEN, "state": "blocked", "checks": [{"status": "completed"}, {"status": "waiting_evidence"}]}
    with scripted(running, Said(200, lacking)) as server:
        assert asking(server).follow(7, timeout=60) == lacking


def test_a_server_that_stays_away_is_8(countersign: Command) -> None:
    with scripted(Said(200, OPEN), Said(0)) as server:
        run = countersign("wait", "7", "--timeout", "1", "--attempts", "1", "--url", server.url)

    assert run.status == 8


# --- who answers -----------------------------------------------------------------------------------------------------


def test_no_server_listens(countersign: Command) -> None:
    with scripted(Said(200, ME)) as server:
        url = server.url

    run = countersign("whoami", "--url", url, "--attempts", "1")

    assert run.status == 8
    assert f"Nothing listens at {url}" in run.err


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(502, html="<title>Bad\x1b[2J gateway</title>"), "502 with text/html (“Bad [2J gateway”)"),
        (Said(200, html="<html>Sign in with SSO</html>"), "and not with JSON"),
        (Said(200, ["a list"]), "and not with JSON"),
        (Said(404, html="<h1>nginx</h1>"), "something else than Countersign"),
    ],
)
def test_a_page_is_not_taken_for_an_answer(countersign: Command, said: Said, expected: str) -> None:
    with scripted(said) as server:
        run = countersign("whoami", "--url", server.url, "--attempts", "1")

    assert run.status == 8
    assert expected in run.err


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_the_token_follows_no_redirect(countersign: Command, status: int) -> None:
    with scripted(Said(200, ME)) as elsewhere:
        said = Said(status, headers={"Location": f"{elsewhere.url}/api/v1/whoami?secret=1"})
        with scripted(said) as server:
            run = countersign("whoami", "--url", server.url)

    assert (run.status, elsewhere.asked, len(server.asked)) == (8, [], 1)
    assert "set COUNTERSIGN_URL" in run.err
    assert "secret=1" not in run.err


def test_an_address_with_the_interface_s_own_path_is_understood() -> None:
    with scripted(Said(200, ME)) as server:
        client.Client(f"{server.url}/registry/api/v1/", TOKEN).whoami()

    assert server.asked[0].path == "/registry/api/v1/whoami"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://registry.example", "use https://"),
        ("http://10.0.0.7:8000", "use https://"),
        ("http://localhost.evil.example", "use https://"),
        ("https://priya:pw@registry.example", "contains a user name or password"),
        ("registry.example", "is not a valid address"),
        ("ftp://registry.example", "is not a valid address"),
        ("https://registry.example:port", "is not a valid address"),
    ],
)
def test_addresses_a_token_is_not_sent_to(countersign: Command, url: str, expected: str) -> None:
    run = countersign("whoami", "--url", url)

    assert run.status == 2
    assert expected in run.err
    assert "pw" not in run.err


@pytest.mark.parametrize("token", ["", "cs_\r\nX-Evil: 1 abcdefgh", "cs_ä" + "a" * 45, "short"])
def test_what_cannot_be_a_token_is_not_sent(token: str) -> None:
    with pytest.raises(client.UsageError, match="token"):
        client.Client("http://127.0.0.1:1", token)


# --- TLS and proxies -------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Scripted, Path]]:
    """Give a server for registry.example and 127.0.0.1's port, and the certificate that proves it."""
    with over_tls(Scripted(Said(200, ME)), "registry.example", tmp_path) as made:
        yield made


def test_a_certificate_no_authority_signed_gets_no_token(countersign: Command, tmp_path: Path) -> None:
    with over_tls(Scripted(Said(200, ME)), "127.0.0.1", tmp_path) as (server, certificate):
        url = server.url.replace("http:", "https:")
        refused = countersign("whoami", "--url", url)
        trusted = countersign("whoami", "--url", url, "--ca-file", certificate)

    assert refused.status == 8
    assert "is not trusted" in refused.err
    assert "COUNTERSIGN_CA_FILE" in refused.err
    assert trusted.json == ME
    assert len(server.asked) == 1


def test_a_certificate_of_another_host_gets_no_token(countersign: Command, secure: tuple[Scripted, Path]) -> None:
    server, certificate = secure

    run = countersign("whoami", "--url", server.url.replace("http:", "https:"), "--ca-file", certificate)

    assert (run.status, server.asked) == (8, [])


def test_the_proxy_of_the_environment_leads_to_other_machines(
    countersign: Command, secure: tuple[Scripted, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = secure
    with serving(Tunnel(server.server_port)) as tunnel:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ci:p%40ss@127.0.0.1:{tunnel.port}")

        run = countersign("whoami", "--url", "https://registry.example", "--ca-file", certificate)

    assert run.json == ME
    assert tunnel.heads[0].startswith("CONNECT registry.example:443 ")
    assert "Proxy-Authorization: Basic Y2k6cEBzcw==" in tunnel.heads[0]
    assert TOKEN not in tunnel.heads[0]


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted(Said(200, ME)) as server:
        assert asking(server, attempts=1).whoami() == ME


# --- what is said ----------------------------------------------------------------------------------------------------


def test_a_token_that_comes_back_is_not_shown(countersign: Command) -> None:
    echo = {"detail": f"Bearer {TOKEN} is wrong", "title": "No", "code": "token_refused", "type": TOKEN}
    with scripted(Said(401, echo)) as server:
        run = countersign("whoami", "--url", server.url)  # which looks for the token in what was said

    assert run.status == 3
    assert "Bearer cs_… is wrong" in run.err


def test_what_others_wrote_moves_no_cursor(countersign: Command) -> None:
    hostile = {**OPEN, "headline": "fine\x1b[2K\r\u202egnp.exe", "requirements": [{"title": "a\nb", "state": "met"}]}
    with scripted(Said(200, hostile)) as server:
        run = countersign("wait", "7", "--timeout", "0", "--table", "--url", server.url)

    assert "\x1b" not in run.out + run.err
    assert "\r" not in run.out
    assert "\u202e" not in run.out
    assert " ✓ a b" in run.out


def test_markdown_of_others_stays_text() -> None:
    summary = client.job_summary(
        {**OPEN, "headline": "![x](https://evil.example/x.png) | <b>", "requirements": [{"title": "@team | `x`"}]}
    )

    assert "![x]" not in summary
    assert "<b>" not in summary
    assert "\\@team \\| \\`x\\`" in summary


def test_a_reader_that_has_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    with scripted(Said(200, ME)) as server:
        process = subprocess.Popen(
            [sys.executable, client.__file__, "whoami", "--url", server.url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()

    assert (process.wait(), said) == (0, "")
