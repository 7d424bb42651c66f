"""Asking other people's servers, as one who trusts none of their answers. Knows no Django and no model."""

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
