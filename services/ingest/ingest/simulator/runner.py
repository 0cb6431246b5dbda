"""The demonstration at work: seven days of history once, then an event per service every 10 s."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, Protocol

import structlog
from msgspec.structs import replace

from common.config.clock import Clock
from common.config.settings import AdmissionSettings
from common.events import encode
from common.kafka.client import Headers, UnknownOutcomeError
from common.kafka.headers import IMPORT_ID_HEADER, IMPORT_LINE_HEADER
from common.kafka.topics import HISTORY, METRICS
from ingest.metrics import SIMULATED
from ingest.settings import IngestSettings
from ingest.simulator.counts import events_between
from ingest.simulator.state import (
    HISTORY_WINDOW_SECONDS,
    LIVE_WINDOW_SECONDS,
    SimulatorState,
    StateFile,
    first_state,
)
from ingest.simulator.truth import TruthFile, facts_between

log = structlog.get_logger()

OutRecord = tuple[str, bytes | None, bytes | None, int | None, Headers]

_CHUNK = 1_000
_RETRY_SECONDS = 2.0
_LATENESS_RESERVE = timedelta(minutes=10)
"""A gap is filled up to this much less than the bound, so that nothing arrives too late."""


class BatchPublisher(Protocol):
    """What the simulator needs of Kafka."""

    async def send_all(self, records: Sequence[OutRecord]) -> Any:
        """Send in order, wait for all; raise UnknownOutcomeError where that fails."""


class Simulator:
    """Publishes the simulated events and remembers how far it has come."""

    def __init__(
        self,
        publisher: BatchPublisher,
        clock: Clock,
        files: tuple[StateFile, TruthFile],
        seed: int,
        lateness: timedelta,
    ) -> None:
        self._publisher, self._clock, self._seed = publisher, clock, seed
        self._state_file, self._truth_file = files
        self._reach = lateness - min(_LATENESS_RESERVE, lateness / 2)

    @classmethod
    def create(
        cls,
        settings: IngestSettings,
        admission: AdmissionSettings,
        publisher: BatchPublisher,
        clock: Clock,
    ) -> "Simulator":
        """Return a simulator whose files are in the data directory."""
        files = (
            StateFile(settings.data_dir / "simulator.json"),
            TruthFile(settings.data_dir / "simulator-truth.ndjson"),
        )
        return cls(publisher, clock, files, settings.simulator_seed, admission.lateness)

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
        """Return where to go on; the first plan is stored before anything of it is sent."""
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
        self._truth_file.add(facts_between(state.seed, state.history_start, state.history_end))
        records = _history(state)
        while chunk := list(islice(records, _CHUNK)):
            await self._send(chunk)
        return self._store(replace(state, history_published=True))

    async def publish_due(self, state: SimulatorState) -> SimulatorState:
        """Publish every bucket that has ended since; what is too late by now is left out."""
        now = self._clock()
        start = max(state.published_through, int((now - self._reach).timestamp()))
        end = int(now.timestamp()) // LIVE_WINDOW_SECONDS * LIVE_WINDOW_SECONDS
        if end <= start:
            return state
        self._truth_file.add(facts_between(state.seed, start, end))
        records = _live(state.seed, start, end)
        while chunk := list(islice(records, _CHUNK)):
            await self._send(chunk)
        return self._store(replace(state, published_through=end))

    def _store(self, state: SimulatorState) -> SimulatorState:
        self._state_file.write(state)
        return state

    async def _send(self, records: Sequence[OutRecord]) -> None:
        """Send until it is acknowledged: sent twice, these events are counted once."""
        while True:
            try:
                await self._publisher.send_all(records)
            except UnknownOutcomeError as error:
                log.warning("simulator_waits_for_kafka", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                SIMULATED.labels(records[0][0]).inc(len(records))
                return

    def _until_next_bucket(self) -> float:
        return LIVE_WINDOW_SECONDS - self._clock().timestamp() % LIVE_WINDOW_SECONDS


def _history(state: SimulatorState) -> Iterator[OutRecord]:
    import_id = (IMPORT_ID_HEADER, state.import_id.encode())
    events = events_between(
        state.seed, state.history_start, state.history_end, HISTORY_WINDOW_SECONDS
    )
    for line, event in enumerate(events, start=1):
        headers = [import_id, (IMPORT_LINE_HEADER, str(line).encode())]
        yield HISTORY.name, encode(event), event.service.encode(), None, headers


def _live(seed: int, start: int, end: int) -> Iterator[OutRecord]:
    for event in events_between(seed, start, end, LIVE_WINDOW_SECONDS):
        yield METRICS.name, encode(event), event.service.encode(), None, ()
