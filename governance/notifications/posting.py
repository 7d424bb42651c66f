"""Post messages to addresses that users gave: the rules of the address, and when to try again. For all receivers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from governance.outbound_http import ForbiddenAddressError, WebhookResponse, post
from governance.services import webhooks


def post_message(url: str, body: bytes, headers: Mapping[str, str]) -> WebhookResponse:
    """Post a message once. A host in a private network or without TLS must be named by an operator.

    Args:
        url: the address, as a service stored it.
        body: the message.
        headers: its headers.

    Raises:
        ForbiddenAddressError: the address is not allowed.
        ServerFault: there was no response in time, or it is not HTTP.
    """
    named = webhooks.is_allowlisted_host(url)
    if not named and not url.startswith("https://"):
        raise ForbiddenAddressError("The host is no longer named by an operator, so it is reached over TLS only.")
    return post(url, body, headers, private=named)


def shortest_pause(response: WebhookResponse | None, longest: timedelta) -> timedelta:
    """Return how long the receiver wants to be left alone (Retry-After in seconds), at most `longest`."""
    retry_after = response.retry_after if response is not None else ""
    if not (retry_after.isascii() and retry_after.isdecimal()):
        return timedelta()
    # Compared as numbers: the value a receiver sends may exceed a timedelta.
    return min(int(retry_after), int(longest.total_seconds())) * timedelta(seconds=1)
