"""Network addresses: read strictly, counted, and judged. The one place that says what an address is and where it leads.

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
"""Where clouds keep the credentials of a machine (AWS, Azure, Google, Alibaba, Oracle), and link-local addresses."""

_NO_SERVER: Final = tuple(
    map(ipaddress.ip_network, ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8", "100::/64"))
)
"""No single host can be reached there: unspecified, multicast, reserved, broadcast, discard-only."""

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
    """Read one address as it is written in a header or given by a socket.

    A port and an IPv6 zone are dropped; an IPv4-mapped address is the IPv4 address it holds.

    Args:
        text: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`, `fe80::1%eth0`.

    Raises:
        ValueError: it is no address.
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
    """Say which address a request comes from.

    Behind n trusted proxies it is the n-th entry of X-Forwarded-For from the right: anyone may have written those
    further left. What is no address counts as absent.

    Args:
        peer: address of the connection; may be empty.
        forwarded: every X-Forwarded-For header of the request, joined by commas.
        proxies: how many proxies in front are trusted.

    Returns:
        The address in its canonical form; `peer` as it is where neither is an address.
    """
    entries = [entry for entry in forwarded.split(",") if entry.strip()]
    for text in ([entries[-proxies]] if proxies and len(entries) >= proxies else []) + [peer]:
        try:
            return str(read(text))
        except ValueError:
            continue
    return peer[:64]


def counted_as(address: str) -> str:
    """Say what requests of an address are counted under: an IPv6 network of 64 bits is one host's to choose from.

    Returns:
        The IPv4 address, the /64 of an IPv6 address, or the text as it is where it is no address.
    """
    try:
        found = read(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, 64), strict=False))
    return str(found)


def is_metadata(address: Address) -> bool:
    """Tell whether it is, or leads by a transition mechanism to, where clouds keep a machine's credentials."""
    return any(form in network for form in _forms(address) for network in _METADATA if form.version == network.version)


def is_reachable(address: Address) -> bool:
    """Tell whether it can be one server's address at all: no multicast, unspecified, reserved or discard address."""
    return not any(
        form in network for form in _forms(address) for network in _NO_SERVER if form.version == network.version
    )


def is_public(address: Address) -> bool:
    """Tell whether it is a global unicast address and leads nowhere else by a transition mechanism.

    NAT64, 6to4, Teredo, IPv4-compatible and site-local addresses are not: what they reach depends on the network.
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
    """The address, and each IPv4 address that it holds."""
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
