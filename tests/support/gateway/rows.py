"""A gateway with something of each kind, so that every operation has what it is asked for."""

from tests.support.burn_events import NOW, PARTITIONS, for_target, heartbeat, snapshot
from tests.support.gateway import alert_rows as gateway_alert_rows
from tests.support.gateway import ingest_rows as gateway_ingest_rows
from tests.support.gateway import key_rows as gateway_key_rows
from tests.support.gateway import release_rows as gateway_release_rows
from tests.support.gateway.forecasts import forecast_for, service_forecast
from tests.support.gateway.in_memory import GatewayHarness


async def fill(gateway: GatewayHarness) -> None:
    """Add services with and without figures, targets, decisions, policies, alerts and rules."""
    for name in ("checkout", "cart", "unseen"):
        await gateway.service(name)
    main = await gateway.target()
    other = await gateway.target(name="other", objective=0.5)
    await gateway.target(name="fast", sli_type="latency", threshold_seconds=0.25)
    shot = snapshot("checkout", for_target(main), for_target(other))
    await gateway.feed(service_forecast("checkout", forecast_for(main)))
    await gateway.feed(shot, *(heartbeat(shard) for shard in range(4)))
    end = int(NOW.timestamp()) // 60 * 60
    gateway.store.rows.minutes["checkout"] = [(end, 10, 1, 10)]
    await gateway_release_rows.fill(gateway)
    await gateway_alert_rows.fill(gateway)
    gateway_key_rows.fill(gateway)
    gateway_ingest_rows.fill(gateway)


async def answer_all(gateway: GatewayHarness, command: bytes) -> None:
    """Answer a command as all shards would."""
    command_id = command.split(b'"command_id":"')[1].split(b'"')[0].decode()
    await gateway.feed(snapshot("cart", command_id=command_id))
    await gateway.feed(*(heartbeat(shard, command_id=command_id) for shard in range(PARTITIONS)))
