"""Saved views: saved from the current filter, shown as tabs with counts, shared, renamed, deleted; without scripts."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from registry.access import Role
from registry.models import RegisteredModel, SavedView
from tests import factories
from tests.governance.interfaces.web.scene import Page
from tests.governance.interfaces.web.test_catalogue import names, signed_in
from tests.page_queries import count_page_queries
from tests.personas import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(lifecycle: None, people: People) -> list[RegisteredModel]:
    """Six models of Priya's, two of each tier; Aiko sees two of them."""
    made = [factories.model(people.priya, f"model-{n}", risk_tier=n % 3 + 1) for n in range(6)]
    for model in made[:2]:
        factories.grant(Role.VIEWER, to=people.aiko, on=model)
    return made


def keep(client: Client, name: str, query: str, **more: str) -> Page:
    return Page(client.post("/search/views/", {"name": name, "query": query, **more}, follow=True))


def tabs(page: Page) -> dict[str, str]:
    found = re.search(r'<nav class="savedtabs".*?</nav>', page.html, re.DOTALL)
    assert found is not None
    plain = re.findall(r"<a [^>]*>(.*?)</a>", found[0], re.DOTALL)
    said = [re.sub(r"<[^>]+>", "", text).split() for text in plain]
    return {" ".join(words[:-1]): words[-1] for words in said if words != ["Edit", "views"]}


def test_a_filter_is_kept_and_comes_back_as_a_tab(shelf: list[RegisteredModel], people: People) -> None:
    client = signed_in(people.priya)
    form = Page(client.get("/models/?q=model&tier=1"))
    assert 'name="query" value="model tier:1"' in form.html
    page = keep(client, "Tier one", "model  tier:1")
    page.has("“Tier one” is saved in your views.")
    assert names(page) == ["model-0", "model-3"]
    assert tabs(page) == {"All": "6", "Tier one": "2"}
    assert re.search(r'aria-current="page">Tier one', page.html)
    assert "Save as view" not in page.html, "it is kept already"


def test_a_shared_view_is_shown_to_everybody_with_what_they_may_see(
    shelf: list[RegisteredModel], people: People
) -> None:
    keep(signed_in(people.priya), "Strict", "tier:<=2", shared="on")
    keep(signed_in(people.priya), "Private", "tier:3")
    page = Page(signed_in(people.aiko).get("/models/"))
    assert tabs(page) == {"All": "2", "Strict shared by Priya Nair": "2"}
    assert tabs(Page(signed_in(people.eve).get("/models/?q=x"))) == {"All": "0", "Strict shared by Priya Nair": "0"}
    page.has_not("Private", "Edit views")


def test_what_cannot_be_kept_says_why(shelf: list[RegisteredModel], people: People) -> None:
    client = signed_in(people.priya)
    keep(client, "Mine", "tier:1")
    for name, query, said in (
        ("mine", "tier:2", "You have a view “mine” already"),
        ("", "tier:2", "name"),
        ("x" * 61, "tier:2", "60"),
        ("Empty", "  ", "There is nothing to keep"),
        ("Wrong", "teir:1", "Did you mean “tier”?"),
    ):
        keep(client, name, query).has(said)
    assert [view.name for view in SavedView.objects.all()] == ["Mine"]


def test_only_its_owner_changes_or_deletes_a_view(shelf: list[RegisteredModel], people: People) -> None:
    keep(signed_in(people.priya), "Mine", "tier:1", shared="on")
    view = SavedView.objects.get()
    for fields in ({"name": "Stolen"}, {"delete": "1"}):
        assert signed_in(people.aiko).post(f"/search/views/{view.pk}/", fields).status_code == 404
    client = signed_in(people.priya)
    page = Page(client.post(f"/search/views/{view.pk}/", {"name": "Renamed"}, follow=True))
    page.has("The view is changed.", "tier:1")
    view.refresh_from_db()
    assert (view.name, view.shared) == ("Renamed", False)
    Page(client.post(f"/search/views/{view.pk}/", {"delete": "1"}, follow=True)).has("No saved view yet")
    assert not SavedView.objects.exists()


def test_a_view_whose_words_are_gone_says_so_and_breaks_nothing(shelf: list[RegisteredModel], people: People) -> None:
    keep(signed_in(people.priya), "Old", "tier:1")
    SavedView.objects.update(query="stage:canary")
    page = Page(signed_in(people.priya).get("/models/"))
    page.has("this query cannot be read any more")
    assert signed_in(people.priya).get("/models/?q=stage:canary").status_code == 200


def test_tabs_cost_the_same_however_many_there_are(shelf: list[RegisteredModel], people: People) -> None:
    def cost() -> int:
        return count_page_queries(signed_in(people.priya), "/models/")

    keep(signed_in(people.priya), "First", "stage:development")
    before = cost()
    for n in range(5):
        keep(signed_in(people.priya), f"View {n}", f"stage:development tier:{n % 3 + 1} text")
        keep(signed_in(people.aiko), f"Theirs {n}", "stage:production request:live", shared="on")
    assert cost() == before
