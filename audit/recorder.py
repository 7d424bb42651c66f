"""append(): the only pen. Whoever changes something governed calls it in the same transaction."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from audit import actions, clock, context, leaf
from audit.actor import Actor
from audit.exceptions import MissingActorError, TransactionRequiredError
from audit.leaf import Json
from audit.models import Event
from audit.postgresql import prepared_statements

_TYPE = re.compile(r"[a-z][a-z0-9_]*")
# No space and no @: identifiers are pseudonyms, never names or addresses of people.
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")

_NEXT_SEQ_SQL = "SELECT audit_stream_next(%(stream)s)"
_INSERT_EVENT_SQL = """
    WITH said AS (INSERT INTO audit_event (leaf) VALUES (%(leaf)s) RETURNING id),
    kept AS (
        INSERT INTO audit_private (event_id, pointer, field, salt, value)
        SELECT %(event)s::uuid, opening.*
          FROM unnest(%(pointers)s::text[], %(fields)s::text[], %(salts)s::bytea[], %(values)s::text[]) AS opening
    )
    SELECT id FROM said"""


@dataclass(frozen=True)
class ObjectRef:
    """What an event is about: its kind, and its uid or pseudonymous id. Raises ValueError for personal-looking ids."""

    type: str
    id: str

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type):
            raise ValueError(f"A thing's type is lower-case letters, digits and underscores, not {self.type!r}.")
        if not isinstance(self.id, str) or not _IDENTIFIER.fullmatch(self.id):
            raise ValueError(f"A thing's id is a uid or pseudonym of letters, digits and _.:/-, not {self.id!r}.")

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    def as_leaf(self) -> dict[str, str]:
        """The thing as it is recorded."""
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True)
class PrivateValue:
    """Personal data or free text. The event holds a commitment; the text is kept beside it and can be erased."""

    value: str


@dataclass(frozen=True)
class Change:
    """A field's value before and after. Either may be :class:`Private`."""

    field: str
    before: Json | PrivateValue = None
    after: Json | PrivateValue = None


def record_event(
    action: str,
    *,
    actor: Actor,
    target: ObjectRef,
    stream: str,
    changes: Sequence[Change] = (),
    data: Mapping[str, Json | PrivateValue] | None = None,
    reason: str | None = None,
    related_objects: Sequence[ObjectRef] = (),
    previous_event: Event | None = None,
) -> Event:
    """Record that something happened, in the transaction in which it happens.

    The stream is locked until the end of the transaction, so its numbers have no gap and its times no disorder; a
    transaction that writes to several streams must always take them in the same order.

    Args:
        action: a registered action.
        actor: who did it.
        thing: what it was done to.
        stream: the numbered sequence it belongs to, such as "model:<uid>"; an identifier as a thing's.
        changes: the fields changed, before and after.
        data: further facts. Numbers with a fraction are given as decimal strings.
        reason: the actor's own words; always private.
        related: other governed things this event accounts for.
        following: the last event of the stream, where this transaction wrote it: the number is known then, and not
            asked for. The database refuses it where it is another.

    Raises:
        UnknownActionError: the action is not registered.
        MissingActorError: ``actor`` is no Actor.
        TransactionRequiredError: no transaction is open.
        NotCanonicalError: a value cannot be recorded; the exception names its place in the leaf.
        LeafTooLongError: the event has more than 65,535 bytes.
        ValueError: ``stream`` is no identifier, or ``following`` an event of another.
    """
    if not _IDENTIFIER.fullmatch(stream):
        raise ValueError(f"A stream is named by letters, digits and _.:/-, not {stream!r}.")
    drafted = build_event(
        action, actor=actor, thing=target, changes=changes, data=data, reason=reason, related=related_objects
    )
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise TransactionRequiredError
    if previous_event is None:
        ((seq,),) = prepared_statements.execute_prepared(_NEXT_SEQ_SQL, {"stream": stream})
    elif previous_event.stream_id == stream:
        seq = previous_event.stream_seq + 1
    else:
        raise ValueError(f"What follows an event of {previous_event.stream_id} is not in {stream}.")
    moment = clock.now()
    written = drafted.encode(stream, seq, moment)
    said: dict[str, Any] = {"leaf": written, "event": drafted.identity}
    said["pointers"], said["fields"], said["salts"], said["values"] = [
        list(column) for column in zip(*drafted.openings, strict=True)
    ] or [[], [], [], []]
    ((arrival,),) = prepared_statements.execute_prepared(_INSERT_EVENT_SQL, said)
    # Equal to what the database made from the leaf; saves carrying eleven columns back.
    return Event.from_db(
        connection.alias,
        [field.attname for field in Event._meta.concrete_fields],
        [
            arrival,
            written,
            drafted.identity,
            drafted.event["action"],
            actor.id,
            target.type,
            target.id,
            stream,
            seq,
            moment,
            [str(touched) for touched in (target, *related_objects)],
        ],
    )


