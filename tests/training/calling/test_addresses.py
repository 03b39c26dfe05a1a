"""Which addresses are called: public ones over HTTPS, and what an installation declares."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis.strategies import integers, ip_addresses

from training.calling.addresses import Policy, allowed, may_be_called, networks_in, place_of
from training.errors import AddressRefused

WEB = Policy(ports=frozenset({443, 8443}))

INSIDE = """
0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.8.9.1 169.254.169.254 169.254.170.2
172.16.0.1 192.0.0.192 192.168.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1
224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16
:: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 2002:a00:1:: 2002:7f00:1:: 2001:db8::1 fc00::1
fd00:ec2::254 fe80::1 fec0::1 ff02::1 3fff::1
"""
OUTSIDE = "1.1.1.1 93.184.216.34 2606:4700:4700::1111 2a00:1450::1 64:ff9b::101:101"


@pytest.mark.parametrize("address", INSIDE.split())
def test_private_loopback_link_local_and_metadata_addresses_are_not_called(address):
    assert not may_be_called(ip_address(address))
    with pytest.raises(AddressRefused):
        allowed([address, "1.1.1.1"], policy=WEB)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_public_addresses_are_called(address):
    assert may_be_called(ip_address(address))
    assert allowed([address], policy=WEB) == [address]


@given(ip_addresses(v=4))
def test_an_address_in_another_form_is_judged_like_the_address(address):
    value = int(address)
    forms = [
        IPv6Address((0xFFFF << 32) | value),
        IPv6Address((0x64FF9B << 96) | value),
        IPv6Address((0x2002 << 112) | (value << 80)),
    ]

    assert {may_be_called(form) for form in forms} == {may_be_called(address)}


@given(integers(min_value=0, max_value=2**32 - 1))
def test_nothing_private_is_called(value):
    address = IPv4Address(value)

    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not may_be_called(address)


def test_a_declared_network_is_called_and_no_other_private_one():
    own = networks_in(["10.1.0.0/16", "fd12::/16"])

    assert may_be_called(ip_address("10.1.2.3"), own)
    assert may_be_called(ip_address("::ffff:10.1.2.3"), own)
    assert may_be_called(ip_address("fd12::1"), own)
    assert not may_be_called(ip_address("10.2.0.1"), own)
    with pytest.raises(ValueError, match="host bits"):
        networks_in(["10.1.2.3/16"])


@pytest.mark.parametrize(
    "url",
    [
        "http://recipient.example/",
        "ftp://recipient.example/",
        "file:///etc/passwd",
        "//recipient.example/",
        "recipient.example",
        "",
        "https://",
        "https://user@recipient.example/",
        "https://user:secret@recipient.example/",
        "https://:@recipient.example/",
        "https://recipient.example/#part",
        "https://recipient.example:22/",
        "https://recipient.example:0/",
        "https://recipient.example:x/",
        "https://recipient.example:99999/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://-recipient.example/",
        "https://recipient..example/",
        "https://r\u00e9cipient.example/",
        "https://recipient.example/a b",
        "https://recipient.example/\r\nHost: x",
        "https://recipient.example/" + "a" * 500,
        "https://recipient.example\\@10.0.0.1/",
    ],
)
def test_an_address_that_is_no_plain_https_address_is_refused(url):
    with pytest.raises(AddressRefused) as refused:
        place_of(url, policy=WEB)
    assert "recipient" not in str(refused.value)  # it may hold a secret


def test_an_address_says_where_it_leads():
    place = place_of("https://recipient.example:8443/hooks/a?b=c", policy=WEB)

    assert (place.host, place.port, place.path) == ("recipient.example", 8443, "/hooks/a?b=c")
    assert place.authority == "recipient.example:8443"
    assert place_of("https://recipient.example", policy=WEB).authority == "recipient.example"
    assert place_of("https://[2606:4700::1]/", policy=WEB).authority == "[2606:4700::1]"


def test_a_name_without_an_address_is_refused():
    with pytest.raises(AddressRefused):
        allowed([], policy=WEB)
