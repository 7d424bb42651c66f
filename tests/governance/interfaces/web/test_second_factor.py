"""The page of the second factor, and a decision that is signed with it."""

from __future__ import annotations

import re

from audit import clock
from registry import totp
from registry.models import SecondFactor
from registry.services import second_factors
from tests.factories import PASSWORD
from tests.governance.interfaces.web.scene import Page, PageTest


class TestSecondFactor(PageTest):
    """A reviewer enrols an app, signs with it, and removes it."""

    def test_enrolling_signing_and_removing(self) -> None:
        marta = self.scene.people.marta
        client = self.as_(marta)
        page = Page(client.get("/profile/second-factor/"))
        page.has("Enrol an authenticator app")
        shown = re.search(r'id="key">([A-Z2-7 ]+)<', page.html)
        assert shown is not None
        offered = second_factors.resume(marta, page.fields["ticket"])
        assert offered.base32 == shown[1]

        def code(steps: int = 0) -> str:
            return totp.code_of(offered.secret, totp.step_at(clock.now()) + steps)

        given = {"ticket": offered.ticket, "code": "000000", "password": PASSWORD}
        wrong = Page(client.post("/profile/second-factor/", given))
        wrong.has("This code is wrong or was used before.", shown[1])
        assert wrong.fields["ticket"] == offered.ticket, "the same key, which is in the app already"
        assert Page(client.post("/profile/second-factor/", {**given, "ticket": "x"})).fields["ticket"] != "x"
        answer = client.post("/profile/second-factor/", {**given, "code": code(-1)})
        assert answer.status_code == 201
        Page(answer).has("each works once", "10 recovery codes left")
        codes = answer.context["codes"]
        self.read(marta, "/profile/second-factor/").has_not(codes[0])

        address = f"/promotions/{self.scene.request.pk}/decision/"
        signed = {
            "outcome": "approve", "comment": "Looked at it.", "password": PASSWORD,
            "packet": self.scene.request.packet_digest,
        }  # fmt: skip
        refused = client.post(address, signed)
        assert refused.status_code == 400
        Page(refused).has("That is not your password followed by a code")
        assert client.post(address, {**signed, "code": code()}).status_code == 302
        assert self.scene.request.decisions.get().signed_method == "password_totp"
        self.read(marta, f"/promotions/{self.scene.request.pk}/").has("and code of the authenticator app")

        removed = client.post(
            "/profile/second-factor/remove/", {"remove-password": PASSWORD, "remove-code": codes[0]}, follow=True
        )
        Page(removed).has("The second factor is removed.")
        assert SecondFactor.objects.get().closed_at is not None

    def test_a_locked_reviewer_reads_why_and_administrators_see_it(self) -> None:
        people = self.scene.people
        client = self.as_(people.aiko)
        signed = {
            "outcome": "approve", "comment": "Looked at it.", "password": "wrong",
            "packet": self.scene.request.packet_digest,
        }  # fmt: skip
        for _ in range(5):
            client.post(f"/promotions/{self.scene.request.pk}/decision/", signed)
        answer = client.post(f"/promotions/{self.scene.request.pk}/decision/", {**signed, "password": PASSWORD})
        assert answer.status_code == 403
        Page(answer).has("Signing with your account is locked, because of 5 wrong passwords or codes.")
        self.read(people.ada, "/models/").has("locked for signing")
        self.read(people.priya, "/models/").has_not("locked for signing")
