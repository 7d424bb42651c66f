"""The process around the tree: signing, publishing, anchors, and what happens where one of them is interrupted."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.db import connection

from audit import merkle, notes, proofs, publishing, sequencer, signer, tree
from audit.anchors import GitRemote, WitnessFolder, WitnessServer
from audit.exceptions import AnchorError, SignerHaltedError
from audit.leaf import leaf_hash
from audit.models import Event
from audit.sequencer import Sequencer
from audit.signer import Signer
from audit.witness import Witness, server
from tests.audit.test_tree import ADA, problems_of_the_tree, write

pytestmark = pytest.mark.usefixtures("accounts")
ORIGIN = "test.invalid/audit/1"


@pytest.fixture
def running(tmp_path: Path) -> Sequencer:
    return Sequencer(Signer(tmp_path / "state"), ORIGIN, tmp_path / "public")


def add(count: int, first: int = 1) -> None:
    with connection.cursor() as cursor:
        write(cursor, count, first=first)


def keys() -> list[notes.VerificationKey]:
    return [notes.VerificationKey.parse(vkey) for vkey, _, _ in tree.log_keys()]


def problems_of_the_files(folder: Path) -> list[str]:
    """What a reader finds who has the files and the key alone: every hash is recomputed from the entries."""
    try:
        note = notes.parse((folder / "checkpoint").read_text())
    except FileNotFoundError:
        return []
    notes.verify(note, keys())
    head = notes.parse_checkpoint(note.text)
    hashes: list[bytes] = []
    for level, number, width in merkle.tiles_of(head.size):
        if level == 0:
            data = (folder / merkle.tile_path("entries", number, width)).read_bytes()
            while data:
                length = int.from_bytes(data[:2], "big")
                hashes.append(leaf_hash(data[2 : 2 + length]))
                data = data[2 + length :]
    found = []
    if len(hashes) != head.size or merkle.root_of(hashes) != head.root:
        found.append("the entries are not those of the checkpoint")
    read = merkle.subtree_of_hashes(hashes)
    for level, number, width in merkle.tiles_of(head.size):
        expected = b"".join(read(8 * level, number * 256 + offset) for offset in range(width))
        if (folder / merkle.tile_path(level, number, width)).read_bytes() != expected:
            found.append(f"tile {level}/{number} is wrong")
    return found


@pytest.mark.django_db
def test_events_are_signed_published_and_proved(running: Sequencer, tmp_path: Path) -> None:
    running.prepare()
    assert running.step() == 0
    assert tree.latest_checkpoint() is None
    for first, count in ((1, 3), (4, 300), (304, 257)):
        add(count, first)
        running.step()
        assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []
    assert problems_of_the_tree() == []
    checkpoint = tree.latest_checkpoint()
    assert checkpoint is not None
    assert (
        checkpoint.size == running.status.signed_size == publishing.published_size(tmp_path / "public" / ORIGIN) == 560
    )
    event = Event.objects.order_by("id")[300]
    proof = proofs.prove_event(event.event_id)
    assert proof is not None
    parsed = notes.parse_proof(proof.text)
    head = notes.parse_checkpoint(notes.parse(parsed.checkpoint).text)
    assert merkle.verify_inclusion(leaf_hash(bytes(event.leaf)), 300, head.size, parsed.path, head.root)
    add(1, 561)
    assert proofs.wait_for_proof(Event.objects.order_by("-id")[0].event_id, 5) is None
    state = tmp_path / "state"
    assert {oct(path.stat().st_mode & 0o777) for path in state.iterdir() if path.name != "lock"} == {"0o600"}


class Crash(BaseException):
    """Ends the process at a step: nothing catches it."""


STEPS = ["locked", "taken", "leaves", "tiles", "head", "committed", "signed", "remembered", "stored", "published"]


@pytest.mark.django_db(transaction=True)
def test_a_process_that_ends_at_any_step_is_continued_by_the_next(tmp_path: Path) -> None:
    def crash_at(step: str) -> Callable[[str], None]:
        def reached(name: str) -> None:
            if name == step:
                raise Crash

        return reached

    signed: dict[int, str] = {}
    for number, step in enumerate(STEPS):
        add(30, 30 * number + 1)
        crashing = Sequencer(
            Signer(tmp_path / "state", after_each_step=crash_at(step)),
            ORIGIN,
            tmp_path / "public",
            after_each_step=crash_at(step),
        )
        crashing.prepare()
        with pytest.raises(Crash):
            crashing.step()
        assert problems_of_the_tree() == []
        assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []
        following = Sequencer(Signer(tmp_path / "state"), ORIGIN, tmp_path / "public")
        following.prepare()
        following.step()
        checkpoint = tree.latest_checkpoint()
        assert checkpoint is not None
        assert checkpoint.size == 30 * (number + 1)
        assert signed.setdefault(checkpoint.size, checkpoint.note) == checkpoint.note
        assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []


@pytest.mark.django_db
def test_a_fault_of_any_file_operation_leaves_files_that_fit(
    running: Sequencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.prepare()
    real: dict[str, Callable[..., Any]] = {"fsync": os.fsync, "replace": Path.replace, "fchmod": os.fchmod}
    calls, fails_at = 0, 0

    def failing(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fails_at:
                raise OSError(28, "No space left on device")
            return real[name](*arguments)

        return call

    monkeypatch.setattr("audit.durable_files.os.fsync", failing("fsync"))
    monkeypatch.setattr("audit.durable_files.os.fchmod", failing("fchmod"))
    monkeypatch.setattr(Path, "replace", failing("replace"))
    add(300)
    running.folder = None
    running.step()  # signed; only the publishing is interrupted
    running.folder = tmp_path / "public"
    note = running.keeper.state()
    assert note is not None
    done = False
    while not done:
        fails_at += 1
        calls = 0
        try:
            publishing.publish(tmp_path / "public", note.note, tree.tile, tree.leaves)
            done = True
        except OSError:
            assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []
    assert fails_at > 20
    assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []
    assert publishing.published_size(tmp_path / "public" / ORIGIN) == 300


@pytest.mark.django_db
def test_the_signer_halts_on_a_database_that_does_not_continue_what_was_signed(
    running: Sequencer, tmp_path: Path
) -> None:
    running.prepare()
    add(10)
    running.step()
    state = running.keeper.state()
    assert state is not None
    file = tmp_path / "state" / "state.json"
    kept = file.read_text()
    # The signer has signed more than the database has: an older backup was restored.
    file.write_text(json.dumps({**json.loads(kept), "size": 25}))
    with pytest.raises(SignerHaltedError, match=r"10 events in its tree, and 25 were signed.*reopen_log"):
        running.step()
    # As many events, and others.
    file.write_text(json.dumps({**json.loads(kept), "root": notes.encode64(bytes(32))}))
    running.status = sequencer.Status()
    with pytest.raises(SignerHaltedError, match="changed or reordered"):
        running.step()
    # The folder was lost.
    file.rename(file.with_suffix(".lost"))
    with pytest.raises(SignerHaltedError, match="has no state"):
        Sequencer(Signer(tmp_path / "state"), ORIGIN).prepare()
    file.write_text("{")
    with pytest.raises(SignerHaltedError, match="cannot be read"):
        running.step()
    file.write_text(kept)
    assert running.step() == 0
    next((tmp_path / "state").glob("*.key")).chmod(0o644)
    add(1, 11)
    with pytest.raises(SignerHaltedError, match="0600"):
        running.step()


@pytest.mark.django_db
def test_a_log_is_continued_under_a_new_name(running: Sequencer, tmp_path: Path) -> None:
    running.prepare()
    add(10)
    running.step()
    former = tree.latest_checkpoint()
    assert former is not None
    file = tmp_path / "state" / "state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 25}))
    event = sequencer.reopen_log(actor=ADA, keeper=running.keeper, former_origin=ORIGIN)
    running.step()
    checkpoint = tree.latest_checkpoint()
    assert checkpoint is not None
    assert (checkpoint.origin, checkpoint.size) == ("test.invalid/audit/2", 11)
    assert event.body["data"]["former_size"] == 25
    assert event.body["data"]["former_note"] == former.note
    head = notes.parse_checkpoint(notes.parse(checkpoint.note).text)
    before = notes.parse_checkpoint(notes.parse(former.note).text)
    proof = proofs.prove_consistency(10, 11)
    assert merkle.verify_consistency(10, before.root, 11, head.root, proof)
    assert problems_of_the_files(tmp_path / "public" / "test.invalid/audit/2") == []
    with pytest.raises(SignerHaltedError, match="used before"):
        sequencer.reopen_log(actor=ADA, keeper=running.keeper, former_origin=ORIGIN, origin=ORIGIN)
    assert signer.next_origin("a.example/log") == "a.example/log/2"


@pytest.mark.django_db
def test_a_key_is_replaced_with_an_overlap(running: Sequencer, tmp_path: Path) -> None:
    running.prepare()
    add(1)
    running.step()
    (old,) = keys()
    event = sequencer.rotate_key(actor=ADA, keeper=running.keeper)
    with pytest.raises(SignerHaltedError, match="finish"):
        sequencer.rotate_key(actor=ADA, keeper=running.keeper)
    running.step()
    new = notes.VerificationKey.parse(event.body["data"]["vkey"])
    both = tree.latest_checkpoint()
    assert both is not None
    assert list(notes.verify(notes.parse(both.note), [old])) == [str(old)]
    assert list(notes.verify(notes.parse(both.note), [new, old])) == [str(new), str(old)]
    sequencer.finish_rotation(actor=ADA, keeper=running.keeper)
    running.step()
    after = tree.latest_checkpoint()
    assert after is not None
    assert [line.key_id for line in notes.parse(after.note).signatures] == [new.key_id]
    assert len(list((tmp_path / "state").glob("*.key"))) == 1


@pytest.fixture
def witness_server(running: Sequencer, tmp_path: Path) -> Iterator[tuple[Witness, str]]:
    state = running.prepare()
    witness = Witness(tmp_path / "witness", [notes.VerificationKey.parse(state.keys[0])], "witness.example/1")
    with server(witness, 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield witness, f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.mark.django_db
def test_checkpoints_are_left_at_anchors(
    running: Sequencer, tmp_path: Path, witness_server: tuple[Witness, str]
) -> None:
    from governance.services.log_keeping import post

    witness, url = witness_server
    folder = tmp_path / "mounted"
    folder.mkdir()
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    running.anchors = [
        WitnessFolder(folder),
        WitnessServer(url, notes.VerificationKey.parse(witness.vkey), post),
        GitRemote(str(remote), "checkpoints", tmp_path / "work"),
    ]
    assert running.anchor() == ""
    add(5)
    running.step()
    assert "log-keys" in running.anchor()
    (folder / "log-keys").write_text(str(keys()[0]) + "\n")
    assert running.anchor() == ""
    add(5, 6)
    running.step()
    assert tree.unanchored_seconds(f"folder {folder}") > 0
    assert running.anchor() == ""
    assert {(place, size) for place, _, size, _ in tree.anchors()} == {(a.place, 10) for a in running.anchors}
    assert [tree.unanchored_seconds(anchor.place) for anchor in running.anchors] == [0, 0, 0]
    shown = ["git", "-C", str(remote), "log", "--format=%s", "checkpoints"]
    committed = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
    assert committed.splitlines() == [f"{ORIGIN} 10", f"{ORIGIN} 5"]
    assert witness.last_size(ORIGIN) == 10
    # A log that lost events is refused by every place that checks.
    note = tree.latest_checkpoint()
    file = next(path for path in folder.glob("*.jsonl"))
    file.write_text(file.read_text() + json.dumps({"size": 12, "root": notes.encode64(bytes(32))}) + "\n{cut")
    assert note is not None
    with pytest.raises(AnchorError, match="lost events"):
        running.anchors[0].anchor(note.note, lambda first, second: [])


@pytest.mark.django_db
def test_a_witness_answers_as_the_protocol_demands(running: Sequencer, tmp_path: Path) -> None:
    state = running.prepare()
    (key,) = (notes.VerificationKey.parse(vkey) for vkey in state.keys)
    witness = Witness(tmp_path / "w", [key], "witness.example/1")
    add(4)
    running.step()
    add(4, 5)
    running.step()
    with connection.cursor() as cursor:
        cursor.execute("SELECT note FROM audit_checkpoint ORDER BY size")
        small, large = (note for (note,) in cursor.fetchall())
    proof = proofs.prove_consistency(4, 8)
    other = small.replace(ORIGIN, "other.invalid/1")
    cases = [
        ("nonsense", 400),
        (notes.consistency_request(0, [], other), 404),
        (notes.consistency_request(0, [], small.replace("\n4\n", "\n5\n")), 403),
        (notes.consistency_request(9, [], large), 400),
        (notes.consistency_request(4, proof, large), 409),
        (notes.consistency_request(0, proof, large), 422),
        (notes.consistency_request(0, [], small), 200),
        (notes.consistency_request(4, [], large), 422),
        (notes.consistency_request(4, proof, large), 200),
        (notes.consistency_request(8, [], large), 200),
        (notes.consistency_request(0, [], small), 409),
    ]
    assert [(witness.add_checkpoint(body).status, wanted) for body, wanted in cases] == [(w, w) for _, w in cases]
    again = Witness(tmp_path / "w", [key], "witness.example/1")
    assert (again.vkey, again.last_size(ORIGIN)) == (witness.vkey, 8)


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
def test_competing_processes_that_are_killed_sequence_every_event_once(tmp_path: Path) -> None:
    """Three processes of the command, killed again and again while six connections write and roll back."""
    kill_sequencers(tmp_path, kills=60, processes=3)


def kill_sequencers(tmp_path: Path, *, kills: int, processes: int) -> None:
    import random
    import signal
    import sys
    import time

    facts = connection.settings_dict
    environment = {
        **os.environ,
        "COUNTERSIGN_TEST_DATABASE": facts["NAME"],
        "COUNTERSIGN_LOG_STATE_DIR": str(tmp_path / "state"),
        "COUNTERSIGN_LOG_PUBLISH_DIR": str(tmp_path / "public"),
    }
    add(1)
    done = threading.Event()
    committed = [0] * 6

    def writer(number: int) -> None:
        session = psycopg2.connect(
            host=facts["HOST"], port=facts["PORT"] or None, user=facts["USER"], dbname=facts["NAME"]
        )
        chance = random.Random(number)
        while not done.is_set():
            write(session.cursor(), 3, f"w{number}", committed[number] + 1)
            time.sleep(chance.choice([0, 0, 0.02]))
            if chance.random() < 0.05:
                session.rollback()
            else:
                session.commit()
                committed[number] += 3
        session.close()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "run_sequencer"], env=environment, stderr=subprocess.DEVNULL
        )

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(6)]
    running = [start() for _ in range(processes)]
    for thread in threads:
        thread.start()
    try:
        for kill in range(kills):
            time.sleep(random.uniform(0.2, 1.5))
            victim = running[kill % processes]
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            running[kill % processes] = start()
    finally:
        done.set()
        for thread in threads:
            thread.join()
        for process in running:
            process.kill()
            process.wait()
    last = Sequencer(Signer(tmp_path / "state"), ORIGIN, tmp_path / "public")
    last.prepare()
    while last.step():
        pass
    assert tree.size() == 1 + sum(committed)
    assert problems_of_the_tree() == []
    assert problems_of_the_files(tmp_path / "public" / ORIGIN) == []
