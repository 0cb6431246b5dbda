"""Each fault against each process: from then on nothing says more than is known.

A row for each pair: what `/readyz` names, and what stands for the process's own work over REST.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from burnline.localstack.services import readiness
from common.runtime.loops import background
from tests.faults.harness.members import Member
from tests.faults.harness.product import PROCESSES, SERVICE, Product, reporting
from tests.faults.harness.small_disk import SmallDisk
from tests.faults.scenario import Scenario

KNOWN_WITHIN_SECONDS: Final = 15.0
STAYS_SECONDS: Final = 3.0


Claim = Callable[[Product], Awaitable[str]]
"""Returns what is said beyond what is known; nothing where all is well said."""


def is_said(condition: object, said: object) -> str:
    """Return nothing where the condition holds, else what was said."""
    return "" if condition else f"{said}"


async def figures_lag(product: Product) -> str:
    """Status and burn rates of the service are those of before, and say so."""
    status, rates = await product.read(f"/api/slo/{SERVICE}"), await product.read("/api/burn")
    shown = [row for row in (status, *(rates or ())) if row is not None]
    said = [row["data_status"] for row in shown if row["service_name"] == SERVICE]
    return is_said(set(said) <= {"lagging"}, said)


async def forecast_lags(product: Product) -> str:
    """The forecast says that its counts are out of date, and is not sure of anything."""
    found = await product.read(f"/api/forecast/{SERVICE}")
    said = found and (found["data_status"], found["confidence_level"])
    return is_said(not said or (said[0] == "lagging" and said[1] != "high"), said)


async def nothing_is_allowed(product: Product) -> str:
    """No change is let through by what the gate said before."""
    said = await product.decision()
    return is_said(said in {"UNKNOWN", "None"}, said)


async def alerts_lag(product: Product) -> str:
    """The list of alerts says that others may have begun, or is not answered."""
    answer = await product.get("/api/alerts")
    said = (answer.status_code, answer.headers.get("Alerts-Status"))
    return is_said(said in {(503, None), (200, "lagging")}, said)


async def lists_say_unknown(product: Product) -> str:
    """The views of all services count none as known, nor allow anything."""
    summary, overview = await product.read("/api/summary"), await product.read("/api/overview")
    said: dict[str, object] = {}
    if summary is not None:
        said["judged"] = summary["compliance"]["judged"]
        said["levels"] = sum(summary["services_by_risk_level"].values())
        said["alerts"] = summary["active_alerts"]["status"]
    for row in overview["services"] if overview is not None else ():
        if row["service_name"] == SERVICE:
            said |= {"status": row["data_status"], "decision": row["decision"]["decision"]}
    known = {"judged": 0, "levels": 0, "alerts": "lagging", "status": "lagging"}
    return is_said(said.items() <= {**known, "decision": "UNKNOWN"}.items(), said)


async def lists_say_unknown_and_writes_wait(product: Product) -> str:
    """As above, and no write is answered as if it had been stored."""
    new = {"name": "new", "tier": 1, "owner": "team"}
    status = await product.write("api_gateway", "/api/services", new)
    stored = is_said(status == httpx.codes.SERVICE_UNAVAILABLE, f"a write: {status}")
    return stored or await lists_say_unknown(product)


async def events_are_taken(product: Product) -> str:
    """Kafka has acknowledged them, and they are counted later."""
    status = await product.report()
    return is_said(status == httpx.codes.ACCEPTED, status)


async def no_event_is_taken(product: Product) -> str:
    """Nobody is told that an event is in Kafka."""
    status = await product.report()
    return is_said(status == httpx.codes.SERVICE_UNAVAILABLE, status)


@dataclass(frozen=True, slots=True)
class Row:
    """What holds of a process during a fault: the reasons, one of which it names; none: ready."""

    fault: str
    process: str
    reasons: frozenset[str]
    claim: Claim


def rows() -> Iterator[Row]:
    """Give the table."""
    commit = frozenset({"commit", "progress", "tick", "flush", "outbox"})
    table: dict[str, dict[str, tuple[frozenset[str], Claim]]] = {
        "postgres": {
            "ingest": (frozenset(), events_are_taken),
            "burnrate": (commit, figures_lag),
            "forecast": (commit, forecast_lags),
            "gate": (commit, nothing_is_allowed),
            "alerts": (commit, alerts_lag),
            "api_gateway": (frozenset({"database"}), lists_say_unknown_and_writes_wait),
        },
        "kafka": {
            "ingest": (frozenset({"kafka"}), no_event_is_taken),
            "burnrate": (frozenset({"kafka"}), figures_lag),
            "forecast": (frozenset({"kafka"}), forecast_lags),
            "gate": (frozenset({"kafka"}), nothing_is_allowed),
            "alerts": (frozenset({"kafka"}), alerts_lag),
            "api_gateway": (frozenset({"read_model"}), lists_say_unknown),
        },
    }
    # a gateway that can read is ready, also where PostgreSQL takes no writes
    table["disk"] = table["postgres"] | {
        "api_gateway": (frozenset({"database", ""}), lists_say_unknown_and_writes_wait)
    }
    for fault, processes in table.items():
        assert tuple(processes) == PROCESSES
        for process, (reasons, claim) in processes.items():
            yield Row(fault, process, reasons or frozenset({""}), claim)


async def said_too_much(product: Product, fault: str) -> dict[str, str]:
    """Return by process what is said beyond what is known."""
    found = {}
    for row in rows():
        if row.fault == fault:
            reasons = await failing(product.members[row.process])
            if reasons.isdisjoint(row.reasons):
                found[row.process] = f"readyz: {sorted(reasons)}"
            elif said := await row.claim(product):
                found[row.process] = f"{row.claim.__name__}: {said}"
    return found


async def failing(member: Member) -> set[str]:
    """Return why a process says that it is not ready; an empty name where it is."""
    found = await readiness(member.url)
    return {"no answer"} if found is None else {*found.failing} or {""}


async def is_known(product: Product, fault: str, seconds: float = KNOWN_WITHIN_SECONDS) -> None:
    """Wait until the table holds, for as long as it may take."""
    deadline = time.monotonic() + seconds
    while found := await said_too_much(product, fault):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)


async def test_with_a_server_dead_nobody_says_more_than_is_known(scenario: Scenario) -> None:
    product = Product(scenario)
    async with reporting(product):
        await product.start()
        for fault in ("postgres", "kafka"):
            server = getattr(scenario.cluster, fault)
            await server.kill()
            await is_known(product, fault)
            until = time.monotonic() + STAYS_SECONDS
            while time.monotonic() < until:
                assert not await said_too_much(product, fault)
            await server.start()
            await product.wait_well()


async def test_with_a_full_disk_nobody_says_more_than_is_known(
    scenario: Scenario, tmp_path: Path
) -> None:
    disk = SmallDisk(tmp_path / "small")
    try:
        await disk.start()
        scenario.use_database(disk.url)
        product = Product(scenario)
        async with reporting(product):
            await product.start()
            disk.fill()
            async with background(traffic(scenario)):  # until PostgreSQL's log needs room
                await is_known(product, "disk", 60)
            disk.free()
            await product.wait_well()
    finally:
        await scenario.close()
        disk.stop()


async def traffic(scenario: Scenario) -> None:
    """Send events without an end."""
    while True:
        await scenario.send(scenario.traffic.take(150))
        await asyncio.sleep(0.2)


def test_the_table_has_a_row_for_each_pair() -> None:
    pairs = {(row.fault, row.process) for row in rows()}
    assert pairs == {(f, p) for f in ("postgres", "kafka", "disk") for p in PROCESSES}
