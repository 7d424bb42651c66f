"""Publishing the questionnaire that risk tiers rest on."""

from pathlib import Path
from uuid import uuid4

from django.db import connection, transaction
from pydantic import ValidationError

from audit import canonical, clock, recorder
from audit.actor import Actor
from audit.recorder import Change, Thing
from registry import access, yaml_reader
from registry import questionnaire as language
from registry.actions import QUESTIONNAIRE_PUBLISHED
from registry.exceptions import FieldError, InvalidInput
from registry.models import QuestionnaireRevision
from registry.rules import Faults

STARTER = Path(__file__).parent.parent / "starter" / "risk-tier.yaml"
"""What an organisation begins with."""


def read(source: str) -> language.Questionnaire:
    """Validate a questionnaire's YAML. Raises InvalidInput with an error for each fault, pointing into it."""
    try:
        return language.parse(source)
    except ValidationError as error:
        raise InvalidInput(
            [
                FieldError("/" + "/".join(str(part) for part in e["loc"]), str(e["type"]), e["msg"])
                for e in error.errors(include_url=False)
            ]
        ) from error
    except yaml_reader.DuplicateKeyError as error:
        raise InvalidInput([FieldError("/", "duplicate_key", str(error))]) from error
    except ValueError as error:
        raise InvalidInput([FieldError("/", "not_a_questionnaire", str(error))]) from error


@transaction.atomic
def publish(*, actor: Actor, source: str, reason: str) -> QuestionnaireRevision:
    """Publish a questionnaire's YAML as the next revision, in force from now on. Assessments that were made keep the
    revision they were made with, and models their tiers. What is in force already is not published again.

    Raises NotPermitted where the actor may not manage policies; InvalidInput.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    faults = Faults()
    reason = faults.reason(reason)
    faults.refuse()
    document = read(source).document()
    digest = canonical.digest(document)
    with connection.cursor() as cursor:  # one publication at a time: numbers follow one another
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
        published_by=actor.id,
    )
    recorder.append(
        QUESTIONNAIRE_PUBLISHED,
        actor=actor,
        thing=Thing("questionnaire", str(made.uid)),
        stream="organisation",
        changes=[Change("digest", before.digest if before is not None else None, digest)],
        data={"revision": made.number},
        reason=reason,
    )
    made.save(force_insert=True)
    return made


def install_starter(*, actor: Actor) -> QuestionnaireRevision | None:
    """Publish the starter questionnaire where there is none. Returns it, or None where there was one."""
    if QuestionnaireRevision.objects.exists():
        return None
    source = STARTER.read_text(encoding="utf-8")
    return publish(actor=actor, source=source, reason="starter questionnaire of a new instance")


def in_force() -> tuple[QuestionnaireRevision, language.Questionnaire] | None:
    """The revision in force and what it says; None where none was published."""
    revision = QuestionnaireRevision.objects.first()
    return (revision, of(revision)) if revision is not None else None


def of(revision: QuestionnaireRevision) -> language.Questionnaire:
    """What a revision says."""
    return language.Questionnaire.model_validate(revision.document)
