"""Errors that depend on the state of models, versions and requests."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

STATE: Final[dict[str, ProblemType]] = {
    "not_now": ProblemType(
        "Not possible now",
        "The current state does not allow this.",
        "`detail` describes what has to happen first.",
    ),
    "bundle_too_large": ProblemType(
        "The bundle is too large for a page",
        "A page makes bundles of some thousand events.",
        "An operator exports it: `manage.py export_audit --output FOLDER`.",
    ),
    "nothing_signed": ProblemType(
        "Nothing of it is signed yet",
        "A bundle needs a signed checkpoint that covers its events.",
        "Wait for the sequencer; an operator sees whether it runs.",
    ),
    "conflict": ProblemType(
        "Conflict",
        "The request conflicts with an existing object.",
        "`detail` names the object.",
    ),
    "refused": ProblemType(
        "Refused", "A rule of the product does not allow it.", "`detail` gives the rule and the remedy."
    ),
    "stale_inputs": ProblemType(
        "The version changed since the run began",
        "A result counts only for the contents that were checked, and which were added to since.",
        "Read the current `inputs_digest`, check the version again, and report that result.",
    ),
    "run_completed": ProblemType(
        "The run is completed",
        "A completed run is final.",
        "Begin another run; the newest one counts.",
    ),
    "already_open": ProblemType(
        "A request for this version and target is open",
        "A version can have one open request per target.",
        "Follow the request in `existing`, or withdraw it first.",
    ),
    "delivery_waits": ProblemType(
        "The delivery waits to be sent already",
        "A delivery that waits is sent at its next attempt.",
        "Wait for the result of the attempt, and send it again if it failed.",
    ),
    "too_many_replays": ProblemType(
        "Too many replays wait",
        "A person has a limited number of replays that wait for a worker.",
        "Wait until one of them is done, then start the next.",
    ),
    "already_there": ProblemType(
        "The version is already there",
        "The requested state exists already.",
        "No action is needed.",
    ),
    "already_acknowledged": ProblemType(
        "The finding is acknowledged already", "The requested state exists already.", "No action is needed."
    ),
    "already_closed": ProblemType(
        "The finding is closed already",
        "A closed finding does not change. A later problem is another finding.",
        "Open another finding.",
    ),
    "already_owner": ProblemType(
        "The person owns the finding already", "The requested state exists already.", "No action is needed."
    ),
    "closure_proposed": ProblemType(
        "The closure of the finding is proposed already",
        "A proposed closure is confirmed or returned before another one is proposed.",
        "Have another person close the finding, or return the closure.",
    ),
    "no_closure_proposed": ProblemType(
        "No closure of the finding is proposed",
        "Only a proposed closure can be returned.",
        "Read the finding again.",
    ),
    "not_waivable": ProblemType(
        "The check cannot be waived",
        "A check is waived only if its policies allow it, and never for digests and critical findings of the scan.",
        "`detail` has the reason.",
    ),
    "result_changed": ProblemType(
        "The check has another result",
        "A waiver is for the result that the person was shown.",
        "Read the result again.",
    ),
    "document_changed": ProblemType(
        "Another document was attached",
        "A sign-off is for the document that the person read.",
        "Read the newest document.",
    ),
    "waiver_ended": ProblemType(
        "The waiver has ended", "A waiver that was revoked or expired is final.", "Grant another waiver."
    ),
    "two_people_close": ProblemType(
        "Two people close a critical finding",
        "One person proposes closure with evidence; another person closes the finding.",
        "Propose the closure, and have another person close the finding.",
    ),
    "already_resolved": ProblemType(
        "The thread is resolved already",
        "A resolved thread can be reopened.",
        "No action is needed.",
    ),
    "not_resolved": ProblemType(
        "The thread is not resolved", "Only a resolved thread can be reopened.", "No action is needed."
    ),
    "comment_withdrawn": ProblemType(
        "The comment is withdrawn",
        "A withdrawn comment stays in the record and does not change any more.",
        "Post another comment.",
    ),
    "no_objection": ProblemType(
        "The decision does not block the request",
        "It requested no changes, or it has ended: by its signer, or because the evidence changed.",
        "No action is needed.",
    ),
    "objection_in_force": ProblemType(
        "The objection blocks the request",
        "A decision to request changes is signed, so it ends with a signature or when the evidence changes.",
        "The person who raised it resolves or withdraws it on the page of the request.",
    ),
    "illegal_move": ProblemType(
        "The lifecycle does not allow this transition",
        "Versions change stages only by the allowed transitions of the lifecycle.",
        "`detail` names the stages that can be reached from here.",
    ),
    "rollback_never_approved": ProblemType(
        "The version was never approved there",
        "A rollback returns to inputs that were approved in the same stage or alias.",
        "Request an ordinary promotion.",
    ),
    "rollback_not_available": ProblemType(
        "The policy offers no rollback",
        "The shorter path exists only where a policy in force has the section `rollback`.",
        "Request an ordinary promotion, or have an officer publish the section.",
    ),
    "rollback_inputs_changed": ProblemType(
        "The inputs are not the approved ones",
        "A rollback returns to exactly what was approved; `detail` names what was added since.",
        "Request an ordinary promotion.",
    ),
    "already_recalled": ProblemType(
        "The dataset is recalled already", "The requested state exists already.", "No action is needed."
    ),
    "emergency_not_available": ProblemType(
        "The policy offers no emergency change",
        "An emergency change exists only where the policies in force have the section `emergency` with a common group.",
        "Request an ordinary promotion or a rollback, or have an officer publish the section.",
    ),
    "rollback_too_late": ProblemType(
        "The approval is too old for a rollback",
        "The policy limits the days after a version left the place.",
        "Request an ordinary promotion.",
    ),
    "model_incomplete": ProblemType(
        "The model is not complete enough for a promotion",
        "A protected stage requires an active owner and a risk tier.",
        "Set the fields named in `detail`.",
    ),
    "alias_protected": ProblemType(
        "The alias is protected",
        "Clients rely on a protected alias, so it cannot be removed, and it changes by promotion request only.",
        "Request a promotion that points it at another version.",
    ),
    "version_registering": ProblemType(
        "The version is not registered yet",
        "Not all of its files are uploaded, or it was not completed.",
        "Upload the files and complete the version.",
    ),
    "version_abandoned": ProblemType(
        "The version was abandoned",
        "A version whose files are not all uploaded after some days is abandoned and accepts no more files.",
        "Declare a new version.",
    ),
    "send_again": ProblemType(
        "The uploaded file was removed before it was attached",
        "Uploaded files without a reference are removed after some days. This one was removed at the same moment.",
        "Upload the file again.",
    ),
    "version_registered": ProblemType(
        "The version is registered, and its files are fixed",
        "The declared files of a registered version never change. A version that was registered by its source only "
        "accepts files until it enters a protected stage.",
        "Declare a new version.",
    ),
    "not_proved": ProblemType(
        "The token does not prove the identity of the officer",
        "A command that acts for an officer needs a valid access token of that officer, not limited to models.",
        "Use such a token, or the officer's password.",
    ),
    "review_needed": ProblemType(
        "Adding a file requires a request to approve the version again",
        "A version that an import put in a protected stage or behind a protected alias accepts files only for review: "
        "attaching one opens a promotion request for that stage or alias.",
        "Attach the file with an account that may request promotions.",
    ),
    "file_unapproved": ProblemType(
        "The file is not approved",
        "It was attached after the version was put in a protected stage or behind a protected alias, so no promotion "
        "covers it.",
        "Have the version approved again; or download the file for a review, with `unapproved=true`.",
    ),
    "file_attached": ProblemType(
        "The version has another file under this path",
        "A version that was registered by its source only accepts each file once.",
        "Register a new version with the changed file.",
    ),
    "files_missing": ProblemType(
        "Files of the version are missing",
        "A version is registered when all declared files are stored.",
        "Upload the files in `requirements`, then complete the version again.",
    ),
    "model_archived": ProblemType(
        "The model is archived",
        "An archived model accepts no versions and no promotion requests.",
        "An owner or an officer can reactivate it.",
    ),
    "name_contended": ProblemType(
        "Another request registered the same name",
        "Two requests registered the same or a similar name at the same time, and both were rejected.",
        "Send the request again.",
    ),
    "ambiguous_dataset": ProblemType(
        "Several datasets have this digest",
        "The digest is that of a commit or version with several datasets, so it is ambiguous.",
        "Use the identity of the dataset; `detail` lists them.",
    ),
    "model_in_use": ProblemType(
        "A version of the model is in a protected stage",
        "A model can be archived when none of its versions is in use.",
        "Request that the versions in `detail` leave the stage, then archive the model.",
    ),
    "governed": ProblemType(
        "A governed object cannot be deleted or renamed",
        "Objects that were ever protected, requested, imported, assessed or referenced stay on record.",
        "Move the versions to Archived, or ask an owner to archive the model.",
    ),
    "files_examined": ProblemType(
        "Files of the version are being verified",
        "A version cannot be deleted while a worker verifies its files.",
        "Send the request again when the verification is finished.",
    ),
    "protection_stays": ProblemType(
        "Protection cannot be removed by an environment variable",
        "COUNTERSIGN_PROTECTED=none is for new instances without protection; it does not change an existing instance.",
        "Remove the variable from the environment, or set up another instance.",
    ),
    "no_questionnaire": ProblemType(
        "No questionnaire is published",
        "A model is assessed with the questionnaire in force, and there is none.",
        "An officer must publish one.",
    ),
    "questionnaire_changed": ProblemType(
        "Another revision of the questionnaire is in force",
        "Answers must refer to the questionnaire in force.",
        "Read the questionnaires and answer the newest revision.",
    ),
    "laxer_tier": ProblemType(
        "A less strict tier needs another role",
        "A stricter tier is set at once. Officers propose one below the computed tier, owners one below the current.",
        "Ask one of the people in `who_can`.",
    ),
    "lifecycle_missing": ProblemType(
        "No lifecycle is installed",
        "The installation is not set up, so there is no initial stage for versions.",
        "An administrator must finish the setup.",
    ),
    "tier_not_assessed": ProblemType(
        "The risk tier is declared, not assessed",
        "Policies for protected targets require a tier from the questionnaire, unless they state "
        "otherwise (`requires_assessed_tier`).",
        "Assess the model: on its page, or by POST to its assessments.",
    ),
    "facts_need_second_person": ProblemType(
        "A second person confirms this change",
        "After the change a less strict policy would govern a model that is in use.",
        "Change the fields with PATCH on the model or on its page: both propose the change.",
    ),
    "facts_changed": ProblemType(
        "The facts of the model changed",
        "The proposal was made for other values than the model has now.",
        "Reject or withdraw the proposal, and change the facts again.",
    ),
    "no_policy": ProblemType(
        "No policy covers this target",
        "A promotion to a protected target requires a policy.",
        "An officer must publish one.",
    ),
    "not_ready": ProblemType(
        "The request is not ready",
        "Requirements of the policy are unmet.",
        "`requirements` lists them, each with its remedy and who can fulfil it.",
    ),
    "decision_key_unavailable": ProblemType(
        "The server cannot attest decision signatures",
        "The file with the decision key is missing, readable by others, or holds another key. Nothing was signed.",
        "Ask an operator to run `manage.py decision_key` on the server, which names the cause.",
    ),
    "decision_key_ended": ProblemType(
        "The decision key of the server was replaced",
        "A newer decision key is registered, and the period of this server's key has ended. Nothing was signed.",
        "Ask an operator to copy the newer key file to this server.",
    ),
    "not_executed": ProblemType(
        "The request could not be evaluated or executed",
        "An error occurred, and nothing was changed; `detail` describes it.",
        "Add corrected evidence, or ask an operator to find the error in the log.",
    ),
    "request_closed": ProblemType(
        "The request is closed",
        "It was promoted, rejected, withdrawn or superseded, or it expired.",
        "Create a new request.",
    ),
    "not_yours": ProblemType(
        "It belongs to another person",
        "Requests are withdrawn by their requester or by editors of the model, comments are changed by their author, "
        "and an objection is ended by the person who raised it.",
        "Ask one of the people in `who_can`.",
    ),
    "key_known": ProblemType(
        "The verification key is registered",
        "A key is registered once, and a revoked key is not added again.",
        "Use the registered key, or make a new one.",
    ),
    "key_name_taken": ProblemType(
        "A verification key has this name",
        "Policies name keys, so the names of keys that are not revoked differ.",
        "Choose another name, or revoke the other key first.",
    ),
    "key_expired": ProblemType(
        "The verification key has expired",
        "A key is added before its validity ends.",
        "Propose the key again with another end.",
    ),
    "key_revoked": ProblemType(
        "The verification key is revoked", "A key is revoked once, for good.", "No action is needed."
    ),
    "proof_pending": ProblemType(
        "No checkpoint contains the event yet",
        "An event gets its proof after its transaction, normally within a second.",
        "Repeat the request. If it lasts, the sequencer of the audit log does not run; /readyz shows it.",
    ),
    "log_state_dir_missing": ProblemType(
        "No folder of the signer is configured",
        "The key of the audit log and the last signed checkpoint are kept in a folder outside the database.",
        "Set COUNTERSIGN_LOG_STATE_DIR to an absolute path, and run the command again.",
    ),
    "log_anchors_invalid": ProblemType(
        "The anchors of the audit log are not readable",
        "COUNTERSIGN_LOG_ANCHORS is a JSON list of folders, witnesses and git remotes (docs/audit-log.md).",
        "Correct the setting; the message names the entry and what is wrong.",
    ),
}
