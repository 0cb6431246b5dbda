"""What is known of a shard's services, and which of them are due to be evaluated. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from alerts.domain.decision import Decision, ServiceState
from alerts.domain.episodes import Episode
from alerts.domain.readings import Inputs
from common.events import BurnRateMessage, BurnRateSnapshot, ServiceForecast

FORECAST_HOLDS: Final = timedelta(minutes=5)
"""A forecast that has not been made anew for so long says nothing any more."""

NOTHING: Final = ServiceState()


class ShardState:
    """Levels as they were last published, and the state that decisions stand on."""

    def __init__(self, states: Mapping[str, ServiceState]) -> None:
        self._states = dict(states)
        self._snapshots: dict[str, BurnRateSnapshot] = {}
        self._forecasts: dict[str, ServiceForecast] = {}
        self._changed: set[str] = set()
        self._active = {name for name, state in self._states.items() if state.is_active}
        self._alive_at: datetime | None = None
        self._was_silent: bool | None = None
        self._intent_revision = -1

    def observe(self, message: BurnRateMessage | ServiceForecast) -> None:
        """Keep what is newer than what is at hand."""
        if isinstance(message, ServiceForecast):
            known_forecast = self._forecasts.get(message.service_name)
            if known_forecast is None or _is_newer(message, known_forecast):
                self._forecasts[message.service_name] = message
                self._changed.add(message.service_name)
            return
        self._alive_at = max(self._alive_at or message.evaluated_at, message.evaluated_at)
        if isinstance(message, BurnRateSnapshot):
            known = self._snapshots.get(message.service_name)
            if known is None or _is_newer(message, known):
                self._snapshots[message.service_name] = message
                self._changed.add(message.service_name)

    def is_silent(self, now: datetime, silence: timedelta) -> bool:
        """Tell whether whoever counts this shard gives no sign of life; not if nobody ever did."""
        return self._alive_at is not None and now - self._alive_at > silence

    def due(self, intent_revision: int, *, silent: bool) -> set[str]:
        """Return the services to evaluate: what has changed, and what time alone may change."""
        if intent_revision != self._intent_revision or silent != self._was_silent:
            self._intent_revision, self._was_silent = intent_revision, silent
            self._changed.update(self._snapshots, self._states)
        return self._changed | self._active

    def inputs(self, service_name: str, now: datetime, *, silent: bool, impossible: int) -> Inputs:
        """Return what is known of a service."""
        forecast = self._forecasts.get(service_name)
        if forecast is not None and now - forecast.evaluated_at > FORECAST_HOLDS:
            forecast = None
        return Inputs(self._snapshots.get(service_name), forecast, silent, impossible)

    def state(self, service_name: str) -> ServiceState:
        """Return what is kept of a service."""
        return self._states.get(service_name, NOTHING)

    def done(self, service_names: Iterable[str]) -> None:
        """Take services that have been evaluated off what is due."""
        self._changed.difference_update(service_names)

    def accept(self, decision: Decision, stored: Mapping[str, Episode]) -> None:
        """Let a decision hold. `stored` are its changed episodes, with their ids."""
        episodes = {r: stored.get(r, e) for r, e in decision.after.episodes.items()}
        after = ServiceState(decision.after.memories, episodes, decision.after.told)
        name = decision.service_name
        self._states[name] = after
        (self._active.add if after.is_active else self._active.discard)(name)

    def is_open(self, episode_id: int, service_name: str) -> bool:
        """Tell whether an episode has not ended."""
        return any(e.id == episode_id for e in self.state(service_name).episodes.values())

    def open_episodes(self) -> int:
        """Return how many episodes have not ended."""
        return sum(len(self._states[name].episodes) for name in self._active)


def _is_newer(
    found: BurnRateSnapshot | ServiceForecast, known: BurnRateSnapshot | ServiceForecast
) -> bool:
    return (found.epoch, found.evaluated_at) > (known.epoch, known.evaluated_at)
