"""What a silence is about: the open alerts it matches, and services that may have such. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import to_builtins

from api_gateway.alerts.domain import Silence, key_of
from api_gateway.loosening.domain import Silenced, loosenings
from api_gateway.loosening.edit import Edit, named_services
from common.alerting.silences import Matcher, can_match, matches_all
from common.events import DEFAULT_TARGET_NAME


@dataclass(frozen=True, slots=True)
class WatchedService:
    """What of a service stands in the labels of its alerts; without `slos` it has the default."""

    name: str
    tier: int
    owner: str
    slos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SilenceScope:
    """How many open alerts a silence matches, and on how many services an alert may match it."""

    alerts: int
    services: int

    @property
    def warning(self) -> str | None:
        """What is odd about it."""
        nothing = not self.alerts and not self.services
        return "matches no alert and no service" if nothing else None


@dataclass(frozen=True, slots=True)
class Silenceable:
    """All that there is to be silenced: open alerts by their labels, services, names of rules."""

    open_alerts: Sequence[Mapping[str, str]]
    services: Sequence[WatchedService]
    rules: Collection[str]

    def scope(self, matchers: Sequence[Matcher]) -> SilenceScope:
        """Return what matchers are about."""
        return SilenceScope(
            sum(matches_all(matchers, labels) for labels in self.open_alerts),
            sum(can_match(matchers, values) for values in self._values(matchers)),
        )

    def matched(self, matchers: Sequence[Matcher]) -> list[str]:
        """Return the services on which an alert may match."""
        found = (v["service"] for v in self._values(matchers) if can_match(matchers, v))
        return [name for names in found for name in names]

    def _values(self, matchers: Sequence[Matcher]) -> Iterable[Mapping[str, Collection[str]]]:
        """Yield what the labels of alerts may be, for each service that can be meant."""
        names = {m.value for m in matchers if m.name == "service" and m.is_equal and not m.is_glob}
        for service in self.services:
            if not names or service.name in names:
                yield {
                    "service": (service.name,),
                    "tier": (str(service.tier),),
                    "team": (service.owner,),
                    "slo": (*(service.slos or (DEFAULT_TARGET_NAME,)), ""),
                    "alertname": self.rules,
                }


def silence_edit(silence: Silence, matched: Sequence[str]) -> Edit:
    """Return the edit that adds a silence: it needs no approval, and its comment is the reason."""
    about = " and ".join(map(shown_matcher, silence.matchers))
    promise = Silenced(silence.matchers, silence.starts_at, silence.ends_at)
    return Edit(
        subject=key_of(silence),
        title=f"alerts with {about}",
        services=named_services(matched, ()),
        loosened=loosenings(None, promise) if matched else (),
        before=None,
        after=to_builtins(promise),
        promise=promise,
        demanded="never",
        until=silence.ends_at,
    )


def silence_end(silence: Silence) -> Edit:
    """Return the edit that ends a silence."""
    return Edit(
        subject=key_of(silence), title="", services=(), loosened=(), before=None, after=None
    )


def shown_matcher(matcher: Matcher) -> str:
    """Return a matcher as Alertmanager writes it, with globs."""
    sign = ("=~" if matcher.is_glob else "=") if matcher.is_equal else "!="
    return f"{matcher.name}{sign}{matcher.value}"
