"""Streams of counts: a service has one for each of its indicators.

A stream is named after its service, and after its indicator as well where that is not the default
one: no name of a service or an indicator holds the separator. It belongs to its service's shard.
"""

from typing import Final

DEFAULT_INDICATOR: Final = "default"
"""What an event or a target means that names none."""

MAX_INDICATORS: Final = 50
"""Indicators that a service may have beside the default one."""

SEPARATOR: Final = "/"


def stream_of(service_name: str, indicator: str) -> str:
    """Return the name of an indicator's stream."""
    if indicator == DEFAULT_INDICATOR:
        return service_name
    return f"{service_name}{SEPARATOR}{indicator}"


def service_of(stream: str) -> str:
    """Return the service of a stream."""
    return stream.partition(SEPARATOR)[0]


def indicator_of(stream: str) -> str:
    """Return the indicator of a stream."""
    return stream.partition(SEPARATOR)[2] or DEFAULT_INDICATOR
