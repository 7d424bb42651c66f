"""Models in a stage on a date: page, CSV file and API return the same population."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from audit import clock
from governance.csv_lines import cell_text
from tests.governance.interfaces.web.scene import PageTest
from tests.page_queries import count_page_queries

MOST_QUERIES = 25


class TestPopulation(PageTest):
    """What was in Production, and when."""

    def test_the_list_names_version_request_and_approvers(self) -> None:
        ingrid = self.scene.people.ingrid
        response = self.get(ingrid, "/stages/")
        assert response["Location"] == "/stages/production/"
        page = self.read(ingrid, "/stages/production/")
        page.has("credit-risk-pd v1", "Marta Kovač, Aiko Tanaka", "still there", "Tier 1", "(now)")
        page.has_not("credit-risk-pd v2")
        assert '<a href="/promotions/' in page.html

    def test_a_day_before_the_promotion_has_nothing(self) -> None:
        day = (clock.now() - timedelta(days=2)).date().isoformat()
        self.read(self.scene.people.ingrid, f"/stages/production/?on={day}").has("No version was in Production then")
        today = clock.now().date().isoformat()
        self.read(self.scene.people.ingrid, f"/stages/production/?on={today}").has("credit-risk-pd v1")

    def test_a_form_without_javascript_changes_stage_and_day(self) -> None:
        found = self.get(self.scene.people.ingrid, "/stages/?stage=staging&on=2026-01-31")
        assert found["Location"] == "/stages/staging/?on=2026-01-31"

    def test_a_day_that_is_none_is_named(self) -> None:
        self.read(self.scene.people.ingrid, "/stages/production/?on=31.1.2026", 400).has("Write a date as 2027-03-31")
        self.read(self.scene.people.ingrid, "/stages/nowhere/", 404)

    def test_others_see_the_models_they_may_see(self) -> None:
        self.read(self.scene.people.eve, "/stages/production/").has_not("credit-risk-pd")

    def test_the_csv_file_has_the_same_rows(self) -> None:
        answer = self.get(self.scene.people.ingrid, "/stages/production/?download=csv")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.bytes.decode("utf-8-sig"))))
        assert [(row["model"], row["version"], row["approved_by"]) for row in rows] == [
            ("credit-risk-pd", "1", "Marta Kovač; Aiko Tanaka")
        ]
        assert rows[0]["request"].startswith("#")

    def test_no_cell_is_a_formula(self) -> None:
        assert cell_text("=1+1") == "'=1+1"
        assert cell_text("@x") == "'@x"
        assert cell_text("x;=HYPERLINK(1)") == "x;'=HYPERLINK(1)"
        assert cell_text("a\n ＝1") == "a\n' ＝1"
        assert cell_text("a - b; c") == "a - b; c"
        assert cell_text("plain") == "plain"
        assert cell_text(None) == ""

    def test_queries_are_bounded(self) -> None:
        client = self.as_(self.scene.people.ingrid)
        assert count_page_queries(client, "/stages/production/") <= MOST_QUERIES
