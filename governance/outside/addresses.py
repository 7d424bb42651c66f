"""Which network addresses may be reached: the guard against being sent somewhere by what others wrote.

A name is resolved once, every address it has is judged, and the connection goes to the address that was judged: a name
that means something else a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA: Final = (
    ipaddress.ip_network("169.254.0.0/16"),
    ipaddress.ip_network("fe80::/10"),
    ipaddress.ip_network("fd00:ec2::/32"),
    ipaddress.ip_network("100.100.100.200/32"),
)
"""Where clouds keep the credentials of a machine; nobody's model registry is there, whatever is configured."""


class Forbidden(Exception):
    """The address is one that may not be reached; the message says which and why."""


def resolved(host: str, port: int, *, private: bool) -> str:
    """The address of a host, as text, to connect to.

    Args:
        host: a name or an address.
        private: whether addresses of this machine and of private networks are allowed: only where an operator named
            this very host.

    Raises:
        Forbidden: any of its addresses may not be reached.
        OSError: the name does not resolve.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    for text in addresses:
        _judge(host, _plain(text), private=private)
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses[0]


def _plain(text: str) -> Address:
    """The address itself, also where it is an IPv4 address in the clothes of an IPv6 one."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        return inner or address
    return address


def _judge(host: str, address: Address, *, private: bool) -> None:
    if any(address in network for network in METADATA):
        raise Forbidden(f"{host} is at {address}, where machines keep their credentials: nothing is fetched there.")
    if address.is_multicast or address.is_unspecified:
        raise Forbidden(f"{host} is at {address}, which is no server's address.")
    if not address.is_global and not private:
        raise Forbidden(f"{host} is at {address}, inside a private network, and no operator named this host.")
