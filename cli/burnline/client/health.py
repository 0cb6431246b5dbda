"""The health of the whole, read from the gateway: lag, outboxes, dead letters, silent services."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from burnline.client.api_client import ask
from burnline.errors import StackError
from common.slo import wording
from common.strangers import one_line

LATE_SECONDS: Final = 60.0
"""From here on lag and what is not announced are faults, as in the alert rules."""

_MOST_DEAD_LETTERS = 500
_DAY = timedelta(days=1)
_NAMED = 8
_WELL = frozenset({"ok", "no_traffic"})
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Health:
    """What the gateway answers: lag, the newest dead letters, the rows of the overview."""

    lag: Mapping[str, Any]
    dead_letters: Sequence[Mapping[str, Any]]
    services: Sequence[Mapping[str, Any]]


def read_health(client: httpx.Client) -> Health:
    """Ask the gateway; StackError where it does not answer."""
    return Health(
        ask(client, "GET", "/api/ingest/lag"),
        ask(client, "GET", "/api/ingest/dead-letters", query={"limit": _MOST_DEAD_LETTERS}),
        ask(client, "GET", "/api/overview")["services"],
    )


def described(health: Health, now: datetime) -> list[str]:
    """Return it in lines, for people."""
    return [
        *_lag_lines(health.lag),
        f"not announced {_outboxes(health.lag['outboxes'])}",
        f"dead letters  {_dead_letters(health.dead_letters, now)}",
        f"services      {_services(health.services)}",
    ]


def faults(health: Health) -> list[str]:
    """Return what is wrong with the system itself; senders that are silent are not."""
    found = []
    late = health.lag["lag_seconds"]
    if late is None and health.lag["lag_records"]:
        found.append("how old the oldest event is that is not counted cannot be told")
    elif late is not None and late > LATE_SECONDS:
        found.append(f"events wait for {_late(late)} to be counted")
    found += [
        f"{_place(shard)}@{shard['undecodable']['offset']} cannot be decoded "
        f"({one_line(shard['undecodable']['reason'])}): burnline dlq skip"
        for shard in health.lag["shards"]
        if shard.get("undecodable")
    ]
    found += [
        f"{box['service']} cannot announce what it has stored since {_late(box['lag_seconds'])}"
        for box in health.lag["outboxes"]
        if box["lag_seconds"] > LATE_SECONDS
    ]
    return found


def _late(seconds: float) -> str:
    return wording.lasted(seconds, [LATE_SECONDS])


def _lag_lines(lag: Mapping[str, Any]) -> list[str]:
    lines = [f"consumer lag  {lag['lag_records']} records{_age(lag['lag_seconds'])}"]
    for shard in lag["shards"]:
        if shard["lag_records"]:
            behind = f"{shard['lag_records']} records{_age(shard['lag_seconds'])}"
            whose = f"  {shard['service']} {_place(shard)}"
            lines.append(f"{whose}: {behind}, held by {shard['owner']}")
    return lines


def _place(shard: Mapping[str, Any]) -> str:
    return f"{shard['topic']}/{shard['shard']}"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ", of unknown age"
    return f", the oldest {wording.lasted(seconds)} old" if seconds else ""


def _outboxes(outboxes: Sequence[Mapping[str, Any]]) -> str:
    waiting = [
        f"{box['service']} {box['waiting']} records{_age(box['lag_seconds'])}"
        for box in outboxes
        if box["waiting"]
    ]
    return "; ".join(waiting) or "nothing"


def _dead_letters(dead_letters: Sequence[Mapping[str, Any]], now: datetime) -> str:
    recent = [n for n in dead_letters if now - datetime.fromisoformat(n["recorded_at"]) < _DAY]
    if not recent:
        return "none in the last 24 h"
    codes = ", ".join(f"{times} {code}" for code, times in _counted(n["code"] for n in recent))
    most = " or more" if len(recent) == _MOST_DEAD_LETTERS else ""
    return f"{len(recent)}{most} in the last 24 h: {codes} (burnline dlq list)"


def _services(rows: Sequence[Mapping[str, Any]]) -> str:
    states = ", ".join(f"{n} {status}" for status, n in _counted(r["data_status"] for r in rows))
    silent = [row["service_name"] for row in rows if row["data_status"] not in _WELL]
    if not silent:
        return states or "none yet"
    named = ", ".join(silent[:_NAMED]) + (" ..." if len(silent) > _NAMED else "")
    return f"{states} ({named})"


def _counted(words: Any) -> list[tuple[str, int]]:
    return Counter(words).most_common()


def wait_counted(
    client: httpx.Client,
    wait_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
    console: Console | None = None,
) -> bool:
    """Show a bar until nothing waits to be counted; False where the time is up first.

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
