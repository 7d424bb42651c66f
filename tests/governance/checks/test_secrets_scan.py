"""`secrets.scan`: what is recognised as a secret, where it is searched for, and that no finding repeats it.

The secrets are joined here from parts, so that no scanner of repositories takes this file for a leak.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checks import entry_points
from governance.checks.base import CheckOutcome, Conclusion
from governance.checks.secrets.forms import REACH, checksum, find_secrets
from registry.services import tokens

Judged = Callable[..., CheckOutcome]

RANDOM = "Zq7RkT2mVx9Lp4Nw8Bc3Yd6Hf5Gj1Sa0Qe7Ru2Ti9Op4Zx8Cv3Bn6Mk5Lj1Hg0Fd7Sa"
LETTERS = "ZqRkTmVxLpNwBcYdHfGjSaQeRuTiOpZxCvBnMkLjHgFd"
HEX = "4f8a1c9e7b2d6053f1e8a94c7d2b6e05"
OURS = tokens.PREFIX + RANDOM[:40] + checksum(RANDOM[:40].encode()).decode()
HUB = "hf" + "_" + LETTERS[:34]

TOKENS = {
    "aws_key": "AKI" + "AZ3MGNQXWPLS2TUVR",
    "github_token": "gh" + "p_" + RANDOM[:36],
    "gitlab_token": "glp" + "at-" + RANDOM[:20],
    "slack_token": "xo" + "xb-123456789012-" + RANDOM[:24],
    "slack_webhook": "https://hooks.sl" + "ack.com/services/T0123ABCD/B0123ABCD/" + RANDOM[:24],
    "google_key": "AI" + "za" + RANDOM[:35],
    "azure_key": "Account" + "Key=" + (RANDOM + RANDOM)[:86] + "==",
    "openai_key": "sk" + "-proj-" + RANDOM[:48],
    "anthropic_key": "sk" + "-ant-api03-" + RANDOM[:60],
    "hugging_face_token": HUB,
    "pypi_token": "py" + "pi-AgEIcHlwaS5vcmcC" + RANDOM[:60],
    "npm_token": "np" + "m_" + RANDOM[:36],
    "stripe_key": "sk" + "_live_" + RANDOM[:24],
    "sendgrid_key": "S" + "G." + RANDOM[:22] + "." + RANDOM[:43],
    "databricks_token": "da" + "pi" + HEX,
    "jwt": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiJsb2FucyJ9." + RANDOM[:43],
    "private_key": "-----BEGIN RSA PRIV" + "ATE KEY-----\nMIIEpAIBAAKCAQEA" + RANDOM,
    "countersign_token": OURS,
    "password_in_url": "postgresql://app:Hv8" + "sQ2x@db.bank.example/loans",
    "password": "machine git.bank.example login ci password Hv8" + "sQ2x",
}


@pytest.mark.parametrize(("code", "secret"), TOKENS.items())
@pytest.mark.parametrize("form", ['{"a": "%s"}', "%s", "export A=%s\n", "a: %s # b", r"\"%s\"", "(%s)"])
def test_forms_of_providers(judged: Judged, code: str, secret: str, form: str) -> None:
    outcome = judged("secrets.scan", {"notes.md": ("# notes\n" + form % secret).encode()}, names=False)
    assert outcome.conclusion is Conclusion.FAILURE
    assert [f.code for f in outcome.findings] == [code]
    assert outcome.findings[0].where.startswith("notes.md, line 2")


def test_a_token_of_this_product_is_recognised_as_it_is_issued() -> None:
    (found,) = find_secrets(tokens.new_secret().encode())
    assert found.code == "countersign_token"
    wrong = OURS[:-1] + ("a" if OURS[-1] != "a" else "b")
    assert list(find_secrets(wrong.encode())) == []


@pytest.mark.parametrize(
    "line",
    [
        'api_key = "' + HEX + '"',
        "client_secret: " + RANDOM[:24],
        '"aws_secret_access_key": "' + RANDOM[:20] + "/" + RANDOM[20:39] + '"',
        "DB_PASSWORD=" + RANDOM[:18],
        'password = "Tr0ub4d' + 'or&3"',
        "WANDB_API_KEY=" + HEX + "deadbeef",
        r"{\"hub_token\": \"" + RANDOM[:30] + r"\"}",
        "auth_token => '" + RANDOM[:32] + "'",
    ],
)
def test_random_values_of_secret_names(judged: Judged, line: str) -> None:
    outcome = judged("secrets.scan", {"config.yaml": line.encode()})
    assert [f.code for f in outcome.findings] == ["secret_value"]
    assert judged("secrets.scan", {"config.yaml": line.encode()}, names=False).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize(
    "line",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_000000000000000000000000000000000000",
        "token = os.environ['HF_TOKEN_2024_PRODUCTION']",
        'password = "changeme"',
        "password: ${DB_PASSWORD}",
        "password: '{{ vault_password_2024 }}'",
        "postgresql://user:password@localhost/db",
        "postgresql://app:${PASSWORD}@db/loans",
        "postgresql://app:<password>@db/loans",
        "postgresql://app:…@db/loans",
        "https://huggingface.co:443/a@b",
        '"pad_token": "<|endoftext|>", "eos_token": "</s>", "mask_token": "[MASK]"',
        '"tokenizer_class": "LlamaTokenizerFast2024abc"',
        '"token_type_ids": [0, 1], "secret": 1234567890123456',
        "secret_name: arn-bank-loans-v2-2024-key9",
        'api_key_sha256: "' + HEX + HEX + '"',
        "password_hash: " + HEX,
        "def login(password: Optional[str], token: SecretStr2024Abc) -> None:",
        "token = request.headers.get_token_v2_primary1(x)",
        "secret = 0123456789abcdef",
        "sha256:" + HEX + HEX,
        "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA" + RANDOM,
        "-----BEGIN PRIVATE KEY-----",
        "ey" + "Jabcdefgh.ey" + "Jabcdefgh.abcdefghijklmnop",
        "x_hf_" + LETTERS[:34],
        HUB + "tail",
    ],
)
def test_what_is_no_secret(judged: Judged, line: str) -> None:
    outcome = judged("secrets.scan", {"a.txt": line.encode()})
    assert (outcome.conclusion, outcome.findings) == (Conclusion.SUCCESS, ())


def packed(name: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.writestr("weights.bin", b"\x00" * 20)
    return raw.getvalue()


def tarred(content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        member = tarfile.TarInfo("a/config.ini")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def notebook(**cell: Any) -> bytes:
    empty = {"cell_type": "markdown", "source": ["# title"]}
    return json.dumps({"cells": [empty, {"cell_type": "code", "metadata": {}, **cell}], "nbformat": 4}).encode()


TEXT = f"a\nlogin('{HUB}')\n".encode()
PLACES = {
    "settings.ini": (TEXT, "settings.ini, line 2"),
    "utf16.txt": (b"\xff\xfe" + TEXT.decode().encode("utf-16-le"), "utf16.txt, line 2"),
    "bom.txt": (b"\xef\xbb\xbf" + TEXT, "bom.txt, line 2"),
    "latin.txt": (b"\xe9\xfc\n" + TEXT, "latin.txt, line 3"),
    "bundle.zip": (packed("conf/app.env", TEXT), "bundle.zip!conf/app.env, line 2"),
    "outer.zip": (packed("in.zip", packed("x.py", TEXT)), "outer.zip!in.zip!x.py, line 2"),
    "log.gz": (gzip.compress(TEXT), "log.gz, line 2"),
    "src.tar.gz": (tarred(TEXT), "src.tar.gz, line 2"),
    "source.ipynb": (notebook(source=["a\n", f"login('{HUB}')"], outputs=[]), "source.ipynb, cell 2, line 2"),
    "output.ipynb": (
        notebook(source="x", outputs=[{"output_type": "stream", "text": ["a\n", HUB]}]),
        "output.ipynb, cell 2 output, line 2",
    ),
    "shown.ipynb": (
        notebook(source="x", outputs=[{"data": {"text/html": [f"<b>{HUB}</b>"], "image/png": "iVBO"}}]),
        "shown.ipynb, cell 2 output, line 1",
    ),
    "broken.ipynb": (b'{"cells": [' + TEXT, "broken.ipynb, line 2"),
    "odd.ipynb": (json.dumps({"cells": [1, {"source": 5, "outputs": 7}], "x": HUB}).encode(), "odd.ipynb, metadata"),
}


@pytest.mark.parametrize("path", PLACES)
def test_where_secrets_are_searched_for(judged: Judged, path: str) -> None:
    content, where = PLACES[path]
    outcome = judged("secrets.scan", {path: content})
    assert [f.where[: len(where)] for f in outcome.findings] == [where]
    assert HUB[3:] not in outcome.as_json().decode()


def test_no_finding_repeats_a_secret(judged: Judged) -> None:
    text = "\n".join([*TOKENS.values(), "password = 'Tr0ub4d" + "or&3'"])
    outcome = judged("secrets.scan", {"all.txt": text.encode()})
    said = outcome.as_json().decode()
    assert len(outcome.findings) == len(TOKENS) + 1
    for secret in (*TOKENS.values(), "Tr0ub4d" + "or&3", "Hv8" + "sQ2x"):
        random = re.split(r"[-_.:/@= ]", secret)
        assert not any(part in said for part in random if len(part) > 15 or part.startswith(("Tr0", "Hv8")))


@pytest.mark.parametrize("at", [0, 1, REACH - 1, REACH, 2 * REACH])
def test_a_secret_at_the_border_of_parts_is_found_once(judged: Judged, at: int) -> None:
    filling = b"word " * ((3 << 20) // 5)
    start = (1 << 20) - at
    content = filling[:start] + b" " + HUB.encode() + b" " + filling[: (2 << 20)]
    outcome = judged("secrets.scan", {"long.txt": content})
    assert [f.code for f in outcome.findings] == ["hugging_face_token"]


@pytest.mark.parametrize(
    ("path", "content"),
    [("cut.zip", packed("a.txt", TEXT)[:-8]), ("cut.gz", gzip.compress(TEXT * 500)[:-8])],
)
def test_what_cannot_be_searched_does_not_pass(judged: Judged, path: str, content: bytes) -> None:
    outcome = judged("secrets.scan", {path: content, "a.txt": b"text"})
    assert outcome.conclusion in (Conclusion.ACTION_REQUIRED, Conclusion.FAILURE)
    assert "not_searched" in [f.code for f in outcome.findings]
    assert judged("secrets.scan", {}).conclusion is Conclusion.FAILURE


def test_a_finding_is_accepted_until_the_last_day(judged: Judged) -> None:
    first = judged("secrets.scan", {"a.txt": TEXT})
    name = re.search(r"finding: ([0-9a-f]{16})\.", first.findings[0].message)
    assert name is not None

    def accepted(day: str, identifier: str = name[1]) -> Conclusion:
        entry = {"id": identifier, "reason": "token of the test server", "expires": day}
        return judged("secrets.scan", {"a.txt": TEXT}, ignore=[entry]).conclusion

    assert accepted("2026-11-01") is Conclusion.SUCCESS
    assert accepted("2026-10-31") is Conclusion.FAILURE
    assert accepted("2026-12-01", "0" * 16) is Conclusion.FAILURE


def test_two_policies_accept_what_both_accept() -> None:
    def entry(name: str, day: str) -> dict[str, str]:
        return {"id": name, "reason": "known and harmless", "expires": day}

    both = entry_points.combined_parameters(
        "secrets.scan",
        {"names": False, "ignore": [entry("aaa", "2026-12-01"), entry("bbb", "2026-12-01")]},
        {"names": True, "ignore": [entry("AAA", "2026-11-01")]},
    )
    assert both == {"names": True, "ignore": [{**entry("AAA", "2026-11-01")}]}


@given(st.binary(max_size=300))
def test_any_bytes_are_searched(raw: bytes) -> None:
    for secret in find_secrets(raw + b" password=" + raw):
        assert 0 <= secret.start <= secret.start + secret.length <= 2 * len(raw) + 10
