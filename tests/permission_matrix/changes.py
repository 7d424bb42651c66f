"""What an allowed action does, the same through every interface."""

from __future__ import annotations

Change = tuple[tuple[str, ...], frozenset[str]]
"""The events of an action, in order, and the rows it writes, by table: + inserted, ~ updated, - deleted."""


def _change(events: str, *rows: str) -> Change:
    return tuple(events.split()), frozenset(rows)


UNCHANGED = _change("")

_COMMENT = _change(
    "comment.posted", "governance_discussionthread +1", "governance_comment +1", "governance_commentrevision +1"
)

CHANGES = {
    "download an artifact": _change("artifact.downloaded"),
    "download evidence": _change("evidence.downloaded"),
    "register a model": _change(
        "model.registered grant.given",
        "registry_registeredmodel +1",
        "registry_registeredname +1",
        "registry_grant +1",
        "registry_modeluserpermission +5",
    ),
    "edit the model": _change("model.updated", "registry_registeredmodel ~1"),
    "change the model's risk tier": _change("model.updated", "registry_registeredmodel ~1"),
    "assess a model": _change("model.assessed", "registry_assessment +1", "registry_registeredmodel ~1"),
    "propose a less strict tier": _change("change.proposed", "registry_changeproposal +1"),
    "confirm a less strict tier": _change(
        "model.assessed model.tier_lowered change.confirmed",
        "registry_assessment +1",
        "registry_registeredmodel ~1",
        "registry_changeproposal ~1",
    ),
    "recall a dataset": _change("dataset.recalled", "governance_datasetrecall +1"),
    "record a review": _change("review.recorded", "registry_periodicreview +1", "registry_registeredmodel ~1"),
    "protect an alias": _change("lifecycle.alias_changed", "registry_protectedalias +1"),
    "propose to loosen an alias": _change("change.proposed", "registry_changeproposal +1"),
    "propose a questionnaire": _change("change.proposed", "registry_changeproposal +1"),
    "propose a verification key": _change("change.proposed", "registry_changeproposal +1"),
    "revoke a verification key": _change("verification_key.revoked", "registry_verificationkey ~1"),
    "archive a model": _change("model.archived", "registry_registeredmodel ~1"),
    "declare a version": _change(
        "version.declared",
        "registry_modelversion +1",
        "registry_artifact +1",
        "registry_stageoccupancy +1",
        "registry_registeredmodel ~1",  # the number of the next version
    ),
    "register a version by its source": _change(
        "version.registered",
        "registry_modelversion +1",
        "registry_stageoccupancy +1",
        "registry_registeredmodel ~1",
    ),
    "describe a version": _change("version.updated", "registry_modelversion ~1"),
    "tag the model": _change("model.updated", "registry_registeredmodel ~1"),
    "tag a version": _change("version.updated", "registry_modelversion ~1"),
    "rename a model": _change("model.renamed", "registry_registeredmodel ~1", "registry_registeredname +1"),
    "delete a model": _change("model.deleted", "registry_registeredmodel ~1", "registry_registeredname ~1"),
    "delete a version": _change(
        "version.deleted",
        "registry_modelversion ~2",  # out of its stage, and deleted
        "registry_stageoccupancy +1 ~1",
        "registry_aliasassignment ~1",
        "registry_registeredmodel ~2",
    ),
    "upload an artifact": _change(
        "artifact.stored", "registry_artifact ~1", "registry_blob +1", "registry_modelversion ~1"
    ),
    "complete a version": _change("version.registered", "registry_modelversion ~1"),
    "add metrics": _change("metric.added", "registry_metric +1 ~1", "registry_modelversion ~1"),
    "add a model card": _change("card.added", "registry_modelcard +1", "registry_modelversion ~1"),
    "add evidence": _change("evidence.added", "registry_evidence +1", "registry_blob +1", "registry_modelversion ~1"),
    "sign off a document": _change("document.signed", "governance_documentsignoff +1"),
    "report production signals": _change(
        "signal.reported", "governance_signalreport +1", "governance_signalseries +1", "governance_signalvalue +1"
    ),
    "acknowledge a finding": _change("finding.acknowledged", "governance_monitoringfinding ~1"),
    "open a finding": _change("finding.opened", "governance_monitoringfinding +1"),
    "assign a finding": _change("finding.assigned", "governance_monitoringfinding ~1"),
    "propose to close a finding": _change("finding.closure_proposed", "governance_monitoringfinding ~1"),
    "reschedule a finding": _change("finding.rescheduled", "governance_monitoringfinding ~1"),
    "return a proposed closure": _change("finding.reopened", "governance_monitoringfinding ~1"),
    "waive a check": _change(
        "waiver.granted decision.lapsed promotion.reopened",
        "governance_waiver +1",
        "governance_decision ~1",
        "governance_promotionrequest ~1",
    ),
    "revoke a waiver": _change(
        "waiver.revoked decision.lapsed promotion.reopened",
        "governance_waiver ~1",
        "governance_decision ~1",
        "governance_promotionrequest ~1",
    ),
    "close a finding": _change("finding.closed", "governance_monitoringfinding ~1"),
    "comment on a request": _COMMENT,
    "comment on a version": _COMMENT,
    "resolve a thread": _change("thread.resolved", "governance_threadresolution +1"),
    "reopen a thread": _change("thread.reopened", "governance_threadresolution ~1"),
    "download a report": _change("external_run.downloaded"),
    "report a check": _change(
        "external_run.started external_run.attached external_run.completed", "governance_externalrun +1 ~2"
    ),
    "write notes on a version": _change("version.updated", "registry_modelversion ~1"),
    "ask for a promotion": _change(
        "promotion.requested packet.frozen promotion.readied",
        "governance_promotionrequest +1 ~2",
        "governance_requestpolicy +1",
        "governance_packet +1",
    ),
    "ask to approve a version again": _change(
        "promotion.requested packet.frozen promotion.readied",
        "governance_promotionrequest +1 ~2",
        "governance_requestpolicy +1",
        "governance_packet +1",
    ),
    "point a free alias": _change(
        "promotion.requested promotion.promoted",
        "governance_promotionrequest +1",
        "registry_aliasassignment +1",
    ),
    "take an alias off": _change("alias.removed", "registry_aliasassignment ~1"),
    "decide on a request": _change(
        "decision.recorded",
        "governance_decision +1",
        "governance_promotionrequest ~1",
        "governance_signaturerecord +1",
    ),
    "withdraw a request": _change("promotion.withdrawn", "governance_promotionrequest ~1"),
    "execute a request": _change(
        "promotion.promoted document.frozen",
        "governance_frozendocument +1",
        "governance_promotionrequest ~1",
        "registry_modelversion ~1",
        "registry_registeredmodel ~1",  # when it was last changed
        "registry_stageoccupancy +1 ~1",
    ),
    "give a role on the model": _change("grant.given", "registry_grant +1", "registry_modeluserpermission +1"),
    "take a role on the model": _change("grant.revoked", "registry_grant ~1", "registry_modeluserpermission -1"),
    "ask for a role": _change("access.requested", "registry_accessrequest +1"),
    "grant an access request": _change(
        "access.granted grant.given",
        "registry_accessrequest ~1",
        "registry_grant +1",
        "registry_modeluserpermission +4",
    ),
    "deny an access request": _change("access.denied", "registry_accessrequest ~1"),
    "give a role in the organisation": _change("grant.given", "registry_grant +1"),
    "import advisories": _change("advisories.imported", "governance_advisorymirror +1"),
    "propose a policy": _change("change.proposed", "registry_changeproposal +1"),
    "replay a draft": _change("", "governance_policyreplay +1 ~2"),  # claimed, then finished
    "revise a policy": _change("change.proposed", "registry_changeproposal +1"),
    "retire a policy": _change("change.proposed", "registry_changeproposal +1"),
    "cancel a scheduled change": _change("policy.cancelled", "governance_policyterm ~1"),
    "confirm a change proposal": _change(
        "policy.published change.confirmed",
        "governance_policy +1 ~1",
        "governance_policyrevision +1",
        "governance_policyterm +1",
        "registry_changeproposal ~1",
    ),
    "propose to confirm the set-up": _change("change.proposed", "registry_changeproposal +1"),
    "require two officers": _change("instance.single_officer_ended", "registry_instance ~1"),
    "reject a change proposal": _change("change.rejected", "registry_changeproposal ~1"),
    "create a group": _change("group.created", "auth_group +1", "registry_reviewergroup +1"),
    "change a group": _change("group.updated", "auth_group ~1"),
    "add a member": _change("change.proposed", "registry_changeproposal +1"),  # a policy calls upon the group
    "end a membership": _change("membership.removed", "registry_membership ~1"),
    "create a webhook": _change("webhook.created", "governance_webhook +1"),
    "change a webhook": _change("webhook.updated", "governance_webhook ~1"),
    "test a webhook": _change("webhook.tested"),
    "delete a webhook": _change("webhook.deleted", "governance_webhook ~1"),
    "open an account": _change("person.registered", "registry_user +1", "registry_accountcontrol +1"),
    "change another person's record": _change("person.updated", "registry_user ~1"),
    "set another person's password": _change("person.password_set", "registry_user ~1", "registry_accountcontrol +1"),
    "issue another person's sign-in link": _change(
        "person.link_issued", "registry_signinlink +1", "registry_accountcontrol +1"
    ),
    "unlock another person's signing": _change("person.signing_unlocked", "registry_signinglock ~1"),
    "reset another person's second factor": _change("person.second_factor_cleared", "registry_secondfactor ~1"),
    "change one's second factor": _change(
        "person.second_factor_enrolled person.recovery_code_used person.second_factor_removed",
        "registry_secondfactor +1 ~2",
    ),
    "change one's passkeys": _change(
        "person.passkey_enrolled person.passkey_renamed person.passkey_removed", "registry_passkey +1 ~2"
    ),
    "deactivate an account": _change("person.deactivated", "registry_user ~1"),
    "reactivate an account": _change("person.reactivated", "registry_user ~1"),
    "set one's own password": _change("person.password_set", "registry_user ~1"),
    "issue a token for oneself": _change("token.issued", "registry_accesstoken +1"),
    "issue a token for a service account": _change(
        "token.issued", "registry_accesstoken +1", "registry_accountcontrol +1"
    ),
    "record an owner of a service account": _change("service_account.user_added", "registry_accountcontrol +1"),
    "end an owner of a service account": _change("service_account.user_removed", "registry_accountcontrol ~1"),
    "keep a view": _change("", "registry_savedview +1"),
    "change one's own view": _change("", "registry_savedview +1 ~1"),
    "delete one's own view": _change("", "registry_savedview +1 -1"),
    "open one's own notification": _change("", "governance_notification +1 ~1"),
    "mark one's notifications as read": _change("", "governance_notification +1 ~1"),
    "delegate one's decisions": _change("delegation.granted", "governance_delegation +1"),
    "revoke another person's delegation": _change("delegation.revoked", "governance_delegation ~1"),
    "change one's notification settings": _change("", "governance_notificationpreferences +1 ~1"),
    "add a notification channel": _change("notification_channel.added", "governance_notificationchannel +1"),
    "send another person's delivery again": _change("", "governance_notificationdelivery ~1"),
    "revoke one's own token": _change("token.revoked", "registry_accesstoken ~1"),
    "revoke another person's token": _change("token.revoked", "registry_accesstoken ~1"),
}
"""What an allowed action does, the same through every interface. Actions not named here read, and leave no trace."""
