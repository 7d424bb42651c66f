"""The Permissions-Policy header is on every response."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.personas import People

PATHS = [
    "/sign-in/", "/nothing/here/", "/static/js/app.js", "/static/nothing.js", "/healthz", "/api/v1/schema",
    "/api/v1/models", "/api/v1/nothing", "/api/2.0/mlflow/registered-models/search", "/api/2.0/mlflow/nothing",
    "/admin/",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_response_denies_what_no_page_uses(client: Client, db: None, path: str) -> None:
    response = client.get(path)
    policy = response.headers["Permissions-Policy"]
    response.close()

    assert {"camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"} <= set(policy.split(", "))
    assert "clipboard-write" not in policy, "pages copy fingerprints"


def test_pages_of_those_signed_in_and_refused_forms_as_well(people: People) -> None:
    reader = Client()
    reader.force_login(people.marta, backend="registry.access.backend.RoleBackend")
    assert "Permissions-Policy" in reader.get("/models/").headers
    assert "Permissions-Policy" in Client(enforce_csrf_checks=True).post("/sign-in/").headers
