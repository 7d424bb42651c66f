"""Sign-offs: people sign the parts of the regulatory document of a version, which the check `docs.regulatory` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from audit import clock, recorder
from audit.actor import Actor, ActorKind
from audit.recorder import Change, ObjectRef, PrivateValue
from governance import promotions
from governance.actions import DOCUMENT_SIGNED
from governance.checks.base import File
from governance.checks.builtin.docs_regulatory import (
    ANNEX_IV,
    MAX_FILE,
    REGULATORY,
    DocumentPart,
    digest_of_part,
    read_document,
)
from governance.models import DocumentSignOff
from governance.promotions.executing import GATE
from registry import access, selectors
from registry.exceptions import InvalidStateError, NotFoundError
from registry.models import Evidence, Grant, Membership, ModelVersion, RegisteredModel, User, active_grants_q
from registry.services import sign_in
from registry.services.version_lock import lock_version
from registry.storage import open_blob
from registry.validation import ErrorCollector

MEANING: Final = "I have read these parts of the document and sign them off as they are now."


@dataclass(frozen=True)
class SignOffSignature:
    """The password that the person enters again for a sign-off. Never stored and not part of the repr."""

    password: str

    def __repr__(self) -> str:
        return "SignOffSignature()"


@dataclass(frozen=True)
class SignablePart:
    """A part of the document as it is now, and the sign-offs of exactly this content, newest last."""

    clause: str
    title: str
    part: DocumentPart
    digest: str
    sign_offs: tuple[DocumentSignOff, ...]


@dataclass(frozen=True)
class SignableDocument:
    """The newest regulatory document of a version. `problem` says why it cannot be read; empty if it can."""

    evidence: Evidence
    problem: str
    parts: tuple[SignablePart, ...]


def signable_document(version: ModelVersion) -> SignableDocument:
    """Return the newest regulatory document of a version with its sign-offs. Reads the file from storage.

    Raises:
        NotFoundError: the version has no such document.
    """
    evidence = selectors.evidence_revisions(version, REGULATORY).first()
    if evidence is None:
        raise NotFoundError(
            f"Version {version.number} has no evidence of the kind {REGULATORY}: attach the document first."
        )
    parts, problem = _read(evidence)
    signed = list(DocumentSignOff.objects.filter(version=version).select_related("person"))
    shown = []
    for clause, part in parts.items():
        digest = digest_of_part(clause, part)
        under = tuple(one for one in signed if one.parts.get(clause) == digest)
        shown.append(SignablePart(clause, ANNEX_IV.get(clause, ""), part, digest, under))
    return SignableDocument(evidence, problem, tuple(shown))


def _read(evidence: Evidence) -> tuple[Mapping[str, DocumentPart], str]:
    with TemporaryDirectory(prefix="countersign-evidence-") as folder, open_blob(evidence.blob_id) as stream:
        local = Path(folder) / "document"
        local.write_bytes(stream.read(MAX_FILE + 1))
        return read_document(File(REGULATORY, evidence.filename, evidence.blob_id, evidence.blob.size, local))


def may_sign_off(*, actor: Actor, version: ModelVersion) -> access.Allowed | access.Denied:
    """Return whether the actor may sign parts: a person, signed in, who may edit the model or decide on it."""
    if actor.kind is not ActorKind.PERSON:
        return access.Denied(
            lambda _: "Tokens and processes sign nothing: a person signs in and enters the password again.",
            code="person_required",
        )
    edits = access.check_permission(actor, access.Permission.EDIT, version.model)
    if isinstance(edits, access.Allowed):
        return edits
    return access.check_permission(actor, access.Permission.DECIDE, version.model)


def sign_off(
    *,
    actor: Actor,
    version: ModelVersion,
    parts: Sequence[str],
    document_sha256: str,
    signature: SignOffSignature,
) -> DocumentSignOff:
    """Sign parts of the newest regulatory document of a version, and evaluate its requests again.

    Args:
        actor: the person, signed in; see `may_sign_off`.
        version: the version.
        parts: points of the document, such as "2(a)".
        document_sha256: digest of the document that the person read.
        signature: the password, entered for this sign-off.

    Returns:
        The sign-off.

    Raises:
        NotFoundError: the model is not visible to the actor, or there is no document.
        PermissionDeniedError: the actor may not sign, or is no person.
        InvalidStateError: another document was attached since it was read (`document_changed`).
        ValidationFailedError: a part is missing or unknown, or the password is wrong.
    """
    access.require_permission(actor, access.Permission.VIEW, version.model)
    if isinstance(answer := may_sign_off(actor=actor, version=version), access.Denied):
        raise answer.refusal()
    person = access.require_person(actor)
    document = signable_document(version)
    _require_newest(document.evidence, document_sha256)
    found = {part.clause: part for part in document.parts}
    faults = ErrorCollector()
    if document.problem:
        faults.add("/parts", "unreadable", document.problem)
    elif not parts:
        faults.add("/parts", "required", "Choose the parts that you sign.")
    elif unknown := sorted(set(parts) - set(found)):
        faults.add("/parts", "unknown_part", f"The document has no part {', '.join(unknown)[:200]}.")
    elif empty := sorted(clause for clause in set(parts) if not found[clause].part.text):
        faults.add("/parts", "empty_part", f"There is nothing to sign in {', '.join(empty)}: write the answer first.")
    faults.raise_if_any()
    method = sign_in.reauthenticate(person, signature.password, pointer="/password")
    with transaction.atomic():
        model, version = lock_version(version)
        _require_newest(selectors.evidence_revisions(version, REGULATORY).first(), document_sha256)
        made = DocumentSignOff(
            uid=uuid4(),
            model=model,
            version=version,
            evidence=document.evidence,
            parts={clause: found[clause].digest for clause in sorted(set(parts))},
            person=person,
            roles=_roles(person, model),
            signed_name=person.name,
            signed_meaning=MEANING,
            signed_method=method,
            signed_at=clock.now(),
        )
        event = recorder.record_event(
            DOCUMENT_SIGNED,
            actor=actor,
            target=ObjectRef("sign_off", str(made.uid)),
            stream=f"model:{model.uid}",
            related_objects=[
                ObjectRef("evidence", str(document.evidence.uid)),
                ObjectRef("version", str(version.uid)),
                ObjectRef("model", str(model.uid)),
            ],
            changes=[Change("signed_name", None, PrivateValue(person.name))],
            data={
                "document": document_sha256,
                "parts": [{"point": clause, "sha256": digest} for clause, digest in made.parts.items()],
                "roles": list(made.roles),
                "method": str(method),
                "meaning": MEANING,
            },
        )
        made.event = event.event_id
        made.save(force_insert=True)
        promotions.rebind_requests(version, actor=GATE)
        return made


def _roles(person: User, model: RegisteredModel) -> list[str]:
    """Return the roles that a person has on a model now, through groups and for the whole organisation too."""
    now = clock.now()
    groups = Membership.effective(now).filter(user=person).values("group_id")
    held = Grant.objects.filter(
        active_grants_q(now), Q(model=model) | Q(model__isnull=True), Q(user=person) | Q(group__in=groups)
    )
    roles = set(held.values_list("role", flat=True))
    return sorted(roles | {str(access.Role.OWNER)} if model.owner_id == person.pk else roles)


def _require_newest(evidence: Evidence | None, document_sha256: str) -> None:
    if evidence is None or evidence.blob_id != document_sha256:
        raise InvalidStateError(
            "Another document was attached while you were reading: read it, then sign again.", code="document_changed"
        )
