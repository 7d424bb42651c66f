"""Runs a check on the files of a folder instead of a registered version: for authors of checks, and before
registering.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_validator,
)

from audit import clock
from governance.checks import runner
from governance.checks.advisory_facts import package_names
from governance.checks.base import ARTIFACT_FILES, METRICS, MODEL_CARD, Check, Parameters, missing_evidence
from governance.checks.scan import local_paths
from governance.checks.sources import Source
from registry import datasets, yaml_reader
from registry.public_keys import MAX_TEXT, PublicKeyError, read_public_key

CARD_NAMES = ("MODEL_CARD.md", "README.md")

FACTS: Mapping[str, Any] = {
    "advisories": {"mirror": None, "packages": {}},
    "champion": None,
    "code": {"repository": "", "commit": "", "dirty": None},
    "datasets": [],
    "evaluation": {"registered_at": None},
    "licence": "",
    "metrics": [],
    "sign_offs": [],
    "target": {"stage": "production", "alias": None},
    "verification_keys": [],
}
"""The facts of a folder for which none are given, for each of `base.FACT_NAMES`."""


class FolderUnusableError(ValueError):
    """The folder or a named file cannot be used; the message says why."""


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Dataset(_Fact):
    role: Literal["training", "validation", "evaluation"]
    name: Annotated[str, Field(min_length=1)]
    version: str = ""
    uri: str = ""
    algorithm: str = ""
    digest: str = ""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def strength(self) -> str:
        return datasets.identity_strength(self.algorithm, self.digest)


class _Champion(_Fact):
    number: int
    uid: str = ""
    is_same: bool = False
    datasets: list[_Dataset] = []


class _Code(_Fact):
    repository: str = ""
    commit: str = ""
    dirty: bool | None = None


class _SignOff(_Fact):
    name: str
    roles: list[str] = []
    signed_on: date
    parts: dict[str, str]


class _EvaluationDate(_Fact):
    registered_at: AwareDatetime | None


class _Key(_Fact):
    name: str
    owner: str = ""
    purposes: list[Literal["signature", "provenance"]] = ["signature", "provenance"]
    public_key: str

    @field_validator("public_key")
    @classmethod
    def _is_public(cls, text: str) -> str:
        return read_public_key(text).pem

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def key_id(self) -> str:
        return read_public_key(self.public_key).key_id


_FORMS: Mapping[str, TypeAdapter[Any]] = {
    "champion": TypeAdapter(_Champion | None),
    "code": TypeAdapter(_Code),
    "datasets": TypeAdapter(list[_Dataset]),
    "evaluation": TypeAdapter(_EvaluationDate),
    "sign_offs": TypeAdapter(list[_SignOff]),
    "verification_keys": TypeAdapter(list[_Key]),
}
"""The forms of facts with members."""


def read_fact(name: str, value: Any) -> Any:
    """Return a fact as a check reads it, with the members that were left out.

    Args:
        name: one of `base.FACT_NAMES`.
        value: the fact as a value of YAML.

    Raises:
        FolderUnusableError: there is no such fact, or the value or a member has another type or an unknown name.
    """
    if name not in FACTS:
        raise FolderUnusableError(f"there is no fact {name}; there are: {', '.join(sorted(FACTS))}.")
    if name in _FORMS:
        try:
            return _FORMS[name].dump_python(_FORMS[name].validate_python(value), mode="json")
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise FolderUnusableError(f"{'/'.join(map(str, (name, *fault['loc'])))}: {fault['msg']}.") from None
    default = FACTS[name]
    if not isinstance(value, type(default)):
        kind = "text" if isinstance(default, str) else "a list" if isinstance(default, list) else "a mapping"
        raise FolderUnusableError(f"{name}: the value is {kind}.")
    return value


@dataclass
class LocalFiles:
    """The evidence: files by kind, declared metrics, and further facts by name."""

    sources: list[Source] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    _places: dict[str, Path] = field(default_factory=dict)

    def add_folder(self, folder: Path) -> None:
        """Add every file below a folder as an artifact, and its model card if it has one by name.

        Raises:
            FolderUnusableError: not a folder, a symbolic link, or an unreadable file.
        """
        if not folder.is_dir():
            raise FolderUnusableError(f"{folder} is not a folder.")
        self.add_artifact(folder)
        card = next((folder / name for name in CARD_NAMES if (folder / name).is_file()), None)
        if card is not None:
            self.add(MODEL_CARD, card)

    def add_artifact(self, path: Path) -> None:
        """Add a file, or every file below a folder, as an artifact.

        Raises:
            FolderUnusableError: the path, or a file below it, is missing, unreadable, a link, or no regular file.
        """
        try:
            for name, found in local_paths.paths_at(path):
                self.add(ARTIFACT_FILES, found, name)
        except local_paths.PathUnusableError as error:
            raise FolderUnusableError(str(error)) from None

    def add(self, kind: str, path: Path, name: str = "") -> None:
        """Add a file as evidence of a kind. For kinds with one file, it replaces the earlier one."""
        try:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
        except OSError as error:
            raise FolderUnusableError(f"{path} cannot be read: {error.strerror or error}.") from None
        if kind != ARTIFACT_FILES:
            self.sources = [source for source in self.sources if source.kind != kind]
        self.sources.append(Source(kind, name or path.name, sha256, size))
        self._places[sha256] = path

    def add_advisories(self, mirror: Mapping[str, Any], packages: Mapping[str, Any]) -> None:
        """Add the advisories that concern the packages in the evidence. Call it after the evidence is added."""
        named = package_names(self.sources, self._open)
        found = {name: packages[name] for name in named if name in packages}
        self.facts["advisories"] = {"mirror": dict(mirror), "packages": found}

    def add_key(self, path: Path) -> None:
        """Add a file with a public key. The key counts for signatures and provenance, named after the file.

        Raises:
            FolderUnusableError: the file cannot be read, or is no accepted public key.
        """
        try:
            with path.open(encoding="utf-8") as stream:
                key = read_public_key(stream.read(MAX_TEXT + 1))
        except OSError as error:
            raise FolderUnusableError(f"{path} cannot be read: {error.strerror or error}.") from None
        except (PublicKeyError, UnicodeDecodeError) as error:
            raise FolderUnusableError(f"{path}: {error}") from None
        self.facts["verification_keys"] = [
            *self.facts.get("verification_keys", []),
            _Key(name=path.stem, public_key=key.pem).model_dump(mode="json"),
        ]

    def missing(self, check: Check, params: Parameters) -> tuple[str, ...]:
        """Return what the check waits for."""
        available = {source.kind for source in self.sources} | ({METRICS} if self.metrics else set())
        return missing_evidence(check, frozenset(available), self._facts(check), params)

    def run(self, check: Check, params: Parameters, *, isolation_demanded: bool = False) -> runner.Run:
        """Run the check in the sandbox on the evidence it needs."""
        kinds = {evidence.kind for evidence in check.needs}
        job = runner.Job(
            check=check,
            params=params,
            sources=[source for source in self.sources if source.kind in kinds],
            facts=self._facts(check),
            now=clock.now(),
            seed=0,
            isolation_demanded=isolation_demanded,
        )
        return runner.run(job, open_blob=self._open, beat=lambda: True)

    def _facts(self, check: Check) -> Mapping[str, Any]:
        attached_now = {"registered_at": clock.now().isoformat()}
        every: Mapping[str, Any] = {**FACTS, "evaluation": attached_now, "metrics": self.metrics, **self.facts}
        return {name: every[name] for name in check.facts}

    @contextmanager
    def _open(self, sha256: str) -> Iterator[BinaryIO]:
        with self._places[sha256].open("rb") as stream:
            yield stream


def parse_pairs(given: Sequence[str], option: str) -> list[tuple[str, str]]:
    """Split NAME=VALUE arguments.

    Raises:
        FolderUnusableError: an argument has another form.
    """
    pairs = []
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise FolderUnusableError(f"{option} {text}: write NAME=VALUE.")
        pairs.append((name, value))
    return pairs


def parse_mapping(text: str, option: str) -> dict[str, Any]:
    """Read the YAML mapping that an option of a command has.

    Raises:
        FolderUnusableError: it is not YAML, or not a mapping.
    """
    found = parse_yaml(text, option)
    if not isinstance(found, dict):
        raise FolderUnusableError(f"{option}: write a mapping, such as '{{min_words: 10}}'.")
    return found


def parse_yaml(text: str, option: str) -> Any:
    """Read the YAML value that an option of a command has.

    Raises:
        FolderUnusableError: it is not YAML.
    """
    try:
        return yaml_reader.read(text)
    except yaml_reader.YamlUnreadableError as error:
        raise FolderUnusableError(f"{option}: {error}.") from None
