"""`burnline services`: places that services hold, and giving them back in bulk."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from burnline.client.api_client import ask_gateway
from burnline.errors import StackError
from burnline.groups import group
from common.strangers import one_line

services = group("Services: retire many of them at once.")


@services.command()
def purge(
    *,
    source: Annotated[str | None, typer.Option(help="whose first event had this `source`")] = None,
    key: Annotated[
        str | None, typer.Option(help="whose name this key brought: its id, as in `keys list`")
    ] = None,
    unseen_for_hours: Annotated[
        float | None, typer.Option("--unseen-for", min=0, help="without an event for so many hours")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do it; else they are only named")] = False,
) -> None:
    """Retire services that match all that is given, and give their places back at once.

    Services with SLO targets stay: somebody has set them up. Delete those one by one.
    """
    given = {"source": source, "key": key, "unseen_for_hours": unseen_for_hours}
    which = {name: value for name, value in given.items() if value is not None}
    if not which:
        raise StackError("say which: --source, --key or --unseen-for, or several of them")
    found = _asked(which, dry_run=True)
    typer.echo(f"{found['matched']} services match: {_shown(found)}")
    if found["set_up"]:
        typer.echo(f"{found['set_up']} more match and stay: they have SLO targets")
    if not yes:
        typer.echo("nothing was changed; add --yes to retire them")
        return
    retired = 0
    while part := _asked(which, dry_run=False)["retired"]:
        retired += part
        typer.echo(f"{retired} retired")


def _asked(which: Mapping[str, Any], *, dry_run: bool) -> Any:
    return ask_gateway("POST", "/api/services/purge", body={**which, "dry_run": dry_run})


def _shown(found: Mapping[str, Any]) -> str:
    names = ", ".join(map(one_line, found["names"]))
    more = found["matched"] - len(found["names"])
    return f"{names} and {more} more" if more else names or "none"
