"""Evaluate many requests for a list, in a fixed number of queries.

It calls the same evaluation as the page of a request. Only the requests' own facts are read: the conditions of the
model are left out, so the state of the verdict is not valid; a list shows the state that was stored.
"""

from collections.abc import Collection, Mapping

from audit import clock
from governance.checks import entry_points
from governance.gate import delegates, gate_inputs
from governance.gate.condition_facts import known_facts
from governance.gate.eligibility import Member, add_roles, involvements, members_among, reviewers_among
from governance.gate.finding_facts import blocking_findings, late_conditions
from governance.gate.waiver_facts import waivers_of
from governance.models import CheckRun, Delegation, PromotionRequest
from governance.policies import Facts, Reviewer, Verdict, evaluate
from registry import access


def evaluate_many(
    requests: Collection[PromotionRequest], runs: Mapping[int, Mapping[str, CheckRun]], reader: Member | None
) -> dict[int, Verdict]:
    """Evaluate requests for a list. At most eighteen queries for any number of requests.

    The verdicts name as reviewers only the reader and those who signed, as members and as delegates, not all members of
    the groups.

    Args:
        requests: the requests, with `decisions` (their people joined, in the order of signing) and `policies`
            prefetched.
        runs: the latest run of each check, by request number and check slug.
        reader: who reads; None for a reader who is not a person.

    Returns:
        Verdicts by request number. An ungoverned transition has none.
    """
    groups = {request.pk: gate_inputs.called_groups(request) for request in requests if request.is_live}
    reviewers = list_reviewers([request for request in requests if request.is_live], reader, groups)
    blocking = blocking_findings(requests)
    documents = {
        request.pk: document
        for request in requests
        if (document := gate_inputs.get_policy_document(request)) is not None
    }
    waivers = waivers_of(requests, documents)
    late = late_conditions(requests)
    found: dict[int, Verdict] = {}
    for request in requests:
        document = documents.get(request.pk)
        if document is None:
            continue
        decisions = list(request.decisions.all())
        latest = runs.get(request.pk, {})
        facts = Facts(
            checks=gate_inputs.check_facts(
                request,
                document,
                latest,
                current_inputs(request, latest),
                remedies=False,
                waivers=waivers.get(request.pk),
            ),
            reviewers=reviewers.get(request.pk, ()) if request.is_live else gate_inputs.reviewers_of_closed(decisions),
            decisions=gate_inputs.facts_of_decisions(request, decisions, late),
            conditions=blocking.get(request.pk, ()),
            known=known_facts(request, document) if request.is_live else None,
            now=request.closed_at or clock.now(),
            opened_at=request.created_at,
            closed=not request.is_live,
        )
        found[request.pk] = evaluate(document, facts)
    return found


def current_inputs(request: PromotionRequest, latest: Mapping[str, CheckRun]) -> dict[str, str]:
    """Return the inputs digest of each latest run that ran with the installed version of its check.

    A change of the version's contents queues new runs in the same transaction, so the digest that settling stored is
    the current one. Another version of a check is seen by settling only later, so it is compared here. A closed request
    keeps the inputs of its last runs.
    """
    found = {}
    for slug, run in latest.items():
        check = entry_points.find(slug)
        installed = check.version if check is not None else ""
        if not request.is_live or run.check_version in ("", installed):
            found[slug] = run.inputs_digest
    return found


def list_reviewers(
    requests: Collection[PromotionRequest], reader: Member | None, groups: Mapping[int, Collection[str]]
) -> dict[int, tuple[Reviewer, ...]]:
    """Return for each live request which of its signers and the reader are its reviewers.

    Args:
        requests: live requests, with their decisions prefetched.
        reader: who reads; None for the signers alone.
        groups: slugs of the groups that each request requires, by request number.
    """
    readers = reader.user.pk if reader is not None else None
    signers: dict[int, frozenset[int]] = {
        request.pk: frozenset(
            d.person_id for d in request.decisions.all() if d.lapsed_at is None and d.person_id != readers
        )
        for request in requests
    }
    known: list[Member] = [reader] if reader is not None else []
    known += members_among(frozenset[int]().union(*signers.values())).values()
    called = frozenset[str]().union(*groups.values())
    known = add_roles(known, list({r.model_id: r.model for r in requests}.values()), called)
    relevant = {
        request.pk: [
            each
            for each in known
            if (each.user.pk == readers or each.user.pk in signers[request.pk])
            and not set(groups[request.pk]).isdisjoint(each.groups_on(request.model_id))
        ]
        for request in requests
    }
    given = _delegations(requests, readers)
    delegating = delegates.people_of(given)
    concerned = [request for request in requests if relevant[request.pk] or given]
    if not concerned:
        return {}
    models = {request.model_id for request in concerned}
    able = access.users_with_permission_by_model(
        {each.user.pk: each.user for each in (*known, *delegating.values())}.values(), access.Permission.DECIDE, models
    )
    able_delegates = delegates.able_delegates(given, models) if given else {}
    involved = involvements(concerned)
    return {
        request.pk: reviewers_among(
            relevant[request.pk], able[request.model_id], request, groups[request.pk], involved[request.pk]
        )
        + delegates.delegates_among(
            given,
            delegating,
            able[request.model_id],
            able_delegates.get(request.model_id, ()),
            request,
            groups[request.pk],
            involved[request.pk],
        )
        for request in concerned
    }


def _delegations(requests: Collection[PromotionRequest], reader: int | None) -> list[Delegation]:
    """Return the delegations in effect to the reader and to those who signed by one. At most two queries."""
    signers = {
        d.person_id
        for request in requests
        for d in request.decisions.all()
        if d.lapsed_at is None and d.delegation_id is not None and d.person_id != reader
    }
    found = delegates.delegations_to([reader]) if reader is not None else []
    return [*found, *delegates.delegations_to(signers)]
