"""Reading: models, versions, requests, the log, and what stands beside them."""

from __future__ import annotations

from audit.actor import Actor
from governance import policies
from governance import selectors as gate
from governance.models import Webhook
from governance.notifications.webhooks import sending
from governance.services import dataset_recalls, webhooks
from registry import access, selectors
from registry.access import OrgPermission, Permission
from registry.services import (
    downloads,
)
from tests.permission_matrix.actors import ANOTHER_POLICY, DATASET, FREE, MODEL, SHOWN, World
from tests.permission_matrix.interfaces.service.interface import SERVICE, WHY


@SERVICE.at("view the model")
@SERVICE.at("read the log of the model")
def _(world: World, actor: Actor) -> None:
    access.require_permission(actor, Permission.VIEW, world.model)


@SERVICE.at("find the model in a list")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return access.visible_models(actor).filter(slug=MODEL).exists()


@SERVICE.at("view a version")
def _(world: World, actor: Actor) -> None:
    selectors.version(actor, MODEL, SHOWN)


@SERVICE.at("view a dataset")
def _(world: World, actor: Actor) -> None:
    selectors.lineage.dataset(actor, DATASET)


@SERVICE.at("recall a dataset")
def _(world: World, actor: Actor) -> None:
    dataset_recalls.recall(actor=actor, dataset=selectors.lineage.dataset(actor, DATASET), reason=WHY)


@SERVICE.at("find the dataset in a list")
def _(world: World, actor: Actor) -> bool:
    return selectors.lineage.find_datasets(actor, "loans").filter(digest=DATASET).exists()


@SERVICE.at("resolve a reference")
def _(world: World, actor: Actor) -> None:
    selectors.resolve(actor, f"{MODEL}/{SHOWN}")


@SERVICE.at("simulate a promotion")
def _(world: World, actor: Actor) -> None:
    gate.simulate(actor, selectors.version(actor, MODEL, FREE), stage="staging")


@SERVICE.at("simulate it under a draft")
def _(world: World, actor: Actor) -> None:
    draft = policies.parse(ANOTHER_POLICY)
    gate.simulate(actor, selectors.version(actor, MODEL, FREE), stage="staging", draft=draft)


@SERVICE.at("download an artifact")
def _(world: World, actor: Actor) -> None:
    downloads.artifact(actor=actor, artifact=world.version(SHOWN).artifacts.get()).close()


@SERVICE.at("download evidence")
def _(world: World, actor: Actor) -> None:
    downloads.evidence(actor=actor, evidence=world.version(SHOWN).evidence.get()).close()


@SERVICE.at("view a request")
def _(world: World, actor: Actor) -> None:
    gate.get_request(actor, world.request(SHOWN).pk)


@SERVICE.at("find the request in a list")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return gate.visible_requests(actor).filter(pk=world.request(SHOWN).pk).exists()


@SERVICE.at("read the policies")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    assert gate.policies_in_force().exists()


@SERVICE.at("open one's own pages")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)


@SERVICE.at("read the audit log")
def _(world: World, actor: Actor) -> None:
    access.require_in_organisation(actor, OrgPermission.READ_AUDIT)


@SERVICE.at("read an event of the organisation")
def _(world: World, actor: Actor) -> bool:
    return bool(access.check_org_permission(actor, OrgPermission.READ_AUDIT))


@SERVICE.at("read the webhooks")
def _(world: World, actor: Actor) -> bool:
    return webhooks.listing(actor).exists() and bool(webhooks.get(actor, world.webhook))


@SERVICE.at("create a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.create(actor=actor, name="another", url="https://127.0.0.1:9/", events=["model_version.created"])


@SERVICE.at("change a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.update(actor=actor, webhook_id=world.webhook, status="DISABLED")


@SERVICE.at("test a webhook")
def _(world: World, actor: Actor) -> None:
    hook = Webhook.objects.get(uid=world.webhook)
    assert not sending.send_test(actor=actor, webhook=hook, event_type="model_version.created").success


@SERVICE.at("delete a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.delete(actor=actor, webhook_id=world.webhook)


@SERVICE.at("enter the admin site")
def _(world: World, actor: Actor) -> None:
    ways_in = (OrgPermission.READ_AUDIT, OrgPermission.MANAGE_GROUPS, OrgPermission.MANAGE_POLICIES)
    if not any(access.check_org_permission(actor, way) for way in ways_in):
        access.require_in_organisation(actor, OrgPermission.MANAGE_PEOPLE)
