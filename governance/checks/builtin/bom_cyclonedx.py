"""`bom.cyclonedx`: the bill of materials is valid and describes the registered model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.attestations.bill_of_materials import (
    MODEL,
    components_of,
    datasets_of,
    find_reference_faults,
    sha256_of,
)
from governance.checks.attestations.members import AttestationError, as_object, member_text, read_document, shown
from governance.checks.attestations.provenance import folder_digest
from governance.checks.attestations.verified import failed, fault_of, first_findings
from governance.checks.base import (
    ARTIFACT_FILES,
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

BOM = "bom.cyclonedx"
MAX_BOM = 4 << 20
"""Maximum size in bytes."""
MAX_ENTRIES = 3_000
"""Maximum length of a list. The schema requires distinct components, which takes time by the square of their number."""


class BomCyclonedx(Check):
    """Validates the document against the schema, then compares it with the files and follows its references."""

    slug = "bom.cyclonedx"
    version = "1.0.0"
    title = "Bill of materials"
    category = "documentation"
    description = "The CycloneDX bill of materials is valid, describes the files of the version, and has no loose ends."
    guide = """
The check validates the document strictly against the schema of its CycloneDX version: unknown members are refused.
Then a component of the type `machine-learning-model` must have the SHA-256 of every file of the version, in its own
`hashes` or in those of its nested components; or the digest of the folder, which the page of `provenance.slsa` defines.
The first place is `metadata.component`. Its model card names the datasets, and every reference in the document must
lead to a component.

It does not establish that the listed components are all there are, nor that they are harmless. Nothing is fetched from
the network; what an address refers to is not read.

