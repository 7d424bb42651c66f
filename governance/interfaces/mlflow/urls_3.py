"""Version 3.0 of the MLflow protocol. It has no model registry; only the server capabilities are answered."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from governance.interfaces.mlflow import views
from governance.interfaces.mlflow.views import public_endpoint

app_name = "mlflow-3"

server_info = public_endpoint({"store_type": "Countersign", "workspaces_enabled": False})
"""Clients ask this before they use workspaces or multipart uploads; neither is supported."""

urlpatterns: list[URLPattern] = [
    path("server-info", server_info, name="server-info"),
    re_path(r"^(?P<rest>.*)$", views.not_found, name="elsewhere"),
]
