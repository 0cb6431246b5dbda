"""Whether somebody is told of an open episode: one small function a stage, each with a name. Pure.

The order is: deduplicate, inhibit, silence, cooldown. Each lets the episode pass (None) or says
why nobody is told; all of them are asked again at each evaluation, so that holding back never
loses what is still so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.domain.episodes import Episode
from alerts.domain.notification import Transition
from common.alerting.rules import SEVERITY_ORDER, Rule
from common.alerting.silences import matches_all
from common.events import SilenceChanged


class Outcome(StrEnum):
    """What has become of a rule on a service at an evaluation."""

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


HOLDS = frozenset({Outcome.INHIBITED, Outcome.SILENCED, Outcome.COOLDOWN})


@dataclass(frozen=True, slots=True)
class Told:
    """When somebody was last told that a rule fires on a service, and of which level."""

    at: datetime
    level: int


def owed(episode: Episode) -> Transition | None:
    """Return what the channels have not been told yet of an episode; None where they have."""
    if not episode.was_told:
        return "firing"
    if not episode.notified_level:
        return "reminded"
    return "escalated" if episode.level > episode.notified_level else None


def deduplicate(episode: Episode) -> Outcome | None:
    """Hold what has been told, and what somebody has taken on."""
    if episode.state == "acknowledged":
        return Outcome.ACKNOWLEDGED
    return None if owed(episode) else Outcome.DUPLICATE


def inhibit(
    episode: Episode, others: Iterable[Episode], rules: Mapping[str, Rule]
) -> Outcome | None:
    """Hold what a rule that is as grave or more severe says already of the same service."""
    for other in others:
        rule = rules.get(other.rule)
        if (
            rule is not None
            and episode.rule in rule.inhibits
            and SEVERITY_ORDER[other.severity] >= SEVERITY_ORDER[episode.severity]
        ):
            return Outcome.INHIBITED
    return None


def silence(episode: Episode, silences: Iterable[SilenceChanged], now: datetime) -> Outcome | None:
    """Hold what somebody has asked not to be told of at this time."""
    for found in silences:
        if found.starts_at <= now < found.ends_at and matches_all(found.matchers, episode.labels):
            return Outcome.SILENCED
    return None


def cooldown(episode: Episode, rule: Rule, told: Told | None, now: datetime) -> Outcome | None:
    """Hold a new episode soon after the last one was told of, unless it is more severe."""
    if told is None or owed(episode) != "firing" or episode.level > told.level:
        return None
    over_at = told.at + timedelta(seconds=rule.cooldown_seconds)
    return Outcome.COOLDOWN if now < over_at else None
