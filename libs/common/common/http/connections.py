"""Bound the connections of a process, and those of one address."""

import ipaddress
import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import prometheus_client
import structlog

from common.observability.callers import CALLERS

log = structlog.get_logger()

CONNECTIONS: Final = prometheus_client.Gauge(
    "burnline_http_connections", "Connections to this process that are open"
)
REFUSALS: Final = prometheus_client.Counter(
    "burnline_http_refusals",
    "Requests and connections that were refused for who sent them, how often, or how large",
    ["code", "sender"],
)
FILES_LEFT: Final = 128
"""Open files that connections leave to all else: a process without any can serve nobody."""


@dataclass(slots=True)
class ConnectionLimits:
    """How many connections there are, and may be; trusted proxies bring those of many."""

    most: int
    most_of_address: int
    trusted_proxies: Sequence[str] = ()
    _of: Counter[str] = field(default_factory=Counter)
    _open: int = 0

    def __post_init__(self) -> None:
        """Leave files to others, whatever is configured."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY and self.most > files - FILES_LEFT:
            self.most = max(1, files - FILES_LEFT)
            log.warning("connections_bounded_by_files", connections=self.most, files=files)

    def enter(self, address: str) -> str | None:
        """Count a connection; return the code of the refusal where it is one too many."""
        self._open += 1
        self._of[address] += 1
        CONNECTIONS.set(self._open)
        code = None
        if self._open > self.most:
            code = "too_many_connections"
        elif self._of[address] > self.most_of_address and not self._is_proxy(address):
            code = "too_many_connections_of_address"
        if code is not None:
            REFUSALS.labels(code, CALLERS.label(f"address/{address}")).inc()
        return code

    def leave(self, address: str) -> None:
        """Count a connection no more."""
        self._open -= 1
        CONNECTIONS.set(self._open)
        self._of[address] -= 1
        if not self._of[address]:
            del self._of[address]

    def _is_proxy(self, address: str) -> bool:
        try:
            client = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(client in ipaddress.ip_network(proxy) for proxy in self.trusted_proxies)
