"""`burnline keys`: API keys and what they may do."""

from importlib import import_module
from typing import Annotated, Any

import typer

keys = typer.Typer(
    no_args_is_help=True,
    help="API keys of the server that BURNLINE_URL names, else of the local stack. "
    "BURNLINE_API_TOKEN has to be a key with the scope admin.",
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
) -> None:
    """Create a key and print it: on standard output nothing else, so that it can be kept."""
    _desk().create(name, scope, expires_in_days)


@keys.command("list")
def list_keys() -> None:
    """List the keys that were not revoked."""
    _desk().show()


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
    _desk().rotate(key_id, overlap_hours, expires_in_days)


@keys.command()
def revoke(key_id: KeyArgument) -> None:
    """Let a key open nothing any more, for good."""
    _desk().revoke(key_id)


def _desk() -> Any:
    address = import_module("burnline.client.api_client").gateway_address()
    return import_module("burnline.client.keys_client").KeysClient(address)
