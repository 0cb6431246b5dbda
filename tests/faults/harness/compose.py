"""Restart every part of docker-compose.yml under load: `python -m tests.faults.harness.compose`.

Wants the core profile, just started on empty volumes, with .env beside it; consumers may be doubled
(`--scale burnrate=2 ...`), and reads may need a key. Metric events go
straight to Kafka, changes over HTTP; then every row is compared with the model, and what the
dashboard's address answers. Exit code 0: nothing was lost, nothing counted twice. `--kill` kills
instead of restarting.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from dotenv import dotenv_values

from burnline.localstack.kafka import silence_client_logs
from burnline.localstack.places import project_root
from tests.faults.scenario import Scenario
from tests.faults.traffic import Traffic
from tests.support.burnrate_service import query
from tests.support.servers.cluster import SHARDS, Cluster

PARTS: Final = (
    "burnrate",
    "forecast",
    "gate",
    "alerts",
    "api-gateway",
    "ingest",
    "dashboard",
    "redis",
    "postgres",
    "kafka",
)
_BURST: Final = 40
_BURST_SECONDS: Final = 0.2
_CHANGE_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 300.0  # a broker on a busy machine takes minutes to come back
_SERVICE: Final = "over-http"
_CHANGES: Final = "SELECT count(*), count(DISTINCT version) FROM gate.changes WHERE service = $1"


class ComposeServers(Cluster):
    """PostgreSQL and Kafka of the compose project, by their ports on this machine."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables

    def bootstrap(self, *, proxied: bool = False) -> str:  # noqa: ARG002 - nothing is between
        """Where this machine reaches the broker."""
        return f"{self._variables['KAFKA_HOST_ADDRESS']}:{self._variables['KAFKA_PORT']}"

    def database_url(self, name: str, *, proxied: bool = False) -> str:  # noqa: ARG002 - the same
        """Where this machine reaches the database."""
        account = f"{self._variables['POSTGRES_USER']}:{self._variables['POSTGRES_PASSWORD']}"
        return f"postgresql://{account}@127.0.0.1:{self._variables['POSTGRES_PORT']}/{name}"


class Changes:
    """Sends changes over HTTP, each until it is taken; `sent` counts them."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.sent, self.repeats = 0, 0
        self._url = f"http://127.0.0.1:{variables['INGEST_PORT']}/v1/changes"
        self.headers = {"Authorization": f"Bearer {variables['BURNLINE_API_TOKEN']}"}

    async def run(self, ended: asyncio.Event) -> None:
        """Send until it is enough; the last one is taken, too."""
        async with httpx.AsyncClient(headers=self.headers, timeout=10, trust_env=False) as client:
            while not ended.is_set():
                await self._send(client, f"1.{self.sent}")
                self.sent += 1
                await asyncio.sleep(_CHANGE_SECONDS)

    async def _send(self, client: httpx.AsyncClient, version: str) -> None:
        at = datetime.now(UTC).isoformat()
        body = {"service": _SERVICE, "kind": "deploy", "version": version, "at": at}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = await client.post(self._url, json=body)
            except httpx.TransportError:
                taken = False
            else:
                taken = answer.status_code == httpx.codes.ACCEPTED
                assert taken or answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR, answer.text
            if taken:
                return
            assert time.monotonic() < deadline, "a change was not taken in time"
            self.repeats += 1
            await asyncio.sleep(_CHANGE_SECONDS)

    async def differences(self, database_url: str) -> list[str]:
        """Compare the stored changes with those that were taken, once nothing is under way."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            [(rows, versions)] = await query(database_url, _CHANGES, _SERVICE)
            if rows == versions == self.sent:
                return []
            if time.monotonic() > deadline:
                return [f"{self.sent} changes were taken, {rows} rows hold {versions} of them"]
            await asyncio.sleep(1)


async def _compose(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "docker-compose", *arguments, cwd=project_root(), stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0, arguments


async def _hurt(parts: Sequence[str], pause_seconds: float, *, kill: bool) -> None:
    for part in parts:
        if kill:
            await _compose("kill", "-s", "KILL", part)
            await _compose("start", part)
        else:
            await _compose("restart", part)
        typer.echo(f"{'killed' if kill else 'restarted'} {part}")
        await asyncio.sleep(pause_seconds)


async def restarted(parts: Sequence[str], pause_seconds: float, *, kill: bool) -> list[str]:
    """Return what differs from the model in the end; nothing when all is as it must be."""
    found = {k: v or "" for k, v in dotenv_values(project_root() / ".env").items()}
    servers, changes = ComposeServers(found), Changes(found)
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(servers, found["POSTGRES_DB"], Path(folder), Traffic(1, SHARDS))
        ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(scenario.send_bursts(_BURST, _BURST_SECONDS, ended))
                group.create_task(changes.run(ended))
                await asyncio.sleep(pause_seconds)
                await _hurt(parts, pause_seconds, kill=kill)
                ended.set()
            differences = await scenario.differences(_PATIENCE_SECONDS)
            page = f"http://127.0.0.1:{found['DASHBOARD_PORT']}"
            differences += await scenario.rest_differences(page, _PATIENCE_SECONDS, changes.headers)
            differences += await changes.differences(scenario.database_url)
            expected, _ = await scenario.expected()
            sent = f"changes={changes.sent} changes_sent_again={changes.repeats}"
            typer.echo(f"{scenario.sums(expected)} {sent}")
        finally:
            await scenario.close()
    return differences


def main(
    parts: Annotated[list[str] | None, typer.Argument(help="which of them, else all")] = None,
    *,
    pause_seconds: float = 5.0,
    kill: bool = False,
) -> None:
    """Restart parts of the project under load; exit 0 when every row is equal."""
    silence_client_logs()
    began = time.monotonic()
    differences = asyncio.run(restarted(parts or PARTS, pause_seconds, kill=kill))
    verdict = "FAIL" if differences else "PASS"
    typer.echo("\n".join([*differences, f"{verdict} after {time.monotonic() - began:.0f} s"]))
    raise typer.Exit(1 if differences else 0)


if __name__ == "__main__":
    typer.run(main)
