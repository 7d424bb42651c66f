"""Notifications through the REST interface: the person's own, their settings, and deliveries."""

from __future__ import annotations

from governance.models import NotificationDelivery
from registry.models import User
from tests.governance.interfaces.rest.conftest import Caller
from tests.permission_matrix.inputs import notify
from tests.personas import People


def test_list_mark_and_settings(priya_calls: Caller, ingrid_calls: Caller, installed: People) -> None:
    priya = User.objects.get(username="priya")
    rows = [notify(priya) for _ in range(3)]
    others = notify(User.objects.get(username="ingrid"))

    first = priya_calls.get("/notifications?state=unread&limit=2").json
    assert [one["id"] for one in first["items"]] == [str(rows[2].uid), str(rows[1].uid)]
    assert first["items"][0]["because"] == "You own the token."
    (last,) = priya_calls.get(f"/notifications?state=unread&limit=2&cursor={first['next']}").json["items"]
    assert last["id"] == str(rows[0].uid)
    assert priya_calls.get("/notifications?reason=mentioned").json["items"] == []
    priya_calls.get("/notifications?reason=none").problem(400, "invalid_request")

    given = {"ids": [str(rows[0].uid), str(others.uid)]}
    assert priya_calls.post("/notifications/read", given).json == {"marked": 1}
    assert priya_calls.post("/notifications/read", given).json == {"marked": 0}
    assert priya_calls.post("/notifications/read", {"all": True}).json == {"marked": 2}
    others.refresh_from_db()
    assert others.read_at is None

    changed = priya_calls("PATCH", "/notifications/settings", json={"choices": {"mentioned": {"mail": "digest"}}}).json
    modes = {one["reason"]: one["modes"] for one in changed["reasons"]}
    assert (modes["mentioned"], modes["audit_problem"]) == ({"mail": "digest"}, {"mail": "now"})
    assert changed == priya_calls.get("/notifications/settings").json
    for wrong, pointer in (
        ({"choices": {"audit_problem": {"mail": "off"}}}, "/choices/audit_problem"),
        ({"choices": {"mentioned": {"pigeon": "now"}}}, "/choices/mentioned"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"digest_hour": 24}, "/digest_hour"),
    ):
        refused = priya_calls("PATCH", "/notifications/settings", json=wrong).problem(422, "invalid_input")
        assert refused["errors"][0]["pointer"] == pointer


def test_deliveries(priya_calls: Caller, installed: People) -> None:
    priya = User.objects.get(username="priya")
    row = NotificationDelivery.objects.create(person=priya, created_at=notify(priya).created_at, state="failed")
    row.notifications.add(notify(priya))
    (shown,) = priya_calls.get("/notifications/deliveries?state=failed").json["items"]
    assert (shown["to"]["username"], shown["channel"], shown["titles"]) == ("priya", None, ["Token ci expires"])
    assert priya_calls.get("/notifications/deliveries?state=waiting").json["items"] == []
    priya_calls.get("/notifications/deliveries?of=all").problem(403, "not_permitted")
