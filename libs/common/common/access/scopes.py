"""Map endpoints to the scopes that they need, in one table. Pure.

The check before each handler, the OpenAPI document and the documentation all read it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, get_args

from common.events import Scope

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

READ_METHODS: Final = frozenset({"GET", "HEAD"})
FREE_METHODS: Final = frozenset({"OPTIONS"})
"""They neither read nor change anything."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Paths that begin with these segments (`*` is any one), and what reads and writes need.

    None: anyone may. Writes that need a scope need it always, reads when that is configured.
    """

    prefix: str
    read: Scope | None
    write: Scope
    reads_are_open: bool = True


# The first that fits decides.
TABLE: Final[tuple[Endpoints, ...]] = (
    # whoever may make keys may do everything, so that not even their list is open
    Endpoints("/api/keys", "admin", "admin", reads_are_open=False),
    # what the gate decides by: who may set it needs no override
    Endpoints("/api/policies", "read", "admin"),
    Endpoints("/api/release/*/override", "read", "override"),
    Endpoints("/api/loosenings/*/approve", "read", "override"),
    # asks the gate's question for a pipeline; all it changes is the use of an override it counts
    Endpoints("/api/release/*/check", "read", "read"),
    Endpoints("/api", "read", "operate"),
    Endpoints("/v1", "read", "ingest"),
    Endpoints("/metrics", "read", "operate"),
    # health for probes, the dashboard's files and the documentation: they hold no figures
    Endpoints("/", None, "operate"),
)


@dataclass(frozen=True, slots=True)
class Need:
    """The scope that a request needs; None: none. `always`: whatever is configured for reads."""

    scope: Scope | None
    always: bool


def needed(method: str, path: str) -> Need:
    """Return what a request needs; a method that is not known counts as a write."""
    endpoints = next(e for e in TABLE if _begins(path, e.prefix))
    if method in FREE_METHODS:
        return Need(None, always=False)
    if method in READ_METHODS:
        return Need(endpoints.read, always=not endpoints.reads_are_open)
    return Need(endpoints.write, always=True)


def permits(held: Collection[str], scope: Scope) -> bool:
    """Return whether these scopes include what is needed; `admin` includes everything."""
    return scope in held or "admin" in held


def _begins(path: str, prefix: str) -> bool:
    expected = [part for part in prefix.split("/") if part]
    given = path.split("/")[1 : len(expected) + 1]
    return len(given) == len(expected) and all(
        e in {"*", g} for e, g in zip(expected, given, strict=True)
    )
