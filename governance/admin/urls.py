"""Every room of the admin site, in one table, and its addresses."""

from __future__ import annotations

from audit.models import Event
from governance.admin.change_proposals import ChangeProposals, Instances
from governance.admin.events import Events
from governance.admin.grants import Grants
from governance.admin.groups import Groups
from governance.admin.lifecycle import Models, Moves, ProtectedAliases, Stages
from governance.admin.memberships import Memberships
from governance.admin.people import Accounts
from governance.admin.policies import Policies, PolicyRevisions
from governance.admin.promotions import CheckRuns, Decisions, Requests
from governance.admin.risk import Assessments, Questionnaires, Reviews
from governance.admin.site import site
from governance.admin.tokens import Tokens
from governance.models import CheckRun, Decision, Policy, PolicyRevision, PromotionRequest
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
)

ROOMS = {
    User: Accounts,
    ReviewerGroup: Groups,
    Membership: Memberships,
    Grant: Grants,
    AccessToken: Tokens,
    ChangeProposal: ChangeProposals,
    Instance: Instances,
    Policy: Policies,
    PolicyRevision: PolicyRevisions,
    PromotionRequest: Requests,
    CheckRun: CheckRuns,
    Decision: Decisions,
    RegisteredModel: Models,
    Stage: Stages,
    StageMove: Moves,
    ProtectedAlias: ProtectedAliases,
    QuestionnaireRevision: Questionnaires,
    Assessment: Assessments,
    PeriodicReview: Reviews,
    Event: Events,
}

for noun, room in ROOMS.items():
    site.register(noun, room)

urlpatterns, app_name, _ = site.urls
