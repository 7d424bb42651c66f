"""All URLs of the product. Each interface has its own list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path

from governance.health import healthz, readyz
from governance.interfaces.html import errors as pages
from governance.interfaces.mlflow import views
from governance.interfaces.mlflow.errors import PREFIXES
from governance.interfaces.rest import errors as problems
from governance.interfaces.web.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("governance.interfaces.rest.urls")),
    path("api/2.0/mlflow/", include("governance.interfaces.mlflow.urls")),
    path("ajax-api/2.0/mlflow/", include(("governance.interfaces.mlflow.urls", "mlflow"), namespace="mlflow-ajax")),
    path("api/3.0/mlflow/", include("governance.interfaces.mlflow.urls_3")),
    path(
        "ajax-api/3.0/mlflow/", include(("governance.interfaces.mlflow.urls_3", "mlflow-3"), namespace="mlflow-3-ajax")
    ),
    path(settings.COUNTERSIGN_ADMIN_PATH, include("governance.interfaces.admin.urls")),
    path("", include("governance.interfaces.web.urls")),
]

Handler = Callable[..., HttpResponseBase]


def _by_interface(problem: Handler, page: Handler) -> Handler:
    """Answer errors raised outside views in the format of the interface of the path."""

    def handler(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        chosen = problem if request.path.startswith("/api/") else page
        if request.path.startswith(PREFIXES):
            chosen = views.bad_request
        return chosen(request, *args, **kwargs)

    return handler


handler400 = _by_interface(problems.bad_request, pages.bad_request)
handler403 = _by_interface(problems.forbidden, pages.forbidden)
handler404 = _by_interface(problems.not_found, pages.not_found)
handler500 = _by_interface(problems.server_error, pages.broken)
