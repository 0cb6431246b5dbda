"""The simulator at work: history once, live without gaps, the truth complete, Kafka or not."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from common.admission.metric_events import parse_metric_event
from common.config.settings import AdmissionSettings
from common.kafka.topics import HISTORY, METRICS
from ingest.settings import IngestSettings
from ingest.simulator import runner
from ingest.simulator.runner import Simulator
from ingest.simulator.scenarios import ScenarioKind
from ingest.simulator.state import SimulatorState, StateFile, TruthFile, facts_between, first_state
from tests.support.waiting import until

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 23, 6, 40, 33, tzinfo=UTC)


class MovingClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovingClock:
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.001)
    # two hours of history are enough to see what happens to all of it
    monkeypatch.setattr("ingest.simulator.state.HISTORY", timedelta(hours=2))
    return MovingClock()


def simulator(broker: Any, clock: MovingClock, data_dir: Path, seed: int = 7) -> Simulator:
    settings = IngestSettings(data_dir=data_dir, METRICS_SIMULATOR_SEED=seed)
    return Simulator(
        broker, clock, settings.data_dir, settings.simulator_seed, AdmissionSettings().lateness
    )


def stored(data_dir: Path) -> SimulatorState:
    state = StateFile(data_dir / "simulator.json").read()
    assert state is not None
    return state


def truth(data_dir: Path) -> list[dict[str, Any]]:
    lines = (data_dir / "simulator-truth.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


def history_lines(broker: Any) -> list[int]:
    return [int(dict(r[4])["import_line"]) for r in broker.records if r[0] == HISTORY.name]


def live_times(broker: Any, service: str = "checkout") -> list[datetime]:
    events = [parse_metric_event(r[1]) for r in broker.records if r[0] == METRICS.name]
    return [event.timestamp for event in events if event.service == service]


async def start(simulated: Simulator) -> SimulatorState:
    return await simulated.publish_due(await simulated.publish_history(simulated._begin()))


async def test_history_ends_now_and_live_goes_on_from_there(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    await start(simulator(broker, clock, tmp_path))
    assert history_lines(broker) == list(range(1, 2 * 60 * 12 + 1))
    end = START.replace(second=0)
    import_ids = {dict(r[4])["import_id"] for r in broker.records if r[0] == HISTORY.name}
    first = int((end - timedelta(hours=2)).timestamp())
    assert import_ids == {f"simulator-7-{first}".encode()}
    history = [parse_metric_event(r[1]) for r in broker.records if r[0] == HISTORY.name]
    assert history[0].timestamp == end - timedelta(minutes=119)
    assert history[-1].timestamp == end
    assert {event.window_seconds for event in history} == {60}
    assert live_times(broker) == [end + timedelta(seconds=s) for s in (10, 20, 30)]
    assert all(r[2] == parse_metric_event(r[1]).service.encode() for r in broker.records)


async def test_every_bucket_is_sent_once_it_has_ended(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    simulated = simulator(broker, clock, tmp_path)
    state = await start(simulated)
    broker.records.clear()
    assert await simulated.publish_due(state) == state
    clock.now = START.replace(second=59)
    state = await simulated.publish_due(state)
    clock.now = START.replace(minute=41, second=0)
    await simulated.publish_due(state)
    assert [at.second for at in live_times(broker)] == [40, 50, 0]
    assert len(broker.records) == 3 * 12


async def test_a_restart_goes_on_where_it_was_and_fills_the_gap(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    await start(simulator(broker, clock, tmp_path))
    before = live_times(broker)
    broker.records.clear()
    clock.now += timedelta(minutes=30)
    await start(simulator(broker, clock, tmp_path))
    assert history_lines(broker) == []
    after = live_times(broker)
    assert after[0] == before[-1] + timedelta(seconds=10)
    assert len(after) == 180


async def test_a_long_gap_is_filled_no_further_back_than_may_arrive(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    await start(simulator(broker, clock, tmp_path))
    broker.records.clear()
    clock.now += timedelta(days=3)
    await start(simulator(broker, clock, tmp_path))
    oldest = min(live_times(broker))
    assert timedelta(hours=23) < clock.now - oldest < timedelta(hours=24)


async def test_a_crash_within_the_history_repeats_the_same_records(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    state = first_state(7, clock())
    StateFile(tmp_path / "simulator.json").write(state)
    clock.now += timedelta(minutes=10)
    await start(simulator(broker, clock, tmp_path))
    first = [record for record in broker.records if record[0] == HISTORY.name]
    StateFile(tmp_path / "simulator.json").write(state)
    broker.records.clear()
    await start(simulator(broker, clock, tmp_path))
    assert [record for record in broker.records if record[0] == HISTORY.name] == first
    assert len(live_times(broker)) == 63


async def test_it_waits_for_kafka_and_loses_nothing(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    broker.down = True
    task = asyncio.create_task(start(simulator(broker, clock, tmp_path)))
    await asyncio.sleep(0.05)
    assert not task.done()
    assert broker.records == []
    broker.down = False
    await task
    assert len(history_lines(broker)) == 1440


async def test_the_service_runs_it_unless_it_is_switched_off(
    make_client: Any, broker: Any, tmp_path: Path
) -> None:
    async with make_client(simulator_enabled=False):
        await asyncio.sleep(0.05)
    assert broker.records == []
    async with make_client(simulator_enabled=True):
        await until(lambda: broker.records)
    assert broker.records[0][0] == HISTORY.name
    assert broker.stopped
    assert (tmp_path / "simulator.json").exists()


async def test_the_seed_of_the_history_stays(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    await start(simulator(broker, clock, tmp_path))
    await start(simulator(broker, clock, tmp_path, seed=8))
    assert stored(tmp_path).seed == 7


async def test_the_truth_is_complete_and_each_line_there_once(
    broker: Any, clock: MovingClock, tmp_path: Path
) -> None:
    state = await start(simulator(broker, clock, tmp_path))
    path = tmp_path / "simulator-truth.ndjson"
    path.write_text(path.read_text()[:-25])  # a crash in the middle of the last line
    for minutes in (5, 60, 60):
        clock.now += timedelta(minutes=minutes)
        state = await start(simulator(broker, clock, tmp_path))
    found = truth(tmp_path)
    assert {fact["scenario"] for fact in found} == set(ScenarioKind)
    keys = [(fact["scenario"], fact["service"], fact["from"]) for fact in found]
    assert Counter(keys).most_common(1)[0][1] == 1
    expected = facts_between(7, state.history_start, int(clock.now.timestamp()) // 10 * 10)
    assert len(found) == len(expected)
    for fact in found:
        assert datetime.fromisoformat(fact["from"]) < datetime.fromisoformat(fact["to"])
        assert fact["parameters"]


def test_a_truth_that_is_known_is_not_written_again(tmp_path: Path) -> None:
    facts = facts_between(7, int(START.timestamp()) - 7200, int(START.timestamp()))
    for _ in range(2):
        TruthFile(tmp_path / "truth.ndjson").add(facts)
    assert len((tmp_path / "truth.ndjson").read_text().splitlines()) == len(facts)
