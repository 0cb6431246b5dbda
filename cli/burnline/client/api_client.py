"""Asks the gateway for JSON: the one that the environment names, else that of the local stack."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from burnline.errors import StackError
from burnline.localstack.config import data_dir
from burnline.localstack.state import read_state

TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where the gateway is; `token` is needed for what changes something."""

    base_url: str
    token: str | None


def gateway_address(environ: Mapping[str, str] = os.environ) -> GatewayAddress:
    """Return the gateway of BURNLINE_URL and BURNLINE_API_TOKEN, else the local stack's.

    Raises StackError where there is neither.
    """
    url, token = environ.get("BURNLINE_URL"), environ.get("BURNLINE_API_TOKEN")
    if not url:
        state = read_state(data_dir(environ).state)
        if state is None or not state.is_running():
            raise StackError("no gateway is known: set BURNLINE_URL, or burnline up")
        url = state.address("BURNLINE_PORT")
        token = token or state.environment.get("BURNLINE_API_TOKEN")
    return GatewayAddress(url, token)


@contextmanager
def connected(address: GatewayAddress, timeout_seconds: float) -> Iterator[httpx.Client]:
    """Give a client for the gateway; StackError for what is no address."""
    headers = {"Accept": "application/json"}
    if address.token:
        headers["Authorization"] = f"Bearer {address.token}"
    url = httpx.URL(address.base_url)
    if url.scheme not in {"http", "https"} or not url.host:
        raise StackError(
            f"BURNLINE_URL: `{address.base_url}` is no address such as https://burnline.example"
        )
    with httpx.Client(base_url=url, headers=headers, timeout=timeout_seconds) as client:
        yield client


def answer_of(response: httpx.Response) -> Any:
    """Return the JSON of a good answer; StackError with the gateway's reason for any other.

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
        raise StackError(f"the gateway answers {response.status_code}: {detail or 'no reason'}")
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
    """Return what the gateway answers; StackError where it does not, or refuses."""
    try:
        return answer_of(client.request(method, path, params=query, json=body))
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise StackError(f"{client.base_url} does not answer: {reason}") from error
