"""Evidence for checks without a database: bytes on a shelf, jobs in a sandbox, contexts in this process."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from governance.checks import entry_points, runner
from governance.checks.base import ARTIFACT_FILES, Check, CheckOutcome, Context, File
from governance.checks.runner import Job, Run
from governance.checks.sources import Source

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass
class Shelf:
    """Stored bytes by digest, as `registry.storage` has them."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    def add(self, content: bytes, path: str, kind: str = ARTIFACT_FILES) -> Source:
        """Store bytes and say where they are."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.blobs[sha256] = content
        return Source(kind, path, sha256, len(content))

    @contextmanager
    def open(self, sha256: str) -> Iterator[BinaryIO]:
        """Open stored bytes."""
        if sha256 not in self.blobs:
            raise FileNotFoundError(sha256)
        yield io.BytesIO(self.blobs[sha256])


PLUGINS = Path(__file__).with_name("plugins")


@pytest.fixture
def with_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The imaginary organisation's package is installed."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    entry_points.installed.cache_clear()
    yield
    entry_points.installed.cache_clear()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def sandboxed(shelf: Shelf) -> Callable[..., Run]:
    """Run a check for real: `sandboxed(check, *sources, params={}, facts={}, **job)`."""

    def run(
        check: Check,
        *sources: Source,
        params: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        beat: Callable[[], bool] = lambda: True,
        beat_every: float = 5.0,
        **job: Any,
    ) -> Run:
        validated = entry_points.parameters(check, params or {})
        made = Job(check=check, params=validated, sources=sources, facts=facts or {}, now=NOW, seed=7, **job)
        return runner.run(made, open_blob=shelf.open, beat=beat, beat_every=beat_every)

    return run


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., CheckOutcome]:
    """Let a built-in check judge files in this process: `judged(slug, {path: bytes}, kind=…, facts=…, **params)`.

    `more` are further files by kind.
    """

    def judge(
        slug: str,
        files: Mapping[str, bytes],
        *,
        kind: str = ARTIFACT_FILES,
        more: Mapping[str, bytes] | None = None,
        facts: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> CheckOutcome:
        check = entry_points.get(slug)
        found = []
        given = [(kind, path, content) for path, content in files.items()]
        given += [(other, f"{other}.csv", content) for other, content in (more or {}).items()]
        for number, (kind_of_file, path, content) in enumerate(given):
            local = tmp_path / f"{number:06d}"
            local.write_bytes(content)
            found.append(File(kind_of_file, path, hashlib.sha256(content).hexdigest(), len(content), local))
        context = Context(tuple(found), facts or {}, NOW, seed=7)
        outcome = check.run(context, entry_points.parameters(check, params))
        outcome.as_json()
        return outcome

    return judge
