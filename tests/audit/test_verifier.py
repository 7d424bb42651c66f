"""The verifier on its own: golden vectors, the table of what tampering is detected, every mutant of a bundle."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import bundles, leaf, merkle, notes, verifier
from audit.verifier import FAILED, MALFORMED, UNANCHORED, VERIFIED
from tests.audit import own_log
from tests.audit.own_log import ORIGIN, OwnLog

FILE = Path(verifier.__file__)


@dataclass
class Outcome:
    """Exit status and report of a run."""

    status: int
    report: dict[str, Any]


def verify(bundle: Path, policy: Path, *arguments: object) -> Outcome:
    """Run the command line in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = verifier.main([str(bundle), "--policy", str(policy), "--json", *map(str, arguments)])
    report = json.loads(out.getvalue())
    assert report["status"] == ("verified", "failed", "malformed", "unanchored")[status]
    assert bool(report["fault"]) == (status in (FAILED, MALFORMED))
    return Outcome(status, report)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return own_log.policy(tmp_path)


def noted(folder: Path, note: str) -> Path:
    file = folder / f"note-{abs(hash(note))}"
    file.write_text(note)
    return file


GOLDEN = """\
{"action":"log.opened","actor":{"id":"system","type":"system"},"at":"2026-01-01T00:00:00.000000Z","changes":[],"id":"00000000-0000-4000-8000-000000000001","log":"registry.example/audit/1","object":{"id":"registry.example/audit/1","type":"log"},"stream":{"id":"log","seq":1},"type":"audit.event/1"}
{"action":"model.version.registered","actor":{"auth":"oidc","id":"usr_01","type":"user"},"at":"2026-01-01T00:00:01.250000Z","changes":[{"field":"stage","from":null,"to":"staging"}],"id":"00000000-0000-4000-8000-000000000002","log":"registry.example/audit/1","object":{"id":"mdl_7","type":"model","version":1},"stream":{"id":"model:mdl_7","seq":1},"type":"audit.event/1"}
{"action":"model.stage.approved","actor":{"auth":"oidc","id":"usr_02","type":"user"},"at":"2026-01-01T00:00:02.000001Z","changes":[{"field":"stage","from":"staging","to":"production"},{"commit":"hmac-sha256:82430feaee301d59f5bf3163a3728d69aa0aefc2c62738a91cf294c72edd9af7","field":"comment"}],"id":"00000000-0000-4000-8000-000000000003","log":"registry.example/audit/1","object":{"id":"mdl_7","type":"model","version":1},"stream":{"id":"model:mdl_7","seq":2},"type":"audit.event/1"}
"""
GOLDEN_CHECKPOINT = """\
registry.example/audit/1
3
TOUd97waruk1vtH6HnwoCvQs6dklbCKD/SreYu3jFt8=

— registry.example/audit/1 iBgoGo3eWHEPCVfxzDbW++J8IW2kaCAzuliT7OKegi56NRWpWOVrvSGlmtkOcAgD60w2n1pDUiuj4WhgqNysmFdulgg=
"""
GOLDEN_KEY = "registry.example/audit/1+8818281a+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def test_it_accepts_the_golden_bundle(tmp_path: Path) -> None:
    """Vectors that were made by another implementation, with Go's sumdb/note and tlog as referees."""
    bundle = tmp_path / "golden"
    bundle.mkdir()
    (bundle / "entries.jsonl").write_text(GOLDEN)
    (bundle / "checkpoint").write_text(GOLDEN_CHECKPOINT)
    opening = bundles.Opening("/changes/1", "comment", bytes(range(32)), "grün ✓")
    (bundle / "private.jsonl").write_bytes(bundles._opening_line("00000000-0000-4000-8000-000000000003", opening))
    own_log.sealed(bundle)
    trusted = noted(tmp_path, GOLDEN_CHECKPOINT)
    policy = tmp_path / "golden-policy"
    policy.write_text(f"log {GOLDEN_KEY}\nquorum none\n")
    found = verify(bundle, policy, "--trusted", trusted, "--require", "leaves,streams,canonical,openings")
    assert found.status == VERIFIED, found.report
    assert [leaf.leaf_hash(line.encode()).hex()[:8] for line in GOLDEN.splitlines()] == [
        "4831a489",
        "2417b18b",
        "902c89b9",
    ]


