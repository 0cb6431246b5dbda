"""Register every topic with its events, key, retention, producers and consumers."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, Union

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from common import events
from common.config.settings import KafkaSettings
from common.kafka.client import Record, administrator

DAY_MS: Final = 86_400_000
_POLL_SECONDS: Final = 0.05


E = TypeVar("E")
Types = tuple[type, ...]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Topic(Generic[E]):
    """A topic, its producers and consumers; `events` are the payloads that it carries."""

    name: str
    events: Types
    key: str
    producers: Names
    consumers: Names
    sharded: bool = False
    retention_ms: int = 7 * DAY_MS
    compacted: bool = False
    append_time: bool = False
    dead_letter: str | None = None

    @cached_property
    def _decoder(self) -> "msgspec.json.Decoder[E]":
        return msgspec.json.Decoder(Union[self.events])  # noqa: UP007 - of a tuple

    def decode(self, record: Record) -> E:
        """Return the event that a record holds.

        Raises ValueError or RecursionError where it holds none, as a tombstone does.
        """
        return self._decoder.decode(record.value or b"")

    def partitions(self, shards: int) -> int:
        """Return the partition count: one for each shard, or one where order is over all."""
        return shards if self.sharded else 1

    def config(self) -> dict[str, str]:
        """Return Kafka's topic settings."""
        kept = {"retention.ms": str(self.retention_ms), "cleanup.policy": "delete"}
        if self.compacted:
            kept = {"cleanup.policy": "compact"}
        stamp = "LogAppendTime" if self.append_time else "CreateTime"
        return {**kept, "message.timestamp.type": stamp}


def _input(name: str, event: type[E], producers: Names, consumer: str) -> Topic[E]:
    """Return a topic of events by service, with the broker's timestamps."""
    return Topic(
        name,
        (event,),
        "service",
        producers,
        (consumer,),
        sharded=True,
        append_time=True,
        dead_letter=f"{name}.dlq",
    )


def _dead_letters(of: Topic[Any], *consumers: str) -> Topic[events.DeadLetter]:
    """Return the topic of records that the consumer of an input refuses."""
    kept, key = (events.DeadLetter,), "key of the record"
    return Topic(f"{of.name}.dlq", kept, key, of.consumers, consumers, retention_ms=30 * DAY_MS)


def _results(name: str, key: str, kinds: Types, services: Names) -> Topic[Any]:
    """Return a topic of the newest result by key; the first service makes it, the others read."""
    return Topic(name, kinds, key, services[:1], services[1:], sharded=True, compacted=True)


def _state(name: str, key: str, kinds: Types, consumers: Names) -> Topic[Any]:
    """Return a topic of what users have set through the gateway, by key."""
    return Topic(name, kinds, key, ("api-gateway",), consumers, compacted=True)


METRICS: Final = _input(
    "slo.metrics.v1", events.MetricEvent, ("ingest", "other systems"), "burnrate"
)
HISTORY: Final = _input(
    "slo.history.v1", events.MetricEvent, ("ingest", "burnline import"), "burnrate"
)
CHANGES: Final = _input("slo.changes.v1", events.ChangeEvent, ("ingest", "other systems"), "gate")
METRICS_DEAD: Final = _dead_letters(METRICS, "alerts")
CHANGES_DEAD: Final = _dead_letters(CHANGES)
HISTORY_DEAD: Final = _dead_letters(HISTORY)

BURNRATES: Final[Topic[events.BurnRateMessage]] = _results(
    "slo.burnrates.v1",
    "service, or shard/<n>",
    (events.BurnRateSnapshot, events.ShardHeartbeat),
    ("burnrate", "forecast", "gate", "alerts", "api-gateway"),
)
FORECASTS: Final[Topic[events.ServiceForecast]] = _results(
    "slo.forecasts.v1",
    "service",
    (events.ServiceForecast,),
    ("forecast", "gate", "alerts", "api-gateway"),
)
DECISIONS: Final[Topic[events.GateDecision]] = _results(
    "slo.decisions.v1", "service", (events.GateDecision,), ("gate", "api-gateway")
)
ALERTS: Final[Topic[events.AlertChanged]] = _results(
    "slo.alerts.v1", "alert id", (events.AlertChanged,), ("alerts", "api-gateway")
)

