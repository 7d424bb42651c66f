"""The renderer of packets of the form countersign.packet/2: form 1 with the whole version and the policy document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.interfaces.web.packet_renderers import form_1
from governance.interfaces.web.packet_renderers.blocks import (
    Block,
    Facts,
    Items,
    People,
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
    yield from waivers(source)
    yield from form_1.documents(source)
    yield from evidence(source)
    yield form_1.policy(source)
    yield approvals(source)


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


def waivers(source: Source) -> Iterator[Section]:
    """Return the waivers that cover results of checks."""
    rows = [
        (
            text(f"#{w['number']}"),
            text(f"{w['check']}: {', '.join(w['codes'])}" if w["codes"] else w["check"]),
            text(w["reason"]),
            text(w["control"]),
            source.person(w["accepted_by"]),
            text(w["valid_until"]),
        )
        for w in source.take("waivers", ())
    ]
    if rows:
        headings = ("Waiver", "Check", "Reason", "Compensating control", "Risk accepted by", "Valid until")
        yield Section("waivers", "Waivers", (table("", headings, rows),))


def evidence(source: Source) -> Iterator[Section]:
    """Return the evidence files by digest."""
    rows = [
        (text(e["kind"]), text(e["filename"]), text(e["revision"]), digest(e["sha256"]))
        for e in source.take("version")["evidence"]
    ]
    if rows:
        yield Section("evidence", "Evidence files", (table("", ("Kind", "File", "Revision", "SHA-256"), rows, [2]),))


def approvals(source: Source) -> Section:
    """Return who had to approve, and everyone whom the packet excludes."""
    first = form_1.approvals(source)
    kept_out = source.take("kept_out")
    people = (
        *form_1.excluded(source, kept_out),
        *(
            (source.person(uid), "proposed or confirmed the less strict risk tier (SoD-10)")
            for uid in kept_out.get("lowered_tier", ())
        ),
        *(
            (source.person(uid), f"proposed or confirmed the change of {facts}, which loosens the policies (SoD-10)")
            for uid, facts in kept_out.get("changed_facts", {}).items()
        ),
        *(
            (source.person(uid), f"named in the metadata of this version as {' and '.join(roles)} (SoD-11)")
            for uid, roles in kept_out.get("claimed", {}).items()
        ),
        *(
            (source.person(uid), f"proposed or confirmed {revision}, which is less strict (SoD-12)")
            for uid, revision in kept_out.get("loosened_policy", {}).items()
        ),
    )
    blocks: list[Block] = [first.blocks[0], People("Cannot approve", people)]
    if unmatched := kept_out.get("unmatched", ()):
        sentence = f"The metadata of the version names people who match no account, as: {', '.join(unmatched)}."
        blocks.append(Items("", (sentence,)))
    return Section(first.key, first.title, tuple(blocks), first.note)
