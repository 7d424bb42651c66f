"""The page of production signals, and the page of a finding."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from audit import clock
from governance.models import Finding
from governance.monitoring.reports import Report, Signal
from governance.selectors.signals import points_of
from governance.services import signals
from registry import access
from tests.fixtures.scenes import Share
from tests.governance.monitoring.conftest import ENTERED, Scene, auc, build, psi
from tests.personas import People


@pytest.fixture(scope="module")
def _shared_scene(share_scene: Share) -> Scene:
    made: Scene = share_scene(build)
    return made


@pytest.fixture
def scene(_shared_scene: Scene, people: People) -> Scene:
    people.take(_shared_scene.people)
    return Scene(people, _shared_scene.model, _shared_scene.version)


def client_of(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]  # an account of the scene
    return client


def test_signals_are_drawn_with_limits_and_listed(scene: Scene) -> None:
    for day in range(1, 6):
        scene.report(day, [auc(0.85 if day < 5 else 0.7, sample_size=400), psi(0.1)])
    with clock.freeze(ENTERED + timedelta(days=5)):
        shown = client_of(scene.people.priya).get("/models/churn/versions/1/signals/").content.decode()
        overview = client_of(scene.people.priya).get("/models/churn/versions/1/").content.decode()
        model = client_of(scene.people.priya).get("/models/churn/").content.decode()
        catalogue = client_of(scene.people.priya).get("/models/").content.decode()
    assert 'aria-label="auc from 2026-07-02 to 2026-07-06; last 0.7; approved limit ≥ 0.8"' in shown
    assert "Beyond the limit" in shown
    assert "monitored-staging v1" in shown
    assert 'class="lc-p bad"' in shown
    for page in (shown, overview, model, catalogue):
        assert "Breached" in page


def test_a_version_that_reported_nothing_has_a_page(scene: Scene) -> None:
    with clock.freeze(ENTERED + timedelta(days=9)):
        page = client_of(scene.people.priya).get("/models/churn/versions/1/signals/?days=365").content.decode()
    assert "Nothing reported yet" in page
    assert "no report for more than 7 days" in page


def test_a_chart_is_bounded_and_keeps_the_extremes(scene: Scene) -> None:
    at = [ENTERED + timedelta(minutes=n) for n in range(900)]
    values = [Signal("p95", -5.0 if n == 450 else 300.0 if n == 451 else float(n % 7), at=at[n]) for n in range(900)]
    with clock.freeze(at[-1]):
        made = signals.record_report(
            actor=access.actor_for(scene.people.priya),
            version=scene.version,
            report=Report("x", at[0], at[-1], values),
        )
    (series,) = made.report.values.values_list("series_id", flat=True).distinct()
    points = points_of([series], at[0], at[-1])[series]
    assert 150 <= len(points) <= 204
    assert (min(p.value for p in points), max(p.value for p in points)) == (-5.0, 300.0)
    assert [p.at for p in points] == sorted(p.at for p in points)


def test_people_act_on_the_page_of_a_finding(scene: Scene) -> None:
    scene.report(1, [auc(0.7)])
    number = Finding.objects.get().pk
    with clock.freeze(ENTERED + timedelta(days=2)):
        priya, marta = client_of(scene.people.priya), client_of(scene.people.marta)
        assert "Acknowledge the finding" in priya.get(f"/findings/{number}/").content.decode()
        assert "Close the finding" not in priya.get(f"/findings/{number}/").content.decode()
        empty = priya.post(f"/findings/{number}/acknowledge/", {"note": ""})
        assert empty.status_code == 400
        assert priya.post(f"/findings/{number}/acknowledge/", {"note": "A late feed."}).status_code == 302
        assert priya.post(f"/findings/{number}/close/", {"reason": "Fine."}).status_code == 403
        assert marta.post(f"/findings/{number}/close/", {"reason": "Loaded again."}).status_code == 302
        again = marta.post(f"/findings/{number}/close/", {"reason": "Again."})
        assert (again.status_code, "closed already" in again.content.decode()) == (409, True)
        page = marta.get(f"/findings/{number}/").content.decode()
    assert "Closed by Marta Kovač" in page
    assert "opened a finding" in page
    assert client_of(scene.people.eve).get(f"/findings/{number}/").status_code == 404
