"""Export the shards, buffers and lag of every consumer to Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common.config.clock import system_clock
from common.ledger.ledger import ShardLedger
from common.ledger.shard import NEVER


class ConsumerMetrics(Collector):
    """Collect from the ledger of this process's consumer, if there is one."""

    def __init__(self) -> None:
        self.ledger: ShardLedger | None = None

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families without samples, so that no other metric takes their names."""
        yield from _families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families as they are now."""
        if self.ledger is not None:
            yield from _measured(self.ledger, system_clock()).values()


CONSUMER: Final = ConsumerMetrics()


def _families() -> dict[str, GaugeMetricFamily]:
    plain = {
        "owned_shards": "Shards that this process holds",
        "refused_shards": "Shards that stand still until someone has looked",
        "buffered_records": "Records that are read and not applied yet",
        "buffered_bytes": "Bytes of the keys and values of the buffered records",
        "reading_paused": "1 while nothing is read because too much is buffered",
    }
    by_shard = {
        "lag_records": "Records of the input topics that are not applied, by shard",
        "lag_seconds": "Age of the oldest record that may be unapplied, by shard",
    }
    made = {n: GaugeMetricFamily(f"burnline_consumer_{n}", text) for n, text in plain.items()}
    for name, text in by_shard.items():
        made[name] = GaugeMetricFamily(f"burnline_consumer_{name}", text, labels=["shard"])
    made["undecodable_offset"] = GaugeMetricFamily(
        "burnline_consumer_undecodable_offset",
        "Where reading stands still at a batch that cannot be decoded, by topic and shard",
        labels=["topic", "shard"],
    )
    return made


def _measured(ledger: ShardLedger, now: datetime) -> dict[str, GaugeMetricFamily]:
    families = _families()
    records, size_bytes = ledger.buffered()
    families["owned_shards"].add_metric([], len(ledger.owned))
    families["refused_shards"].add_metric([], len(ledger.troubles.standing_still()))
    families["buffered_records"].add_metric([], records)
    families["buffered_bytes"].add_metric([], size_bytes)
    families["reading_paused"].add_metric([], ledger.paused)
    for tp, batch in sorted(ledger.troubles.undecodable.items()):
        families["undecodable_offset"].add_metric([tp.topic, str(tp.partition)], batch.offset)
    for shard, behind in sorted(ledger.lag.items()):
        families["lag_records"].add_metric([str(shard)], behind)
    for shard, own in sorted(ledger.owned.items()):
        if (through := own.oldest_applied()) > NEVER:
            seconds = max(0.0, (now - through).total_seconds())
            families["lag_seconds"].add_metric([str(shard)], seconds)
    return families


REGISTRY.register(CONSUMER)
