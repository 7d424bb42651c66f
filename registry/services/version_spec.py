"""The specification of a declared version, as values, and its validation rules."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.conf import settings

from audit import canonical
from registry import datasets as references
from registry import model_card as cards
from registry.comparison.signature import SIDES
from registry.models import DatasetReference, ModelVersion, RegisteredModel, User
from registry.validation import ErrorCollector
from registry.yaml_reader import DuplicateKeyError

MAX_CARD_BYTES = 256 * 1024
MAX_LOCK_BYTES = 1024 * 1024
MAX_METRICS = 1_000
MAX_DATASETS = 100
MAX_PARENTS = 100


@dataclass(frozen=True)
class ArtifactSpec:
    """A file: its path in the version, the SHA-256 of its bytes in hexadecimal, its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset reference by its fields.

    `reference` is a version, tag or date; `digest_algorithm` is one of `registry.datasets.DIGEST_FORMS` or any other
    label. The identity strength follows from the two digest fields.
    """

    role: str
    name: str
    reference: str = ""
    uri: str = ""
    digest_algorithm: str = ""
    digest: str = ""


@dataclass(frozen=True)
class DatasetText:
    """A dataset reference as text, in one of `registry.datasets.FORMS`, such as the content of a .dvc file or
    lakefs://repository/commit/path.

    It is parsed into a `DatasetSpec`, and only that is stored. `name` replaces the name in the text.
    """

    role: str
    form: str
    text: str
    name: str = ""


@dataclass(frozen=True)
class MetricSpec:
    """A finite number measured for the version, on a dataset and a slice of it."""

    name: str
    value: float
    dataset: str = ""
    slice: str = ""


@dataclass(frozen=True)
class VersionSpec:
    """Everything fixed at registration, and the first metrics and card.

    Attributes:
        code_clean: False if the working tree had changes that the commit does not contain.
        environment_lock: the text of a lock file.
        parents: the versions from which it was made.
        trained_by: the person who trained it, if known.
    """

    artifacts: Sequence[ArtifactSpec] = ()
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    code_repository: str = ""
    code_commit: str = ""
    code_clean: bool | None = None
    environment_lock: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    datasets: Sequence[DatasetSpec | DatasetText] = ()
    parents: Sequence[ModelVersion] = ()
    trained_by: User | None = None
    metrics: Sequence[MetricSpec] = ()
    card: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_source_only(self) -> bool:
        """Whether everything declared is stored in the version's own row as text."""
        beside = (self.artifacts, self.datasets, self.parents, self.metrics, self.card)
        return not any((*beside, self.parameters, self.signature))


_LINES = {
    "source": 2000,
    "run_id": 500,
    "run_link": 2000,
    "code_repository": 500,
    "licence": 200,
}


_COLUMNS = (
    *_LINES,
    "code_commit",
    "code_clean",
    "environment_lock",
    "parameters",
    "signature",
    "description",
    "tags",
    "trained_by",
)


def validate_spec(faults: ErrorCollector, spec: VersionSpec) -> VersionSpec:
    """Validate a specification; errors are added to `faults`. Returns it as it is stored, with lines stripped."""
    lines: dict[str, Any] = {
        name: faults.clean_line(f"/{name}", getattr(spec, name), limit) for name, limit in _LINES.items()
    }
    check_artifacts(faults, spec.artifacts)
    if spec.card:
        check_card(faults, spec.card, "/card")
    if len(spec.parents) > MAX_PARENTS:
        faults.add("/parents", "too_many", f"At most {MAX_PARENTS} parents; these are {len(spec.parents)}.")
    return replace(
        spec,
        **lines,
        code_commit=_commit(faults, spec.code_commit),
        environment_lock=faults.clean_text("/environment_lock", spec.environment_lock, MAX_LOCK_BYTES),
        parameters=faults.clean_json("/parameters", spec.parameters),
        signature=_signature(faults, spec.signature),
        description=faults.clean_text("/description", spec.description, 100_000),
        tags=faults.clean_tags("/tags", spec.tags),
        datasets=cleaned_datasets(faults, spec.datasets),
        metrics=cleaned_metrics(faults, spec.metrics, required=False),
    )


