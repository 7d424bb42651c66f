"""The first page of the PDF file of a technical document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.documents.pdf_writer import PdfMetadata
from governance.models import FrozenDocument


def pdf_metadata_for(
    content: Mapping[str, Any],
    digest: str,
    frozen: FrozenDocument | None,
    *,
    printed_by: str,
    printed_at: datetime,
    permalink: str,
) -> PdfMetadata:
    """Return the first page of a technical document.

    Args:
        content: the document.
        digest: SHA-256 of the document, in hexadecimal.
        frozen: the stored document, if it is frozen.
        printed_by: name of the reader.
        printed_at: time of rendering, in UTC.
        permalink: URL of the page with the same content.
    """
    at = content["true_at"]
    true_at = (
        f"event {at['event']}, number {at['number']} of {at['stream']}, {at['at']}" if at is not None else "no event"
    )
    state = f"as frozen on promotion #{frozen.request_id}" if frozen is not None else "as of now, not frozen"
    return PdfMetadata(
        title=content["template"]["title"],
        subject=f"{content['model']['slug']} v{content['version']['number']}, {state}",
        printed_by=printed_by,
        printed_at=printed_at,
        permalink=permalink,
        facts=[
            ("Shape", f"{content['template']['source']}, edition {content['template']['edition']} of the template"),
            ("Digest", f"sha256:{digest} of the document as canonical JSON (RFC 8785)"),
            ("True at", true_at),
            (
                "Answered",
                f"{content['answered']} of {len(content['points'])} points; {content['missing']} answers missing",
            ),
        ],
    )
