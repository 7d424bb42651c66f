"""The catalogue: filters in the URL, keyset pages, and a constant number of queries."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client, TestCase
from django.utils import timezone

from audit import clock
from governance.selectors.search import VOCABULARY
from registry.access import Role
from registry.models import RegisteredModel, User
from tests import factories
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Page, PageTest
from tests.page_queries import count_page_queries
from tests.personas import People


def names(page: Page) -> list[str]:
    return re.findall(r'class="rowlink" href="/models/([^/"]+)/"', page.html)


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="registry.access.backend.RoleBackend")
    return client


class TestFinding(TestCase):
    """Thirty models, half of them with something to tell."""

    people: People

    @classmethod
    def setUpTestData(cls) -> None:
        cls.people = people = People()
        factories.lifecycle()
        today = timezone.localtime(clock.now()).date()
        for n in range(30):
            factories.model(
                people.priya,
                f"model-{n:02}",
                risk_tier=(1, 2, 3, None)[n % 4],
                team="Fraud" if n % 5 == 0 else "Credit",
                purpose="Finds chargebacks" if n == 7 else "",
                next_review=today - timedelta(days=3) if n == 11 else today + timedelta(days=90),
            )
        factories.model(people.chen, "chens-own", risk_tier=2)

    def get(self, path: str, person: User | None = None, headers: dict[str, str] | None = None) -> Page:
        answer = signed_in(person or self.people.priya).get(path, headers=headers)
        assert answer.status_code == 200
        return Page(answer)

    def test_every_model_is_on_exactly_one_page_forwards_and_backwards(self) -> None:
        for sort in ("attention", "name", "updated"):
            path, seen, pages = f"/models/?sort={sort}", [], []
            while path:
                page = self.get(path)
                pages.append(names(page))
                seen += names(page)
                found = re.search(r'href="(\?[^"]+)" rel="next"', page.html)
                path = f"/models/{found[1].replace('&amp;', '&')}" if found else ""
            assert len(seen) == len(set(seen)) == 30, sort
            back = re.search(r'href="(\?[^"]+)" rel="prev"', page.html)
            assert back is not None
            assert names(self.get(f"/models/{back[1].replace('&amp;', '&')}")) == pages[-2], sort

    def test_a_cursor_written_by_hand_is_the_first_page(self) -> None:
        first = names(self.get("/models/?sort=name"))
        for cursor in ("nonsense", "WzFd", "WyJcdTAwMDAiXQ", "W251bGxd", "WyJhIiwiYiIsImMiXQ", "a" * 5000):
            assert names(self.get(f"/models/?sort=name&after={cursor}")) == first

    def test_filters_narrow_and_can_be_taken_away_one_by_one(self) -> None:
        page = self.get("/models/?tier=1&stage=production")
        assert names(page) == []
        page.has("No model matches", "risk tier 1, stage production", "Clear filters")
        assert 'href="/models/?stage=production"' in page.html
        assert len(names(self.get("/models/?tier=none"))) == 7
        assert names(self.get("/models/?needs=review")) == ["model-11"]
        assert len(names(self.get("/models/?team=Fraud"))) == 6
        assert names(self.get("/models/?owner=@me", self.people.chen)) == ["chens-own"]

    def test_words_in_the_box_are_filters_as_well(self) -> None:
        assert names(self.get("/models/?q=chargebacks")) == ["model-07"]
        assert len(names(self.get("/models/?q=tier:2 team:Fraud"))) == 2
        page = self.get("/models/?q=tier:9 note: nothing")
        assert 'value="tier:9 note: nothing"' in page.html
        page.has("The query is not valid", "takes 1, 2, 3 or none, not “9”", "Unknown filter “note”")
        assert "<code>tier:<mark>9</mark> note: nothing</code>" in page.html
        assert names(page) == []

    def test_what_was_probably_meant_is_one_link_away(self) -> None:
        page = self.get("/models/?q=teir:2 team:Fraud")
        page.has("Did you mean “tier”?")
        assert 'href="/models/?q=tier%3A2+team%3AFraud"' in page.html
        page = self.get("/models/?q=stage:produktion")
        page.has("There is no stage “produktion”. Did you mean “production”?", "development, staging, production")
        assert 'href="/models/?q=stage%3Aproduction"' in page.html

    def test_each_condition_is_a_chip_that_a_link_takes_away(self) -> None:
        page = self.get("/models/?q=chargebacks tier:<=3 -team:Credit&status=any")
        assert names(page) == []
        page.has("Risk tier ≤ 3", "Team not Credit", "Text chargebacks", "State any")
        for without in (
            "q=tier%3A%3C%3D3+-team%3ACredit&amp;status=any",
            "q=chargebacks+-team%3ACredit&amp;status=any",
        ):
            assert f'href="/models/?{without}"' in page.html, without
        assert 'href="/models/?q=chargebacks+tier%3A%3C%3D3+-team%3ACredit"' in page.html
        assert len(names(self.get("/models/?q=team:fraud&tier=2"))) == 2

    def test_what_can_only_be_a_reference_leads_to_what_it_names(self) -> None:
        client = signed_in(self.people.priya)
        made = factories.version(RegisteredModel.objects.get(slug="model-01"), self.people.priya)
        answer = client.get(f"/models/?q={made.fingerprint}")
        assert (answer.status_code, answer["Location"]) == (302, "/models/model-01/versions/1/")
        part = client.get("/models/?q=model-01@latest", headers={"HX-Request": "true", "HX-Target": "results"})
        Page(part).has("Go to model-01@latest")
        assert client.get(f"/models/?q={'0' * 64}").status_code == 200

    def test_the_help_lists_every_word(self) -> None:
        page = self.get("/search/help/")
        page.has(*(word.help_text[:1].upper() + word.help_text[1:] for word in VOCABULARY))
        page.has("A user name, or @me; or none")
        for word in VOCABULARY:
            for example in word.examples:
                self.get(f"/models/?q={quote(example)}").has_not("The query is not valid")

    def test_overdue_reviews_come_first(self) -> None:
        assert names(self.get("/models/"))[0] == "model-11"
        self.get("/models/").has("3 days overdue", "reviews overdue")

    def test_htmx_is_given_the_results_and_a_browser_the_page(self) -> None:
        part = self.get("/models/?tier=1", headers={"HX-Request": "true", "HX-Target": "results"})
        assert "<html" not in part.html
        assert part.html.strip().startswith('<div id="results">')
        assert len(names(part)) == 8
        assert "<html" in self.get("/models/?tier=1").html

    def test_no_list_shows_or_counts_what_they_may_not_see(self) -> None:
        page = self.get("/models/", self.people.eve)
        page.has("0 models you can see", "No models yet")
        page.has_not("model-")

    def test_the_first_time_text_is_not_shown_for_an_empty_filter(self) -> None:
        self.get("/models/?q=zzzz", self.people.eve).has_not("No models yet")

    def test_an_auditor_is_not_offered_what_they_may_not_do(self) -> None:
        self.get("/models/", self.people.ingrid).has_not("Register model")


class TestCost(PageTest):
    """Queries per page: a number that does not grow with the data.

    Who may approve is computed once for a page: three queries for the reader, three for each list of requests that is
    not known from another. Findings, waivers, delegations, roles on models and conflicts of interest are one query
    each.
    """

    ceilings = {  # noqa: RUF012  # never changed
        "/models/": 50,
        "/reviews/": 44,
        "/promotions/?state=any": 26,
        "/models/credit-risk-pd/": 54,
        "/models/credit-risk-pd/versions/2/": 65,  # what each target lacks, and who would be asked: 20
        "/models/credit-risk-pd/compare/v1..v2/": 29,
        "/audit/?model=credit-risk-pd": 30,
        "/profile/": 25,
        "/profile/tokens/": 18,
    }

    def cost(self, path: str) -> int:
        return count_page_queries(self.as_(self.scene.people.marta), path)

    def test_ceilings_hold_and_do_not_grow_with_the_data(self) -> None:
        ceilings = {**self.ceilings, f"/promotions/{self.scene.request.pk}/": 46}
        before = {path: self.cost(path) for path in ceilings}
        over = {path: (n, ceilings[path]) for path, n in before.items() if n > ceilings[path]}
        assert not over, over
        people = self.scene.people
        for n in range(4):
            model = factories.assessed(factories.model(people.priya, f"another-{n}", risk_tier=2, team="Credit"))
            for auc in (0.85, 0.86):
                made = scenes.version(model, people.priya, auc=auc)
            scenes.promoted(made, people.priya, "staging")
            scenes.promoted(made, people.priya, "production")
            factories.grant(Role.VIEWER, to=factories.person(), on=self.scene.model)
        for auc in (0.88, 0.89):
            scenes.version(self.scene.model, people.priya, auc=auc)
        self.scene.decide(people.aiko)
        after = {path: self.cost(path) for path in before}
        # A decision was recorded, so the memberships of the signers are read (three), and the involvement in the
        # requests that they or the reader can decide (three), each for all requests of the page together.
        grown = {path: (before[path], after[path]) for path in before if after[path] > before[path] + 6}
        assert not grown


@pytest.mark.parametrize("path", ["/models/", "/promotions/", "/audit/?model=x"])
def test_a_list_is_a_form_that_works_by_get(client: Client, priya: User, path: str) -> None:
    factories.lifecycle()
    factories.model(priya, "x")
    page = Page(signed_in(priya).get(path))
    form = next(a for tag, a in page.tags if tag == "form" and a.get("role") == "search" and a.get("action") != "/go/")
    assert form["method"] == "get"
    assert form["hx-push-url"] == "true"
    assert form["action"] == form["hx-get"]


@pytest.mark.parametrize(
    "moment", ["2026-07-01T00:00:00+16:00", "2026-07-01 00:00:00-2359", "9999-12-31T23:59:59-01:00"]
)
def test_a_cursor_with_a_moment_that_the_database_refuses_leads_to_the_first_page(people: People, moment: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([moment, "a"]).encode()).decode()
    for way in ("after", "before"):
        assert signed_in(people.marta).get(f"/models/?sort=updated&{way}={cursor}").status_code == 200
