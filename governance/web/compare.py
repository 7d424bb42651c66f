"""Two versions of a model side by side: what differs, kind by kind."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.html import escape
from django.utils.safestring import SafeString

from governance.web.page import PageRequest, page, show
from governance.web.versions import standings
from registry import selectors
from registry.exceptions import NotFound
from registry.models import ModelVersion

CONTEXT = 2
"""Unchanged lines shown around a change."""
MAX_LINES = 4_000
"""Longer texts are compared by digest alone: a diff of them would be read by nobody."""


@dataclass(frozen=True)
class Pair:
    """One named value in both versions; None where a version has none."""

    name: str
    before: str | None
    after: str | None
    note: str = ""

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def sign(self) -> str:
        return "+" if self.before is None else "−" if self.after is None else "±" if self.differs else ""


@dataclass(frozen=True)
class Line:
    """A line of a text diff: "add", "del", "same", or "gap" for lines left out."""

    kind: str
    html: SafeString

    @property
    def sign(self) -> str:
        return {"add": "+", "del": "−", "gap": "⋯"}.get(self.kind, "")


@dataclass(frozen=True)
class Section:
    """One kind of difference. `changes` is the number beside its name."""

    id: str
    title: str
    changes: int
    pairs: Sequence[Pair] = ()
    lines: Sequence[Line] = ()


@page()
def compare(request: PageRequest, slug: str, before: int, after: int) -> HttpResponse:
    """Compare two versions. Only what differs, unless the address says `all=1`."""
    old = selectors.version(request.actor, slug, before)
    new = selectors.version(request.actor, slug, after)
    everything = request.GET.get("all") == "1"
    metrics = standings(new, old)
    differing = [s for s in metrics if s.row.value != s.row.champion]
    sections = _sections(old, new)
    unchanged: list[str] = []
    if not everything:
        unchanged = [s.title.lower() for s in sections if not s.changes]
        sections = [replace(s, pairs=[p for p in s.pairs if p.differs]) for s in sections if s.changes]
    context = {
        "model": new.model,
        "old": old,
        "new": new,
        "metrics": metrics if everything else differing,
        "metric_changes": len(differing),
        "sections": sections,
        "unchanged": unchanged,
        "total": len(differing) + sum(s.changes for s in sections),
        "everything": everything,
        "numbers": list(selectors.versions_of(new.model).values_list("number", flat=True)[:100]),
    }
    return show(request, "versions/compare.html", context)


@page()
def choose(request: PageRequest, slug: str) -> HttpResponse:
    """From a form with two numbers (`v`, twice, or `from` and `to`) to the page that compares them, the older first."""
    found = selectors.model(request.actor, slug)
    given = [*request.GET.getlist("v"), request.GET.get("from", ""), request.GET.get("to", "")]
    numbers = [int(n) for n in given if n.isascii() and n.isdecimal() and len(n) < 9]
    if len(numbers) < 2:
        raise NotFound(f"Choose two versions of {found.slug} to compare.")
    before, after = numbers[:2] if request.GET.get("from") else sorted(numbers[:2])
    return redirect("web:compare", found.slug, before, after)


def _sections(old: ModelVersion, new: ModelVersion) -> list[Section]:
    old_card, new_card = selectors.card_of(old), selectors.card_of(new)
    card = diff(old_card.text if old_card else "", new_card.text if new_card else "")
    environment = diff(old.environment_lock, new.environment_lock)
    return [
        _table("parameters", "Parameters", _flat(old.parameters), _flat(new.parameters)),
        _signature(old, new),
        Section("card", "Model card", sum(line.kind in ("add", "del") for line in card), lines=card),
        _table("data", "Data", _datasets(old), _datasets(new)),
        _table("code", "Code", _code(old), _code(new)),
        Section("environment", "Environment", sum(x.kind in ("add", "del") for x in environment), lines=environment),
        _table("files", "Files", _files(old), _files(new)),
    ]


def _table(id_: str, title: str, before: dict[str, str], after: dict[str, str]) -> Section:
    pairs = [Pair(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return Section(id_, title, sum(p.differs for p in pairs), pairs)


def _flat(value: Any, path: str = "") -> dict[str, str]:
    """Nested parameters by dotted name, each value as compact JSON."""
    if isinstance(value, dict) and (value or not path):
        found: dict[str, str] = {}
        for key, member in value.items():
            found |= _flat(member, f"{path}.{key}" if path else str(key))
        return found
    return {path: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _signature(old: ModelVersion, new: ModelVersion) -> Section:
    """Inputs and outputs. Words, not a colour, say what breaks a caller."""
    before, after = _columns(old.signature), _columns(new.signature)
    pairs = []
    for name in sorted(before.keys() | after.keys()):
        was, is_ = before.get(name), after.get(name)
        note = ""
        if was != is_:
            if was is None:
                note = "new input: callers must send it" if name.startswith("inputs.") else "new output"
            elif is_ is None:
                note = "removed: breaks callers that use it" if name.startswith("outputs.") else "no longer read"
            else:
                note = "changed type: breaks callers"
        pairs.append(Pair(name, was, is_, note))
    return Section("signature", "Signature", sum(p.differs for p in pairs), pairs)


def _columns(signature: dict[str, Any]) -> dict[str, str]:
    """`inputs.age` → `int64`, from a list of named columns (MLflow's form) or from any other mapping, flattened."""
    found: dict[str, str] = {}
    for side, columns in signature.items():
        parsed = _parsed(columns)
        if isinstance(parsed, list) and all(isinstance(c, dict) and "name" in c for c in parsed):
            for column in parsed:
                found[f"{side}.{column['name']}"] = str(column.get("type", "?"))
        else:
            found |= _flat(parsed, str(side))
    return found


def _parsed(value: Any) -> Any:
    """MLflow keeps a side of the signature as JSON inside a string."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _datasets(version: ModelVersion) -> dict[str, str]:
    return {
        f"{d.get_role_display().lower()}: {d.name}": " ".join(
            part
            for part in (d.reference, f"{d.digest_algorithm}:{d.digest[:16]}…" if d.digest else "no digest")
            if part
        )
        for d in version.datasets.order_by("role", "name")
    }


def _code(version: ModelVersion) -> dict[str, str]:
    clean = {True: "clean", False: "with local changes", None: ""}[version.code_clean]
    facts = {
        "repository": version.code_repository,
        "commit": version.code_commit,
        "working copy": clean,
        "training run": version.run_id,
        "licence": version.licence,
    }
    return {name: value for name, value in facts.items() if value}


def _files(version: ModelVersion) -> dict[str, str]:
    return {a.path: f"sha256:{a.sha256[:12]}… · {a.size:,} bytes" for a in version.artifacts.order_by("path")}


# --- text


def diff(before: str, after: str) -> list[Line]:
    """The lines that differ, with two lines around them; a changed line is marked word by word."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    if max(len(old), len(new)) > MAX_LINES:
        return [Line("gap", SafeString("too long to show line by line: compare the files"))]
    found: list[Line] = []
    groups = list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT))
    for n, group in enumerate(groups):
        if n or group[0][1] > 0:
            found.append(Line("gap", SafeString("")))
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [Line("same", SafeString(escape(text))) for text in old[a:b]]
            elif tag == "replace" and b - a == d - c:
                for was, is_ in zip(old[a:b], new[c:d], strict=True):
                    found += _by_words(was, is_)
            else:
                found += [Line("del", SafeString(escape(text))) for text in old[a:b]]
                found += [Line("add", SafeString(escape(text))) for text in new[c:d]]
    return found


def _by_words(before: str, after: str) -> list[Line]:
    old, new = re.findall(r"\s+|[^\s]+", before), re.findall(r"\s+|[^\s]+", after)
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    removed = _marked(((old[a:b], tag != "equal") for tag, a, b, _, _ in steps), "del")
    added = _marked(((new[c:d], tag != "equal") for tag, _, _, c, d in steps), "ins")
    return [Line("del", removed), Line("add", added)]


def _marked(pieces: Iterable[tuple[list[str], bool]], tag: str) -> SafeString:
    html = ""
    for words, changed in pieces:
        text = escape("".join(words))
        html += f"<{tag}>{text}</{tag}>" if changed and text else text
    return SafeString(html)
