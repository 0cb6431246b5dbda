"""The state of the services of a shard, and which of them are due to be evaluated. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.decision import Decision, ServiceState
from alerts.domain.episodes import AlertKey, Episode
from common.decisions.readings import Inputs
from common.events import BurnRateMessage, BurnRateSnapshot, ServiceForecast
from common.slo.freshness import FORECAST_HOLDS, ShardLiveness
from common.slo.ordering import is_newer

NOTHING: Final = ServiceState()


class ShardState:
    """The newest snapshots and forecasts of a shard, and the state of its services."""

    def __init__(self, states: Mapping[str, ServiceState]) -> None:
        self._states = dict(states)
        self._snapshots: dict[str, BurnRateSnapshot] = {}
        self._forecasts: dict[str, ServiceForecast] = {}
        self._changed: set[str] = set()
        self._active = {name for name, state in self._states.items() if state.is_active}
        self._liveness = ShardLiveness()
        self._seen = (-1, False)

    def observe(self, message: BurnRateMessage | ServiceForecast) -> None:
        """Keep a message that is newer than the one before."""
        if isinstance(message, ServiceForecast):
            if is_newer(message, self._forecasts.get(message.service_name)):
                self._forecasts[message.service_name] = message
                self._changed.add(message.service_name)
            return
        self._liveness.hear(message.evaluated_at)
        if isinstance(message, BurnRateSnapshot) and is_newer(
            message, self._snapshots.get(message.service_name)
        ):
            self._snapshots[message.service_name] = message
            self._changed.add(message.service_name)

    def is_silent(self, now: datetime, silence: timedelta) -> bool:
        """Whether the owner that counts this shard is silent, or was never heard of."""
        return self._liveness.is_silent(now, silence)

    def due(self, configuration_revision: int, *, silent: bool) -> set[str]:
        """Return the services to evaluate: those changed, and those that time alone may change."""
        seen = configuration_revision, silent
        if seen != self._seen:
            self._seen = seen
            self._changed.update(self._snapshots, self._states)
        return self._changed | self._active

    def inputs(
        self, service_name: str, now: datetime, *, silent: bool, invalid_counts: int
    ) -> Inputs:
        """Return the inputs of an evaluation."""
        forecast = self._forecasts.get(service_name)
        if forecast is not None and now - forecast.evaluated_at > FORECAST_HOLDS:
            forecast = None
        return Inputs(self._snapshots.get(service_name), forecast, silent, invalid_counts)

    def state(self, service_name: str) -> ServiceState:
        """Return the state of a service."""
        return self._states.get(service_name, NOTHING)

    def done(self, service_names: Iterable[str]) -> None:
        """Mark services as evaluated."""
        self._changed.difference_update(service_names)

    def accept(self, decision: Decision, stored: Mapping[AlertKey, Episode]) -> None:
        """Apply a stored decision. `stored` are its changed episodes, with their ids."""
        name, after = decision.service_name, decision.state(stored)
        self._states[name] = after
        (self._active.add if after.is_active else self._active.discard)(name)

    def is_open(self, episode_id: int, service_name: str) -> bool:
        """Whether an episode has not ended."""
        return any(e.id == episode_id for e in self.state(service_name).episodes.values())

    def open_episodes(self) -> int:
        """Return the number of open episodes."""
        return sum(len(self._states[name].episodes) for name in self._active)
