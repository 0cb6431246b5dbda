"""The address guard: only public addresses, whatever they are wrapped in, unless allowed."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network

import pytest

from alerts.delivery.guard import METADATA, AddressGuard, RefusedAddressError, Resolve, refusal
from alerts.delivery.settings import DeliverySettings


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.0.9", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("169.254.1.1", "link-local"),
        ("::ffff:169.254.1.1", "link-local"),
        ("64:ff9b::a9fe:101", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("ff02::1", "multicast"),
        ("ff0e::1", "multicast"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("fec0::1", "private"),
        ("2001:db8::1", "private"),
        ("2001:0:4136:e378::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("2002:a00:1::1", "private"),
        ("100.64.0.1", "not public"),
        ("100.127.255.255", "not public"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("::7f00:1", "reserved"),
        ("64:ff9b:1::7f00:1", "reserved"),
    ],
)
def test_an_address_that_is_not_public_is_refused(text: str, kind: str) -> None:
    assert refusal(ip_address(text)) == kind


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"],
)
def test_a_public_address_may_be_called(text: str) -> None:
    assert refusal(ip_address(text)) is None


@pytest.mark.parametrize("text", sorted(map(str, METADATA)))
async def test_what_tells_machines_their_secrets_is_refused_however_it_is_written(
    text: str,
) -> None:
    own = ip_address(text)
    written = [own]
    if own.version == 4:
        low = int(own)
        written += [
            IPv6Address((0xFFFF << 32) | low),
            IPv6Address(int(IPv6Address("64:ff9b::")) | low),
            IPv6Address((0x2002 << 112) | (low << 80)),
        ]
    else:
        written.append(IPv6Address(f"{text}%1"))
    for address in written:
        assert refusal(address) == "a cloud's metadata service"
    wide = AddressGuard([ip_network("0.0.0.0/0"), ip_network("::/0")], answering(text))
    with pytest.raises(RefusedAddressError, match="metadata"):
        await wide.addresses("inside.test", 80)
    alone = AddressGuard([ip_network(text)], answering(text))
    assert await alone.addresses("inside.test", 80) == [text]


def test_the_list_of_metadata_addresses_does_not_depend_on_python() -> None:
    assert {ip_address("192.0.0.192"), ip_address("168.63.129.16")} <= METADATA
    assert refusal(ip_address("168.63.129.17")) is None, "public otherwise"


def answering(address: str) -> Resolve:
    async def resolve(*_: object) -> Sequence[str]:
        return [address]

    return resolve


def resolving(*addresses: str) -> AddressGuard:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("receiver.test", 443)
        return addresses

    return AddressGuard(resolve=resolve)


async def test_a_name_gives_the_addresses_to_connect_to() -> None:
    found = await resolving("1.1.1.1", "2606:4700::1").addresses("receiver.test", 443)
    assert found == ("1.1.1.1", "2606:4700::1")


async def test_one_refused_address_is_enough_to_refuse_a_name() -> None:
    with pytest.raises(RefusedAddressError, match="loopback") as raised:
        await resolving("1.1.1.1", "127.0.0.1").addresses("receiver.test", 443)
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "::1"]
)
async def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    try:
        with pytest.raises(RefusedAddressError, match="loopback"):
            await AddressGuard().addresses(host, 80)
    except socket.gaierror:
        assert host == "::1", "only a machine without IPv6 may not know an address"


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
async def test_a_setting_allows_a_network(address: str) -> None:
    async def resolve(*_: object) -> Sequence[str]:
        return [address]

    guard = AddressGuard([ip_network("10.0.0.0/8")], resolve)
    assert await guard.addresses("inside.test", 80) == [address]


async def test_an_allowed_network_allows_no_other() -> None:
    guard = AddressGuard([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
    for host in ("127.0.0.1", "192.168.0.1"):
        with pytest.raises(RefusedAddressError):
            await guard.addresses(host, 80)


def test_networks_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_ALLOWED_NETWORKS", " 10.0.0.0/8, ::1/128,127.0.0.1 ")
    assert [str(n) for n in DeliverySettings().allowed_networks] == [
        "10.0.0.0/8",
        "::1/128",
        "127.0.0.1/32",
    ]


def test_a_network_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_ALLOWED_NETWORKS", "10.0.0.1/8")
    with pytest.raises(ValueError, match="not a valid IPv4 network"):
        DeliverySettings()


def test_a_lease_must_outlive_its_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_DELIVERY_LEASE_SECONDS", "5")
    with pytest.raises(ValueError, match="ALERTS_DELIVERY_LEASE_SECONDS"):
        DeliverySettings()


async def test_a_name_without_address_is_reported_as_such() -> None:
    async def resolve(*_: object) -> Sequence[str]:
        await asyncio.sleep(0)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError, match="not known"):
        await AddressGuard(resolve=resolve).addresses("nowhere.test", 80)
