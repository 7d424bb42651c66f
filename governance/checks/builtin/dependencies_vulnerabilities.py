"""`dependencies.vulnerabilities`: no package of the environment has a known severe vulnerability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.accepted_findings import AcceptedFinding, accepted_by_both, accepted_note
from governance.checks.advisories import osv
from governance.checks.advisories.dependencies import DependenciesUnreadableError, read_dependencies
from governance.checks.base import (
    BOM,
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
from governance.checks.locked_packages import Pin

Level = Literal["low", "medium", "high", "critical"]
_SEVERITIES = {
    "low": Severity.WARNING,
    "medium": Severity.WARNING,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}


class DependenciesVulnerabilities(Check):
    """Compares every pinned package of the lock or the bill of materials with the imported advisories."""

    slug = "dependencies.vulnerabilities"
    version = "1.0.0"
    title = "No known vulnerabilities"
    category = "dependencies"
    description = (
        "No pinned package of the environment has a published vulnerability of the policy's severity or above."
    )
    guide = """
An operator imports the advisories for Python packages from an export of the OSV database:
`manage.py import_advisories all.zip --as OFFICER`. The check works offline on these. Every package of the environment
lock, or of a CycloneDX bill of materials, is compared by name and version; if both are attached, both are judged.

- Ranges (`introduced`, `fixed`, `last_affected`, `limit`) and lists of versions are evaluated in the order of PEP 440.
  A pre-release of a fixed version is affected. Withdrawn advisories are left out.
- Advisories that share an identifier or an alias are one vulnerability.
- The severity is the one that the database states, or follows from a CVSS 3 vector. An advisory that states none, or a
  CVSS 4 vector only, counts as *high*.
- A record whose versions cannot be read affects every version.

The check knows published advisories of the packages of Python that are listed. It does not know system libraries,
packages of other languages, or what is not published.

| finding | how to fix it |
| --- | --- |
| `vulnerable` | Update the package, train or verify again, and attach the new lock. |
| `unpinned`, `location`, `included_file`, `unreadable_line` | Pin every package to one released version. |
| `no_advisories`, `advisories_too_old` | An operator imports a new export. |
| `lock_missing`, `dependencies_unreadable` | Attach a lock as `pip freeze` writes it, or a bill of materials in JSON. |
| `accepted` | The policy accepts the vulnerability until the date, with the reason. |
"""
    needs = (
        RequiredEvidence(
            ENVIRONMENT_LOCK,
            required=False,
            form="The output of `pip freeze`, `pip-compile` or `uv export`, a conda environment with versions, or the "
            "lock of uv, Poetry or PDM. The lock that was given at registration is used if none is attached.",
            example="requirements_lock.txt",
        ),
        RequiredEvidence(
            BOM,
            required=False,
            form="CycloneDX in JSON, with a package URL (`pkg:pypi/name@version`) for each package.",
        ),
    )
    facts = ("advisories",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=1 << 30, cpu=120, wall=180)

    class Params(Parameters):
        """Which vulnerabilities fail."""

        fail_severity: Annotated[Level, Field(title="Severity from which a vulnerability fails")] = "high"
        max_mirror_age_days: Annotated[
            int, Field(ge=1, le=365, title="Age of the advisories at most, in days", description="of the newest record")
        ] = 14
        ignore: Annotated[
            tuple[AcceptedFinding, ...],
            Field(max_length=200, title="Accepted vulnerabilities", description="by the id of an advisory or an alias"),
        ] = ()

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the lower severity and age, and what both accept."""
        return first.model_copy(
            update={
                "fail_severity": min(first.fail_severity, second.fail_severity, key=osv.LEVELS.index),
                "max_mirror_age_days": min(first.max_mirror_age_days, second.max_mirror_age_days),
                "ignore": accepted_by_both(first.ignore, second.ignore),
            }
        )

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return the lock if there is neither a lock nor a bill of materials."""
        if ENVIRONMENT_LOCK in available or BOM in available:
            return ()
        return (f"an environment lock ({ENVIRONMENT_LOCK}) or a bill of materials ({BOM})",)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every package is pinned and none has a severe vulnerability that is not accepted."""
        mirror = ctx.facts["advisories"]["mirror"]
        if mirror is None:
            message = "No advisories were imported. An operator runs: manage.py import_advisories all.zip --as OFFICER."
            return _needs("no_advisories", message, {})
        age = (ctx.now - datetime.fromisoformat(mirror["modified"])).days
        measures: dict[str, Json] = {"mirror": dict(mirror), "mirror_age_days": age}
        if age > params.max_mirror_age_days:
            message = (
                f"The newest advisory is {age} days old; at most {params.max_mirror_age_days} are allowed. An operator "
                "imports a new export: manage.py import_advisories all.zip --as OFFICER."
            )
            return _needs("advisories_too_old", message, measures)
        files = [file for file in (*ctx.of(ENVIRONMENT_LOCK), *ctx.of(BOM)) if file.local is not None]
        if not files:
            return _needs("lock_missing", "There is no environment lock: attach one.", measures)
        pins: dict[Pin, str] = {}
        faults: list[Finding] = []
        for file in files:
            try:
                found = read_dependencies(file.kind, _content(file))
            except DependenciesUnreadableError as error:
                return _needs("dependencies_unreadable", f"{file.path} cannot be read: {error}.", measures)
            faults += [Finding(code, text[:MAX_TEXT], Severity.HIGH, place) for code, text, place in found.faults]
            pins.update(dict.fromkeys(found.pins, file.path))
            measures["other_packages"] = int(measures.get("other_packages", 0)) + found.others  # type: ignore[arg-type]  # a count
        return _judge(ctx, params, pins, faults, measures)


