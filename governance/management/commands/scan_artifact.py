"""`manage.py scan_artifact`: what loading files would do, judged in the sandbox of the workers. Nothing is recorded."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.checks import entry_points, runner
from governance.checks.base import CheckOutcome, Parameters
from governance.checks.builtin.artifact_scan import ArtifactScanCheck
from governance.checks.local_files import FolderUnusableError, LocalFiles, parse_mapping
from governance.checks.scan import local_paths

UNSAFE, UNUSABLE = 1, 2


class Command(BaseCommand):
    """Exit status: 0 if all paths are safe, 1 if one is not, 2 for a path or a parameter that cannot be used."""

    help = "Judge what loading files would import, execute or read, without loading them. A folder is one artifact."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder")
        parser.add_argument("--json", action="store_true", help="print the results as JSON")
        parser.add_argument("--params", default="{}", metavar="YAML", help="the check's parameters, as in a policy")

    def handle(self, *args: Any, **options: Any) -> None:
        check = ArtifactScanCheck()
        try:
            params = entry_points.parameters(check, parse_mapping(options["params"], "--params"))
        except (FolderUnusableError, entry_points.BadParameters) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from None
        results = [_result(path, check, params) for path in options["paths"]]
        if options["json"]:
            self.stdout.write(json.dumps(results, indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(line for result in results for line in _lines(result)))
        if any(local_paths.is_unusable(result) for result in results):
            raise CommandError("Not all paths can be scanned.", returncode=UNUSABLE)
        if any(result["verdict"] != "safe" for result in results):
            raise CommandError("Not all paths are safe.", returncode=UNSAFE)


def _result(path: str, check: ArtifactScanCheck, params: Parameters) -> dict[str, Any]:
    files = LocalFiles()
    try:
        local_paths.refuse_empty(path)
        files.add_artifact(Path(path))
        ended = files.run(check, params, isolation_demanded=settings.COUNTERSIGN_CHECKS_NEED_ISOLATION)
    except (local_paths.PathUnusableError, FolderUnusableError) as error:
        return local_paths.unusable(path, error)
    if ended.ending is not runner.ExitReason.OUTCOME or ended.outcome is None:
        finding = {"code": "scan_ended", "message": ended.message, "where": "", "severity": "high"}
        return {"path": path, "verdict": "unreadable", "format": "unknown", "findings": [finding]}
    return _as_json(path, ended.outcome, alone=not os.path.isdir(path))


def _as_json(path: str, outcome: CheckOutcome, *, alone: bool) -> dict[str, Any]:
    measures: Any = outcome.measures
    name = next(iter(measures["files"]), "")
    return {
        "path": path,
        "verdict": measures["verdict"],
        "format": measures["files"][name]["format"] if alone and name else measures["kind"],
        "findings": [
            {
                "code": finding.code,
                "message": finding.message,
                "where": finding.where.removeprefix(name).removeprefix(": ") if alone else finding.where,
                "severity": str(finding.severity),
            }
            for finding in outcome.findings
        ],
    }


def _lines(result: dict[str, Any]) -> list[str]:
    lines = [f"{result['verdict']:<12} {result['format']:<12} {result['path']}"]
    for finding in result["findings"]:
        where = f"{finding['where']}: " if finding["where"] else ""
        lines.append(f"    {finding['severity']:<9} {finding['code']}  {where}{finding['message']}")
    return lines
