"""Bundles of the audit log for people outside: whole, of a model, of a request or of a period.

A bundle of a model or of a request contains the records that its events name by digest (evidence packages and frozen
technical documents), an `index.html` that reads without a server, and a list of what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from audit import exporting
from audit.bundles import BundleWriter
from audit.exporting import Disclosure, Written
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance.actions import PACKET_FROZEN
from governance.models import CheckRun, Decision, FrozenDocument, Packet, PromotionRequest
from registry.models import RegisteredModel


@dataclass(frozen=True)
class Selection:
    """What a bundle is about. Nothing given: the complete log."""

    model: RegisteredModel | None = None
    request: PromotionRequest | None = None
    after: datetime | None = None
    before: datetime | None = None

    @property
    def conditions(self) -> dict[str, Any] | None:
        """Arguments of `audit.selectors.matching`; None for the complete log."""
        found: dict[str, Any] = {"after": self.after, "before": self.before}
        if self.model is not None:
            found["stream"] = f"model:{self.model.uid}"
        if self.request is not None:
            found["about"] = ObjectRef("promotion", str(self.request.uid))
        given = {name: value for name, value in found.items() if value is not None}
        return given or None

    @property
    def title(self) -> str:
        """What the bundle is about, in words."""
        about = "the complete audit log"
        if self.request is not None:
            about = f"promotion request #{self.request.pk}"
        elif self.model is not None:
            about = f"the model {self.model.slug}"
        elif self.conditions is not None:
            about = "the audit log"
        begin = f" from {self.after:%Y-%m-%d}" if self.after is not None else ""
        end = f" until {self.before:%Y-%m-%d %H:%M} UTC" if self.before is not None else ""
        return about + begin + end


def write_bundle(
    folder: Path,
    selection: Selection,
    *,
    disclosure: Disclosure = exporting.EVERYTHING,
    held: Sequence[str] = (),
    with_entry_tiles: bool = False,
    progress: Callable[[int], None] = lambda written: None,
) -> Written:
    """Write a bundle. The caller checks that the reader may see the selection.

    Args:
        folder: made by this function.
        selection: what the bundle is about.
        disclosure: which private values it contains.
        held: checkpoints that the reader holds.
        with_entry_tiles: whether a complete bundle has the entries as tlog-tiles bundles, too.
        progress: called with the number of events written so far.

    Raises:
        NothingSignedError: no signed checkpoint has any of the events.
        FileExistsError: the folder exists.
        BadNoteError: a held checkpoint is malformed.
    """
    return exporting.write_bundle(
        folder,
        conditions=selection.conditions,
        disclosure=disclosure,
        held=held,
        with_entry_tiles=with_entry_tiles,
        readme=lambda written: _readme(selection, written),
        attach=lambda bundle: _attach(bundle, selection),
        progress=progress,
    )


def _requests(selection: Selection) -> list[PromotionRequest]:
    if selection.request is not None:
        return [selection.request]
    if selection.model is None:
        return []
    found = PromotionRequest.objects.filter(model=selection.model).select_related("model", "version", "target_stage")
    if selection.after is not None:
        found = found.filter(created_at__gte=selection.after)
    if selection.before is not None:
        found = found.filter(created_at__lt=selection.before)
    return list(found.order_by("pk"))


def _attach(bundle: BundleWriter, selection: Selection) -> None:
    requests = _requests(selection)
    if not requests:
        return
    attached: list[tuple[str, str]] = []
    missing: list[str] = []
    sections = [_section(bundle, request, attached, missing) for request in requests]
    bundle.write_attachments(attached)
    bundle.write("index.html", _page(selection.title, sections, missing))


def _section(
    bundle: BundleWriter, request: PromotionRequest, attached: list[tuple[str, str]], missing: list[str]
) -> str:
    """Write the records of a request into the bundle; return its part of the page."""
    name = f"#{request.pk}: {request.model.slug} v{request.version.number} → {request.target_name}"
    lines = [f"<section><h2>{escape(name)}</h2><p>State: <b>{escape(request.get_state_display())}</b></p>"]
    decisions = list(Decision.objects.filter(request=request).order_by("signed_at"))
    packets = {packet.digest: packet for packet in Packet.objects.filter(request=request).order_by("pk")}
    for event in events_for_object(ObjectRef("promotion", str(request.uid))).filter(action=PACKET_FROZEN):
        digest = next((c.get("to") for c in event.body["changes"] if c.get("to") in packets), None)
        if digest is not None:
            attached.append((str(event.event_id), f"packets/{digest}.json"))
    for digest, packet in packets.items():
        bundle.write(f"packets/{digest}.json", bytes(packet.body))
    rows = []
    for decision in decisions:
        if decision.packet_digest in packets:
            attached.append((str(decision.event), f"packets/{decision.packet_digest}.json"))
        else:
            missing.append(f"{name}: the evidence package {decision.packet_digest} of a decision is not stored")
        lapsed = f", lapsed {decision.lapsed_at:%Y-%m-%d %H:%M} UTC" if decision.lapsed_at is not None else ""
        rows.append(
            (
                f"{decision.signed_at:%Y-%m-%d %H:%M} UTC",
                escape(decision.signed_name),
                escape(decision.get_outcome_display() + lapsed),
                escape(decision.signed_meaning),
                _link(f"packets/{decision.packet_digest}.json", decision.packet_digest[:12]),
            )
        )
    lines.append(_table("Decisions", ("Signed", "By", "Outcome", "Meaning", "Evidence package"), rows))
    if not decisions:
        missing.append(f"{name}: no decision is on record")
    runs = CheckRun.objects.filter(request=request).order_by("check_slug", "attempt")
    checks = [
        (run.check_slug, str(run.attempt), run.get_conclusion_display() or run.get_status_display(), run.summary)
        for run in runs
    ]
    lines.append(
        _table("Checks", ("Check", "Attempt", "Result", "Summary"), [tuple(map(escape, row)) for row in checks])
    )
    if not checks:
        missing.append(f"{name}: no check ran")
    document = FrozenDocument.objects.filter(request=request).first()
    if document is None:
        missing.append(f"{name}: no technical document was frozen")
    else:
        file = f"documents/{document.request_id}.json"
        bundle.write(file, bytes(document.body))
        attached.append((str(document.event), file))
        lines.append(f"<p>Technical document: {_link(file, document.digest[:12])}</p>")
        if document.missing:
            missing.append(f"{name}: the technical document lacks {document.missing} answers")
    return "".join([*lines, "</section>"])


def _table(title: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are HTML already."""
    if not rows:
        return f"<h3>{title}</h3><p>None.</p>"
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h3>{title}</h3><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _link(file: str, text: str) -> str:
    return f'<a href="{escape(file)}"><code>{escape(text)}</code></a>'


