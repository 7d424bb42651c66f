"""Comments through the REST interface."""

from __future__ import annotations

from tests.governance.interfaces.rest.conftest import Caller
from tests.personas import People


def test_post_read_edit_withdraw_resolve(priya_calls: Caller, ingrid_calls: Caller, installed: People) -> None:
    priya_calls.register_model("credit-risk-pd", risk_tier=1)
    version = priya_calls.register_version("credit-risk-pd", {"model.bin": b"1"})
    asked = priya_calls.ask({"model": "credit-risk-pd", "number": 1}, "staging").json
    before = priya_calls.get(f"/promotions/{asked['id']}").headers["ETag"]
    for path in (f"/promotions/{asked['id']}/comments", f"{version['url']}/comments"):
        body = {"text": "How was it *evaluated*, @ingrid and @unknown-name?"}
        posted = priya_calls.post(path, body, Idempotency_Key="one" + path[1:4])
        assert posted.status == 201, posted
        again = priya_calls.post(path, body, Idempotency_Key="one" + path[1:4])
        assert again.json == posted.json
        assert again.headers["Idempotency-Replayed"] == "true"
        made = posted.json
        assert posted.headers["Location"] == made["url"]
        assert [user["username"] for user in made["mentions"]] == ["ingrid"]
        assert made["unknown_mentions"] == ["unknown-name"]
        reply = priya_calls.post(path, {"text": "On 2026.", "thread": made["thread"]}).json
        first = priya_calls.get(f"{path}?limit=1").json
        assert [one["id"] for one in first["items"]] == [made["id"]]
        (second,) = priya_calls.get(f"{path}?limit=1&cursor={first['next']}").json["items"]
        assert second["id"] == reply["id"]
        one = f"/comments/{made['id']}"
        tag = priya_calls.get(one).headers["ETag"]
        assert priya_calls.get(one, If_None_Match=tag).status == 304
        priya_calls("PATCH", one, json={"text": "Other"}).problem(428, "precondition_required")
        edited = priya_calls("PATCH", one, json={"text": "Other"}, If_Match=tag)
        assert (edited.json["revision"], [e["text"] for e in edited.json["earlier"]]) == (2, [body["text"]])
        priya_calls("PATCH", one, json={"text": "Lost"}, If_Match=tag).problem(412, "stale_revision")
        refused = ingrid_calls.post(f"{one}/withdraw", ...).problem(403, "not_yours")
        assert refused["who_can"] == [made["author"]["name"]]
        assert priya_calls.post(f"{one}/withdraw", ...).json["withdrawn_at"]
        priya_calls.post(f"{one}/withdraw", ...).problem(409, "comment_withdrawn")
        thread = f"/threads/{made['thread']}"
        assert priya_calls.post(f"{thread}/resolve", {"explanation": "Answered."}).json["state"] == "resolved"
        priya_calls.post(f"{thread}/resolve", {}).problem(409, "already_resolved")
        assert priya_calls.post(f"{thread}/reopen", ...).json["state"] == "open"
        (listed,) = priya_calls.get(path.replace("/comments", "/threads")).json["items"]
        assert listed["resolutions"][0]["explanation"] == "Answered."
        assert listed == priya_calls.get(thread).json
        wrong = priya_calls.post(path, {"text": "x", "thread": 99_999}).problem(422, "invalid_input")
        assert wrong["errors"][0]["pointer"] == "/thread"
        priya_calls.post(path, {"text": ""}).problem(400, "invalid_request")
        priya_calls.post(path, {"text": "a\u202eb"}).problem(422, "invalid_input")
    # A comment is no change of the request: a pipeline that executes it with an earlier ETag is not refused.
    assert priya_calls.get(f"/promotions/{asked['id']}").headers["ETag"] == before
