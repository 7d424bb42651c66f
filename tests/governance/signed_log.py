"""Sequencing and signing the log of a test, and the verifier's report on a bundle of it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from django.conf import settings

from audit import notes, tree, verifier
from tests.audit.own_log import KEY


def signed_tree(folder: Path) -> Path:
    """Put all events into the tree and sign it; return a policy file in the folder."""
    origin = settings.COUNTERSIGN_LOG_ORIGIN
    grown, _ = tree.append_batch()
    text = str(notes.Checkpoint(origin, grown.size, grown.root()))
    tree.add_checkpoint(origin, grown.size, str(notes.Note(text, (notes.sign(text, KEY, origin),))))
    policy = folder / "policy"
    policy.write_text(f"log {notes.public_key(KEY, origin)}\nquorum none\n")
    return policy


def verified(bundle: Path, policy: Path, *arguments: object) -> dict[str, Any]:
    """The report of the verifier."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        verifier.main([str(bundle), "--policy", str(policy), "--json", *map(str, arguments)])
    report: dict[str, Any] = json.loads(out.getvalue())
    return report
