"""Know who sent the present request."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from common.events import Scope


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `id` names the credential for good; `name` is a key's, if any.

    None of its reports may count more than `max_count_per_report`; None: what the process says.
    """

    id: str
    scopes: frozenset[Scope]
    max_count_per_report: int | None = None
    name: str = ""

    @property
    def actor(self) -> str:
        """Return kind and name of the credential, as `key/ana`: what is recorded of who writes."""
        return f"{self.id.partition('/')[0]}/{self.name}" if self.name else self.id


KEY: Final = "key"
"""Of an API key `key/<id>` is the credential, `key/<name>` the actor."""
ANONYMOUS: Final = "anonymous"
BOOTSTRAP: Final = "bootstrap"
"""The credential of BURNLINE_API_TOKEN."""

_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current_principal() -> Principal | None:
    """Return who sent the present request; None where nobody had to be authenticated."""
    return _current.get()


def current_credential() -> str:
    """Return the id of the present request's credential; ANONYMOUS where there is none."""
    principal = current_principal()
    return ANONYMOUS if principal is None else principal.id


def current_actor() -> str:
    """Return kind and name of the present request's credential; ANONYMOUS where there is none."""
    principal = current_principal()
    return ANONYMOUS if principal is None else principal.actor


@contextmanager
def acting(principal: Principal | None) -> Iterator[None]:
    """Make this the present caller inside a `with` block."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)
