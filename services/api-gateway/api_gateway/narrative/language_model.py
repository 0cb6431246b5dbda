"""A language model at any address that speaks OpenAI's chat completions. One POST, bounded."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import structlog
from pydantic import SecretStr

from api_gateway.narrative.checker import RefusedError
from api_gateway.narrative.phrasing import MAX_ANSWER_BYTES, Message

MAX_ANSWER_TOKENS = 600

log = structlog.get_logger()

INSIDE_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".svc")


def is_public(base_url: str) -> bool:
    """Return whether what is sent there goes to a public address, as far as its name says.

    Names of one word, and those of private zones (RFC 6762, RFC 8375), are of one's own network.
    """
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(INSIDE_SUFFIXES)


def warn_if_public(base_url: str | None) -> None:
    """Say at the start that facts go to a public address, where they do."""
    if base_url is not None and is_public(base_url):
        log.warning(
            "facts_leave_the_house",
            variable="AI_BASE_URL",
            host=urlsplit(base_url).hostname,
            detail="names and figures of services are sent to a public address to be phrased",
        )


class LanguageModel:
    """A model behind `<base>/chat/completions`. No redirect is followed, no proxy asked."""

    def __init__(self, base_url: str, name: str, api_key: SecretStr | None) -> None:
        self.name = name
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        headers = {}
        if api_key is not None:
            headers["Authorization"] = f"Bearer {api_key.get_secret_value()}"
        self._client = httpx.AsyncClient(headers=headers, trust_env=False, timeout=60)

    async def complete(self, messages: list[Message]) -> bytes:
        """Return the answer's body. Raises httpx.HTTPError, or RefusedError if it is too long."""
        asked = {
            "model": self.name,
            "messages": messages,
            "temperature": 0,
            "max_tokens": MAX_ANSWER_TOKENS,
            "response_format": {"type": "json_object"},
        }
        body = bytearray()
        async with self._client.stream("POST", self._url, json=asked) as response:
            response.raise_for_status()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    raise RefusedError(f"longer than {MAX_ANSWER_BYTES} bytes")
        return bytes(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
