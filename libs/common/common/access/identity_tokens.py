"""Verify access tokens of an identity provider (OpenID Connect, RFC 9068)."""

from collections.abc import Mapping
from typing import Any, Final

import jwt

from common.access.jwks import FileSource, KeyCache, KeysUnavailableError, UrlSource
from common.access.key_cache import unauthorized
from common.access.principal import Principal
from common.access.scopes import SCOPES
from common.config.settings import AccessSettings
from common.http.problems import Problem

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                     "ES512", "EdDSA")  # fmt: skip
"""Asymmetric ones only: with a shared secret, or with `none`, anybody could sign who can verify."""

LEEWAY_SECONDS: Final = 30
MOST_TOKEN_CHARACTERS: Final = 16_384
MOST_SUBJECT_CHARACTERS: Final = 128


class IdentityTokens:
    """Verify tokens with the provider's keys, and read the scopes from a claim."""

    def __init__(self, settings: AccessSettings, keys: KeyCache) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._claim, self._prefix = settings.oidc_scope_claim, settings.oidc_scope_prefix
        self._keys = keys

    async def principal(self, token: str) -> Principal:
        """Return the caller that a token names. Raises Problem: 401, or 503 without the keys."""
        try:
            claims = await self._claims(token)
        except KeysUnavailableError:
            detail = "The identity provider's keys cannot be read now; try again in a moment."
            raise Problem(
                503, "identity_unavailable", detail, headers={"Retry-After": "5"}
            ) from None
        except jwt.ExpiredSignatureError:
            raise unauthorized("The token has expired; sign in again.", "token_expired") from None
        except jwt.PyJWTError as error:
            # the class says what is wrong; the message may hold what the token says
            raise unauthorized(f"The token is refused: {type(error).__name__}.") from None
        return Principal(f"oidc/{_plain(str(claims['sub']))}", frozenset(self._scopes(claims)))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > MOST_TOKEN_CHARACTERS:
            raise jwt.InvalidTokenError
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        key = await self._keys.key(str(header.get("kid", "")))
        if key is None:
            raise jwt.InvalidKeyError
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims

    def _scopes(self, claims: Mapping[str, Any]) -> list[Any]:
        """Return the claim's scopes that are ours: a list, or words in one text (RFC 8693)."""
        held = claims.get(self._claim, "")
        words = held.split() if isinstance(held, str) else held
        given = {str(word) for word in words} if isinstance(words, list) else set()
        return [scope for scope in SCOPES if f"{self._prefix}{scope}" in given]


def identity_tokens(settings: AccessSettings) -> IdentityTokens | None:
    """Return the verifier of the configured issuer; None where none is configured."""
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_jwks_file is not None:
        return IdentityTokens(settings, KeyCache(FileSource(settings.oidc_jwks_file)))
    return IdentityTokens(settings, KeyCache(UrlSource(settings.oidc_jwks_url or "")))


def _plain(subject: str) -> str:
    """Return a subject that can go into logs and the audit."""
    return "".join(c if c.isprintable() else "?" for c in subject)[:MOST_SUBJECT_CHARACTERS]
