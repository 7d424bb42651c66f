"""Parse exports of other registries: SageMaker, Azure ML, Comet. Pure: bytes in, claims out.

Accepted are the outputs of `aws sagemaker describe-model-package` and `list-model-packages`, of `az ml model show` and
`az ml model list`, and Comet's registry-model details; a file has one document or a list of them. A record without the
fields that identify a version is skipped and reported by file, position and field; any other member that is missing,
null or of another type stays empty. Other short members are kept as claims of the source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry import moments
from registry.json_text import JsonTextError, parse_json

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_CLAIM_CHARACTERS = 2_000
"""Maximum length of one additional field; a longer one is left out and listed."""


class ExportFault(Exception):
    """A file is not a valid export: file, position in it (RFC 6901 pointer), and problem."""

    def __init__(self, file: str, pointer: str, detail: str) -> None:
        super().__init__(f"{file}{f' at {pointer}' if pointer else ''}: {detail}")
        self.file, self.pointer, self.detail = file, pointer, detail


@dataclass(frozen=True)
class ExportedVersion:
    """A version as described by an export; `number` is the source's text."""

    kind: str
    origin: str
    name: str
    number: str
    created: datetime | None = None
    updated: datetime | None = None
    author: str = ""
    stage: str = ""
    approval: str = ""
    source: str = ""
    run_id: str = ""
    code_repository: str = ""
    code_commit: str = ""
    description: str = ""
    tags: Mapping[str, str] | None = None
    claims: Mapping[str, Any] | None = None
    where: str = ""
    """Its position in the file, for error messages."""


@dataclass(frozen=True)
class Export:
    """Content of a file: its versions, and the skipped records with their errors."""

    versions: tuple[ExportedVersion, ...]
    skipped: tuple[ExportFault, ...]


