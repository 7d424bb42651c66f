"""Find the open requests that a change of a reviewer group leaves without enough eligible people."""

from governance.gate.eligibility import Member, involvements, members_of, reviewers_among
from governance.gate.gate_inputs import deciders, get_policy_document
from governance.models import PromotionRequest
from governance.policies import assign_approvers
from governance.policies.approval_roles import is_role
from registry.models import User


def requests_without_quorum(group: str, *, leaving: User | None = None) -> list[PromotionRequest]:
    """Return the live requests that require a group and can no longer obtain the approvals they need.

    Args:
        group: slug of the reviewer group.
        leaving: evaluate as if this user had left the group already.

    Returns:
        Requests that stay short even if every eligible member approves.
    """
    short = []
    # Many requests share few policies and models: members and permissions are read once per combination.
    members: dict[tuple[int, frozenset[str]], list[Member]] = {}
    able_to_decide: dict[tuple[int, frozenset[str]], frozenset[int]] = {}
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, policy_revision__isnull=False)
    live = (
        rows.select_related(
            "model__owner",
            "policy_revision",
            "requested_by",
            "requested_with__person",
            "version__registered_by",
            "version__registered_with__person",
            "version__trained_by",
        )
        .prefetch_related("policies")
        .order_by("pk")
    )
    involved = involvements(live)
    for request in live:
        document = get_policy_document(request)
        wanted = frozenset(rule.group for rule in document.approvals) if document is not None else frozenset()
        if document is None or group not in wanted:
            continue
        about = (request.model_id, wanted)
        among = about if any(is_role(name) for name in wanted) else (0, wanted)
        if among not in members:
            members[among] = members_of(wanted, request.model)
        if about not in able_to_decide:
            able_to_decide[about] = deciders(request.model, members[among])
        able = [
            (r.uid, r.groups - {group} if leaving is not None and r.uid == leaving.uid else r.groups)
            for r in reviewers_among(members[among], able_to_decide[about], request, wanted, involved[request.pk])
            if r.excluded is None
        ]
        filled = assign_approvers(document.approvals, able)
        if any(len(filled[rule.group]) < rule.count for rule in document.approvals):
            short.append(request)
    return short
