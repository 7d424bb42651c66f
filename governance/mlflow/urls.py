"""Every address of this door. No trailing slashes, no redirects: clients turn a redirected POST into a GET."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from governance.mlflow import door, models, stages, transition_requests, versions, webhooks
from governance.mlflow.door import address

app_name = "mlflow"

urlpatterns: list[URLPattern] = [
    path("registered-models/create", address(POST=models.create), name="create-model"),
    path("registered-models/rename", address(POST=models.rename), name="rename-model"),
    path("registered-models/update", address(PATCH=models.update), name="update-model"),
    path("registered-models/delete", address(DELETE=models.delete), name="delete-model"),
    path("registered-models/get", address(GET=models.get), name="get-model"),
    path("registered-models/search", address(GET=models.search), name="search-models"),
    path(
        "registered-models/get-latest-versions",
        address(GET=models.latest_versions, POST=models.latest_versions),
        name="latest-versions",
    ),
    path("registered-models/set-tag", address(POST=models.set_tag), name="tag-model"),
    path("registered-models/delete-tag", address(DELETE=models.delete_tag), name="untag-model"),
    path(
        "registered-models/alias",
        address(GET=models.by_alias, POST=stages.set_alias, DELETE=stages.delete_alias),
        name="alias",
    ),
    path("model-versions/create", address(POST=versions.create), name="create-version"),
    path("model-versions/get", address(GET=versions.get), name="get-version"),
    path("model-versions/update", address(PATCH=versions.update), name="update-version"),
    path("model-versions/delete", address(DELETE=versions.delete), name="delete-version"),
    path("model-versions/search", address(GET=versions.search), name="search-versions"),
    path("model-versions/get-download-uri", address(GET=versions.download_uri), name="download-uri"),
    path("model-versions/transition-stage", address(POST=stages.transition), name="transition"),
    path("model-versions/set-tag", address(POST=versions.set_tag), name="tag-version"),
    path("model-versions/delete-tag", address(DELETE=versions.delete_tag), name="untag-version"),
    path("transition-requests/create", address(POST=transition_requests.create), name="create-request"),
    path("transition-requests/list", address(GET=transition_requests.listing), name="list-requests"),
    path("transition-requests/approve", address(POST=transition_requests.approve), name="approve-request"),
    path("transition-requests/reject", address(POST=transition_requests.reject), name="reject-request"),
    path("transition-requests/delete", address(DELETE=transition_requests.delete), name="delete-request"),
    path("webhooks", address(GET=webhooks.listing, POST=webhooks.create), name="webhooks"),
    path(
        "webhooks/<str:webhook_id>",
        address(GET=webhooks.get, PATCH=webhooks.update, DELETE=webhooks.delete),
        name="webhook",
    ),
    path("webhooks/<str:webhook_id>/test", address(POST=webhooks.test), name="test-webhook"),
    re_path(r"^(?P<rest>.*)$", door.no_such_address, name="elsewhere"),
]