def read(file: str, content: bytes) -> Export:
    """Parse every version in a file.

    Args:
        file: the file's name, for messages.
        content: its bytes.

    Returns:
        The versions, and the skipped records.

    Raises:
        ExportFault: the file is not JSON, or none of its records is valid.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ExportFault(file, "", f"it has more than {MAX_FILE_BYTES // 1024**2} MB: export fewer models at a time.")
    try:
        document = parse_json(content)
    except JsonTextError as fault:
        raise ExportFault(file, "", f"{fault.detail}.") from None
    versions: list[ExportedVersion] = []
    skipped: list[ExportFault] = []
    for found in _entries(_At(file, "", document)):
        if isinstance(found, ExportedVersion):
            versions.append(found)
        else:
            skipped.append(found)
    if skipped and not versions:
        raise skipped[0]
    return Export(tuple(versions), tuple(skipped))


class _At:
    """A value and its position in the file."""

    def __init__(self, file: str, pointer: str, value: Any) -> None:
        self.file, self.pointer, self.value = file, pointer, value

    def fault(self, detail: str) -> ExportFault:
        return ExportFault(self.file, self.pointer, detail)

    def object(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.fault("a JSON object is required here.")
        return self.value

    def has(self, name: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def at(self, name: str) -> _At:
        step = name.replace("~", "~0").replace("/", "~1")
        return _At(self.file, f"{self.pointer}/{step}", self.object().get(name))

    def items(self) -> Iterator[_At]:
        if not isinstance(self.value, list):
            return
        for index, member in enumerate(self.value):
            yield _At(self.file, f"{self.pointer}/{index}", member)

    def within(self, *names: str) -> _At:
        """Return the value under nested names; empty if one of them is missing."""
        found = self
        for name in names:
            found = found.at(name) if isinstance(found.value, dict) else _At(self.file, found.pointer, None)
        return found

    def text(self, name: str) -> str:
        """Return an optional text; empty if missing or of another type."""
        found = self.value.get(name) if isinstance(self.value, dict) else None
        return found if isinstance(found, str) else ""

    def identifier(self, name: str) -> str:
        """Return a required text or number."""
        found = self.at(name)
        if isinstance(found.value, int) and not isinstance(found.value, bool):
            return str(found.value)
        if not isinstance(found.value, str) or not found.value.strip():
            raise found.fault("it is required to identify a version, and is missing or not text.")
        return found.value

    def labels(self, name: str) -> dict[str, str]:
        """Return the texts under a name, by key."""
        found = self.at(name).value
        if not isinstance(found, dict):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def moment(self, name: str, *, per_second: float = 1.0) -> datetime | None:
        found = self.within(name)
        try:
            if isinstance(found.value, str):
                return moments.read_foreign_moment(found.value)
            if isinstance(found.value, int | float) and not isinstance(found.value, bool):
                return moments.from_seconds(found.value / per_second)
        except (moments.MomentError, OverflowError, ValueError):
            pass
        return None

    def rest(self, *used: str) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        left = []
        for key, value in self.object().items():
            if key in used or value in (None, "", [], {}):
                continue
            if len(json.dumps(value)) <= MAX_CLAIM_CHARACTERS and len(kept) < 60:
                kept[key] = value
            else:
                left.append(key)
        return {**kept, **({"left_out": left[:50]} if left else {})}


Found = Iterator["ExportedVersion | ExportFault"]


def _entries(at: _At) -> Found:
    if isinstance(at.value, list):
        for member in at.items():
            yield from _entries(member)
        return
    reader = next((reader for mark, reader in _READERS.items() if at.has(mark)), None)
    if reader is None:
        detail = (
            "this is not a supported export: describe-model-package or list-model-packages (SageMaker), az ml model "
            "show or list (Azure ML), registry-model details (Comet)."
        )
        yield at.fault(detail if isinstance(at.value, dict) else f"a JSON object is required here; {detail}")
        return
    yield from reader(at)


def _one(describe: Callable[[_At], ExportedVersion]) -> Callable[[_At], Found]:
    """Build a reader of records that are one version each; an invalid record yields its error."""

    def read_one(at: _At) -> Found:
        try:
            yield describe(at)
        except ExportFault as fault:
            yield fault

    return read_one


def _sagemaker_list(at: _At) -> Found:
    for member in at.at("ModelPackageSummaryList").items():
        yield from _one(_sagemaker)(member)


def _sagemaker(at: _At) -> ExportedVersion:
    arn = at.identifier("ModelPackageArn")
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != "sagemaker":
        raise at.at("ModelPackageArn").fault(
            "an ARN of SageMaker is required here: arn:aws:sagemaker:REGION:ACCOUNT:…."
        )
    grouped = at.has("ModelPackageGroupName")
    name = at.identifier("ModelPackageGroupName" if grouped else "ModelPackageName")
    metadata, creator = at.within("MetadataProperties"), at.within("CreatedBy")
    return ExportedVersion(
        kind="sagemaker",
        origin=":".join(parts[:5]),
        name=name,
        number=_sagemaker_number(at, arn) if grouped else "1",
        created=at.moment("CreationTime"),
        updated=at.moment("LastModifiedTime"),
        author=creator.text("UserProfileName") or creator.text("UserProfileArn"),
        stage=at.within("ModelLifeCycle").text("Stage"),
        approval=at.text("ModelApprovalStatus"),
        source=_sagemaker_source(at) or arn,
        run_id=metadata.text("GeneratedBy"),
        code_repository=metadata.text("Repository"),
        code_commit=metadata.text("CommitId"),
        description=at.text("ModelPackageDescription"),
        tags=at.labels("CustomerMetadataProperties"),
        claims=at.rest(
            *("ModelPackageGroupName", "ModelPackageVersion", "CreationTime", "LastModifiedTime"),
            *("ModelApprovalStatus", "ModelPackageDescription", "CustomerMetadataProperties", "ResponseMetadata"),
        ),
        where=at.pointer,
    )


def _sagemaker_number(at: _At, arn: str) -> str:
    """Return the version number; if missing, the one at the end of the ARN (…:model-package/GROUP/NUMBER)."""
    if at.at("ModelPackageVersion").value is None and re.fullmatch(r"[1-9][0-9]{0,8}", arn.rpartition("/")[2]):
        return arn.rpartition("/")[2]
    found = at.at("ModelPackageVersion")
    if isinstance(found.value, bool) or not isinstance(found.value, int) or found.value < 1:
        raise found.fault("a version number, from 1 on, is required here.")
    return str(found.value)


def _sagemaker_source(at: _At) -> str:
    """Return the location of the model data from the first container, else algorithm, that has one."""
    places = [
        at.within("InferenceSpecification", "Containers"),
        at.within("SourceAlgorithmSpecification", "SourceAlgorithms"),
    ]
    for part in (part for place in places for part in place.items()):
        data = part.within("ModelDataSource", "S3DataSource")
        if found := part.text("ModelDataUrl") or data.text("S3Uri"):
            return found
    return at.text("SourceUri")


def _azure(at: _At) -> ExportedVersion:
    identity = at.text("id").removeprefix("azureml:")
    origin = identity.partition("/models/")[0] or at.text("workspace") or at.text("resourceGroup")
    if not origin:
        raise at.at("id").fault("the model's id is required here: it names the workspace.")
    context = at.within("creation_context")
    if at.at("version").value is None and at.has("latest_version"):
        raise at.at("version").fault(
            "this is a model without its versions, as `az ml model list` gives it: export those of "
            "`az ml model list --name NAME`."
        )
    return ExportedVersion(
        kind="azureml",
        origin=f"azureml:{origin}",
        name=at.identifier("name"),
        number=at.identifier("version"),
        created=context.moment("created_at"),
        updated=context.moment("last_modified_at"),
        author=context.text("created_by"),
        stage=at.text("stage"),
        source=at.text("path"),
        run_id=at.text("job_name"),
        description=at.text("description"),
        tags=at.labels("tags"),
        claims=at.rest("id", "name", "version", "description", "tags", "path", "job_name", "stage"),
        where=at.pointer,
    )


def _comet(at: _At) -> Found:
    try:
        name, identity = at.identifier("modelName"), at.identifier("registryModelId")
    except ExportFault as fault:
        yield fault
        return
    workspace = at.text("workspaceName") or at.text("workspace") or identity

    def version(item: _At) -> ExportedVersion:
        stages = [stage.value for stage in item.at("stages").items() if isinstance(stage.value, str)]
        return ExportedVersion(
            kind="comet",
            origin=f"comet:{workspace}",
            name=name,
            number=item.identifier("version"),
            created=item.moment("createdAt", per_second=1000),
            updated=item.moment("lastUpdated", per_second=1000),
            author=item.text("userName") or at.text("userName"),
            stage=", ".join(stages)[:100],
            approval=item.text("status"),
            source=item.text("restApiUrl"),
            run_id=item.within("experimentModel").text("experimentKey"),
            description=item.text("comment") or at.text("description"),
            claims=item.rest("version", "createdAt", "lastUpdated", "userName", "status", "stages", "comment"),
            where=item.pointer,
        )

    for item in at.at("versions").items():
        yield from _one(version)(item)


_READERS: dict[str, Callable[[_At], Found]] = {
    "ModelPackageSummaryList": _sagemaker_list,
    "ModelPackageArn": _one(_sagemaker),
    "registryModelId": _comet,
    "creation_context": _one(_azure),
    "resourceGroup": _one(_azure),
}
