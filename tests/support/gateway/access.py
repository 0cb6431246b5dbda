"""API keys for tests, and operations asked by callers who may not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from common.access.key_cache import ApiKeyCache
from common.access.keys import new_key_id, new_secret, secret_hash, written
from common.access.scopes import SCOPES, needed
from common.events import ApiKeyChanged, KeySecret, Scope

UNKNOWN: Final = written("0123456789ab", "x" * 43)


@dataclass(frozen=True, slots=True)
class TestKey:
    """A key, and the text that opens it."""

    __test__ = False

    key: ApiKeyChanged
    text: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"}


def api_key(
    *scopes: Scope,
    name: str = "test",
    expires_at: datetime | None = None,
    revoked: bool = False,
    max_count_per_report: int | None = None,
) -> TestKey:
    """Make a key that a ring can be given."""
    key_id, secret = new_key_id(), new_secret()
    secrets = (KeySecret(secret_hash(secret), None),)
    key = ApiKeyChanged(
        1, key_id, name, tuple(scopes), secrets, expires_at, revoked, max_count_per_report
    )
    return TestKey(key, written(key_id, secret))


def given(ring: ApiKeyCache, *scopes: Scope, **about: Any) -> dict[str, str]:
    """Make a key, put it on a ring, and return the headers that present it."""
    made = api_key(*scopes, **about)
    ring.apply(made.key)
    return made.headers


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on something that does not exist, so that 404 would be next."""

    method: str
    path: str
    scope: Scope
    always: bool


def operations_with_scopes(document: dict[str, Any]) -> Iterator[Operation]:
    """Give the operations of a document that need a scope, always or when reads do."""
    for path, item in document["paths"].items():
        for name in item:
            need = needed(name.upper(), path)
            if need.scope is not None:
                filled = re.sub(r"\{id\}", "999999", path)
                absent = re.sub(r"\{\w+\}", "nobody", filled)
                yield Operation(name.upper(), absent, need.scope, need.always)


async def refuses_strangers(
    client: httpx.AsyncClient, ring: ApiKeyCache, now: datetime, operation: Operation
) -> None:
    """Assert 401 and 403 for everyone but who holds the scope, whatever else is wrong."""
    method, path, scope = operation.method, operation.path, operation.scope
    others = [other for other in SCOPES if other not in {scope, "admin"}]
    strangers: list[tuple[str, dict[str, str], int, str]] = [
        ("no key", {}, 401, "unauthorized"),
        ("a wrong token", {"Authorization": "Bearer wrong"}, 401, "unauthorized"),
        ("an unknown key", {"Authorization": f"Bearer {UNKNOWN}"}, 401, "unauthorized"),
        ("an expired key", given(ring, "admin", expires_at=now), 401, "key_expired"),
        ("a revoked key", given(ring, "admin", revoked=True), 401, "unauthorized"),
        ("all other scopes", given(ring, *others), 403, "missing_scope"),
    ]
    for name, headers, status, code in strangers:
        answer = await client.request(method, path, headers=headers, content=b"{")
        assert answer.status_code == status, (method, path, name, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == code
    for headers in (given(ring, scope), given(ring, "admin")):
        answer = await client.request(method, path, headers=headers, content=b"{")
        assert answer.status_code not in {401, 403, 500}, (method, path, answer.text)