def _signature(faults: ErrorCollector, signature: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model signature as it is stored; a side may be JSON in a text, as MLflow writes it."""
    kept = faults.clean_json("/signature", signature)
    for side in SIDES:
        if isinstance(written := kept.get(side), str):
            faults.json_text(f"/signature/{side}", written)
    return kept


def spec_fields(spec: VersionSpec) -> dict[str, Any]:
    """Return the fields that are stored in the version's own row."""
    return {name: getattr(spec, name) for name in _COLUMNS}


def check_artifacts(faults: ErrorCollector, artifacts: Sequence[ArtifactSpec]) -> None:
    """Validate paths and digests, and the configured limits on number and size."""
    if len(artifacts) > settings.COUNTERSIGN_MAX_FILES:
        faults.add(
            "/artifacts",
            "too_many",
            f"A version has at most {settings.COUNTERSIGN_MAX_FILES:,} files; these are {len(artifacts):,}. Pack some.",
        )
        return
    faults.paths("/artifacts", [artifact.path for artifact in artifacts])
    total = 0
    for index, artifact in enumerate(artifacts):
        faults.sha256(f"/artifacts/{index}/sha256", artifact.sha256)
        if isinstance(artifact.size, bool) or not isinstance(artifact.size, int) or artifact.size < 0:
            faults.add(f"/artifacts/{index}/size", "size", "A size is a number of bytes, not below zero.")
            continue
        total += artifact.size
        if artifact.size > settings.COUNTERSIGN_MAX_FILE_BYTES:
            faults.add(
                f"/artifacts/{index}/size",
                "too_large",
                f"A file has at most {settings.COUNTERSIGN_MAX_FILE_BYTES:,} bytes: split it, or store it elsewhere "
                "and name it as the source.",
            )
    if total > settings.COUNTERSIGN_MAX_VERSION_BYTES:
        faults.add(
            "/artifacts",
            "too_large",
            f"The files of a version have at most {settings.COUNTERSIGN_MAX_VERSION_BYTES:,} bytes together; these "
            f"have {total:,}.",
        )


def cleaned_datasets(faults: ErrorCollector, datasets: Sequence[DatasetSpec | DatasetText]) -> list[DatasetSpec]:
    """Validate dataset references, parse those given as text, and return them as they are stored."""
    if len(datasets) > MAX_DATASETS:
        faults.add("/datasets", "too_many", f"At most {MAX_DATASETS} dataset references; these are {len(datasets)}.")
        return []
    roles = DatasetReference.DatasetRole.values
    kept = []
    for index, given in enumerate(datasets):
        where = f"/datasets/{index}"
        if given.role not in roles:
            faults.add(f"{where}/role", "unknown_role", f"A dataset's role is one of: {', '.join(roles)}.")
        facts = _read(faults, where, given) if isinstance(given, DatasetText) else given
        if facts is None:
            continue
        dataset = DatasetSpec(
            role=given.role,
            name=faults.clean_line(f"{where}/name", facts.name, 250, required=True),
            reference=faults.clean_line(f"{where}/reference", facts.reference, 250),
            uri=faults.clean_line(f"{where}/uri", facts.uri, 2000),
            digest_algorithm=faults.clean_line(f"{where}/digest_algorithm", facts.digest_algorithm, 20),
            digest=faults.clean_line(f"{where}/digest", facts.digest, 128),
        )
        _check_digest(faults, where, dataset)
        kept.append(dataset)
    return kept


def _read(faults: ErrorCollector, where: str, given: DatasetText) -> DatasetSpec | None:
    try:
        return DatasetSpec(role=given.role, **asdict(references.read(given.form, given.text, given.name)))
    except references.DatasetParseError as fault:
        faults.add(f"{where}/{fault.field}", fault.code, fault.detail)
        return None


def _check_digest(faults: ErrorCollector, where: str, dataset: DatasetSpec) -> None:
    form = references.DIGEST_FORMS.get(dataset.digest_algorithm)
    if form is not None and not form.pattern.fullmatch(dataset.digest):
        faults.add(
            f"{where}/digest",
            "digest_form",
            f"A digest by {dataset.digest_algorithm} has {form.words}; for another kind, name another "
            "digest_algorithm.",
        )
    if dataset.digest and not dataset.digest_algorithm:
        faults.add(f"{where}/digest_algorithm", "required", "Say what kind of digest it is: sha256, md5, git, …")
    for meant in references.detect_formats(dataset.uri) if "://" in dataset.uri else ():
        if meant.digest_algorithm == dataset.digest_algorithm and meant.digest != dataset.digest:
            faults.add(
                f"{where}/uri",
                "another_state",
                f"The address names {meant.digest[:16]}, and the digest another state: give one of them.",
            )


def cleaned_metrics(faults: ErrorCollector, metrics: Sequence[MetricSpec], *, required: bool) -> list[MetricSpec]:
    """Validate metrics: names, finite values, no duplicates."""
    if required and not metrics:
        faults.add("/metrics", "required", "Give at least one metric.")
    if len(metrics) > MAX_METRICS:
        faults.add("/metrics", "too_many", f"At most {MAX_METRICS} metrics at a time; these are {len(metrics)}.")
        return []
    kept: dict[tuple[str, str, str], MetricSpec] = {}
    for index, given in enumerate(metrics):
        where = f"/metrics/{index}"
        metric = MetricSpec(
            name=faults.clean_line(f"{where}/name", given.name, 250, required=True),
            value=faults.number(f"{where}/value", given.value),
            dataset=faults.clean_line(f"{where}/dataset", given.dataset, 250),
            slice=faults.clean_line(f"{where}/slice", given.slice, 250),
        )
        if kept.setdefault((metric.name, metric.dataset, metric.slice), metric) is not metric:
            faults.add(where, "twice", f"{metric.name} is given twice for the same dataset and slice: give one value.")
    return list(kept.values())


def check_card(faults: ErrorCollector, text: str, pointer: str, *, must_be_readable: bool = False) -> None:
    """Validate a card: at most 256 KB of UTF-8 text, not empty, and no duplicate key in the front matter, which parsers
    would read differently.

    A card stored before this rule is shown as unreadable. With `must_be_readable`, any other fault of the front matter
    is refused too.
    """
    faults.clean_text(pointer, text, len(text), required=True)
    if len(text.encode(errors="replace")) > MAX_CARD_BYTES:
        faults.add(
            pointer,
            "too_large",
            f"A model card has at most {MAX_CARD_BYTES // 1024} KB; attach longer documents as evidence.",
        )
        return
    try:
        cards.parse(text)
    except cards.ModelCardParseError as error:
        if isinstance(error.__cause__, DuplicateKeyError):
            faults.add(pointer, "duplicate_key", f"In the front matter {error.__cause__}.")
        elif must_be_readable:
            faults.add(pointer, "card_unreadable", error.detail)


def identity_strength(dataset: DatasetSpec) -> str:
    """Return how reliably the reference identifies the data."""
    return references.identity_strength(dataset.digest_algorithm, dataset.digest)


def declaration_digest(model: RegisteredModel, spec: VersionSpec) -> str:
    """Return the SHA-256 over everything declared; a repeated registration is recognised by it."""
    return canonical.digest(
        {
            **spec_fields(spec),
            "model": str(model.uid),
            "trained_by": spec.trained_by.uid if spec.trained_by is not None else None,
            "artifacts": _sorted(vars(artifact) for artifact in spec.artifacts),
            "datasets": _sorted(vars(dataset) for dataset in spec.datasets),
            "parents": sorted(str(parent.uid) for parent in spec.parents),
            "metrics": _sorted(vars(metric) for metric in spec.metrics),
            "card": spec.card,
        }
    )


def _sorted(rows: Any) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in rows), key=canonical.dumps)


def _commit(faults: ErrorCollector, commit: str) -> str:
    commit = faults.clean_line("/code_commit", commit, 64)
    if commit and (len(commit) not in (40, 64) or not set(commit) <= set("0123456789abcdef")):
        faults.add(
            "/code_commit",
            "commit_form",
            "A commit is written in full: 40 or 64 lower-case hexadecimal digits. A branch or a short form moves.",
        )
    return commit
