"""Validate destination addresses: protection against server-side request forgery (SSRF).

A name is resolved once, all its addresses are validated, and the connection uses a validated address, so that DNS
rebinding has no effect.
"""

from __future__ import annotations

import socket

from registry import addresses


class ForbiddenAddressError(Exception):
    """The address is not allowed; the message says which and why."""


def resolve_allowed_address(host: str, port: int, *, private: bool) -> str:
    """Resolve a host and validate all its addresses.

    Args:
        host: a name or an address.
        port: the TCP port.
        private: allow addresses of this machine and of private networks; only for hosts that an operator named.

    Returns:
        The address to connect to.

    Raises:
        ForbiddenAddressError: one of its addresses is not allowed.
        OSError: the name does not resolve.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        _check_address(host, addresses.read(text), private=private)
    if not found:
        raise OSError(f"{host} has no address")
    return found[0]


def _check_address(host: str, address: addresses.Address, *, private: bool) -> None:
    if addresses.is_metadata(address):
        raise ForbiddenAddressError(
            f"{host} is at {address}, a cloud metadata service with credentials, which is never contacted."
        )
    if not addresses.is_reachable(address):
        raise ForbiddenAddressError(f"{host} is at {address}, which is not a valid server address.")
    if not private and not addresses.is_public(address):
        raise ForbiddenAddressError(
            f"{host} is at {address}, inside a private network, and no operator named this host."
        )