| finding | what to do |
| --- | --- |
| `not_json`, `too_large` | attach a CycloneDX document in JSON |
| `schema` | correct the member at the place that the finding names |
| `version_not_accepted` | write the document in a version of the policy |
| `no_model` | describe the model in `metadata.component` with the type `machine-learning-model` |
| `other_model` | write the SHA-256 of the registered files into its `hashes` |
| `no_model_card`, `no_datasets` | add `modelCard`, and `modelCard.modelParameters.datasets` |
| `no_serial_number` | information: add a serial number, so that other documents can cite this one |
| `dangling_ref`, `duplicate_ref` | add the component that a reference names, with one `bom-ref` for each |
"""
    needs = (
        RequiredEvidence(ARTIFACT_FILES, form="All files of the version; only their registered SHA-256 is read."),
        RequiredEvidence(
            BOM,
            form="A CycloneDX bill of materials in JSON, version 1.6 or 1.7, of at most 4 MiB.",
            example="bom.cyclonedx.json",
            find_fault=lambda file: fault_of(lambda: _read(file, ("1.6", "1.7"))),
            is_heavy=True,
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(cpu=180, wall=240)

    class Params(Parameters):
        """What the document must have."""

        versions: Annotated[
            tuple[Literal["1.6", "1.7"], ...], Field(min_length=1, max_length=2, title="Accepted CycloneDX versions")
        ] = ("1.6", "1.7")
        require_all_files: Annotated[bool, Field(strict=True, title="Every file must be described")] = True
        require_model_card: Annotated[bool, Field(strict=True, title="A model card is required")] = True
        require_datasets: Annotated[bool, Field(strict=True, title="Datasets are required")] = True

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the requirements of both sets; None if no version is accepted by both."""
        versions = tuple(each for each in first.versions if each in second.versions)
        if not versions:
            return None
        required = ("require_all_files", "require_model_card", "require_datasets")
        both = {name: getattr(first, name) or getattr(second, name) for name in required}
        return first.model_copy(update={"versions": versions, **both})

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if the document is valid and describes the files as required."""
        bom, files = ctx.one(BOM), ctx.of(ARTIFACT_FILES)
        if bom is None or bom.local is None or not files:
            return CheckOutcome(
                Conclusion.ACTION_REQUIRED, "The version needs files and a bill of materials: add them."
            )
        try:
            document = _read(bom, params.versions)
        except AttestationError as error:
            return failed(error)
        place, model = _model(document, files, all_files=params.require_all_files)
        faults = [*_faults(model, place, files, params), *find_reference_faults(document)]
        measures: dict[str, Json] = {
            "spec_version": document["specVersion"],
            "serial_number": document.get("serialNumber"),
            "components": sum(1 for _ in components_of(document)),
            "datasets": len(datasets_of(model)) if model is not None else 0,
            "faults": len(faults),
        }
        notes = (
            []
            if "serialNumber" in document
            else [Finding("no_serial_number", "The document has no serial number to cite it by.", Severity.INFO)]
        )
        if faults:
            summary = f"The bill of materials is not accepted: {faults[0].message}"
            return CheckOutcome(Conclusion.FAILURE, summary[:2000], first_findings([*faults, *notes]), measures)
        count = measures["components"]
        summary = (
            f"CycloneDX {document['specVersion']}, valid; it describes the files of the version; {count} components."
        )
        return CheckOutcome(Conclusion.SUCCESS, summary, tuple(notes), measures)


def _read(bom: File, versions: tuple[str, ...]) -> dict[str, Any]:
    """Return the document if it is valid. Raises AttestationError otherwise."""
    if bom.size > MAX_BOM:
        raise AttestationError("too_large", f"The document has {bom.size:,} bytes; {MAX_BOM:,} are read.", bom.path)
    assert bom.local is not None
    if bom.local.read_bytes()[:100].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise AttestationError("not_json", "The document is XML: write the bill of materials as JSON.")
    document = as_object(read_document(bom.local, bom.size, "The bill of materials"), "")
    version = member_text(document, "specVersion", "")
    if version not in versions:
        raise AttestationError(
            "version_not_accepted",
            f"The document is of CycloneDX version {shown(version)}; accepted are: {', '.join(versions)}.",
            "/specVersion",
        )
    _refuse_long_lists(document)
    _refuse_invalid(json.dumps(document), version)
    return document


def _refuse_long_lists(document: dict[str, Any]) -> None:
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{place}/{name}", member) for name, member in value.items()]
        elif isinstance(value, list):
            if len(value) > MAX_ENTRIES:
                raise AttestationError(
                    "too_large",
                    f"{place[:200]} has {len(value):,} entries; {MAX_ENTRIES:,} are validated.",
                    place[:500],
                )
            waiting += [(f"{place}/{number}", member) for number, member in enumerate(value)]


def _refuse_invalid(text: str, version: str) -> None:
    # Importing the schemas takes a second and 30 MB, which the other processes do not need.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415  # only in the sandbox
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415  # only in the sandbox

    fault = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
    if fault is None:
        return
    message = getattr(fault.data, "message", None) or str(fault)
    path = "/".join(str(part) for part in getattr(fault.data, "absolute_path", ()))
    raise AttestationError(
        "schema",
        f"The document breaks the schema of CycloneDX {version} at /{path}: {ascii(message)[1:-1][:600]}.",
        f"/{path}",
    )


def _model(
    document: Mapping[str, Any], files: tuple[File, ...], *, all_files: bool
) -> tuple[str, Mapping[str, Any] | None]:
    """Return the first model component that describes the files, else the first one, with its place."""
    models = [(place, each) for place, each in components_of(document) if each.get("type") == MODEL]
    fitting = (found for found in models if not _undescribed(found[1], files, all_files=all_files))
    return next(fitting, models[0] if models else ("/metadata/component", None))


def _undescribed(model: Mapping[str, Any], files: tuple[File, ...], *, all_files: bool) -> list[File]:
    """Return the files of which the component lacks the SHA-256; none if one file suffices and has it."""
    digests = sha256_of(model)
    missing = [file for file in files if file.sha256 not in digests]
    enough = folder_digest(files) in digests or (not all_files and len(missing) < len(files))
    return [] if enough else missing


def _faults(model: Mapping[str, Any] | None, place: str, files: tuple[File, ...], params: Any) -> list[Finding]:
    if model is None:
        return [Finding("no_model", f"No component has the type {MODEL}: describe the model.", where=place)]
    findings = [
        Finding(
            "other_model",
            f"The component {shown(model.get('name'))} does not have the SHA-256 of {shown(file.path)}, {file.sha256}: "
            "it describes another model, or not all of its files.",
            Severity.CRITICAL,
            file.path[:500],
        )
        for file in _undescribed(model, files, all_files=params.require_all_files)
    ]
    if params.require_model_card and not model.get("modelCard"):
        findings.append(Finding("no_model_card", "The component of the model has no modelCard.", where=place))
    if params.require_datasets and not datasets_of(model):
        findings.append(
            Finding("no_datasets", "The model card names no datasets (modelParameters.datasets).", where=place)
        )
    return findings
