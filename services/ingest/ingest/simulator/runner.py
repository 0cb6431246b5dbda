"""Runs the demonstration: seven days of history once, then an event per service every 10 s."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path

import structlog
from msgspec.structs import replace

from common.config.clock import Clock
from common.events import encode
from common.kafka.client import Outgoing, UnknownOutcomeError
from common.kafka.headers import IMPORT_ID_HEADER, IMPORT_LINE_HEADER
from common.kafka.topics import HISTORY, METRICS
from ingest.broker import Broker
from ingest.metrics import SIMULATED
from ingest.simulator.counts import events_between
from ingest.simulator.state import (
    HISTORY_WINDOW_SECONDS,
    LIVE_WINDOW_SECONDS,
    SimulatorState,
    StateFile,
    TruthFile,
    facts_between,
    first_state,
)

log = structlog.get_logger()

_CHUNK = 1_000
_RETRY_SECONDS = 2.0
_LATENESS_RESERVE = timedelta(minutes=10)
"""A gap is filled no further back than the bound less this, so that nothing arrives too late."""


class Simulator:
    """Publishes the simulated events and remembers its progress in `data_dir`."""

    def __init__(
        self, broker: Broker, clock: Clock, data_dir: Path, seed: int, lateness: timedelta
    ) -> None:
        self._broker, self._clock, self._seed = broker, clock, seed
        self._state_file = StateFile(data_dir / "simulator.json")
        self._truth_file = TruthFile(data_dir / "simulator-truth.ndjson")
        self._reach = lateness - min(_LATENESS_RESERVE, lateness / 2)

    async def run(self) -> None:
        """Publish for ever; cancel to stop. Waits for Kafka as long as it takes."""
        while True:
            try:
                state = await self.publish_history(self._begin())
                while True:
                    state = await self.publish_due(state)
                    await asyncio.sleep(self._until_next_bucket())
            except OSError as error:
                log.warning("simulator_cannot_use_its_files", error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)

    def _begin(self) -> SimulatorState:
        """Return where to continue; the first plan is stored before its events are sent."""
        state = self._state_file.read()
        if state is None:
            state = first_state(self._seed, self._clock())
            self._state_file.write(state)
        elif state.seed != self._seed:
            log.warning("simulator_keeps_its_seed", stored=state.seed, given=self._seed)
        return state

    async def publish_history(self, state: SimulatorState) -> SimulatorState:
        """Publish the seven days, once; after a crash again, with the same line numbers."""
        if state.history_published:
            return state
        return await self._publish(
            _history(state),
            replace(state, history_published=True),
            (state.history_start, state.history_end),
        )

    async def publish_due(self, state: SimulatorState) -> SimulatorState:
        """Publish every bucket that has ended since, except those that are too late by now."""
        now = self._clock()
        start = max(state.published_through, int((now - self._reach).timestamp()))
        end = int(now.timestamp()) // LIVE_WINDOW_SECONDS * LIVE_WINDOW_SECONDS
        if end <= start:
            return state
        records = _live(state.seed, start, end)
        return await self._publish(records, replace(state, published_through=end), (start, end))

    async def _publish(
        self, records: Iterator[Outgoing], done: SimulatorState, span: tuple[int, int]
    ) -> SimulatorState:
        self._truth_file.add(facts_between(done.seed, *span))
        while chunk := list(islice(records, _CHUNK)):
            await self._send(chunk)
        self._state_file.write(done)
        return done

    async def _send(self, records: Sequence[Outgoing]) -> None:
        """Send until acknowledged: events that are sent twice are counted once."""
        while True:
            try:
                await self._broker.send_all(records)
            except UnknownOutcomeError as error:
                log.warning("simulator_waits_for_kafka", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                SIMULATED.labels(records[0][0]).inc(len(records))
                return

    def _until_next_bucket(self) -> float:
        return LIVE_WINDOW_SECONDS - self._clock().timestamp() % LIVE_WINDOW_SECONDS


def _history(state: SimulatorState) -> Iterator[Outgoing]:
    import_id = (IMPORT_ID_HEADER, state.import_id.encode())
    events = events_between(
        state.seed, state.history_start, state.history_end, HISTORY_WINDOW_SECONDS
    )
    for line, event in enumerate(events, start=1):
        headers = [import_id, (IMPORT_LINE_HEADER, str(line).encode())]
        yield HISTORY.name, encode(event), event.service.encode(), None, headers


def _live(seed: int, start: int, end: int) -> Iterator[Outgoing]:
    for event in events_between(seed, start, end, LIVE_WINDOW_SECONDS):
        yield METRICS.name, encode(event), event.service.encode(), None, ()
