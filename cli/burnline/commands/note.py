"""`burnline note`: a remark on a service's timeline, beside what was changed."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from burnline.client.addresses import ingest_address
from burnline.client.api_client import TIMEOUT_SECONDS, ask, connected
from burnline.client.own_key import account_name
from burnline.errors import StackError
from common.config.clock import rfc3339
from common.events import NOTE


def note(
    service: Annotated[str, typer.Argument(help="of whom it is remarked")],
    text: Annotated[str, typer.Argument(help="what people should know beside the figures")],
    *,
    at: Annotated[
        str | None, typer.Option(help="since when it holds, RFC 3339 with an offset; default now")
    ] = None,
    url: Annotated[str, typer.Option(help="where it is described; http or https")] = "",
    actor: Annotated[str | None, typer.Option(help="who says so; default this account")] = None,
) -> None:
    """Put a note on the timeline of a service: its charts, its page and its reports show it.

    It explains no errors and changes no figure. It is sent to BURNLINE_INGEST_URL with the key in
    BURNLINE_API_TOKEN, or to the local stack.
    """
    remark = {
        "service": service,
        "at": _instant(at),
        "kind": NOTE,
        "note": text,
        "actor": account_name() if actor is None else actor,
        "url": url,
        "source": "burnline note",
        "event_id": str(uuid.uuid4()),
    }
    with connected(ingest_address(), TIMEOUT_SECONDS) as client:
        ask(client, "POST", "/v1/changes", body=remark)
    typer.echo(f"noted of {service} at {remark['at']}")


def _instant(text: str | None) -> str:
    if text is None:
        return rfc3339(datetime.now(UTC))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise StackError(f"--at: `{text}` is no instant such as 2026-11-23T09:00:00Z")
    return rfc3339(at)
