"""Asks the gateway, or ingest, for JSON."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from burnline.client.addresses import GatewayAddress, gateway_address
from burnline.errors import StackError

TIMEOUT_SECONDS: Final = 10.0


def connected(address: GatewayAddress, timeout_seconds: float) -> httpx.Client:
    """Return a client for either of them, to be entered; StackError for what is no address."""
    return httpx.Client(**client_options(address, timeout_seconds))


def client_options(address: GatewayAddress, timeout_seconds: float) -> dict[str, Any]:
    """Return how httpx is to speak with it: at its address, with its key.

    StackError for what is no address.
    """
    headers = {"Accept": "application/json"}
    if address.token:
        headers["Authorization"] = f"Bearer {address.token}"
    url = httpx.URL(address.base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise StackError(
            f"`{address.base_url}` is no address such as https://burnline.example: BURNLINE_URL, "
            "or BURNLINE_INGEST_URL"
        )
    return {"base_url": url, "headers": headers, "timeout": timeout_seconds}


def ask_gateway(method: str, path: str, **content: Any) -> Any:
    """Return what the gateway in use answers; StackError where it does not, or refuses."""
    with connected(gateway_address(), TIMEOUT_SECONDS) as client:
        return ask(client, method, path, **content)


def answer_of(response: httpx.Response) -> Any:
    """Return the JSON of a good answer; StackError with the server's reason for any other.

    None where there is nothing to answer (204).
    """
    if response.status_code == httpx.codes.NO_CONTENT:
        return None
    try:
        content = response.json()
    except ValueError:
        content = None
    if not response.is_success:
        detail = content.get("detail", "") if isinstance(content, dict) else ""
        asked = response.url.path
        raise StackError(f"{asked} is answered {response.status_code}: {detail or 'no reason'}")
    if content is None:
        raise StackError(f"{response.url} answers no JSON; is BURNLINE_URL the gateway's?")
    return content


def ask(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    query: Mapping[str, str | int] | None = None,
    body: object = None,
) -> Any:
    """Return what the server answers; StackError where it does not, or refuses."""
    try:
        return answer_of(client.request(method, path, params=query, json=body))
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise StackError(f"{client.base_url} does not answer: {reason}") from error
