"""`artifact.format`: only file formats accepted for the target stage, recognised by content."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.base import (
    ARTIFACT_FILES,
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
from governance.checks.builtin.format_remedies import remedy
from governance.checks.formats.names import INCLUDED_IN, NEVER_ACCEPTED, RUNS_CODE, Format, Sniffed
from governance.checks.formats.version_files import recognise

Allowed = Literal[
    "safetensors", "onnx", "skops", "npy", "npz", "keras", "ubj", "catboost", "lightgbm", "gguf", "tflite",
    "savedmodel", "hdf5", "text", "sentencepiece", "parquet", "feather", "image", "pdf", "joblib", "pickle",
    "torch-zip", "torch-legacy", "r-data", "zip", "tar", "gzip", "xz", "bzip2", "7z", "rar", "zstd", "lz4", "code",
]  # fmt: skip
"""Formats a policy may allow: every recognised one except secrets, executables and empty files."""
Companion = Literal["sentencepiece", "parquet", "feather", "image", "pdf"]

_DATA_ONLY: tuple[Allowed, ...] = (
    "safetensors", "onnx", "skops", "npy", "npz", "keras", "ubj", "catboost", "lightgbm", "gguf", "tflite", "text",
)  # fmt: skip
_EXPECTED = (
    {
        ".safetensors": {Format.SAFETENSORS},
        ".onnx": {Format.ONNX},
        ".skops": {Format.SKOPS},
        ".npy": {Format.NPY},
        ".npz": {Format.NPZ},
        ".keras": {Format.KERAS},
        ".ubj": {Format.UBJ},
        ".cbm": {Format.CATBOOST},
        ".gguf": {Format.GGUF},
        ".tflite": {Format.TFLITE},
        ".parquet": {Format.PARQUET},
        ".feather": {Format.FEATHER},
        ".arrow": {Format.FEATHER},
        ".pdf": {Format.PDF},
        ".rds": {Format.R_DATA},
        ".rdata": {Format.R_DATA},
        ".h5": {Format.HDF5},
        ".hdf5": {Format.HDF5},
        ".pkl": {Format.PICKLE, Format.JOBLIB},
        ".pickle": {Format.PICKLE, Format.JOBLIB},
        ".joblib": {Format.PICKLE, Format.JOBLIB},
        ".pt": {Format.TORCH_ZIP, Format.TORCH_LEGACY},
        ".pth": {Format.TORCH_ZIP, Format.TORCH_LEGACY},
        ".zip": {Format.ZIP},
        ".tar": {Format.TAR},
        ".gz": {Format.GZIP},
        ".xz": {Format.XZ},
        ".bz2": {Format.BZIP2},
        ".7z": {Format.SEVEN_ZIP},
        ".rar": {Format.RAR},
        ".zst": {Format.ZSTD},
        ".lz4": {Format.LZ4},
        ".py": {Format.CODE},
    }
    | {suffix: {Format.IMAGE} for suffix in (".png", ".jpg", ".jpeg", ".gif", ".webp")}
    | {suffix: {Format.TEXT, Format.LIGHTGBM} for suffix in (".csv", ".json", ".md", ".toml", ".txt", ".yaml", ".yml")}
)


class ArtifactFormat(Check):
    """Recognises every file by its content and compares it with the formats accepted for the target stage.

    For a target without a list, aliases included, only formats that every list accepts are accepted, which is the
    strictest reading. An archive is accepted if its own format and those of all files in it are. Companion files
    contain only data and are accepted for every target. Empty files, secrets and executables are never accepted, and
    code is never treated as text.
    """

    slug = "artifact.format"
    version = "2.2.0"
    title = "Artifact formats are accepted"
    category = "artifact"
    description = "Every file has a format that the policy accepts for the target, recognised by its content."
    guide = """
The format of every file is recognised by its content. The name of a file can only make the result stricter. `allowed`
lists the accepted formats for each target: the name of a stage, or `@` and an alias. For a target without a list, only
formats that every list accepts are accepted. `companions` lists formats that are accepted beside a model for every
target; a version that has companions only is not a model.

An archive is accepted if its own format and the formats of all files in it are. Empty files, secrets and programs are
never accepted.

The check does not judge what an accepted file executes when it is loaded.

