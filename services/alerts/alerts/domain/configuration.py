"""The alert configuration in force: rules, silences, channels, acknowledgements, services. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from common.alerting.channels import CHANNEL_KINDS, SIMULATED, ChannelKind
from common.alerting.rules import Rule, read_rule
from common.events import (
    AlertAcknowledged,
    ChannelChanged,
    RuleChanged,
    RuleMessage,
    ServiceChanged,
    SilenceChanged,
)

UNDECLARED_TIER: Final = 3
_KEYS: Final = {SilenceChanged: "id", AlertAcknowledged: "episode_id"}
"""The field that identifies what an event changes; `name` where it is none of these."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Team and tier of a service. A retired service has no alerts."""

    tier: int = UNDECLARED_TIER
    team: str = ""
    retired: bool = False


class AlertConfiguration:
    """The newest revision of everything that users configure.

    `revision` rises with rules and services, which may concern any service. Everything else
    concerns open episodes only, and those are evaluated all the time.
    """

    def __init__(self, defaults: Mapping[str, Rule]) -> None:
        self.revision = 0
        self.silences: dict[int, SilenceChanged] = {}
        self.acknowledgements: dict[int, AlertAcknowledged] = {}
        self._defaults = dict(defaults)
        self._rules = dict(defaults)
        self._channels: dict[str, ChannelChanged] = {}
        self._owners: dict[str, Owner] = {}
        self._newest: dict[tuple[type, object], int] = {}
        self._recent: dict[int, AlertAcknowledged] = {}
        self._applicable: dict[str, tuple[Rule, ...]] = {}

    def apply(self, change: RuleMessage | ServiceChanged) -> None:
        """Keep a change, unless a newer one of the same object is known.

        Raises InvalidFieldError for a rule that cannot be used: the one before stays in force.
        """
        key = type(change), getattr(change, _KEYS.get(type(change), "name"))
        if change.revision <= self._newest.get(key, 0):
            return
        self._newest[key] = change.revision
        match change:
            case SilenceChanged():
                self.silences[change.id] = change
            case ChannelChanged():
                self._channels[change.name] = change
            case AlertAcknowledged():
                self.acknowledgements[change.episode_id] = change
                self._recent[change.episode_id] = change
            case ServiceChanged():
                self._owners[change.name] = Owner(change.tier, change.owner, change.retired)
                self._touch()
            case RuleChanged():
                self._change_rule(change)
                self._touch()

    def owner(self, service_name: str) -> Owner:
        """Return the owner of a service, which need not be declared."""
        return self._owners.get(service_name) or Owner()

    def rules_for(self, service_name: str) -> tuple[Rule, ...]:
        """Return the rules that watch a service, by name; none where it is retired."""
        found = self._applicable.get(service_name)
        if found is None:
            owner = self.owner(service_name)
            rules = [] if owner.retired else [self._rules[name] for name in sorted(self._rules)]
            found = tuple(r for r in rules if r.applies_to(service_name, owner.tier))
            self._applicable[service_name] = found
        return found

    def channels_for(self, rule: Rule) -> tuple[str, ...]:
        """Return the channels of a rule that can be used, or else the simulated one."""
        return tuple(name for name in rule.channels if self._is_usable(name)) or (SIMULATED,)

    def kind_of(self, channel: str) -> ChannelKind | None:
        """Return the kind of a channel; the simulated one for an unknown channel."""
        known = self._channels.get(channel)
        return CHANNEL_KINDS.get(known.kind if known else SIMULATED)

    def forget_ended(self, now: datetime) -> None:
        """Forget silences that have ended; what they held back is then notified."""
        for number in [n for n, silence in self.silences.items() if silence.ends_at <= now]:
            del self.silences[number]

    def recent_acknowledgements(self, since: datetime) -> list[AlertAcknowledged]:
        """Return those received and made after an instant; older ones are skipped."""
        self._recent = {k: made for k, made in self._recent.items() if made.acknowledged_at > since}
        return list(self._recent.values())

    def forget_recent(self, acknowledgements: Iterable[AlertAcknowledged]) -> None:
        """Remove acknowledgements from the recent ones."""
        for made in acknowledgements:
            if self._recent.get(made.episode_id) is made:
                del self._recent[made.episode_id]

    def _change_rule(self, change: RuleChanged) -> None:
        if not change.retired:
            self._rules[change.name] = read_rule(change.document)
        elif change.name in self._defaults:
            self._rules[change.name] = self._defaults[change.name]
        else:
            self._rules.pop(change.name, None)

    def _touch(self) -> None:
        self._applicable.clear()
        self.revision += 1

    def _is_usable(self, channel: str) -> bool:
        known = self._channels.get(channel)
        if known is None:
            return channel == SIMULATED
        return known.enabled and not known.retired
