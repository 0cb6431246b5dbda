"""`burnline keys`: API keys and what they may do."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from burnline.client.api_client import ask_gateway
from burnline.groups import group
from common.strangers import one_line

keys = group(
    "API keys of the server that BURNLINE_URL names, else of the local stack. "
    "BURNLINE_API_TOKEN has to be a key with the scope admin."
)

KeyArgument = Annotated[str, typer.Argument(help="the key's id, the part between blk_ and _")]


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="whose it is, or what for")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="read, ingest, operate, override or admin; once for each"),
    ],
    expires_in_days: Annotated[float, typer.Option(help="0: it does not expire by itself")] = 365,
    max_count_per_report: Annotated[
        int | None,
        typer.Option(help="how much one report of it may count; else as ingest's setting says"),
    ] = None,
) -> None:
    """Create a key and print it: on standard output nothing else, so that it can be kept."""
    body = {
        "name": name,
        "scopes": scope,
        "expires_in_days": expires_in_days or None,
        "max_count_per_report": max_count_per_report,
    }
    _print_made(ask_gateway("POST", "/api/keys", body=body))


@keys.command("list")
def list_keys() -> None:
    """List the keys that were not revoked."""
    table = Table("id", "name", "scopes", "state", "expires", "last used", "secrets", box=None)
    for key in ask_gateway("GET", "/api/keys"):
        table.add_row(
            key["id"],
            Text(one_line(key["name"])),  # a text has no markup
            " ".join(key["scopes"]),
            key["state"],
            key["expires_at"] or "never",
            key["last_used_at"] or "not yet",
            str(len(key["secrets"])),
        )
    Console().print(table)


@keys.command()
def rotate(
    key_id: KeyArgument,
    overlap_hours: Annotated[
        float, typer.Option(help="how long the present secret opens beside the new one")
    ] = 24,
    expires_in_days: Annotated[
        float | None, typer.Option(help="how long the key is good from now; else as it was")
    ] = None,
) -> None:
    """Give a key another secret and print it."""
    body = {"overlap_hours": overlap_hours, "expires_in_days": expires_in_days}
    _print_made(ask_gateway("POST", f"/api/keys/{key_id}/rotate", body=body))


@keys.command()
def revoke(key_id: KeyArgument) -> None:
    """Let a key open nothing any more, for good."""
    ask_gateway("DELETE", f"/api/keys/{key_id}")
    typer.echo(f"{key_id} opens nothing any more; other processes know within a few seconds")


def _print_made(made: Mapping[str, Any]) -> None:
    typer.echo(made["key"])
    until = made["expires_at"] or "it is revoked"
    typer.echo(
        f"{made['name']} ({made['id']}) has {', '.join(made['scopes'])} until {until}; "
        "the key is not shown again",
        err=True,
    )
