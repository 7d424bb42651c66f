"""Errors that depend on the caller: authentication, scopes, permissions."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

IDENTITY: Final[dict[str, ProblemType]] = {
    "not_signed_in": ProblemType(
        "Sign in with an access token",
        "The request carries no `Authorization: Bearer` header.",
        "Create a token on the page “Access tokens” and send it with every request.",
    ),
    "token_refused": ProblemType(
        "The access token was not accepted",
        "It is malformed, unknown, expired or revoked, or its person's account is deactivated. The error does not "
        "disclose which.",
        "Create a new token; the page “Access tokens” shows when yours expire.",
    ),
    "not_permitted": ProblemType(
        "Not permitted",
        "You can see the object, but you do not have the role for this action.",
        "`who_can` names people who may do it or assign you the role.",
    ),
    "missing_scope": ProblemType(
        "The token lacks a scope",
        "The action needs a scope that the token does not have.",
        "Use a token with the scope named in `detail`.",
    ),
    "check_not_named": ProblemType(
        "The token does not report this check",
        "A token with the scope `checks:write` reports the checks that it names, and this check is not one of them.",
        "Use a token that names the check, or make one on the page *Access tokens*.",
    ),
    "token_required": ProblemType(
        "A token is required",
        "Results of checks are reported by programs, with an access token that names the check.",
        "Make a token with the scope `checks:write` on the page *Access tokens*.",
    ),
    "other_reporter": ProblemType(
        "Another account began this run",
        "The results of a run are recorded in the name of the account that began it.",
        "Begin a run of your own.",
    ),
    "token_limited": ProblemType(
        "The token is limited to other models",
        "The token is limited to named models, and this model is not one of them.",
        "Use a token for this model.",
    ),
    "inactive": ProblemType(
        "The account is deactivated",
        "The account of the person responsible for this token is deactivated.",
        "An administrator can reactivate it.",
    ),
    "person_required": ProblemType(
        "Only a person may do this",
        "Tokens and system processes may not do this.",
        "Sign in to the web pages and do it there.",
    ),
    "owner_required": ProblemType(
        "Only an owner may do this",
        "Only an owner of the model may delete or rename it, or delete a version.",
        "Ask one of the people in `who_can`.",
    ),
    "accountability": ProblemType(
        "Only owners and officers change the responsibility for a model",
        "Owner, accountable executive and risk tier determine who is responsible and which policy applies.",
        "Ask one of the people in `who_can`.",
    ),
    "tokens_do_not_decide": ProblemType(
        "Tokens cannot decide on promotion requests",
        "A decision is signed by a signed-in person who enters the password again. The person behind a CI run cannot "
        "approve (SoD-3).",
        "Reviewers decide on the request's page, whose URL is in `detail`.",
    ),
}
