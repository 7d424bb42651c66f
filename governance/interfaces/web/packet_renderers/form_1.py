"""The renderer of packets of the form countersign.packet/1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from governance.interfaces.web.packet_renderers.blocks import (
    Block,
    Cell,
    Facts,
    Items,
    Json,
    People,
    Prose,
    Section,
    Source,
    check_block,
    code,
    digest,
    markdown,
    table,
    text,
)
from governance.policies.metric_limits import Limit, limit_on, limits_of

FORM: Final = "countersign.packet/1"

Content = Mapping[str, Any]


def sections(source: Source) -> Iterator[Section]:
    """Return the sections of a packet of form 1."""
    yield request(source)
    yield version(source)
    yield from changes(source)
    yield metrics(source)
    yield checks(source)
    yield from documents(source)
    yield policy(source)
    yield approvals(source)


def request(source: Source) -> Section:
    """Return what is requested, of which model, and why."""
    requested, model = source.take("request"), source.take("model")
    aliases = source.take("aliases_outside_stage")
    again = source.take("reapproves")
    facts: list[tuple[str, Cell]] = [
        ("Request", text(f"#{requested['number']}")),
        ("From", source.stage(requested["from_stage"])),
        ("To", source.stage(requested["to_stage"]) if requested["to_stage"] else text(f"@{requested['to_alias']}")),
        ("Requested by", source.person(requested["requested_by"])),
        ("Model", text(model["slug"])),
        ("Risk tier", text(model["risk_tier"])),
        ("Owner", source.person(model["owner"])),
        ("Purpose", text(model["purpose"])),
        ("Intended use", text(model["intended_use"])),
        ("Prohibited use", text(model["prohibited_use"])),
    ]
    if aliases:
        facts.append(("Aliases that stay behind", text(", ".join(f"@{name}" for name in aliases))))
    blocks: list[Block] = [Prose(requested["reason"]), Facts(tuple(facts))]
    if again:
        blocks.append(_reapproval(source, again))
    return Section("request", "Request and justification", tuple(blocks))


def _reapproval(source: Source, again: Content) -> Block:
    rows = [
        (text(one["kind"]), text(one["what"]), text(one["at"]), source.person(one["by"]))
        for one in again["later_additions"]
    ]
    return table(f"Added since request #{again['request']} approved it", ("Kind", "What", "When (UTC)", "By"), rows)


def version(source: Source) -> Section:
    """Return the version by its digests: files, data sets, code."""
    found = source.take("version")
    facts = (*version_facts(source, found), *_place(found))
    return Section("version", f"Version v{found['number']}", (Facts(facts), *_files(found), *_datasets(found)))


def version_facts(source: Source, found: Content) -> tuple[tuple[str, Cell], ...]:
    """Return the facts of a version that are single values."""
    clean = found["code"]["clean"]
    return (
        ("Fingerprint", digest(found["fingerprint"])),
        ("Registered by", source.person(found["registered_by"])),
        ("Repository", code(found["code"]["repository"])),
        ("Commit", code(found["code"]["commit"])),
        ("Working copy", text({True: "clean", False: "with uncommitted changes"}.get(clean, ""))),
    )


def _place(found: Content) -> tuple[tuple[str, Cell], ...]:
    return (("Before governance", text("its place was never approved here")),) if "before_governance" in found else ()


def _files(found: Content) -> Iterator[Block]:
    rows = [(code(f["path"]), digest(f["sha256"]), text(f"{f['size']:,}")) for f in found["files"]]
    if rows:
        yield table("Files", ("Path", "SHA-256", "Bytes"), rows, [2])


def _datasets(found: Content) -> Iterator[Block]:
    rows = [
        (text(d["role"]), text(d["name"]), text(d["reference"]), code(d["digest"]), text(d["strength"]))
        for d in found["datasets"]
    ]
    if rows:
        yield table("Data sets", ("Role", "Name", "Reference", "Digest", "Identification"), rows)


def changes(source: Source) -> Iterator[Section]:
    """Return the differences from the champion, if there is one."""
    champion, found = source.take("champion"), source.take("version")
    if not champion:
        return
    rows = [(text(part), text(what), before, after) for part, what, before, after in differences(champion, found)]
    blocks: tuple[Block, ...] = (
        Facts((("Champion", text(f"v{champion['number']}")), ("Its fingerprint", digest(champion["fingerprint"])))),
        table("", ("Part", "What", f"v{champion['number']}", f"v{found['number']}"), rows)
        if rows
        else Items("", ("Files, data sets, code, parameters and the model card are the same.",)),
    )
    yield Section("changes", f"Changes v{champion['number']} → v{found['number']}", blocks)


def differences(before: Content, after: Content) -> Iterator[tuple[str, str, Cell, Cell]]:
    """Return what differs between two versions of a packet except metrics: part, item, before and after."""
    yield from _differing("File", _keyed(before["files"], "path", "sha256"), _keyed(after["files"], "path", "sha256"))
    old, new = (
        {f"{d['role']}: {d['name']}": " ".join(filter(None, (d["reference"], d["digest"]))) for d in one["datasets"]}
        for one in (before, after)
    )
    yield from _differing("Data set", old, new)
    yield from _differing("Code", before["code"], after["code"])
    yield from _differing("Model card", {"SHA-256": before["card"]}, {"SHA-256": after["card"]})
    for name, label in (("parameters", "Parameter"), ("signature", "Model signature"), ("run", "Training run")):
        yield from _differing(label, before.get(name) or {}, after.get(name) or {})
    for name, label in (("environment", "Environment"), ("licence", "Licence"), ("source", "Source")):
        yield from _differing(label, {"": before.get(name)}, {"": after.get(name)})
    yield from _differing(
        "Evidence",
        _keyed(before.get("evidence", ()), "kind", "sha256"),
        _keyed(after.get("evidence", ()), "kind", "sha256"),
    )


def _keyed(rows: Sequence[Content], key: str, value: str) -> dict[str, Any]:
    return {str(row[key]): row[value] for row in rows}


def _differing(part: str, before: Content, after: Content) -> Iterator[tuple[str, str, Cell, Cell]]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield part, name, _value(old), _value(new)


def _value(value: Any) -> Cell:
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return digest(value) if is_digest else text(value)


def metrics(source: Source) -> Section:
    """Return the metrics beside those of the champion, with the limits of the policy."""
    champion, found = source.take("champion"), source.take("version")
    mine, theirs = metric_values(found), metric_values(champion) if champion else {}
    limits = limits_of(source.record.policy)
    rows = [
        (
            text(" · ".join(filter(None, key))),
            *((text(theirs.get(key)),) if champion else ()),
            text(mine.get(key)),
            *((_delta(theirs.get(key), mine.get(key)),) if champion else ()),
            _limit(limit_on(limits, *key)),
        )
        for key in sorted(mine.keys() | theirs.keys())
    ]
    headings = (
        "Metric",
        *((f"v{champion['number']}",) if champion else ()),
        f"v{found['number']}",
        *(("Change",) if champion else ()),
        "Limit",
    )
    block = table("", headings, rows, range(1, len(headings))) if rows else Items("", ("No metric was recorded.",))
    return Section("metrics", "Metrics", (block,), "As declared; the checks state what they computed.")


def metric_values(found: Content) -> dict[tuple[str, str, str], float]:
    """Return the metrics of a version by name, dataset and slice."""
    return {(m["name"], m["dataset"], m["slice"]): m["value"] for m in found["metrics"]}


def _delta(before: float | None, after: float | None) -> Cell:
    return text(f"{after - before:+.4g}") if before is not None and after is not None else text(None)


def _limit(limit: Limit | None) -> Cell:
    return text(f"{limit.op} {limit.value:g}") if limit is not None else text(None)


def checks(source: Source) -> Section:
    """Return every check with its output."""
    titles = source.record.check_titles
    found = source.take("checks")
    blocks: tuple[Block, ...] = tuple(check_block(check, titles.get(check["check"], check["check"])) for check in found)
    return Section("checks", "Checks", blocks or (Items("", ("The policy names no check.",)),))


def documents(source: Source) -> Iterator[Section]:
    """Return the model card. The packet has its digest; the text is the stored one with this digest."""
    card = source.take("version")["card"]
    if not card:
        return
    body = source.record.cards.get(card)
    shown: Block = (
        markdown("", body) if body is not None else Items("", ("The text with this digest is no longer stored.",))
    )
    yield Section("card", "Model card", (Facts((("SHA-256", digest(card)),)), shown))


def policy(source: Source) -> Section:
    """Return the policy: its revisions by digest, and its rules in words."""
    named = source.take("policy")
    bound = named.get("governed_by") or [named]
    rows = [(text(one["slug"]), text(one["revision"]), digest(one["digest"]), text(one.get("basis"))) for one in bound]
    words = tuple(Items(heading, sentences) for heading, sentences in source.record.words)
    blocks: list[Block] = [table("Revisions", ("Policy", "Revision", "Digest", "Applies because of"), rows)]
    if named.get("confirmation") == "single_officer":
        blocks.append(Items("", ("A single officer put the policy in force.",)))
    missing = "The policy document with this digest is no longer stored; the rules are shown as JSON."
    blocks += words or [Items("", (missing,)), Json("", named)]
    return Section("policy", "Policy in words", tuple(blocks))


def approvals(source: Source) -> Section:
    """Return who had to approve, and who could not and why."""
    rules = source.take("policy")["approvals"]
    kept_out = source.take("kept_out")
    rows = [(text(rule["group"]), text(rule["count"]), text(rule["order"])) for rule in rules]
    required: Block = (
        table("Required approvals", ("Group", "People", "Order"), rows, [1, 2])
        if rows
        else Items("", ("No approval is required: the checks decide.",))
    )
    return Section(
        "approvals",
        "Who may approve",
        (required, People("Cannot approve", tuple(excluded(source, kept_out)))),
        "Members of the groups may approve, unless they are excluded.",
    )


def excluded(source: Source, kept_out: Content) -> Iterator[tuple[Cell, str]]:
    """Return the people whom the packet excludes, each with the rule."""
    yield source.person(kept_out["requester"]), "opened this request (SoD-1)"
    yield source.person(kept_out["registered_by"]), "registered this version (SoD-2)"
    if kept_out["trained_by"]:
        yield source.person(kept_out["trained_by"]), "trained this version (SoD-2)"
    for uid in kept_out.get("contributed", ()):
        yield source.person(uid), "contributed to this version (SoD-2)"
    for uid in kept_out["behind_token"]:
        yield source.person(uid), "account of a token that was used; its owners and users are excluded too (SoD-3)"
