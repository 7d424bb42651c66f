"""The contract between Countersign and checks, built in or from plug-ins. Pure.

A check declares what it needs and receives exactly that: local copies of files, JSON facts, a time and a seed. It
returns a `CheckOutcome`. It runs in a child process without network: it has no database, no clock but `ctx.now`, and
stores nothing but its outcome. The same inputs must give the same outcome.

    class EvaluationSize(Check):
        slug, version = "acme.evaluation_size", "1.0.0"
        title, category = "Evaluation set is large enough", "performance"

        class Params(Parameters):
            min_rows: Annotated[int, Field(ge=1, title="Rows")] = 1000

        needs = (RequiredEvidence(EVALUATION_TABLE),)

        def run(self, ctx: Context, params: Params) -> CheckOutcome: ...

A plug-in registers its class under the entry-point group `countersign.checks`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

API = 1
"""Version of this contract. A check for another version is listed as broken and never run."""

ARTIFACT_FILES = "artifact.files"
MODEL_CARD = "model.card"
METRICS = "metrics"
EVALUATION_TABLE = "evaluation.table"
BOM = "bom.cyclonedx"
ENVIRONMENT_LOCK = "environment.lock"
"""The attached lock; if none is attached, the one that was given at registration."""

CHAMPION = "champion."
"""Prefix of the kinds of evidence of the champion: the version that is in the target of the promotion now. Evidence of
the kind "champion.evaluation.table" is the champion's file of the kind "evaluation.table". It cannot be attached."""
CHAMPION_EVALUATION_TABLE = CHAMPION + EVALUATION_TABLE

FACT_NAMES = frozenset(
    {"advisories", "champion", "code", "datasets", "evaluation", "licence", "metrics", "sign_offs", "target"}
    | {"verification_keys"}
)
"""Facts that `Check.facts` may name.

`licence` of the version; `metrics`, the declared ones; `target` of the promotion.
`advisories`: mirror (None, or sha256, modified and records of the imported advisories) and packages: the advisories of
the packages in the evidence, by name; empty in the inputs of a run, and filled when it starts.
`code`: repository and commit, empty if not declared, and dirty: whether the working copy had changes; None: unknown.
`datasets`: the declared datasets, each with role, name, version, uri, algorithm, digest, strength.
`evaluation`: `registered_at` of the evaluation table, when these bytes were first attached to a version of the model.
`sign_offs`: signatures under the regulatory document, the newest last, each with name, roles, signed_on and parts: the
digest of the content of each signed part, by point.
`verification_keys`: the public keys that count for the model now, each with name, owner, purposes, key_id, public_key.
`champion`: None, or number, uid, is_same (the version itself is in the target, and no other) and datasets of the
version in the target.
"""

MAX_OUTCOME_BYTES = 256 * 1024
"""Maximum size of an outcome in bytes. It is evidence to read, not a data set."""
MAX_FINDINGS = 500
MAX_TEXT = 2_000
"""Maximum number of characters of a summary or a finding's message."""

NO_FILES = frozenset({ARTIFACT_FILES, METRICS, MODEL_CARD})
"""Kinds of evidence that are not evidence files."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_EXAMPLE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99})?")
SLUG = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}")


class Status(StrEnum):
    """Status of a run."""

    WAITING_EVIDENCE = "waiting_evidence"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """Result of a run. A check may return those in `GIVEN_BY_CHECKS`; the others are set by the product."""

    SUCCESS = "success"
    FAILURE = "failure"
    ACTION_REQUIRED = "action_required"
    NEUTRAL = "neutral"
    SKIPPED = "skipped"
    ERROR = "error"
    CANCELLED = "cancelled"


GIVEN_BY_CHECKS = frozenset({Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED, Conclusion.NEUTRAL})


class Severity(StrEnum):
    """Weight of a finding."""

    INFO = "info"
    WARNING = "warning"
    HIGH = "high"
    CRITICAL = "critical"


class CheckContractError(Exception):
    """A check or its outcome violates the contract. The message names the rule."""


class Parameters(BaseModel):
    """Base class of every check's `Params`: unknown names and NaN are refused, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class RequiredEvidence:
    """A kind of evidence a check reads.

    `kind` is ARTIFACT_FILES (every file of the version), MODEL_CARD, METRICS (the declared ones), or the kind of an
    evidence file, such as EVALUATION_TABLE. If `required`, the run waits until evidence of the kind exists.
    `form` describes the expected content in Markdown, and `example` names a file in `governance/checks/examples/` (of a
    plug-in: in the folder `examples` beside its module); both are for the documentation page of the check.
    `find_fault` returns why a file cannot be read, with the remedy, in the words that the check uses; empty text if it
    can be read. A file that no check can read is refused when it is attached. Set `is_heavy` if it imports much.
    """

    kind: str
    required: bool = True
    form: str = ""
    example: str = ""
    find_fault: Callable[[File], str] | None = None
    is_heavy: bool = False


