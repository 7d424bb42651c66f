"""Errors of decisions, roles, accounts and change proposals."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

PEOPLE: Final[dict[str, ProblemType]] = {
    "already_decided": ProblemType(
        "You have already decided",
        "A decision cannot be edited; it lapses when the signed content changes.",
        "Wait until the request changes, or ask another reviewer.",
    ),
    "separation_of_duties": ProblemType(
        "The separation of duties excludes you",
        "The people who requested the promotion, registered or trained the version, or are behind the CI run, cannot "
        "approve it. Superusers and service accounts can never approve.",
        "Ask one of the people in `who_can`.",
    ),
    "not_a_reviewer": ProblemType(
        "You are not in a reviewer group of the policy",
        "Only members of the groups named in the policy decide.",
        "Ask one of the people in `who_can`.",
    ),
    "no_delegation": ProblemType(
        "There is no such delegation in effect",
        "A decision in another member's place needs a delegation from them to you that is in effect and covers the "
        "model and its tier.",
        "Decide in your own place, or ask the member to delegate to you.",
    ),
    "delegation_chain": ProblemType(
        "A delegation is not passed on",
        "In its period the delegate cannot delegate, and the delegator cannot decide for others.",
        "Choose another person, or days that do not overlap.",
    ),
    "already_delegated": ProblemType(
        "There is such a delegation already",
        "One delegation at a time between the same two people.",
        "Revoke the existing one to grant another.",
    ),
    "delegation_ended": ProblemType("The delegation has ended", "A delegation ends once.", "No action is needed."),
    "packet_changed": ProblemType(
        "The request changed while you were reading",
        "A decision signs the content that was shown, and the content has changed since.",
        "Review the changes, then decide again.",
    ),
    "review_not_open": ProblemType(
        "Review has not opened",
        "Approvals are accepted when all checks are completed and all required checks are satisfied.",
        "`requirements` lists what is missing.",
    ),
    "comes_later": ProblemType(
        "Your group decides later",
        "The policy requires the approval of other groups first.",
        "Wait until they have approved.",
    ),
    "already_granted": ProblemType(
        "The role is already assigned", "The requested state exists already.", "No action is needed."
    ),
    "already_revoked": ProblemType(
        "It is already revoked", "The requested state exists already.", "No action is needed."
    ),
    "others_rights": ProblemType(
        "You cannot read other people's permissions",
        "Only people who assign roles on the model, auditors and officers can read them.",
        "Query your own permissions, or ask one of the people in `who_can`.",
    ),
    "last_owner": ProblemType(
        "Every model needs an owner",
        "The role of the last active owner cannot be revoked.",
        "Make another person owner first, without an end date.",
    ),
    "already_asked": ProblemType(
        "You have an open request",
        "A person can have one open request per model.",
        "Withdraw it to create another one.",
    ),
    "too_many_open": ProblemType(
        "You have too many open requests",
        "The number of open requests per person is limited.",
        "Withdraw some of them.",
    ),
    "already_answered": ProblemType("It was already answered", "A request is answered once.", "Read the answer."),
    "over": ProblemType(
        "The requested period has ended", "The role would end before it begins.", "Deny the request, or let it lapse."
    ),
    "somebody_elses": ProblemType(
        "This is another person's request", "Only the requester can withdraw it.", "Grant or deny it, if you may."
    ),
    "already_a_member": ProblemType(
        "The person is already a member", "The requested state exists already.", "No action is needed."
    ),
    "second_person_required": ProblemType(
        "The change needs a second person",
        "Changes of policies, questionnaires, governing roles, approver groups and lower risk tiers take effect when a "
        "second person signs them. Only the set-up of a new installation is exempt, until two officers confirm it.",
        "Propose the change; another officer confirms it on its page.",
    ),
    "already_proposed": ProblemType(
        "This change is already proposed",
        "Only one proposal of each kind can be open for the same object.",
        "Confirm, reject or withdraw the open proposal first.",
    ),
    "proposal_closed": ProblemType(
        "The proposal is closed",
        "It was confirmed, rejected or withdrawn, or it expired after 30 days.",
        "Propose the change again if it is still needed.",
    ),
    "proposal_changed": ProblemType(
        "The proposal that was read is a different one",
        "The digest in the request is not that of the proposal. A signature applies to the content that was read.",
        "Read the proposal again, then confirm it.",
    ),
    "not_a_confirmer": ProblemType(
        "This person cannot confirm the change",
        "Each kind of change is confirmed by people with a specific role.",
        "Ask one of the people in `who_can`.",
    ),
    "already_scheduled": ProblemType(
        "A change of the policy is scheduled",
        "A policy has one scheduled change at a time, so that it is certain what applies when.",
        "Wait until it is in force, or cancel it on the page of the policy.",
    ),
    "nothing_scheduled": ProblemType(
        "No change of the policy is scheduled",
        "Only a change that has not begun can be cancelled.",
        "Propose a revision, or the retirement of the policy.",
    ),
    "policy_not_in_force": ProblemType(
        "No revision of the policy is in force",
        "Only a policy in force can be retired.",
        "No action is needed; a scheduled revision can be cancelled.",
    ),
    "policy_changed": ProblemType(
        "Another revision is in force",
        "The retirement was proposed for the revision that was in force then.",
        "Reject the proposal, and propose the retirement again.",
    ),
    "unchanged_policy": ProblemType(
        "The policy in force has the same content",
        "A new revision must differ from the one in force.",
        "Change the text, or cancel.",
    ),
    "unchanged_questionnaire": ProblemType(
        "The questionnaire in force is identical",
        "A new revision must differ from the one in force.",
        "Change the text, or cancel.",
    ),
    "several_officers": ProblemType(
        "There are several officers",
        "A single officer can be declared only while there is exactly one officer.",
        "Use two officers: one proposes, the other confirms.",
    ),
    "one_officer": ProblemType(
        "There is only one officer",
        "Changes can require two officers only if there are two officers.",
        "Appoint a second officer first.",
    ),
    "already_recorded": ProblemType(
        "The account is already recorded as this",
        "Who owns or uses a service account is recorded once for each person.",
        "No action is needed. End the existing record first to enter another one.",
    ),
    "password_not_own": ProblemType(
        "The password was set by another person",
        "A password that another person set can be used to sign in, but not to sign decisions or to issue tokens.",
        "Ask an administrator for a sign-in link, and set your own password.",
    ),
    "signing_locked": ProblemType(
        "Signing with the account is locked",
        "After repeated wrong passwords or codes an account cannot sign.",
        "Ask an administrator to unlock it.",
    ),
    "not_locked": ProblemType(
        "Signing with the account is not locked",
        "Only an account that is locked for signing can be unlocked.",
        "No action is needed.",
    ),
    "second_factor_required": ProblemType(
        "A second factor is required",
        "The installation requires an authenticator app for every signature.",
        "Enrol one on your profile, then sign.",
    ),
    "second_factor_unreadable": ProblemType(
        "The second factor cannot be read",
        "The secret key of the installation changed since the enrolment, and the old key is not a fallback.",
        "Ask an administrator to reset the second factor, then enrol again.",
    ),
    "no_second_factor": ProblemType(
        "The account has no second factor",
        "Only an enrolled second factor can be removed or reset.",
        "No action is needed.",
    ),
    "already_enrolled": ProblemType(
        "A second factor is enrolled already",
        "An account has one second factor.",
        "Remove it before you enrol another device.",
    ),
    "no_passkey": ProblemType(
        "The account has no passkey",
        "A decision was to be signed with a passkey, and none is enrolled.",
        "Enrol a passkey on the page of your second factor, or sign with your password.",
    ),
    "too_many_passkeys": ProblemType(
        "The account has as many passkeys as it can have",
        "The number of passkeys of an account is limited.",
        "Remove a passkey that you do not use.",
    ),
    "passkey_changed": ProblemType(
        "The passkey was removed or used in this moment",
        "Another request changed the passkey while the decision was recorded. Nothing was signed.",
        "Sign again.",
    ),
    "statement_expired": ProblemType(
        "The prepared statement has expired",
        "A passkey signs a prepared statement within 5 minutes, once.",
        "Sign again.",
    ),
    "statement_changed": ProblemType(
        "A fact of the signed statement changed",
        "What the passkey signed is not what would be recorded now. Nothing was signed.",
        "Look at the request again, then sign again.",
    ),
    "enrolment_expired": ProblemType(
        "The enrolment has expired",
        "An enrolment is completed within 15 minutes, by the person who began it.",
        "Begin again with a new key.",
    ),
    "membership_over": ProblemType(
        "The membership would already have ended",
        "The end of the proposed membership passed before the proposal was confirmed.",
        "Propose the membership again with a later end.",
    ),
    "link_refused": ProblemType(
        "The link cannot be used",
        "A sign-in link works once, for 24 hours, while its account is active and no newer link was made.",
        "Ask an administrator for another link.",
    ),
    "tier_changed": ProblemType(
        "The risk tier was changed in the meantime",
        "A proposal of a lower tier refers to the tier and the assessment at that time.",
        "Assess the model again and propose the lower tier again.",
    ),
    "self_grant": ProblemType(
        "You cannot assign a role to yourself",
        "Roles are assigned by another person.",
        "Ask another person who may assign the role.",
    ),
    "own_account": ProblemType(
        "You cannot deactivate or reactivate your own account",
        "Another person has to do this.",
        "Ask an administrator.",
    ),
    "own_token": ProblemType(
        "Tokens are personal", "A token acts in the name of its person.", "Ask the person to issue it."
    ),
    "superuser_required": ProblemType(
        "Only a superuser may do this", "It concerns administrative accounts.", "Ask a superuser."
    ),
    "sign_in_failed": ProblemType(
        "User name or password is incorrect",
        "The error does not disclose which of the two.",
        "Try again, or have the password reset.",
    ),
    "too_many_attempts": ProblemType(
        "Too many attempts", "There were too many sign-in attempts.", "Wait for the time given in `detail`."
    ),
    "unchanged": ProblemType("Nothing to change", "The requested state exists already.", "No action is needed."),
}