def test_ed25519_agrees_with_the_library() -> None:
    """The same answer as OpenSSL for good, altered and strange signatures (RFC 8032)."""
    seeded = random.Random(15)
    for _ in range(8):
        private = Ed25519PrivateKey.from_private_bytes(seeded.randbytes(32))
        public, message = private.public_key().public_bytes_raw(), seeded.randbytes(seeded.randrange(200))
        signature = private.sign(message)
        assert verifier.verify_ed25519(public, message, signature)
        flipped = bytearray(signature)
        flipped[seeded.randrange(64)] ^= 1 << seeded.randrange(8)
        larger = (int.from_bytes(signature[32:], "little") + verifier._L).to_bytes(32, "little")
        for wrong in (bytes(flipped), signature[:32] + larger, signature[:63], bytes(64)):
            with pytest.raises(InvalidSignature):
                private.public_key().verify(wrong, message)
            assert not verifier.verify_ed25519(public, message, wrong)
        assert not verifier.verify_ed25519(public, message + b"x", signature)
    for low_order in (bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"):
        assert not verifier.verify_ed25519(low_order, b"", b"\1" + bytes(63))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_it_accepts_complete_logs_of_all_shapes(tmp_path: Path, policy: Path, size: int) -> None:
    log = OwnLog.of(size)
    bundle = log.write(tmp_path / "bundle", earlier=sorted({0, 1, size // 2, size} & set(range(size + 1))))
    assert verify(bundle, policy).status == UNANCHORED
    if size:
        old = noted(tmp_path, log.checkpoint(max(1, size - 3)))
        anchored = verify(bundle, policy, "--trusted", old, "--require", "leaves,streams,canonical,openings,tiles")
        assert anchored.status == VERIFIED, anchored.report


def test_it_accepts_some_events_with_their_proofs(tmp_path: Path, policy: Path) -> None:
    log = OwnLog.of(20)
    packet = b'{"shown":true}'
    naming = own_log.event(20, "model:0", 8, digest=hashlib.sha256(packet).hexdigest())
    log = OwnLog([*log.leaves, naming, own_log.event(21, "other", 1)], reasons=log.reasons)
    bundle = log.write_some(tmp_path / "bundle", [*range(0, 20, 3), 20], old=[5, 22], attached=packet)
    old, newest = noted(tmp_path, log.checkpoint(5)), noted(tmp_path, log.checkpoint())
    parts = "proofs,streams,canonical,openings,attachments"
    found = verify(bundle, policy, "--trusted", old, "--trusted", newest, "--require", parts)
    assert found.status == VERIFIED, found.report
    assert verify(bundle, policy).status == UNANCHORED
    for missing in ("leaves", "tiles"):
        assert verify(bundle, policy, "--require", missing).status == FAILED
    assert verify(bundle, policy, "--trusted", noted(tmp_path, log.checkpoint(7))).status == FAILED
    receipt = next((bundle / "proofs").iterdir())
    record = tmp_path / "event.json"
    record.write_bytes(next(each for each in log.leaves if receipt.name[:36].encode() in each))
    assert verify(receipt, policy, "--event", record, "--trusted", newest).status == VERIFIED
    record.write_bytes(log.leaves[1])
    assert verify(receipt, policy, "--event", record).status == FAILED


def test_witnesses_anchor_a_log(tmp_path: Path) -> None:
    log, policy = OwnLog.of(9), own_log.witnessed_policy(tmp_path)
    seen = log.write(tmp_path / "seen", checkpoint=log.checkpoint(witness=True))
    found = verify(seen, policy)
    assert found.status == VERIFIED, found.report
    assert any("w saw this checkpoint at 2026-" in line for line in found.report["proved"])
    unseen = log.write(tmp_path / "unseen")
    assert verify(unseen, policy).status == FAILED


def test_a_log_that_was_continued_under_a_new_name_says_so(tmp_path: Path, policy: Path) -> None:
    former = own_log.event(1, "model:0", 2, log=ORIGIN.replace("/1", "/2"))
    alien = own_log.event(1, "model:0", 2, log="other.example/audit/1")
    first = own_log.event(0, "model:0", 1)
    continued, mixed = OwnLog([first, former]), OwnLog([first, alien])
    found = verify(continued.write(tmp_path / "a"), policy)
    assert found.status == UNANCHORED
    assert any("continued after a restore" in line for line in found.report["not_proved"])
    assert verify(mixed.write(tmp_path / "b"), policy).report["index"] == 1
    assert verify(continued.write_some(tmp_path / "c", [1]), policy).status == UNANCHORED
    assert verify(mixed.write_some(tmp_path / "d", [1]), policy).status == FAILED


def test_no_key_of_the_bundle_is_trusted(tmp_path: Path, policy: Path) -> None:
    """A log that is signed by another key is refused, whatever the bundle says about keys."""
    log, other = OwnLog.of(5), Ed25519PrivateKey.generate()
    bundle = log.write(tmp_path / "bundle", checkpoint=log.checkpoint(key=other))
    (bundle / "policy").write_text(f"log {notes.public_key(other, ORIGIN)}\nquorum none\n")
    own_log.sealed(bundle)
    assert verify(bundle, policy).status == FAILED


def _retold(log: OwnLog, change: Callable[[list[bytes]], object]) -> OwnLog:
    """The log with other events, and everything computed again."""
    leaves = list(log.leaves)
    change(leaves)
    return OwnLog(leaves, reasons=log.reasons)


def _altered(each: bytes) -> bytes:
    return each.replace(b"gr\xc3\xbcn", b"rot!", 1)


def _renumbered(leaves: list[bytes]) -> None:
    """Delete event 100 and close the gap in its stream."""
    del leaves[100]
    stream, seq = 100 % 3, 100 // 3 + 1
    for at, each in enumerate(leaves):
        old = b'"stream":{"id":"model:%d","seq":' % stream
        if at >= 100 and old in each:
            leaves[at] = each.replace(old + b"%d}" % (seq + 1), old + b"%d}" % seq)
            seq += 1


COUNT, ANCHOR = 600, 400


class TestTampering:
    """T1 to T10: what the signature and the recomputed root detect, and what only a checkpoint from outside does."""

    @pytest.fixture
    def log(self) -> OwnLog:
        return OwnLog.of(COUNT)

    def outcomes(self, tmp_path: Path, bundle: Path, log: OwnLog) -> tuple[Outcome, Outcome]:
        """Without a checkpoint from outside, and with that of size 400."""
        policy, trusted = own_log.policy(tmp_path), noted(tmp_path, log.checkpoint(ANCHOR))
        return verify(bundle, policy), verify(bundle, policy, "--trusted", trusted)

    def test_t1_bytes_of_an_event_are_changed(self, tmp_path: Path, log: OwnLog) -> None:
        changed = OwnLog(list(log.leaves), list(log.hashes), log.reasons)
        changed.leaves[123] = _altered(changed.leaves[123])
        alone, anchored = self.outcomes(tmp_path, changed.write(tmp_path / "b"), log)
        for found in (alone, anchored):
            assert (found.status, found.report["index"]) == (FAILED, 123), found.report
            assert found.report["event"] == "00000000-0000-4000-8000-000000000123"

    @pytest.mark.parametrize("earlier", [(), (100, 120, 150)])
    def test_t2_the_stored_hash_is_changed_too(self, tmp_path: Path, log: OwnLog, earlier: tuple[int, ...]) -> None:
        changed = OwnLog(list(log.leaves), list(log.hashes), log.reasons)
        changed.leaves[123] = _altered(changed.leaves[123])
        changed.hashes[123] = leaf.leaf_hash(changed.leaves[123])
        bundle = changed.write(tmp_path / "b", checkpoint=log.checkpoint())
        for size in earlier:
            (bundle / "checkpoints").mkdir(exist_ok=True)
            (bundle / "checkpoints" / str(size)).write_text(log.checkpoint(size))
        own_log.sealed(bundle)
        alone, anchored = self.outcomes(tmp_path, bundle, log)
        assert (alone.status, anchored.status) == (FAILED, FAILED)
        assert alone.report["index"] == (120 if earlier else 0)  # the first event that no checkpoint proves

    def test_t3_everything_is_computed_and_signed_again(self, tmp_path: Path, log: OwnLog) -> None:
        retold = _retold(log, lambda leaves: leaves.__setitem__(123, _altered(leaves[123])))
        alone, anchored = self.outcomes(tmp_path, retold.write(tmp_path / "b"), log)
        assert (alone.status, anchored.status) == (UNANCHORED, FAILED)  # alone: cannot be detected

    def test_t4_an_event_is_deleted(self, tmp_path: Path, log: OwnLog) -> None:
        cut = OwnLog(log.leaves[:123] + log.leaves[124:], log.hashes[:123] + log.hashes[124:], log.reasons)
        alone, anchored = self.outcomes(tmp_path, cut.write(tmp_path / "b", checkpoint=log.checkpoint()), log)
        assert (alone.status, anchored.status) == (FAILED, FAILED)
        retold = _retold(log, lambda leaves: leaves.__delitem__(123))
        alone, anchored = self.outcomes(tmp_path, retold.write(tmp_path / "c"), log)
        assert (alone.status, anchored.status) == (FAILED, FAILED)  # signed again: the gap in its stream shows it
        assert "stream" in alone.report["fault"]

    def test_t4b_an_event_is_deleted_and_its_stream_numbered_again(self, tmp_path: Path, log: OwnLog) -> None:
        alone, anchored = self.outcomes(tmp_path, _retold(log, _renumbered).write(tmp_path / "b"), log)
        assert (alone.status, anchored.status) == (UNANCHORED, FAILED)

    @pytest.mark.parametrize(("size", "expected"), [(ANCHOR - 1, FAILED), (ANCHOR + 50, VERIFIED)])
    def test_t5_the_tail_is_cut(self, tmp_path: Path, log: OwnLog, size: int, expected: int) -> None:
        """Below the checkpoint from outside it is detected; above it cannot be (T5b)."""
        shorter = _retold(log, lambda leaves: leaves.__delitem__(slice(size, None)))
        alone, anchored = self.outcomes(tmp_path, shorter.write(tmp_path / "b"), log)
        assert (alone.status, anchored.status) == (UNANCHORED, expected)
        if expected == VERIFIED:
            assert any("newest checkpoint that you hold is older" in line for line in anchored.report["not_proved"])

    def test_t5c_an_old_genuine_checkpoint_is_shown(self, tmp_path: Path, log: OwnLog) -> None:
        older = OwnLog(log.leaves[:300], reasons=log.reasons)
        alone, anchored = self.outcomes(tmp_path, older.write(tmp_path / "b", checkpoint=log.checkpoint(300)), log)
        assert (alone.status, anchored.status) == (UNANCHORED, FAILED)

    def test_t6_two_events_are_swapped(self, tmp_path: Path, log: OwnLog) -> None:
        changed = OwnLog(list(log.leaves), list(log.hashes), log.reasons)
        changed.leaves[50], changed.leaves[51] = changed.leaves[51], changed.leaves[50]
        found, _ = self.outcomes(tmp_path, changed.write(tmp_path / "b"), log)
        assert (found.status, found.report["index"]) == (FAILED, 50)

    def test_t7_an_event_is_repeated(self, tmp_path: Path, log: OwnLog) -> None:
        twice = _retold(log, lambda leaves: leaves.insert(60, leaves[50]))
        alone, anchored = self.outcomes(tmp_path, twice.write(tmp_path / "b"), log)
        assert (alone.status, alone.report["index"], anchored.status) == (FAILED, 60, FAILED)

    def test_t8_a_checkpoint_is_edited(self, tmp_path: Path, log: OwnLog) -> None:
        edited = log.checkpoint().replace("\n600\n", "\n599\n")
        alone, anchored = self.outcomes(tmp_path, log.write(tmp_path / "b", checkpoint=edited), log)
        assert (alone.status, anchored.status) == (FAILED, FAILED)

    @pytest.mark.parametrize(("removed", "expected"), [(123, FAILED), (COUNT - 1, UNANCHORED)])
    def test_t9_an_event_is_removed_before_it_is_sequenced(
        self, tmp_path: Path, log: OwnLog, removed: int, expected: int
    ) -> None:
        """The gap in its stream shows it, unless it is the last of its stream (T9b, cannot be detected)."""
        never = _retold(log, lambda leaves: leaves.__delitem__(removed))
        policy = own_log.policy(tmp_path)
        assert verify(never.write(tmp_path / "b"), policy).status == expected

    def test_t10_a_false_event_is_recorded_by_the_product_itself(self, tmp_path: Path, log: OwnLog) -> None:
        """Cannot be detected by any log; the report says so."""
        more = OwnLog([*log.leaves, own_log.event(COUNT, "model:9", 1)], reasons=log.reasons)
        alone, anchored = self.outcomes(tmp_path, more.write(tmp_path / "b"), log)
        assert (alone.status, anchored.status) == (UNANCHORED, VERIFIED)
        assert any("what was recorded is true" in line for line in anchored.report["not_proved"])


def _mutants_of(content: bytes, every: int) -> list[bytes]:
    """Each `every`-th byte changed, removed, doubled; each line removed, doubled, moved; halves; nothing."""
    found = []
    for at in range(0, len(content), every):
        found += [
            content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
            content[:at] + content[at + 1 :],
            content[: at + 1] + content[at : at + 1] + content[at + 1 :],
        ]
    lines = content.splitlines(keepends=True)
    for at in range(0, len(lines), min(every, 5)):
        found += [b"".join(lines[:at] + lines[at + 1 :]), b"".join(lines[: at + 1] + lines[at:])]
        found.append(b"".join([*lines[:at], *reversed(lines[at : at + 2]), *lines[at + 2 :]]))
    return [b"", content[: len(content) // 2], content + b"\n", content + b"\x00", *found]


def _bundles_of_both_kinds(folder: Path) -> list[tuple[Path, list[str]]]:
    log = OwnLog.of(7)
    packet = b'{"shown":true}\n'
    naming = own_log.event(7, "model:1", 3, digest=hashlib.sha256(packet).hexdigest())
    log = OwnLog([*log.leaves, naming], reasons=log.reasons)
    old = str(noted(folder, log.checkpoint(5)))
    complete = log.write(folder / "complete", earlier=[3])
    (complete / "verifier.py").write_bytes(b"# small\n")
    own_log.sealed(complete)
    some = log.write_some(folder / "some", [0, 3, 4, 7], old=[5], attached=packet)
    return [(complete, ["--trusted", old]), (some, ["--trusted", old])]


@pytest.mark.parametrize("every", [197, pytest.param(1, marks=pytest.mark.long)])
def test_every_mutant_is_refused(tmp_path: Path, policy: Path, every: int) -> None:
    """Any byte, line or file changed, removed, doubled or added is refused, with a status and without a traceback."""
    for bundle, arguments in _bundles_of_both_kinds(tmp_path):
        assert verify(bundle, policy, *arguments).status == VERIFIED
        for file in sorted(path for path in bundle.rglob("*") if path.is_file()):
            content = file.read_bytes()
            for mutant in _mutants_of(content, every):
                if mutant == content:
                    continue
                file.write_bytes(mutant)
                assert verify(bundle, policy, *arguments).status in (FAILED, MALFORMED), (file, mutant)
            file.unlink()
            assert verify(bundle, policy, *arguments).status in (FAILED, MALFORMED), file
            file.symlink_to(__file__)
            assert verify(bundle, policy, *arguments).status in (FAILED, MALFORMED), file
            file.unlink()
            os.mkfifo(file)
            assert verify(bundle, policy, *arguments).status in (FAILED, MALFORMED), file
            file.unlink()
            file.mkdir()
            assert verify(bundle, policy, *arguments).status in (FAILED, MALFORMED), file
            file.rmdir()
            file.write_bytes(content)
        (bundle / "added").write_bytes(b"")
        assert verify(bundle, policy, *arguments).status == FAILED
        (bundle / "added").unlink()


def test_forged_openings_and_attachments_are_refused_where_the_list_of_digests_fits(
    tmp_path: Path, policy: Path
) -> None:
    bundle, _ = _bundles_of_both_kinds(tmp_path)[1]
    private, packet, attached = bundle / "private.jsonl", bundle / "packets/one.json", bundle / "attachments.jsonl"
    first, second = private.read_text().splitlines(keepends=True)[:2]
    event, other = json.loads(first)["event"], json.loads(second)["event"]
    for file, content in (
        (private, first.replace("reason 0", "reason 1")),
        (private, first.replace('"field": "reason"', '"field": "other"')),
        (private, first.replace(event, other)),
        (private, first + first),
        (packet, "{}\n"),
        (attached, attached.read_text().replace("7", "4", 1)),
    ):
        kept = file.read_bytes()
        file.write_text(content)
        own_log.sealed(bundle)
        assert verify(bundle, policy).status == FAILED, content
        file.write_bytes(kept)
    own_log.sealed(bundle)
    assert verify(bundle, policy).status == UNANCHORED


@pytest.mark.parametrize(
    "text",
    ["", "quorum none", "log x\nquorum none", "log {key}", "log {key}\nlog {key}\nquorum none", "log {key}\nquorum a",
     "log {key}\ngroup g 2 a\nquorum g", "log {key}\nquorum none\nquorum none", "log {key}\nquorum none\x00",
     "witness none {key}\nlog {key}\nquorum none", "\ufeff", "log {key}\ngroup g 99999999999999999999 g\nquorum g"],
)  # fmt: skip
def test_a_policy_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "p"
    file.write_text(text.replace("{key}", GOLDEN_KEY))
    bundle = OwnLog.of(1).write(tmp_path / "b")
    assert verify(bundle, file).status == MALFORMED


def test_a_quorum_counts_members_of_groups() -> None:
    keys = [
        notes.public_key(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32), f"w{n}", notes.COSIGNATURE)
        for n in range(1, 6)
    ]
    lines = [f"log {GOLDEN_KEY}", *(f"witness w{n} {key} https://w.example/" for n, key in enumerate(keys))]
    lines += ["group x 2 w0 w1 w2", "group y any w3 w4", "\tgroup both  all x y ", "# comment", "quorum both"]
    policy = verifier.Policy("\n".join(lines))
    assert policy.is_satisfied("both", {"w0", "w2", "w4"})
    for too_few in ({"w0", "w4"}, {"w0", "w1", "w2"}, set()):
        assert not policy.is_satisfied("both", too_few)


def test_proofs_agree_with_the_product_for_all_small_trees() -> None:
    """The file repeats the functions of audit.merkle, because it must run alone."""
    hashes = [leaf.leaf_hash(bytes([n])) for n in range(20)]
    read = merkle.subtree_of_hashes(hashes)
    for size in range(1, 20):
        root, tree = merkle.root_of(hashes[:size]), verifier.Tree()
        tree.extend(hashes[:size])
        assert tree.root() == root
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, read)
            assert verifier.verify_inclusion(hashes[index], index, size, proof, root)
            assert not verifier.verify_inclusion(hashes[index], index + 1, size, proof, root)
            assert not verifier.verify_inclusion(hashes[index], index, size, [*proof, root], root)
        for old in range(1, size):
            proof = merkle.consistency_proof(old, size, read)
            old_root = merkle.root_of(hashes[:old])
            assert verifier.verify_consistency(old, old_root, size, root, proof)
            for wrong, other in pairwise([*proof, old_root]):
                assert not verifier.verify_consistency(old, other, size, root, [wrong]) or proof == [wrong]


INTERPRETERS = [
    path
    for version in ("3.9",)
    for path in [*map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")), f"/usr/bin/python{version}"][
        :1
    ]
    if Path(path).exists()
]
"""Others than that of the tests, where they are installed."""


def test_it_is_written_in_python_3_9() -> None:
    ast.parse(FILE.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("interpreter", [sys.executable, *INTERPRETERS])
def test_it_runs_alone_under_old_and_new_interpreters(tmp_path: Path, policy: Path, interpreter: str) -> None:
    log = OwnLog.of(300)
    bundle = log.write(tmp_path / "bundle")
    trusted = noted(tmp_path, log.checkpoint(257))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [interpreter, "-I", "-W", "error", str(bundle / "verifier.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)

    good = run("bundle", "--policy", str(policy), "--trusted", str(trusted))
    assert (good.returncode, good.stderr) == (VERIFIED, ""), good
    assert good.stdout.startswith(f"VERIFIED: the complete log {ORIGIN} of 300 events.")
    assert "Not proved:" in good.stdout
    entries = bundle / "entries.jsonl"
    entries.write_bytes(_altered(entries.read_bytes()))
    bad = run("bundle", "--policy", str(policy))
    assert (bad.returncode, bad.stderr) == (FAILED, "")
    assert "Event 0 (00000000-0000-4000-8000-000000000000)" in bad.stdout
    absent = run("nowhere", "--policy", str(policy))
    assert (absent.returncode, absent.stderr) == (MALFORMED, "")
