"""URLs of the MLflow protocol. No trailing slashes and no redirects: clients turn a redirected POST into a GET."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from governance.interfaces.mlflow import models, stages, transition_requests, versions, views, webhooks
from governance.interfaces.mlflow.views import endpoint

app_name = "mlflow"

urlpatterns: list[URLPattern] = [
    path("registered-models/create", endpoint(POST=models.create), name="create-model"),
    path("registered-models/rename", endpoint(POST=models.rename), name="rename-model"),
    path("registered-models/update", endpoint(PATCH=models.update), name="update-model"),
    path("registered-models/delete", endpoint(DELETE=models.delete), name="delete-model"),
    path("registered-models/get", endpoint(GET=models.get), name="get-model"),
    path("registered-models/search", endpoint(GET=models.search), name="search-models"),
    path(
        "registered-models/get-latest-versions",
        endpoint(GET=models.latest_versions, POST=models.latest_versions),
        name="latest-versions",
    ),
    path("registered-models/set-tag", endpoint(POST=models.set_tag), name="tag-model"),
    path("registered-models/delete-tag", endpoint(DELETE=models.delete_tag), name="untag-model"),
    path(
        "registered-models/alias",
        endpoint(GET=models.by_alias, POST=stages.set_alias, DELETE=stages.delete_alias),
        name="alias",
    ),
    path("model-versions/create", endpoint(POST=versions.create), name="create-version"),
    path("model-versions/get", endpoint(GET=versions.get), name="get-version"),
    path("model-versions/update", endpoint(PATCH=versions.update), name="update-version"),
    path("model-versions/delete", endpoint(DELETE=versions.delete), name="delete-version"),
    path("model-versions/search", endpoint(GET=versions.search), name="search-versions"),
    path("model-versions/get-download-uri", endpoint(GET=versions.download_uri), name="download-uri"),
    path("model-versions/transition-stage", endpoint(POST=stages.transition), name="transition"),
    path("model-versions/set-tag", endpoint(POST=versions.set_tag), name="tag-version"),
    path("model-versions/delete-tag", endpoint(DELETE=versions.delete_tag), name="untag-version"),
    path("transition-requests/create", endpoint(POST=transition_requests.create), name="create-request"),
    path("transition-requests/list", endpoint(GET=transition_requests.listing), name="list-requests"),
    path("transition-requests/approve", endpoint(POST=transition_requests.approve), name="approve-request"),
    path("transition-requests/reject", endpoint(POST=transition_requests.reject), name="reject-request"),
    path("transition-requests/delete", endpoint(DELETE=transition_requests.delete), name="delete-request"),
    path("webhooks", endpoint(GET=webhooks.listing, POST=webhooks.create), name="webhooks"),
    path(
        "webhooks/<str:webhook_id>",
        endpoint(GET=webhooks.get, PATCH=webhooks.update, DELETE=webhooks.delete),
        name="webhook",
    ),
    path("webhooks/<str:webhook_id>/test", endpoint(POST=webhooks.test), name="test-webhook"),
    re_path(r"^(?P<rest>.*)$", views.not_found, name="elsewhere"),
]
