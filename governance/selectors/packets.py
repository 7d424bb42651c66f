"""Frozen packets: the stored bytes, their verification, and the records that a reader needs beside them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import canonical
from audit.actor import Actor
from audit.exceptions import NotCanonicalError
from audit.models import Event
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.models import Decision, Packet, PolicyRevision, PromotionRequest
from governance.policies import PolicyDocument, in_words
from governance.selectors.requests import decisions_on_packet, get_request
from registry import selectors
from registry.exceptions import NotFoundError
from registry.models import ModelCard

_NAMES_A_PACKET = ("packet.frozen", "decision.recorded")


@dataclass(frozen=True)
class PacketProof:
    """The verification of stored packet bytes.

    Attributes:
        computed: SHA-256 of the stored bytes, in hexadecimal.
        digest_matches: it is the digest under which the packet is stored and addressed.
        is_canonical: the bytes are the RFC 8785 form of the JSON value that they contain.
        event: the first event of the audit log that names the digest; None if there is none.
    """

    computed: str
    digest_matches: bool
    is_canonical: bool
    event: Event | None

    @property
    def holds(self) -> bool:
        """Whether the bytes are those that were frozen."""
        return self.digest_matches and self.is_canonical and self.event is not None

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong, one sentence each; empty if nothing is."""
        found = []
        if not self.digest_matches:
            found.append(f"The SHA-256 digest of the stored bytes is {self.computed}, not the digest in the address.")
        if not self.is_canonical:
            found.append("The stored bytes are not canonical JSON (RFC 8785).")
        if self.event is None:
            found.append("No event of the audit log names this digest.")
        return tuple(found)


@dataclass(frozen=True)
class PacketRecord:
    """A packet as stored, with what a renderer needs beside the signed content.

    Attributes:
        request: the request.
        packet: the stored row.
        body: the stored bytes.
        content: the parsed bytes; empty if they are no JSON object.
        proof: the verification of the bytes.
        decisions: the decisions that signed it, oldest first.
        names: names of the people in the content, by uid: the present ones, because a packet has pseudonyms only.
        cards: texts of the model cards that the content names, by SHA-256; only texts that have this digest.
        policy: the policy document that governed; None for a request without one.
        words: the policy as sentences under headings.
        check_titles: titles of the checks that are installed, by slug.
        stages: names of stages by slug.
        others: the other packets of the request, oldest first, as (digest, time).
    """

    request: PromotionRequest
    packet: Packet
    body: bytes
    content: Mapping[str, Any]
    proof: PacketProof
    decisions: tuple[Decision, ...]
    names: Mapping[str, str]
    cards: Mapping[str, str]
    policy: PolicyDocument | None
    words: tuple[tuple[str, tuple[str, ...]], ...]
    check_titles: Mapping[str, str]
    stages: Mapping[str, str]
    others: tuple[tuple[str, datetime], ...]


def packet_record(actor: Actor, number: int, digest: str) -> PacketRecord:
    """Return a frozen packet, verified, with what is needed to render it.

    Args:
        actor: who reads.
        number: number of the request.
        digest: SHA-256 of the packet, in hexadecimal.

    Raises:
        NotFoundError: there is no such request visible to the actor, or it has no such packet.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    request = get_request(actor, number)
    packet = Packet.objects.filter(request=request, digest=digest).first()
    if packet is None:
        raise NotFoundError(f"Request #{number} has no packet with that digest.")
    body = bytes(packet.body)
    content = _parsed(body)
    decisions = tuple(decisions_on_packet(request, digest))
    policy = _policy(content)
    titles = {
        rule.check: check.title
        for rule in (policy.checks if policy is not None else ())
        if (check := entry_points.find(rule.check)) is not None
    }
    stages = {stage.slug: stage.name for stage in selectors.lifecycle().stages}
    rows = Packet.objects.filter(request=request).exclude(digest=digest).order_by("created_at", "pk")
    return PacketRecord(
        request=request,
        packet=packet,
        body=body,
        content=content,
        proof=prove(request, digest, body),
        decisions=decisions,
        names=selectors.account_names(people_in(content)),
        cards=_cards(content),
        policy=policy,
        words=in_words(policy, stages=stages, checks=titles) if policy is not None else (),
        check_titles=titles,
        stages=stages,
        others=tuple(rows.values_list("digest", "created_at")),
    )


def prove(request: PromotionRequest, digest: str, body: bytes) -> PacketProof:
    """Verify the stored bytes of a packet: recompute the digest, and find it in the audit log. One query."""
    computed = hashlib.sha256(body).hexdigest()
    events = events_for_object(ObjectRef("promotion", str(request.uid))).filter(action__in=_NAMES_A_PACKET)
    naming = next((event for event in events.order_by("id") if digest in _digests_in(event.body)), None)
    return PacketProof(computed, computed == digest, _is_canonical(body), naming)


def _digests_in(body: Mapping[str, Any]) -> Iterator[str]:
    yield str(body.get("data", {}).get("packet", ""))
    for change in body.get("changes", ()):
        if change.get("field") == "packet":
            yield str(change.get("to", ""))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_canonical(body: bytes) -> bool:
    try:
        return canonical.dumps(json.loads(body)) == body
    except (ValueError, NotCanonicalError, RecursionError):
        return False


def people_in(content: Any) -> frozenset[str]:
    """Return the uids of people anywhere in the content of a packet."""
    if isinstance(content, str):
        return frozenset({content}) if content.startswith("usr_") else frozenset()
    if isinstance(content, Mapping):
        return frozenset().union(*map(people_in, [*content.keys(), *content.values()]))
    if isinstance(content, list):
        return frozenset().union(*map(people_in, content))
    return frozenset()


def _cards(content: Mapping[str, Any]) -> dict[str, str]:
    wanted = {
        version["card"]
        for name in ("version", "champion")
        if isinstance(version := content.get(name), Mapping) and isinstance(version.get("card"), str)
    }
    rows = ModelCard.objects.filter(sha256__in=wanted).order_by("pk").values_list("sha256", "text") if wanted else ()
    return {sha256: text for sha256, text in rows if hashlib.sha256(text.encode()).hexdigest() == sha256}


def _policy(content: Mapping[str, Any]) -> PolicyDocument | None:
    """Return the policy of a packet: the document in it, or for form 1 the revisions that it names by digest."""
    named = content.get("policy")
    if not isinstance(named, Mapping):
        return None
    if isinstance(named.get("document"), Mapping):
        try:
            return PolicyDocument.model_validate(named["document"])
        except ValueError:
            return None
    digests = [one.get("digest") for one in named.get("governed_by", ())] or [named.get("digest")]
    rows = {revision.digest: revision for revision in PolicyRevision.objects.filter(digest__in=digests)}
    found = [rows[digest] for digest in digests if digest in rows]
    return gate_inputs.combined(found) if found and len(found) == len(digests) else None
