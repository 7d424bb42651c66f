"""Reports of other tools as findings: SARIF 2.1.0, JUnit XML, and JSON in the form of an outcome. Pure.

A report is evidence of a stranger: XML with a document type is refused (so there are no entities), nesting and numbers
of elements are limited, and texts are shortened. Nothing is resolved or loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from governance.checks.base import (
    MAX_FINDINGS,
    CheckContractError,
    Finding,
    Severity,
    finding_from_json,
    refuse_unstorable,
)
from registry.json_text import JsonTextError, parse_json

MAX_BYTES = 10 << 20
"""Maximum size of a report in bytes."""
MAX_ELEMENTS = 500_000
MAX_XML_DEPTH = 64
_JSON_LEVELS = 64
_MESSAGE, _WHERE = 600, 300
_SARIF_LEVELS = {"error": Severity.HIGH, "warning": Severity.WARNING, "note": Severity.INFO, "none": Severity.INFO}


class ReportFormatError(ValueError):
    """The bytes are not such a report. The message states what was found and what is expected."""


@dataclass(frozen=True)
class Report:
    """What a report contains.

    `objections` are its statements that contradict a success, in words: failed tests, results of level error.
    """

    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, Any] = field(default_factory=dict)
    objections: tuple[str, ...] = ()


def read(raw: bytes, form: str) -> Report:
    """Read a report.

    Args:
        raw: the bytes of the file, at most `MAX_BYTES`.
        form: "sarif", "junit" or "json".

    Raises:
        ReportFormatError: it is not such a report.
    """
    if len(raw) > MAX_BYTES:
        raise ReportFormatError(f"the report has {len(raw):,} bytes; the limit is {MAX_BYTES:,}")
    if not raw.strip():
        raise ReportFormatError("the report is empty")
    return {"sarif": _sarif, "junit": _junit, "json": _json}[form](raw)


def shortened(findings: Iterator[Finding] | tuple[Finding, ...], limit: int = MAX_FINDINGS) -> tuple[Finding, ...]:
    """Return at most `limit` findings, the most severe first; the last one states how many are left out."""
    order = list(Severity)
    found = sorted(findings, key=lambda finding: -order.index(finding.severity))
    if len(found) <= limit:
        return tuple(found)
    left = found[limit - 1 :]
    return (
        *found[: limit - 1],
        Finding("more_findings", f"{len(left)} further findings are in the attached report only.", left[0].severity),
    )


# SARIF 2.1.0 (OASIS), sections 3.14 (run), 3.27 (result), 3.35 (suppression)


def _sarif(raw: bytes) -> Report:
    log = _object(raw, "SARIF")
    if log.get("version") != "2.1.0":
        raise ReportFormatError(f"the SARIF version is {_shown(log.get('version'))}; 2.1.0 is expected")
    runs = log.get("runs")
    if not isinstance(runs, list) or not runs:
        raise ReportFormatError("a SARIF log has at least one entry in runs")
    findings: list[Finding] = []
    objections: list[str] = []
    results = suppressed = 0
    for run in runs:
        if not isinstance(run, dict):
            raise ReportFormatError("each entry of runs is an object")
        rules = _rules(run)
        if any(_dict(call).get("executionSuccessful") is False for call in _list(run.get("invocations"))):
            objections.append(f"{_tool(run)} states that its run was not successful")
        if not isinstance(run.get("results"), list):
            # Section 3.14.23: results is absent or null where the tool did not run to its end.
            objections.append(f"{_tool(run)} reports no list of results, so it did not scan")
            continue
        for result in run["results"]:
            if not isinstance(result, dict):
                raise ReportFormatError("each entry of results is an object")
            results += 1
            if _is_suppressed(result):
                suppressed += 1
            elif result.get("kind", "fail") in ("fail", "review", "open") and result.get("baselineState") != "absent":
                findings.append(_sarif_finding(result, rules))
    errors = sum(finding.severity in (Severity.HIGH, Severity.CRITICAL) for finding in findings)
    if errors:
        objections.append(f"{errors} results of level error that are not suppressed")
    return Report(shortened(tuple(findings)), {"results": results, "suppressed": suppressed}, tuple(objections))


def _is_suppressed(result: Mapping[str, Any]) -> bool:
    """Section 3.35.3: each suppression must be accepted; no status means accepted."""
    found = [_dict(each) for each in _list(result.get("suppressions"))]
    return bool(found) and all(each.get("status", "accepted") == "accepted" for each in found)


def _rules(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    driver = _dict(_dict(run.get("tool")).get("driver"))
    return {str(rule["id"]): rule for rule in map(_dict, _list(driver.get("rules"))) if "id" in rule}


def _tool(run: Mapping[str, Any]) -> str:
    return _line(_dict(_dict(run.get("tool")).get("driver")).get("name") or "the tool", 80)


def _sarif_finding(result: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> Finding:
    rule_id = str(result.get("ruleId") or _dict(result.get("rule")).get("id") or "result")
    rule = rules.get(rule_id, {})
    level = result.get("level") or _dict(rule.get("defaultConfiguration")).get("level") or "warning"
    if level not in _SARIF_LEVELS:
        raise ReportFormatError(f"the level {_shown(level)} is none of {', '.join(_SARIF_LEVELS)}")
    message = _dict(result.get("message"))
    text = message.get("text") or message.get("markdown") or _dict(rule.get("shortDescription")).get("text") or rule_id
    return Finding(
        _code(rule_id), f"{_line(text, _MESSAGE)} ({_line(rule_id, 100)})", _SARIF_LEVELS[level], _at(result)
    )


def _at(result: Mapping[str, Any]) -> str:
    physical = _dict(_dict(next(iter(_list(result.get("locations"))), None)).get("physicalLocation"))
    uri = _dict(physical.get("artifactLocation")).get("uri")
    line = _dict(physical.get("region")).get("startLine")
    if not isinstance(uri, str):
        return ""
    return _line(uri, _WHERE) + (f":{line}" if isinstance(line, int) and not isinstance(line, bool) else "")


# JUnit XML as written by Ant, Maven Surefire, pytest and others. There is no standard; the elements are common to all.


def _junit(raw: bytes) -> Report:
    reader = _JUnitReader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.EntityDeclHandler = reader.refuse_document_type
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.buffer_text = True
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise ReportFormatError(f"the report is not XML: {error}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, ReportFormatError):
            raise
        raise ReportFormatError(f"the encoding of the XML is not supported: {error}") from None
    executed = reader.tests - reader.skipped
    objections = []
    if reader.failed:
        objections.append(f"{reader.failed} of {reader.tests} tests failed")
    if executed <= 0:
        objections.append("no test was executed")
    measures = {"tests": reader.tests, "failed": reader.failed, "skipped": reader.skipped}
    return Report(shortened(tuple(reader.findings)), measures, tuple(objections))


class _JUnitReader:
    """Handlers of the XML parser: counts the tests and collects failures and errors."""

    def __init__(self) -> None:
        self.tests = self.failed = self.skipped = self._elements = 0
        self.findings: list[Finding] = []
        self._open: list[str] = []
        self._case: dict[str, str] | None = None
        self._case_failed = False
        self._problem: tuple[str, str] | None = None
        self._words: list[str] = []

    def refuse_document_type(self, *declared: object) -> None:
        """Refuse a DTD before anything of it is read: entities can expand without limit, or name files."""
        raise ReportFormatError("the XML has a document type or entity declaration, which is not accepted: remove it")

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Handle a start tag."""
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) >= MAX_XML_DEPTH:
            raise ReportFormatError(f"the XML has more than {MAX_ELEMENTS:,} elements or {MAX_XML_DEPTH} levels")
        local = name.rpartition(":")[2]
        if not self._open and local not in ("testsuites", "testsuite"):
            raise ReportFormatError(f"the root element is {_shown(name)}; testsuites or testsuite is expected")
        self._open.append(local)
        if local == "testcase":
            self.tests += 1
            self._case, self._case_failed = attributes, False
        elif local == "skipped" and self._case is not None:
            self.skipped += 1
        elif local in ("failure", "error") and self._case is not None:
            self._problem, self._words = (local, attributes.get("message", "")), []

    def text(self, data: str) -> None:
        """Handle text; only the beginning of a failure's text is kept."""
        if self._problem is not None and len(self._words) < 40:
            self._words.append(data[:_MESSAGE])

    def end(self, name: str) -> None:
        """Handle an end tag."""
        local = self._open.pop()
        if local in ("failure", "error") and self._problem is not None and self._case is not None:
            kind, message = self._problem
            where = ".".join(filter(None, (self._case.get("classname", ""), self._case.get("name", ""))))
            text = _line(message or "".join(self._words) or "no message", _MESSAGE)
            self._case_failed = True
            if len(self.findings) < 4 * MAX_FINDINGS:
                self.findings.append(Finding(f"test_{kind}", text, Severity.HIGH, _line(where, _WHERE)))
            self._problem = None
        elif local == "testcase":
            self.failed += self._case_failed
            self._case = None


