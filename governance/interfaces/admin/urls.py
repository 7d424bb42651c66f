"""The table of all model admins, and the URLs of the site."""

from __future__ import annotations

from audit.models import Event
from governance.interfaces.admin.after_promotion import EmergencyChangeAdmin, ImpactAdmin
from governance.interfaces.admin.change_proposals import ChangeProposalAdmin, InstanceAdmin
from governance.interfaces.admin.delegations import DelegationAdmin
from governance.interfaces.admin.discussion import CommentAdmin
from governance.interfaces.admin.events import EventAdmin
from governance.interfaces.admin.findings import FindingAdmin, WaiverAdmin
from governance.interfaces.admin.grants import GrantAdmin
from governance.interfaces.admin.groups import ReviewerGroupAdmin
from governance.interfaces.admin.lifecycle import (
    ProtectedAliasAdmin,
    RegisteredModelAdmin,
    StageAdmin,
    StageTransitionAdmin,
)
from governance.interfaces.admin.memberships import MembershipAdmin
from governance.interfaces.admin.people import UserAdmin
from governance.interfaces.admin.policies import PolicyAdmin, PolicyRevisionAdmin
from governance.interfaces.admin.promotions import CheckRunAdmin, DecisionAdmin, PromotionRequestAdmin
from governance.interfaces.admin.risk import AssessmentAdmin, PeriodicReviewAdmin, QuestionnaireAdmin
from governance.interfaces.admin.site import site
from governance.interfaces.admin.tokens import AccessTokenAdmin
from governance.interfaces.admin.verification_keys import VerificationKeyAdmin
from governance.models import (
    CheckRun,
    Comment,
    Decision,
    Delegation,
    EmergencyChange,
    Finding,
    Impact,
    Policy,
    PolicyRevision,
    PromotionRequest,
    Waiver,
)
from registry.models import (
    AccessToken,
    Assessment,
    ChangeProposal,
    Grant,
    Instance,
    Membership,
    PeriodicReview,
    ProtectedAlias,
    QuestionnaireRevision,
    RegisteredModel,
    ReviewerGroup,
    Stage,
    StageMove,
    User,
    VerificationKey,
)

ADMINS = {
    User: UserAdmin,
    ReviewerGroup: ReviewerGroupAdmin,
    Membership: MembershipAdmin,
    Delegation: DelegationAdmin,
    Grant: GrantAdmin,
    AccessToken: AccessTokenAdmin,
    ChangeProposal: ChangeProposalAdmin,
    Instance: InstanceAdmin,
    Policy: PolicyAdmin,
    PolicyRevision: PolicyRevisionAdmin,
    VerificationKey: VerificationKeyAdmin,
    PromotionRequest: PromotionRequestAdmin,
    CheckRun: CheckRunAdmin,
    Decision: DecisionAdmin,
    Comment: CommentAdmin,
    Finding: FindingAdmin,
    Waiver: WaiverAdmin,
    Impact: ImpactAdmin,
    EmergencyChange: EmergencyChangeAdmin,
    RegisteredModel: RegisteredModelAdmin,
    Stage: StageAdmin,
    StageMove: StageTransitionAdmin,
    ProtectedAlias: ProtectedAliasAdmin,
    QuestionnaireRevision: QuestionnaireAdmin,
    Assessment: AssessmentAdmin,
    PeriodicReview: PeriodicReviewAdmin,
    Event: EventAdmin,
}

for model, model_admin in ADMINS.items():
    site.register(model, model_admin)

urlpatterns, app_name, _ = site.urls
