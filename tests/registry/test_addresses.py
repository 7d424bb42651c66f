"""Network addresses: whose a request is, what it counts under, and where a message may go."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.outbound_http.addresses import ForbiddenAddressError, resolve_allowed_address
from registry import addresses

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8")

NOT_PUBLIC = (
    # Of this machine and of private networks.
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1", "fd12::1",
    # Documentation, tests, relays.
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.0.0.8", "192.88.99.1", "2001:db8::1", "3fff::1",
    # Site-local, which has been deprecated and is still routed in some networks.
    "fec0::1", "feff::1",
    # Forms of an IPv4 address: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8",
    "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff::8.8.8.8",
    "2002:a00:1::1", "2002:808:808::1", "2001:0:808:808:0:0:f7f7:f7f7", "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.1.1",
    # Not assigned.
    "4000::1", "5f00::1", "e000::1", "100::1", "100:0:0:1::1",
)  # fmt: skip

NO_SERVER = ("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "ff02::1",
             "::ffff:224.0.0.1", "64:ff9b::224.0.0.1", "2002:e000:1::")  # fmt: skip

METADATA = (
    "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254", "64:ff9b:1::169.254.169.254", "2002:a9fe:a9fe::1", "::169.254.169.254",
    "::ffff:0:169.254.169.254", "fd12::5efe:169.254.169.254",
)  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_global_unicast_addresses_are_reached(text: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(text))
    assert resolve_allowed_address(text, 443, private=False)


@pytest.mark.parametrize("text", [*NOT_PUBLIC, *NO_SERVER, *METADATA])
def test_nothing_else_is_reached_by_what_others_wrote(text: str) -> None:
    assert not addresses.is_public(ipaddress.ip_address(text))
    with pytest.raises(ForbiddenAddressError):
        resolve_allowed_address(text, 443, private=False)


@pytest.mark.parametrize("text", [*NO_SERVER, *METADATA])
def test_not_even_where_an_operator_named_the_host(text: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        resolve_allowed_address(text, 443, private=True)


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "fec0::1", "64:ff9b::8.8.8.8"])
def test_an_operator_may_name_a_host_of_a_private_network(text: str) -> None:
    assert resolve_allowed_address(text, 443, private=True)


@given(st.ip_addresses(v=4))
def test_every_form_of_an_ipv4_address_is_judged_by_it(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    forms = [
        ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number)
        for prefix in ("::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::")
    ]
    forms += [
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
        ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ]
    for form in forms:
        assert addresses.is_metadata(form) or not addresses.is_metadata(inner)
        assert not addresses.is_public(form) or addresses.is_public(inner)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"), (" 192.0.2.1 ", "192.0.2.1"), ("192.0.2.1:8443", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"), ("[2001:db8::1]:443", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)  # fmt: skip
def test_an_address_is_read_in_every_form_it_is_written_in(text: str, address: str) -> None:
    assert str(addresses.read(text)) == address


@pytest.mark.parametrize(
    "text", ["", "unknown", "localhost", "192.0.2.1:", "192.0.2.999", "010.0.0.1", "1", "[::1", "_hidden"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        addresses.read(text)


@pytest.mark.parametrize(
    ("forwarded", "proxies", "caller"),
    [
        ("192.0.2.66, 203.0.113.5", 0, "10.0.0.1"),
        ("192.0.2.66, 203.0.113.5", 1, "203.0.113.5"),
        ("192.0.2.66, 203.0.113.5:9999, 10.0.0.9", 2, "203.0.113.5"),
        ("203.0.113.5", 2, "10.0.0.1"),
        ("unknown", 1, "10.0.0.1"),
        ("", 1, "10.0.0.1"),
    ],
)
def test_the_caller_is_seen_through_trusted_proxies_only(forwarded: str, proxies: int, caller: str) -> None:
    assert addresses.caller("10.0.0.1", forwarded, proxies) == caller


def test_an_ipv6_host_counts_as_its_network() -> None:
    assert (
        addresses.counted_as("2001:db8:1:2:3::4") == addresses.counted_as("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    )
    assert addresses.counted_as("2001:db8:1:3::1") != addresses.counted_as("2001:db8:1:2::1")
    assert addresses.counted_as("::ffff:192.0.2.1") == addresses.counted_as("192.0.2.1") == "192.0.2.1"
    assert addresses.counted_as("") == ""
