"""Free ports, busy defaults, and busy ports that someone asked for."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnline.errors import StackError
from burnline.localstack.ports import (
    FIRST_PORT,
    LAST_PORT,
    ConfiguredPort,
    Reservations,
    free_port,
    is_free,
    resolve_port,
)

HOST = "127.0.0.1"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def reservations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reservations]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with contextlib.closing(Reservations()) as reservations:
        yield reservations


def test_a_busy_port_that_was_asked_for_is_an_error_that_names_its_variable(
    busy_port: int, reservations: Reservations
) -> None:
    wanted = ConfiguredPort("BURNLINE_PORT", busy_port, explicit=True)
    with pytest.raises(StackError, match=f"BURNLINE_PORT={busy_port} is in use"):
        resolve_port(HOST, wanted, reservations)


def test_a_busy_default_gives_way_to_a_free_port(
    busy_port: int, reservations: Reservations
) -> None:
    wanted = ConfiguredPort("BURNLINE_PORT", busy_port, explicit=False)
    port = resolve_port(HOST, wanted, reservations)
    assert port != busy_port
    assert is_free(HOST, port)


def test_a_free_port_is_used_as_it_is(reservations: Reservations) -> None:
    port = free_port(HOST)
    wanted = ConfiguredPort("BURNLINE_PORT", port, explicit=True)
    assert resolve_port(HOST, wanted, reservations) == port


def test_stacks_that_start_at_once_do_not_take_the_same_port(reservations: Reservations) -> None:
    wanted = ConfiguredPort("BURNRATE_PORT", free_port(HOST), explicit=False)
    first = resolve_port(HOST, wanted, reservations)
    with contextlib.closing(Reservations()) as other:
        assert resolve_port(HOST, wanted, other) != first


def test_a_supervisor_that_was_handed_the_reservation_keeps_it_until_it_ends(
    reservations: Reservations,
) -> None:
    port = free_port(HOST)
    assert reservations.take(HOST, port)
    with contextlib.closing(Reservations()) as other:
        with subprocess.Popen(("/bin/sleep", "600"), pass_fds=reservations.descriptors) as holder:
            reservations.close()
            assert not other.take(HOST, port)
            holder.kill()
        assert other.take(HOST, port)


def test_a_server_is_never_given_a_port_that_a_service_of_its_stack_is_to_use(
    reservations: Reservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, other = free_port(HOST), free_port(HOST)
    reservations.take(HOST, service)
    drawn = iter([service - FIRST_PORT, other - FIRST_PORT])
    monkeypatch.setattr("burnline.localstack.ports.secrets.randbelow", lambda _span: next(drawn))
    assert reservations.take_any() == other


def test_a_free_port_is_none_that_another_has_reserved(
    reservations: Reservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved, other = reservations.take_any(), free_port(HOST)
    drawn = iter([reserved - FIRST_PORT, other - FIRST_PORT])
    monkeypatch.setattr("burnline.localstack.ports.secrets.randbelow", lambda _span: next(drawn))
    assert free_port(HOST) == other


def test_chosen_ports_stay_below_the_ephemeral_range() -> None:
    assert all(FIRST_PORT <= free_port(HOST) <= LAST_PORT for _ in range(50))
    assert LAST_PORT < 32_768
