"""No address is left out: whatever the product answers is tried by the table or said here to need no trying."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from governance.interfaces.admin.site import site
from tests.permission_matrix.actors import World
from tests.permission_matrix.holding import callers, selected
from tests.permission_matrix.interfaces.admin import ADMIN, address
from tests.permission_matrix.interfaces.attempts import Caller, InterfaceAttempts
from tests.permission_matrix.interfaces.mlflow import MLFLOW
from tests.permission_matrix.interfaces.page import PAGE, answer_of, browser
from tests.permission_matrix.interfaces.rest import REST, ROOT
from tests.permission_matrix.interfaces.service import SERVICE
from tests.permission_matrix.observed import track_writes
from tests.permission_matrix.routes import BESIDE, OPEN, Route, commands, operations, page_routes, patterns
from tests.permission_matrix.table import ACTIONS, PEOPLE_MAY, TOKENS_MAY, ExpectedResult, Interface, expected

PAGES, OPERATIONS = page_routes(), operations()
READS = ("changelist", "change", "history")
LOG = "admin:audit_event"


def tried(interface_attempts: InterfaceAttempts) -> set[str]:
    return {route for attempt in interface_attempts.all for route in attempt.routes}


def test_every_page_is_tried() -> None:
    found = {route.name for route in PAGES}
    assert found == {name for name in tried(PAGE) | OPEN.keys() | BESIDE.keys() if " web:" in name}
    assert not tried(PAGE) & (OPEN.keys() | BESIDE.keys())


def test_every_operation_of_the_interface_is_tried() -> None:
    found = {route.name for route in OPERATIONS}
    assert found - OPEN.keys() == tried(REST)


def test_every_address_of_the_mlflow_interface_is_tried() -> None:
    """Under the one prefix; the other answers with the same views."""
    found = {f"mlflow:{pattern.name}" for interface, _, pattern in patterns() if interface == "mlflow"}
    assert found - BESIDE.keys() == tried(MLFLOW)


def test_every_command_of_the_admin_site_is_tried() -> None:
    assert {route for route in tried(ADMIN) if route not in ("GET admin:index", f"GET {LOG}_changelist")} == commands()


def test_every_other_address_of_the_admin_site_reads_or_never_opens() -> None:
    """By its name; what these names stand for is tried below."""
    known = {name.partition(" ")[2] for name in tried(ADMIN) | BESIDE.keys()}
    for interface, _, pattern in patterns():
        if interface == "admin" and pattern.name is not None and f"admin:{pattern.name}" not in known:
            assert pattern.name.rpartition("_")[2] in (*READS, "add", "delete"), pattern.name


def test_there_is_no_other_interface() -> None:
    """A new front room has to be given its place in the table."""
    assert {interface for interface, _, _ in patterns()} == {
        *("web", "api", "admin", "mlflow", "mlflow-ajax", "mlflow-3", "mlflow-3-ajax", "")
    }
    assert {str(pattern.name) for interface, _, pattern in patterns() if not interface} <= OPEN.keys()


def test_every_action_is_offered_where_the_table_says() -> None:
    offered = {
        action: {k.interface for k in (SERVICE, PAGE, REST, MLFLOW, ADMIN) if any(n.action == action for n in k.all)}
        for action in ACTIONS
    }
    assert offered == {action: set(row.interfaces) for action, row in PEOPLE_MAY.items()}
    for action, row in TOKENS_MAY.items():
        assert row.interfaces == PEOPLE_MAY[action].interfaces & {
            Interface.SERVICE,
            Interface.REST,
            Interface.MLFLOW,
        }, action


@pytest.mark.parametrize(
    ("of_a_list", "of_one"),
    [("find the model in a list", "view the model"), ("find the request in a list", "view a request")],
)
def test_a_list_shows_what_opens(of_a_list: str, of_one: str) -> None:
    for may in (PEOPLE_MAY, TOKENS_MAY):
        assert may[of_a_list].verdicts == may[of_one].verdicts


@pytest.mark.parametrize(
    "interface_attempts", [SERVICE, PAGE, REST, MLFLOW, ADMIN], ids=lambda kind: kind.interface.name
)
def test_a_short_run_tries_each_verdict_and_each_caller(interface_attempts: InterfaceAttempts) -> None:
    interface = interface_attempts.interface
    tried_at_all: set[Caller] = set()
    for attempt in interface_attempts.all:
        everybody, tried = callers(interface, attempt.action), selected(interface, attempt)
        by_verdict = {c: expected(interface, attempt.action, c.key, token=c.token) for c in everybody}
        assert {by_verdict[caller] for caller in tried} == set(by_verdict.values()), attempt.name
        left_out = {caller for caller in everybody if caller not in tried}
        assert {by_verdict[caller] for caller in left_out if not caller.token} <= {ExpectedResult.ALLOWED}, attempt.name
        tried_at_all |= set(tried)
    assert tried_at_all == {
        caller for attempt in interface_attempts.all for caller in callers(interface, attempt.action)
    }


CLOSED = [route for route in PAGES if route.name not in OPEN]


@pytest.mark.parametrize("route", CLOSED, ids=[route.name for route in CLOSED])
def test_no_page_opens_by_a_token(world: World, route: Route) -> None:
    """Nor without a session: what a token may use through the interface, it may not open in a browser."""
    client = Client(headers={"Authorization": f"Bearer {world.secrets['oz']}"})
    with track_writes() as trace:
        for browsing in (client, Client()):
            response = browsing.generic(route.name.partition(" ")[0], route.path)
            assert answer_of(response).verdict is ExpectedResult.SIGN_IN
    assert not trace.rows
    assert not trace.events


def test_the_interface_opens_by_no_session(world: World) -> None:
    for path in ("/whoami", "/models", "/policies", "/audit/events"):
        assert browser(world, "su").get(ROOT + path).status_code == 401


# --- what the admin site shows, and what it never does ---

ROOMS = {f"admin:{kind._meta.app_label}_{kind._meta.model_name}": kind for kind in site._registry}
ENTERS = {"au": True, "ad": False, "ow": None, "an": None}
"""Whether they read the log; None where the site is closed to them."""
WITHOUT_ROW = ("admin:governance_impact", "admin:governance_emergencychange")
"""The bank has none of these; the tests of the admin site open the pages of such a row."""


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("key", ENTERS)
def test_access_to_each_model_admin(world: World, room: str, key: str) -> None:
    kind = ROOMS[room]
    row = kind._default_manager.order_by("pk").first()
    assert row is not None or room in WITHOUT_ROW, "the bank has one of everything else"
    client = browser(world, key)
    opens = (
        ExpectedResult.SIGN_IN
        if key == "an"
        else ExpectedResult.ALLOWED
        if ENTERS[key] is not None
        else ExpectedResult.DENIED
    )
    reads = ExpectedResult.DENIED if room == LOG and ENTERS[key] is False else opens
    never = ExpectedResult.DENIED if opens is ExpectedResult.ALLOWED else opens
    with track_writes() as trace:
        for page in READS if row is not None else ("changelist",):
            path = address(kind, page, None if page == "changelist" else row)
            assert answer_of(client.get(path)).verdict is reads, page
        for method in ("GET", "POST"):
            if row is not None:
                assert answer_of(client.generic(method, address(kind, "delete", row))).verdict is never
            if f"GET {room}_add" not in commands():
                assert answer_of(client.generic(method, address(kind, "add"))).verdict is never
    assert not trace.rows
    assert not trace.events


def test_what_stands_beside_the_table_in_the_admin_site_is_for_those_who_enter(world: World) -> None:
    for name, answers in (("confirm", 200), ("jsi18n", 200)):
        assert browser(world, "of").get(reverse(f"admin:{name}")).status_code in (answers, 302)
        assert browser(world, "ow").get(reverse(f"admin:{name}")).status_code == 403
