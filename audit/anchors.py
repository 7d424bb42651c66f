"""Where checkpoints are left outside the database: a folder of a witness, a witness by HTTP, a git remote.

An anchor gets a signed note and keeps it where other administrators are responsible. Without one, a person who has the
database and the key can rewrite the log and every signature verifies.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from audit import notes
from audit.exceptions import AnchorError, BadNoteError
from audit.witness import Answer, Witness

Prove = Callable[[int, int], Sequence[bytes]]
Post = Callable[[str, bytes], tuple[int, bytes]]
"""Sends a body to an address and returns status and body; raises OSError if there is no answer."""

GIT_SECONDS = 60


class Anchor(Protocol):
    """A place for checkpoints."""

    @property
    def kind(self) -> str:
        """The kind of place: folder, witness or git."""
        ...

    @property
    def place(self) -> str:
        """The name of the place on pages and in the table of anchors."""
        ...

    def anchor(self, note: str, prove: Prove) -> str:
        """Leave a checkpoint there and return the evidence as text.

        Args:
            note: the signed checkpoint.
            prove: makes the consistency proof between two sizes.

        Raises:
            AnchorError: the place did not accept it; the message says why.
        """
        ...


@dataclass(frozen=True)
class WitnessFolder:
    """The folder of a witness that is mounted from another host, append-only there."""

    path: Path
    kind: str = "folder"

    @property
    def place(self) -> str:
        return f"folder {self.path}"

    def anchor(self, note: str, prove: Prove) -> str:
        parsed = notes.parse(note)
        keys = _known_keys(self.path, parsed)
        try:
            witness = Witness(self.path, keys)
            return _submit(witness.add_checkpoint, note, prove, witness.last_size(keys[0].name))
        except OSError as error:
            raise AnchorError(f"{self.path}: {error.strerror or error}") from error


@dataclass(frozen=True)
class WitnessServer:
    """A witness that speaks the tlog-witness protocol. Its cosignature is verified and kept."""

    url: str
    key: notes.VerificationKey
    post: Post
    kind: str = "witness"

    @property
    def place(self) -> str:
        return f"witness {self.key.name}"

    def anchor(self, note: str, prove: Prove) -> str:
        def send(body: str) -> Answer:
            try:
                status, text = self.post(f"{self.url}/add-checkpoint", body.encode())
            except OSError as error:
                raise AnchorError(f"{self.url}: {error}") from error
            return Answer(status, text.decode(errors="replace"))

        answer = _submit(send, note, prove, 0)
        cosigned = notes.parse(note + answer)
        try:
            notes.verify(cosigned, [self.key])
        except BadNoteError as error:
            raise AnchorError(f"{self.url}: {error}") from error
        return answer


@dataclass(frozen=True)
class GitRemote:
    """A branch of a git remote that refuses forced pushes. Each checkpoint is a commit.

    Args:
        work: folder for the local repository.
    """

    remote: str
    branch: str
    work: Path
    kind: str = "git"

    @property
    def place(self) -> str:
        return f"git {self.remote} {self.branch}"

    def anchor(self, note: str, prove: Prove) -> str:
        if not (self.work / ".git").exists():
            self.work.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet")
        self._git("checkout", "--quiet", "--orphan", "anchoring", check=False)
        has_branch = self._git("fetch", "--quiet", self.remote, self.branch, check=False)
        self._git("symbolic-ref", "HEAD", "refs/heads/anchoring")
        if has_branch is not None:
            self._git("reset", "--quiet", "--hard", "FETCH_HEAD")
        head = notes.parse_checkpoint(notes.parse(note).text)
        (self.work / "checkpoint").write_text(note)
        self._git("add", "checkpoint")
        self._git(
            "-c", "user.name=countersign", "-c", "user.email=countersign@localhost",
            "commit", "--quiet", "--allow-empty", "-m", f"{head.origin} {head.size}",
        )  # fmt: skip
        self._git("push", "--quiet", self.remote, f"HEAD:refs/heads/{self.branch}")
        return self._git("rev-parse", "HEAD") or ""

    def _git(self, *arguments: str, check: bool = True) -> str | None:
        try:
            done = subprocess.run(
                [shutil.which("git") or "git", *arguments],
                cwd=self.work,
                capture_output=True,
                text=True,
                timeout=GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnchorError(f"git {arguments[0]}: {error}") from error
        if done.returncode == 0:
            return done.stdout.strip()
        if check:
            raise AnchorError(f"git {arguments[0]}: {done.stderr.strip()[:300]}")
        return None


def from_settings(entries: Sequence[Mapping[str, Any]], work: Path, post: Post) -> list[Anchor]:
    """Return the anchors that the settings list.

    Args:
        entries: ``{"kind": "folder", "path"}``, ``{"kind": "witness", "url", "key"}`` or ``{"kind": "git", "remote",
            "branch"}``.
        work: folder for local copies of git remotes.
        post: sends requests to witnesses.

    Raises:
        ValueError: an entry has another form.
    """
    found: list[Anchor] = []
    for number, entry in enumerate(entries):
        try:
            match entry["kind"]:
                case "folder":
                    found.append(WitnessFolder(Path(entry["path"])))
                case "witness":
                    url = str(entry["url"]).rstrip("/")
                    found.append(WitnessServer(url, notes.VerificationKey.parse(entry["key"]), post))
                case "git":
                    branch = str(entry.get("branch", "checkpoints"))
                    found.append(GitRemote(str(entry["remote"]), branch, work / f"git-{number}"))
                case other:
                    raise ValueError(f"kind is folder, witness or git, not {other!r}")
        except (KeyError, TypeError, BadNoteError) as error:
            raise ValueError(f"entry {number + 1}: {error}") from error
    return found


def _submit(send: Callable[[str], Answer], note: str, prove: Prove, known: int) -> str:
    """Send a checkpoint, once more with the size that the witness names in a conflict."""
    size = notes.parse_checkpoint(notes.parse(note).text).size
    for _ in range(2):
        if known > size:
            raise AnchorError(f"the witness has the size {known}, which is above {size}: this log lost events")
        answer = send(notes.consistency_request(known, prove(known, size) if known else [], note))
        if answer.status == 200:
            return answer.text
        if answer.status != 409 or not answer.text.strip().isdigit() or int(answer.text) == known:
            break
        known = int(answer.text)
    raise AnchorError(f"the witness answered {answer.status}: {answer.text.strip()[:300]}")


def _known_keys(folder: Path, note: notes.Note) -> list[notes.VerificationKey]:
    """Read the keys that the administrator of a folder put into its file ``log-keys``, one a line."""
    try:
        lines = (folder / "log-keys").read_text().split()
    except OSError as error:
        raise AnchorError(f"{folder}/log-keys lists the keys of the log, one a line: {error.strerror}") from error
    try:
        keys = [notes.VerificationKey.parse(line) for line in lines]
    except BadNoteError as error:
        raise AnchorError(f"{folder}/log-keys: {error}") from error
    origin = note.text.split("\n")[0]
    known = [key for key in keys if key.name == origin]
    if not known:
        raise AnchorError(
            f"{folder}/log-keys has no key of {origin}: add the line that `manage.py show_log_key` prints."
        )
    return known
