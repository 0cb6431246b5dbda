"""The gate's configuration in force: services, tiers, policies, overrides, loosenings. Pure."""

from collections.abc import Iterable
from datetime import datetime

from common.decisions.decision import is_shown
from common.events import LooseningChanged, OverrideChanged, PolicyChanged, ServiceChanged
from common.policy.effective import PoliciesInForce
from common.policy.model import Policy, Tier

DISCOVERED_TIER: Tier = 3
"""Of a service that reports before the catalog has its row."""


class GateConfiguration:
    """The newest revision of everything that users configure."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._book = PoliciesInForce(policies)
        self._services: dict[str, ServiceChanged] = {}
        self._overrides: dict[str, dict[int, OverrideChanged]] = {}
        self._loosenings: dict[int, LooseningChanged] = {}

    def on_service(self, change: ServiceChanged) -> bool:
        """Keep a service unless a newer revision is known; return whether it was kept."""
        known = self._services.get(change.name)
        if known is not None and change.revision <= known.revision:
            return False
        self._services[change.name] = change
        return True

    def on_policy(self, change: PolicyChanged) -> bool:
        """Keep a policy unless a newer revision is known; raise InvalidPolicyError."""
        return self._book.apply(change)

    def on_override(self, change: OverrideChanged) -> bool:
        """Keep an override unless a newer revision is known; return whether it was kept."""
        of_service = self._overrides.setdefault(change.service_name, {})
        known = of_service.get(change.id)
        if known is not None and change.revision <= known.revision:
            return False
        of_service[change.id] = change
        return True

    def on_loosening(self, change: LooseningChanged) -> bool:
        """Keep a loosening unless a newer revision is known; return whether it was kept."""
        known = self._loosenings.get(change.id)
        if known is not None and change.revision <= known.revision:
            return False
        self._loosenings[change.id] = change
        return True

    def is_retired(self, service_name: str) -> bool:
        """Whether a service is retired: no decision is made on it."""
        service = self._services.get(service_name)
        return service is not None and service.retired

    def declared(self) -> list[str]:
        """Return the services in use, whether or not they have ever reported."""
        return [name for name, service in self._services.items() if not service.retired]

    def tier(self, service_name: str) -> Tier:
        """Return the tier of a service."""
        service = self._services.get(service_name)
        return DISCOVERED_TIER if service is None else service.tier

    def policy_for(self, service_name: str) -> Policy:
        """Return the policy that holds for a service."""
        return self._book.policy_for(service_name, self.tier(service_name))

    def overrides(self, service_name: str) -> Iterable[OverrideChanged]:
        """Return all overrides of a service that are known, whatever their state."""
        return self._overrides.get(service_name, {}).values()

    def loosenings(self, service_name: str, now: datetime) -> tuple[LooseningChanged, ...]:
        """Return the loosenings that the decisions on a service name now."""
        over = [number for number, known in self._loosenings.items() if known.until <= now]
        for number in over:
            del self._loosenings[number]
        return tuple(k for k in self._loosenings.values() if is_shown(k, service_name, now))