def _page(title: str, sections: Sequence[str], missing: Sequence[str]) -> str:
    absent = "".join(f"<li>{escape(line)}</li>" for line in missing)
    return _PAGE.format(
        title=escape(title[0].upper() + title[1:]),
        sections="".join(sections),
        missing=f"<ul>{absent}</ul>" if absent else "<p>Nothing that the product looks for.</p>",
    )


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8886 }}
.wide {{ overflow-x: auto }}
section {{ border-top: 2px solid #8888; margin-top: 2rem }}
</style></head>
<body><main>
<h1>{title}</h1>
<p>This page was written with the bundle and proves nothing by itself. <code>verifier.py</code> verifies the events and
the files that they name; README.md says how. Signed names and comments of people appear here as they were recorded.</p>
<h2>What is missing</h2>
{missing}
{sections}
</main></body></html>
"""


def _readme(selection: Selection, written: Written) -> str:
    return "\n".join(_readme_lines(selection, written)) + "\n"


def _readme_lines(selection: Selection, written: Written) -> Iterator[str]:
    yield f"# Bundle of {selection.title}"
    yield ""
    yield f"{written.events:,} events of the log `{written.origin}`, proven by its checkpoint of {written.size:,}."
    yield ""
    yield "Verify it with Python 3.9 or newer, on any machine, without a network:"
    yield ""
    part = "leaves,streams" if selection.conditions is None else "proofs"
    yield f"    python verifier.py . --policy POLICY --trusted CHECKPOINT --require {part}"
    yield ""
    yield "- POLICY names the public key of the log. Write it by hand from `policy.template`, with the key that the"
    yield "  operator gave you by another way than this bundle. A key that comes with a bundle proves nothing."
    yield "- CHECKPOINT is the file `checkpoint` of an earlier bundle, or one that a witness kept. Without it the log"
    yield "  could have been rewritten by the holder of its key (exit status 3)."
    yield "- `verifier.py` in this folder can be forged with the rest: use a copy that you have read."
    yield ""
    yield "Exit status: 0 verified, 1 failed, 2 malformed, 3 compared with nothing outside."
    yield ""
    yield "`entries.jsonl` has the exact records. `private.jsonl`, where present, has personal data: protect it."
    if selection.model is not None or selection.request is not None:
        yield "`index.html` shows the decisions, checks and documents, and what is missing."
