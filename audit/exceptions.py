"""Errors of the audit package. Each message has the rule and the remedy."""

from __future__ import annotations


class AuditError(Exception):
    """Base class of the errors of the audit package."""


class TransactionRequiredError(AuditError):
    """An event would be recorded outside a transaction, so it could persist without the change it describes."""

    def __init__(self) -> None:
        super().__init__(
            "An event is recorded in the transaction of the change it describes, and no transaction is open. "
            "Wrap the change and its record_event() in transaction.atomic()."
        )


class MissingActorError(AuditError):
    """An event would be recorded without an actor."""

    def __init__(self, given: object) -> None:
        super().__init__(
            f"record_event() needs an audit.actor.Actor, not {type(given).__name__}. "
            "Pass the person or token on to the service; a system process is audit.actor.process(name)."
        )


class UnknownActionError(AuditError):
    """The name of the action is not registered."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"{name!r} is not a registered action. Register it once with audit.actions.register(name, sentence), "
            "beside the other actions of its package."
        )


class BadActionName(AuditError):
    """An action was registered with a name that is not noun.past-participle, or again with another meaning."""


class NotCanonicalError(AuditError):
    """A value cannot be encoded in a leaf: it is outside the restricted RFC 8785 domain.

    Attributes:
        pointer: RFC 6901 JSON pointer of the value ("" is the whole document).
        reason: the rule that it breaks.
    """

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(reason, pointer)
        self.reason = reason
        self.pointer = pointer

    def __str__(self) -> str:
        return f"Not canonical at {self.pointer or 'the top'}: {self.reason}"

    def prefix_path(self, step: str | int) -> None:
        """Prepend ``step`` to the pointer; called once per level while the exception propagates."""
        self.pointer = "/" + str(step).replace("~", "~0").replace("/", "~1") + self.pointer


class LeafTooLongError(NotCanonicalError):
    """The leaf exceeds the 65,535 bytes of a tlog-tiles entry."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the leaf has {size:,} bytes and the limit is {limit:,} (C2SP tlog-tiles entry). "
            "Store the document elsewhere and record its digest."
        )
        self.size = size


class CommitmentMismatchError(AuditError):
    """A stored private value does not match the commitment in its event: one of the two was altered."""

    def __init__(self, event_id: object, pointer: str) -> None:
        super().__init__(
            f"The private value kept for {pointer} of event {event_id} does not match the commitment in the event. "
            "One of them was changed after it was recorded; treat the value as unproven."
        )
        self.event_id = event_id
        self.pointer = pointer


class BadNoteError(AuditError):
    """A signed note, checkpoint, proof or key has another form than C2SP describes, or a signature does not verify."""


class NothingSignedError(AuditError):
    """There is no signed checkpoint that covers what is asked for."""


class SignerHaltedError(AuditError):
    """The signer does not sign: state, key and database do not fit together. The message says how to continue."""


class AnchorError(AuditError):
    """A checkpoint was not accepted at a place outside the database; the message says why."""
