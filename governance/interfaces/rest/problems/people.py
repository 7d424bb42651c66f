"""Errors of decisions, roles, accounts and change proposals."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

PEOPLE: Final[dict[str, ProblemType]] = {
    "already_decided": ProblemType(
        "You have decided already",
        "A decision is not edited; it lapses when what it signed changes.",
        "Wait until the request changes, or ask another reviewer.",
    ),
    "separation_of_duties": ProblemType(
        "The separation of duties keeps you out",
        "Whoever asked for, registered or trained a version, or is behind the CI run, does not approve it; superusers "
        "and service accounts never do.",
        "`who_can` names those who may.",
    ),
    "not_a_reviewer": ProblemType(
        "The policy calls on others",
        "Decisions come from members of the groups the policy names.",
        "`who_can` names them.",
    ),
    "packet_changed": ProblemType(
        "The request changed while you were reading",
        "A decision signs what was shown, and that is no longer what is there.",
        "Look at what changed, then decide again.",
    ),
    "review_not_open": ProblemType(
        "Review has not opened",
        "Approving opens when every check is completed and every required one is satisfied.",
        "`requirements` lists what is left.",
    ),
    "comes_later": ProblemType(
        "Your group comes later",
        "The policy asks other groups first.",
        "Wait until they are done.",
    ),
    "already_granted": ProblemType("The role is held already", "What is asked for is so.", "Nothing has to be done."),
    "already_revoked": ProblemType("It was revoked already", "What is asked for is so.", "Nothing has to be done."),
    "others_rights": ProblemType(
        "What others may do is not for everybody",
        "Those who give roles on the model, auditors and officers read it.",
        "Ask for your own rights, or one of those `who_can` names.",
    ),
    "last_owner": ProblemType(
        "Somebody answers for every model",
        "The last active owner's role is not taken back.",
        "Make somebody else its owner first, without an end.",
    ),
    "already_asked": ProblemType(
        "Your request waits already", "One request of a person for a model waits at a time.", "Withdraw it to ask anew."
    ),
    "too_many_open": ProblemType(
        "Too many of your requests wait", "Asking is no way to search.", "Withdraw those you no longer need."
    ),
    "already_answered": ProblemType("It was answered already", "A request is answered once.", "Read the answer."),
    "over": ProblemType(
        "The time asked for is over", "A role would end before it begins.", "Deny the request, or let it lapse."
    ),
    "somebody_elses": ProblemType(
        "It is somebody else's request", "Whoever asked withdraws it.", "Answer it, if you may."
    ),
    "already_a_member": ProblemType(
        "The person is a member already", "What is asked for is so.", "Nothing has to be done."
    ),
    "second_person_required": ProblemType(
        "The change needs a second person",
        "Changes of policies, questionnaires, governing roles, approver groups and lower risk tiers take effect when a "
        "second person signs them. Only the set-up of a new installation is exempt, until two officers confirm it.",
        "Propose the change; another officer confirms it on its page.",
    ),
    "already_proposed": ProblemType(
        "Such a change is proposed already",
        "One proposal of a kind is open for a subject at a time.",
        "Confirm, reject or withdraw the open proposal first.",
    ),
    "proposal_closed": ProblemType(
        "The proposal is closed",
        "It was confirmed, rejected, withdrawn, or its 30 days are over.",
        "Propose the change again if it is still needed.",
    ),
    "proposal_changed": ProblemType(
        "Another proposal was read",
        "The digest sent is not that of the proposal: a signature belongs to what was read.",
        "Read the proposal again, then confirm it.",
    ),
    "not_a_confirmer": ProblemType(
        "This person cannot confirm the change",
        "Each kind of change is confirmed by people of a certain role.",
        "Ask one of the people in `who_can`.",
    ),
    "unchanged_policy": ProblemType(
        "The policy in force has the same content",
        "A revision differs from the one in force.",
        "Change the policy, or leave it.",
    ),
    "unchanged_questionnaire": ProblemType(
        "The questionnaire in force says exactly that",
        "A revision differs from the one in force.",
        "Change the questionnaire, or leave it.",
    ),
    "several_officers": ProblemType(
        "There are several officers",
        "A single officer can be declared only while there is one.",
        "Let two officers confirm changes together.",
    ),
    "one_officer": ProblemType(
        "There is one officer",
        "Two officers are required before changes need two.",
        "Appoint a second officer first.",
    ),
    "already_recorded": ProblemType(
        "The account is recorded as such already",
        "Who owns or uses a service account is recorded once for each person.",
        "Nothing is left to do; end the record first to enter another one.",
    ),
    "password_not_own": ProblemType(
        "The password was set by another person",
        "A password that another person set lets its holder sign in and nothing more: it makes no signature, issues no "
        "token.",
        "Ask an administrator for a sign-in link, and set a password of your own.",
    ),
    "membership_over": ProblemType(
        "The membership would be over already",
        "The end of the proposed membership passed before the proposal was confirmed.",
        "Propose the membership again with a later end.",
    ),
    "link_refused": ProblemType(
        "The link cannot be used",
        "A sign-in link works once, for 24 hours, while its account is active and no newer link was made.",
        "Ask an administrator for another link.",
    ),
    "tier_changed": ProblemType(
        "The risk tier was changed meanwhile",
        "A lower tier is proposed against the tier and the assessment the model had then.",
        "Assess the model again and propose the lower tier again.",
    ),
    "self_grant": ProblemType(
        "You cannot assign a role to yourself",
        "Roles are assigned by another person.",
        "Ask another person who may assign it.",
    ),
    "own_account": ProblemType(
        "You cannot deactivate or reactivate your own account", "Another person does.", "Ask an administrator."
    ),
    "own_token": ProblemType(
        "Tokens are their person's own", "A token acts in its person's name.", "Let them issue it."
    ),
    "superuser_required": ProblemType(
        "Only a superuser does that", "It concerns accounts that administer.", "Ask a superuser."
    ),
    "sign_in_failed": ProblemType(
        "User name or password is incorrect",
        "The answer does not say which of the two.",
        "Try again, or have the password reset.",
    ),
    "too_many_attempts": ProblemType(
        "Too many attempts", "Signing in was tried too often.", "Wait as long as `detail` says."
    ),
    "unchanged": ProblemType("It is so already", "What is asked for is so.", "Nothing has to be done."),
}
