"""The catalogue of problem types: what each `code` means and what to do. Its pages are what `type` points at.

A test holds it complete: every code a refusal of the product carries is here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from django.conf import settings

from governance.api.conf import PREFIX


class Type(NamedTuple):
    """A problem type: its title (RFC 9457: the same at every occurrence), its meaning, and the way out."""

    title: str
    meaning: str
    way_out: str


CATALOGUE: Final[dict[str, Type]] = {
    # --- the request as HTTP ---
    "bad_request": Type(
        "The request could not be read",
        "The request breaks a rule of HTTP, or was cut off before its end.",
        "Send it again, whole; `detail` says what was wrong.",
    ),
    "malformed_json": Type(
        "The body is not acceptable JSON",
        "Bodies are UTF-8 JSON that every reader reads alike (RFC 8259, RFC 7493): no NaN, no integers beyond 2^53-1, "
        "no member twice, no NUL and no lone surrogates in text, at most 32 levels.",
        "Correct what `errors` points at.",
    ),
    "invalid_request": Type(
        "The request has another form than this operation takes",
        "A member is missing, unknown, or of another type. Types are strict: the text “1” is not the number 1.",
        "Correct what `errors` points at; /api/v1/schema describes every operation.",
    ),
    "invalid_input": Type(
        "A value breaks a rule",
        "The form is right, and what it says is not allowed, such as a name in use or a digest of another file.",
        "Correct what `errors` points at.",
    ),
    "invalid_query": Type(
        "The query cannot be read",
        "`q` is written in the query language of the registry, and holds a word or a value it does not have. A filter "
        "that silently did nothing would show too much, so nothing was searched for.",
        "`errors` says where (`offset`, `length`), what may stand there (`allowed`) and what was probably meant; the "
        "page /search/help/ has every word with examples.",
    ),
    "not_found": Type(
        "There is nothing here that you can see",
        "The address is of nothing, or of something you may not see: the answer is the same, so that it tells nothing.",
        "Check the address; ask an owner of the model for a role on it.",
    ),
    "method_not_allowed": Type(
        "The address does not take this method",
        "What is here is not changed or read this way.",
        "Use one of the methods the `Allow` header names.",
    ),
    "unsupported_media_type": Type(
        "The body is of another media type than this operation takes",
        "Documents are `application/json`; files are sent as they are, never as forms.",
        "Set `Content-Type` accordingly.",
    ),
    "length_required": Type(
        "The body's length must be known beforehand",
        "A body that ends where the connection does could have been cut off unnoticed.",
        "Send `Content-Length`.",
    ),
    "too_large": Type(
        "The body is too large",
        "Documents and files have limits; `detail` says which applies.",
        "Send large content as a file of the version.",
    ),
    "too_slow": Type(
        "The request did not arrive in time",
        "A body has to arrive within seconds, at a lowest rate, before it is looked at. Where one address sends many "
        "bodies at once, the oldest unfinished one gives way to a new one.",
        "Send it again; send fewer requests at a time.",
    ),
    "precondition_required": Type(
        "The request must say which revision it is about",
        "Changing what somebody else may have changed meanwhile needs `If-Match` (RFC 6585).",
        "Read the object and send its `ETag` as `If-Match`.",
    ),
    "stale_revision": Type(
        "It was changed since you read it",
        "`If-Match` names another revision than the present one.",
        "Read it again, look at what changed, and repeat what you still want.",
    ),
    "idempotency_key_reused": Type(
        "The idempotency key was used for another request",
        "A key stands for one request; this one has another body or another address.",
        "Make a new key for a new request.",
    ),
    "idempotency_in_progress": Type(
        "The first request with this idempotency key is still being answered",
        "Two requests with one key came at the same time; one of them is being carried out.",
        "Wait as `Retry-After` says and send it again: you get the first one's answer.",
    ),
    "rate_limited": Type(
        "Too many requests",
        "This token made more requests than it may in the time `RateLimit-Policy` names.",
        "Wait as `Retry-After` says. To follow a promotion, use `?wait=25` instead of asking often.",
    ),
    "server_error": Type(
        "Something broke on our side",
        "The fault is in the log under `request_id`. Nothing was changed.",
        "Try again; if it stays, give whoever runs this server the `request_id`.",
    ),
    "unavailable": Type(
        "The database is away or busy",
        "Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
    "rendering_failed": Type(
        "The PDF could not be prepared",
        "Drawing the file failed; `detail` has the reason. The failure is kept for ten minutes.",
        "Read the page or the JSON, which hold all of it, or try again later.",
    ),
    "too_many_renderings": Type(
        "Too many PDF files are being prepared",
        "A person may have five files waiting at a time.",
        "Wait until one of them is done.",
    ),
    "storage_unavailable": Type(
        "The store of files is away or busy",
        "The bucket that files are kept in does not answer. Nothing was changed.",
        "Try again after `Retry-After` seconds.",
    ),
    # --- who asks ---
    "not_signed_in": Type(
        "Sign in with an access token",
        "The request carries no `Authorization: Bearer` header.",
        "Make a token on the page “Access tokens” and send it with every request.",
    ),
    "token_refused": Type(
        "The access token was not accepted",
        "It is malformed, unknown, expired or revoked, or its person's account is closed. Which it was is told to "
        "nobody.",
        "Make a new token; the page “Access tokens” shows when yours end.",
    ),
    "not_permitted": Type(
        "You may not do that",
        "You can see it, and lack the role for this.",
        "`who_can` names people who may do it or give you the role.",
    ),
    "missing_scope": Type(
        "The token was not issued for that",
        "A token has scopes, and the one this needs is not among them.",
        "Use a token with the scope `detail` names.",
    ),
    "token_limited": Type(
        "The token is limited to other models",
        "A token may be limited to models by name, and this one is not among them.",
        "Use a token for this model.",
    ),
    "inactive": Type(
        "The account is deactivated",
        "Whoever answers for this token has a deactivated account.",
        "An administrator can reactivate it.",
    ),
    "person_required": Type(
        "A person has to do that",
        "No token and no system process may do this.",
        "Sign in to the pages.",
    ),
    "accountability": Type(
        "Owners and officers change who answers for a model",
        "Owner, accountable executive, and risk tier decide who answers and which policy is in force.",
        "Ask one of those `who_can` names.",
    ),
    "tokens_do_not_decide": Type(
        "No token decides on a promotion request",
        "A decision is signed by a person, signed in, with the password given again; whoever is behind a CI run does "
        "not count (SoD-3).",
        "Reviewers decide on the request's page, which `detail` names.",
    ),
    # --- the state of things ---
    "not_now": Type(
        "Not now",
        "The state of things does not allow it yet, or no longer.",
        "`detail` says what has to happen first.",
    ),
    "conflict": Type(
        "Something is in the way",
        "What exists already excludes what is asked.",
        "`detail` names it.",
    ),
    "refused": Type("Refused", "A rule of the product does not allow it.", "`detail` says which and what to do."),
    "already_open": Type(
        "A request for this version and target is open",
        "One version has at most one open request for a target.",
        "Follow the one in `existing`, or withdraw it first.",
    ),
    "already_there": Type(
        "The version is there already",
        "What is asked for is so.",
        "Nothing has to be done.",
    ),
    "illegal_move": Type(
        "The lifecycle has no such move",
        "Versions move between stages along the lifecycle's moves only.",
        "`detail` names the stages that can be reached from here.",
    ),
    "model_incomplete": Type(
        "The model lacks what a promotion needs",
        "A model without an owner or a risk tier enters no protected stage: nobody would answer, no policy would fit.",
        "Set what `detail` names.",
    ),
    "alias_protected": Type(
        "The alias is protected",
        "Callers follow a protected alias blindly, so it never points nowhere; it moves by promotion request only.",
        "Ask for a promotion that points it at another version.",
    ),
    "version_registering": Type(
        "The version is not registered yet",
        "Its files are not all there, or it was not completed.",
        "Upload the files and complete the version.",
    ),
    "version_abandoned": Type(
        "The version was given up",
        "Its files never came: a version whose files are not all stored after some days is given up, and takes none.",
        "Declare it again, as a new version.",
    ),
    "send_again": Type(
        "The bytes were removed before they belonged to anything",
        "Bytes that nothing refers to are removed after some days, and these were, at this very moment.",
        "Send the file again.",
    ),
    "version_registered": Type(
        "The version is registered, and its files are fixed",
        "What a registered version was declared with never changes; one that was registered by its source alone takes "
        "files until it enters a protected stage.",
        "Declare a new version.",
    ),
    "not_proved": Type(
        "The token does not prove who runs the command",
        "A command that acts for an officer needs an access token of theirs, valid, and not limited to some models.",
        "Give such a token, or the officer's password.",
    ),
    "review_needed": Type(
        "The version takes files only with a request to approve it again",
        "A version that an import put in a protected stage or behind a protected alias accepts no file that nobody "
        "reviews: attaching one opens a promotion request for the place it holds.",
        "Attach the file as somebody who may ask for promotions.",
    ),
    "file_unapproved": Type(
        "No promotion covers the file",
        "It was attached after the version was put in a protected stage or behind a protected alias, so it is no part "
        "of what is served from there.",
        "Have the version approved again; or read the file for a review, with `unapproved=true`.",
    ),
    "file_attached": Type(
        "The version has another file under this path",
        "A version that was registered by its source alone gets each of its files once.",
        "Register a new version for other bytes.",
    ),
    "files_missing": Type(
        "Files of the version are missing",
        "A version is registered when every file it declared is stored.",
        "Upload those that `requirements` lists, then complete the version again.",
    ),
    "model_archived": Type(
        "The model is archived",
        "An archived model takes no versions and no promotion requests.",
        "An owner or an officer can make it active again.",
    ),
    "name_contended": Type(
        "The name was being registered by another request",
        "Two requests registered the same name, or names that look alike, and neither has it now.",
        "Send the request again.",
    ),
    "ambiguous_dataset": Type(
        "Several datasets have this digest",
        "A commit or a version names a state that holds several datasets, so it does not tell them apart.",
        "Ask for one by its identity; `detail` lists them.",
    ),
    "model_in_use": Type(
        "A version of the model is in a protected stage",
        "A model is archived when nothing of it is in use.",
        "Ask for the versions that `detail` names to leave; then archive the model.",
    ),
    "protection_stays": Type(
        "Protection is not lowered by a variable",
        "COUNTERSIGN_PROTECTED=none makes a new instance in which nothing is protected; it opens none that exists.",
        "Take the variable out of the environment, or set up another instance.",
    ),
    "no_questionnaire": Type(
        "No questionnaire is published",
        "A model is assessed by the questionnaire in force, and there is none.",
        "An officer must publish one.",
    ),
    "questionnaire_changed": Type(
        "Another revision of the questionnaire is in force",
        "Answers are to the questions in force.",
        "Read the questionnaires and answer the newest.",
    ),
    "laxer_tier": Type(
        "A laxer tier is not yours to set",
        "Stricter is free. Laxer than the answers give is for officers, laxer than it is for owners, too.",
        "Ask one of those `who_can` names.",
    ),
    "lifecycle_missing": Type(
        "No lifecycle is installed",
        "The installation is not set up, so a version has no stage to begin in.",
        "An administrator must finish the setup.",
    ),
    "tier_not_assessed": Type(
        "The risk tier is declared, not assessed",
        "Policies for protected targets require a tier that rests on answers to the questionnaire, unless they state "
        "otherwise (`requires_assessed_tier`).",
        "Assess the model: on its page, or by POST to its assessments.",
    ),
    "no_policy": Type(
        "No policy covers this target",
        "A protected target is reached under a policy only, and no policy is not consent.",
        "An officer must publish one.",
    ),
    "not_ready": Type(
        "The request is not ready",
        "Requirements of the policy are unmet.",
        "`requirements` lists them, each with how it is fulfilled and by whom.",
    ),
    "request_closed": Type(
        "The request is closed",
        "It was promoted, rejected, withdrawn, superseded, or its time ran out.",
        "Open a new request to ask again.",
    ),
    "not_yours": Type(
        "Only whoever opened the request, or edits the model, may withdraw it",
        "Withdrawing ends other people's work on it.",
        "Ask one of those `who_can` names.",
    ),
    # --- bringing what another registry holds: the import command's ---
    "import_only": Type(
        "Only the import records what was promoted before governance",
        "It puts a version where it stood elsewhere, approved by nobody here; a named officer runs the import command.",
        "Ask for a promotion.",
    ),
    "not_claimed": Type(
        "No import record says so",
        "A place that no source claims for the version is not taken over.",
        "Ask for a promotion.",
    ),
    "place_taken": Type(
        "What was decided here stays",
        "Another version holds the place by a decision taken here, and an import undoes none.",
        "Ask for the promotion of the version that is to stand there.",
    ),
    "governed_already": Type(
        "The version's place is decided here",
        "It has been promoted here, so what it was elsewhere no longer counts.",
        "Ask for a promotion.",
    ),
    "not_protected": Type(
        "The alias is free",
        "A free alias is pointed without a promotion, so there is nothing to take over.",
        "Set it as any alias is set.",
    ),
    "number_taken": Type(
        "The version number was used here",
        "Versions are brought in the order of their numbers, and no number is used twice.",
        "Bring the model under another name, with --prefix, to keep all its numbers.",
    ),
    "ambiguous_policy": Type(
        "Two policies would cover the same target",
        "Which one governs would be left to chance.",
        "Give one of them another priority.",
    ),
    "policies_conflict": Type(
        "Two policies cannot be satisfied together",
        "More than one policy governs the request, and they give one check parameters that no single run satisfies.",
        "Ask an officer to publish a revision that gives both policies the same parameters for the check.",
    ),
    # --- decisions, roles and accounts: taken on the pages ---
    "already_decided": Type(
        "You have decided already",
        "A decision is not edited; it lapses when what it signed changes.",
        "Wait until the request changes, or ask another reviewer.",
    ),
    "separation_of_duties": Type(
        "The separation of duties keeps you out",
        "Whoever asked for, registered or trained a version, or is behind the CI run, does not approve it; superusers "
        "and service accounts never do.",
        "`who_can` names those who may.",
    ),
    "not_a_reviewer": Type(
        "The policy calls on others",
        "Decisions come from members of the groups the policy names.",
        "`who_can` names them.",
    ),
    "packet_changed": Type(
        "The request changed while you were reading",
        "A decision signs what was shown, and that is no longer what is there.",
        "Look at what changed, then decide again.",
    ),
    "review_not_open": Type(
        "Review has not opened",
        "Approving opens when every check has answered and every required one is satisfied.",
        "`requirements` lists what is left.",
    ),
    "comes_later": Type(
        "Your group comes later",
        "The policy asks other groups first.",
        "Wait until they are done.",
    ),
    "already_granted": Type("The role is held already", "What is asked for is so.", "Nothing has to be done."),
    "already_revoked": Type("It was revoked already", "What is asked for is so.", "Nothing has to be done."),
    "others_rights": Type(
        "What others may do is not for everybody",
        "Those who give roles on the model, auditors and officers read it.",
        "Ask for your own rights, or one of those `who_can` names.",
    ),
    "last_owner": Type(
        "Somebody answers for every model",
        "The last active owner's role is not taken back.",
        "Make somebody else its owner first, without an end.",
    ),
    "already_asked": Type(
        "Your request waits already", "One request of a person for a model waits at a time.", "Withdraw it to ask anew."
    ),
    "too_many_open": Type(
        "Too many of your requests wait", "Asking is no way to search.", "Withdraw those you no longer need."
    ),
    "already_answered": Type("It was answered already", "A request is answered once.", "Read the answer."),
    "over": Type(
        "The time asked for is over", "A role would end before it begins.", "Deny the request, or let it lapse."
    ),
    "somebody_elses": Type("It is somebody else's request", "Whoever asked withdraws it.", "Answer it, if you may."),
    "already_a_member": Type("The person is a member already", "What is asked for is so.", "Nothing has to be done."),
    "second_person_required": Type(
        "The change needs a second person",
        "Changes of policies, questionnaires, governing roles, approver groups and lower risk tiers take effect when a "
        "second person signs them. Only the set-up of a new installation is exempt, until two officers confirm it.",
        "Propose the change; another officer confirms it on its page.",
    ),
    "already_proposed": Type(
        "Such a change is proposed already",
        "One proposal of a kind is open for a subject at a time.",
        "Confirm, reject or withdraw the open proposal first.",
    ),
    "proposal_closed": Type(
        "The proposal is closed",
        "It was confirmed, rejected, withdrawn, or its 30 days are over.",
        "Propose the change again if it is still needed.",
    ),
    "proposal_changed": Type(
        "Another proposal was read",
        "The digest sent is not that of the proposal: a signature belongs to what was read.",
        "Read the proposal again, then confirm it.",
    ),
    "not_a_confirmer": Type(
        "This person cannot confirm the change",
        "Each kind of change is confirmed by people of a certain role.",
        "Ask one of the people in `who_can`.",
    ),
    "unchanged_policy": Type(
        "The policy in force says exactly that",
        "A revision differs from the one in force.",
        "Change the policy, or leave it.",
    ),
    "unchanged_questionnaire": Type(
        "The questionnaire in force says exactly that",
        "A revision differs from the one in force.",
        "Change the questionnaire, or leave it.",
    ),
    "several_officers": Type(
        "There are several officers",
        "A single officer can be declared only while there is one.",
        "Let two officers confirm changes together.",
    ),
    "one_officer": Type(
        "There is one officer",
        "Two officers are required before changes need two.",
        "Appoint a second officer first.",
    ),
    "already_recorded": Type(
        "The account is recorded as such already",
        "Who owns or uses a service account is recorded once for each person.",
        "Nothing is left to do; end the record first to enter another one.",
    ),
    "password_not_own": Type(
        "The password was set by another person",
        "A password that another person set lets its holder sign in and nothing more: it makes no signature, issues no "
        "token.",
        "Ask an administrator for a sign-in link, and set a password of your own.",
    ),
    "membership_over": Type(
        "The membership would be over already",
        "The end of the proposed membership passed before the proposal was confirmed.",
        "Propose the membership again with a later end.",
    ),
    "link_refused": Type(
        "The link cannot be used",
        "A sign-in link works once, for 24 hours, while its account is active and no newer link was made.",
        "Ask an administrator for another link.",
    ),
    "tier_changed": Type(
        "The risk tier was changed meanwhile",
        "A lower tier is proposed against the tier and the assessment the model had then.",
        "Assess the model again and propose the lower tier again.",
    ),
    "self_grant": Type(
        "Nobody gives themselves a role", "Roles are given by another person.", "Ask somebody else who may give it."
    ),
    "own_account": Type("Nobody opens or shuts their own account", "Another person does.", "Ask an administrator."),
    "own_token": Type("Tokens are their person's own", "A token acts in its person's name.", "Let them issue it."),
    "superuser_required": Type(
        "Only a superuser does that", "It concerns accounts that administer.", "Ask a superuser."
    ),
    "sign_in_failed": Type(
        "Name or password is wrong", "Which of the two is told to nobody.", "Try again, or have the password reset."
    ),
    "too_many_attempts": Type("Too many attempts", "Signing in was tried too often.", "Wait as long as `detail` says."),
    "unchanged": Type("It is so already", "What is asked for is so.", "Nothing has to be done."),
}

FALLBACK: Final = "refused"


def of(code: str) -> Type:
    """The type of a code; for one the catalogue lacks, that of a plain refusal."""
    return CATALOGUE.get(code, CATALOGUE[FALLBACK])


def url_of(code: str) -> str:
    """The address of a problem type: its page in this product."""
    known = code if code in CATALOGUE else FALLBACK
    return f"{settings.PUBLIC_URL}{PREFIX}/problems/{known}"
