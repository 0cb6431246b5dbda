"""A gateway with something of each kind, so that every operation has what it is asked for."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
from aiokafka import TopicPartition

from api_gateway.alerts.domain import HistoryLine
from api_gateway.api_keys.domain import NewApiKey, StoredSecret, key_changed
from api_gateway.api_keys.repository import ApiKeyStore
from api_gateway.ingest_health.domain import ShardPosition
from common.access.keys import secret_hash
from common.events import ChangeEvent, ChannelTestRequested, ComputeRequested
from common.kafka.client import Record
from common.kafka.log_ends import LogEnd
from common.kafka.tolerant_records import UndecodableBatch
from common.kafka.topics import KEYS, METRICS
from tests.support.burn_events import NOW, PARTITIONS, for_target, heartbeat, snapshot
from tests.support.gateway.access import TestKey, api_key
from tests.support.gateway.decisions import decided, overriding, verdict
from tests.support.gateway.forecasts import forecast_for, service_forecast
from tests.support.gateway.harness import GatewayHarness
from tests.support.gateway.operation_cases import (
    HOOK,
    KEY_ID,
    OVERRIDE,
    POLICY,
    RELEASE,
    RULE,
    SILENCE,
    STATEMENT,
)
from tests.support.gateway.results import (
    alert,
    confirm_alerts,
    letter,
    notification,
    store_alert,
    store_change,
    store_counts,
    store_dead_letters,
    store_decision,
    store_notification,
    store_position,
    store_test,
)

STUCK: Final = UndecodableBatch(0, 0, 5, None, "a codec that nobody knows")
KNOWN_ENDS: Final = {TopicPartition(METRICS.name, 1): LogEnd(0, 5, 5, NOW, STUCK)}
SECRET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


async def fill(gateway: GatewayHarness) -> None:
    """Add services with and without figures, targets, decisions, policies, alerts and rules."""
    for name in ("checkout", "cart", "unseen"):
        await gateway.service(name)
    main = await gateway.target()
    other = await gateway.target(name="other", objective=0.5)
    await gateway.target(name="fast", sli_type="latency", threshold_seconds=0.25)
    shot = snapshot("checkout", for_target(main), for_target(other))
    await gateway.feed(service_forecast("checkout", forecast_for(main)))
    await gateway.feed(shot, *(heartbeat(shard) for shard in range(PARTITIONS)))
    end = int(NOW.timestamp()) // 60 * 60
    await store_counts(gateway.database, "checkout", [(end, 10, 1, 10)])
    await _fill_release(gateway)
    await _fill_alerts(gateway)
    await _fill_keys(gateway)
    await store_dead_letters(gateway.database, letter(1), letter(2))  # more than a page of one row
    at = ShardPosition("burnrate", 1, METRICS.name, 3, "host:1", next_offset=0, applied_through=NOW)
    await store_position(gateway.database, at)
    gateway.logs.known = KNOWN_ENDS


async def refill(gateway: GatewayHarness, fed: Sequence[Record]) -> None:
    """Give a gateway on the rows of another what `fill` has fed to that one."""
    await gateway.handlers.on_records(fed)
    gateway.logs.known = KNOWN_ENDS
    for event in await gateway.announced(KEYS):
        gateway.ring.apply(event)


async def _fill_release(gateway: GatewayHarness) -> None:
    """Give `checkout` decisions, changes, an override in force and one that waits for approval."""
    override = {**OVERRIDE, "version": None}
    made = await gateway.write("POST", f"{RELEASE}/override", {**override, "change_class": "fix"})
    two = {"overrides": {"second_approver_tiers": [1]}}
    await gateway.write("PUT", "/api/policies/default", {**POLICY, "document": two})
    who = api_key("override", "operate")
    gateway.ring.apply(who.key)
    await gateway.client.post(f"{RELEASE}/override", json=override, headers=who.headers)
    pending = verdict("ALLOW", "rollback", override_id=2)
    shown = overriding(made.json())
    await gateway.feed(decided("checkout", "BLOCK", pending, *shown.verdicts))
    for number in (1, 2):
        decision = decided("checkout", decision_id=f"01JD{number}")
        await store_decision(gateway.database, decision, {"tier": 1}, {"name": "default"})
        event = ChangeEvent(service="checkout", at=NOW, kind="deploy")
        await store_change(gateway.database, number, event)
    await _fill_loosenings(gateway, who)


async def _fill_loosenings(gateway: GatewayHarness, who: TestKey) -> None:
    """Give one that waits for approval, and one that was approved: no policy asks for it since."""
    milder = {"objective": 0.4, "reason": STATEMENT["reason"]}
    await gateway.client.put("/api/slo/targets/2", json=milder, headers=who.headers)
    asking = gateway.key("ines", "admin")
    await gateway.write("PUT", "/api/policies/default", {**POLICY, "document": {}}, asking)
    approved = "/api/loosenings/2/approve"
    await gateway.client.post(approved, json={"actor": "boris"}, headers=who.headers)


async def _fill_alerts(gateway: GatewayHarness) -> None:
    """Give alerts, one that has ended, and one of each thing that is wanted of them."""
    await confirm_alerts(gateway.database, NOW)
    ended = {"state": "resolved", "resolved_at": NOW + timedelta(minutes=5), "version": 2}
    begun = HistoryLine("firing", 1, NOW, "burnline", None, "it burns")
    await store_alert(gateway.database, alert(1), begun)
    await store_alert(gateway.database, alert(2, service_name="cart", severity="ticket", **ended))
    failed = {"state": "dead", "attempts": 20, "last_error": "answered 500", "sent_at": None}
    for sent in (notification(1), notification(2, **failed)):
        await store_notification(gateway.database, sent)
    # the cases name the channel by this number, whatever was numbered before
    await gateway.database.run("ALTER TABLE catalog.channels ALTER COLUMN id RESTART WITH 2")
    for path, body in (
        ("/api/silences", SILENCE),
        ("/api/channels", HOOK),
        ("/api/rules", {**STATEMENT, "rule": RULE}),
    ):
        response = await gateway.write("POST", path, body)
        assert response.status_code == 201, response.text


async def _fill_keys(gateway: GatewayHarness) -> None:
    """Store one key."""
    secrets = (StoredSecret(secret_hash(SECRET), NOW, None),)
    new = NewApiKey(KEY_ID, "known", ("operate",), "bootstrap", NOW, None, secrets, None)
    async with gateway.of(ApiKeyStore).write() as writer:
        gateway.ring.apply(key_changed(await writer.add_key(new)))


async def answer_all(gateway: GatewayHarness, command: bytes) -> None:
    """Answer a command as all shards would, or as the alerts service has tested the channel."""
    asked = msgspec.json.decode(command, type=ComputeRequested | ChannelTestRequested)
    if isinstance(asked, ChannelTestRequested):
        await store_test(gateway.database, asked)
        return
    answered = asked.command_id
    await gateway.feed(snapshot("cart", command_id=answered))
    await gateway.feed(*(heartbeat(shard, command_id=answered) for shard in range(PARTITIONS)))
