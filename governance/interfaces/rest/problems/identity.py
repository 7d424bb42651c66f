"""Errors that depend on the caller: authentication, scopes, permissions."""

from typing import Final

from governance.interfaces.rest.problems.problem_type import ProblemType

IDENTITY: Final[dict[str, ProblemType]] = {
    "not_signed_in": ProblemType(
        "Sign in with an access token",
        "The request carries no `Authorization: Bearer` header.",
        "Make a token on the page “Access tokens” and send it with every request.",
    ),
    "token_refused": ProblemType(
        "The access token was not accepted",
        "It is malformed, unknown, expired or revoked, or its person's account is closed. Which it was is told to "
        "nobody.",
        "Make a new token; the page “Access tokens” shows when yours end.",
    ),
    "not_permitted": ProblemType(
        "Not permitted",
        "You can see it, and lack the role for this.",
        "`who_can` names people who may do it or give you the role.",
    ),
    "missing_scope": ProblemType(
        "The token was not issued for that",
        "A token has scopes, and the one this needs is not among them.",
        "Use a token with the scope `detail` names.",
    ),
    "token_limited": ProblemType(
        "The token is limited to other models",
        "A token may be limited to models by name, and this one is not among them.",
        "Use a token for this model.",
    ),
    "inactive": ProblemType(
        "The account is deactivated",
        "Whoever answers for this token has a deactivated account.",
        "An administrator can reactivate it.",
    ),
    "person_required": ProblemType(
        "A person has to do that",
        "No token and no system process may do this.",
        "Sign in to the pages.",
    ),
    "owner_required": ProblemType(
        "Only an owner may do that",
        "A model is deleted and renamed, and a version deleted, by an owner of the model.",
        "Ask one of those `who_can` names.",
    ),
    "accountability": ProblemType(
        "Owners and officers change who answers for a model",
        "Owner, accountable executive, and risk tier decide who answers and which policy is in force.",
        "Ask one of those `who_can` names.",
    ),
    "tokens_do_not_decide": ProblemType(
        "No token decides on a promotion request",
        "A decision is signed by a person, signed in, with the password given again; whoever is behind a CI run does "
        "not count (SoD-3).",
        "Reviewers decide on the request's page, which `detail` names.",
    ),
}
