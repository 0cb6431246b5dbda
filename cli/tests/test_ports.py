"""Free ports, busy defaults, and busy ports that someone asked for."""

import socket
from collections.abc import Iterator

import pytest

from burnline.errors import StackError
from burnline.ports import FIRST_PORT, LAST_PORT, WantedPort, free_port, is_free, resolve_port

HOST = "127.0.0.1"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_busy_port_that_was_asked_for_is_an_error_that_names_its_variable(busy_port: int) -> None:
    wanted = WantedPort("BURNLINE_PORT", busy_port, explicit=True)
    with pytest.raises(StackError, match=f"BURNLINE_PORT={busy_port} is in use"):
        resolve_port(HOST, wanted)


def test_a_busy_default_gives_way_to_a_free_port(busy_port: int) -> None:
    port = resolve_port(HOST, WantedPort("BURNLINE_PORT", busy_port, explicit=False))
    assert port != busy_port
    assert is_free(HOST, port)


def test_a_default_that_another_service_of_the_stack_took_gives_way() -> None:
    port = free_port(HOST)
    wanted = WantedPort("BURNRATE_PORT", port, explicit=False)
    assert resolve_port(HOST, wanted, frozenset({port})) != port


def test_a_free_port_is_used_as_it_is() -> None:
    port = free_port(HOST)
    assert resolve_port(HOST, WantedPort("BURNLINE_PORT", port, explicit=True)) == port


def test_chosen_ports_stay_below_the_ephemeral_range() -> None:
    assert all(FIRST_PORT <= free_port(HOST) <= LAST_PORT for _ in range(50))
    assert LAST_PORT < 32_768
