"""`artifact.scan`: what loading the files of a version would import, execute, or read from outside the version."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from governance.checks.base import (
    ARTIFACT_FILES,
    MAX_FINDINGS,
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
from governance.checks.scan import allowed_names
from governance.checks.scan.artifact import ArtifactFile, ArtifactScan, scan_artifact
from governance.checks.scan.report import Effect, Options, ScanFinding, Verdict

MAX_EFFECTS = 300
MAX_FILES = 500
"""Maximum numbers of effects and of files that a result lists; it always states the total."""
_MAX_FINDINGS_BYTES = 120 * 1024
_MAX_LISTS_BYTES = 40 * 1024
_MAX_MESSAGE = 900
_MAX_WHERE = 300
_SEVERITIES = tuple(Severity)


class AllowedCode(Parameters):
    """A file of code that a person has read."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", title="SHA-256 of the file")]
    reviewer: Annotated[str, Field(min_length=1, max_length=120, title="Who read it")]
    reason: Annotated[str, Field(min_length=1, max_length=500, title="Why it may run")]


class ArtifactScanCheck(Check):
    """Judges what loading the files would import, execute, or read from outside the version, without loading them."""

    slug = "artifact.scan"
    version = "1.2.0"
    title = "Loading the files is safe"
    category = "artifact"
    description = (
        "Establishes what loading the version's files would import, execute, or read from outside the version, "
        "without loading them."
    )
    guide = """\
Every file is recognised by its content and read by a scanner of its format; nothing is loaded, imported or executed.
Each file gets one of four verdicts, and the version gets the worst of them. Only **safe** passes.

- **safe**: loading imports only names on the reviewed list, executes no code of the version, and reads only files of
  the version.
- **unsupported**: the engine cannot judge the format.
- **unreadable**: the file violates the rules of its format, so that readers may differ about its content; or it is
  empty, missing, or refers to a file that is missing.
- **unsafe**: loading imports another name, runs code, or reads something outside the version.

A safe scan does **not** establish that the model behaves well, or that the libraries that load it have no errors.

What files refer to must be in the version: external data of ONNX, shards of an index, paths of `MLmodel`. Otherwise the
fingerprint does not cover what is loaded.

### How to repair a failure

- An import that is not on the list: save the model in a format without code (`skops`, `safetensors`, ONNX, the
  library's own format). If the name is harmless with any arguments, an officer adds it to `extra_allowed`.
- `code_runs`, `code_file`: save the model without code of its own. Or a person reads the file, and an officer adds its
  digest, the reader's name and the reason to `allowed_code`.
- `unknown_loader`: save the model with a flavor of MLflow or a class of the library.
- `reference_missing`, `reference_outside`: register a version that contains the file, and refer to it by a path within
  its folder.
- `empty_file`, `unreadable_file`: register a version with the complete file.
- `unsupported_file`: save the model in another format, or unpack the archive.
- `more_findings`: more findings than one result can list; repair those that are listed, and run the check again.

`countersign scan FOLDER` gives the same result before a version is registered.

A critical finding cannot be waived. What is acceptable although the engine does not know it is named exactly, in
`extra_allowed` or `allowed_code`; a second officer confirms the policy."""
    needs = (
        RequiredEvidence(
            ARTIFACT_FILES,
            form="All files of the version, as registered. Nothing has to be added.",
        ),
    )
    # Content of compressed containers is unpacked to temporary files of the sandbox; `max_unpacked_gb` limits it.
    sandbox: ClassVar[Sandbox] = Sandbox(memory=1 << 30, cpu=1200, wall=1260, file_size=32 << 30)

    class Params(Parameters):
        """Limits, and what is allowed besides the engine's own lists."""

        extra_allowed: Annotated[
            tuple[str, ...],
            Field(title="Further names that loading may import", description="exact: module.name", max_length=200),
        ] = ()
        allowed_code: Annotated[
            tuple[AllowedCode, ...],
            Field(title="Code that was read and may lie beside the model", max_length=200),
        ] = ()
        fail_severity: Annotated[
            Literal["info", "warning", "high", "critical"], Field(title="Findings from this severity fail")
        ] = "high"
        max_unpacked_gb: Annotated[int, Field(ge=1, le=1000, title="Maximum unpacked size, in GiB")] = 20
        max_ratio: Annotated[int, Field(ge=1, le=200, title="Maximum ratio of unpacked to packed size")] = 200
        max_depth: Annotated[int, Field(ge=0, le=4, title="Maximum number of containers around a file")] = 4

        @field_validator("extra_allowed")
        @classmethod
        def _exact_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
            for name in names:
                if (reason := allowed_names.refusal(name)) is not None:
                    raise ValueError(f"{name[:120]}: {reason}")
            return names

        @field_validator("allowed_code")
        @classmethod
        def _one_entry_each(cls, files: tuple[AllowedCode, ...]) -> tuple[AllowedCode, ...]:
            if len({file.sha256 for file in files}) != len(files):
                raise ValueError("a digest is listed twice")
            return files

        @property
        def options(self) -> Options:
            """The options of the engine."""
            return Options(
                extra_allowed=frozenset(self.extra_allowed),
                allowed_code={file.sha256: file.reviewer for file in self.allowed_code},
                max_unpacked=self.max_unpacked_gb << 30,
                max_ratio=self.max_ratio,
                max_depth=self.max_depth,
            )

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return what both accept: names and code on both lists, and the stricter of each limit."""
        codes = {file.sha256 for file in second.allowed_code}
        return first.model_copy(
            update={
                "extra_allowed": tuple(name for name in first.extra_allowed if name in second.extra_allowed),
                "allowed_code": tuple(file for file in first.allowed_code if file.sha256 in codes),
                "fail_severity": min(first.fail_severity, second.fail_severity, key=_SEVERITIES.index),
                **{
                    name: min(getattr(first, name), getattr(second, name))
                    for name in ("max_unpacked_gb", "max_ratio", "max_depth")
                },
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if the verdict is safe and no finding has the severity that fails."""
        files = ctx.of(ARTIFACT_FILES)
        found = scan_artifact((_opened(file) for file in files), params.options)
        limit = _SEVERITIES.index(params.fail_severity)
        failing = [f for f in found.findings if _SEVERITIES.index(f.severity) >= limit]
        passes = found.verdict is Verdict.SAFE and not failing
        return CheckOutcome(
            Conclusion.SUCCESS if passes else Conclusion.FAILURE,
            _summary(found, failing),
            _findings(found),
            _measures(found),
        )


