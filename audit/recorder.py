"""The only write path of the audit log.

Call :func:`record_event` inside the transaction that makes the change.
"""

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
    """Reference to the object of an event: its type, and its uid or pseudonymous id.

    Raises:
        ValueError: the type or the id has a wrong form, for example an e-mail address as id.
    """

    type: str
    id: str

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.type):
            raise ValueError(f"The type of an object is lower-case letters, digits and underscores, not {self.type!r}.")
        if not isinstance(self.id, str) or not _IDENTIFIER.fullmatch(self.id):
            raise ValueError(
                f"The id of an object is a uid or pseudonym of letters, digits and _.:/-, not {self.id!r}."
            )

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    def as_leaf(self) -> dict[str, str]:
        """Return the reference in the form stored in the leaf."""
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True)
class PrivateValue:
    """Personal data or free text. The event holds a commitment; the text is stored separately and can be erased."""

    value: str


@dataclass(frozen=True)
class Change:
    """The value of a field before and after. Each may be a :class:`PrivateValue`."""

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
    identity: uuid.UUID | None = None,
) -> Event:
    """Record an event in the current transaction.

    The stream is locked until the end of the transaction, so its numbers have no gaps and its times are in order. A
    transaction that writes to several streams must always lock them in the same order.

    Args:
        action: a registered action.
        actor: the person, token or process that acts.
        target: the object of the event.
        stream: name of the numbered sequence of the event, such as "model:<uid>"; same characters as an object id.
        changes: the changed fields, with the values before and after.
        data: further facts. Numbers with a fraction are decimal strings.
        reason: the reason in the actor's words; always private.
        related_objects: other governed objects whose change this event records.
        previous_event: the last event of the stream, if this transaction wrote it. Its number is then known without a
            query; the database refuses a number that is not the next one.
        identity: the id of the event, where something that is signed before it is recorded names it; random if None.

    Returns:
        The event, with the columns that the database generates from the leaf.

    Raises:
        UnknownActionError: the action is not registered.
        MissingActorError: ``actor`` is not an Actor.
        TransactionRequiredError: no transaction is open.
        NotCanonicalError: a value cannot be encoded; the exception has its JSON pointer in the leaf.
        LeafTooLongError: the event has more than 65,535 bytes.
        ValueError: ``stream`` has a wrong form, or ``previous_event`` belongs to another stream.
    """
    if not _IDENTIFIER.fullmatch(stream):
        raise ValueError(f"A stream is named by letters, digits and _.:/-, not {stream!r}.")
    drafted = build_event(
        action,
        actor=actor,
        target=target,
        changes=changes,
        data=data,
        reason=reason,
        related=related_objects,
        identity=identity,
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
    parameters: dict[str, Any] = {"leaf": written, "event": drafted.identity}
    parameters["pointers"], parameters["fields"], parameters["salts"], parameters["values"] = [
        list(column) for column in zip(*drafted.openings, strict=True)
    ] or [[], [], [], []]
    ((arrival,),) = prepared_statements.execute_prepared(_INSERT_EVENT_SQL, parameters)
    # Equal to the columns that the database generates from the leaf; avoids reading eleven columns back.
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
            [str(reference) for reference in (target, *related_objects)],
        ],
    )


@dataclass(frozen=True)
class EventDraft:
    """An event without stream, number and time.

    `openings` are the rows of audit_private that open its commitments: pointer, field, salt, value.
    """

    identity: uuid.UUID
    event: Mapping[str, Json]
    openings: Sequence[tuple[str, str, bytes, str]]

    def encode(self, stream: str, seq: int, moment: datetime) -> bytes:
        """Return the leaf with this stream, number and time. Raises NotCanonicalError and LeafTooLongError."""
        place: Json = {"id": stream, "seq": seq}
        return leaf.encode_leaf({**self.event, "at": leaf.timestamp(moment), "stream": place})


def build_event(
    action: str,
    *,
    actor: Actor,
    target: ObjectRef,
    changes: Sequence[Change] = (),
    data: Mapping[str, Json | PrivateValue] | None = None,
    reason: str | None = None,
    related: Sequence[ObjectRef] = (),
    identity: uuid.UUID | None = None,
) -> EventDraft:
    """Build the event that :func:`record_event` writes, without writing it.

    Separate from it for bulk loading, which has to produce the same bytes. The product itself does not call it.

    Raises:
        UnknownActionError: the action is not registered.
        MissingActorError: ``actor`` is not an Actor.
        NotCanonicalError: a private value is not clean text.
    """
    registered = actions.get_action(action)
    if not isinstance(actor, Actor):
        raise MissingActorError(actor)
    identity = identity or uuid.uuid4()
    commitments = _Commitments(str(identity))
    event: dict[str, Json] = {
        "type": leaf.EVENT_TYPE,
        "log": settings.COUNTERSIGN_LOG_ORIGIN,
        "id": str(identity),
        "action": str(registered),
        "actor": actor.as_leaf(),
        "object": target.as_leaf(),
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
    """Replaces private values by commitments and collects what opens them."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.openings: list[tuple[str, str, bytes, str]] = []

    def commit(self, private: PrivateValue, pointer: str, field: str) -> str:
        salt = secrets.token_bytes(leaf.SALT_BYTES)
        committed = leaf.commitment(salt=salt, event_id=self.event_id, field=field, value=private.value)
        self.openings.append((pointer, field, salt, private.value))
        return committed

    def kept(self, value: Json | PrivateValue, pointer: str, field: str) -> Json:
        """Return the value, or {"commit": …} for a private one."""
        return {"commit": self.commit(value, pointer, field)} if isinstance(value, PrivateValue) else value

    def change(self, index: int, change: Change) -> dict[str, Json]:
        """Return {field, from, to}, or {field, commit} for a private value, with "from" if there was a value before."""
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
