"""Publication of the questionnaire from which risk tiers are computed."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from pydantic import ValidationError

from audit import canonical, clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry import access, yaml_reader
from registry import questionnaire as language
from registry.actions import QUESTIONNAIRE_PUBLISHED
from registry.document_faults import faults_of
from registry.exceptions import ConflictError, FieldError, ValidationFailedError
from registry.models import ChangeProposal, QuestionnaireRevision
from registry.services import change_kinds, change_proposals, instance
from registry.validation import ErrorCollector

STARTER = Path(__file__).parent.parent / "defaults" / "risk-tier.yaml"
"""The questionnaire of a new instance."""


def read(source: str) -> language.Questionnaire:
    """Parse and validate the YAML of a questionnaire.

    Raises:
        ValidationFailedError: one error per problem, with a pointer into the document.
    """
    faults = ErrorCollector()
    faults.clean_text("/", source, len(source))
    faults.raise_if_any()
    try:
        return language.parse(source)
    except ValidationError as error:
        raise ValidationFailedError(faults_of(error, language.Questionnaire, source)) from error
    except yaml_reader.DuplicateKeyError as error:
        raise ValidationFailedError([FieldError("/", "duplicate_key", str(error))]) from error
    except ValueError as error:
        raise ValidationFailedError([FieldError("/", "not_a_questionnaire", str(error))]) from error


@transaction.atomic
def propose(*, actor: Actor, source: str, reason: str) -> ChangeProposal:
    """Propose the YAML of a questionnaire as the next revision; a second officer's decision signature puts it in force.

    If the instance declares a single officer, the revision is in force when this returns.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        ValidationFailedError: the source breaks a rule (see `read`), or the reason is empty.
        ConflictError: the revision is in force, or a revision is already proposed.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    digest = canonical.digest(read(source).document())
    before = QuestionnaireRevision.objects.first()
    if before is not None and before.digest == digest:
        raise ConflictError(
            f"Revision {before.number} of the questionnaire is in force with this content.",
            code="unchanged_questionnaire",
            existing=before,
        )
    return change_proposals.propose(
        actor=actor,
        kind=PUBLICATION,
        subject=ObjectRef("organisation", "questionnaire"),
        title=f"Put revision {before.number + 1 if before is not None else 1} of the questionnaire in force",
        payload={"source": source, "document_digest": digest},
        reason=reason,
    )


@transaction.atomic
def publish(*, actor: Actor, source: str, reason: str) -> QuestionnaireRevision:
    """Publish the YAML of a questionnaire as the next revision, in force from now on, during the set-up of an instance.

    Existing assessments keep their revision, and models keep their tiers. If the revision is in force, it is returned.

    Raises:
        PermissionDeniedError: the actor is not a process of the set-up, or the set-up is confirmed: propose the
            revision then.
        ValidationFailedError: the source breaks a rule (see `read`), or the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    change_proposals.require_exempt(actor, "Putting a questionnaire in force")
    return _put_in_force(actor, source, reason, None)


def _put_in_force(actor: Actor, source: str, reason: str, proposal: ChangeProposal | None) -> QuestionnaireRevision:
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    document = read(source).document()
    digest = canonical.digest(document)
    with connection.cursor() as cursor:  # one publication at a time: revision numbers are consecutive
        cursor.execute("LOCK TABLE registry_questionnairerevision IN SHARE ROW EXCLUSIVE MODE")
    before = QuestionnaireRevision.objects.first()
    if before is not None and before.digest == digest:
        return before
    made = QuestionnaireRevision(
        uid=uuid4(),
        number=before.number + 1 if before is not None else 1,
        title=document["title"],
        source=source,
        document=document,
        digest=digest,
        published_at=clock.now(),
        published_by=proposal.proposed_by.uid if proposal is not None else actor.id,
    )
    agreed = [ObjectRef("change_proposal", str(proposal.uid))] if proposal is not None else []
    recorder.record_event(
        QUESTIONNAIRE_PUBLISHED,
        actor=actor,
        target=ObjectRef("questionnaire", str(made.uid)),
        stream="organisation",
        related_objects=agreed,
        changes=[Change("digest", before.digest if before is not None else None, digest)],
        data={
            "revision": made.number,
            **({"proposed_by": proposal.proposed_by.uid} if proposal is not None else {}),
        },
        reason=reason,
    )
    made.save(force_insert=True)
    return made


def _publish_proposed(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    made = _put_in_force(actor, proposal.payload["source"], proposal.reason, proposal)
    return [ObjectRef("questionnaire", str(made.uid))]


PUBLICATION = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="questionnaire.publication",
        label="Questionnaire revision",
        needed="another officer",
        apply=_publish_proposed,
    )
)


@instance.describe_setup
def _questionnaire_in_force() -> list[dict[str, Any]]:
    found = QuestionnaireRevision.objects.first()
    return [{"type": "questionnaire", "name": f"revision {found.number}", "detail": found.digest}] if found else []


def install_starter(*, actor: Actor) -> QuestionnaireRevision | None:
    """Publish the starter questionnaire if there is none. Returns it, or None if there was one."""
    if QuestionnaireRevision.objects.exists():
        return None
    source = STARTER.read_text(encoding="utf-8")
    return publish(actor=actor, source=source, reason="starter questionnaire of a new instance")


def in_force() -> tuple[QuestionnaireRevision, language.Questionnaire] | None:
    """Return the revision in force and its parsed questionnaire; None if none was published."""
    revision = QuestionnaireRevision.objects.first()
    return (revision, of(revision)) if revision is not None else None


def of(revision: QuestionnaireRevision) -> language.Questionnaire:
    """Return the parsed questionnaire of a revision."""
    return language.Questionnaire.model_validate(revision.document)
