"""Who may read what others may do with a model."""

from audit.actor import Actor
from registry import access
from registry.access import OrgPermission, Permission
from registry.exceptions import PermissionDeniedError
from registry.models import RegisteredModel


def can_list_permissions(actor: Actor, model: RegisteredModel) -> bool:
    """Return whether the actor may read what others may do with the model: those who grant roles on it, and readers of
    the audit log.

    Other readers of the model see only their own permissions, and who grants roles.
    """
    return bool(access.check_permission(actor, Permission.GRANT_ROLE, model)) or bool(
        access.check_org_permission(actor, OrgPermission.READ_AUDIT)
    )


def require_reading_rights(actor: Actor, model: RegisteredModel) -> None:
    """Require that the actor may read what others may do with the model.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not read the permissions of others.
    """
    access.require_permission(actor, Permission.VIEW, model)
    if not can_list_permissions(actor, model):
        who = tuple(str(user) for user in access.users_who_can_grant(model)[:5])
        raise PermissionDeniedError(
            f"What others may do with {model.slug} is read by those who give roles on it, by auditors and by officers; "
            "what you may do yourself is open to you.",
            code="others_rights",
            who_can=who,
        )
