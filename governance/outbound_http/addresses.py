"""Which network addresses may be reached: the guard against being sent somewhere by what others wrote.

A name is resolved once, every address it has is judged, and the connection goes to the address that was judged: a name
that means something else a moment later changes nothing.
"""

from __future__ import annotations

import socket

from registry import addresses


class ForbiddenAddressError(Exception):
    """The address is one that may not be reached; the message says which and why."""


def resolve_allowed_address(host: str, port: int, *, private: bool) -> str:
    """Resolve a host and judge every address it has.

    Args:
        host: a name or an address.
        private: whether addresses of this machine and of private networks are allowed: only where an operator named
            this very host.

    Returns:
        The address to connect to, as text.

    Raises:
        Forbidden: any of its addresses may not be reached.
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
            f"{host} is at {address}, where machines keep their credentials: nothing is fetched there."
        )
    if not addresses.is_reachable(address):
        raise ForbiddenAddressError(f"{host} is at {address}, which is no server's address.")
    if not private and not addresses.is_public(address):
        raise ForbiddenAddressError(
            f"{host} is at {address}, inside a private network, and no operator named this host."
        )
