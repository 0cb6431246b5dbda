"""Tokens of an identity provider: only what it signed, for us, now; never by a shared secret."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import ValidationError

from common.access.jwks import (
    KEEP_SECONDS,
    PAUSE_SECONDS,
    KeyCache,
    KeysUnavailableError,
    UrlSource,
)
from common.config.settings import Settings
from common.service.app import build_app

ISSUER, AUDIENCE = "https://id.example", "burnline"


class Provider:
    """Signs with RSA and elliptic keys, and writes the public ones to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: dict[str, Any] = {}
        self.add("first", rsa.generate_private_key(65537, 2048))

    def add(self, key_id: str, key: Any) -> None:
        self.keys[key_id] = key
        self.path.write_text(json.dumps(self.public()))

    def public(self) -> dict[str, Any]:
        kinds: dict[type, Any] = {
            rsa.RSAPrivateKey: RSAAlgorithm,
            ec.EllipticCurvePrivateKey: ECAlgorithm,
        }
        found = []
        for key_id, key in self.keys.items():
            algorithm = next(a for kind, a in kinds.items() if isinstance(key, kind))
            jwk = json.loads(algorithm.to_jwk(key.public_key()))
            found.append({**jwk, "kid": key_id, "use": "sig"})
        return {"keys": found}

    def token(self, key_id: str = "first", alg: str = "RS256", **claims: Any) -> str:
        now = int(time.time())
        base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "iat": now, "exp": now + 300}
        content = {k: v for k, v in {**base, **claims}.items() if v is not None}
        return jwt.encode(content, self.keys[key_id], alg, headers={"kid": key_id})


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path / "jwks.json")


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def ready() -> dict[str, str]:
    return {}


def client_of(provider: Provider, **given: Any) -> httpx.AsyncClient:
    oidc = {
        "oidc_issuer": ISSUER,
        "oidc_audience": AUDIENCE,
        "oidc_jwks_file": provider.path,
        **given,
    }
    settings = Settings.model_validate(oidc)
    app = build_app("Test", settings, lifespan=no_lifespan, readiness=ready)

    @app.post("/api/x")
    async def operate() -> str:
        return "done"

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def status(client: httpx.AsyncClient, token: str) -> tuple[int, str]:
    answer = await client.post("/api/x", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, "" if answer.is_success else answer.json()["code"]


@pytest.mark.parametrize(
    "scope",
    ["burnline:operate", "openid burnline:admin", ["burnline:operate", "profile"]],
)
async def test_a_token_of_the_provider_opens_by_its_scopes(provider: Provider, scope: Any) -> None:
    async with client_of(provider) as client:
        assert await status(client, provider.token(scope=scope)) == (200, "")


@pytest.mark.parametrize(
    "scope", ["operate", "admin", "burnline:read", "burnline:", "", None, 7, {"burnline:admin": 1}]
)
async def test_other_words_open_nothing(provider: Provider, scope: Any) -> None:
    async with client_of(provider) as client:
        assert await status(client, provider.token(scope=scope)) == (403, "missing_scope")


async def test_claim_and_prefix_are_settings(provider: Provider) -> None:
    settings = {"oidc_scope_claim": "roles", "oidc_scope_prefix": "slo-"}
    async with client_of(provider, **settings) as client:
        assert (await status(client, provider.token(roles=["slo-operate"])))[0] == 200


GOOD = {"scope": "burnline:admin"}
PAST = int(time.time()) - 3600


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://evil.example"}, "unauthorized"),
        ({"aud": "another"}, "unauthorized"),
        ({"exp": PAST}, "token_expired"),
        ({"nbf": int(time.time()) + 3600}, "unauthorized"),
        ({"exp": None}, "unauthorized"),
        ({"iss": None}, "unauthorized"),
        ({"aud": None}, "unauthorized"),
        ({"sub": None}, "unauthorized"),
    ],
)
async def test_a_token_for_others_or_of_another_time_is_refused(
    provider: Provider, claims: dict[str, Any], code: str
) -> None:
    async with client_of(provider) as client:
        assert await status(client, provider.token(**GOOD, **claims)) == (401, code)


