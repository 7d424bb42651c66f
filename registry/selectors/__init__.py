"""Questions to the registry, a subject a file."""

from registry.selectors import account_controls, lineage, look_alikes
from registry.selectors.access_requests import (
    access_request,
    access_requests,
    access_requests_to_answer,
    own_access_requests,
)
from registry.selectors.catalogue import model, with_numbers
from registry.selectors.change_proposals import change_proposal, change_proposals, require_visible_proposal
from registry.selectors.comparing import sides
from registry.selectors.contents import Contents, latest_evidence, latest_metrics, standing_since_before
from registry.selectors.instance import instance
from registry.selectors.lifecycle import (
    AliasProtection,
    RepresentedStage,
    alias_protection,
    alias_protections,
    alias_to_point,
    anything_protected,
    is_protected_alias,
    lifecycle,
    protected_aliases,
    refuse_unlawful,
)
from registry.selectors.participation import Participation, participation
from registry.selectors.responsibilities import Responsibilities, is_unowned, responsibilities_of
from registry.selectors.reviews import calendar, due_for
from registry.selectors.rights import may_read_rights, require_reading_rights
from registry.selectors.versions import (
    alias_at,
    all_occupancies_at,
    card_of,
    holding_digest,
    in_stage_at,
    occupancies_at,
    resolve,
    same_artifacts,
    version,
    versions_of,
    with_what_a_row_shows,
)

__all__ = [
    "AliasProtection",
    "Contents",
    "Participation",
    "RepresentedStage",
    "Responsibilities",
    "access_request",
    "access_requests",
    "access_requests_to_answer",
    "account_controls",
    "alias_at",
    "alias_protection",
    "alias_protections",
    "alias_to_point",
    "all_occupancies_at",
    "anything_protected",
    "calendar",
    "card_of",
    "change_proposal",
    "change_proposals",
    "due_for",
    "holding_digest",
    "in_stage_at",
    "instance",
    "is_protected_alias",
    "is_unowned",
    "latest_evidence",
    "latest_metrics",
    "lifecycle",
    "lineage",
    "look_alikes",
    "may_read_rights",
    "model",
    "occupancies_at",
    "own_access_requests",
    "participation",
    "protected_aliases",
    "refuse_unlawful",
    "require_reading_rights",
    "require_visible_proposal",
    "resolve",
    "responsibilities_of",
    "same_artifacts",
    "sides",
    "standing_since_before",
    "version",
    "versions_of",
    "with_numbers",
    "with_what_a_row_shows",
]