CATALOG: Final[Topic[events.CatalogMessage]] = _state(
    "slo.catalog.v1",
    "service/<name> or target/<id>",
    (events.ServiceChanged, events.TargetChanged),
    ("ingest", "burnrate", "forecast", "gate", "alerts", "api-gateway"),
)
POLICIES: Final[Topic[events.PolicyMessage]] = _state(
    "slo.policies.v1",
    "policy/<name>, override/<id> or loosening/<id>",
    (events.PolicyChanged, events.OverrideChanged, events.LooseningChanged),
    ("gate", "api-gateway"),
)
RULES: Final[Topic[events.RuleMessage]] = _state(
    "slo.rules.v1",
    "rule/<name>, silence/<id>, channel/<id> or acknowledgement/<alert id>",
    (events.RuleChanged, events.SilenceChanged, events.ChannelChanged, events.AlertAcknowledged),
    ("alerts", "api-gateway"),
)
KEYS: Final[Topic[events.ApiKeyChanged]] = _state(
    "slo.keys.v1", "id", (events.ApiKeyChanged,), ("ingest", "api-gateway")
)

AUDIT: Final[Topic[events.AuditHeadMoved]] = _state(
    "slo.audit.v1", "id:hash", (events.AuditHeadMoved,), ("burnline audit verify",)
)

COMMANDS: Final = Topic[events.CommandMessage](
    "slo.commands.v1",
    (events.ComputeRequested, events.ChannelTestRequested),
    "command_id",
    ("api-gateway",),
    ("burnrate", "alerts"),
    retention_ms=DAY_MS // 24,
)
KEY_USES: Final = Topic[events.ApiKeyUsed](
    "slo.keyuses.v1",
    (events.ApiKeyUsed,),
    "id",
    ("ingest", "api-gateway"),
    ("api-gateway",),
    compacted=True,
)

TOPICS: Final[tuple[Topic[Any], ...]] = (
    METRICS,
    HISTORY,
    METRICS_DEAD,
    HISTORY_DEAD,
    CHANGES,
    CHANGES_DEAD,
    BURNRATES,
    FORECASTS,
    DECISIONS,
    CATALOG,
    POLICIES,
    ALERTS,
    RULES,
    COMMANDS,
    KEYS,
    KEY_USES,
    AUDIT,
)
_BY_NAME: Final = {topic.name: topic for topic in TOPICS}


def decode(record: Record) -> Any:
    """Return the event that a record of any of our topics holds; errors as of `Topic.decode`."""
    return _BY_NAME[record.topic].decode(record)


async def ensure_topics(kafka: KafkaSettings, shards: int) -> None:
    """Create the topics that do not exist yet; those that do keep their partition count."""
    replicas = kafka.replication_factor
    made = [NewTopic(t.name, t.partitions(shards), replicas, None, t.config()) for t in TOPICS]
    async with administrator(kafka) as admin:
        response = await admin.create_topics(made)
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name}: {rest}")


async def delete_topics(admin: AIOKafkaAdminClient, names: Collection[str]) -> None:
    """Delete those of the topics that there are; return once they are gone."""
    asked = set(names)
    await admin.delete_topics(sorted(asked & {*await admin.list_topics()}))
    while asked & {*await admin.list_topics()}:  # noqa: ASYNC110 - it can only be polled for
        await asyncio.sleep(_POLL_SECONDS)


def main() -> None:
    """Create what is missing on the broker that the environment names."""
    settings = KafkaSettings()
    asyncio.run(ensure_topics(settings, settings.partitions))


if __name__ == "__main__":
    main()
