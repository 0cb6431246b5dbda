"""After a restore the figures are those of the whole log, and what users want is the backup's.

Kafka still holds what was read since the backup: it is read again from the backup's offsets. What
was published since then is forgotten by `burnline ledger restored`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from burnline.localstack.places import project_root
from burnline.localstack.services import PLAIN_HTTP
from tests.faults.harness.members import Member
from tests.faults.harness.stored import read_progress
from tests.faults.scenario import Scenario, new_scenario
from tests.faults.traffic import SERVICES
from tests.support.burnrate_service import eventually
from tests.support.servers.cluster import Cluster, committed_offsets
from tests.support.shell_blocks import DOCUMENTS, bash, section_blocks
from tests.support.waiting import PATIENCE_SECONDS

OPERATIONS: Final = DOCUMENTS / "operations.md"
HEADERS: Final = {"Authorization": "Bearer faults"}
SERVICE: Final = SERVICES[0]
BURST: Final = 400
WAIT_SECONDS: Final = PATIENCE_SECONDS


@pytest.fixture
async def scenario(running_cluster: Cluster, tmp_path: Path) -> AsyncIterator[Scenario]:
    async with new_scenario(running_cluster, tmp_path, 5) as made:
        yield made


async def test_dump_drop_restore_and_go_on(scenario: Scenario, tmp_path: Path) -> None:
    services = [scenario.process(name, name) for name in ("burnrate", "gate", "api_gateway")]
    burnrate, _, gateway = services
    await start(services)
    await scenario.send(scenario.traffic.take(BURST))
    await equal(scenario)
    await eventually(lambda: targets(gateway), [], WAIT_SECONDS)
    await create_target(gateway, "kept", 0.99)
    [dumping] = section_blocks(OPERATIONS, "Backup")
    await type_in(scenario, tmp_path, dumping)

    await burnrate.stop()  # the next epoch is one that the backup does not know
    burnrate.start()
    await create_target(gateway, "made since", 0.98)
    await scenario.send(scenario.traffic.take(BURST))
    await equal(scenario)

    putting_back, forgetting = section_blocks(OPERATIONS, "Restore")
    status, printed = await shell(scenario, tmp_path, forgetting)
    assert (status, printed.splitlines()[-1][:33]) == (1, "error: stop burnrate, gate first,")
    for member in services:
        await member.stop()
    await scenario.drop_database()
    await type_in(scenario, tmp_path, putting_back)
    await type_in(scenario, tmp_path, forgetting)

    await start(services)
    await equal(scenario)
    assert await scenario.rest_differences(gateway.url) == []
    assert await targets(gateway) == ["kept"]
    await eventually(lambda: measured(gateway), ["kept"], WAIT_SECONDS)
    await create_target(gateway, "made anew", 0.97)
    await eventually(lambda: measured(gateway), ["kept", "made anew"], WAIT_SECONDS)
    await eventually(lambda: unlike_the_ledger(scenario), {}, WAIT_SECONDS)
    await eventually(lambda: decided(gateway), [True], WAIT_SECONDS)
    await scenario.send(scenario.traffic.take(BURST))
    await equal(scenario)


async def unlike_the_ledger(scenario: Scenario) -> dict[tuple[str, int], int]:
    """Return the offsets of the ledger that Kafka's group has otherwise."""
    stored, _ = await read_progress(scenario.database_url)
    committed = await committed_offsets(scenario.bootstrap, "burnrate")
    return {place: at for place, at in stored.items() if committed.get(place) != at}


async def start(services: list[Member]) -> None:
    for member in services:
        member.start()
    await asyncio.gather(*(member.wait_ready() for member in services))


async def equal(scenario: Scenario) -> None:
    found = await scenario.differences(WAIT_SECONDS)
    assert not found, "\n".join(found)


async def type_in(scenario: Scenario, folder: Path, script: str) -> None:
    """Run commands of the document; they must succeed."""
    status, printed = await shell(scenario, folder, script)
    assert status == 0, printed


async def shell(scenario: Scenario, folder: Path, script: str) -> tuple[int, str]:
    """Run commands of the document where they find the servers and PostgreSQL's programs."""
    programs = (Path(sys.executable).parent, scenario.cluster.program("pg_dump").parent)
    (folder / "alembic.ini").write_text(
        (project_root() / "alembic.ini").read_text().replace("%(here)s", str(project_root()))
    )
    return await bash(
        script,
        folder=folder,
        DATABASE_URL=scenario.database_url,
        KAFKA_BOOTSTRAP_SERVERS=scenario.bootstrap,
        PATH=":".join(map(str, programs)),
    )


async def create_target(gateway: Member, name: str, objective: float) -> None:
    body = {"name": name, "sli_type": "availability", "objective": objective}
    async with client(gateway) as asking:
        answer = await asking.post(f"/api/slo/{SERVICE}/targets", json=body)
    assert answer.status_code == 201, answer.text


async def targets(gateway: Member) -> list[str]:
    """Return what users want of the service, from the database."""
    return [target["name"] for target in await get(gateway, f"/api/slo/{SERVICE}/targets")]


async def measured(gateway: Member) -> list[str]:
    """Return which targets the newest snapshot has figures for."""
    slos = (await get(gateway, f"/api/slo/{SERVICE}"))["slos"]
    return sorted(slo["name"] for slo in slos if slo["data_status"] == "ok" and slo["total"])


async def decided(gateway: Member) -> list[bool]:
    return [(await get(gateway, f"/api/release/{SERVICE}"))["decision"] != "UNKNOWN"]


async def get(gateway: Member, path: str) -> Any:
    async with client(gateway) as asking:
        answer = await asking.get(path)
    return answer.json() if answer.is_success else {"slos": [], "decision": "UNKNOWN"}


def client(gateway: Member) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=gateway.url,
        headers=HEADERS,
        timeout=WAIT_SECONDS,
        trust_env=False,
        verify=PLAIN_HTTP,
    )
