"""The catalogue: models, versions, and what is added to them."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

from audit import clock
from audit.actor import Actor
from governance import selectors as gate
from governance.monitoring.reports import Report, Signal
from governance.services import evidence, external_checks, findings, sign_offs, signals, waivers
from governance.services.external_report import RunReport
from registry import access, selectors
from registry.models import RegisteredModel
from registry.services import (
    archiving,
    assessments,
    change_proposals,
    deletion,
    metadata,
    models,
    questionnaires,
    reviews,
    tier_lowering,
    uploads,
    verification_keys,
    versions,
)
from registry.services.versions import MetricSpec, VersionSpec
from tests import factories
from tests.permission_matrix import actors, inputs
from tests.permission_matrix.actors import DECLARED, FILE, FILLED, FREE, KIND, MODEL, REPORTED, World
from tests.permission_matrix.interfaces.service.interface import SERVICE, WHY


@SERVICE.at("register a model")
def _(world: World, actor: Actor) -> None:
    models.register_model(actor=actor, slug="new-model", title="New")


@SERVICE.at("open the form of the model")
def _(world: World, actor: Actor) -> None:
    may = models.can_edit(actor=actor, model=selectors.model(actor, MODEL))
    if isinstance(may, access.Denied):
        raise may.refusal()


@SERVICE.at("edit the model")
def _(world: World, actor: Actor) -> None:
    models.update_model(actor=actor, model=world.model, title="Another title")


@SERVICE.at("register a version by its source")
def _(world: World, actor: Actor) -> None:
    versions.declare_version(actor=actor, model=world.model, spec=VersionSpec(source="s3://models/6"))


@SERVICE.at("describe a version")
def _(world: World, actor: Actor) -> None:
    metadata.describe_version(actor=actor, version=world.version(FREE), description="other words")


@SERVICE.at("tag the model")
def _(world: World, actor: Actor) -> None:
    metadata.tag_model(actor=actor, model=world.model, key="team", value="retail")


@SERVICE.at("tag a version")
def _(world: World, actor: Actor) -> None:
    metadata.tag_version(actor=actor, version=world.version(FREE), key="run", value="nightly")


@SERVICE.at("change the model's risk tier")
def _(world: World, actor: Actor) -> None:
    declared = RegisteredModel.objects.get(slug=actors.UNASSESSED)
    models.update_model(actor=actor, model=declared, risk_tier=2)


@SERVICE.at("read why a tier")
@SERVICE.at("read the reviews")
def _(world: World, actor: Actor) -> None:
    selectors.model(actor, actors.UNUSED)


@SERVICE.at("read the questionnaire")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    assert questionnaires.in_force() is not None


@SERVICE.at("assess a model")
def _(world: World, actor: Actor) -> None:
    assessments.assess(actor=actor, model=world.unused, answers=world.answers, rationale=WHY)


@SERVICE.at("propose a less strict tier")
def _(world: World, actor: Actor) -> None:
    tier_lowering.submit(actor=actor, model=world.unused, answers=factories.answers_for(3), rationale=WHY)


@SERVICE.at("confirm a less strict tier")
def _(world: World, actor: Actor) -> None:
    change_proposals.confirm(
        actor=actor, proposal=world.tier_proposal, digest=world.tier_proposal.digest, password=factories.PASSWORD
    )


@SERVICE.at("record a review")
def _(world: World, actor: Actor) -> None:
    reviews.record(actor=actor, model=world.unused, conclusion=reviews.ReviewConclusion("fit", "Looked at it."))


@SERVICE.at("read the verification keys")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    assert selectors.verification_keys(actor).exists()


@SERVICE.at("propose a verification key")
def _(world: World, actor: Actor) -> None:
    verification_keys.propose(actor=actor, reason=WHY, **inputs.another_key())


@SERVICE.at("revoke a verification key")
def _(world: World, actor: Actor) -> None:
    verification_keys.revoke(actor=actor, key=world.verification_key, reason=WHY)


@SERVICE.at("propose a questionnaire")
def _(world: World, actor: Actor) -> None:
    questionnaires.propose(actor=actor, source=actors.ANOTHER_QUESTIONNAIRE, reason=WHY)


@SERVICE.at("rename a model")
def _(world: World, actor: Actor) -> None:
    early = RegisteredModel.objects.get(slug=actors.UNASSESSED)
    deletion.rename_model(actor=actor, model=early, name="Fraud (early)", reason=WHY)


@SERVICE.at("delete a model")
def _(world: World, actor: Actor) -> None:
    deletion.delete_model(actor=actor, model=RegisteredModel.objects.get(slug=actors.UNASSESSED), reason=WHY)


@SERVICE.at("delete a version")
def _(world: World, actor: Actor) -> None:
    deletion.delete_version(actor=actor, version=world.version(FREE), reason=WHY)


@SERVICE.at("archive a model")
def _(world: World, actor: Actor) -> None:
    archiving.archive_model(actor=actor, model=world.unused, reason=WHY)


@SERVICE.at("declare a version")
def _(world: World, actor: Actor) -> None:
    spec = VersionSpec(artifacts=[inputs.declared(6)])
    versions.declare_version(actor=actor, model=world.model, spec=spec)


@SERVICE.at("ask where files go")
def _(world: World, actor: Actor) -> None:
    uploads.upload_instructions(actor=actor, version=world.version(DECLARED))


@SERVICE.at("upload an artifact")
def _(world: World, actor: Actor) -> None:
    stream = io.BytesIO(b"%d" % DECLARED)
    versions.store_artifact(actor=actor, version=world.version(DECLARED), path=FILE, stream=stream)


@SERVICE.at("complete a version")
def _(world: World, actor: Actor) -> None:
    versions.complete_registration(actor=actor, version=world.version(FILLED))


@SERVICE.at("add metrics")
def _(world: World, actor: Actor) -> None:
    evidence.attach_metrics(actor=actor, version=world.version(FREE), metrics=[MetricSpec("auc", 0.9)])


@SERVICE.at("download a report")
def _(world: World, actor: Actor) -> None:
    run = external_checks.get_run(actor, world.external_run)
    external_checks.open_attachment(actor=actor, run=run).close()


@SERVICE.at("report a check")
def _(world: World, actor: Actor) -> None:
    version = world.version(FREE)
    run = external_checks.begin(actor=actor, version=version, check=REPORTED, report=RunReport())
    external_checks.attach(actor=actor, run=run, form="json", filename="report.json", raw=b"{}")
    external_checks.update(actor=actor, run=run, report=RunReport(conclusion="failure"))


@SERVICE.at("add a model card")
def _(world: World, actor: Actor) -> None:
    evidence.attach_card(actor=actor, version=world.version(FREE), text="# Another card")


@SERVICE.at("add evidence")
def _(world: World, actor: Actor) -> None:
    evidence.attach_evidence(
        actor=actor, version=world.version(FREE), kind=KIND, filename="report.txt", stream=io.BytesIO(b"better")
    )


@SERVICE.at("report production signals")
def _(world: World, actor: Actor) -> None:
    report = Report("nightly", clock.now(), clock.now(), [Signal("auc", 0.9)])
    signals.record_report(actor=actor, version=world.version(FREE), report=report)


@SERVICE.at("read production signals")
def _(world: World, actor: Actor) -> None:
    gate.finding(actor, world.finding.pk)


@SERVICE.at("acknowledge a finding")
def _(world: World, actor: Actor) -> None:
    findings.acknowledge(actor=actor, finding=world.finding, note=WHY)


@SERVICE.at("open a finding")
def _(world: World, actor: Actor) -> None:
    findings.open_for(actor=actor, model=world.model, source="review", severity="low", title="A finding")


@SERVICE.at("assign a finding")
def _(world: World, actor: Actor) -> None:
    findings.assign(actor=actor, finding=world.finding, owner=world.person("second"), reason=WHY)


@SERVICE.at("propose to close a finding")
def _(world: World, actor: Actor) -> None:
    findings.propose_closure(actor=actor, finding=world.finding, evidence=WHY)


@SERVICE.at("reschedule a finding")
def _(world: World, actor: Actor) -> None:
    findings.reschedule(actor=actor, finding=world.finding, due=clock.now().date() + timedelta(days=99), reason=WHY)


@SERVICE.at("return a proposed closure")
def _(world: World, actor: Actor) -> None:
    findings.return_closure(actor=actor, finding=world.proposed_finding, reason=WHY)


@SERVICE.at("find a finding in a list")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return gate.visible_findings(actor).filter(pk=world.finding.pk).exists()


@SERVICE.at("read sign-offs")
def _(world: World, actor: Actor) -> None:
    access.require_scope(actor, "models:read")
    sign_offs.signable_document(selectors.version(actor, actors.MODEL, FREE))


@SERVICE.at("sign off a document")
def _(world: World, actor: Actor) -> None:
    sign_offs.sign_off(
        actor=actor,
        version=world.version(FREE),
        parts=["3"],
        document_sha256=hashlib.sha256(actors.ANNEX).hexdigest(),
        signature=sign_offs.SignOffSignature(actors.PASSWORD),
    )


@SERVICE.at("read waivers")
def _(world: World, actor: Actor) -> None:
    gate.waiver(actor, world.waiver.pk)


@SERVICE.at("waive a check")
def _(world: World, actor: Actor) -> None:
    waivers.grant(
        actor=actor,
        request=world.champion_request,
        signature=waivers.WaiverSignature(actors.PASSWORD),
        **inputs.waived(world.champion_request),
    )


@SERVICE.at("revoke a waiver")
def _(world: World, actor: Actor) -> None:
    waivers.revoke(actor=actor, waiver=world.waiver, reason=WHY)


@SERVICE.at("close a finding")
def _(world: World, actor: Actor) -> None:
    findings.close(actor=actor, finding=world.finding, reason=WHY)


@SERVICE.at("write notes on a version")
def _(world: World, actor: Actor) -> None:
    metadata.annotate_version(actor=actor, version=world.version(FREE), notes=WHY)