def _opened(file: File) -> ArtifactFile:
    if file.local is None:
        return ArtifactFile(file.path, None, file.size, file.sha256)
    return ArtifactFile.at(file.local, file.path, file.size, file.sha256)


def _summary(found: ArtifactScan, failing: list[ScanFinding]) -> str:
    count = len(found.files)
    of = f"{count} file{'' if count == 1 else 's'}"
    if found.verdict is Verdict.SAFE and not failing:
        effects = len(found.effects)
        does = "imports and executes nothing" if not effects else f"has {effects} known effects, all allowed"
        return f"{of} scanned: loading {'them ' if count != 1 else 'it '}{does}."
    if not count:
        return "The version has no files whose loading could be judged."
    unsafe = [(path, file.verdict) for path, file in found.files if file.verdict is Verdict.SAFE]
    named = next((path for path, file in found.files if file.verdict is found.verdict), "")
    bad = count - len(unsafe)
    others = f", and {bad - 1} more of {of} are not safe" if bad > 1 else ""
    return _clean(f"{named[:200]} is {found.verdict}{others}. {failing[0].message if failing else ''}", _MAX_MESSAGE)


def _findings(found: ArtifactScan) -> tuple[Finding, ...]:
    """Return the findings that fit into a result, worst first; the last one states how many are left out."""
    kept: list[Finding] = []
    remaining = _MAX_FINDINGS_BYTES
    for finding in found.findings:
        shown = Finding(
            finding.code, _clean(finding.message, _MAX_MESSAGE), finding.severity, _clean(finding.where, _MAX_WHERE)
        )
        remaining -= len(json.dumps(shown.message + shown.where, ensure_ascii=False).encode()) + 100
        if remaining < 0 or len(kept) >= MAX_FINDINGS - 1:
            left = len(found.findings) - len(kept)
            message = f"{left} more findings are left out here; countersign scan lists all."
            return (*kept, Finding("more_findings", message, finding.severity))
        kept.append(shown)
    return tuple(kept)


def _measures(found: ArtifactScan) -> dict[str, Json]:
    effects, remaining = [], _MAX_LISTS_BYTES
    for effect in found.effects[:MAX_EFFECTS]:
        shown = _effect(effect)
        remaining -= len(json.dumps(shown, ensure_ascii=False).encode())
        if remaining < 0:
            break
        effects.append(shown)
    files, remaining = {}, _MAX_LISTS_BYTES
    for path, file in sorted(found.files, key=lambda pair: pair[1].verdict is Verdict.SAFE)[:MAX_FILES]:
        remaining -= len(path.encode()) + 60
        if remaining < 0:
            break
        files[path] = {"verdict": str(file.verdict), "format": str(file.format)}
    complete = json.dumps([_effect(effect) for effect in found.effects], sort_keys=True).encode()
    return {
        "verdict": str(found.verdict),
        "kind": found.kind,
        "verdicts": dict(sorted(Counter(str(file.verdict) for _, file in found.files).items())),
        "files": files,
        "files_total": len(found.files),
        "effects": effects,
        "effects_total": len(found.effects),
        # The list may be cut; its digest covers all of it.
        "effects_sha256": hashlib.sha256(complete).hexdigest(),
        "findings_total": len(found.findings),
        "engine": ArtifactScanCheck.version,
        "list": allowed_names.digest(),
    }


def _effect(effect: Effect) -> dict[str, Json]:
    return {
        "kind": str(effect.kind),
        "subject": _clean(effect.subject, _MAX_WHERE),
        "where": _clean(effect.where, _MAX_WHERE),
        "allowed": effect.allowed,
    }


def _clean(text: str, limit: int) -> str:
    """Return text from a file as text that can be stored and printed."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
