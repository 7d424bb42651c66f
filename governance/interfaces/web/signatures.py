"""The page of a decision signature, and the page of the decision keys."""

from __future__ import annotations

import json

from django.http import HttpResponse

from governance import decision_signatures, selectors
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry.exceptions import NotFoundError


@page_view()
def decision(request: PageRequest, number: int, decision: int) -> HttpResponse:
    """Show what a decision signed and the proof, verified now; `download=1` sends the file for other verifiers."""
    found = selectors.signed_decision(request.actor, number, decision)
    record = decision_signatures.record_of(found)
    file_name = f"decision-{number}-{found.pk}.json"
    if request.GET.get("download") == "1":
        if record is None:
            raise NotFoundError("This decision was recorded before decision signatures were attested: it has no file.")
        return _attachment(json.dumps(decision_signatures.export_document(record), indent=2) + "\n", file_name)
    context = {
        "r": found.request,
        "d": found,
        "record": record,
        "verified": decision_signatures.verify_stored(found),
        "file_name": file_name,
    }
    return render_page(request, "promotions/signature.html", context)


@page_view()
def decision_keys(request: PageRequest) -> HttpResponse:
    """Show the public keys that attest decision signatures; `download=1` sends them in PEM."""
    keys = list(selectors.decision_keys(request.actor))
    if request.GET.get("download") == "1":
        return _attachment("".join(key.public_key for key in keys), "decision-key.pem")
    return render_page(request, "promotions/decision_keys.html", {"keys": keys})


def _attachment(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
