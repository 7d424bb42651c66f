"""`manage.py run_check`: run a check on a folder, like a worker on a version. Nothing is recorded."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.checks import entry_points, runner
from governance.checks.base import MODEL_CARD, Check, CheckContractError, Conclusion, Parameters
from governance.checks.local_files import (
    FolderUnusableError,
    LocalFiles,
    parse_mapping,
    parse_pairs,
    parse_yaml,
    read_fact,
)
from governance.services import advisories
from registry.exceptions import ValidationFailedError

FAILED, MISSING = 4, 2


class Command(BaseCommand):
    """Exit status: 0 success or neutral, 4 another conclusion, 2 invalid input or missing evidence, 1 an error of
    the check.
    """

    help = (
        "Run a check on a folder, in the sandbox of the workers. Without a check: list the checks that are installed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("check", nargs="?", default="", metavar="CHECK", help="such as artifact.format")
        parser.add_argument("folder", nargs="?", default="", metavar="FOLDER", help="the files of the version")
        parser.add_argument("--params", default="{}", metavar="YAML", help="the check's parameters, as in a policy")
        parser.add_argument("--target", default="production", help="a stage, or an alias with an @ before it")
        parser.add_argument(
            "--card", default="", metavar="FILE", help="the model card; MODEL_CARD.md or README.md else"
        )
        parser.add_argument("--evidence", action="append", default=[], metavar="KIND=FILE", help="may be repeated")
        parser.add_argument("--metric", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
        parser.add_argument(
            "--fact", action="append", default=[], metavar="NAME=YAML", help="such as licence=MIT; may be repeated"
        )
        parser.add_argument("--advisories", default="", metavar="FILE.zip|FOLDER", help="an export of the OSV database")
        parser.add_argument(
            "--key", action="append", default=[], metavar="FILE", help="a public key that counts; may be repeated"
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            self._list()
            return
        check = entry_points.find(options["check"])
        if check is None:
            raise CommandError(entry_points.why_unusable(options["check"]), returncode=MISSING)
        try:
            params = entry_points.parameters(check, parse_mapping(options["params"], "--params"))
            files = _files(options)
            missing = files.missing(check, params)
        except (FolderUnusableError, CheckContractError, entry_points.BadParameters) as error:
            raise CommandError(str(error), returncode=MISSING) from None
        if missing:
            raise CommandError(f"Evidence is missing: {'; '.join(missing)}.", returncode=MISSING)
        self._report(check, files, params, as_json=options["json"])

    def _report(self, check: Check, files: LocalFiles, params: Parameters, *, as_json: bool) -> None:
        ended = files.run(check, params, isolation_demanded=settings.COUNTERSIGN_CHECKS_NEED_ISOLATION)
        if ended.ending is not runner.ExitReason.OUTCOME or ended.outcome is None:
            raise CommandError(f"{check.slug} {check.version}: {ended.message}")
        outcome = ended.outcome
        if as_json:
            self.stdout.write(json.dumps(json.loads(outcome.as_json()), indent=2, ensure_ascii=False))
        else:
            self.stdout.write(f"{check.slug} {check.version}: {outcome.conclusion}")
            self.stdout.write(outcome.summary)
            for finding in outcome.findings:
                self.stdout.write(f"  {finding.severity}  {finding.code}  {finding.message}")
        if outcome.conclusion not in (Conclusion.SUCCESS, Conclusion.NEUTRAL):
            raise CommandError(f"{check.slug}: {outcome.conclusion}.", returncode=FAILED)

    def _list(self) -> None:
        origins = entry_points.installed().origins
        for check in entry_points.all():
            self.stdout.write(f"{check.slug}  {check.version}  {origins[check.slug]}  {check.title}")
        for fault in entry_points.broken():
            self.stdout.write(f"{fault.slug or fault.name}  cannot be used  {fault.origin}  {fault.problem}")


def _files(options: dict[str, Any]) -> LocalFiles:
    files = LocalFiles()
    if options["folder"]:
        files.add_folder(Path(options["folder"]))
    if options["card"]:
        files.add(MODEL_CARD, Path(options["card"]))
    for kind, path in parse_pairs(options["evidence"], "--evidence"):
        files.add(kind, Path(path))
    for name, value in parse_pairs(options["metric"], "--metric"):
        try:
            files.metrics.append({"name": name, "value": float(value), "dataset": "", "slice": ""})
        except ValueError:
            raise FolderUnusableError(f"--metric {name}={value}: the value is a number.") from None
    for path in options["key"]:
        files.add_key(Path(path))
    target = options["target"]
    on_alias = target.startswith("@")
    files.facts["target"] = {"stage": None if on_alias else target, "alias": target[1:] if on_alias else None}
    for name, text in parse_pairs(options["fact"], "--fact"):
        try:
            files.facts[name] = read_fact(name, parse_yaml(text, name))
        except FolderUnusableError as error:
            raise FolderUnusableError(f"--fact {error}") from None
    if options["advisories"]:
        _add_advisories(files, Path(options["advisories"]))
    return files


def _add_advisories(files: LocalFiles, path: Path) -> None:
    try:
        export = advisories.read_export(path)
    except ValidationFailedError as refusal:
        raise FolderUnusableError(f"--advisories: {refusal.errors[0].detail}") from None
    mirror = {"sha256": export.sha256, "modified": export.modified.isoformat(), "records": export.records}
    files.add_advisories(mirror, export.packages)
