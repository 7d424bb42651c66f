"""Network addresses: strict parsing, rate-limit keys, and classification. All code that handles addresses uses this.

Pure. Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates), RFC 4291, RFC 6052.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: Final = tuple(
    map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32", "192.0.0.192/32"))
)
"""Metadata services with the credentials of a machine (AWS, Azure, Google, Alibaba, Oracle), and link-local
addresses.
"""

_NO_SERVER: Final = tuple(
    map(ipaddress.ip_network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8", "100::/64"))
)
"""Not the address of a single host: unspecified, multicast, reserved, broadcast, discard-only."""

_NOT_PUBLIC_V4: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        ),
    )
)  # fmt: skip

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48"))
)
"""Special purposes inside 2000::/3: protocol assignments with Teredo, documentation, 6to4, AS112."""

_WITH_IPV4_LAST: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"))
)
"""IPv4-compatible, IPv4-mapped, IPv4-translated, and translated by NAT64: the last 32 bits are an IPv4 address."""


def read(text: str) -> Address:
    """Parse one address from a header or a socket.

    A port and an IPv6 zone are dropped; an IPv4-mapped address becomes the IPv4 address.

    Args:
        text: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`, `fe80::1%eth0`.

    Raises:
        ValueError: it is not an address.
    """
    bare = text.strip()
    if bracketed := re.fullmatch(r"\[([^\]]*)\](?::\d{1,5})?", bare, re.ASCII):
        bare = bracketed[1]
    elif with_port := re.fullmatch(r"([^:]+):\d{1,5}", bare, re.ASCII):
        bare = with_port[1]
    address = ipaddress.ip_address(bare.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def caller(peer: str, forwarded: str, proxies: int) -> str:
    """Return the client address of a request.

    Behind n trusted proxies it is the n-th entry of X-Forwarded-For from the right: clients can forge those further
    left. An entry that is not an address counts as absent.

    Args:
        peer: address of the connection; may be empty.
        forwarded: every X-Forwarded-For header of the request, joined by commas.
        proxies: number of trusted proxies in front.

    Returns:
        The address in canonical form; the first 64 characters of `peer` if neither is an address.
    """
    entries = [entry for entry in forwarded.split(",") if entry.strip()]
    for text in ([entries[-proxies]] if proxies and len(entries) >= proxies else []) + [peer]:
        try:
            return str(read(text))
        except ValueError:
            continue
    return peer[:64]


def counted_as(address: str) -> str:
    """Return the key under which requests of an address are counted; a host can choose any address of its IPv6 /64.

    Returns:
        The IPv4 address, the /64 of an IPv6 address, or the text itself if it is not an address.
    """
    try:
        found = read(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)


def is_metadata(address: Address) -> bool:
    """Return whether the address is, or contains by a transition mechanism, one of a cloud metadata service."""
    return any(form in network for form in _forms(address) for network in _METADATA if form.version == network.version)


def is_reachable(address: Address) -> bool:
    """Return whether it can be the address of one server: not multicast, unspecified, reserved or discard-only."""
    return not any(
        form in network for form in _forms(address) for network in _NO_SERVER if form.version == network.version
    )


def is_public(address: Address) -> bool:
    """Return whether it is a global unicast address without an embedded address of a transition mechanism.

    NAT64, 6to4, Teredo, IPv4-compatible and site-local addresses are not public: their target depends on the network.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if is_metadata(address) or not is_reachable(address) or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address not in _GLOBAL_UNICAST or any(address in network for network in _NOT_PUBLIC_V6):
        return False
    return all(is_public(form) for form in _forms(address) if form != address)


def _forms(address: Address) -> Iterator[Address]:
    """Yield the address, and each IPv4 address embedded in it."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    last = ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    # ISATAP (RFC 5214): an interface identifier of 0000:5efe or 0200:5efe before the IPv4 address.
    is_isatap = (number >> 32) & 0xFDFF_FFFF == 0x5EFE
    if is_isatap or (number > 1 and any(address in network for network in _WITH_IPV4_LAST)):
        yield last
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
