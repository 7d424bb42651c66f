"""Errors that depend on the state of models, versions and requests."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

STATE: Final[dict[str, ProblemType]] = {
    "not_now": ProblemType(
        "Not possible now",
        "The state of things does not allow it yet, or no longer.",
        "`detail` says what has to happen first.",
    ),
    "conflict": ProblemType(
        "Conflict",
        "What exists already excludes what is asked.",
        "`detail` names it.",
    ),
    "refused": ProblemType(
        "Refused", "A rule of the product does not allow it.", "`detail` says which and what to do."
    ),
    "already_open": ProblemType(
        "A request for this version and target is open",
        "One version has at most one open request for a target.",
        "Follow the one in `existing`, or withdraw it first.",
    ),
    "already_there": ProblemType(
        "The version is there already",
        "What is asked for is so.",
        "Nothing has to be done.",
    ),
    "illegal_move": ProblemType(
        "The lifecycle has no such move",
        "Versions move between stages along the lifecycle's moves only.",
        "`detail` names the stages that can be reached from here.",
    ),
    "model_incomplete": ProblemType(
        "The model lacks what a promotion needs",
        "Without an active owner and a risk tier a model enters no protected stage.",
        "Set what `detail` names.",
    ),
    "alias_protected": ProblemType(
        "The alias is protected",
        "Callers follow a protected alias blindly, so it never points nowhere; it moves by promotion request only.",
        "Ask for a promotion that points it at another version.",
    ),
    "version_registering": ProblemType(
        "The version is not registered yet",
        "Its files are not all there, or it was not completed.",
        "Upload the files and complete the version.",
    ),
    "version_abandoned": ProblemType(
        "The version was given up",
        "Its files never came: a version whose files are not all stored after some days is given up, and takes none.",
        "Declare it again, as a new version.",
    ),
    "send_again": ProblemType(
        "The bytes were removed before they belonged to anything",
        "Bytes that nothing refers to are removed after some days, and these were, at this very moment.",
        "Send the file again.",
    ),
    "version_registered": ProblemType(
        "The version is registered, and its files are fixed",
        "What a registered version was declared with never changes; one that was registered by its source alone takes "
        "files until it enters a protected stage.",
        "Declare a new version.",
    ),
    "not_proved": ProblemType(
        "The token does not prove who runs the command",
        "A command that acts for an officer needs an access token of theirs, valid, and not limited to some models.",
        "Give such a token, or the officer's password.",
    ),
    "review_needed": ProblemType(
        "The version takes files only with a request to approve it again",
        "A version that an import put in a protected stage or behind a protected alias accepts no file that nobody "
        "reviews: attaching one opens a promotion request for the place it holds.",
        "Attach the file as somebody who may ask for promotions.",
    ),
    "file_unapproved": ProblemType(
        "No promotion covers the file",
        "It was attached after the version was put in a protected stage or behind a protected alias, so it is no part "
        "of what is served from there.",
        "Have the version approved again; or read the file for a review, with `unapproved=true`.",
    ),
    "file_attached": ProblemType(
        "The version has another file under this path",
        "A version that was registered by its source alone gets each of its files once.",
        "Register a new version for other bytes.",
    ),
    "files_missing": ProblemType(
        "Files of the version are missing",
        "A version is registered when every file it declared is stored.",
        "Upload those that `requirements` lists, then complete the version again.",
    ),
    "model_archived": ProblemType(
        "The model is archived",
        "An archived model takes no versions and no promotion requests.",
        "An owner or an officer can make it active again.",
    ),
    "name_contended": ProblemType(
        "The name was being registered by another request",
        "Two requests registered the same name, or names that look alike, and neither has it now.",
        "Send the request again.",
    ),
    "ambiguous_dataset": ProblemType(
        "Several datasets have this digest",
        "A commit or a version names a state that holds several datasets, so it does not tell them apart.",
        "Ask for one by its identity; `detail` lists them.",
    ),
    "model_in_use": ProblemType(
        "A version of the model is in a protected stage",
        "A model is archived when nothing of it is in use.",
        "Ask for the versions that `detail` names to leave; then archive the model.",
    ),
    "governed": ProblemType(
        "It was governed, so it stays on record",
        "What was ever protected, requested, imported, assessed or referred to is neither deleted nor renamed.",
        "Move its versions to Archived, or have an owner archive the model.",
    ),
    "files_examined": ProblemType(
        "Files of the version are being read",
        "A version is not deleted while a worker reads its files.",
        "Send the request again when that is done.",
    ),
    "protection_stays": ProblemType(
        "Protection is not lowered by a variable",
        "COUNTERSIGN_PROTECTED=none makes a new instance in which nothing is protected; it opens none that exists.",
        "Take the variable out of the environment, or set up another instance.",
    ),
    "no_questionnaire": ProblemType(
        "No questionnaire is published",
        "A model is assessed by the questionnaire in force, and there is none.",
        "An officer must publish one.",
    ),
    "questionnaire_changed": ProblemType(
        "Another revision of the questionnaire is in force",
        "Answers are to the questions in force.",
        "Read the questionnaires and answer the newest.",
    ),
    "laxer_tier": ProblemType(
        "A less strict tier needs another role",
        "A stricter tier is set at once. Officers propose one below the computed tier, owners one below the tier now.",
        "Ask one of those `who_can` names.",
    ),
    "lifecycle_missing": ProblemType(
        "No lifecycle is installed",
        "The installation is not set up, so a version has no stage to begin in.",
        "An administrator must finish the setup.",
    ),
    "tier_not_assessed": ProblemType(
        "The risk tier is declared, not assessed",
        "Policies for protected targets require a tier that rests on answers to the questionnaire, unless they state "
        "otherwise (`requires_assessed_tier`).",
        "Assess the model: on its page, or by POST to its assessments.",
    ),
    "no_policy": ProblemType(
        "No policy covers this target",
        "A protected target is reached under a policy only, and no policy is not consent.",
        "An officer must publish one.",
    ),
    "not_ready": ProblemType(
        "The request is not ready",
        "Requirements of the policy are unmet.",
        "`requirements` lists them, each with how it is fulfilled and by whom.",
    ),
    "not_executed": ProblemType(
        "The request could not be judged or executed",
        "An error stopped it, and nothing was changed; `detail` says which.",
        "Add corrected evidence, or ask an operator, who finds the error in the log.",
    ),
    "request_closed": ProblemType(
        "The request is closed",
        "It was promoted, rejected, withdrawn, superseded, or its time ran out.",
        "Open a new request to ask again.",
    ),
    "not_yours": ProblemType(
        "Only whoever opened the request, or edits the model, may withdraw it",
        "Withdrawing ends other people's work on it.",
        "Ask one of those `who_can` names.",
    ),
}
