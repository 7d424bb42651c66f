"""Frozen packets: parse one, and describe the differences of two."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from audit import selectors as log
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.interfaces.html.event_labels import ObjectLabelResolver
from governance.models import PromotionRequest
from governance.selectors import packets_by_digest

MOST = 12
"""Maximum differences listed; further ones are counted."""


def digest(body: bytes) -> str:
    """Return the SHA-256 digest of a packet."""
    return hashlib.sha256(body).hexdigest()


def read(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found


def changes(request: PromotionRequest, before: str, after: str) -> list[str]:
    """Describe the differences of two packets of a request, one text each.

    Empty if one of them was not frozen: a packet is stored when review opens or when a decision signs it.
    """
    kept = {digest: read(bytes(packet.body)) for digest, packet in packets_by_digest(request, [before, after]).items()}
    if before not in kept or after not in kept or before == after:
        return []
    return diff_packets(kept[before], kept[after])


def diff_packets(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Describe the differences of two parsed packets."""
    old, new = before["version"], after["version"]
    found = []
    if old["card"] != new["card"]:
        found.append("The model card changed." if old["card"] and new["card"] else "A model card was added.")
    found += _metrics(old["metrics"], new["metrics"])
    found += _checks(before["checks"], after["checks"])
    for part, sentence in (
        ("files", "The files of the version differ."),
        ("datasets", "The data sets differ."),
        ("code", "The code reference differs."),
    ):
        if old[part] != new[part]:
            found.append(sentence)
    for part, sentence in (
        ("champion", "The champion is another version, or has changed."),
        ("model", "The record of the model changed."),
        ("policy", "Other policy revisions apply."),
        ("kept_out", "The people excluded by separation of duties changed."),
    ):
        if before[part] != after[part]:
            found.append(sentence)
    return [*found[:MOST], f"And {len(found) - MOST} more."] if len(found) > MOST else found


def _metrics(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    def by_name(metrics: list[dict[str, Any]]) -> dict[tuple[str, str, str], float]:
        return {(m["name"], m["dataset"], m["slice"]): m["value"] for m in metrics}

    old, new = by_name(before), by_name(after)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            name = " · ".join(part for part in key if part)
            found.append(f"{name}: {_value(old.get(key))} → {_value(new.get(key))}.")
    return found


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _checks(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    old = {check["check"]: check for check in before}
    found = []
    for check in after:
        was = old.get(check["check"])
        if was is None or was["conclusion"] != check["conclusion"]:
            conclusion = (check["conclusion"] or "without result").replace("_", " ")
            found.append(f"Check {check['check']}: now {conclusion}.")
        elif was != check:
            found.append(f"Check {check['check']} ran again, on other inputs.")
    return found


def events_since(actor: Actor, request: PromotionRequest, moment: datetime) -> list[dict[str, Any]]:
    """Return the events of the request and its version since then, oldest first, with their actors."""
    about = [ObjectRef("promotion", str(request.uid)), ObjectRef("version", str(request.version.uid))]
    found = list(log.events_for_objects_since(f"model:{request.model.uid}", about, moment)[: MOST + 1])
    names = ObjectLabelResolver(actor, found)
    return [{"actor": names.actor_of(e), "event": e} for e in found]
