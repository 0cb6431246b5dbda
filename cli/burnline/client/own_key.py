"""The key of the person who starts the local stack: what is written with it is in their name."""

import os
import pwd
import socket
import time
from collections.abc import Collection
from typing import Any, Final

import httpx

from burnline.client.addresses import GatewayAddress
from burnline.client.api_client import TIMEOUT_SECONDS, ask, connected
from burnline.errors import StackError
from burnline.localstack.config import DataDir
from burnline.localstack.places import write_private
from burnline.localstack.state import StackState, read_key
from common.access.names import ConfusableNameError, normalised_name

KNOWN_TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
NAME_CHARACTERS: Final = 40


def ensure_own_key(directory: DataDir, state: StackState, token: str) -> None:
    """Keep a key of this account in the data directory, made with the stack's token.

    One that opens nothing any more, as after a restore, is made anew. Raises StackError where the
    gateway does not make it.
    """
    address = state.address("BURNLINE_PORT")
    if _opens(GatewayAddress(address, read_key(directory.key))):
        return
    with connected(GatewayAddress(address, token), TIMEOUT_SECONDS) as client:
        taken = {key["name"] for key in ask(client, "GET", "/api/keys")}
        name = free_name(account_name(), taken)
        body = {"name": name, "scopes": ["admin"], "expires_in_days": None}
        made: dict[str, Any] = ask(client, "POST", "/api/keys", body=body)
    _wait_known(GatewayAddress(state.address("BURNLINE_INGEST_PORT"), made["key"]))
    write_private(directory.key, f"{made['key']}\n", os.O_TRUNC)


def account_name() -> str:
    """Return the name of the account that runs this process, whatever its variables say."""
    account = f"uid {os.getuid()}"
    try:
        return normalised_name(pwd.getpwuid(os.getuid()).pw_name)[:NAME_CHARACTERS] or account
    except (KeyError, ConfusableNameError):
        return account


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with the host and a number where keys of other stacks have it."""
    if name not in taken:
        return name
    here = f"{name} on {socket.gethostname()}"[:NAME_CHARACTERS]
    numbered = (f"{here} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (here, *numbered) if each not in taken)


def _opens(gateway: GatewayAddress) -> bool:
    if gateway.token is None:
        return False
    with connected(gateway, TIMEOUT_SECONDS) as client:
        try:
            ask(client, "GET", "/api/keys")
        except StackError:
            return False
    return True


def _wait_known(ingest: GatewayAddress) -> None:
    """Wait until ingest has read the key from its topic; it goes on to do so by itself."""
    deadline = time.monotonic() + KNOWN_TIMEOUT_SECONDS
    unknown = {httpx.codes.UNAUTHORIZED, httpx.codes.SERVICE_UNAVAILABLE}
    with connected(ingest, TIMEOUT_SECONDS) as client:
        while client.post("/v1/events").status_code in unknown and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