@dataclass(frozen=True)
class EventDraft:
    """An event before it has its place: everything but stream, number and moment.

    `openings` are what opens its commitments, the rows of audit_private: pointer, field, salt, value.
    """

    identity: uuid.UUID
    event: Mapping[str, Json]
    openings: Sequence[tuple[str, str, bytes, str]]

    def encode(self, stream: str, seq: int, moment: datetime) -> bytes:
        """The leaf, at that place. Raises NotCanonicalError and LeafTooLongError."""
        place: Json = {"id": stream, "seq": seq}
        return leaf.encode_leaf({**self.event, "at": leaf.timestamp(moment), "stream": place})


def build_event(
    action: str,
    *,
    actor: Actor,
    thing: ObjectRef,
    changes: Sequence[Change] = (),
    data: Mapping[str, Json | PrivateValue] | None = None,
    reason: str | None = None,
    related: Sequence[ObjectRef] = (),
) -> EventDraft:
    """What :func:`append` writes, before it is written. Apart from it for whoever loads many events at once and has to
    make the same bytes; in the product that is nobody.

    Raises UnknownActionError, MissingActorError, and NotCanonicalError where a private value is no clean text.
    """
    registered = actions.get_action(action)
    if not isinstance(actor, Actor):
        raise MissingActorError(actor)
    identity = uuid.uuid4()
    commitments = _Commitments(str(identity))
    event: dict[str, Json] = {
        "type": leaf.EVENT_TYPE,
        "log": settings.COUNTERSIGN_LOG_ORIGIN,
        "id": str(identity),
        "action": str(registered),
        "actor": actor.as_leaf(),
        "object": thing.as_leaf(),
        "changes": [commitments.change(index, change) for index, change in enumerate(changes)],
    }
    if data:
        event["data"] = {name: commitments.kept(value, f"/data/{name}", name) for name, value in data.items()}
    if related:
        event["related"] = [other.as_leaf() for other in related]
    if reason:
        event["reason"] = commitments.kept(PrivateValue(reason), "/reason", "reason")
    if request := _request(commitments):
        event["request"] = request
    return EventDraft(identity, event, commitments.openings)


class _Commitments:
    """Turns private values into commitments and gathers what opens them."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.openings: list[tuple[str, str, bytes, str]] = []

    def commit(self, private: PrivateValue, pointer: str, field: str) -> str:
        salt = secrets.token_bytes(leaf.SALT_BYTES)
        committed = leaf.commitment(salt=salt, event_id=self.event_id, field=field, value=private.value)
        self.openings.append((pointer, field, salt, private.value))
        return committed

    def kept(self, value: Json | PrivateValue, pointer: str, field: str) -> Json:
        """The value itself, or {"commit": …} in its place."""
        return {"commit": self.commit(value, pointer, field)} if isinstance(value, PrivateValue) else value

    def change(self, index: int, change: Change) -> dict[str, Json]:
        """{field, from, to}; or {field, commit} for a private value, with "from" when there was one before."""
        pointer = f"/changes/{index}"
        recorded: dict[str, Json] = {"field": change.field}
        before = self.kept(change.before, f"{pointer}/from", change.field)
        if isinstance(change.after, PrivateValue):
            recorded["commit"] = self.commit(change.after, pointer, change.field)
            if before is not None:
                recorded["from"] = before
        else:
            recorded["from"] = before
            recorded["to"] = change.after
        return recorded


def _request(commitments: _Commitments) -> dict[str, Json]:
    ambient = context.current()
    request: dict[str, Json] = {}
    if ambient.request_id:
        request["id"] = ambient.request_id
    if ambient.client:
        request["client"] = ambient.client
    if ambient.address:
        request["address"] = commitments.kept(PrivateValue(ambient.address), "/request/address", "address")
    return request
