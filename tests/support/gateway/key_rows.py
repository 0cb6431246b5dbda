"""What the operations on API keys answer, for the contract's tests."""

from typing import Any, Final

from api_gateway.api_keys.domain import ApiKey, StoredSecret, key_changed
from common.access.keys import secret_hash, written
from tests.support.burn_events import NOW
from tests.support.gateway.in_memory import GatewayHarness

OPERATIONS: Final = {"list_keys", "create_key", "get_key", "rotate_key", "revoke_key"}
CREATE_NOTHING: Final = {"rotate_key"}

KEY_ID: Final = "4f1d09c2ab37"
SECRET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
TEXT: Final = written(KEY_ID, SECRET)
NEW: Final = {"name": "pipeline", "scopes": ["read", "ingest"], "expires_in_days": 30}
PATH: Final = f"/api/keys/{KEY_ID}"
NOBODY: Final = "/api/keys/0123456789ab"

GOOD: Final[list[tuple[str, str, str, Any]]] = [
    ("list_keys", "GET", "/api/keys", None),
    ("create_key", "POST", "/api/keys", NEW),
    ("get_key", "GET", PATH, None),
    ("rotate_key", "POST", f"{PATH}/rotate", {"overlap_hours": 1, "expires_in_days": 90}),
    ("rotate_key", "POST", f"{PATH}/rotate", None),
    ("revoke_key", "DELETE", PATH, None),
]
BAD: Final[list[tuple[str, str, str, Any, int]]] = [
    ("create_key", "POST", "/api/keys", {**NEW, "name": "known"}, 409),
    ("create_key", "POST", "/api/keys", {**NEW, "scopes": []}, 422),
    ("create_key", "POST", "/api/keys", {**NEW, "scopes": ["root"]}, 422),
    ("create_key", "POST", "/api/keys", {**NEW, "expires_in_days": 0}, 422),
    ("create_key", "POST", "/api/keys", b" " * 70_000, 413),
    ("get_key", "GET", NOBODY, None, 404),
    ("get_key", "GET", "/api/keys/no-id", None, 422),
    ("rotate_key", "POST", f"{NOBODY}/rotate", None, 404),
    ("rotate_key", "POST", f"{PATH}/rotate", {"overlap_hours": -1}, 422),
    ("revoke_key", "DELETE", NOBODY, None, 404),
]


def fill(gateway: GatewayHarness) -> None:
    """Store one key."""
    secrets = (StoredSecret(secret_hash(SECRET), NOW, None),)
    key = ApiKey(KEY_ID, "known", ("operate",), "bootstrap", NOW, None, None, None, secrets, 1)
    store: Any = gateway.gateway.keys.book.store
    store.rows.keys[KEY_ID] = key
    gateway.ring.apply(key_changed(key))
