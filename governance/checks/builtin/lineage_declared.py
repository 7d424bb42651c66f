"""`lineage.declared`: what the version was made from is stated precisely enough to find it again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.base import (
    ENVIRONMENT_LOCK,
    MAX_FINDINGS,
    MAX_TEXT,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Json,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.locked_packages import LockUnreadableError, read_locked_packages
from registry.datasets import Reference, identity_hint

_ORDER = {"weak": 0, "medium": 1, "strong": 2}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REPOSITORY = re.compile(r"(?:https?|ssh|git)://[^\s/]+/\S+|[\w.-]+@[\w.-]+:\S+")

Role = Literal["training", "validation", "evaluation"]


class LineageDeclared(Check):
    """Compares the declared data sets, the commit and the environment lock with what a policy requires."""

    slug = "lineage.declared"
    version = "1.0.0"
    title = "Lineage is declared"
    category = "lineage"
    description = (
        "Data sets, code and environment of the version are declared so precisely that they can be found again."
    )
    guide = """
The check reads what was declared when the version was registered:

- **Data sets.** There is one for each role in `require_roles`. Every declared data set identifies its data at least as
  reliably as `min_digest`: *strong* is the SHA-256 of the bytes; *medium* is an MD5, a commit, a snapshot or the
  version of an object, which names a state in another system; a name, a date or the digest of MLflow is *weak*.
- **Code**, with `require_commit`: a repository, a commit in full (40 or 64 hexadecimal digits), and a working copy
  without changes.
- **Environment**, with `require_lock`: a lock in which every package is pinned to one version.

It does not load the data or the code, and does not show that the model was made from them.

| finding | how to fix it |
| --- | --- |
| `dataset_missing` | Declare a data set of the role: `--dataset training=sha256:…`. |
| `dataset_weak` | Declare it again with a digest of the required strength. The message says how for its form. |
| `repository_address` | Register with an address of the repository, such as `https://git.example/team/model`. |
| `commit_missing`, `commit_abbreviated` | Register with the repository and the commit in full. |
| `commit_not_clean`, `commit_state_unknown` | Commit all changes, train again and register a version from the commit. |
| `lock_missing`, `lock_unreadable` | Attach a lock, as text in UTF-8. |
| `unpinned`, `location`, `included_file`, `unreadable_line` | Attach a lock with one line `name==version` a package. |
"""
    needs = (
        RequiredEvidence(
            ENVIRONMENT_LOCK,
            required=False,
            form="The output of `pip freeze`, `pip-compile` or `uv export`, a conda environment with versions, or the "
            "lock of uv, Poetry or PDM. The lock that was given at registration is used if none is attached.",
            example="requirements_lock.txt",
            find_fault=lambda file: next((f.message for f in _lock_faults(file)[0] if f.code == "lock_unreadable"), ""),
        ),
    )
    facts = ("code", "datasets")
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """What has to be declared."""

        min_digest: Annotated[Literal["strong", "medium"], Field(title="Least strength of a data set's identifier")] = (
            "strong"
        )
        require_roles: Annotated[
            tuple[Role, ...], Field(max_length=3, title="Roles for which a data set is declared")
        ] = ("training", "evaluation")
        require_commit: Annotated[bool, Field(title="Require repository and clean commit")] = True
        require_lock: Annotated[bool, Field(title="Require a lock that pins every package")] = True

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return everything that either set requires."""
        return first.model_copy(
            update={
                "min_digest": "strong" if "strong" in (first.min_digest, second.min_digest) else "medium",
                "require_roles": tuple(dict.fromkeys((*first.require_roles, *second.require_roles))),
                "require_commit": first.require_commit or second.require_commit,
                "require_lock": first.require_lock or second.require_lock,
            }
        )

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return the lock if the policy requires one."""
        return (ENVIRONMENT_LOCK,) if params.require_lock and ENVIRONMENT_LOCK not in available else ()

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if everything required is declared precisely enough."""
        datasets = ctx.facts["datasets"]
        absent: list[Finding] = []
        wrong: list[Finding] = list(_weak(datasets, params.min_digest))
        for role in params.require_roles:
            if not any(d["role"] == role for d in datasets):
                message = f"No {role} data set is declared. Declare one with its digest: --dataset {role}=sha256:…"
                absent.append(Finding("dataset_missing", message, where=f"{role} data set"))
        if params.require_commit:
            for finding, is_absent in _commit_faults(ctx.facts["code"]):
                (absent if is_absent else wrong).append(finding)
        measures: dict[str, Json] = {"datasets": len(datasets)}
        if params.require_lock:
            lock = ctx.one(ENVIRONMENT_LOCK)
            if lock is None or lock.local is None:
                absent.append(Finding("lock_missing", "There is no environment lock. Attach one.", where="environment"))
            else:
                faults, pins = _lock_faults(lock)
                wrong += faults
                measures["pinned_packages"] = pins
        findings = (*wrong, *absent)[:MAX_FINDINGS]
        if not findings:
            parts = [f"{len(datasets)} data set{'s' if len(datasets) != 1 else ''}"]
            parts += ["code"] if params.require_commit else []
            parts += ["environment"] if params.require_lock else []
            return CheckOutcome(Conclusion.SUCCESS, f"Declared: {', '.join(parts)}.", (), measures)
        conclusion = Conclusion.FAILURE if wrong else Conclusion.ACTION_REQUIRED
        more = f" {len(findings) - 1} more findings." if len(findings) > 1 else ""
        return CheckOutcome(conclusion, f"{findings[0].message}{more}"[:MAX_TEXT], findings, measures)


