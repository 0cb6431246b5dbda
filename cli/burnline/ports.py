"""TCP ports of the local stack: which are free, and what to do when a wanted one is not."""

import random
import socket
from dataclasses import dataclass
from typing import Final

from burnline.errors import StackError

# Below every usual ephemeral range (Linux from 32768, macOS from 49152): a client that retries
# against a server that is down can be given that very port as its own and so keep it from coming
# back.
FIRST_PORT: Final = 15_000
LAST_PORT: Final = 31_999
ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port as configured: `explicit` when the caller named it, not the default."""

    variable: str
    port: int
    explicit: bool


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind `port` on `host` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, taken: frozenset[int] = frozenset()) -> int:
    """A free port outside the ephemeral range and not in `taken`; StackError if none is found."""
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - no secret, only spread
        if port not in taken and is_free(host, port):
            return port
    message = f"no free TCP port on {host} between {FIRST_PORT} and {LAST_PORT}"
    raise StackError(message)


def resolve_port(host: str, wanted: WantedPort, taken: frozenset[int] = frozenset()) -> int:
    """The port to use: the wanted one, or a free one when only a default is busy.

    Raises StackError that names the variable when an explicitly chosen port is busy.
    """
    if wanted.port not in taken and is_free(host, wanted.port):
        return wanted.port
    if wanted.explicit:
        message = (
            f"{wanted.variable}={wanted.port} is in use on {host}: "
            f"stop what listens there, or set {wanted.variable} to another port"
        )
        raise StackError(message)
    return free_port(host, taken)
