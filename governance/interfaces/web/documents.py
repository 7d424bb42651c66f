"""The documents of a version: the model card, and the current and frozen technical documents, as pages and PDF."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from django.http import HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit import clock
from governance.documents import building, pdf_files, pdf_metadata, pdf_writer, reading
from governance.documents.completeness import CardCompleteness, completeness
from governance.documents.pdf_files import Printed
from governance.interfaces.web.bounded_cache import BoundedCache
from governance.interfaces.web.markdown import is_shown_as_written, to_html, without_front_matter
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import FrozenDocument
from registry import access, selectors
from registry import model_card as cards
from registry.comparison import DiffSegment, collapse_unchanged
from registry.exceptions import NotFoundError
from registry.models import ModelCard, ModelVersion

MOST_VERSIONS = 20
"""Maximum earlier versions searched for the origin of a section's text."""


Sections: TypeAlias = "dict[tuple[str, ...], bytes]"
_SECTIONS: BoundedCache[Sections | None] = BoundedCache(50_000, lambda sections: 1 + len(sections or ()))
"""Section digests of model cards, by the card's digest."""


@dataclass(frozen=True)
class Part:
    """A section of a model card. `since` is the version in which its text first appeared."""

    title: str
    html: SafeString
    since: int | None


@dataclass(frozen=True)
class RenderedDocument:
    """A changed point of the document, with its diff segments."""

    change: reading.PointChange
    pieces: tuple[DiffSegment, ...]


# --- the model card


