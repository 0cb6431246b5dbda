"""Keeps the overrides as the policies topic has them, for lists that are made from memory."""

from datetime import datetime

from common.events import OverrideChanged, PolicyMessage


class OverrideBook:
    """The newest revision of each override. The same records in any order end the same."""

    def __init__(self) -> None:
        self._by_service: dict[str, dict[int, OverrideChanged]] = {}

    def apply(self, change: PolicyMessage) -> None:
        """Keep an override if its revision is newer than the one at hand."""
        if isinstance(change, OverrideChanged):
            own = self._by_service.setdefault(change.service_name, {})
            known = own.get(change.id)
            if known is None or known.revision < change.revision:
                own[change.id] = change

    def in_force(self, service_name: str, now: datetime) -> dict[int, OverrideChanged]:
        """Return the overrides of a service that count now, by id."""
        own = self._by_service.get(service_name, {})
        return {number: found for number, found in own.items() if found.is_in_force(now)}
