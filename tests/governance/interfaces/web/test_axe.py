"""No axe findings and no sideways scrolling on any page, in both themes and at both widths.

A page is one line in the class of its subject. The classes run in different processes, so they are about as long.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from governance.checks.documentation import EXAMPLES
from governance.models import Decision, DiscussionThread, PromotionRequest
from governance.services import dataset_recalls, discussion, evidence, impacts, policies, setup
from registry.access import actor_for
from registry.models import DatasetReference, ModelVersion, User
from registry.services import access_requests
from tests import factories
from tests.accessibility import DARK, LIGHT, faults_of
from tests.fixtures.pages import Open
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Scene
from tests.permission_matrix.inputs import notify

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Address = tuple[User | None, str]


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    return scenes.build()


def check_pages(open_as: Open, addresses: Iterable[Address]) -> None:
    """Examine each page; the first page also in dark at the width of a phone, for the parts that all pages share."""
    faults: list[str] = []
    for at, (person, path) in enumerate(addresses):
        page = open_as(person, path)
        for theme, width in ((LIGHT, 1440), (LIGHT, 390), (DARK, 1440), *([] if at else [(DARK, 390)])):
            faults += [f"{path} as {person}: {fault}" for fault in faults_of(page, theme, width)]
        page.context.close()
    assert not faults, "\n".join(faults)


def test_axe_finds_a_fault_where_there_is_one(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.priya, "/help/")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input type=text>')")
    page.evaluate("document.querySelector('main').style.width = '4000px'")
    found = faults_of(page, LIGHT, 1440)
    assert any("label" in fault for fault in found), found
    assert any("scrolls sideways" in fault for fault in found), found


class TestRequests:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, number = scene.people, scene.request.pk
        first = PromotionRequest.objects.filter(state="promoted", target_stage__slug="production").earliest("pk")
        check_pages(
            open_as,
            [
                (people.marta, "/reviews/"),
                (people.eve, "/reviews/"),
                (people.marta, "/promotions/?state=any"),
                (people.marta, "/promotions/?q=nothing-like-it"),
                (people.marta, f"/promotions/{number}/"),
                (people.priya, f"/promotions/{number}/"),
                (people.chen, f"/promotions/{first.pk}/"),
                (people.chen, f"/promotions/{number}/packet/{scene.request.packet_digest}/"),
                (
                    people.chen,
                    f"/promotions/{number}/packet/{scene.request.packet_digest}..{scene.request.packet_digest}/",
                ),
                (people.marta, f"/models/{scene.model.slug}/versions/1/document/?frozen={first.pk}"),
            ],
        )


class TestDiscussion:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, number = scene.people, scene.request.pk
        for subject in (scene.request, scene.challenger):
            thread = discuss(
                subject, people.priya, "# Heading\n\nFor @marta and @unknown-name:\n\n| a | b |\n| - | - |\n"
            )
            kept = discussion.post_comment(
                actor=actor_for(people.marta), subject=subject, text="`an answer`", thread=thread
            )
            discussion.edit_comment(actor=actor_for(people.marta), comment=kept, text="Another answer")
            gone = discuss(subject, people.marta, "Not so.").comments.get()
            discussion.withdraw_comment(actor=actor_for(people.marta), comment=gone)
            discussion.resolve_thread(actor=actor_for(people.marta), thread=gone.thread, explanation="Done.")
        decision = scene.decide(people.marta, "request_changes")
        check_pages(
            open_as,
            [
                (people.marta, f"/promotions/{number}/#end-objection"),
                (people.priya, f"/promotions/{number}/"),
                (people.priya, f"/models/{scene.model.slug}/versions/{scene.challenger.number}/"),
                (people.priya, f"/promotions/{number}/packet/{decision.packet_digest}/"),
                (people.priya, f"/promotions/{number}/decisions/{decision.pk}/"),
                (people.priya, "/decision-keys/"),
            ],
        )


def discuss(subject: PromotionRequest | ModelVersion, person: User, text: str) -> DiscussionThread:
    """A new thread on a request or version."""
    return discussion.post_comment(actor=actor_for(person), subject=subject, text=text).thread


class TestModels:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, slug = scene.people, scene.model.slug
        check_pages(
            open_as,
            [
                (people.marta, "/models/"),
                (people.eve, "/models/"),
                (people.marta, "/models/?q=nothing-like-it"),
                (people.priya, "/models/?q=tier%3A1+-stage%3Aproduction"),
                (people.priya, "/models/?q=teir%3A1"),
                (people.priya, f"/models/{slug}/"),
                (people.priya, f"/models/{slug}/edit/"),
                (people.priya, f"/models/{slug}/risk/"),
                (people.priya, f"/models/{slug}/risk/assess/"),
                (people.priya, f"/models/{slug}/archive/"),
                (people.marta, f"/models/{slug}/reviews/"),
                (people.priya, f"/models/{slug}/reviews/"),
                (people.eve, f"/models/{slug}/"),
            ],
        )


class TestAfterPromotion:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, slug = scene.people, scene.model.slug
        sections = (
            "rollback: {approvals: [{group: risk-team}], within_days: 30}\n"
            "emergency: {groups: [risk-team], max_hours: 12, retrospective_within_days: 5}\n"
            "after_promotion: {dataset_recalled: {then: finding, within_days: 5}}\n"
        )
        policies.publish(actor=setup.INSTALLER, source=scenes.TO_PRODUCTION + sections, reason="the scene of a test")
        for person in (people.marta, people.aiko):
            scene.decide(person)
        dataset = DatasetReference.objects.filter(version=scene.challenger)[0]
        dataset_recalls.recall(actor=actor_for(people.henrik), dataset=dataset, reason="consent was withdrawn")
        assert impacts.record_all()
        check_pages(
            open_as,
            [
                (people.priya, f"/models/{slug}/"),
                (people.priya, f"/models/{slug}/rollback/"),
                (people.priya, f"/models/{slug}/emergency/"),
                (people.henrik, "/impacts/?state=any"),
                (people.henrik, "/impacts/?state=settled"),
                (people.henrik, f"/datasets/{dataset.identity}/"),
                (people.henrik, f"/datasets/{dataset.identity}/recall/"),
            ],
        )


class TestVersions:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, slug = scene.people, scene.model.slug
        document = (EXAMPLES / "docs_regulatory.yaml").read_bytes()
        evidence.attach_evidence(
            actor=actor_for(people.priya),
            version=scene.challenger,
            kind="docs.regulatory",
            filename="annex.yaml",
            stream=io.BytesIO(document),
        )
        check_pages(
            open_as,
            [
                (people.priya, f"/models/{slug}/versions/2/sign-off/"),
                (people.priya, f"/models/{slug}/versions/2/"),
                (people.priya, f"/models/{slug}/versions/2/promote/"),
                (people.priya, f"/models/{slug}/versions/2/card/"),
                (people.priya, f"/models/{slug}/versions/2/card/edit/"),
                (people.priya, f"/models/{slug}/versions/2/metrics/"),
                (people.priya, f"/models/{slug}/versions/2/documents/?kind=evaluation.table"),
                (people.marta, f"/models/{slug}/versions/1/document/"),
                (people.priya, f"/models/{slug}/compare/v1..v2/?all=1"),
                (people.marta, "/checks/"),
                (people.marta, "/checks/license.allowed/"),
            ],
        )


class TestOrganisation:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people = scene.people
        decision = Decision.objects.earliest("pk")
        long = factories.model(people.priya, "a" * 60 + "-name-without-breaks" * 6, team="W" * 100, purpose="P" * 150)
        check_pages(
            open_as,
            [
                (None, "/sign-in/"),
                (people.marta, "/policies/"),
                (people.marta, "/policies/scene-production/"),
                (people.henrik, "/policies/scene-production/propose/"),
                (people.ingrid, "/audit/"),
                (people.marta, "/audit/"),
                (people.marta, f"/audit/?request={scene.request.pk}"),
                (people.ingrid, f"/audit/?model={long.slug}"),
                (people.ingrid, f"/audit/{decision.event}/"),
                (people.ingrid, "/stages/production/"),
                (people.priya, f"/models/{long.slug}/"),
            ],
        )


class TestPeople:
    def test_no_faults(self, scene: Scene, open_as: Open) -> None:
        people, slug = scene.people, scene.model.slug
        requested = access_requests.create_access_request(
            actor=actor_for(people.eve), slug=slug, role="viewer", purpose="the winter project"
        )
        notify(people.marta)
        check_pages(
            open_as,
            [
                (people.priya, "/search/help/"),
                (people.priya, "/help/"),
                (people.priya, "/search/views/"),
                (people.chen, f"/models/{slug}/access/?person=priya&number={scene.request.pk}"),
                (people.marta, f"/models/{slug}/access/"),
                (people.eve, f"/access-requests/new/?model={slug}"),
                (people.eve, "/access-requests/"),
                (people.chen, f"/access-requests/{requested.pk}/"),
                (people.eve, f"/access-requests/{requested.pk}/"),
                (people.marta, "/reviews/calendar/"),
                (people.marta, "/profile/"),
                (people.marta, "/profile/second-factor/"),
                (people.marta, "/notifications/?show=all"),
                (people.marta, "/profile/notifications/"),
                (people.marta, "/profile/notifications/deliveries/"),
                (people.priya, "/profile/tokens/"),
                (people.marta, "/profile/delegations/"),
            ],
        )
