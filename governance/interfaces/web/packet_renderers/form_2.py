"""The renderer of packets of the form countersign.packet/2: form 1 with the whole version and the policy document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.interfaces.web.packet_renderers import form_1
from governance.interfaces.web.packet_renderers.blocks import (
    Block,
    Facts,
    Section,
    Source,
    code,
    digest,
    table,
    text,
)

FORM: Final = "countersign.packet/2"


def sections(source: Source) -> Iterator[Section]:
    """Return the sections of a packet of form 2."""
    yield form_1.request(source)
    yield version(source)
    yield from form_1.changes(source)
    yield form_1.metrics(source)
    yield form_1.checks(source)
    yield from form_1.documents(source)
    yield from evidence(source)
    yield form_1.policy(source)
    yield form_1.approvals(source)


def version(source: Source) -> Section:
    """Return the version with its parameters, model signature and environment."""
    found = source.take("version")
    first = form_1.version(source)
    facts = (
        ("Source", code(found["source"])),
        ("Training run", code(found["run"]["id"])),
        ("Licence", text(found["licence"])),
        ("Environment lock", digest(found["environment"])),
    )
    blocks: list[Block] = [*first.blocks, Facts(facts)]
    for name, title in (("parameters", "Parameters"), ("signature", "Model signature")):
        rows = [(code(key), text(value)) for key, value in sorted(found[name].items())]
        if rows:
            blocks.append(table(title, ("Name", "Value"), rows))
    return Section(first.key, first.title, tuple(blocks))


def evidence(source: Source) -> Iterator[Section]:
    """Return the evidence files by digest."""
    rows = [
        (text(e["kind"]), text(e["filename"]), text(e["revision"]), digest(e["sha256"]))
        for e in source.take("version")["evidence"]
    ]
    if rows:
        yield Section("evidence", "Evidence files", (table("", ("Kind", "File", "Revision", "SHA-256"), rows, [2]),))
