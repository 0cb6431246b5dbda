"""What users want: rules in force, silences, channels, acknowledgements, services. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.alerting.channels import SIMULATED
from common.alerting.rules import Rule, read_rule
from common.events import (
    AlertAcknowledged,
    ChannelChanged,
    RuleChanged,
    RuleMessage,
    ServiceChanged,
    SilenceChanged,
)

UNDECLARED_TIER = 3


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a service belongs to and how much depends on it; `shown`: it is not retired."""

    tier: int = UNDECLARED_TIER
    team: str = ""
    shown: bool = True


class Intent:
    """The newest revision of everything.

    `revision` rises when rules or services have changed, so that any service may be concerned;
    what else there is concerns open episodes alone, which are looked at all the time.
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
        """Keep a change, unless a newer one of the same thing is known.

        Raises InvalidFieldError for a rule that cannot be used: the one before stays in force.
        """
        key = type(change), _identity(change)
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
                self._owners[change.name] = Owner(change.tier, change.owner, not change.retired)
                self._touch()
            case RuleChanged():
                self._change_rule(change)
                self._touch()

    def owner(self, service_name: str) -> Owner:
        """Return who a service belongs to; a service need not be declared."""
        return self._owners.get(service_name) or Owner()

    def rule(self, name: str) -> Rule | None:
        """Return a rule in force."""
        return self._rules.get(name)

    def rules_for(self, service_name: str) -> tuple[Rule, ...]:
        """Return the rules that watch a service, by name; none where it is retired."""
        found = self._applicable.get(service_name)
        if found is None:
            owner = self.owner(service_name)
            rules = [self._rules[name] for name in sorted(self._rules)] if owner.shown else []
            found = tuple(r for r in rules if r.applies_to(service_name, owner.tier))
            self._applicable[service_name] = found
        return found

    def channels_of(self, rule: Rule) -> tuple[str, ...]:
        """Return where to tell of a rule: its channels that are there, or the simulated one."""
        return tuple(name for name in rule.channels if self._is_usable(name)) or (SIMULATED,)

    def kind_of(self, channel: str) -> str:
        """Return the kind of a channel; one that is not known is as the simulated one."""
        known = self._channels.get(channel)
        return known.kind if known else SIMULATED

    def forget_ended(self, now: datetime) -> None:
        """Forget silences that are over: what they held is told because they are gone."""
        for number in [n for n, silence in self.silences.items() if silence.ends_at <= now]:
            del self.silences[number]

    def recent_acknowledgements(self, since: datetime) -> list[AlertAcknowledged]:
        """Return those that came in and were made after an instant; older ones are passed over."""
        self._recent = {
            key: wish for key, wish in self._recent.items() if wish.acknowledged_at > since
        }
        return list(self._recent.values())

    def forget_recent(self, wishes: Iterable[AlertAcknowledged]) -> None:
        """Take acknowledgements off the recent ones."""
        for wish in wishes:
            if self._recent.get(wish.episode_id) is wish:
                del self._recent[wish.episode_id]

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


def _identity(change: RuleMessage | ServiceChanged) -> object:
    match change:
        case SilenceChanged():
            return change.id
        case AlertAcknowledged():
            return change.episode_id
        case _:
            return change.name
