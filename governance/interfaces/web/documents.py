"""The documents of a version: its model card in full, and the technical document as it is now and as it was frozen. On
paper, too."""

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
"""Earlier versions that are looked through for where a section's text began."""


Sections: TypeAlias = "dict[tuple[str, ...], bytes]"
_SECTIONS: BoundedCache[Sections | None] = BoundedCache(50_000, lambda sections: 1 + len(sections or ()))
"""Digests of the sections of cards, by the card's own digest."""


@dataclass(frozen=True)
class Part:
    """A section of a card as the page shows it. `since` is the version in which it began to say what it says."""

    title: str
    html: SafeString
    since: int | None


@dataclass(frozen=True)
class RenderedDocument:
    """A point's change, ready to draw."""

    change: reading.PointChange
    pieces: tuple[DiffSegment, ...]


# --- the model card


@page_view()
def card(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """A version's model card: the newest revision, or the one `?revision=` names."""
    version = selectors.version(request.actor, slug, number)
    revisions = list(ModelCard.objects.filter(version=version).select_related("added_by").order_by("-revision"))
    shown = _revision(request, version, revisions)
    stands = completeness(version, shown.text if shown is not None else "")
    context = {
        "model": version.model,
        "version": version,
        "card": shown,
        "may_add": access.check_permission(request.actor, access.Permission.REGISTER_VERSION, version.model),
        "revisions": revisions,
        "newest": shown is None or shown.pk == revisions[0].pk,
        "stands": stands,
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
    """The sections, each with the version its text is from."""
    try:
        found = cards.parse(text)
    except cards.ModelCardParseError:
        return [Part("", to_html(text), None)]
    if is_shown_as_written(text):
        # Each section would be rendered by itself, and the bounds hold for a whole card.
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
    """What the sections of the cards of earlier versions say, the newest version first. Two queries."""
    before = selectors.versions_of(version.model).filter(number__lt=version.number).only("pk", "number")
    numbers = {v.pk: v.number for v in before.order_by("-number").select_related(None)[:MOST_VERSIONS]}
    newest = ModelCard.objects.filter(version__in=numbers).order_by("version_id", "-revision").distinct("version_id")
    found = []
    for row in newest:
        sections = _SECTIONS.get(row.sha256, partial(_section_digests, row.text))
        if sections is not None:
            found.append((numbers[row.version_id], sections))
    return sorted(found, key=lambda pair: -pair[0])


def _section_digests(text: str) -> Sections | None:
    """What identifies the text of each section of a card; None where the card cannot be read."""
    try:
        parsed = cards.parse(text)
    except cards.ModelCardParseError:
        return None
    return {s.name: _digest(parsed.source(s)) for s in cards.top_sections(parsed)}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


@page_view()
def card_pdf(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """The same on paper."""
    version = selectors.version(request.actor, slug, number)
    revisions = list(ModelCard.objects.filter(version=version).select_related("added_by").order_by("-revision"))
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
            ("Completeness", _said(completeness(version, shown.text))),
        ],
    )
    try:
        body = "\n".join(cards.parse(shown.text).lines)
    except cards.ModelCardParseError:
        body = shown.text
    printed = Printed("card", {"text": body, "metadata": _metadata(shown.text)}, about)
    return _paper(request, version, printed, f"{slug}-v{number}-card.pdf", link)


def _paper(request: PageRequest, version: ModelVersion, printed: Printed, name: str, back: str) -> HttpResponse:
    """The PDF, or a page that loads itself again until a worker has drawn it."""
    body = pdf_files.pdf_of(printed, requested_by=request.person)
    if body is not None:
        return _sent(body, "application/pdf", name)
    context = {"model": version.model, "version": version, "back": back, "again": pdf_files.RETRY_AFTER}
    response = render_page(request, "versions/preparing.html", context, status=202)
    response["Retry-After"] = str(pdf_files.RETRY_AFTER)
    return response


def _said(stands: CardCompleteness) -> str:
    if stands.unreadable:
        return f"cannot be read: {stands.unreadable}"
    if stands.complete:
        return f"all {stands.asked} required parts are there"
    places = "; ".join(lack.where for lack in stands.lacks)
    return f"{stands.there} of {stands.asked} required parts are there. Missing or unfinished: {places}"


# --- the technical document


@page_view()
def document(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """The document as of now, or as it was frozen on the promotion that `?frozen=` names; with what changed since."""
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
    """Points under the heading they share, their text made safe to show; those that share none stand alone."""
    groups: list[tuple[str, list[dict[str, Any]]]] = []
    for point in points:
        drawn = {**point, "blocks": [_drawn(block, 4 if point["group"] else 3) for block in point["blocks"]]}
        if point["group"] and groups and groups[-1][0] == point["group"]:
            groups[-1][1].append(drawn)
        else:
            groups.append((point["group"], [drawn]))
    return groups


def _drawn(block: dict[str, Any], level: int) -> dict[str, Any]:
    """A block, ready to draw under a heading of that level: one below its point's."""
    block = {**block, "level": level}
    if block["kind"] == "text":
        return {**block, "html": to_html(block["markdown"], below=level)}
    return {**block, "facts": block["items"]} if block["kind"] == "facts" else block


@page_view()
def document_pdf(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """The same on paper, drawn from the frozen bytes where it was frozen."""
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
    """The document's canonical bytes: what its digest is of."""
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
