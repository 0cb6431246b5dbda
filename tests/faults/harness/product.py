"""All processes of the product on one set of servers, and one service that reports and is well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from burnline.localstack.services import PLAIN_HTTP
from tests.faults.scenario import TOKEN, Scenario
from tests.support.burnrate_service import eventually
from tests.support.waiting import PATIENCE_SECONDS

PROCESSES: Final = ("ingest", "burnrate", "forecast", "gate", "alerts", "api_gateway")
LIMITS: Final[dict[str, Any]] = {
    "ENABLE_METRICS_SIMULATOR": "false",
    "BURNLINE_UNREADY_SECONDS": "3",  # 15 where nobody says otherwise
    "GATE_HEARTBEAT_SECONDS": "2",
    "GATE_EXPIRES_SECONDS": "6",  # 30
}
SERVICE: Final = "checkout"


class Product:
    """All processes of the product, and one service that reports and is well."""

    def __init__(self, scenario: Scenario, **environment: Any) -> None:
        given = {**LIMITS, **environment}
        self.members = {
            name: scenario.process(name, name, BURNLINE_INSTANCE_ID=name, **given)
            for name in PROCESSES
        }
        self.accepted = 0
        self._number = 0

    async def start(self) -> None:
        """Start all, and wait until a change may be released on figures of now."""
        for member in self.members.values():
            member.start()
        await self.wait_well()

    async def wait_well(self) -> None:
        """Wait until all are ready, and what they say is known."""
        await asyncio.gather(*(member.wait_ready() for member in self.members.values()))
        await eventually(self.decision, "ALLOW", seconds=120)

    async def decision(self) -> str:
        """Return what the gateway says of a release; None, written out, where it says nothing."""
        answer = await self.read(f"/api/release/{SERVICE}")
        return str(answer and answer["decision"])

    async def get(self, path: str) -> httpx.Response:
        """Ask the gateway."""
        async with self._client("api_gateway") as client:
            return await client.get(path)

    async def read(self, path: str) -> Any:
        """Return what the gateway answers; None where it cannot, or does not know the service."""
        answer = await self.get(path)
        if answer.status_code in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.NOT_FOUND}:
            return None
        return answer.raise_for_status().json()

    async def write(self, process: str, path: str, body: Any, key: str = TOKEN) -> int:
        """Send a write; return the status of the answer."""
        async with self._client(process, key) as client:
            return (await client.post(path, json=body)).status_code

    async def new_key(self, scope: str) -> str:
        """Make a key, and return it once ingest knows it."""
        async with self._client("api_gateway") as client:
            answer = await client.post("/api/keys", json={"name": scope, "scopes": [scope]})
        key: str = answer.raise_for_status().json()["key"]

        async def is_known() -> bool:
            status = await self.write("ingest", "/v1/events", [], key)
            return status != httpx.codes.UNAUTHORIZED

        await eventually(is_known, expected=True)
        return key

    async def report(self) -> int:
        """Send that a thousand requests went well; return the status of the answer."""
        self._number += 1
        event = {
            "service": SERVICE,
            "source": "edge",
            "event_id": str(self._number),
            "timestamp": datetime.now(UTC).isoformat(),
            "total": 1000,
            "bad": 0,
        }
        status = await self.write("ingest", "/v1/events", event)
        self.accepted += status == httpx.codes.ACCEPTED
        return status

    def _client(self, process: str, key: str = TOKEN) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.members[process].url,
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            verify=PLAIN_HTTP,
            timeout=PATIENCE_SECONDS,
        )


@asynccontextmanager
async def reporting(product: Product) -> AsyncIterator[None]:
    """Report twice a second while the block runs, whatever comes of it."""
    ended = asyncio.Event()

    async def report() -> None:
        while not ended.is_set():
            with suppress(httpx.HTTPError):
                await product.report()
            await asyncio.sleep(0.5)

    task = asyncio.create_task(report())
    try:
        yield
    finally:
        ended.set()
        await task
