"""The event actions of the governance app, as named in the audit log, webhooks and the API."""

from audit.actions import register

POLICY_PUBLISHED = register("policy.published", "published a policy revision")
POLICY_RETIRED = register("policy.retired", "retired a policy")
POLICY_CANCELLED = register("policy.cancelled", "cancelled a scheduled change of a policy")

PROMOTION_REQUESTED = register("promotion.requested", "requested a promotion")
PROMOTION_BOUND = register("promotion.bound", "updated the request to the version's new evidence")
PROMOTION_POLICY_BOUND = register("promotion.policy_bound", "applied another policy revision to the request")
PROMOTION_BLOCKED = register("promotion.blocked", "blocked the request: a requirement failed")
PROMOTION_READY = register("promotion.readied", "marked the request as ready: every requirement is met")
PROMOTION_REOPENED = register("promotion.reopened", "reopened the request")
PROMOTION_REMINDED = register("promotion.reminded", "reminded the people who may approve the request")
PROMOTION_ESCALATED = register("promotion.escalated", "informed further people that the request waits for approvals")
PROMOTION_PROMOTED = register("promotion.promoted", "promoted the version")
PROMOTION_REAPPROVED = register("promotion.reapproved", "approved the version again in the place it holds")
PROMOTION_ADOPTED = register("promotion.adopted", "recorded that it was promoted before governance")
PROMOTION_REJECTED = register("promotion.rejected", "closed the request as rejected")
PROMOTION_WITHDRAWN = register("promotion.withdrawn", "withdrew the request")
PROMOTION_EXPIRED = register("promotion.expired", "expired the request")
PROMOTION_SUPERSEDED = register("promotion.superseded", "closed the request as superseded")

ALIAS_REMOVED = register("alias.removed", "removed an alias from the version")

DECISION_KEY_REGISTERED = register("decision_key.registered", "registered a decision key of the server")
DECISION_KEY_REPLACED = register("decision_key.replaced", "set the end of a decision key that a newer key replaces")

PACKET_FROZEN = register("packet.frozen", "opened review on an evidence package")
PACKET_OUTDATED = register("packet.outdated", "closed review: the evidence package is out of date")

DOCUMENT_FROZEN = register("document.frozen", "froze the technical document")
DOCUMENT_SIGNED = register("document.signed", "signed off parts of the regulatory document")

COPY_PLANNED = register("copy.planned", "planned a copy of the files at the version's source")
COPY_COMPLETED = register("copy.completed", "copied the files at the version's source")
COPY_FAILED = register("copy.failed", "could not copy the files at the version's source")

WEBHOOK_CREATED = register("webhook.created", "created a webhook")
WEBHOOK_UPDATED = register("webhook.updated", "updated the webhook")
WEBHOOK_DELETED = register("webhook.deleted", "deleted the webhook")
WEBHOOK_TESTED = register("webhook.tested", "sent a test message to the webhook's address")
WEBHOOK_DISABLED = register("webhook.disabled", "disabled the webhook, because its receiver responded with 410 Gone")

ADVISORIES_IMPORTED = register("advisories.imported", "imported published vulnerabilities of packages")

CHECK_QUEUED = register("check.queued", "queued a check")
CHECK_COMPLETED = register("check.completed", "completed a check")
CHECK_CANCELLED = register("check.cancelled", "cancelled a check run")

SIGNAL_REPORTED = register("signal.reported", "reported production signals of the version")

FINDING_OPENED = register("finding.opened", "opened a finding")
FINDING_RECURRED = register("finding.recurred", "recorded that the signal is beyond its approved limit again")
FINDING_RECOVERED = register("finding.recovered", "recorded that the signal is within its approved limit again")
FINDING_ACKNOWLEDGED = register("finding.acknowledged", "acknowledged the finding")
FINDING_ASSIGNED = register("finding.assigned", "assigned the finding to another owner")
FINDING_RESCHEDULED = register("finding.rescheduled", "set another due date of the finding")
FINDING_CLOSURE_PROPOSED = register("finding.closure_proposed", "proposed to close the finding")
FINDING_REOPENED = register("finding.reopened", "returned the proposed closure: the finding is open again")
FINDING_CLOSED = register("finding.closed", "closed the finding")
FINDING_RESOLVED = register("finding.resolved", "closed the finding")
"""The name of `FINDING_CLOSED` in logs of earlier releases; not recorded any more."""
FINDING_NOTIFIED = register("finding.notified", "notified the owner of the finding by mail")

WAIVER_GRANTED = register("waiver.granted", "waived a check of the version")
WAIVER_REVOKED = register("waiver.revoked", "revoked the waiver of a check")
WAIVER_EXPIRED = register("waiver.expired", "recorded that the waiver of a check expired")

EXTERNAL_RUN_STARTED = register("external_run.started", "started a check outside Countersign")
EXTERNAL_RUN_ATTACHED = register("external_run.attached", "attached a report to a check run outside Countersign")
EXTERNAL_RUN_COMPLETED = register("external_run.completed", "reported the result of a check")
EXTERNAL_REPORT_DOWNLOADED = register("external_run.downloaded", "downloaded the report attached to a check run")
EXTERNAL_RUN_ENDED = register("external_run.ended", "ended a check run that was not reported in time or is superseded")

DATASET_RECALLED = register("dataset.recalled", "recalled a dataset: it must not be relied on any more")

IMPACT_RECORDED = register("impact.recorded", "recorded what concerns an approval after the promotion")
IMPACT_DELAYED = register("impact.delayed", "recorded that what the policy asks after the promotion is overdue")
IMPACT_SETTLED = register("impact.settled", "settled what concerned an approval after the promotion")

EMERGENCY_REQUESTED = register("emergency.requested", "requested an emergency change, and signed it")
EMERGENCY_STARTED = register("emergency.started", "carried out the emergency change; it is owed until it is repaid")
EMERGENCY_ENDED = register("emergency.ended", "the time of the emergency change ended before the place was settled")
EMERGENCY_REPAID = register("emergency.repaid", "recorded that the emergency change is repaid")

DECISION_RECORDED = register("decision.recorded", "decided on the request")
DECISION_LAPSED = register("decision.lapsed", "invalidated a decision: the signed evidence changed")
DECISION_WITHDRAWN = register("decision.withdrawn", "ended their objection")

COMMENT_POSTED = register("comment.posted", "posted a comment")
COMMENT_EDITED = register("comment.edited", "edited a comment")
COMMENT_WITHDRAWN = register("comment.withdrawn", "withdrew a comment")
THREAD_RESOLVED = register("thread.resolved", "resolved a thread")
THREAD_REOPENED = register("thread.reopened", "reopened a thread")

DELEGATION_GRANTED = register("delegation.granted", "delegated their decisions")
DELEGATION_REVOKED = register("delegation.revoked", "revoked a delegation of decisions")
DELEGATION_ENDED = register("delegation.ended", "ended a delegation of decisions: its period is over")

DEMONSTRATION_COMPLETED = register("demonstration.completed", "completed the data of the demonstration")

NOTIFICATION_CHANNEL_ADDED = register("notification_channel.added", "added an address for notifications")
NOTIFICATION_CHANNEL_REMOVED = register("notification_channel.removed", "removed an address for notifications")
