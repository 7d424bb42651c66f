"""What exports of other registries say: SageMaker, Azure ML, Comet. Pure: bytes in, claims out.

The forms are those of `aws sagemaker describe-model-package` and `list-model-packages`, of `az ml model show` and
`az ml model list`, and of Comet's registry-model details; one document, or a list of them, a file. Strict in what is
used, which is told by file, place and field where it is wrong; whatever else is there is kept as the source's claim, as
far as it is short.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry import moments

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_CLAIM_CHARACTERS = 2_000
"""Of one further field; a longer one is left out and named."""


class ExportFault(Exception):
    """A file that is no export: which file, where in it (RFC 6901 pointer), and what is wrong."""

    def __init__(self, file: str, pointer: str, detail: str) -> None:
        super().__init__(f"{file}{f' at {pointer}' if pointer else ''}: {detail}")
        self.file, self.pointer, self.detail = file, pointer, detail


@dataclass(frozen=True)
class Told:
    """A version as an export tells it; `number` is its text there."""

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
    """Its place in the file, for whoever mends it."""


def read(file: str, content: bytes) -> list[Told]:
    """Every version the file tells of. Raises ExportFault at the first thing that is wrong; then nothing is taken."""
    if len(content) > MAX_FILE_BYTES:
        raise ExportFault(file, "", f"it has more than {MAX_FILE_BYTES // 1024**2} MB: export fewer models at a time.")
    try:
        document = json.loads(content, parse_constant=_no_number)
    except json.JSONDecodeError as fault:
        raise ExportFault(file, "", f"line {fault.lineno}, column {fault.colno}: {fault.msg}.") from None
    except (ValueError, RecursionError) as fault:
        raise ExportFault(file, "", f"it is no JSON: {fault}.") from None
    return list(_entries(_At(file, "", document)))


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


class _At:
    """A value, and where it stands."""

    def __init__(self, file: str, pointer: str, value: Any) -> None:
        self.file, self.pointer, self.value = file, pointer, value

    def fault(self, detail: str) -> ExportFault:
        return ExportFault(self.file, self.pointer, detail)

    def object(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.fault("a JSON object must stand here.")
        return self.value

    def has(self, name: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def at(self, name: str) -> _At:
        step = name.replace("~", "~0").replace("/", "~1")
        return _At(self.file, f"{self.pointer}/{step}", self.object().get(name))

    def items(self) -> Iterator[_At]:
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.fault("a list must stand here.")
        for index, member in enumerate(self.value):
            yield _At(self.file, f"{self.pointer}/{index}", member)

    def text(self, name: str, *, required: bool = False) -> str:
        found = self.at(name)
        if found.value is None or found.value == "":
            if required:
                raise found.fault("it is missing, or empty, and a version is not known without it.")
            return ""
        if not isinstance(found.value, str):
            raise found.fault("text must stand here.")
        return found.value

    def number(self, name: str) -> str:
        found = self.at(name)
        if isinstance(found.value, bool) or not isinstance(found.value, int) or found.value < 1:
            raise found.fault("a version number, from 1 on, must stand here.")
        return str(found.value)

    def labels(self, name: str) -> dict[str, str]:
        found = self.at(name)
        if found.value is None:
            return {}
        kept = {}
        for key in found.object():
            member = found.at(key)
            if not isinstance(member.value, str):
                raise member.fault("text must stand here.")
            kept[key] = member.value
        return kept

    def moment(self, name: str, *, per_second: float = 1.0) -> datetime | None:
        found = self.at(name)
        if found.value is None:
            return None
        try:
            if isinstance(found.value, str):
                return moments.read_foreign_moment(found.value)
            if isinstance(found.value, int | float) and not isinstance(found.value, bool):
                return moments.from_seconds(found.value / per_second)
        except (moments.MomentError, OverflowError):
            pass
        raise found.fault("a time must stand here: ISO 8601, or a number since 1970.")

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


def _entries(at: _At) -> Iterator[Told]:
    if isinstance(at.value, list):
        for member in at.items():
            yield from _entries(member)
        return
    at.object()
    for mark, reader in _READERS.items():
        if at.has(mark):
            yield from reader(at)
            return
    raise at.fault(
        "this is none of the exports known: describe-model-package or list-model-packages (SageMaker), az ml model "
        "show or list (Azure ML), registry-model details (Comet)."
    )


def _sagemaker_list(at: _At) -> Iterator[Told]:
    for member in at.at("ModelPackageSummaryList").items():
        yield from _sagemaker(member)


def _sagemaker(at: _At) -> Iterator[Told]:
    arn = at.text("ModelPackageArn", required=True)
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != "sagemaker":
        raise at.at("ModelPackageArn").fault("an ARN of SageMaker must stand here: arn:aws:sagemaker:REGION:ACCOUNT:….")
    grouped = at.has("ModelPackageGroupName")
    name = at.text("ModelPackageGroupName") if grouped else at.text("ModelPackageName", required=True)
    source, metadata, author = "", at.at("MetadataProperties"), ""
    if at.has("InferenceSpecification"):
        for container in at.at("InferenceSpecification").at("Containers").items():
            source = source or container.text("ModelDataUrl")
    if at.has("CreatedBy"):
        creator = at.at("CreatedBy")
        author = creator.text("UserProfileName") or creator.text("UserProfileArn")
    has_metadata = metadata.value is not None
    yield Told(
        kind="sagemaker",
        origin=":".join(parts[:5]),
        name=name,
        number=at.number("ModelPackageVersion") if grouped else "1",
        created=at.moment("CreationTime"),
        updated=at.moment("LastModifiedTime"),
        author=author,
        approval=at.text("ModelApprovalStatus"),
        source=source or arn,
        run_id=metadata.text("GeneratedBy") if has_metadata else "",
        code_repository=metadata.text("Repository") if has_metadata else "",
        code_commit=metadata.text("CommitId") if has_metadata else "",
        description=at.text("ModelPackageDescription"),
        tags=at.labels("CustomerMetadataProperties"),
        claims=at.rest(
            *("ModelPackageGroupName", "ModelPackageVersion", "CreationTime", "LastModifiedTime"),
            *("ModelApprovalStatus", "ModelPackageDescription", "CustomerMetadataProperties", "ResponseMetadata"),
        ),
        where=at.pointer,
    )


def _azure(at: _At) -> Iterator[Told]:
    identity = at.text("id").removeprefix("azureml:")
    origin = identity.partition("/models/")[0] or at.text("workspace") or at.text("resourceGroup")
    if not origin:
        raise at.at("id").fault("the model's id must stand here: it says which workspace it is of.")
    context = at.at("creation_context")
    known = context.value is not None
    yield Told(
        kind="azureml",
        origin=f"azureml:{origin}",
        name=at.text("name", required=True),
        number=at.text("version", required=True),
        created=context.moment("created_at") if known else None,
        updated=context.moment("last_modified_at") if known else None,
        author=context.text("created_by") if known else "",
        stage=at.text("stage"),
        source=at.text("path"),
        run_id=at.text("job_name"),
        description=at.text("description"),
        tags=at.labels("tags"),
        claims=at.rest("id", "name", "version", "description", "tags", "path", "job_name", "stage"),
        where=at.pointer,
    )


def _comet(at: _At) -> Iterator[Told]:
    name = at.text("modelName", required=True)
    identity = at.text("registryModelId", required=True)
    workspace = at.text("workspaceName") or at.text("workspace") or identity
    for item in at.at("versions").items():
        item.object()
        experiment = item.at("experimentModel")
        stages = []
        for stage in item.at("stages").items():
            if not isinstance(stage.value, str):
                raise stage.fault("text must stand here.")
            stages.append(stage.value)
        yield Told(
            kind="comet",
            origin=f"comet:{workspace}",
            name=name,
            number=item.text("version", required=True),
            created=item.moment("createdAt", per_second=1000),
            updated=item.moment("lastUpdated", per_second=1000),
            author=item.text("userName") or at.text("userName"),
            stage=", ".join(stages)[:100],
            approval=item.text("status"),
            source=item.text("restApiUrl"),
            run_id=experiment.text("experimentKey") if experiment.value is not None else "",
            description=item.text("comment") or at.text("description"),
            claims=item.rest("version", "createdAt", "lastUpdated", "userName", "status", "stages", "comment"),
            where=item.pointer,
        )


_READERS: dict[str, Callable[[_At], Iterator[Told]]] = {
    "ModelPackageSummaryList": _sagemaker_list,
    "ModelPackageArn": _sagemaker,
    "registryModelId": _comet,
    "creation_context": _azure,
    "resourceGroup": _azure,
}