# JSON: {"findings": […], "measures": {…}} as in the outcome of a check; other members are kept in the file only


def _json(raw: bytes) -> Report:
    data = _object(raw, "JSON")
    listed, measures = data.get("findings", []), data.get("measures", {})
    if not isinstance(listed, list) or not isinstance(measures, dict):
        raise ReportFormatError("findings is a list and measures an object")
    try:
        refuse_unstorable(measures)
        found = tuple(
            finding_from_json({"severity": "high", "where": "", **each} if isinstance(each, dict) else each)
            for each in listed
        )
    except CheckContractError as error:
        raise ReportFormatError(str(error)) from None
    return Report(shortened(found), measures)


def _object(raw: bytes, name: str) -> Mapping[str, Any]:
    try:
        data = parse_json(raw, levels=_JSON_LEVELS)
    except JsonTextError as error:
        raise ReportFormatError(error.detail) from None
    if not isinstance(data, dict):
        raise ReportFormatError(f"a {name} report is a JSON object")
    return data


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(value: object, limit: int) -> str:
    """Return a text on one line without control characters, shortened."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)[: 4 * limit]).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _shown(value: object) -> str:
    return f"“{_line(value, 60)}”"


def _code(rule_id: str) -> str:
    code = re.sub(r"[^a-z0-9]+", "_", rule_id.lower()).strip("_")[:70]
    return code if code[:1].isalpha() else f"rule_{code}".rstrip("_")
