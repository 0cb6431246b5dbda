"""The alerts' domain without servers: what is decided holds at once, and what is sent is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from alerts.domain.configuration import AlertConfiguration
from alerts.domain.decision import Decision, Moment, ServiceState
from alerts.domain.episodes import Episode, Transition
from alerts.domain.evaluate import decide
from alerts.domain.notifications import NotificationReason
from common.alerting.rules import Rule, read_rule
from common.decisions.readings import Inputs
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    ServiceForecast,
    SloStatus,
    WindowRate,
    headline,
)
from common.slo.vocabulary import DataStatus, RiskLevel
from tests.support import burn_events
from tests.support.burn_events import slo_status
from tests.support.gateway.forecasts import spent_in

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIRS = ((3600, 300, 14.4), (21_600, 1800, 6.0), (86_400, 7200, 3.0), (259_200, 21_600, 1.0))
QUIET = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was sent to a channel, of an episode as it was then."""

    at: datetime
    episode: Episode
    transition: NotificationReason
    channels: tuple[str, ...]


@dataclass
class AlertShard:
    """A shard's services, the clock, and everything that was said."""

    configuration: AlertConfiguration
    now: datetime = START
    states: dict[str, ServiceState] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    episodes: dict[int, Episode] = field(default_factory=dict)
    history: dict[int, list[Transition]] = field(default_factory=dict)
    last: Decision | None = None

    def see(self, service: str, inputs: Inputs) -> list[Said]:
        """Evaluate a service now; return what is said."""
        before = len(self.said)
        state = self.states.get(service, ServiceState())
        decision = decide(service, state, inputs, self.configuration, Moment(self.now, 0))
        stored = decision.numbered(count(len(self.episodes) + 1))
        self.episodes |= {episode.id: episode for episode in stored.values()}
        for key, line in decision.history:
            self.history.setdefault(stored[key].id, []).append(line)
        for key, why, channels in decision.notifications:
            self.said.append(Said(self.now, stored[key], why, channels))
        self.states[service] = decision.state(stored)
        self.last = decision
        return self.said[before:]

    def after(self, seconds: float, service: str, inputs: Inputs) -> list[Said]:
        """Let time pass, then evaluate."""
        self.now += timedelta(seconds=seconds)
        return self.see(service, inputs)

    def open_episode(self, service: str, rule: str) -> Episode:
        """Return the one episode of a rule that is open."""
        [found] = self.open_episodes(service, rule)
        return found

    def open_episodes(self, service: str, rule: str) -> list[Episode]:
        """Return the episodes of a rule that are open, one for each objective."""
        state = self.states.get(service, ServiceState())
        return [e for key, e in sorted(state.episodes.items()) if key.rule == rule]


def rule(name: str, kind: str, levels: list[dict[str, Any]], **fields: Any) -> Rule:
    """Return a rule that fires at once and resolves at once, but for what the fields say."""
    given = {"for_seconds": 0, "resolve_for_seconds": 0, "cooldown_seconds": 900, **fields}
    return read_rule({"name": name, "kind": kind, "levels": levels, **given})


def shard(*rules: Rule) -> AlertShard:
    """Return a shard on which only these rules are in force."""
    return AlertShard(AlertConfiguration({r.name: r for r in rules}))


def slo(  # noqa: PLR0913 - a figure for each parameter
    *,
    name: str = "requests succeed",
    pairs: tuple[float, ...] = QUIET,
    composite: float = 0.0,
    left: float = 1.0,
    bad: int = 1000,
    rates: tuple[float, float, float] = QUIET[:3],
    status: DataStatus = DataStatus.OK,
) -> SloStatus:
    """Return an objective with these burn rates: of the four pairs, of 5 m, 1 h and 24 h."""
    levels = [(2.0, RiskLevel.FREEZE), (1.5, RiskLevel.DANGER), (1.0, RiskLevel.OBSERVE)]
    lengths = {"5m": 300, "1h": 3600, "24h": 86_400}
    return slo_status(
        id=1,
        name=name,
        default=False,
        revision=1,
        total=1_000_000,
        bad=bad,
        burn_rate_5m=rates[0],
        burn_rate_1h=rates[1],
        burn_rate_24h=rates[2],
        composite_burn_rate=composite,
        error_budget_consumed=1 - left,
        error_budget_remaining=left,
        risk_level=next((level for least, level in levels if composite >= least), RiskLevel.SAFE),
        risk_capped=False,
        data_status=status,
        windows={
            window: WindowRate(seconds, 100_000, bad, rate)
            for (window, seconds), rate in zip(lengths.items(), rates, strict=True)
        },
        burn_pairs=tuple(BurnPair(*pair, rate) for pair, rate in zip(PAIRS, pairs, strict=True)),
    )


def snapshot(
    *slos: SloStatus, service: str = "checkout", status: DataStatus = DataStatus.OK
) -> BurnRateSnapshot:
    """Return a service's snapshot; the first objective speaks for it."""
    return burn_events.snapshot(
        service,
        *slos,
        shard=0,
        evaluated_at=START,
        applied_through=START,
        data_status=status,
        newest_at=START,
        **headline(slos),
    )


def seen(*slos: SloStatus, status: DataStatus = DataStatus.OK, **fields: Any) -> Inputs:
    """Return what is known of a service with these objectives, quiet ones by default."""
    return Inputs(snapshot(*(slos or (slo(),)), status=status), **fields)


def forecast(hours: float | None, **fields: Any) -> ServiceForecast:
    """Return a forecast of the one objective, of high confidence but for what the fields say."""
    given: dict[str, Any] = {"error_budget_remaining": 0.4, **fields}
    one = spent_in(hours, START, name="requests succeed", **given)
    return ServiceForecast("checkout", 0, 1, START, one.data_status, (one,))


def transitions(said: Iterable[Said]) -> list[tuple[str, str]]:
    """Return (rule, transition) of what was said, in order."""
    return [(one.episode.rule, one.transition) for one in said]


def kinds(history: Mapping[int, list[Transition]], episode_id: int) -> list[str]:
    """Return the kinds of an episode's transitions, in order."""
    return [line.kind for line in history[episode_id]]
