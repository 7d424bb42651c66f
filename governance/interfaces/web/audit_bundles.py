"""Bundles of the audit log as zip files, and the verifier, for auditors."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

from django.http import FileResponse, HttpResponse, HttpResponseBase

from audit import selectors as log
from audit import verifier
from audit.exceptions import NothingSignedError
from audit.exporting import Disclosure
from governance import selectors as promotions
from governance.interfaces.web import list_filters
from governance.interfaces.web.views import PageRequest, page_view
from governance.services import log_bundles
from registry import access, selectors
from registry.access import OrgPermission
from registry.exceptions import InvalidStateError, NotFoundError

MAX_EVENTS = 5_000
"""Events of a bundle that a page makes, which takes some seconds. Operators export larger ones by a command."""


@page_view()
def bundle(request: PageRequest) -> HttpResponseBase:
    """Return a bundle of a model or of a request that is visible to the user, or of the whole log, as a zip file.

    Network addresses are included for readers of the whole log.
    """
    given = list_filters.given(request.GET, ("model", "request"))
    is_reader = bool(access.check_org_permission(request.actor, OrgPermission.READ_AUDIT))
    selection, name = log_bundles.Selection(), "audit-log"
    if number := given.get("request", ""):
        if not number.isascii() or not number.isdecimal() or len(number) > 9:
            raise NotFoundError("There is no such promotion request that you can see.")
        selection = log_bundles.Selection(request=promotions.get_request(request.actor, int(number)))
        name = f"request-{number}"
    elif slug := given.get("model"):
        selection = log_bundles.Selection(model=selectors.model(request.actor, slug))
        name = f"model-{slug}"
    else:
        access.require_in_organisation(request.actor, OrgPermission.READ_AUDIT)
    if log.matching(**(selection.conditions or {}))[: MAX_EVENTS + 1].count() > MAX_EVENTS:
        raise InvalidStateError(
            f"A bundle of more than {MAX_EVENTS:,} events is made by an operator: "
            "`manage.py export_audit --output DIR`.",
            code="bundle_too_large",
        )
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with the response
    try:
        _write_zip(file, name, selection, Disclosure(addresses=is_reader))
    except NothingSignedError as error:
        file.close()
        raise InvalidStateError(str(error), code="nothing_signed") from None
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.zip", content_type="application/zip")


@page_view()
def verifier_file(request: PageRequest) -> HttpResponse:
    """Return verifier.py."""
    response = HttpResponse(Path(verifier.__file__).read_bytes(), content_type="text/x-python; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="verifier.py"'
    return response


def _write_zip(file: BinaryIO, name: str, selection: log_bundles.Selection, disclosure: Disclosure) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / name
        log_bundles.write_bundle(folder, selection, disclosure=disclosure)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(each, f"{name}/{each.relative_to(folder)}")
