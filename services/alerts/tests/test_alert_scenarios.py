"""The default rules against what the simulator did: what is paged, when, how often."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from alerts.domain.configuration import AlertConfiguration
from common.alerting.default_rules import default_rules
from common.alerting.rules import read_rule, rule_document
from common.decisions.readings import Inputs
from common.events import AlertAcknowledged, BurnRateSnapshot, MetricEvent
from common.slo.vocabulary import DataStatus
from ingest.simulator import counts
from ingest.simulator.scenarios import ScenarioKind, SimulatedIncident
from tests.reference.brute_force import window_sums
from tests.reference.evaluator import BurnrateProcess
from tests.support.alerts.in_memory import START, AlertShard, Said, transitions

SEED = 11
OBJECTIVE_ALLOWS_RATIO = 0.001  # the virtual target's error ratio: 1 - 0.999


@contextmanager
def only_incidents(incidents: Sequence[SimulatedIncident]) -> Iterator[None]:
    """Let the simulator know these incidents and no others."""

    def given(_: int, kind: ScenarioKind, start: int, end: int) -> list[SimulatedIncident]:
        return [e for e in incidents if e.kind is kind and e.start < end and e.end > start]

    counts._hour.cache_clear()
    with patch.object(counts, "incidents", given):
        yield
    counts._hour.cache_clear()


def simulated(
    service: str, start: datetime, end: datetime, window_seconds: int
) -> list[MetricEvent]:
    """Return the service's events with start < timestamp <= end."""
    found = counts.events_between(
        SEED, int(start.timestamp()), int(end.timestamp()), window_seconds
    )
    return [event for event in found if event.service == service]


@dataclass
class Play:
    """A service from a quiet day on: what it reported, and what was said of it."""

    service: str
    begins: datetime
    shard: AlertShard = field(
        default_factory=lambda: AlertShard(AlertConfiguration(default_rules()))
    )
    events: list[MetricEvent] = field(default_factory=list)
    snapshot: BurnRateSnapshot | None = None
    process: BurnrateProcess = field(default_factory=BurnrateProcess)

    def __post_init__(self) -> None:
        self.process.now = self.begins
        for shard in (0, 1):
            self.process.acquire(shard)
        self._count(simulated(self.service, self.begins - timedelta(days=1), self.begins, 60))

    @property
    def now(self) -> datetime:
        """Return the present instant of the play."""
        return self.process.now

    async def until(self, end: datetime, tick_seconds: int = 10) -> None:
        """Let time pass tick by tick, each with its events."""
        span = simulated(self.service, self.now, end, tick_seconds)
        by_time = {event.timestamp: event for event in span}
        while self.now < end:
            due = by_time.get(self.now + timedelta(seconds=tick_seconds))
            if due is not None:
                self._count([due])
            await self.tick(tick_seconds)

    def fail_one_request(self) -> None:
        """Report one request, which failed."""
        self._count(
            [
                MetricEvent(
                    service=self.service,
                    timestamp=self.now,
                    total=1,
                    bad=1,
                    source="probe",
                    event_id=f"probe/{self.now.isoformat()}",
                    window_seconds=10,
                )
            ]
        )

    async def tick(self, seconds: float) -> None:
        """Evaluate once, with nothing new reported."""
        ticked = await self.process.tick(seconds)
        self.snapshot = ticked.snapshots.get(self.service, self.snapshot)
        self.shard.now = self.process.now
        if self.snapshot is not None:
            self.shard.see(self.service, Inputs(self.snapshot))

    def pair_burns(self, long_seconds: int, short_seconds: int, threshold: float) -> bool:
        """Whether a pair burns faster than that now, by brute force over the raw events."""
        for seconds in (long_seconds, short_seconds):
            total, bad = window_sums(self.events, self.now, seconds)
            if not total or bad / total / OBJECTIVE_ALLOWS_RATIO <= threshold:
                return False
        return True

    def status(self) -> DataStatus | None:
        """Return how far the newest figures can be trusted."""
        return self.snapshot.data_status if self.snapshot else None

    def _count(self, events: Sequence[MetricEvent]) -> None:
        self.events += events
        self.process.count(*events)


