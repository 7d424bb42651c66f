"""The models of the registry, one module per subject."""

from registry.models.access_request import AccessRequest
from registry.models.account_control import AccountControl
from registry.models.alias import AliasAssignment, ProtectedAlias
from registry.models.artifact import Artifact, Blob
from registry.models.base import IS_CURRENT, AuditedModel, TemporalModel
from registry.models.change_proposal import ChangeProposal
from registry.models.claimable import Claimable, RetriedInPlace
from registry.models.contribution import Contribution
from registry.models.dataset import DatasetReference
from registry.models.evidence import Evidence, Metric, ModelCard
from registry.models.grant import (
    EffectiveGroupPermission,
    EffectiveUserPermission,
    Grant,
    ModelGroupPermission,
    ModelUserPermission,
    active_grants_q,
    not_expired_q,
)
from registry.models.import_record import ImportRecord
from registry.models.instance import Instance
from registry.models.questionnaire import Assessment, QuestionnaireRevision
from registry.models.registered_model import RegisteredModel
from registry.models.registered_name import RegisteredName
from registry.models.review import PeriodicReview, ReviewReminder
from registry.models.reviewer_group import EffectiveMembership, Membership, ReviewerGroup
from registry.models.saved_view import SavedView
from registry.models.second_factor import Passkey, SecondFactor, SigningLock
from registry.models.sign_in import PasswordAttempt
from registry.models.sign_in_link import SignInLink
from registry.models.stage import Stage, StageMove, StageOccupancy
from registry.models.token import AccessToken, TokenUse
from registry.models.upload import Upload
from registry.models.user import User
from registry.models.verification_key import VerificationKey
from registry.models.version import ModelVersion

__all__ = [
    "IS_CURRENT",
    "AccessRequest",
    "AccessToken",
    "AccountControl",
    "AliasAssignment",
    "Artifact",
    "Assessment",
    "AuditedModel",
    "Blob",
    "ChangeProposal",
    "Claimable",
    "Contribution",
    "DatasetReference",
    "EffectiveGroupPermission",
    "EffectiveMembership",
    "EffectiveUserPermission",
    "Evidence",
    "Grant",
    "ImportRecord",
    "Instance",
    "Membership",
    "Metric",
    "ModelCard",
    "ModelGroupPermission",
    "ModelUserPermission",
    "ModelVersion",
    "Passkey",
    "PasswordAttempt",
    "PeriodicReview",
    "ProtectedAlias",
    "QuestionnaireRevision",
    "RegisteredModel",
    "RegisteredName",
    "RetriedInPlace",
    "ReviewReminder",
    "ReviewerGroup",
    "SavedView",
    "SecondFactor",
    "SignInLink",
    "SigningLock",
    "Stage",
    "StageMove",
    "StageOccupancy",
    "TemporalModel",
    "TokenUse",
    "Upload",
    "User",
    "VerificationKey",
    "active_grants_q",
    "not_expired_q",
]
