"""Every operation with a JSON body: called without a body, with a list, and with invalid JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern
from django.views.generic import View

from governance.interfaces.rest import operation
from tests.governance.interfaces.rest.conftest import CARD, Caller
from tests.permission_matrix.routes import SAMPLES, patterns

SLUG = "credit-risk-pd"


def documents() -> Iterator[tuple[str, str]]:
    """Method and path of each operation that takes a document."""
    for door, prefix, pattern in patterns():
        view: type[View] | None = getattr(pattern.callback, "cls", None)
        if door == "api" and view is not None:
            for method in view.http_method_names:
                this = operation.get_operation(view, method)
                if this is not None and this.body is not None:
                    yield method.upper(), example(prefix + str(pattern.pattern), pattern)


def example(path: str, pattern: URLPattern) -> str:
    """A path that the pattern takes."""
    for name, converter in pattern.pattern.converters.items():
        sample = next(s for s in (SAMPLES.get(name, "1"), "x", SAMPLES["grant_id"]) if re.fullmatch(converter.regex, s))
        path = re.sub(rf"<([\w-]+:)?{name}>", sample, path)
    return path


DOCUMENTS = sorted(documents())


@pytest.fixture
def version(priya_calls: Caller) -> Caller:
    priya_calls.register_model(SLUG)
    priya_calls.register_version(SLUG, {"a": b"a"}, card=CARD)
    return priya_calls


@pytest.mark.parametrize(("method", "path"), DOCUMENTS)
def test_a_body_that_is_no_document_is_the_first_thing_that_is_refused(version: Caller, method: str, path: str) -> None:
    sent = {"If_Match": '"of-something-else"'} if method == "PATCH" else {}
    for body, kind, answers in [
        (b"[]", "application/json", {(400, "invalid_request")}),
        (b'"text"', "application/json", {(400, "invalid_request")}),
        (b"not JSON", "application/json", {(400, "malformed_json")}),
        (b"slug=x", "application/x-www-form-urlencoded", {(415, "unsupported_media_type")}),
    ]:
        answer = version(method, path, body=body, content_type=kind, **sent)
        assert (answer.status, answer.json.get("code")) in answers, answer
    nothing = version(method, path, **sent)
    assert nothing.status < 500, nothing
    assert nothing.status != 412, nothing


@pytest.mark.parametrize("path", [f"/models/{SLUG}", f"/models/{SLUG}/versions/1"])
@pytest.mark.parametrize("tag", [f'"{SLUG}-1"', '"of-something-else"', "*"])
def test_a_change_without_a_body_is_refused_as_one(version: Caller, path: str, tag: str) -> None:
    problem = version("PATCH", path, If_Match=tag).problem(400, "invalid_request")

    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("", "required")]