pytestmark = pytest.mark.slow

BEGINS = START.replace(minute=10)
FAST_PAIR, SECOND_PAIR = (3600, 300, 14.4), (21_600, 1800, 6.0)
TICK_SECONDS = 10


def incident(
    kind: ScenarioKind, after_minutes: int, minutes: int, **parameters: float
) -> SimulatedIncident:
    start = int(BEGINS.timestamp()) + after_minutes * 60
    return SimulatedIncident(kind, start, start + minutes * 60, parameters)


def end_of(found: SimulatedIncident) -> datetime:
    return datetime.fromtimestamp(found.end, BEGINS.tzinfo)


def pages(said: list[Said]) -> list[str]:
    return [s.transition for s in said if s.episode.severity == "page"]


async def test_a_fast_outage_pages_once_within_two_ticks_and_resolves_once() -> None:
    truth = incident(ScenarioKind.FAST_OUTAGE, 5, 8, error_ratio=0.4)
    with only_incidents([truth]):
        play = Play("payments", BEGINS)
        while not (play.pair_burns(*FAST_PAIR) or play.pair_burns(*SECOND_PAIR)):
            await play.until(play.now + timedelta(seconds=TICK_SECONDS))
            assert play.now < end_of(truth)
        met_at = play.now
        await play.until(end_of(truth) + timedelta(minutes=50))
    assert pages(play.shard.said) == ["firing", "resolved"]
    fired, ended = (s for s in play.shard.said if s.episode.severity == "page")
    assert fired.at - met_at <= timedelta(seconds=2 * TICK_SECONDS)
    assert fired.episode.dedup_key == ended.episode.dedup_key
    assert ended.at > end_of(truth)
    # nobody was notified of the tickets that the page stands for before it ended
    assert [s for s in play.shard.said if s.episode.severity != "page" and s.at < ended.at] == []


async def test_a_slow_burn_gives_a_ticket_and_no_page() -> None:
    truth = incident(ScenarioKind.SLOW_BURN, 5, 20 * 60, error_ratio=0.004)
    with only_incidents([truth]):
        play = Play("checkout", BEGINS)
        await play.until(end_of(truth), tick_seconds=60)
    assert pages(play.shard.said) == []
    tickets = {s.episode.rule for s in play.shard.said if s.episode.severity == "ticket"}
    assert tickets == {"risk-level", "budget-left", "burn-rate-ticket"}
    assert "resolved" not in {s.transition for s in play.shard.said}


async def test_flapping_gives_one_episode() -> None:
    truth = incident(ScenarioKind.FLAPPING, 5, 32, error_ratio=0.008, half_period_seconds=120)
    with only_incidents([truth]):
        play = Play("inventory", BEGINS)
        crossings, was_over = 0, False
        while play.now < end_of(truth):
            await play.until(play.now + timedelta(seconds=TICK_SECONDS))
            is_over = bool(play.snapshot and play.snapshot.burn_rate_5m > 4)
            crossings, was_over = crossings + (is_over != was_over), is_over
        await play.until(end_of(truth) + timedelta(minutes=90), tick_seconds=60)
    assert crossings >= 6  # it did go up and down
    episodes = list(play.shard.episodes.values())
    assert {e.rule for e in episodes} == {"risk-level"}
    assert len(episodes) == 1
    assert [s.transition for s in play.shard.said if s.episode.rule == "risk-level"].count(
        "resolved"
    ) == 1


