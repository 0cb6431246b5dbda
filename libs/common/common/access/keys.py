"""Generate, format and compare API keys.

A key is `blk_<id>_<secret>`. The id is public, in lists and logs; the secret is shown once.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "blk"
ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
MOST_SECRETS: Final = 2
"""The newest, and the one before it while it is being replaced everywhere."""

_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_BYTES}}})_([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key that came with a request; its representation hides the secret."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"PresentedKey({self.id})"


def new_key_id() -> str:
    """Return an id that no other key has."""
    return secrets.token_hex(ID_BYTES)


def new_secret() -> str:
    """Return 256 random bits as 43 characters."""
    return secrets.token_urlsafe(SECRET_BYTES)


def written(key_id: str, secret: str) -> str:
    """Return the key as it is sent."""
    return f"{PREFIX}_{key_id}_{secret}"


def presented_key(text: str) -> PresentedKey | None:
    """Parse a key; None where the text is none."""
    found = _KEY.fullmatch(text)
    return PresentedKey(found[1], found[2]) if found else None


def secret_hash(secret: str) -> str:
    """Return the SHA-256 in hex that is stored and sent to other processes instead of a secret.

    A slow hash protects secrets that people choose. These are 256 random bits, which nobody
    guesses at any speed; a slow hash would only make each request expensive.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret_of(secret: str, stored_hash: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(secret_hash(secret), stored_hash)