@dataclass(frozen=True)
class Sandbox:
    """Resource limits of a run; sizes in bytes, times in seconds. A policy's `timeout` replaces `wall`.

    `memory` limits the address space, so it includes mappings; numpy alone needs several hundred megabytes. `scratch`
    limits the copies of the evidence.
    """

    memory: int = 1 << 30
    cpu: int = 300
    wall: int = 360
    file_size: int = 64 << 20
    open_files: int = 256
    scratch: int = 32 << 30


@dataclass(frozen=True)
class File:
    """One file of the evidence as registered, with its local copy.

    `local` is None if storage does not have the file. The copy has a neutral name: `path` is the registered one.
    """

    kind: str
    path: str
    sha256: str
    size: int
    local: Path | None


@dataclass(frozen=True)
class Context:
    """The inputs of a check."""

    files: tuple[File, ...]
    facts: Mapping[str, Any]
    now: datetime
    seed: int

    def of(self, kind: str) -> tuple[File, ...]:
        """Return the files of one kind of evidence."""
        return tuple(f for f in self.files if f.kind == kind)

    def one(self, kind: str) -> File | None:
        """Return the file of a kind of which a version has one at a time."""
        return next(iter(self.of(kind)), None)

    def table(self, file: File, *, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
        """Return the rows of a CSV file, reduced to the named columns; see `governance.checks.tables`.

        Raises:
            TableFormatError: the file is not such a table; the message names the line.
        """
        from governance.checks.tables import rows  # noqa: PLC0415 (imported only by checks that read tables)

        return rows(file, required=required, optional=optional)


@dataclass(frozen=True)
class Finding:
    """One finding: a stable `code`, a message with problem and remedy, and where."""

    code: str
    message: str
    severity: Severity = Severity.HIGH
    where: str = ""


@dataclass(frozen=True)
class CheckOutcome:
    """The result a check returns. `measures` are computed values by name."""

    conclusion: Conclusion
    summary: str
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """Serialise the outcome for the parent process.

        Raises:
            CheckContractError: the outcome violates the contract.
        """
        try:
            raw = json.dumps(asdict(self), allow_nan=False, ensure_ascii=False, sort_keys=True).encode()
        except (TypeError, ValueError) as error:
            raise CheckContractError(f"the outcome is not JSON: {error}") from error
        outcome_from_json(raw)
        return raw


def outcome_from_json(raw: bytes) -> CheckOutcome:
    """Parse and validate the output of a sandbox.

    Raises:
        CheckContractError: the output violates the contract; the message names the rule.
    """
    if len(raw) > MAX_OUTCOME_BYTES:
        raise CheckContractError(f"the outcome has {len(raw):,} bytes; the limit is {MAX_OUTCOME_BYTES:,}")
    try:
        data = json.loads(raw.decode(), parse_constant=_refuse_constant)
    except CheckContractError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckContractError(f"the outcome is not JSON: {error}") from error
    if not isinstance(data, dict) or set(data) != {"conclusion", "summary", "findings", "measures"}:
        raise CheckContractError("an outcome has a conclusion, a summary, findings and measures, and nothing else")
    if data["conclusion"] not in GIVEN_BY_CHECKS:
        raise CheckContractError(
            f"a check may conclude {', '.join(sorted(GIVEN_BY_CHECKS))}, not {data['conclusion']!r}"
        )
    if not isinstance(data["findings"], list) or len(data["findings"]) > MAX_FINDINGS:
        raise CheckContractError(f"findings are a list of at most {MAX_FINDINGS}")
    if not isinstance(data["measures"], dict):
        raise CheckContractError("measures are a mapping from name to value")
    refuse_unstorable(data["measures"])
    summary = _text(data["summary"], "summary")
    if not summary.strip():
        raise CheckContractError("the summary is empty: write one sentence on the result")
    return CheckOutcome(
        conclusion=Conclusion(data["conclusion"]),
        summary=summary,
        findings=tuple(finding_from_json(f) for f in data["findings"]),
        measures=data["measures"],
    )


class Check:
    """Base class of every check. Subclasses set the class attributes and implement `run`.

    The documentation page of a check is rendered from its class: `description`, `guide`, `Params` and `needs`.
    """

    api: ClassVar[int] = API
    slug: ClassVar[str]
    """Namespaced: "docs.model_card", "acme.evaluation_size". Built-in namespaces are reserved."""
    version: ClassVar[str]
    """major.minor.patch. Must change whenever the same inputs may give another outcome."""
    title: ClassVar[str]
    category: ClassVar[str]
    description: ClassVar[str] = ""
    """One sentence: what the check establishes. Without it, the first line of the docstring is shown."""
    guide: ClassVar[str] = ""
    """Markdown: what is computed and compared, what it does not establish, and how to repair each kind of failure."""
    Params: ClassVar[type[Parameters]] = Parameters
    needs: ClassVar[tuple[RequiredEvidence, ...]] = ()
    facts: ClassVar[tuple[str, ...]] = ()
    """Names of the facts it reads, of `FACT_NAMES`."""
    sandbox: ClassVar[Sandbox] = Sandbox()
    waivable: ClassVar[bool] = True
    """Whether the check may be waived."""
    judges_damage: ClassVar[bool] = False
    """Whether it accepts files whose stored bytes differ from the registered ones. Other checks are not run on them."""

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return what must be added to the version before the check can run, in words; empty if nothing.

        Override if one kind can replace another.

        Args:
            available: kinds of evidence of the version.
            facts: the facts the check names.
            params: validated parameters.
        """
        return tuple(e.kind for e in self.needs if e.required and e.kind not in available)

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the parameters that satisfy both of two parameter sets; None if there are none.

        Called if two policies that govern one request name this check. Override if unequal parameters can be combined;
        the result must never accept what either set refuses.
        """
        return first if first == second else None

    def judge_again(self, measures: Mapping[str, Any], before: Any, params: Any) -> Conclusion | None:
        """Return the conclusion under other parameters, from the measures of an earlier run.

        Replays of policies call it. Override if the measures of a run decide it; the files are not read again.

        Args:
            measures: the measures of the run.
            before: the validated parameters of the run.
            params: the validated parameters to judge by.

        Returns:
            The conclusion; None if the measures do not decide it.
        """
        return None

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Evaluate the version. The result must depend only on the arguments."""
        raise NotImplementedError


def is_attachable(kind: str) -> bool:
    """Return whether a kind of evidence is that of files which can be attached to a version."""
    return kind not in NO_FILES and not kind.startswith(CHAMPION)


def described(check: Check) -> str:
    """Return the description of a check in one sentence."""
    return check.description or (check.__doc__ or "").strip().split("\n")[0]


def missing_evidence(check: Check, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
    """Return what a check lacks, in words. `Check.missing` may be plug-in code, which runs outside the sandbox here.

    Args:
        check: the check.
        available: kinds of evidence of the version.
        facts: the facts the check names.
        params: validated parameters.

    Raises:
        CheckContractError: the check raised an exception, or returned something other than strings.
    """
    try:
        missing = tuple(check.missing(available, facts, params))
    except Exception as error:
        raise CheckContractError(f"its missing() failed ({type(error).__name__}: {error})"[:500]) from error
    if not all(isinstance(what, str) for what in missing):
        raise CheckContractError("its missing() must return texts")
    return missing


def _refuse_bad_documentation(check: type[Check]) -> None:
    if not isinstance(check.description, str) or not isinstance(check.guide, str):
        raise CheckContractError("its description and its guide must be texts")
    if not all(need.find_fault is None or callable(need.find_fault) for need in check.needs):
        raise CheckContractError("the find_fault of its evidence must be a function")
    if not all(isinstance(need.form, str) and _EXAMPLE.fullmatch(need.example) for need in check.needs):
        raise CheckContractError("the example of its evidence must be the name of a file in the folder examples")


def refuse_bad_check(check: type[Check]) -> None:
    """Refuse a class that violates the contract for checks.

    Raises:
        CheckContractError: with the rule.
    """
    if not (isinstance(check, type) and issubclass(check, Check)):
        raise CheckContractError("the entry point must name a subclass of governance.checks.base.Check")
    if check.api != API:
        raise CheckContractError(f"it is written for edition {check.api} of the contract; this is edition {API}")
    for name, form in (("slug", SLUG), ("version", VERSION)):
        value = getattr(check, name, None)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise CheckContractError(f"its {name} {value!r} does not have the form {form.pattern}")
    if not getattr(check, "title", "") or not getattr(check, "category", ""):
        raise CheckContractError("it needs a title and a category")
    if not isinstance(check.facts, tuple) or not FACT_NAMES.issuperset(check.facts):
        unknown = ", ".join(f"“{name}”" for name in check.facts if name not in FACT_NAMES) or repr(check.facts)
        raise CheckContractError(f"it asks for the facts {unknown}; the facts are: {', '.join(sorted(FACT_NAMES))}")
    if not isinstance(check.needs, tuple) or not all(isinstance(need, RequiredEvidence) for need in check.needs):
        raise CheckContractError("its needs must be a tuple of base.RequiredEvidence")
    _refuse_bad_documentation(check)
    if not isinstance(check.sandbox, Sandbox):
        raise CheckContractError("its sandbox must be a base.Sandbox")
    params = check.Params
    if (
        not isinstance(params, type)
        or not issubclass(params, BaseModel)
        or params.model_config.get("extra") != "forbid"
    ):
        raise CheckContractError("its Params must refuse unknown names: derive them from base.Parameters")
    if not params.model_config.get("frozen"):
        raise CheckContractError("its Params must be frozen: derive them from base.Parameters")
    if check.run is Check.run:
        raise CheckContractError("it has no run()")


def finding_from_json(data: object) -> Finding:
    """Parse and validate one finding.

    Raises:
        CheckContractError: it violates the contract; the message names the rule.
    """
    if not isinstance(data, dict) or set(data) != {"code", "message", "severity", "where"}:
        raise CheckContractError("a finding has a code, a message, a severity and a where, and nothing else")
    if not isinstance(data["code"], str) or not _CODE.fullmatch(data["code"]):
        raise CheckContractError(f"a finding's code is lower-case words joined by underscores, not {data['code']!r}")
    if data["severity"] not in set(Severity):
        raise CheckContractError(f"a finding's severity is one of {', '.join(Severity)}, not {data['severity']!r}")
    return Finding(
        code=data["code"],
        message=_text(data["message"], "message"),
        severity=Severity(data["severity"]),
        where=_text(data["where"], "where"),
    )


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise CheckContractError(f"the {name} is text of at most {MAX_TEXT} characters")
    refuse_unstorable(value)
    return value


def refuse_unstorable(value: object) -> None:
    """Refuse values that PostgreSQL's JSON (NUL, unpaired surrogates) or JSON itself (NaN) cannot represent."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise CheckContractError("text must hold no NUL and no half of a surrogate pair")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise CheckContractError("a number must be finite")
    elif isinstance(value, dict):
        for name, member in value.items():
            refuse_unstorable(name)
            refuse_unstorable(member)
    elif isinstance(value, list):
        for member in value:
            refuse_unstorable(member)


def _refuse_constant(name: str) -> float:
    raise CheckContractError(f"{name} is not a number JSON knows")