async def test_one_failure_in_a_traffic_dip_pages_nobody_where_evidence_is_asked_for() -> None:
    truth = incident(ScenarioKind.TRAFFIC_DIP, 5, 180, traffic_ratio=0.0001)
    default = default_rules()["burn-rate-page"]
    credulous = read_rule({**rule_document(default), "min_bad_events": 0})
    said = {}
    with only_incidents([truth]):
        for name, page in {"asking": default, "credulous": credulous}.items():
            play = Play("catalog", BEGINS, AlertShard(AlertConfiguration({page.name: page})))
            await play.until(BEGINS + timedelta(minutes=90), tick_seconds=60)
            play.fail_one_request()
            await play.until(end_of(truth), tick_seconds=60)
            said[name] = pages(play.shard.said)
    assert said == {"asking": [], "credulous": ["firing", "resolved"]}


async def test_an_outage_and_its_storm_of_retries_resolve_once() -> None:
    truth = incident(
        ScenarioKind.RECOVERY, 5, 14, error_ratio=0.2, outage_seconds=180, retry_ratio=2.0
    )
    with only_incidents([truth]):
        play = Play("notifications", BEGINS)
        await play.until(end_of(truth) + timedelta(minutes=90), tick_seconds=30)
    assert pages(play.shard.said) == ["firing", "resolved"]
    assert [e for e in play.shard.episodes.values() if e.severity == "page" and e.is_open] == []


async def test_slow_answers_alone_page_nobody_for_availability() -> None:
    truth = incident(ScenarioKind.LATENCY_ONLY, 5, 32, latency_ratio=2.4)
    with only_incidents([truth]):
        play = Play("search", BEGINS)
        await play.until(end_of(truth) + timedelta(minutes=10), tick_seconds=30)
    assert play.shard.said == []


async def test_escalation_in_the_cooldown_is_delivered() -> None:
    truth = incident(ScenarioKind.FAST_OUTAGE, 5, 20, error_ratio=0.6)
    levels = [
        {"severity": "info", "at_most_ratio": 0.5},
        {"severity": "page", "at_most_ratio": 0.1},
    ]
    budget = read_rule(
        {"name": "budget", "kind": "budget_left", "levels": levels, "cooldown_seconds": 86_400}
    )
    with only_incidents([truth]):
        play = Play("payments", BEGINS, AlertShard(AlertConfiguration({"budget": budget})))
        await play.until(end_of(truth))
    assert [(s.transition, s.episode.severity) for s in play.shard.said] == [
        ("firing", "info"),
        ("escalated", "page"),
    ]
    assert play.shard.said[1].at - play.shard.said[0].at < timedelta(days=1)


async def test_an_acknowledged_page_stays_quiet_until_the_outage_is_over() -> None:
    truth = incident(ScenarioKind.FAST_OUTAGE, 5, 40, error_ratio=0.4)
    with only_incidents([truth]):
        play = Play("payments", BEGINS)
        await play.until(BEGINS + timedelta(minutes=10))
        (page,) = (e for e in play.shard.episodes.values() if e.severity == "page")
        play.shard.configuration.apply(
            AlertAcknowledged(1, page.id, "payments", page.version, "ines", "mine", play.now)
        )
        await play.until(end_of(truth) + timedelta(minutes=50))
    assert pages(play.shard.said) == ["firing", "resolved"]
    assert [line.kind for line in play.shard.history[page.id]] == [
        "firing",
        "notified",
        "acknowledged",
        "resolved",
    ]


async def test_a_service_that_falls_silent_is_a_condition_of_its_own_and_resolves_nothing() -> None:
    truth = incident(ScenarioKind.FAST_OUTAGE, 5, 8, error_ratio=0.4)
    with only_incidents([truth]):
        play = Play("payments", BEGINS)
        await play.until(BEGINS + timedelta(minutes=8))
        for _ in range(80):
            await play.tick(10)
        silent_said = list(play.shard.said)
        assert play.status() is DataStatus.STALE
    assert pages(silent_said) == ["firing"]
    assert ("data-stale", "firing") in transitions(silent_said)