def _weak(datasets: list[dict[str, Any]], least: str) -> Iterator[Finding]:
    for d in datasets:
        if _ORDER.get(d["strength"], 0) >= _ORDER[least]:
            continue
        hint = identity_hint(Reference(d["name"], d["version"], d["uri"], d["algorithm"], d["digest"]))
        message = (
            f"The {d['role']} data set {d['name'][:120]} is identified {d['strength']}ly; {least} is required. {hint}"
        )
        yield Finding("dataset_weak", message[:MAX_TEXT], where=f"{d['role']} data set {d['name'][:120]}")


def _commit_faults(code: Mapping[str, Any]) -> Iterator[tuple[Finding, bool]]:
    """Yield findings on the commit, and whether each is on something that is not declared."""
    if not code["repository"] or not code["commit"]:
        lacking = " and ".join(name for name in ("repository", "commit") if not code[name])
        yield Finding("commit_missing", f"The code's {lacking} is not declared.", where="code"), True
        return
    if not _REPOSITORY.fullmatch(code["repository"]):
        message = f"“{code['repository'][:200]}” is no address of a repository, such as https://git.example/team/model."
        yield Finding("repository_address", message, where="code"), False
    if not _COMMIT.fullmatch(code["commit"]):
        message = (
            f"“{code['commit'][:80]}” is no commit in full: 40 or 64 hexadecimal digits. A branch or tag can move."
        )
        yield Finding("commit_abbreviated", message, where="code"), False
    if code["dirty"] is None:
        message = "It is not declared whether the working copy had changes that are not part of the commit."
        yield Finding("commit_state_unknown", message, where="code"), True
    elif code["dirty"]:
        message = "The working copy had changes that are not part of the commit, so the code cannot be found again."
        yield Finding("commit_not_clean", message, where="code"), False


def _lock_faults(file: File) -> tuple[list[Finding], int]:
    assert file.local is not None
    try:
        lock = read_locked_packages(file.local.read_bytes())
    except LockUnreadableError as error:
        return [
            Finding("lock_unreadable", f"The environment lock cannot be read: {error}."[:MAX_TEXT], where=file.path)
        ], 0
    found = [Finding(fault.code, fault.message[:MAX_TEXT], Severity.HIGH, fault.line) for fault in lock.faults]
    return found, len(lock.pins)