| finding | how to fix it |
| --- | --- |
| `…_refused` | Export the model in an accepted format. The message names the function of the library that writes one. |
| `no_model` | Register the files of the model beside its companion files. |
| `name_misleads` | The file was judged by its content. Rename it, so that its name agrees. |
| `no_files` | Register the version with its files. |
"""
    needs = (RequiredEvidence(ARTIFACT_FILES, form="Every registered file of the version."),)
    facts = ("target",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=1 << 30)

    class Params(Parameters):
        """Formats by target: a stage's slug, or "@" and an alias."""

        allowed: Annotated[
            dict[str, tuple[Allowed, ...]],
            Field(title="Accepted formats", description="for each target stage", min_length=1),
        ] = Field(
            default={
                "staging": (*_DATA_ONLY, "joblib", "pickle", "torch-zip"),
                "production": _DATA_ONLY,
            }
        )

        companions: Annotated[
            tuple[Companion, ...],
            Field(title="Companion files", description="formats accepted beside a model, for every target"),
        ] = ("sentencepiece", "parquet", "feather", "image", "pdf")

        def for_target(self, stage: str | None, alias: str | None) -> tuple[str, ...]:
            """Return the formats accepted for the target."""
            return self.for_named(stage or f"@{alias}")

        def for_named(self, target: str) -> tuple[str, ...]:
            """Return the formats for a target as written in `allowed`."""
            named = self.allowed.get(target)
            if named is not None:
                return named
            lists = list(self.allowed.values())
            return tuple(f for f in lists[0] if all(f in other for other in lists))

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return, for each target named in either set, the formats that both accept."""
        allowed = {}
        for target in dict.fromkeys((*first.allowed, *second.allowed)):
            theirs = second.for_named(target)
            allowed[target] = tuple(form for form in first.for_named(target) if form in theirs)
        # A target that neither set names accepts what all lists of both sets accept; the pairwise intersection keeps
        # that.
        companions = tuple(form for form in first.companions if form in second.companions)
        return first.model_copy(update={"allowed": allowed, "companions": companions})

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if there are files and all have an accepted format."""
        target = ctx.facts["target"]
        name = target["stage"] or f"@{target['alias']}"
        accepted = params.for_target(target["stage"], target["alias"])
        files = ctx.of(ARTIFACT_FILES)
        if not files:
            return CheckOutcome(
                Conclusion.FAILURE,
                "The version has no registered files whose format could be judged.",
                (Finding("no_files", "Register a version with its files."),),
            )
        found = recognise(files)
        # Companions are accepted alone and in archives; formats accepted for the target are listed first.
        every = (*accepted, *(form for form in params.companions if form not in accepted))
        refused = [(file, what) for file, what in found if not _is_accepted(what, every)]
        findings = [_refusal(file, what, name, every) for file, what in refused]
        findings += [_mismatch(file, what) for file, what in found if _lies(file, what) and _is_accepted(what, every)]
        if not refused and not any(_is_accepted(what, accepted) for _, what in found):
            message = "The version holds only files that lie beside a model, and no model. Register the model's files."
            return CheckOutcome(Conclusion.FAILURE, message, (Finding("no_model", message),))
        counts = Counter(str(what.format) for _, what in found)
        measures: dict[str, Json] = {"formats": dict(sorted(counts.items())), "accepted": sorted(every)}
        if refused:
            file, what = refused[0]
            more = f" {len(refused) - 1} more files are not accepted." if len(refused) > 1 else ""
            summary = f"{file.path} {_reason(what, every)} and is not accepted for {name}.{more}"
            return CheckOutcome(Conclusion.FAILURE, summary[:MAX_TEXT], tuple(findings[:MAX_FINDINGS]), measures)
        summary = f"All {len(files)} files are of formats accepted for {name}: {', '.join(sorted(counts))}."
        return CheckOutcome(Conclusion.SUCCESS, summary[:MAX_TEXT], tuple(findings[:MAX_FINDINGS]), measures)


def _is_accepted(what: Sniffed, accepted: tuple[str, ...]) -> bool:
    if what.format in NEVER_ACCEPTED or (what.format not in accepted and INCLUDED_IN.get(what.format) not in accepted):
        return False
    return _refused_member(what, accepted) is None


def _refused_member(what: Sniffed, accepted: tuple[str, ...]) -> tuple[str, Sniffed] | None:
    """Return the first file in an archive that is not accepted. Empty members are accepted, because packages
    contain many.
    """
    for name, inner in what.members:
        if inner.format is not Format.EMPTY and not _is_accepted(inner, accepted):
            return name, inner
    return None


def _reason(what: Sniffed, accepted: tuple[str, ...]) -> str:
    """Return why a file is refused, to follow its name: its format and, if that is accepted, the refused member."""
    member = _refused_member(what, accepted) if what.format in accepted else None
    if member is None:
        return what.reason
    name, inner = member
    return f"{what.reason} whose member {name[:80]!r} {_reason(inner, accepted)}"


def _refusal(file: File, what: Sniffed, target: str, accepted: tuple[str, ...]) -> Finding:
    member = _refused_member(what, accepted) if what.format in accepted else None
    culprit = member[1] if member is not None else what
    why = ", and loading it may run any code its author chose" if culprit.format in RUNS_CODE else ""
    listed = f"Accepted for {target}: {', '.join(accepted) or 'nothing'}."
    message = f"{file.path} {_reason(what, accepted)}{why}. {listed} {remedy(culprit.format, accepted)}"
    return Finding(
        f"{str(what.format).replace('-', '_')}_refused",
        message[:MAX_TEXT],
        Severity.CRITICAL if culprit.format in RUNS_CODE | {Format.SECRETS} else Severity.HIGH,
        file.path,
    )


def _lies(file: File, what: Sniffed) -> bool:
    expected = _EXPECTED.get(PurePosixPath(file.path).suffix.lower())
    return expected is not None and what.format not in expected


def _mismatch(file: File, what: Sniffed) -> Finding:
    return Finding(
        "name_misleads",
        f"{file.path} {what.reason}, which its name does not say. It was judged by its content; consider renaming it.",
        Severity.WARNING,
        file.path,
    )
