"""Asks the gateway for API keys, and prints them."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from burnline.client.api_client import TIMEOUT_SECONDS, GatewayAddress, ask, connected


class KeysClient:
    """The operations on keys; what is refused is a StackError with the server's reason."""

    def __init__(self, address: GatewayAddress) -> None:
        self._address = address

    def create(self, name: str, scopes: Sequence[str], expires_in_days: float) -> None:
        """Create a key and print it."""
        wanted = {"name": name, "scopes": [*scopes], "expires_in_days": expires_in_days or None}
        _print_made(self._answer("POST", "/api/keys", wanted))

    def rotate(self, key_id: str, overlap_hours: float, expires_in_days: float | None) -> None:
        """Give a key another secret and print it."""
        wanted = {"overlap_hours": overlap_hours, "expires_in_days": expires_in_days}
        _print_made(self._answer("POST", f"/api/keys/{key_id}/rotate", wanted))

    def revoke(self, key_id: str) -> None:
        """Revoke a key."""
        self._answer("DELETE", f"/api/keys/{key_id}")
        typer.echo(f"{key_id} opens nothing any more; other processes know within a few seconds")

    def show(self) -> None:
        """Print the keys as a table."""
        table = Table("id", "name", "scopes", "state", "expires", "last used", "secrets", box=None)
        for key in self._answer("GET", "/api/keys"):
            table.add_row(
                key["id"],
                key["name"],
                " ".join(key["scopes"]),
                key["state"],
                key["expires_at"] or "never",
                key["last_used_at"] or "not yet",
                str(len(key["secrets"])),
            )
        Console().print(table)

    def _answer(self, method: str, path: str, body: object = None) -> Any:
        with connected(self._address, TIMEOUT_SECONDS) as client:
            return ask(client, method, path, body=body)


def _print_made(made: Mapping[str, Any]) -> None:
    typer.echo(made["key"])
    until = made["expires_at"] or "it is revoked"
    typer.echo(
        f"{made['name']} ({made['id']}) has {', '.join(made['scopes'])} until {until}; "
        "the key is not shown again",
        err=True,
    )
