"""What to add to a version for a check that waits for evidence: as text, as options, as a command. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from governance.checks.base import ARTIFACT_FILES, MODEL_CARD

_KIND = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_KIND_IN_TEXT = re.compile(r"\(([a-z0-9_]+(?:\.[a-z0-9_]+)+)\)")
_METRIC = re.compile(r"the metric (.+?)(?: or |\Z)")


def named(missing: Sequence[str]) -> list[str]:
    """Return display names of missing kinds of evidence."""
    return ["its files" if kind == ARTIFACT_FILES else kind for kind in missing]


@dataclass(frozen=True)
class Addition:
    """Something to add to a version: "files", "card", "evidence" of the kind `name`, or the "metric" `name`."""

    form: Literal["files", "card", "evidence", "metric"]
    name: str = ""

    @property
    def option(self) -> str:
        """The argument of `countersign attach` that adds it."""
        words = {"files": "PATH…", "card": "--card CARD.md", "evidence": f"--evidence {self.name}=PATH"}
        given = f"{self.name}=VALUE"
        return words.get(self.form) or f"--metric {given if ' ' not in given else repr(given)}"


def additions(what: str) -> tuple[Addition, ...]:
    """Return what supplies something that is missing; several are alternatives, the more informative first.

    Args:
        what: as a check reports it: a kind of evidence, or a text such as "the metric auc or an evaluation table
            (evaluation.table) to compute auc from".
    """
    if what == ARTIFACT_FILES:
        return (Addition("files"),)
    if what == MODEL_CARD:
        return (Addition("card"),)
    if _KIND.fullmatch(what):
        return (Addition("evidence", what),)
    found = [Addition("evidence", kind) for kind in _KIND_IN_TEXT.findall(what)]
    if metric := _METRIC.match(what):
        found.append(Addition("metric", metric[1]))
    return tuple(found) or (Addition("evidence", "KIND"),)


def command(slug: str, number: int, missing: Sequence[str]) -> str:
    """Return the command that adds what is missing, for the person who has the files.

    Args:
        slug: slug of the model.
        number: number of the version.
        missing: what a check reported as missing.
    """
    options = [additions(what)[0].option for what in sorted(missing, key=lambda what: what != ARTIFACT_FILES)]
    return f"countersign attach {slug} {number} {' '.join(dict.fromkeys(options))}"
