"""Queries of the registry, one module per subject."""

from registry.selectors import account_controls, lineage, look_alikes
from registry.selectors.access_requests import (
    access_request,
    access_requests,
    access_requests_to_answer,
    own_access_requests,
)
from registry.selectors.catalogue import annotate_counts, model
from registry.selectors.champions import version_at_alias, version_in_exclusive_stage, version_in_stage
from registry.selectors.change_proposals import change_proposal, change_proposals, require_visible_proposal
from registry.selectors.comparing import comparison_inputs
from registry.selectors.contents import (
    VersionContents,
    first_attached,
    imported_occupancies,
    latest_evidence,
    latest_metrics,
)
from registry.selectors.instance import instance
from registry.selectors.lifecycle import (
    AliasProtection,
    RepresentedStage,
    alias_protection,
    alias_protections,
    has_protected_targets,
    is_alias_governed,
    is_protected_alias,
    lifecycle,
    protected_aliases,
    require_allowed_transition,
)
from registry.selectors.participation import Participation, participation
from registry.selectors.responsibilities import Responsibilities, is_unowned, responsibilities_of
from registry.selectors.reviews import calendar, due_for
from registry.selectors.rights import can_list_permissions, require_reading_rights
from registry.selectors.versions import (
    alias_at,
    all_occupancies_at,
    card_of,
    in_stage_at,
    occupancies_at,
    resolve,
    same_artifacts,
    version,
    versions_of,
    versions_with_digest,
    with_list_relations,
)

__all__ = [
    "AliasProtection",
    "Participation",
    "RepresentedStage",
    "Responsibilities",
    "VersionContents",
    "access_request",
    "access_requests",
    "access_requests_to_answer",
    "account_controls",
    "alias_at",
    "alias_protection",
    "alias_protections",
    "all_occupancies_at",
    "annotate_counts",
    "calendar",
    "can_list_permissions",
    "card_of",
    "change_proposal",
    "change_proposals",
    "comparison_inputs",
    "due_for",
    "first_attached",
    "has_protected_targets",
    "imported_occupancies",
    "in_stage_at",
    "instance",
    "is_alias_governed",
    "is_protected_alias",
    "is_unowned",
    "latest_evidence",
    "latest_metrics",
    "lifecycle",
    "lineage",
    "look_alikes",
    "model",
    "occupancies_at",
    "own_access_requests",
    "participation",
    "protected_aliases",
    "require_allowed_transition",
    "require_reading_rights",
    "require_visible_proposal",
    "resolve",
    "responsibilities_of",
    "same_artifacts",
    "version",
    "version_at_alias",
    "version_in_exclusive_stage",
    "version_in_stage",
    "versions_of",
    "versions_with_digest",
    "with_list_relations",
]
