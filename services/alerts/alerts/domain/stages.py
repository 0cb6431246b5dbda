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
from common.alerting.rules import SEVERITY_ORDER, Rule
from common.alerting.silences import matches_all
from common.events import SilenceChanged


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


@dataclass(frozen=True, slots=True)
class LastNotified:
    """When it was last notified that a rule fires on a service, and at which level."""

    at: datetime
    level: int


def pending(episode: Episode) -> NotificationReason | None:
    """Return the reason to notify the channels of an episode; None where they are up to date."""
    if not episode.was_notified:
        return "firing"
    if not episode.notified_level:
        return "reminded"
    return "escalated" if episode.level > episode.notified_level else None


def deduplicate(episode: Episode) -> RuleOutcome | None:
    """Hold what has been notified, and what somebody has acknowledged."""
    if episode.state == "acknowledged":
        return RuleOutcome.ACKNOWLEDGED
    return None if pending(episode) else RuleOutcome.DUPLICATE


def inhibit(
    episode: Episode, others: Iterable[Episode], rules: Mapping[str, Rule]
) -> RuleOutcome | None:
    """Hold what a rule at least as severe says already about the same service."""
    for other in others:
        rule = rules.get(other.rule)
        if (
            rule is not None
            and episode.rule in rule.inhibits
            and SEVERITY_ORDER[other.severity] >= SEVERITY_ORDER[episode.severity]
        ):
            return RuleOutcome.INHIBITED
    return None


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
    if last is None or pending(episode) != "firing" or episode.level > last.level:
        return None
    over_at = last.at + timedelta(seconds=rule.cooldown_seconds)
    return RuleOutcome.COOLDOWN if now < over_at else None
