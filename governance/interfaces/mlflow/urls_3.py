"""Version 3.0 of MLflow's protocol: it has no registry of models, so all that is answered is what the server can do."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from governance.interfaces.mlflow import views
from governance.interfaces.mlflow.views import public_endpoint

app_name = "mlflow-3"

server_info = public_endpoint({"store_type": "Countersign", "workspaces_enabled": False})
"""What a client asks before it uses a workspace or sends artifacts in parts: neither is known here."""

urlpatterns: list[URLPattern] = [
    path("server-info", server_info, name="server-info"),
    re_path(r"^(?P<rest>.*)$", views.not_found, name="elsewhere"),
]
