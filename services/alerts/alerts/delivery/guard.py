"""Checks which addresses may be called: public ones, unless a setting allows more.

Channels are user input: without this a channel could make this process call internal hosts.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host for a port; raises OSError where it has none."""

METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
            "169.254.169.253",  # AWS: names
            "169.254.169.123",  # AWS: time
            "169.254.170.2",  # AWS: credentials of containers
            "169.254.170.23",  # AWS: identities of pods
            "168.63.129.16",  # Azure: the host of a machine
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle, formerly
            "fd00:ec2::254",  # AWS
            "fd00:ec2::253",
            "fd00:ec2::123",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
            "fe80::a9fe:a9fe",  # OpenStack
            "fd00:42::42",  # Scaleway
        ),
    )
)
"""Where clouds tell machines their secrets: never public, whatever `ipaddress` takes them for.

Some lie in networks that are public otherwise. One is allowed only by a network of it alone.
"""

_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


class RefusedAddressError(Exception):
    """The host has an address that must not be called; the text names its kind, not the address."""


class AddressGuard:
    """Resolves hosts and refuses those with an address that is not public."""

    def __init__(self, allowed: Sequence[Network] = (), resolve: Resolve | None = None) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve or _resolve

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses to connect to; do not resolve the host again.

        Raises RefusedAddressError where any of them is refused, OSError where there are none.
        """
        found = await self._resolve(host, port)
        for text in found:
            reason = None if self._is_allowed(ip_address(text)) else refusal(ip_address(text))
            if reason:
                raise RefusedAddressError(
                    f"the address of the channel is {reason}; ALERTS_ALLOWED_NETWORKS can allow it"
                )
        return found

    def _is_allowed(self, address: Address) -> bool:
        address = _embedded(address) or address
        allowing = [network for network in self._allowed if address in network]
        return any(n.num_addresses == 1 or not _is_metadata(address) for n in allowing)


def refusal(address: Address) -> str | None:
    """Return why an address must not be called; None where it is public.

    IANA's registries of special-purpose addresses as `ipaddress` has them (RFC 6890), applied to
    the IPv4 address inside an IPv6 one too (RFC 4291 mapped, RFC 6052 NAT64, RFC 3056 6to4).
    """
    address = _embedded(address) or address
    kinds = (
        ("a cloud's metadata service", _is_metadata(address)),
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("private", address.is_private or getattr(address, "is_site_local", False)),
        ("reserved", address.is_reserved),
        ("not public", not address.is_global),
    )
    return next((name for name, holds in kinds if holds), None)


def _is_metadata(address: Address) -> bool:
    plain = IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
    return plain in METADATA  # whatever interface it is to be reached through


def _embedded(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address.sixtofour


async def _resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
