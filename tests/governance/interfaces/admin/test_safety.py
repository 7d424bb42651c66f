"""What the admin site never allows: deletion, direct edits, broken pages, a second log."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin import DateFieldListFilter
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from governance.interfaces.admin.site import site
from governance.interfaces.admin.urls import ADMINS
from governance.models import PolicyRevision, PromotionRequest
from registry.access import Role
from registry.exceptions import PermissionDeniedError
from registry.models import AccessToken, Grant, Membership, ReviewerGroup, User
from tests import factories
from tests.governance.interfaces.admin.conftest import Recorded, Visit, address
from tests.page_queries import count_page_queries
from tests.personas import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def mighty(officers: SimpleNamespace) -> User:
    """Somebody with every role the site knows, a superuser besides."""
    for role in (Role.OFFICER, Role.ADMINISTRATOR, Role.AUDITOR):
        factories.grant(role, to=officers.superuser)
    ada: User = officers.superuser
    return ada


def test_nothing_is_deleted_and_nothing_edited_raw(
    rows: dict[type[Model], Any], mighty: User, visit: Visit, recorded: Recorded
) -> None:
    client = visit(mighty, confirmed=True)
    before = {kind: kind._default_manager.count() for kind in ADMINS}
    with recorded() as events:
        for kind, row in rows.items():
            delete = address(row, "delete")
            assert client.get(delete).status_code == 403, kind
            assert client.post(delete, {"post": "yes"}).status_code == 403, kind
            action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
            assert client.post(address(kind, "changelist"), action).status_code == 405, kind
            raw = {"name": "x", "slug": "x", "state": "promoted", "is_superuser": "on", "_save": "Save"}
            assert client.post(address(row), raw).status_code == 405, kind
            assert client.post(address(row, "history"), raw).status_code == 405, kind
            assert client.post("/admin/", raw).status_code == 405

    assert events == []
    assert {kind: kind._default_manager.count() for kind in ADMINS} == before
    assert not LogEntry.objects.exists()


def test_no_model_admin_has_a_bulk_action_a_bare_save_or_a_log_of_its_own(
    rows: dict[type[Model], Any], rf: Any
) -> None:
    request = rf.get("/admin/")
    for kind, model_admin in site._registry.items():
        row: Any = rows[kind]
        assert model_admin.actions is None
        assert model_admin.list_editable == ()
        assert list(model_admin.inlines) == []
        with pytest.raises(PermissionDeniedError):
            model_admin.save_model(request, row, None, True)
        with pytest.raises(PermissionDeniedError):
            model_admin.delete_model(request, row)
        with pytest.raises(PermissionDeniedError):
            model_admin.delete_queryset(request, kind._default_manager.all())
        assert model_admin.log_addition(request, row, "") is None
        assert model_admin.log_change(request, row, "") is None
        assert model_admin.log_deletions(request, kind._default_manager.all()) is None
    assert not LogEntry.objects.exists()


def test_a_form_of_another_site_does_nothing(people: People, mighty: User, visit: Visit, recorded: Recorded) -> None:
    signed_in = visit(mighty, confirmed=True)
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in.cookies
    eve = people.eve
    with recorded() as events:
        answer = client.post(address(eve, "deactivate"), {"reason": "because"})
    assert answer.status_code == 403
    assert events == []


HOSTILE = [
    "q=%00",
    "q=%27%20OR%201%3D1--",
    "q=%22",
    "q=%22unclosed",
    "q=%F0%9F%92%A9%E2%80%AE",
    "q=" + "x" * 3_000,
    "q=" + "a+" * 200,
    "q=%3Cscript%3Ealert(1)%3C/script%3E",
    "p=99999999999999999999999",
    "p=-1",
    "p=x",
    "o=999.-5.x",
    "all=",
    "e=1",
    "_facets=1",
    "_popup=1",
    "_to_field=password",
    "id__exact=x",
    "id__exact=99999999999999999999999",
    "pk__in=1,x",
    "password__startswith=a",
    "digest__startswith=a",
    "person__password__contains=a",
    "user__password__startswith=pbkdf2",
    "created_at__gte=zzz",
    "created_at__gte=999999-01-01",
    "state=no-such-state",
    "state__exact=%3Cb%3E",
    "unknown__field=1",
    "role=%00",
    "since=-1",
    "action=log.closed",
]


@pytest.mark.parametrize("kind", [User, AccessToken, Grant, PromotionRequest, Event], ids=lambda kind: kind.__name__)
def test_a_hostile_address_is_an_answer_and_not_an_error(
    kind: type[Model], lifecycle: None, people: People, mighty: User, visit: Visit
) -> None:
    factories.token(people.priya, ["models:read"])
    client = visit(mighty)
    for query in HOSTILE:
        answer = client.get(f"{address(kind, 'changelist')}?{query}")
        assert answer.status_code in (200, 302, 400, 403), query
        assert b"<script>alert" not in answer.content, query


@pytest.mark.parametrize(
    "key",
    ["0", "x", "1'--", "99999999999999999999999", "-1", "%00", "..%2F..%2F", "_5F", "add", "💩", "1/change/1", "null"],
)
def test_a_row_that_is_not_there_is_not_found(key: str, people: People, mighty: User, visit: Visit) -> None:
    client = visit(mighty, confirmed=True)
    for page in ("change", "history", "deactivate"):
        answer = client.get(f"/admin/registry/user/{key}/{page}/")
        assert answer.status_code in (400, 404), page
        assert "Traceback" not in answer.content.decode()
    assert client.post(f"/admin/registry/user/{key}/deactivate/", {"reason": "because"}).status_code in (400, 404)


def test_no_person_searches_by_what_is_secret(people: People, mighty: User, visit: Visit) -> None:
    """Neither passwords nor token digests can be found out by asking which rows fit."""
    client = visit(mighty)
    for kind, query in ((AccessToken, "person__password__startswith=md5"), (Grant, "user__password__startswith=md5")):
        assert client.get(f"{address(kind, 'changelist')}?{query}").status_code == 400


def test_no_secret_of_a_token_is_on_any_page(people: People, mighty: User, visit: Visit) -> None:
    token, secret = factories.token(people.priya, ["models:read"])
    client = visit(mighty)
    for url in (address(AccessToken, "changelist"), address(token), address(token, "history"), address(people.priya)):
        shown = client.get(url).content.decode()
        assert secret not in shown
        assert secret[12:] not in shown
        assert bytes(token.digest).hex() not in shown


INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)


def test_every_page_is_under_the_strict_policy_with_nothing_inline(
    rows: dict[type[Model], Any], mighty: User, visit: Visit
) -> None:
    client, asked = visit(mighty, confirmed=True), visit(mighty)
    urls = ["/admin/", "/admin/jsi18n/"]
    for kind, model_admin in ADMINS.items():
        urls += [address(kind, "changelist") + "?_facets=True", address(rows[kind]), address(rows[kind], "history")]
        urls += [address(kind, "add")] if model_admin.adding is not None else []
        urls += [address(rows[kind], command.name) for command in model_admin.commands]
    answers = {url: client.get(url) for url in urls} | {"confirm": asked.get("/admin/confirm/")}
    answers["carried"] = asked.post(address(rows[User], "edit"), {"name": "<b>", "reason": "x", "password": "secret!"})
    for url, answer in answers.items():
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy, url
        assert "style-src 'self'" in policy, url
        assert "unsafe" not in policy, url
        assert answer["Cache-Control"] == "no-store", url
        if answer["Content-Type"].startswith("text/html"):
            shown = answer.content.decode()
            assert INLINE.search(shown) is None, (url, INLINE.search(shown))
            assert shown.count("<h1") == (1 if answer.status_code != 302 else 0), url


CEILING = 20
"""Queries a list may cost: session, person, four for the rights of the reader, the installation, the counts of the
navigation (decisions that wait, unread notifications, proposals, locked signatures), and those of the list."""
NAMES = 10
"""What the list of events costs besides: the names of people, tokens and things, one query a kind."""


def cost(client: Client, url: str) -> int:
    return count_page_queries(client, url)


def test_lists_cost_few_queries_and_no_more_for_more_rows(
    rows: dict[type[Model], Any], mighty: User, visit: Visit
) -> None:
    client = visit(mighty)
    urls = [address(kind, "changelist") for kind in ADMINS]
    before = {url: cost(client, url) for url in urls}
    allowed = {url: CEILING + (NAMES if "event" in url else 0) for url in urls}
    assert {url: n for url, n in before.items() if n > allowed[url]} == {}

    model = rows[PromotionRequest].model
    for n in range(6):
        person = factories.person()
        group = factories.group(f"team-{n}", person)
        factories.grant(Role.VIEWER, to=person, on=model)
        factories.grant(Role.VIEWER, to=group)
        factories.token(person, ["models:read"])
        factories.model(person, risk_tier=3)
    after = {url: cost(client, url) for url in urls}
    assert {url: (before[url], after[url]) for url in urls if after[url] > before[url]} == {}


def test_the_list_of_events_never_counts_a_long_log(
    mighty: User, people: People, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.interfaces.admin import events

    monkeypatch.setattr(events, "MAX_COUNTED", 3)
    client = visit(mighty)
    assert Event.objects.count() > 3
    with CaptureQueriesContext(connection) as queries:
        shown = client.get(address(Event, "changelist")).content.decode()
    counts = [query["sql"] for query in queries if "COUNT" in query["sql"] and "audit_event" in query["sql"]]
    assert counts
    assert all("LIMIT 3" in sql for sql in counts)
    assert "3 in all" in shown


def test_fields_offer_rows_by_name_and_only_rows_of_this_site(
    people: People, lifecycle: None, mighty: User, officers: SimpleNamespace, visit: Visit
) -> None:
    assert people.risk_team
    factories.model(people.priya, "credit-risk-pd", title="Credit risk (PD)")
    ask = "/admin/autocomplete/?app_label=registry&model_name={}&field_name={}&term={}"
    client = visit(mighty)

    def offered(*question: str) -> list[str]:
        return [row["text"] for row in client.get(ask.format(*question)).json()["results"]]

    assert offered("membership", "user", "tanaka") == ["Aiko Tanaka (aiko)"]
    assert offered("membership", "group", "risk") == ["Risk Team (risk-team)"]
    assert offered("grant", "model", "credit") == ["Credit risk (PD) (credit-risk-pd)"]
    for question in ("grant&field_name=password", "session&field_name=x", "grant&field_name=role"):
        assert client.get(f"/admin/autocomplete/?app_label=registry&model_name={question}&term=a").status_code == 403
    assert client.get(ask.format("grant", "user", "%00")).status_code == 400
    assert visit(officers.nobody).get(ask.format("grant", "user", "a")).status_code == 403


def test_the_address_is_a_setting(settings: Any, people: People, mighty: User) -> None:
    """Another path, the same site; the old one is not there any more."""
    from importlib import reload

    from django.urls import clear_url_caches, reverse

    from governance import urls

    settings.COUNTERSIGN_ADMIN_PATH = "back-office/model_admin/"
    try:
        reload(urls)
        clear_url_caches()
        client = Client()
        client.force_login(mighty)
        assert reverse("admin:index") == "/back-office/model_admin/"
        assert client.get("/back-office/model_admin/").status_code == 200
        assert client.get("/admin/").status_code == 404
        client.post(reverse("admin:confirm"), {"confirm-password": factories.PASSWORD})
        eve = people.eve
        assert client.post(address(eve, "deactivate"), {"reason": "left"}).status_code == 302
        event = Event.objects.order_by("-id")[0]
        assert (event.action, event.body["request"]["client"]) == ("person.deactivated", "admin")
    finally:
        settings.COUNTERSIGN_ADMIN_PATH = "admin/"
        reload(urls)
        clear_url_caches()


def test_kinds_are_read_only_without_commands(rows: dict[type[Model], Any], mighty: User, visit: Visit) -> None:
    client = visit(mighty, confirmed=True)
    for kind in (PolicyRevision, PromotionRequest):
        assert client.get(address(kind, "add")).status_code == 403
        shown = client.get(address(rows[kind])).content.decode()
        assert "adm-commands" not in shown
        assert "<textarea" not in shown
    assert "slug: starter-production" in client.get(address(rows[PolicyRevision])).content.decode()


def test_the_history_is_the_audit_logs_own(people: People, mighty: User, visit: Visit) -> None:
    client = visit(mighty, confirmed=True)
    group = factories.group("fraud-team")
    client.post(address(group, "edit"), {"name": "Fraud desk", "description": "Cards", "reason": "the new structure"})
    client.post(address(group, "join"), {"user": people.eve.username, "reason": "helps out"})
    shown = client.get(address(group, "history")).content.decode()

    assert "group.created" in shown
    assert "<del>Fraud Team</del> <ins>Fraud desk</ins>" in shown
    assert "the new structure" in shown
    assert "helps out" in shown
    assert "Ada Byrne" in shown
    assert Membership.objects.filter(user=people.eve, group=ReviewerGroup.objects.get(pk=group.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_a_history_says_when_its_words_were_tampered_with(
    people: People, mighty: User, visit: Visit, superuser: Callable[[], Any]
) -> None:
    """Words beside the log that no longer fit what it committed to are not shown as if they did; the rest is."""
    session = superuser()
    with session, session.cursor() as cursor:
        cursor.execute("SET event_triggers = off")
        cursor.execute("ALTER TABLE audit_private DISABLE TRIGGER audit_private_unchanged")
        cursor.execute("UPDATE audit_private SET value = 'Somebody Else' WHERE value = 'Ada Byrne'")
        assert cursor.rowcount == 1
        cursor.execute("ALTER TABLE audit_private ENABLE ALWAYS TRIGGER audit_private_unchanged")
    session.close()

    shown = visit(mighty).get(address(mighty, "history")).content.decode()
    assert "does not match its commitment" in shown
    assert "Somebody Else" not in shown
    assert "the scene of a test" in shown, "the reasons of the roles are still told"


@pytest.mark.parametrize(
    "moment", ["2026-07-01T00:00:00%2B16:00", "2026-07-01 00:00:00-23:59", "9999-12-31T23:59:59-01:00", "yesterday"]
)
def test_no_moment_in_a_filter_breaks_a_list(
    rows: dict[type[Model], Any], mighty: User, visit: Visit, moment: str
) -> None:
    client = visit(mighty, confirmed=True)
    dated = [
        (kind, entry[0])
        for kind, model_admin in site._registry.items()
        for entry in model_admin.list_filter
        if isinstance(entry, tuple) and issubclass(entry[1], DateFieldListFilter)
    ]
    assert dated
    for kind, field in dated:
        path = address(kind, "changelist")
        answer = client.get(f"{path}?{field}__gte={moment}")
        assert (answer.status_code, answer.headers.get("Location")) == (302, f"{path}?e=1"), kind
        assert client.get(f"{path}?{field}__gte=2026-07-01 00:00:00%2B00:00").status_code == 200
