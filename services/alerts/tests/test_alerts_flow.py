"""From snapshots on Kafka to episodes, notifications and events, on real servers."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from alerts.settings import AllSettings
from alerts.storage import repository
from common.alerting.silences import Matcher
from common.events import AlertAcknowledged, SilenceChanged
from common.kafka.topics import ALERTS
from tests.support.alerts.in_memory import rule, slo
from tests.support.alerts.service import (
    alerts,
    alerts_settings,
    episodes,
    histories,
    in_force,
    notified,
    publish_rules,
    publish_state,
    rows_of,
    shot,
)
from tests.support.burnrate_service import boot, eventually, read_topic, url

NAME = "burn-rate-page"
PAGE = rule(NAME, "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}])
FAST = (20.0, 0.0, 0.0, 0.0)
FIRED, ENDED = ("checkout", "firing", "sent"), ("checkout", "resolved", "sent")


@pytest.fixture
def settings(new_database: Callable[[], str], fresh_topics: str) -> AllSettings:
    return alerts_settings(new_database(), fresh_topics)


async def test_a_page_is_notified_once_and_its_end_once_whoever_holds_the_shard(
    settings: AllSettings,
) -> None:
    await in_force(boot(settings), PAGE)
    async with alerts(settings):
        await publish_state(
            boot(settings), [shot("checkout", slo(pairs=FAST)), shot("cart", slo())]
        )
        await eventually(lambda: notified(url(settings), NAME), [FIRED])
    # another process takes over, and reads from Kafka all that the first one acted on
    async with alerts(settings) as service:
        await publish_state(boot(settings), [shot("checkout", slo(pairs=FAST))])
        await eventually(service.failing, {})
        await asyncio.sleep(0.5)
        assert await notified(url(settings), NAME) == [FIRED]
        await publish_state(boot(settings), [shot("checkout", slo())])
        await eventually(lambda: notified(url(settings), NAME), [FIRED, ENDED])
        await eventually(lambda: published(boot(settings)), [("firing", 1), ("resolved", 2)])
    assert await episodes(url(settings), NAME) == [("checkout", "resolved", 2, 1)]
    assert await histories(url(settings), NAME) == ["firing", "notified", "resolved"]


async def test_objectives_of_a_service_are_alerts_of_their_own_across_a_restart(
    settings: AllSettings,
) -> None:
    await in_force(boot(settings), PAGE)
    both = [slo(name=name, pairs=FAST) for name in ("avail", "fast")]
    state = "SELECT slo, state, notices FROM alerts.episode WHERE rule = $1 ORDER BY slo"
    async with alerts(settings):
        await publish_state(boot(settings), [shot("checkout", *both)])
        firing = [("avail", "firing", 1), ("fast", "firing", 1)]
        await eventually(lambda: rows_of(url(settings), state, NAME), firing)
        grouped = "SELECT cardinality(episode_ids) FROM alerts.notification"
        assert await rows_of(url(settings), grouped) == [(2,)]
    async with alerts(settings):
        await publish_state(boot(settings), [shot("checkout", slo(name="avail"), both[1])])
        ended = [("avail", "resolved", 1), ("fast", "firing", 1)]
        await eventually(lambda: rows_of(url(settings), state, NAME), ended)


async def published(bootstrap: str) -> list[tuple[str, int]]:
    """Return (state, version) of each event, without what a restart has published again."""
    found = [e for e in await read_topic(bootstrap, ALERTS.name) if e["rule"] == NAME]
    return list(dict.fromkeys((e["state"], e["version"]) for e in found))


async def test_what_users_want_reaches_open_episodes(settings: AllSettings) -> None:
    await in_force(boot(settings), PAGE)
    now = datetime.now(UTC)
    matchers = (Matcher("service", "cart"),)
    quiet = SilenceChanged(9, 1, matchers, now, now + timedelta(hours=1), "ines", "works")
    await publish_rules(boot(settings), ("silence/1", quiet))
    async with alerts(settings):
        burning = [shot(name, slo(pairs=FAST)) for name in ("checkout", "cart")]
        await publish_state(boot(settings), burning)
        await eventually(lambda: notified(url(settings), NAME), [FIRED])
        [(number, version)] = await rows_of(
            url(settings), "SELECT id, version FROM alerts.episode WHERE service_name = 'checkout'"
        )
        acknowledgement = AlertAcknowledged(10, number, "checkout", version, "ines", "mine", now)
        await publish_rules(boot(settings), (f"acknowledgement/{number}", acknowledgement))
        state = "SELECT state, acknowledged_by FROM alerts.episode WHERE service_name = 'checkout'"
        await eventually(lambda: rows_of(url(settings), state), [("acknowledged", "ines")])
        ended = SilenceChanged(11, 1, matchers, now, now, "ines", "works")
        await publish_rules(boot(settings), ("silence/1", ended))
        await eventually(lambda: notified(url(settings), NAME), [FIRED, ("cart", "firing", "sent")])
        await publish_state(boot(settings), [shot("checkout", slo())])
        await eventually(lambda: rows_of(url(settings), state), [("resolved", "ines")])
        late = AlertAcknowledged(12, number, "checkout", 2, "omar", "mine", datetime.now(UTC))
        await publish_rules(boot(settings), (f"acknowledgement/{number}", late))
        lines = "SELECT kind, actor FROM alerts.transition WHERE episode_id = $1 ORDER BY id"
        await eventually(
            lambda: rows_of(url(settings), lines, number),
            [
                ("firing", "burnline"),
                ("notified", "burnline"),
                ("acknowledged", "ines"),
                ("resolved", "burnline"),
                ("ack_too_late", "omar"),
            ],
        )


async def test_a_shard_that_nobody_counts_makes_its_services_stale(
    settings: AllSettings,
) -> None:
    stale = rule("data-stale", "data_stale", [{"severity": "ticket", "statuses": ["lagging"]}])
    await in_force(boot(settings), stale, PAGE)
    silent = settings.alerts.model_copy(update={"shard_silence_seconds": 1.0})
    settings.alerts = silent
    async with alerts(settings):
        await publish_state(boot(settings), [shot("checkout", slo(pairs=FAST))])
        await eventually(lambda: notified(url(settings), "data-stale"), [FIRED])
        await publish_state(boot(settings), [])
        await eventually(lambda: notified(url(settings), "data-stale"), [FIRED, ENDED])
    # the page neither ended nor was notified again while nothing was known
    assert await episodes(url(settings), NAME) == [("checkout", "firing", 1, 1)]


async def test_what_is_held_is_remembered_across_a_restart(settings: AllSettings) -> None:
    held = rule(NAME, "burn_rate", [{"severity": "page", "long_windows_seconds": [3600]}],
                for_seconds=6)  # fmt: skip
    await in_force(boot(settings), held)
    memory = "SELECT service_name FROM alerts.condition WHERE rule = $1"
    async with alerts(settings):
        await publish_state(boot(settings), [shot("checkout", slo(pairs=FAST))])
        await eventually(lambda: rows_of(url(settings), memory, NAME), [("checkout",)])
        began = datetime.now(UTC)
    async with alerts(settings) as service:
        await eventually(service.failing, {})
        again = datetime.now(UTC)
        await eventually(lambda: notified(url(settings), NAME), [FIRED])
    [(started_at,)] = await rows_of(
        url(settings), "SELECT started_at FROM alerts.episode WHERE rule = $1", NAME
    )
    assert began + timedelta(seconds=5) < started_at < again + timedelta(seconds=6)


async def test_a_transaction_that_fails_is_made_again_from_what_is_stored(
    settings: AllSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_force(boot(settings), PAGE)
    original, failures = repository.store_notifications, iter([True, True])

    async def fail_twice(*arguments: Any) -> None:
        await original(*arguments)
        if next(failures, False):
            raise OSError("the connection is gone")

    monkeypatch.setattr(repository, "store_notifications", fail_twice)
    async with alerts(settings):
        await publish_state(boot(settings), [shot("checkout", slo(pairs=FAST))])
        await eventually(lambda: notified(url(settings), NAME), [FIRED])
    assert next(failures, None) is None
    assert await episodes(url(settings), NAME) == [("checkout", "firing", 1, 1)]
    assert await histories(url(settings), NAME) == ["firing", "notified"]
    [(epochs,)] = await rows_of(url(settings), "SELECT max(epoch)::int FROM alerts.shard")
    assert epochs >= 3  # acquired anew after each failure


async def test_what_has_ended_long_ago_is_forgotten_everywhere(settings: AllSettings) -> None:
    await in_force(boot(settings), PAGE)
    settings.alerts = settings.alerts.model_copy(update={"purge_seconds": 0.2})
    async with alerts(settings):
        burning = [shot(name, slo(pairs=FAST)) for name in ("checkout", "cart")]
        await publish_state(boot(settings), burning)
        await eventually(lambda: _count(url(settings)), [(2,)])
        await publish_state(boot(settings), [shot("checkout", slo())])
        resolved = "SELECT count(*)::int FROM alerts.episode WHERE state = 'resolved'"
        await eventually(lambda: rows_of(url(settings), resolved), [(1,)])
        aged = """UPDATE alerts.episode SET resolved_at = now() - interval '91 days'
            WHERE state = 'resolved' RETURNING id"""
        [(gone,)] = await rows_of(url(settings), aged)
        await eventually(lambda: _count(url(settings)), [(1,)])
        await eventually(lambda: _last_words(boot(settings), gone), None)


async def _count(url: str) -> list[tuple[Any, ...]]:
    return await rows_of(url, "SELECT count(*)::int FROM alerts.episode")


async def _last_words(bootstrap: str, alert_id: int) -> bytes | None:
    """Return the newest value that the topic has of an alert; None where it is to be forgotten."""
    consumer = AIOKafkaConsumer(
        ALERTS.name,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    newest: bytes | None = b"nothing yet"
    try:
        while batches := await consumer.getmany(timeout_ms=1000):
            for record in chain.from_iterable(batches.values()):
                if record.key == str(alert_id).encode():
                    newest = record.value
    finally:
        await consumer.stop()
    return newest
