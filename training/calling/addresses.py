"""Which addresses Lethe calls when it tells recipients, and which it refuses. Pure.

An address is typed in by a person, and its name is resolved by others: without these rules a
message could be led to a machine inside the network (server-side request forgery). A name is
resolved once; every address it has must be allowed, and the call goes to one that was checked.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final
from urllib.parse import urlsplit

from training.errors import AddressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LONGEST: Final = 500
_PORTS: Final = {"https": 443, "http": 80}
_LABEL: Final = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_NUMBER: Final = re.compile("0x[0-9a-f]*|[0-9]+", re.IGNORECASE)
_NEVER: Final = (
    IPv4Network("168.63.129.16/32"),  # Azure's own services, on a public address
    # Python's own `is_global` was right about these in later versions only, or never.
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata is 192.0.0.192
    IPv6Network("fec0::/10"),  # site-local, withdrawn (RFC 3879)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, withdrawn (RFC 7526)
)
_CARRIERS: Final = (  # an IPv4 address stands in the last 32 bits
    IPv6Network("::/96"),  # IPv4-compatible (RFC 4291)
    IPv6Network("64:ff9b::/96"),  # translated (RFC 6052)
    IPv6Network("64:ff9b:1::/48"),  # translated locally (RFC 8215)
    IPv6Network("::ffff:0:0:0/96"),  # translated (RFC 2765)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an address leads, before its name is resolved."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def is_plain(self) -> bool:
        """Say whether the message would travel unencrypted."""
        return self.scheme == "http"

    @property
    def authority(self) -> str:
        """Return what the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an installation allows beyond public addresses and HTTPS."""

    ports: frozenset[int]
    networks: tuple[Network, ...] = ()  # recipients inside the organisation
    plain_http: bool = False  # for tests and development only


def place_of(url: str, *, policy: Policy) -> Place:
    """Return where an address leads, or raise `AddressRefused`; the text never repeats it."""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise AddressRefused(f"it is not printable ASCII of at most {_LONGEST} characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise AddressRefused("it cannot be read") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and policy.plain_http):
        raise AddressRefused("only https is called")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("it names a user or a password")
    if parts.fragment or "#" in url:
        raise AddressRefused("it has a fragment")
    if not _is_host(host):
        raise AddressRefused("its host is neither a name nor an address")
    port = _PORTS[parts.scheme] if port is None else port
    if port not in policy.ports:
        raise AddressRefused(f"its port is none of {', '.join(map(str, sorted(policy.ports)))}")
    path = parts.path or "/"
    return Place(
        scheme=parts.scheme,
        host=host,
        port=port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def allowed(found: Collection[str], *, policy: Policy) -> Sequence[str]:
    """Return the addresses that a name has, if every one may be called.

    One that may not makes all of them suspect: who controls the name chooses among them.
    """
    if not found:
        raise AddressRefused("its name has no address")
    for text in found:
        if not may_be_called(ip_address(text.partition("%")[0]), policy.networks):
            raise AddressRefused("its name leads into a network that is not called")
    return sorted(set(found))


def may_be_called(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Say whether an address is public, or in a network that the installation declared."""
    carried = _carried_in(address)
    if carried is not None:
        return may_be_called(carried, networks)
    if any(address in network for network in networks if network.version == address.version):
        return True
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def networks_in(written: Sequence[str]) -> tuple[Network, ...]:
    """Return networks as written in the settings (`10.1.0.0/16`); raises `ValueError`."""
    return tuple(ip_network(each) for each in written)


def _carried_in(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address) or address in {IPv6Address("::"), IPv6Address("::1")}:
        return None
    if (carried := address.ipv4_mapped or address.sixtofour) is not None:
        return carried
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        # `0x7f.1` and `2130706433` are addresses to a resolver, not to `ip_address`.
        last = host.rstrip(".").rpartition(".")[2]
        return bool(_NAME.fullmatch(host)) and not _NUMBER.fullmatch(last)
    return "%" not in host
