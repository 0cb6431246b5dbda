"""The state of a shard: snapshots, forecasts, signs of life, decisions. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.decisions.decision import Inputs, ShardSign, is_budget_spent, is_usable, previous_of
from common.events import BurnRateMessage, BurnRateSnapshot, GateDecision, ServiceForecast
from common.slo.freshness import SHARD_HEARTBEAT_SECONDS, is_silent
from common.slo.ordering import is_newer
from common.slo.risk import LEAST_COVERAGE_RATIO
from gate.domain.configuration import GateConfiguration

Weight = tuple[object, ...]

_PAUSE = timedelta(seconds=1.5 * SHARD_HEARTBEAT_SECONDS)
"""An owner that was not heard of for longer has missed a heartbeat."""


@dataclass(slots=True)
class ShardView:
    """One shard in memory; of each thing the newest by (epoch, evaluated_at).

    `due` are services whose inputs have changed since the last decision, `looks` when a decision
    may change by the passing of time alone. `beat_at` is when the last heartbeat was published;
    None where one is due. `published_at` is the same, also of a former owner, and stays known.
    `failed`: publishing has failed since then; `recovered`: it has succeeded again once.
    """

    decisions: dict[str, GateDecision] = field(default_factory=dict)
    snapshots: dict[str, BurnRateSnapshot] = field(default_factory=dict)
    forecasts: dict[str, ServiceForecast] = field(default_factory=dict)
    sign: ShardSign | None = None
    due: set[str] = field(default_factory=set)
    looks: dict[str, datetime] = field(default_factory=dict)
    beat_at: datetime | None = None
    published_at: datetime | None = None
    failed: bool = False
    recovered: bool = False

    def on_burn_rate(self, message: BurnRateMessage, now: datetime) -> bool:
        """Apply a snapshot or a heartbeat; return whether it may change a decision at once."""
        before = self.sign
        self._hear(message, now)
        heard_at = None if before is None else before.heard_at
        missed = is_silent(heard_at, now, _PAUSE)
        if missed or before is None or before.epoch != message.epoch:
            self.due.update(self.snapshots)  # an owner that was silent confirms them again
        if not isinstance(message, BurnRateSnapshot):
            return False
        known = self.snapshots.get(message.service_name)
        if not is_newer(message, known):
            return False
        self.snapshots[message.service_name] = message
        self.due.add(message.service_name)
        return known is None or _weight(known) != _weight(message)

    def on_forecast(self, forecast: ServiceForecast) -> None:
        """Apply a forecast."""
        if is_newer(forecast, self.forecasts.get(forecast.service_name)):
            self.forecasts[forecast.service_name] = forecast
            self.due.add(forecast.service_name)

    def missed_beat(self) -> None:
        """Note that nobody may have learned of what was decided."""
        self.beat_at, self.failed, self.recovered = None, True, False

    def beat(self, now: datetime) -> bool:
        """Note that a heartbeat is published; return whether the next owner may go on from it.

        The first one after a failure is repeated at once: only then it is known since when nobody
        could learn of a decision, and until when.
        """
        if self.failed and not self.recovered:
            self.recovered = True
            return False
        self.beat_at = self.published_at = now
        self.failed = self.recovered = False
        return True

    def expired_at(
        self, decision: GateDecision | None, lifetime: timedelta, now: datetime
    ) -> datetime | None:
        """Return when the decision at hand had expired; None where it is known, or may not be."""
        if decision is None or self.published_at is None or (self.failed and not self.recovered):
            return None
        at = self.published_at if self.failed else max(self.published_at, decision.decided_at)
        return at + lifetime if at + lifetime < now else None

    def take_due(self, now: datetime) -> set[str]:
        """Return the services that are due now, and mark them as done."""
        found = self.due | {name for name, at in self.looks.items() if at <= now}
        self.due = set()
        return found

    def inputs(
        self,
        service_name: str,
        configuration: GateConfiguration,
        silent_after_seconds: float,
        now: datetime,
    ) -> Inputs:
        """Return everything that a decision on a service depends on now."""
        decision = self.decisions.get(service_name)
        overrides = configuration.overrides(service_name)
        return Inputs(
            service_name=service_name,
            tier=configuration.tier(service_name),
            now=now,
            silent_after_seconds=silent_after_seconds,
            sign=self.sign,
            snapshot=self.snapshots.get(service_name),
            forecast=self.forecasts.get(service_name),
            overrides=tuple(o for o in overrides if is_usable(o, service_name, now)),
            previous=None if decision is None else previous_of(decision),
            loosenings=configuration.loosenings(service_name, now),
        )

    def forget(self, service_name: str) -> None:
        """Forget the decision on a service until something new is known."""
        self.decisions.pop(service_name, None)
        self.looks.pop(service_name, None)

    def _hear(self, message: BurnRateMessage, now: datetime) -> None:
        """Record a sign of life: at the owner's time, but never later than it is received."""
        heard_at = min(message.evaluated_at, now)
        known = self.sign
        if known is None or (message.epoch, heard_at) >= (known.epoch, known.heard_at):
            self.sign = ShardSign(message.epoch, heard_at, message.applied_through)


def _weight(snapshot: BurnRateSnapshot) -> Weight:
    """Return the part of a snapshot that decisions usually depend on."""
    slos = tuple(
        (
            slo.id,
            slo.risk_level,
            slo.data_status,
            is_budget_spent(slo),
            slo.recent.coverage_ratio < LEAST_COVERAGE_RATIO,
            tuple(pair.burn_rate > pair.threshold for pair in slo.burn_pairs),
        )
        for slo in snapshot.slos
    )
    return snapshot.data_status, slos
