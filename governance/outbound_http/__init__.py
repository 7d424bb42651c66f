"""HTTP client for untrusted servers. Independent of Django and of models."""

from governance.outbound_http.addresses import ForbiddenAddressError, resolve_allowed_address
from governance.outbound_http.posting import WebhookResponse, post
from governance.outbound_http.server import (
    InvalidResponseError,
    RemoteServer,
    ServerFault,
    ServerResponseError,
    ServerUnavailableError,
)

__all__ = [
    "ForbiddenAddressError",
    "InvalidResponseError",
    "RemoteServer",
    "ServerFault",
    "ServerResponseError",
    "ServerUnavailableError",
    "WebhookResponse",
    "post",
    "resolve_allowed_address",
]
