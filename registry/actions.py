"""The actions of the registry package, with their names in the audit log, the webhooks and the API."""

from audit.actions import register

PERSON_REGISTERED = register("person.registered", "registered the account")
PERSON_UPDATED = register("person.updated", "updated the account")
PERSON_DEACTIVATED = register("person.deactivated", "deactivated the account")
PERSON_REACTIVATED = register("person.reactivated", "reactivated the account")
PERSON_PASSWORD_SET = register("person.password_set", "set the account's password")
PERSON_LINK_ISSUED = register("person.link_issued", "issued a link to set the account's password")
PERSON_PASSWORD_REPLACED = register("person.password_replaced", "set the account's password by a link")
SERVICE_ACCOUNT_USER_ADDED = register(
    "service_account.user_added", "recorded a person who owns or uses the service account"
)
SERVICE_ACCOUNT_USER_REMOVED = register(
    "service_account.user_removed", "recorded that a person no longer owns or uses the service account"
)

PERSON_SIGNED_IN = register("person.signed_in", "signed in")
PERSON_SIGNED_OUT = register("person.signed_out", "signed out")
PERSON_SIGN_IN_FAILED = register("person.sign_in_failed", "refused a sign-in: the name or the password was wrong")
PERSON_SIGNATURE_FAILED = register("person.signature_failed", "gave a wrong password while signing a decision")
PERSON_SIGNING_LOCKED = register("person.signing_locked", "locked signing after repeated wrong passwords or codes")
PERSON_SIGNING_UNLOCKED = register("person.signing_unlocked", "unlocked signing")
PERSON_SECOND_FACTOR_ENROLLED = register("person.second_factor_enrolled", "enrolled a second factor")
PERSON_SECOND_FACTOR_USED = register("person.second_factor_used", "gave a code of the second factor")
PERSON_RECOVERY_CODE_USED = register("person.recovery_code_used", "used a recovery code of the second factor")
PERSON_SECOND_FACTOR_REMOVED = register("person.second_factor_removed", "removed the second factor")
PERSON_SECOND_FACTOR_RESET = register("person.second_factor_cleared", "reset the second factor of the account")
PERSON_PASSKEY_ENROLLED = register("person.passkey_enrolled", "enrolled a passkey")
PERSON_PASSKEY_RENAMED = register("person.passkey_renamed", "renamed a passkey")
PERSON_PASSKEY_REMOVED = register("person.passkey_removed", "removed a passkey")
PERSON_PASSKEY_USED = register("person.passkey_used", "signed with a passkey")
PERSON_REAUTHENTICATED = register("person.reauthenticated", "gave the password again, to administer")
PERSON_REAUTHENTICATION_FAILED = register(
    "person.reauthentication_failed", "gave a wrong password when asked for it again, to administer"
)

GROUP_CREATED = register("group.created", "created the reviewer group")
GROUP_UPDATED = register("group.updated", "updated the reviewer group's record")
MEMBERSHIP_ADDED = register("membership.added", "added a member to the group")
MEMBERSHIP_REMOVED = register("membership.removed", "removed a member from the group")

GRANT_GIVEN = register("grant.given", "assigned a role")
GRANT_REVOKED = register("grant.revoked", "revoked a role")
GRANT_EXPIRED = register("grant.expired", "ended a role that expired")

ACCESS_REQUESTED = register("access.requested", "requested a role")
ACCESS_GRANTED = register("access.granted", "granted the requested role")
ACCESS_DENIED = register("access.denied", "denied the requested role")
ACCESS_WITHDRAWN = register("access.withdrawn", "withdrew the request for a role")
ACCESS_LAPSED = register("access.lapsed", "closed a request for a role that was not answered in time")

TOKEN_ISSUED = register("token.issued", "issued an access token")
TOKEN_REVOKED = register("token.revoked", "revoked an access token")

CHANGE_PROPOSED = register("change.proposed", "proposed a change that needs a second person")
CHANGE_CONFIRMED = register("change.confirmed", "confirmed the proposed change")
CHANGE_REJECTED = register("change.rejected", "rejected the proposed change")
CHANGE_WITHDRAWN = register("change.withdrawn", "withdrew the proposed change")
CHANGE_EXPIRED = register("change.expired", "closed the proposed change, because it was not confirmed in time")

VERIFICATION_KEY_ADDED = register("verification_key.added", "added the verification key")
VERIFICATION_KEY_REVOKED = register("verification_key.revoked", "revoked the verification key")

INSTANCE_CREATED = register("instance.created", "recorded the set-up of this installation")
SETUP_CONFIRMED = register("instance.setup_confirmed", "confirmed the set-up of this installation")
SINGLE_OFFICER_DECLARED = register(
    "instance.single_officer_declared", "declared that this installation has a single officer"
)
SINGLE_OFFICER_ENDED = register(
    "instance.single_officer_ended", "declared that this installation has more than one officer again"
)

PROTECTED_ALIAS_CHANGED = register("lifecycle.alias_changed", "changed the protection of an alias")
LIFECYCLE_INSTALLED = register("lifecycle.installed", "installed the lifecycle")

MODEL_REGISTERED = register("model.registered", "registered the model")
MODEL_UPDATED = register("model.updated", "updated the model")
MODEL_IMPORTED = register("model.imported", "imported the model from another registry")
MODEL_ARCHIVED = register("model.archived", "archived the model")
MODEL_RENAMED = register("model.renamed", "renamed the model for MLflow clients")
MODEL_DELETED = register("model.deleted", "deleted the model, of which nothing was ever governed")
MODEL_REACTIVATED = register("model.reactivated", "reactivated the model")

MODEL_ASSESSED = register("model.assessed", "assessed the model's risk")
MODEL_TIER_LOWERED = register("model.tier_lowered", "confirmed a less strict risk tier of the model")
QUESTIONNAIRE_PUBLISHED = register("questionnaire.published", "published a revision of the questionnaire")
REVIEW_RECORDED = register("review.recorded", "recorded a periodic review of the model")
REVIEW_ADVANCED = register("review.advanced", "brought the model's periodic review forward")
REVIEW_REMINDED = register("review.reminded", "reminded the owner of the model's periodic review")

VERSION_IMPORTED = register("version.imported", "imported the version from another registry")
VERSION_DECLARED = register("version.declared", "declared a version")
VERSION_REGISTERED = register("version.registered", "registered the version")
VERSION_UPDATED = register("version.updated", "updated the version's description, notes or tags")
ARTIFACT_ATTACHED = register("artifact.attached", "attached a file to a version registered by its source")
VERSION_DELETED = register("version.deleted", "deleted the version, of which nothing was ever governed")
VERSION_ABANDONED = register("version.abandoned", "abandoned the version: its files were not uploaded")
ARTIFACT_STORED = register("artifact.stored", "stored a file of the version")
ARTIFACT_REFUSED = register("artifact.refused", "refused an uploaded file, because it was not the declared one")
METRICS_ADDED = register("metric.added", "added metrics to the version")
CARD_ADDED = register("card.added", "added a revision of the model card")
EVIDENCE_ADDED = register("evidence.added", "added evidence to the version")
ARTIFACT_DOWNLOADED = register("artifact.downloaded", "downloaded a file of the version")
EVIDENCE_DOWNLOADED = register("evidence.downloaded", "downloaded evidence of the version")
