"""`artifact.format`: only formats the target stage accepts, judged by content."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.contract import (
    ARTIFACT_FILES,
    MAX_FINDINGS,
    Check,
    Conclusion,
    Context,
    Evidence,
    File,
    Finding,
    Json,
    Outcome,
    Parameters,
    Sandbox,
    Severity,
)
from governance.checks.formats.sniff import RUNS_CODE, Format, Sniffed, sniff

Allowed = Literal[
    "safetensors", "onnx", "skops", "npy", "npz", "keras", "hdf5", "text", "joblib", "pickle", "torch-zip",
    "torch-legacy", "zip", "tar", "gzip", "xz", "bzip2",
]  # fmt: skip
"""What a policy may allow: everything that can be recognised. What cannot is allowed nowhere."""

_DATA_ONLY: tuple[Allowed, ...] = ("safetensors", "onnx", "skops", "npy", "npz", "keras", "text")
_EXPECTED = {
    ".safetensors": {Format.SAFETENSORS},
    ".onnx": {Format.ONNX},
    ".skops": {Format.SKOPS},
    ".npy": {Format.NPY},
    ".npz": {Format.NPZ},
    ".keras": {Format.KERAS},
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
} | {suffix: {Format.TEXT} for suffix in (".csv", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml")}


class ArtifactFormat(Check):
    """Recognises every file by its content and holds it against the list of the target stage.

    A target the list does not name, an alias included, gets what every listed stage accepts: the strictest reading.
    """

    slug = "artifact.format"
    version = "1.0.0"
    title = "Artifact formats are accepted"
    category = "artifact"
    needs = (Evidence(ARTIFACT_FILES),)
    facts = ("target",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=1 << 30)

    class Params(Parameters):
        """Formats by target: a stage's slug, or an alias with an @ before it."""

        allowed: Annotated[
            dict[str, tuple[Allowed, ...]],
            Field(title="Accepted formats", description="for each target stage", min_length=1),
        ] = Field(
            default={
                "staging": (*_DATA_ONLY, "joblib", "pickle", "torch-zip"),
                "production": _DATA_ONLY,
            }
        )

        def for_target(self, stage: str | None, alias: str | None) -> tuple[str, ...]:
            """What the target accepts."""
            return self.for_named(stage or f"@{alias}")

        def for_named(self, target: str) -> tuple[str, ...]:
            """The same for a target as `allowed` writes it."""
            named = self.allowed.get(target)
            if named is not None:
                return named
            lists = list(self.allowed.values())
            return tuple(f for f in lists[0] if all(f in other for other in lists))

    def combine(self, first: Any, second: Any) -> Any | None:
        """For each target that one of the sets names, the formats that both accept there."""
        allowed = {}
        for target in dict.fromkeys((*first.allowed, *second.allowed)):
            theirs = second.for_named(target)
            allowed[target] = tuple(form for form in first.for_named(target) if form in theirs)
        # A target that neither names gets what all lists accept, of both sets: intersecting every pair keeps that.
        return first.model_copy(update={"allowed": allowed})

    def run(self, ctx: Context, params: Any) -> Outcome:
        """Success when there are files and all are of an accepted format."""
        target = ctx.facts["target"]
        name = target["stage"] or f"@{target['alias']}"
        accepted = params.for_target(target["stage"], target["alias"])
        files = ctx.of(ARTIFACT_FILES)
        if not files:
            return Outcome(
                Conclusion.FAILURE,
                "The version has no registered files whose format could be judged.",
                (Finding("no_files", "Register a version with its files."),),
            )
        found = [(file, _recognise(file)) for file in files]
        refused = [(file, what) for file, what in found if what.format not in accepted]
        findings = [_refusal(file, what, name, accepted) for file, what in refused]
        findings += [_mismatch(file, what) for file, what in found if _lies(file, what) and what.format in accepted]
        counts = Counter(str(what.format) for _, what in found)
        measures: dict[str, Json] = {"formats": dict(sorted(counts.items())), "accepted": sorted(accepted)}
        if refused:
            file, what = refused[0]
            more = f" So are {len(refused) - 1} more files." if len(refused) > 1 else ""
            summary = f"{file.path} {what.reason} and is not accepted for {name}.{more}"
            return Outcome(Conclusion.FAILURE, summary, tuple(findings[:MAX_FINDINGS]), measures)
        summary = f"All {len(files)} files are of formats accepted for {name}: {', '.join(sorted(counts))}."
        return Outcome(Conclusion.SUCCESS, summary, tuple(findings[:MAX_FINDINGS]), measures)


def _recognise(file: File) -> Sniffed:
    if file.local is None:
        return Sniffed(Format.UNKNOWN, "is not in storage")
    return sniff(file.local)


def _refusal(file: File, what: Sniffed, target: str, accepted: tuple[str, ...]) -> Finding:
    why = ", and loading it may run any code its author chose" if what.format in RUNS_CODE else ""
    way_out = f"Accepted for {target}: {', '.join(accepted) or 'nothing'}."
    if what.format in (Format.PICKLE, Format.JOBLIB) and "skops" in accepted:
        way_out += " A scikit-learn model is saved as skops by skops.io.dump()."
    if what.format in (Format.TORCH_ZIP, Format.TORCH_LEGACY) and "safetensors" in accepted:
        way_out += " A torch model's weights are saved as safetensors by safetensors.torch.save_file()."
    return Finding(
        f"{str(what.format).replace('-', '_')}_refused",
        f"{file.path} {what.reason}{why}. {way_out} Register a new version with the file in one of these formats.",
        Severity.CRITICAL if what.format in RUNS_CODE else Severity.HIGH,
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