async def test_nobody_signs_with_what_everybody_knows(provider: Provider) -> None:
    """Forgeries: no signature, the public key as a shared secret, a key of one's own."""
    public = provider.keys["first"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(provider.token(**GOOD), options={"verify_signature": False})
    shared = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head = provider.token(**GOOD).split(".")[1]

    def forged(alg: str, sign: Any) -> str:
        header = jwt.utils.base64url_encode(
            json.dumps({"alg": alg, "kid": "first", "typ": "JWT"}).encode()
        ).decode()
        text = f"{header}.{head}"
        return f"{text}.{jwt.utils.base64url_encode(sign(text.encode())).decode()}"

    own = rsa.generate_private_key(65537, 2048)
    tokens = [
        forged("none", lambda _: b""),
        forged("None", lambda _: b""),
        forged("HS256", lambda text: shared.sign(text, pem)),
        jwt.encode(claims, own, "RS256", headers={"kid": "first"}),
        jwt.encode(claims, own, "RS256", headers={"kid": "unknown"}),
        jwt.encode(claims, own, "RS256"),
        provider.token(**GOOD)[:-4] + "AAAA",
        "a.b.c",
        "x" * 20_000 + ".y.z",
    ]
    async with client_of(provider) as client:
        for token in tokens:
            assert await status(client, token) == (401, "unauthorized"), token[:60]
        assert (await status(client, provider.token(**GOOD)))[0] == 200


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ({"use": None}, 200),
        ({"use": "sig", "key_ops": ["verify"]}, 200),
        ({"use": "enc"}, 401),
        ({"use": "tls"}, 401),
        ({"use": None, "key_ops": ["encrypt", "wrapKey"]}, 401),
        ({"use": None, "key_ops": "verify"}, 401),
    ],
)
async def test_a_key_that_is_not_for_signatures_opens_nothing(
    provider: Provider, marks: dict[str, Any], expected: int
) -> None:
    provider.add("other", rsa.generate_private_key(65537, 2048))
    keys = provider.public()["keys"]
    keys[1].update(marks)
    keys[1] = {name: value for name, value in keys[1].items() if value is not None}
    provider.path.write_text(json.dumps({"keys": keys}))
    async with client_of(provider) as client:
        assert (await status(client, provider.token("other", **GOOD)))[0] == expected
        assert (await status(client, provider.token(**GOOD)))[0] == 200


async def test_without_a_provider_no_token_opens(provider: Provider) -> None:
    async with client_of(provider, oidc_issuer=None) as client:
        assert (await status(client, provider.token(**GOOD)))[0] == 401


class Source:
    """Gives what it is told to."""

    def __init__(self, provider: Provider) -> None:
        self.provider, self.reads = provider, 0
        self.fails = False

    async def read(self) -> str:
        self.reads += 1
        if self.fails:
            raise KeysUnavailableError("no answer")
        return json.dumps(self.provider.public())


async def test_a_new_key_is_found_an_unknown_one_does_not_make_a_flood(provider: Provider) -> None:
    now = [0.0]
    source = Source(provider)
    cache = KeyCache(source, lambda: now[0])
    assert await cache.key("first")
    assert await cache.key("first")
    assert source.reads == 1
    provider.add("second", ec.generate_private_key(ec.SECP256R1()))
    assert await cache.key("second") is None  # asked a moment ago
    now[0] += PAUSE_SECONDS
    assert await cache.key("second")
    for number in range(50):
        assert await cache.key(f"made up {number}") is None
    assert source.reads == 2


async def test_keys_serve_on_while_the_provider_is_away_and_a_withdrawn_one_goes(
    provider: Provider,
) -> None:
    now = [0.0]
    source = Source(provider)
    cache = KeyCache(source, lambda: now[0])
    source.fails = True
    with pytest.raises(KeysUnavailableError):
        await cache.key("first")
    source.fails, now[0] = False, PAUSE_SECONDS
    assert await cache.key("first")
    source.fails, now[0] = True, now[0] + KEEP_SECONDS + 1
    assert await cache.key("first")
    source.fails, now[0] = False, now[0] + PAUSE_SECONDS
    provider.keys.pop("first")
    provider.add("second", ec.generate_private_key(ec.SECP256R1()))
    assert await cache.key("first") is None


async def test_without_keys_the_answer_is_503(provider: Provider) -> None:
    async with client_of(provider) as client:
        provider.path.write_text("no json")
        assert await status(client, provider.token(**GOOD)) == (503, "identity_unavailable")


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (httpx.Response(302, headers={"Location": "http://169.254.169.254/"}), "302"),
        (httpx.Response(500), "500"),
        (httpx.Response(200, content=b"x" * 300_000), "bytes"),
    ],
)
async def test_the_address_is_asked_within_bounds(answer: httpx.Response, part: str) -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return answer

    source = UrlSource("https://id.example/keys", httpx.MockTransport(handle))
    with pytest.raises(KeysUnavailableError, match=part):
        await source.read()
    assert asked == ["https://id.example/keys"]


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"oidc_issuer": ISSUER}, "BURNLINE_OIDC_AUDIENCE"),
        ({"oidc_issuer": ISSUER, "oidc_audience": "a"}, "BURNLINE_OIDC_JWKS"),
        (
            {"oidc_issuer": ISSUER, "oidc_audience": "a", "oidc_jwks_url": "http://id.example/k"},
            "https://",
        ),
    ],
)
def test_half_a_provider_is_refused_at_the_start(given: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        Settings.model_validate(given)
