"""Who may comment on a model's versions and promotion requests."""

from audit.actor import Actor, ActorKind
from registry.access.actors import has_scope, missing_scope_message
from registry.access.permissions import COMMENT_SCOPE, Permission
from registry.access.policy import Allowed, Denied, check_permission, require_permission
from registry.models import RegisteredModel


def check_comment_permission(actor: Actor, model: RegisteredModel) -> Allowed | Denied:
    """Return whether the actor may comment: a person who may view the model, or their token with `comments:write`."""
    answer = check_permission(actor, Permission.VIEW, model)
    return answer if isinstance(answer, Denied) else _answer(actor)


def require_comment_permission(actor: Actor, model: RegisteredModel) -> None:
    """Require that the actor may comment; see `check_comment_permission`.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the token lacks the scope `models:read` or `comments:write`, or the actor is a process.
    """
    require_permission(actor, Permission.VIEW, model)
    if isinstance(answer := _answer(actor), Denied):
        raise answer.refusal()


def _answer(actor: Actor) -> Allowed | Denied:
    if actor.kind is ActorKind.PROCESS:
        return Denied(lambda _: "A person or their token writes comments; a process does not.", code="person_required")
    if not has_scope(actor, COMMENT_SCOPE):
        return Denied(lambda _: missing_scope_message(COMMENT_SCOPE), code="missing_scope")
    return Allowed()
