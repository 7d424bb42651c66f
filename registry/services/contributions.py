"""Recording of the contributors to a version, who may not approve it."""

from audit.actor import Actor, ActorKind
from audit.models import Event
from registry import access
from registry.models import AccessToken, Contribution, ModelVersion, User


def record_contribution(*, actor: Actor, version: ModelVersion, part: Contribution.Part, event: Event) -> None:
    """Record that the account of an actor added something that the fingerprint of a version covers.

    A process has no account: for a file that a worker stores for a person call `record_contributor`.

    Args:
        actor: the actor of the addition.
        version: the version.
        part: what was added.
        event: the event of the addition, written in this transaction and touching the version.
    """
    if actor.person is None:
        return
    account_pk = actor.person_pk
    if account_pk is None:
        person = access.person_of(actor)
        account_pk = person.pk if person is not None else None
    token_pk = actor.token_pk
    if actor.kind is ActorKind.TOKEN and token_pk is None:
        token = access.token_of(actor)
        token_pk = token.pk if token is not None else None
    if account_pk is not None:
        _record(account_pk, token_pk, version, part, event)


def record_contributor(
    *, account: User, token: AccessToken | None, version: ModelVersion, part: Contribution.Part, event: Event
) -> None:
    """Record a contribution of an account, signed in (`token` None) or with a token.

    Nothing is written if the version names both as those that registered it, or if the same is already recorded.
    """
    _record(account.pk, token.pk if token is not None else None, version, part, event)


def _record(account: int, token: int | None, version: ModelVersion, part: Contribution.Part, event: Event) -> None:
    if (account, token) == (version.registered_by_id, version.registered_with_id):
        return
    row = Contribution(
        version=version,
        account_id=account,
        token_id=token,
        part=part,
        event=event.event_id,
        contributed_at=event.happened_at,
    )
    Contribution.objects.bulk_create([row], ignore_conflicts=True)
