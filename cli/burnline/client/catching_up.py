"""A bar that follows the consumers while they work off what waits: a replay, a recovery."""

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from burnline.client.api_client import ask
from burnline.errors import StackError

POLL_SECONDS: Final = 1.0


def wait_counted(
    client: httpx.Client,
    wait_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
    console: Console | None = None,
) -> bool:
    """Show a bar until nothing waits to be counted; tell whether that came in time.

    What arrives meanwhile makes the bar longer. A gateway that is away for a moment is asked again.
    """
    columns = (TextColumn("counted"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    deadline, begun = now() + wait_seconds, -1
    with Progress(*columns, console=console or Console(stderr=True)) as progress:
        task = progress.add_task("counted", total=None)
        while True:
            behind = _behind(client)
            if behind is not None:
                applied = sum(s["next_offset"] for s in behind["shards"])
                begun = applied if begun < 0 else begun
                done = applied - begun
                progress.update(task, total=done + behind["lag_records"], completed=done)
                if not behind["lag_records"]:
                    return True
            if now() >= deadline:
                return False
            sleep(POLL_SECONDS)


def _behind(client: httpx.Client) -> Any:
    try:
        return ask(client, "GET", "/api/ingest/lag")
    except StackError:
        return None