def _content(file: File) -> bytes:
    assert file.local is not None
    return file.local.read_bytes()


def _needs(code: str, message: str, measures: Mapping[str, Json]) -> CheckOutcome:
    return CheckOutcome(Conclusion.ACTION_REQUIRED, message[:MAX_TEXT], (Finding(code, message[:MAX_TEXT]),), measures)


def _judge(
    ctx: Context, params: Any, pins: Mapping[Pin, str], faults: list[Finding], measures: dict[str, Json]
) -> CheckOutcome:
    accepted = {entry.id.casefold(): entry for entry in params.ignore if entry.is_in_force(ctx.now)}
    failing: list[Finding] = []
    lesser: list[Finding] = []
    counts = dict.fromkeys(osv.LEVELS, 0)
    least = osv.LEVELS.index(params.fail_severity)
    for pin in pins:
        for group in _groups(pin, ctx.facts["advisories"]["packages"]):
            names = sorted({name for advisory in group for name in (advisory["id"], *advisory["aliases"])})
            where = f"{pin.name}=={pin.version}"
            known = next((accepted[name.casefold()] for name in names if name.casefold() in accepted), None)
            if known is not None:
                lesser.append(accepted_note(known, names[0], where))
                continue
            severity = osv.severity_of(group)
            counts[severity] += 1
            finding = Finding("vulnerable", _words(where, severity, names, group), _SEVERITIES[severity], where)
            (failing if osv.LEVELS.index(severity) >= least else lesser).append(finding)
    failing.sort(key=lambda finding: finding.severity != Severity.CRITICAL)
    measures |= {"packages": len(pins), "vulnerabilities": dict(counts)}
    findings = (*failing, *faults, *lesser)[:MAX_FINDINGS]
    if failing:
        more = f" {len(failing) - 1} more." if len(failing) > 1 else ""
        return CheckOutcome(Conclusion.FAILURE, f"{failing[0].message}{more}"[:MAX_TEXT], findings, measures)
    if faults:
        more = f" {len(faults) - 1} more." if len(faults) > 1 else ""
        return CheckOutcome(Conclusion.FAILURE, f"{faults[0].message}{more}"[:MAX_TEXT], findings, measures)
    rest = f" {len(lesser)} findings below {params.fail_severity} or accepted." if lesser else ""
    summary = f"{len(pins)} packages without a vulnerability of severity {params.fail_severity} or above.{rest}"
    return CheckOutcome(Conclusion.SUCCESS, summary, findings, measures)


def _groups(pin: Pin, packages: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    matching = [a for a in packages.get(pin.key, ()) if not a["withdrawn"] and osv.affects(a["affected"], pin.version)]
    yield from osv.group_aliases(matching)


def _words(where: str, severity: str, names: list[str], group: list[Mapping[str, Any]]) -> str:
    summary = next((advisory["summary"] for advisory in group if advisory["summary"]), "")
    fixed = sorted(
        {
            value
            for advisory in group
            for part in advisory["affected"]
            for events in part["ranges"]
            for kind, value in events
            if kind == "fixed"
        }
    )
    hint = f" Fixed in: {', '.join(fixed[:8])}." if fixed else " No fixed version is known."
    shown = ", ".join(names[:6])
    return f"{where} has a vulnerability of severity {severity} ({shown}): {summary}.{hint}"[:MAX_TEXT]
