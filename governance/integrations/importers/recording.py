"""Record the content of exports: models and versions by their source, with every claim, without approval.

An approval in the source is shown as a claim. No stage is changed here: promotion requires a request like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from audit.actor import Actor
from governance.integrations.importers.exports import Export, ExportedVersion
from governance.integrations.importers.report import Report
from registry import access
from registry.exceptions import DomainError
from registry.models import RegisteredModel, User
from registry.services import importing, name_claims
from registry.services.importing import ImportedClaim
from registry.services.versions import VersionSpec
from registry.validation import ErrorCollector

_CORRECT_IN_FILE = "correct it in the file, or leave it out"


@dataclass
class ExportImport:
    """One run: the officer, the owner of the imported models, and the prefix of their names."""

    actor: Actor
    owner: User | None = None
    prefix: str = ""
    dry: bool = False
    report: Report = field(default_factory=Report)

    def run(self, exports: Iterable[tuple[str, Export]]) -> Report:
        """Record the content of files.

        Args:
            exports: pairs of file name and parsed content.

        Returns:
            The report.

        Raises:
            PermissionDeniedError: the actor is not an officer.
        """
        access.require_in_organisation(self.actor, access.OrgPermission.MANAGE_POLICIES)
        for file, export in exports:
            for fault in export.skipped:
                self.report.note(f"{file}{fault.pointer}", f"skipped: {fault.detail}", _CORRECT_IN_FILE)
            for version in sorted(export.versions, key=_in_order):
                try:
                    self._record(version)
                except DomainError as refusal:
                    what = f"{file}{version.where}: {version.name} version {version.number}"
                    way = "import it under another name with --prefix" if _taken(refusal) else _CORRECT_IN_FILE
                    self.report.note(what, refusal.detail, way)
        return self.report

    def _record(self, exported: ExportedVersion) -> None:
        record = importing.imported_version_numbers(exported.origin, exported.name, [exported.number]).get(
            exported.number
        )
        if record is not None:
            self.report.counts["versions imported before"] += 1
            self.report.note_changes(
                f"{exported.name} version {exported.number}", importing.changes_there(record, _claim(exported))
            )
            return
        model = importing.find_imported_model(exported.origin, exported.name)
        if self.dry:
            self._judge(exported, model)
        else:
            with transaction.atomic():
                self._write(exported, model)
        if model is None:
            self.report.counts["models imported"] += 1
        self.report.counts["versions imported"] += 1

    def _judge(self, exported: ExportedVersion, model: RegisteredModel | None) -> None:
        faults = ErrorCollector()
        name = f"{self.prefix}{exported.name}"
        faults.mlflow_name("/name", name)
        faults.raise_if_any()
        if model is None:
            name_claims.refuse_unavailable(self.actor, name, "/name", for_mlflow=True)

    def _write(self, exported: ExportedVersion, model: RegisteredModel | None) -> None:
        if model is None:
            model = importing.import_model(
                actor=self.actor,
                claim=ImportedClaim(exported.kind, exported.origin, exported.name),
                register_as=f"{self.prefix}{exported.name}",
                owner=self.owner,
            )
        number = (
            int(exported.number)
            if exported.number.isascii() and exported.number.isdecimal() and len(exported.number) < 9
            else None
        )
        commit = exported.code_commit if len(exported.code_commit) in (40, 64) else ""
        importing.import_version(
            actor=self.actor,
            model=model,
            claim=_claim(exported),
            spec=VersionSpec(
                source=exported.source,
                run_id=exported.run_id,
                code_repository=exported.code_repository,
                code_commit=commit,
                description=exported.description,
                tags=dict(exported.tags or {}),
            ),
            # The source's number is kept if it is not below the next one here; the record always has it.
            number=number if number is not None and number >= _next(model) else None,
        )


def _claim(exported: ExportedVersion) -> ImportedClaim:
    return ImportedClaim(
        exported.kind,
        exported.origin,
        exported.name,
        exported.number,
        created_there=exported.created,
        updated_there=exported.updated,
        author_there=exported.author,
        stage=exported.stage,
        approval=exported.approval,
        claims=dict(exported.claims or {}),
    )


def _next(model: RegisteredModel) -> int:
    return RegisteredModel.objects.values_list("next_version", flat=True).get(pk=model.pk)


def _in_order(exported: ExportedVersion) -> tuple[str, str, int, str]:
    number = (
        int(exported.number)
        if exported.number.isascii() and exported.number.isdecimal() and len(exported.number) < 9
        else 0
    )
    return (
        exported.origin,
        exported.name,
        number,
        exported.created.isoformat() if exported.created is not None else exported.number,
    )


def _taken(refusal: DomainError) -> bool:
    return any(getattr(error, "code", "") == "taken" for error in getattr(refusal, "errors", ()))
