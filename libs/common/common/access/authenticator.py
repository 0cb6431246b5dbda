"""Authenticate a request by its Authorization header."""

import base64
import hmac
from collections.abc import Sequence

from pydantic import SecretStr

from common.access.identity_tokens import IdentityTokens
from common.access.key_cache import ApiKeyCache, unauthorized
from common.access.keys import presented_key
from common.access.principal import BOOTSTRAP, Principal
from common.config.clock import Clock

ADMIN = Principal(BOOTSTRAP, frozenset({"admin"}))
READER = Principal("reader", frozenset({"read"}))
"""Whom BURNLINE_READ_TOKEN names: what scrapes metrics or shows a wall its figures."""


class Authenticator:
    """Check a credential against the configured tokens, the API keys and a verifier, if any."""

    def __init__(
        self,
        tokens: Sequence[tuple[SecretStr | None, Principal]],
        cache: ApiKeyCache,
        clock: Clock,
        verifier: IdentityTokens | None = None,
    ) -> None:
        self._tokens = [(t.get_secret_value().encode(), p) for t, p in tokens if t]
        self._cache, self._clock, self._verifier = cache, clock, verifier

    @property
    def can_admit(self) -> bool:
        """Whether any credential could be accepted."""
        return bool(self._tokens or self._cache.has_keys or self._verifier)

    async def principal(self, authorization: str) -> Principal:
        """Return the caller that the header authenticates. Raises Problem: 401 or 503."""
        given = _credential(authorization)
        if not given:
            raise unauthorized("Send the header `Authorization: Bearer <API key>`.")
        for token, principal in self._tokens:
            if hmac.compare_digest(given, token):
                return principal
        text = given.decode("ascii", "replace")
        if key := presented_key(text):
            return self._cache.principal(key, self._clock())
        if self._verifier is not None and text.count(".") == 2:  # noqa: PLR2004 - a JWT's
            return await self._verifier.principal(text)
        raise unauthorized("The API key is wrong: it is none that this server knows.")


def _credential(authorization: str) -> bytes:
    """Return the header's credential: the bearer's, or the password of basic authentication.

    A system that can be configured with nothing but a URL sends the part before its `@` as basic.
    """
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode("latin-1")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""
