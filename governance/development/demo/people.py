"""The people, groups, roles and tokens of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from audit import clock
from governance.development.demo import acts
from governance.development.demo.world import World
from registry import access
from registry.access import Role
from registry.models import ChangeProposal, SignInLink, User
from registry.services import governing, handover, people, sign_in_links, tokens

LIFE_OF_A_TOKEN = timedelta(days=360)
PIPELINE_SCOPES = ("models:read", "versions:write", "checks:write", "promotions:write")
EXAMPLE = "ci-retail-credit"
"""The service account whose token the example of the client uses."""


@dataclass(frozen=True)
class Person:
    """An account."""

    username: str
    name: str
    title: str
    groups: tuple[str, ...] = ()
    role: Role | None = None
    """The role for the whole organisation."""
    is_staff: bool = False


PEOPLE = (
    Person("henrik", "Henrik Lindqvist", "Compliance officer", ("compliance",), Role.OFFICER, is_staff=True),
    Person("mensah", "Dorothy Mensah", "Compliance officer", ("compliance",), Role.OFFICER, is_staff=True),
    Person("marta", "Marta Kowalska", "Model validation", ("risk-team", "validation")),
    Person("jonas", "Jonas Okafor", "Head of model validation", ("risk-team", "validation")),
    Person("aiko", "Aiko Brandt", "Model risk analyst", ("risk-team",)),
    Person("chen", "Chen Wei", "Model risk analyst", ("risk-team",)),
    Person("lea", "Lea Novak", "Model risk analyst", ("risk-team",)),
    Person("viktor", "Viktor Hahn", "Model risk analyst", ("risk-team",)),
    Person("sofia", "Sofia Varga", "Head of retail credit analytics", ("model-owners",)),
    Person("tom", "Tom Adeyemi", "Head of payments and financial crime analytics", ("model-owners",)),
    Person("greta", "Greta Holm", "Head of customer operations", ("model-owners",)),
    Person("rafael", "Rafael Costa", "Head of finance models", ("model-owners",)),
    Person("priya", "Priya Raman", "Senior data scientist"),
    Person("mateo", "Mateo Silva", "Machine learning engineer"),
    Person("nadia", "Nadia Haddad", "Data scientist"),
    Person("ingrid", "Ingrid Solberg", "Internal audit", role=Role.AUDITOR),
    Person("eve", "Eve Marchetti", "Chief risk officer", role=Role.VIEWER),
)

GROUPS = {
    "risk-team": ("Risk team", "Second line: reviews every tier 1 model before it enters Production."),
    "validation": ("Validation", "Independent validators, for tier 2."),
    "model-owners": ("Model owners", "Heads of the departments that own a model."),
    "compliance": ("Compliance", "Compliance officers, who decide last."),
}

PIPELINES = (EXAMPLE, "ci-payments")


def appoint(world: World) -> None:
    """Create the administrator, then all accounts, groups and roles, on the first working day of the instance."""
    world.users["ada"] = people.register_person(
        actor=world.installer,
        username="ada",
        name="Ada Lindholm",
        title="Platform administrator",
        email="ada@bank.example",
        password=world.password,
        is_staff=True,
        is_superuser=True,
    )
    world.wait(minutes=20)
    for person in PEOPLE:
        _account(world, person)
    with world.acting("ada") as ada:
        for username in PIPELINES:
            world.users[username] = people.register_person(
                actor=ada, username=username, name=username, kind=User.Kind.SERVICE
            )
            world.wait(minutes=1)
    _groups(world)


def issue_tokens(world: World) -> dict[str, str]:
    """Issue the yearly token of each pipeline and keep the secrets in `world`. Return them by account."""
    secrets = {}
    with world.acting("ada") as ada:
        for username in PIPELINES:
            _, secret = tokens.issue(
                actor=ada,
                person=world.users[username],
                name=f"pipeline, {clock.now():%Y}",
                scopes=PIPELINE_SCOPES,
                expires_at=clock.now() + LIFE_OF_A_TOKEN,
            )
            secrets[username] = secret
            world.wait(minutes=2)
    world.secrets |= secrets
    return secrets


def forgotten_token(world: World) -> None:
    """Issue a token that is never used."""
    with world.acting("sofia") as sofia:
        world.old_token, _ = tokens.issue(
            actor=sofia,
            person=world.users["sofia"],
            name="ci-growth-old",
            scopes=["models:read"],
            expires_at=clock.now() + timedelta(days=300),
        )


def revoke_forgotten(world: World) -> None:
    """Revoke the token that was never used."""
    assert world.old_token is not None
    with world.acting("sofia") as sofia:
        tokens.revoke(actor=sofia, token=world.old_token, reason="Unused for 90 days.")


def leave_of_viktor(world: World) -> None:
    """Viktor leaves the bank: an officer removes him from the group, the administrator deactivates his account and
    hands his models over to their new owner."""
    with world.acting("henrik") as henrik:
        people.remove_member(
            actor=henrik, group=world.groups["risk-team"], user=world.users["viktor"], reason="Leaves the bank."
        )
    world.wait(minutes=30)
    with world.acting("ada") as ada:
        handover.deactivate(
            actor=ada,
            person=world.users["viktor"],
            reason="Left the bank; notice of Human Resources.",
            reassign_to=world.users["tom"],
        )
    for row in (world.users["viktor"], *(m for m in world.models.values() if m.owner_id == world.users["viktor"].pk)):
        row.refresh_from_db()


def deputy(world: World) -> None:
    """Aiko replaces Jonas as a validator for three weeks: a membership with dates."""
    now = clock.now()
    with world.acting("henrik") as henrik:
        proposal = governing.add_member(
            actor=henrik,
            group=world.groups["validation"],
            user=world.users["aiko"],
            valid_from=now + timedelta(days=3),
            valid_until=now + timedelta(days=24),
            deputy=True,
            reason="Replaces Jonas Okafor, who is away.",
        )
    if isinstance(proposal, ChangeProposal):  # without protection no policy uses the group
        acts.confirm_change(world, proposal, "mensah", "Agreed with the head of validation.")


def _account(world: World, person: Person) -> None:
    with world.acting("ada") as ada:
        made = people.register_person(
            actor=ada,
            username=person.username,
            name=person.name,
            title=person.title,
            email=f"{person.username}@bank.example",
            is_staff=person.is_staff,
        )
        world.users[person.username] = made
        link, _ = sign_in_links.issue_link(
            actor=ada, person=made, way=SignInLink.Way.MAILED, reason="First day at the bank."
        )
        world.wait(minutes=2)
        if person.role is not None:
            # Governing roles need two people, or the set-up, which both officers confirm on the second day.
            giver = world.installer if access.is_governing(person.role, None) else ada
            access.grant_role(actor=giver, role=person.role, user=made, reason=f"{person.title}.")
            world.wait(minutes=1)
    # Only a password that its holder set by a link can sign. Nothing is mailed: these people have no mailbox.
    taken = sign_in_links.take_for_mailing(link.pk)
    assert taken is not None
    sign_in_links.mark_mailed(taken[0])
    with world.acting(person.username):
        world.users[person.username] = sign_in_links.redeem_link(secret=taken[1], password=world.password)


def _groups(world: World) -> None:
    for slug, (name, description) in GROUPS.items():
        with world.acting("henrik") as henrik:
            world.groups[slug] = people.create_group(actor=henrik, slug=slug, name=name, description=description)
        world.wait(minutes=1)
        with world.acting("ada") as ada:
            role = Role.VALIDATOR if slug == "validation" else Role.APPROVER
            access.grant_role(
                actor=ada,
                role=role,
                group=world.groups[slug],
                reason="The policies use this group for every model.",
            )
        world.wait(minutes=1)
    for person in PEOPLE:
        for slug in person.groups:
            # An officer cannot add themselves: the two officers add each other.
            with world.acting("mensah" if person.username == "henrik" else "henrik") as officer:
                people.add_member(
                    actor=officer,
                    group=world.groups[slug],
                    user=world.users[person.username],
                    reason=f"{person.title}.",
                )
            world.wait(minutes=1)
