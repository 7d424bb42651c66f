"""Settings of `rest_framework` and `drf_spectacular`, and the limits of the API. Classes are given as dotted paths."""

from typing import Any

from governance.client import __version__

REST_FRAMEWORK: dict[str, Any] = {
    # Views require authentication unless they override it.
    "DEFAULT_AUTHENTICATION_CLASSES": ["governance.interfaces.rest.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["governance.interfaces.rest.authentication.IsAuthenticatedToken"],
    "DEFAULT_THROTTLE_CLASSES": ["governance.interfaces.rest.throttling.TokenThrottle"],
    "DEFAULT_PARSER_CLASSES": ["governance.interfaces.rest.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "governance.interfaces.rest.parsers.JSONOnly",
    "DEFAULT_SCHEMA_CLASS": "governance.interfaces.rest.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "governance.interfaces.rest.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Countersign",
    "DESCRIPTION": (
        "Register models and versions, attach evidence, ask for promotions and follow the gate.\n\n"
        "Sign in with `Authorization: Bearer cs_…`. Every refusal is an RFC 9457 problem with a stable `code`, a "
        "`type` that is a page of this server, and the remedy. Writes that change an object take `If-Match`; POSTs "
        "that make something take `Idempotency-Key`. No token decides on a promotion request: people do, on its page."
    ),
    # The version of the product. docs/support.md has the compatibility policy of /api/v1: additions only.
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
    "PREPROCESSING_HOOKS": ["governance.interfaces.rest.schema.filter_api_v1"],
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token: `cs_` and 46 characters, from the page “Access tokens”.",
            }
        }
    },
}

COUNTERSIGN_API_RATE = (1200, 60)
"""Requests a token may make, and the period in seconds."""

COUNTERSIGN_API_WAITERS = 4
"""Requests with `wait` that one process holds open at a time; a further one is answered at once."""
