"""Import of published vulnerabilities: an export of the OSV database replaces the earlier one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction

from audit import clock, leaf, recorder
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance import task_queue
from governance.actions import ADVISORIES_IMPORTED
from governance.checks.advisories import osv
from governance.checks.builtin.dependencies_vulnerabilities import DependenciesVulnerabilities
from governance.checks.formats import archives
from governance.checks.formats.effort import Malformed
from governance.models import AdvisoryMirror, PackageAdvisories, PromotionRequest
from registry import access, moments
from registry.exceptions import FieldError, ValidationFailedError
from registry.json_text import JsonTextError, parse_json

MAX_RECORD = 4 << 20
"""Maximum bytes of a record; the longest of PyPI have about 200 kB."""
MAX_RECORDS = 200_000
STREAM = "organisation"


@dataclass(frozen=True)
class Export:
    """A read export: its digest, the newest date, the number of advisories, and the advisories by package."""

    sha256: str
    modified: datetime
    records: int
    packages: dict[str, list[dict[str, Any]]]


def read_export(path: Path) -> Export:
    """Read an export without writing anything.

    Args:
        path: a zip archive of OSV records, such as `PyPI/all.zip`, or a folder with the records as .json files.

    Raises:
        ValidationFailedError: the archive is damaged or unsafe, a record cannot be read, or there is none of PyPI.
    """
    try:
        return _read_archive(path) if path.is_file() else _read_folder(path)
    except (Malformed, OSError, osv.OsvRecordError, JsonTextError, moments.MomentError) as error:
        raise _refused(f"{path}: {error}.") from error


@transaction.atomic
def import_advisories(*, actor: Actor, export: Export) -> AdvisoryMirror:
    """Replace the advisories by those of an export, with one event.

    Open requests run the check again, and what is promoted is compared with the new advisories.

    Args:
        actor: who imports; needs MANAGE_POLICIES.
        export: what `read_export` returned.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_POLICIES.
        ValidationFailedError: the export is older than the one in use.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    person = access.require_person(actor)
    before = AdvisoryMirror.objects.select_for_update(no_key=True).filter(replaced_at__isnull=True).first()
    if before is not None and export.modified < before.modified:
        raise _refused(
            f"The newest record is of {export.modified:%Y-%m-%d %H:%M}, older than the one of the advisories in use "
            f"({before.modified:%Y-%m-%d %H:%M}). Export the records again."
        )
    now = clock.now()
    mirror = AdvisoryMirror(
        uid=uuid4(),
        ecosystem=osv.ECOSYSTEM,
        sha256=export.sha256,
        modified=export.modified,
        records=export.records,
        packages=len(export.packages),
        imported_at=now,
        imported_by=person,
    )
    replaced = [ObjectRef("advisory_mirror", str(before.uid))] if before is not None else []
    recorder.record_event(
        ADVISORIES_IMPORTED,
        actor=actor,
        target=ObjectRef("advisory_mirror", str(mirror.uid)),
        stream=STREAM,
        related_objects=replaced,
        data={
            "ecosystem": mirror.ecosystem,
            "sha256": mirror.sha256,
            "modified": leaf.timestamp(mirror.modified),
            "records": mirror.records,
            "packages": mirror.packages,
        },
    )
    if before is not None:
        before.replaced_at = now
        before.save(update_fields=["replaced_at"])
        PackageAdvisories.objects.filter(mirror=before).delete()
    mirror.save(force_insert=True)
    rows = (
        PackageAdvisories(mirror=mirror, package=package, advisories=advisories)
        for package, advisories in export.packages.items()
    )
    PackageAdvisories.objects.bulk_create(rows, batch_size=1000)
    open_requests = PromotionRequest.objects.filter(
        state__in=PromotionRequest.LIVE, check_runs__check_slug=DependenciesVulnerabilities.slug
    )
    for number in sorted(set(open_requests.values_list("pk", flat=True))):
        task_queue.enqueue_on_commit(task_queue.SETTLE_REQUEST, number)
    task_queue.enqueue_on_commit(task_queue.RECORD_IMPACTS)
    return mirror


def _refused(message: str) -> ValidationFailedError:
    return ValidationFailedError([FieldError("/export", "unreadable", message[:1000])])


def _read_archive(path: Path) -> Export:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        archive = archives.open_zip(file, size)
        if archive is None:
            raise _refused(f"{path} is no zip archive. Give all.zip of an ecosystem, or a folder with its records.")
        members = (m for m in archive.members if not m.is_dir() and m.filename.endswith(".json"))
        return _collected(digest, ((m.filename, archive.head(m, MAX_RECORD + 1)) for m in members))


def _read_folder(path: Path) -> Export:
    if not path.is_dir():
        raise _refused(f"{path} is neither a file nor a folder.")
    files = sorted(p for p in path.rglob("*.json") if p.is_file() and not p.is_symlink())
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            each = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{each}  {file.relative_to(path).as_posix()}\n".encode())
    return _collected(digest.hexdigest(), ((str(file), _head(file)) for file in files))


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_RECORD + 1)


def _collected(digest: str, records: Iterator[tuple[str, bytes]]) -> Export:
    packages: dict[str, list[dict[str, Any]]] = {}
    newest: datetime | None = None
    seen: set[str] = set()
    for number, (name, raw) in enumerate(records, 1):
        if len(raw) > MAX_RECORD or number > MAX_RECORDS:
            raise _refused(
                f"{name[-200:]}: a record has at most {MAX_RECORD:,} bytes, an export {MAX_RECORDS:,} records."
            )
        try:
            found = osv.compact(parse_json(raw))
        except (osv.OsvRecordError, JsonTextError) as error:
            raise _refused(f"{name[-200:]} is no OSV record: {error}.") from error
        if found is None:
            continue
        kept, modified = found
        if kept["id"] in seen:
            raise _refused(f"{name[-200:]}: the record {kept['id']} is in the export twice.")
        seen.add(kept["id"])
        at = moments.read_foreign_moment(modified)
        newest = at if newest is None else max(newest, at)
        if kept["withdrawn"]:
            continue
        for package, parts in kept["affected"].items():
            packages.setdefault(package, []).append({**kept, "affected": parts})
    if newest is None:
        raise _refused(f"There is no record of the ecosystem {osv.ECOSYSTEM} in the export.")
    return Export(digest, newest, len(seen), packages)
