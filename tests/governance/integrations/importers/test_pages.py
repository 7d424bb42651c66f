"""What pages and interface say of a version that was promoted before governance."""

from __future__ import annotations

import pytest
from django.test import Client

from governance.integrations.importers.mlflow_import import MlflowImport
from governance.integrations.importers.people import Password, officer
from governance.models import PromotionRequest
from governance.outbound_http import RemoteServer
from governance.services import setup
from registry.models import User
from tests import factories
from tests.governance.integrations.importers.registry_server import Registry, serving


@pytest.fixture
def brought(henrik: User) -> User:
    setup.initialise()
    theirs = Registry()
    theirs.model("churn", aliases=[{"alias": "champion", "version": "4"}])
    theirs.version("churn", 4, "Production", status_message="fine", user_id="nadia@there")
    with serving(theirs):
        MlflowImport(
            actor=officer("henrik", Password(factories.PASSWORD)),
            server=RemoteServer(theirs.url),
            reason="moving house",
        ).run()
    return henrik


def test_the_pages_say_so(brought: User, client: Client) -> None:
    client.force_login(brought)
    request = PromotionRequest.objects.get(target_stage__slug="production")

    version = client.get("/models/churn/versions/4/").content.decode()
    asked = client.get(f"/promotions/{request.pk}/").content.decode()
    listed = client.get("/promotions/?state=any").content.decode()
    assert "Promoted before governance" in version
    assert "nadia@there" in version
    assert "Imported from MLflow" in version
    assert "Promoted before governance." in asked
    assert "It was not checked or approved here" in asked
    assert "No policy applied" in asked
    assert "before governance" in listed


def test_the_interface_says_so(brought: User, client: Client) -> None:
    secret = factories.token(brought, ("models:read",))[1]
    headers = {"Authorization": f"Bearer {secret}"}
    request = PromotionRequest.objects.get(target_stage__slug="production")

    version = client.get("/api/v1/models/churn/versions/4", headers=headers).json()
    resolved = client.get("/api/v1/resolve?ref=churn@champion", headers=headers).json()
    asked = client.get(f"/api/v1/promotions/{request.pk}", headers=headers).json()

    assert version["imported"]["before_governance"] is True
    assert version["imported"]["author_there"] == "nadia@there"
    assert resolved["before_governance"] is True
    assert asked["before_governance"] is True
    assert asked["policy"] is None
    assert asked["decisions"] == []
