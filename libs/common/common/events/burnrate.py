"""What burnrate publishes: snapshots of services, and that their owner lives."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from common.config.clock import to_micros
from common.events.catalog import TargetSpec
from common.events.fields import BurnRate, IndicatorName, Instant, Ratio, Seconds, ServiceName
from common.slo.arithmetic import bad_events_allowed
from common.slo.streams import DEFAULT_INDICATOR, stream_of
from common.slo.vocabulary import DataStatus, RiskLevel, SliType


class WindowRate(Struct, frozen=True):
    """One burn window of one objective: its counts and its burn rate (a multiple of 1).

    `uncertain` of the bad ones may be good: they lie in a bucket of their histogram that straddles
    the threshold. `coverage_ratio` is the share of the service's requests that are certainly good
    or certainly bad: less than 1 where some are uncertain, or have no histogram.
    """

    window_seconds: Seconds
    total: int
    bad: int
    burn_rate: BurnRate
    uncertain: int = 0
    coverage_ratio: Ratio = 1.0


class BurnPair(Struct, frozen=True):
    """A pair of windows of the SRE workbook; `burn_rate` is the lesser of the two.

    `bad` are the bad events of the long window; None in what was published before.
    `burn_rate_least` is the rate if nothing uncertain was bad, None where nothing is uncertain.
    """

    long_seconds: Seconds
    short_seconds: Seconds
    threshold: float
    burn_rate: BurnRate
    bad: int | None = None
    burn_rate_least: BurnRate | None = None


class SloStatus(Struct, frozen=True):
    """One objective evaluated: ratios are 0..1, remaining is negative when overspent.

    What is uncertain counts as bad; the figures if none of it was bad stand beside as `_least` and
    `_most`, None where nothing is uncertain. `reported_seconds` are the hours of the SLO window in
    which the service reported; `coverage_ratio` is their share of it, multiplied by the share of
    the requests that are certainly good or bad.
    """

    id: int | None
    name: str
    sli_type: SliType
    objective: Ratio
    window_days: int
    threshold_seconds: float | None
    max_error_ratio: float | None
    min_bad_events: int
    default: bool
    revision: int
    total: int
    bad: int
    burn_rate_5m: BurnRate
    burn_rate_1h: BurnRate
    burn_rate_24h: BurnRate
    composite_burn_rate: BurnRate
    error_budget_consumed: Ratio
    error_budget_remaining: Ratio
    risk_level: RiskLevel
    risk_capped: bool
    data_status: DataStatus
    coverage_ratio: Ratio
    windows: dict[str, WindowRate]
    burn_pairs: tuple[BurnPair, ...]
    uncertain: int = 0
    composite_burn_rate_least: BurnRate | None = None
    error_budget_remaining_most: Ratio | None = None
    reported_seconds: Seconds | None = None
    named_indicator: IndicatorName | UnsetType = field(default=UNSET, name="indicator")

    @staticmethod
    def fields_of(spec: TargetSpec) -> dict[str, Any]:
        """Return the fields of a status that are its target's own."""
        fields = spec.with_floats()
        named = fields.pop("indicator")
        return {**fields, "named_indicator": UNSET if named == DEFAULT_INDICATOR else named}

    @property
    def indicator(self) -> str:
        """Whose counts these are: of which of the service's indicators."""
        named = self.named_indicator
        return DEFAULT_INDICATOR if isinstance(named, UnsetType) else named

    @property
    def bad_events_left(self) -> int:
        """How many more requests may be bad; negative once more were than may be."""
        return bad_events_allowed(self.total, self.objective) - self.bad

    @property
    def recent(self) -> WindowRate:
        """The shortest window."""
        return self.windows["5m"]


class IngestCounters(Struct, frozen=True):
    """What was odd about a service's events since it was first seen."""

    duplicates: int = 0
    event_id_conflicts: int = 0
    unidentified: int = 0
    misrouted: int = 0


_OF_WORST = (
    "risk_level",
    "burn_rate_5m",
    "burn_rate_1h",
    "burn_rate_24h",
    "composite_burn_rate",
    "composite_burn_rate_least",
)
_OF_LEAST_BUDGET = (
    "error_budget_consumed",
    "error_budget_remaining",
    "error_budget_remaining_most",
)
_SEVERITY = {level: severity for severity, level in enumerate(RiskLevel)}


def worst_of(slos: Sequence[SloStatus]) -> SloStatus:
    """Return the objective whose level is the service's, of at least one, as burnrate chooses it.

    The level comes first: the highest composite may be one that is capped for thin evidence.
    """
    return max(
        slos,
        key=lambda s: (
            _SEVERITY[s.risk_level],
            s.composite_burn_rate,
            s.error_budget_consumed,
            s.name,
        ),
    )


def least_budget_of(slos: Sequence[SloStatus]) -> SloStatus:
    """Return the objective with the least of its error budget left, of at least one."""
    return max(slos, key=lambda s: (s.error_budget_consumed, s.composite_burn_rate, s.name))


def headline(slos: Sequence[SloStatus]) -> dict[str, Any]:
    """Return the figures of a service, by field: each is that of the objective worst by it.

    Level and burn rates are those of `worst_of`, budgets those of `least_budget_of`: an old outage
    that is overspent and calm is not outspoken by one that burns within its budget.
    """
    worst, least = worst_of(slos), least_budget_of(slos)
    return {name: getattr(worst, name) for name in _OF_WORST} | {
        name: getattr(least, name) for name in _OF_LEAST_BUDGET
    }


def reporter_of(service_name: str, status: DataStatus, slos: Sequence[SloStatus]) -> str:
    """Return the stream from which a service has its status: itself, where its own has it."""
    alike = [slo.indicator for slo in slos if slo.data_status is status]
    return min((stream_of(service_name, own) for own in alike), default=service_name)


class BurnRateSnapshot(Struct, frozen=True, tag_field="type", tag="burn_rate_snapshot"):
    """A service at one instant, with all of its objectives in `slos`.

    Level and burn rates are those of its worst objective, budgets those of the one with the least
    left, each with what it would be if nothing uncertain was bad.
    Of two snapshots of a service the one with the greater (epoch, evaluated_at) holds.
    """

    service_name: ServiceName
    shard: int
    epoch: int
    evaluated_at: Instant
    applied_through: Instant
    data_status: DataStatus
    risk_level: RiskLevel
    burn_rate_5m: BurnRate
    burn_rate_1h: BurnRate
    burn_rate_24h: BurnRate
    composite_burn_rate: BurnRate
    error_budget_consumed: Ratio
    error_budget_remaining: Ratio
    resolution_seconds: Seconds
    short_window_seconds: Seconds
    stale_after_seconds: Seconds
    newest_at: Instant | None
    counters: IngestCounters
    slos: tuple[SloStatus, ...]
    command_id: str | None = None
    composite_burn_rate_least: BurnRate | None = None
    error_budget_remaining_most: Ratio | None = None

    @property
    def snapshot_id(self) -> str:
        """Name it among those of its service, in what was made of its figures."""
        return f"{self.epoch}.{to_micros(self.evaluated_at)}"


class ShardHeartbeat(Struct, frozen=True, tag_field="type", tag="shard_heartbeat"):
    """The owner of a shard is alive: what it last published still holds.

    With a `command_id` it follows, in the same partition, the last snapshot of that command.
    """

    shard: int
    epoch: int
    evaluated_at: Instant
    applied_through: Instant
    services: int
    command_id: str | None = None
