"""/api/burn: histories over stored counts, commands that are answered at once."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api_gateway.projections.commands import ComputeCommands
from common.events import ComputeRequested
from common.kafka.sharding import shard_of
from common.kafka.topics import COMMANDS
from common.slo.windows import MINUTE
from tests.support.burn_events import NOW, PARTITIONS, for_target, heartbeat, snapshot
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.results import store_counts

SHARD = shard_of("checkout", PARTITIONS)
NOON = int(NOW.timestamp()) // 3600 * 3600
BURN = "/api/burn/checkout"
CONTRACT = {
    "service_name",
    "burn_rate_5m",
    "burn_rate_1h",
    "burn_rate_24h",
    "composite_burn_rate",
    "error_budget_consumed",
    "error_budget_remaining",
    "risk_level",
    "timestamp",
}


async def with_an_outage(gateway: GatewayHarness) -> None:
    """Report 100 requests each minute for two days; all fail from 11:00 to 11:05."""
    await gateway.service()
    rows = []
    for end in range(NOON - 47 * 3600 + MINUTE, NOON + MINUTE, MINUTE):
        failed = NOON - 3600 < end <= NOON - 3600 + 300
        rows.append((end, 100, 100 if failed else 0, 60))
    await store_counts(gateway.database, "checkout", rows)


async def test_history_shows_the_outage(gateway: GatewayHarness) -> None:
    await with_an_outage(gateway)
    history = await gateway.get(BURN)
    assert history["step_seconds"] == 300
    assert len(history["points"]) == 289
    assert all(point.keys() >= CONTRACT for point in [*history["points"], history["current"]])
    by_time = {point["timestamp"]: point for point in history["points"]}
    peak = by_time["2026-03-02T11:05:00Z"]
    assert peak["burn_rate_5m"] == pytest.approx(1000)
    assert peak["burn_rate_1h"] == pytest.approx(5 / 60 * 1000)
    assert peak["burn_rate_24h"] == pytest.approx(5 / 1440 * 1000)
    composite = 0.4 * 1000 + 0.35 * 5000 / 60 + 0.25 * 5000 / 1440
    assert peak["composite_burn_rate"] == pytest.approx(composite)
    assert peak["risk_level"] == "FREEZE"
    spent = 500 / (0.001 * 100 * (46 * 60 + 5))
    assert peak["error_budget_consumed"] == pytest.approx(spent)
    assert peak["error_budget_remaining"] == pytest.approx(1 - spent)
    before = by_time["2026-03-02T11:00:00Z"]
    assert (before["burn_rate_24h"], before["data_status"]) == (0, "ok")


async def test_history_is_held_against_the_chosen_target(gateway: GatewayHarness) -> None:
    await with_an_outage(gateway)
    strict = await gateway.target(objective=0.999)
    loose = await gateway.target(name="loose", objective=0.9, window_days=7)
    mild = for_target(loose, composite_burn_rate=0.1)
    await gateway.feed(snapshot("checkout", for_target(strict), mild), heartbeat(SHARD))
    span = {"from": "2026-03-02T11:04:01Z", "to": "2026-03-02T11:05:00Z"}
    worst = await gateway.get(BURN, **span)
    assert (worst["slo_id"], worst["points"][0]["burn_rate_5m"]) == (1, pytest.approx(1000))
    chosen = await gateway.get(BURN, slo=str(loose["id"]), **span)
    assert (chosen["slo_id"], chosen["points"][0]["burn_rate_5m"]) == (2, pytest.approx(10))
    assert chosen["current"]["slo_id"] == strict["id"]
    unknown = await gateway.client.get(f"{BURN}?slo=77")
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["field"] == "slo"


async def test_thin_evidence_caps_the_level_of_a_point(gateway: GatewayHarness) -> None:
    await with_an_outage(gateway)
    await gateway.target(min_bad_events=501)
    span = {"from": "2026-03-02T11:04:01Z", "to": "2026-03-02T11:05:00Z"}
    (point,) = (await gateway.get(BURN, **span))["points"]
    assert (point["risk_level"], point["risk_capped"]) == ("OBSERVE", True)


@pytest.mark.parametrize(
    ("query", "step", "count"),
    [
        ({"step": "1m"}, 120, 721),
        ({"step": "5m"}, 300, 289),
        ({"step": "90m"}, 5400, 17),
        ({"from": "2026-03-01T13:00:00Z", "step": "1m"}, 120, 691),
        ({"from": "2026-02-28T11:00:00Z", "step": "5m"}, 3600, 50),
        ({"from": "2026-02-28T11:00:00Z", "step": "7m"}, 3600, 50),
        ({"from": "2026-01-01T00:00:00Z", "step": "1h"}, 7200, 727),
        ({"from": "0001-01-01T00:00:00Z", "step": "1d"}, 86_400, 91),
        ({"from": "2026-03-02T13:00:00+01:00", "step": "1m"}, 60, 1),
        ({"from": "2026-03-02T11:00:00Z", "to": "2030-01-01T00:00:00Z"}, 300, 13),
    ],
)
async def test_steps_are_as_asked_for_or_whole_multiples(
    gateway: GatewayHarness, query: dict[str, str], step: int, count: int
) -> None:
    await gateway.service()
    history = await gateway.get(BURN, **query)
    assert (history["step_seconds"], len(history["points"])) == (step, count)
    assert {point["data_status"] for point in history["points"]} == {"no_data"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("step=30s", "step"),
        ("step=90s", "step"),
        ("step=0m", "step"),
        ("step=5", "step"),
        ("step=91d", "step"),
        ("step=9999999999h", "step"),
        ("step=%00", "step"),
        ("from=yesterday", "from"),
        ("from=2026-03-02T11:00:00", "from"),
        ("from=1772449200", "from"),
        ("from=2026-02-30T11:00:00Z", "from"),
        ("from=2026-03-02T11:00:00%2B99:00", "from"),
        ("from=0001-01-01T00:00:00%2B23:00", "from"),
        ("to=0001-01-01T00:00:00Z", "from"),
        ("from=2026-03-02T12:00:30Z", "from"),
        ("from=2027-01-01T00:00:00Z", "from"),
        ("to=2026-03-02", "to"),
        ("from=2026-03-02T11:00:00Z&to=2026-03-02T10:00:00Z", "from"),
        ("slo=0", "slo"),
        ("slo=x", "slo"),
        ("slo=99999999999999999999", "slo"),
    ],
)
async def test_wrong_span_is_refused_by_parameter(
    gateway: GatewayHarness, query: str, field: str
) -> None:
    await gateway.service()
    response = await gateway.client.get(f"{BURN}?{query}")
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field


async def test_the_first_day_of_the_calendar_can_be_asked_for(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.client.get(f"{BURN}?to=0001-01-01T00:03:00Z")
    assert response.status_code == 200, response.text


async def test_a_plus_that_was_not_escaped_is_understood(gateway: GatewayHarness) -> None:
    await gateway.service()
    response = await gateway.client.get(f"{BURN}?from=2026-03-02T12:00:00+01:00&step=1m")
    assert response.status_code == 200
    assert response.json()["since"] == "2026-03-02T11:00:00Z"


def answering(gateway: GatewayHarness, shards: list[int], *services: str) -> Any:
    """Answer a command as the owners of these shards would."""

    async def answer(value: bytes) -> None:
        command = msgspec.json.decode(value, type=ComputeRequested)
        for shard in shards:
            for name in services:
                if shard_of(name, PARTITIONS) == shard:
                    await gateway.feed(snapshot(name, command_id=command.command_id))
            await gateway.feed(heartbeat(shard, command_id=command.command_id))

    return answer


async def test_compute_answers_with_the_commands_own_snapshots(gateway: GatewayHarness) -> None:
    for name in ("checkout", "cart"):
        await gateway.service(name)
    await gateway.feed(snapshot("checkout", evaluated_at=NOW + timedelta(seconds=9)))
    gateway.sender.answer = answering(gateway, [0, 1, 2, 3], "checkout", "cart", "unlisted")
    response = await gateway.write("POST", "/api/burn/compute")
    assert response.status_code == 200
    computed = response.json()
    assert [c["service_name"] for c in computed] == ["cart", "checkout"]
    ((topic, value),) = gateway.sender.sent
    command = msgspec.json.decode(value or b"", type=ComputeRequested)
    assert topic == COMMANDS.name
    assert {c["command_id"] for c in computed} == {command.command_id}
    assert computed[1]["timestamp"] == "2026-03-02T12:00:30Z"


@pytest.mark.parametrize("by_query", [True, False])
async def test_compute_for_one_service_waits_for_its_shard_only(
    gateway: GatewayHarness, *, by_query: bool
) -> None:
    await gateway.service()
    gateway.sender.answer = answering(gateway, [SHARD], "checkout")
    path = "/api/burn/compute" + ("?service=checkout" if by_query else "")
    body = None if by_query else {"service_name": "checkout"}
    response = await gateway.write("POST", path, body)
    assert [c["service_name"] for c in response.json()] == ["checkout"]


async def test_compute_names_the_shards_that_are_silent(gateway: GatewayHarness) -> None:
    gateway.sender.answer = answering(gateway, [0, 2])
    response = await gateway.write("POST", "/api/burn/compute")
    assert response.status_code == 504
    assert response.json()["silent_shards"] == [1, 3]
    assert "1, 3" in response.json()["detail"]
    assert gateway.of(ComputeCommands)._pending == {}


async def test_compute_without_kafka_is_unavailable(gateway: GatewayHarness) -> None:
    gateway.sender.acknowledges = False
    response = await gateway.write("POST", "/api/burn/compute", {})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert gateway.of(ComputeCommands)._pending == {}


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("?service=nobody", b"", 404),
        ("?service=%00", b"", 404),
        ("", b'{"service_name": "nobody"}', 404),
        ("?service=checkout", b'{"service_name": "cart"}', 422),
        ("", b'{"service": "checkout"}', 422),
        ("", b'{"service_name": 5}', 422),
        ("", b"[]", 422),
    ],
)
async def test_wrong_command_is_refused(
    gateway: GatewayHarness, query: str, body: bytes, status: int
) -> None:
    await gateway.service()
    await gateway.service("cart")
    response = await gateway.write("POST", f"/api/burn/compute{query}", body)
    assert response.status_code == status
    assert gateway.sender.sent == []
