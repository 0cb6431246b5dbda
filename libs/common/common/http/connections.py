"""Bound the connections of a process, and those of one address."""

import ipaddress
import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
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


@lru_cache(maxsize=4096)
def counted_address(address: str) -> str:
    """Return what an address is counted as: of IPv6 the /64, all of which one sender may have."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4 or found.is_loopback:  # noqa: PLR2004 - of the protocol
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


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
        counted = counted_address(address)
        self._open += 1
        self._of[counted] += 1
        CONNECTIONS.set(self._open)
        code = None
        if self._open > self.most:
            code = "too_many_connections"
        elif self._of[counted] > self.most_of_address and not self._is_proxy(address):
            code = "too_many_connections_of_address"
        if code is not None:
            REFUSALS.labels(code, CALLERS.label(f"address/{counted}")).inc()
        return code

    def leave(self, address: str) -> None:
        """Count a connection no more."""
        self._open -= 1
        CONNECTIONS.set(self._open)
        counted = counted_address(address)
        self._of[counted] -= 1
        if not self._of[counted]:
            del self._of[counted]

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        client = getattr(found, "ipv4_mapped", None) or found
        return any(client in ipaddress.ip_network(proxy) for proxy in self.trusted_proxies)
