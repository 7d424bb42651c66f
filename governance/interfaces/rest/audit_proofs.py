"""Proofs of the audit log: checkpoints, inclusion and consistency proofs, tiles."""

from __future__ import annotations

import re
import uuid

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import merkle, notes, proofs, publishing, tree
from audit import selectors as log
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import IntQuery, QueryParams, ResponseBody, UtcDateTime
from governance.log_state import log_state
from governance.services.receipts import Receipt
from registry import access
from registry.exceptions import FieldError, InvalidStateError, NotFoundError, ValidationFailedError

MAX_SIZE = 2**53
_TILE = re.compile(
    r"tile/(?P<level>[0-9]{1,2}|entries)/(?P<groups>(?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


class LogKeyResponse(ResponseBody):
    """A public key that signed checkpoints. Compare it with a copy from outside: this server could show another one."""

    key: str = Field(description="C2SP vkey: name+id+base64.")
    fingerprint: str
    since: UtcDateTime


class LogHeadResponse(ResponseBody):
    """The newest signed checkpoint, and what it does not contain yet."""

    origin: str
    size: int
    note: str | None = Field(description="C2SP checkpoint with its signatures; null before the first one.")
    signed_at: UtcDateTime | None
    pending: int = Field(description="Events that are committed and not in the tree yet.")
    problems: list[str]
    keys: list[LogKeyResponse]


class EventProofResponse(ResponseBody):
    """A proof that an event is in the log."""

    event: str
    index: int
    size: int
    leaf_hash: str = Field(description="SHA-256 over a zero byte and the recorded bytes, in hexadecimal.")
    path: list[str] = Field(description="Hashes from the leaf to the root, in base64 (RFC 9162 section 2.1.3).")
    checkpoint: str
    tlog_proof: str = Field(description="The same as text of C2SP tlog-proof.")


class ConsistencyResponse(ResponseBody):
    """A proof that the smaller tree is the beginning of the larger one."""

    first: int
    second: int
    proof: list[str] = Field(description="Hashes in base64 (RFC 9162 section 2.1.4).")


class ConsistencyQuery(QueryParams):
    """Two sizes of the tree."""

    from_: IntQuery = Field(ge=0, le=MAX_SIZE, alias="from", description="The smaller size.")
    to: IntQuery = Field(ge=0, le=MAX_SIZE, description="The larger size.")


class ReceiptResponse(ResponseBody):
    """What proves the event of an action: its inclusion proof, or the address where it will be."""

    event: str
    sealed: bool = Field(description="Whether a signed checkpoint contains the event.")
    index: int | None
    tlog_proof: str | None = Field(description="The proof as text of C2SP tlog-proof; keep it.")
    url: str = Field(description="The address of the proof.")

    @classmethod
    def of(cls, receipt: Receipt) -> ReceiptResponse:
        proof = receipt.proof
        return cls(
            event=str(receipt.event_id),
            sealed=proof is not None,
            index=proof.index if proof is not None else None,
            tlog_proof=proof.text if proof is not None else None,
            url=f"{PREFIX}/audit/events/{receipt.event_id}/proof",
        )


class LogHeadView(Endpoint):
    """/audit/heads/latest"""

    @Operation("getLogHead", "Read the newest checkpoint", "audit", {200: LogHeadResponse})
    def get(self, request: Request) -> Response:
        """Return the newest signed checkpoint of the audit log, its keys, and how many events wait."""
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        head, state = tree.latest_checkpoint(), log_state()
        keys = [
            LogKeyResponse(key=vkey, fingerprint=notes.VerificationKey.parse(vkey).fingerprint, since=since)
            for vkey, _, since in tree.log_keys()
        ]
        return respond(
            LogHeadResponse(
                origin=state.origin,
                size=state.signed_size,
                note=head.note if head is not None else None,
                signed_at=state.signed_at,
                pending=state.pending,
                problems=list(state.problems),
                keys=keys,
            )
        )


class EventProofView(Endpoint):
    """/audit/events/{event}/proof"""

    @Operation("getEventProof", "Read the proof of an event", "audit", {200: EventProofResponse}, refusals=(409,))
    def get(self, request: Request, event: uuid.UUID) -> Response:
        """Return the inclusion proof of an event in the newest checkpoint. 409 `proof_pending` while there is none."""
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        proof = proofs.prove_event(event)
        if proof is None and log.get_event(event) is None:
            raise NotFoundError(f"There is no event {event}.")
        if proof is None:
            raise InvalidStateError(
                f"No signed checkpoint contains event {event} yet: repeat the request in a second. If it lasts, the "
                "sequencer does not run; /readyz shows it.",
                code="proof_pending",
            )
        return respond(
            EventProofResponse(
                event=str(event),
                index=proof.index,
                size=proof.checkpoint.size,
                leaf_hash=proof.leaf_hash.hex(),
                path=[notes.encode64(step) for step in proof.path],
                checkpoint=proof.checkpoint.note,
                tlog_proof=proof.text,
            )
        )


class ConsistencyView(Endpoint):
    """/audit/consistency"""

    @Operation(
        "getLogConsistency",
        "Read the proof between two sizes",
        "audit",
        {200: ConsistencyResponse},
        query=ConsistencyQuery,
        refusals=(422,),
    )
    def get(self, request: Request) -> Response:
        """Return the proof that the log of `from` events is the beginning of the log of `to` events."""
        query = self.query(ConsistencyQuery)
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        try:
            proof = proofs.prove_consistency(query.from_, query.to)
        except ValueError as error:
            raise ValidationFailedError([FieldError("to", "size", f"{error} Give sizes with from <= to.")]) from error
        return respond(
            ConsistencyResponse(first=query.from_, second=query.to, proof=[notes.encode64(step) for step in proof])
        )


class TileView(Endpoint):
    """/audit/tiles/{path}"""

    @Operation("getLogTile", "Read a tile", "audit", {200: "The bytes of the tile."}, file=True)
    def get(self, request: Request, path: str) -> HttpResponse:
        """Return a tile or an entry bundle in the layout of C2SP tlog-tiles: `tile/0/000`, `tile/entries/x001/234.p/5`.

        A tile never changes.
        """
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        found = _TILE.fullmatch(path)
        if found is None:
            raise NotFoundError(f"{path} is no tile: write tile/LEVEL/NUMBER, or tile/entries/NUMBER.")
        level = 0 if found["level"] == "entries" else int(found["level"])
        number = int(found["groups"].replace("x", "").replace("/", ""))
        width = int(found["width"] or merkle.TILE_WIDTH)
        covered = (tree.size() >> (merkle.TILE_HEIGHT * level)) - number * merkle.TILE_WIDTH
        if not 1 <= width <= min(covered, merkle.TILE_WIDTH):
            raise NotFoundError(f"The tree has no tile {path} yet.")
        if found["level"] == "entries":
            begin = number * merkle.TILE_WIDTH
            body = publishing.entry_bundle(tree.leaves(begin, begin + width))
        else:
            body = tree.tile(level, number, width)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return HttpResponse(body, content_type="application/octet-stream", headers=headers)
