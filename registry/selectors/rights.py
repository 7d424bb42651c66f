"""Who may read who may do what with a model."""

from audit.actor import Actor
from registry import access
from registry.access import OrgPermission, Permission
from registry.exceptions import PermissionDeniedError
from registry.models import RegisteredModel


def can_list_permissions(actor: Actor, model: RegisteredModel) -> bool:
    """Whether the actor may read what others may do with the model: who gives roles on it, and who reads the audit log.
    Everybody else who sees the model reads what they may do themselves, and who gives roles."""
    return bool(access.check_permission(actor, Permission.GRANT_ROLE, model)) or bool(
        access.check_org_permission(actor, OrgPermission.READ_AUDIT)
    )


def require_reading_rights(actor: Actor, model: RegisteredModel) -> None:
    """Raises NotFound where the actor may not see the model, PermissionDeniedError where they may not read others'
    rights."""
    access.require_permission(actor, Permission.VIEW, model)
    if not can_list_permissions(actor, model):
        who = tuple(str(user) for user in access.users_who_can_grant(model)[:5])
        raise PermissionDeniedError(
            f"What others may do with {model.slug} is read by those who give roles on it, by auditors and by officers; "
            "what you may do yourself is open to you.",
            code="others_rights",
            who_can=who,
        )