@page_view()
def card(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the newest revision of a version's model card, or the one in `?revision=`."""
    version = selectors.version(request.actor, slug, number)
    revisions = list(selectors.card_revisions(version))
    shown = _revision(request, version, revisions)
    state = completeness(version, shown.text if shown is not None else "")
    context = {
        "model": version.model,
        "version": version,
        "card": shown,
        "may_add": access.check_permission(request.actor, access.Permission.REGISTER_VERSION, version.model),
        "revisions": revisions,
        "newest": shown is None or shown.pk == revisions[0].pk,
        "completeness": state,
        "metadata": _metadata(shown.text) if shown is not None else {},
        "parts": _parts(version, shown.text) if shown is not None else [],
    }
    return render_page(request, "versions/card.html", context)


def _revision(request: PageRequest, version: ModelVersion, revisions: list[ModelCard]) -> ModelCard | None:
    wanted = request.GET.get("revision")
    if not wanted:
        return revisions[0] if revisions else None
    found = next((c for c in revisions if str(c.revision) == wanted), None)
    if found is None:
        raise NotFoundError(f"The card of {version} has no revision “{wanted[:20]}”.")
    return found


def _metadata(text: str) -> dict[str, Any]:
    try:
        return {name: cards.to_json_value(value) for name, value in cards.parse(text).metadata.items()}
    except cards.ModelCardParseError:
        return {}


def _parts(version: ModelVersion, text: str) -> list[Part]:
    """The sections of a card, each with the version its text comes from."""
    try:
        found = cards.parse(text)
    except cards.ModelCardParseError:
        return [Part("", to_html(text), None)]
    if is_shown_as_written(text):
        # Sections would be rendered separately, and the rendering limits apply to a whole card.
        return [Part("", to_html(without_front_matter(text)), None)]
    earlier = _earlier(version)
    first = next((s.line for s in cards.top_sections(found)), len(found.lines))
    opening = "\n".join(found.lines[:first]).strip()
    parts = [Part("", to_html(opening), None)] if opening else []
    for section in cards.top_sections(found):
        source = found.source(section)
        since = version.number
        for number, sections in earlier:
            if sections.get(section.name) != _digest(source):
                break
            since = number
        parts.append(Part(section.title, to_html(source), since if earlier else None))
    return parts


def _earlier(version: ModelVersion) -> list[tuple[int, Sections]]:
    """Section digests of the cards of earlier versions, newest first. Two queries."""
    before = selectors.versions_of(version.model).filter(number__lt=version.number).only("pk", "number")
    numbers = {v.pk: v.number for v in before.order_by("-number").select_related(None)[:MOST_VERSIONS]}
    newest = selectors.newest_cards(numbers)
    found = []
    for row in newest:
        sections = _SECTIONS.get(row.sha256, partial(_section_digests, row.text))
        if sections is not None:
            found.append((numbers[row.version_id], sections))
    return sorted(found, key=lambda pair: -pair[0])


def _section_digests(text: str) -> Sections | None:
    """The digest of each section's text; None if the card cannot be parsed."""
    try:
        parsed = cards.parse(text)
    except cards.ModelCardParseError:
        return None
    return {s.name: _digest(parsed.source(s)) for s in cards.top_sections(parsed)}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


@page_view()
def card_pdf(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Download the model card as PDF."""
    version = selectors.version(request.actor, slug, number)
    revisions = list(selectors.card_revisions(version))
    shown = _revision(request, version, revisions)
    if shown is None:
        raise NotFoundError(f"Version {number} of {slug} has no model card yet.")
    where = reverse("web:card", args=[slug, number])
    link = request.build_absolute_uri(f"{where}?revision={shown.revision}")
    about = pdf_writer.PdfMetadata(
        title=f"Model card, revision {shown.revision}",
        subject=f"{slug} v{number}",
        printed_by=request.person.name,
        printed_at=clock.now(),
        permalink=link,
        facts=[
            ("Added", f"{shown.added_at:%Y-%m-%d %H:%M:%S} UTC by {shown.added_by.name}"),
            ("Digest", f"sha256:{shown.sha256}"),
            ("Completeness", _describe_completeness(completeness(version, shown.text))),
        ],
    )
    try:
        body = "\n".join(cards.parse(shown.text).lines)
    except cards.ModelCardParseError:
        body = shown.text
    printed = Printed("card", {"text": body, "metadata": _metadata(shown.text)}, about)
    return _paper(request, version, printed, f"{slug}-v{number}-card.pdf", link)


def _paper(request: PageRequest, version: ModelVersion, printed: Printed, name: str, back: str) -> HttpResponse:
    """Return the PDF, or a page that reloads until a worker has rendered it."""
    body = pdf_files.pdf_of(printed, requested_by=request.person)
    if body is not None:
        return _sent(body, "application/pdf", name)
    context = {"model": version.model, "version": version, "back": back, "again": pdf_files.RETRY_AFTER}
    response = render_page(request, "versions/preparing.html", context, status=202)
    response["Retry-After"] = str(pdf_files.RETRY_AFTER)
    return response


def _describe_completeness(state: CardCompleteness) -> str:
    if state.unreadable:
        return f"cannot be read: {state.unreadable}"
    if state.complete:
        return f"all {state.required} required parts are there"
    places = "; ".join(missing.where for missing in state.missing)
    return f"{state.there} of {state.required} required parts are there. Missing or unfinished: {places}"


# --- the technical document


@page_view()
def document(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the current document, or the one frozen on the promotion in `?frozen=`, and the changes since."""
    version = selectors.version(request.actor, slug, number)
    kept = reading.frozen_documents(version)
    frozen = _frozen(request, version)
    now = building.build(version)
    base = frozen or (reading.frozen_document(version, kept[0].request_id) if kept else None)
    before = reading.content_of(base) if base is not None else None
    differs = reading.changes(before, now.content) if before is not None else []
    content = reading.content_of(frozen) if frozen is not None else now.content
    context = {
        "model": version.model,
        "version": version,
        "content": content,
        "digest": frozen.digest if frozen is not None else now.digest,
        "frozen": frozen,
        "intact": frozen is None or reading.verify_digest(frozen),
        "kept": kept,
        "since": base,
        "changes": [RenderedDocument(change, collapse_unchanged(change.text)) for change in differs],
        "gaps": [(point, gap) for point in content["points"] for gap in point["missing"]],
        "groups": _groups(content["points"]),
    }
    return render_page(request, "versions/document.html", context)


def _frozen(request: PageRequest, version: ModelVersion) -> FrozenDocument | None:
    wanted = request.GET.get("frozen", "")
    if not wanted:
        return None
    number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 else 0
    found = reading.frozen_document(version, number)
    if found is None:
        raise NotFoundError(f"No document of {version} was frozen on a promotion #{wanted[:12]}.")
    return found


def _groups(points: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Group points by their shared heading and render their text; points without one form groups of their own."""
    groups: list[tuple[str, list[dict[str, Any]]]] = []
    for point in points:
        drawn = {**point, "blocks": [_drawn(block, 4 if point["group"] else 3) for block in point["blocks"]]}
        if point["group"] and groups and groups[-1][0] == point["group"]:
            groups[-1][1].append(drawn)
        else:
            groups.append((point["group"], [drawn]))
    return groups


def _drawn(block: dict[str, Any], level: int) -> dict[str, Any]:
    """Prepare a block below a heading of this level."""
    block = {**block, "level": level}
    if block["kind"] == "text":
        return {**block, "html": to_html(block["markdown"], below=level)}
    return {**block, "facts": block["items"]} if block["kind"] == "facts" else block


@page_view()
def document_pdf(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Download the document as PDF; a frozen document is rendered from its frozen content."""
    version = selectors.version(request.actor, slug, number)
    frozen = _frozen(request, version)
    content, digest = _content(version, frozen)
    where = request.build_absolute_uri(reverse("web:document", args=[slug, number]))
    about = pdf_metadata.pdf_metadata_for(
        content,
        digest,
        frozen,
        printed_by=request.person.name,
        printed_at=clock.now(),
        permalink=f"{where}?frozen={frozen.request_id}" if frozen is not None else where,
    )
    name = f"{slug}-v{number}-document{f'-{frozen.request_id}' if frozen is not None else ''}.pdf"
    return _paper(request, version, Printed("document", content, about), name, about.permalink)


@page_view()
def document_json(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Download the canonical bytes of the document, of which the digest is taken."""
    version = selectors.version(request.actor, slug, number)
    frozen = _frozen(request, version)
    body = bytes(frozen.body) if frozen is not None else building.build(version).body
    return _sent(body, "application/json", f"{slug}-v{number}-document.json")


def _content(version: ModelVersion, frozen: FrozenDocument | None) -> tuple[dict[str, Any], str]:
    if frozen is not None:
        return reading.content_of(frozen), frozen.digest
    built = building.build(version)
    return built.content, built.digest


def _sent(body: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(body, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
