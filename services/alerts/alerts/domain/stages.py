"""Whether an open episode is notified: one small function for each stage. Pure.

The order is: deduplicate, inhibit, silence, cooldown. Each lets the episode pass (None) or returns
why nobody is notified. All of them run at each evaluation, so that what is held back now is
notified later if it is still so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.domain.episodes import Episode
from alerts.domain.notifications import NotificationReason
from common.alerting.rules import RISK_ORDER, SEVERITY_ORDER, Rule
from common.alerting.silences import matches_all
from common.events import SilenceChanged, SloStatus
from common.slo.vocabulary import RiskLevel


class RuleOutcome(StrEnum):
    """The outcome of evaluating a rule on a service."""

    NOT_MET = "not_met"
    UNKNOWN = "unknown"
    HOLDING = "holding"
    DUPLICATE = "duplicate"
    ACKNOWLEDGED = "acknowledged"
    INHIBITED = "inhibited"
    SILENCED = "silenced"
    COOLDOWN = "cooldown"
    NOTIFIED = "notified"
    RESOLVED = "resolved"


HOLDS = frozenset({RuleOutcome.INHIBITED, RuleOutcome.SILENCED, RuleOutcome.COOLDOWN})


BURN_RATE_KINDS = frozenset({"risk_level", "burn_rate", "constant_burn"})
"""Kinds of rules whose figure is a burn rate."""

SUSTAINABLE_BURN_RATE = 1.0
"""Spends the budget in just the SLO window: what multiplies below it has not grown."""


@dataclass(frozen=True, slots=True)
class LastNotified:
    """When it was last notified that a rule fires on an objective, and at which level."""

    at: datetime
    level: int


def is_above(level: RiskLevel, other: RiskLevel) -> bool:
    """Return whether a risk level is more severe than another."""
    return RISK_ORDER.index(level) > RISK_ORDER.index(other)


def has_grown(episode: Episode, rule: Rule, slo: SloStatus | None, now: datetime) -> bool:
    """Return whether the burn rate has multiplied by the rule's ratio since it was last notified.

    The last hour has to hold evidence for it, and the cooldown has to be over: until then windows
    fill up with what was notified.
    """
    known, at = episode.notified_burn_rate, episode.notified_at
    if rule.kind not in BURN_RATE_KINDS or rule.renotify_ratio is None:
        return False
    if slo is None or known is None or at is None:
        return False
    return (
        now >= at + timedelta(seconds=rule.cooldown_seconds)
        and slo.windows["1h"].bad >= rule.min_bad_events
        and slo.composite_burn_rate >= rule.renotify_ratio * max(known, SUSTAINABLE_BURN_RATE)
    )


def pending(episode: Episode, *, grown: bool = False) -> NotificationReason | None:
    """Return the reason to notify the channels of an episode; None where they are up to date."""
    if not episode.was_notified:
        return "firing"
    if not episode.notified_level:
        return "reminded"
    if episode.level > episode.notified_level:
        return "escalated"
    return "worsened" if grown else None


def deduplicate(episode: Episode, reason: NotificationReason | None) -> RuleOutcome | None:
    """Hold what has been notified, and what somebody has acknowledged."""
    if episode.state == "acknowledged":
        return RuleOutcome.ACKNOWLEDGED
    return None if reason else RuleOutcome.DUPLICATE


def inhibit(
    episode: Episode,
    others: Iterable[Episode],
    rules: Mapping[str, Rule],
    risk_level: RiskLevel | None,
) -> RuleOutcome | None:
    """Hold what an alert at least as severe explains, whose rule inhibits this one.

    `risk_level` is that of the episode's objective now, None where it is not known.
    """
    for other in others:
        rule = rules.get(other.rule)
        if (
            rule is not None
            and episode.rule in rule.inhibits
            and SEVERITY_ORDER[other.severity] >= SEVERITY_ORDER[episode.severity]
            and _explains(other, episode, risk_level)
        ):
            return RuleOutcome.INHIBITED
    return None


def _explains(other: Episode, episode: Episode, risk_level: RiskLevel | None) -> bool:
    """Whether those who know of one episode can expect another.

    They cannot where it is about another objective, or the risk level has risen since.
    """
    if None not in {other.slo, episode.slo} and other.slo != episode.slo:
        return False
    if other.explained_level is None or risk_level is None:
        return True
    return not is_above(risk_level, other.explained_level)


def silence(
    episode: Episode, silences: Iterable[SilenceChanged], now: datetime
) -> RuleOutcome | None:
    """Hold what a silence in force matches."""
    for found in silences:
        if found.starts_at <= now < found.ends_at and matches_all(found.matchers, episode.labels):
            return RuleOutcome.SILENCED
    return None


def cooldown(
    episode: Episode, rule: Rule, last: LastNotified | None, now: datetime
) -> RuleOutcome | None:
    """Hold a new episode soon after the last notification, unless it is more severe."""
    if last is None or episode.was_notified or episode.level > last.level:
        return None
    over_at = last.at + timedelta(seconds=rule.cooldown_seconds)
    return RuleOutcome.COOLDOWN if now < over_at else None
