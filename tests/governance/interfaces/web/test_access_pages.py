"""Access pages: permissions with reasons, granting and revoking roles, access requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from audit import clock
from registry import access
from registry.access import Permission, Role, actor_for
from registry.models import AccessRequest, Grant, User
from registry.services import access_requests
from tests import factories
from tests.governance.interfaces.web.scene import Page, PageTest
from tests.page_queries import count_page_queries

DAY = timedelta(days=1)
ACCESS = "/models/credit-risk-pd/access/"


def in_days(days: int) -> str:
    return (clock.now() + days * DAY).date().isoformat()


class TestMatrix(PageTest):
    """The access page."""

    def test_who_may_do_what_and_why(self) -> None:
        people = self.scene.people
        for reader in (people.chen, people.ingrid, people.henrik, people.ada):
            page = self.read(reader, ACCESS)
            page.has("Marta Kovač", "approver in the whole organisation, through Risk Team", "member since", "added by")
            page.has("owner on this model", "Request promotion", "Check a person", "Role assignments")
        assert "/audit/" in self.read(people.chen, ACCESS).html

    def test_others_read_their_own_rights(self) -> None:
        people = self.scene.people
        page = self.read(people.marta, ACCESS)
        page.has("What you may do", "through Risk Team", "Chen Wei", "can give roles here")
        page.has_not("Aiko Tanaka", "Who may do what", "Give a role")
        self.read(people.marta, f"{ACCESS}?person=aiko", status=403).has("is read by those who give roles on it")
        self.read(people.eve, ACCESS, status=404)

    def test_what_deserves_a_second_look(self) -> None:
        people = self.scene.people
        factories.grant(Role.REGISTRAR, to=people.ci_retail, on=self.scene.model, expires_at=clock.now() + 5 * DAY)
        page = self.read(people.chen, ACCESS)
        page.has("Priya Nair can ask for a promotion and decide", "CI retail is a service account that can write")
        page.has("CI retail is registrar until", "Chen Wei holds a role by name and is in no reviewer group")
        page.has_not("last signed in", "never signed in")
        with clock.freeze(clock.now() + 100 * DAY):
            self.read(people.chen, ACCESS).has("Chen Wei has never signed in and still holds rights")

    def test_checking_a_person(self) -> None:
        people, number = self.scene.people, self.scene.request.pk
        assert people.eve
        page = self.read(people.chen, f"{ACCESS}?person=priya&right=decide&number=%23{number}")
        page.has("No Priya Nair may not decide on", "Priya Nair opened this request", "SoD-1")
        self.read(people.chen, f"{ACCESS}?person=marta&number={number}").has(
            "Yes Marta Kovač may decide on", "risk-team"
        )
        page = self.read(people.chen, f"{ACCESS}?person=eve&right=register")
        page.has("No Eve Outsider may not", "None of their roles allows it", "can give one")
        self.read(people.chen, f"{ACCESS}?person=nobody").has("no account with the user name")
        self.read(people.chen, f"{ACCESS}?person=eve&number=99999").has("no promotion request")
        self.read(people.chen, f"{ACCESS}?person=eve&number=x").has("Enter the number of a promotion request")

    def test_giving_and_taking(self) -> None:
        people = self.scene.people
        assert people.eve
        client = self.as_(people.chen)
        given = {"role": "viewer", "subject": "eve", "until": in_days(30), "reason": "helps out"}
        assert client.post(f"{ACCESS}give/", given).status_code == 302
        grant = Grant.objects.get(user=people.eve)
        assert grant.expires_at is not None
        again = client.post(f"{ACCESS}give/", given)
        assert again.status_code == 400
        Page(again).has("holds the role viewer already, until")
        for change, said in (
            ({"subject": "nobody"}, "no account and no group"),
            ({"subject": "chen"}, "You cannot assign a role to yourself"),
            ({"subject": "marta", "until": "2001-01-01"}, "This time is in the past"),
            ({"subject": "ci-retail", "role": "approver"}, "A service account cannot be approver"),
        ):
            assert people.ci_retail
            answer = client.post(f"{ACCESS}give/", {**given, **change})
            assert answer.status_code == 400
            Page(answer).has(said)
        assert client.post(f"{ACCESS}give/", {**given, "subject": "risk-team", "until": ""}).status_code == 302
        assert client.post(f"{ACCESS}{grant.uid}/revoke/", {"reason": ""}).status_code == 400
        assert client.post(f"{ACCESS}{grant.uid}/revoke/", {"reason": "done"}).status_code == 302
        assert not access.check_permission(actor_for(people.eve), Permission.VIEW, self.scene.model)
        assert client.post(f"{ACCESS}{grant.uid}/revoke/", {"reason": "done"}).status_code == 409

    def test_the_last_owner_stays(self) -> None:
        people = self.scene.people
        client = self.as_(people.ada)
        for user in (people.priya, people.chen):
            grant = Grant.objects.get(user=user, model=self.scene.model, role=Role.OWNER)
            answer = client.post(f"{ACCESS}{grant.uid}/revoke/", {"reason": "r"})
        assert answer.status_code == 409
        Page(answer).has("is the last active owner", "make another person owner without an end")

    def test_the_number_of_queries_does_not_grow(self) -> None:
        people = self.scene.people

        def queries() -> int:
            return count_page_queries(self.as_(people.chen), ACCESS)

        few = queries()
        for _ in range(15):
            somebody = factories.person()
            factories.grant(Role.DEVELOPER, to=somebody, on=self.scene.model)
            factories.grant(Role.VALIDATOR, to=factories.group(None, somebody), on=self.scene.model)
        assert queries() == few <= 25, few


class TestAsking(PageTest):
    """From a closed page to an open one, and back when the time is over."""

    def ask(self, person: User, **change: Any) -> AccessRequest:
        until = clock.now() + 60 * DAY
        asked: dict[str, Any] = {"slug": "credit-risk-pd", "role": "developer", "purpose": "the winter project"}
        return access_requests.create_access_request(actor=actor_for(person), **{**asked, "until": until, **change})

    def test_a_closed_page_offers_to_ask_and_tells_nothing(self) -> None:
        eve = self.scene.people.eve
        there, absent = self.read(eve, "/models/credit-risk-pd/", 404), self.read(eve, "/models/no-such-model/", 404)
        there.has("Request access")
        assert "/access-requests/new/?model=credit-risk-pd&amp;role=viewer" in there.html
        assert "/access-requests/new/?model=no-such-model&amp;role=viewer" in absent.html
        pages = [
            Page(
                self.as_(eve).post(
                    "/access-requests/new/",
                    {"model": slug, "role": "viewer", "purpose": "p", "until": in_days(9)},
                    follow=True,
                )
            )
            for slug in ("credit-risk-pd", "no-such-model")
        ]
        for page in pages:
            page.has("Waiting for an answer", "an owner of the model", "Withdraw")
            page.has_not("The model", "event")

    def test_a_refusal_names_the_role_to_ask_for(self) -> None:
        people = self.scene.people
        page = self.read(people.marta, "/models/credit-risk-pd/versions/1/promote/", 403)
        page.has("Request access")
        assert "role=developer" in page.html

    def test_from_asking_to_the_end(self) -> None:
        people = self.scene.people
        request = self.ask(people.eve)
        self.read(people.chen, "/reviews/").has("Access requests", "developer on credit-risk-pd", "the winter project")
        page = self.read(people.chen, f"/access-requests/{request.pk}/")
        page.has("Eve Outsider asks to be developer", "your answer", "Grant", "Deny")
        answer = self.as_(people.chen).post(
            f"/access-requests/{request.pk}/grant/", {"grant-until": in_days(7), "grant-reason": "a week"}
        )
        assert answer.status_code == 302
        self.read(people.eve, f"/access-requests/{request.pk}/").has("Granted", "Chen Wei", "a week", "held until")
        self.read(people.eve, "/profile/").has("Roles you requested", "Granted", "developer")
        self.read(people.eve, "/models/credit-risk-pd/")
        with clock.freeze(clock.now() + 9 * DAY):
            self.read(people.eve, "/models/credit-risk-pd/", 404)
            self.read(people.eve, f"/access-requests/{request.pk}/").has("ended")

    def test_denying(self) -> None:
        people = self.scene.people
        request = self.ask(people.eve)
        client = self.as_(people.chen)
        assert client.post(f"/access-requests/{request.pk}/deny/", {"deny-reason": ""}).status_code == 400
        late = client.post(f"/access-requests/{request.pk}/grant/", {"grant-until": in_days(90)})
        assert late.status_code == 400
        Page(late).has("The end cannot be later than requested")
        assert client.post(f"/access-requests/{request.pk}/deny/", {"deny-reason": "not here"}).status_code == 302
        self.read(people.eve, f"/access-requests/{request.pk}/").has("Denied", "not here")
        again = client.post(f"/access-requests/{request.pk}/grant/", {"grant-until": in_days(5)})
        assert again.status_code == 409
        Page(again).has("denied already")

    def test_withdrawing_and_the_list(self) -> None:
        people = self.scene.people
        request = self.ask(people.eve)
        self.read(people.eve, "/access-requests/").has("developer on credit-risk-pd")
        self.read(people.chen, "/access-requests/").has("Waits for your answer")
        self.read(people.marta, "/access-requests/").has("No access requests")
        self.read(people.marta, f"/access-requests/{request.pk}/", 404)
        assert self.as_(people.eve).post(f"/access-requests/{request.pk}/withdraw/").status_code == 302
        self.read(people.eve, f"/access-requests/{request.pk}/").has("Withdrawn")

    def test_faults_of_the_form(self) -> None:
        client = self.as_(self.scene.people.eve)
        asked = {"model": "credit-risk-pd", "role": "viewer", "purpose": "p", "until": in_days(9)}
        for change, said in (
            ({"model": "Not A Name"}, "A model's name has"),
            ({"purpose": ""}, "This field is required"),
            ({"until": in_days(300)}, "At most 180 days"),
            ({"until": "2001-01-01"}, "This time is in the past"),
        ):
            answer = client.post("/access-requests/new/", {**asked, **change})
            assert answer.status_code == 400
            Page(answer).has(said)
        assert client.post("/access-requests/new/", {**asked, "until": in_days(180)}).status_code == 302
        Page(client.post("/access-requests/new/", asked)).has("waits for an answer")
