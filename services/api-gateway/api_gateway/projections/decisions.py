"""Keeps the newest decision of the gate on each service, and waits for one to come."""

import asyncio
from datetime import datetime

from common.events import GateDecision
from common.slo.ordering import is_newer, version


class DecisionBook:
    """What the decisions topic says. The same records in any order end the same."""

    def __init__(self) -> None:
        self._newest: dict[str, GateDecision] = {}
        self._awaited: dict[int, asyncio.Event] = {}

    def apply(self, decision: GateDecision) -> None:
        """Keep a decision if it is newer than the one at hand."""
        if not is_newer(decision, self._newest.get(decision.service_name)):
            return
        self._newest[decision.service_name] = decision
        for verdict in decision.verdicts:
            if awaited := self._awaited.get(verdict.override_id or 0):
                awaited.set()

    def newest(self, service_name: str) -> GateDecision | None:
        """Return the newest decision, which may have expired."""
        return self._newest.get(service_name)

    def blocks(self, service_name: str) -> bool:
        """Return whether the gate itself blocks some class of change of a service."""
        decision = self._newest.get(service_name)
        return decision is not None and any(
            verdict.decision == "BLOCK" and verdict.override_id is None
            for verdict in decision.verdicts
        )

    def version(self, service_name: str) -> tuple[int, datetime] | None:
        """Return what grows with each newer decision on the service."""
        newest = self._newest.get(service_name)
        return None if newest is None else version(newest)

    async def names_override(
        self, service_name: str, override_id: int, timeout_seconds: float
    ) -> bool:
        """Wait until a decision names the override; False where none does in time."""
        if self._named(service_name, override_id):
            return True
        awaited = self._awaited.setdefault(override_id, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_seconds):
                await awaited.wait()
        except TimeoutError:
            # another that waited for the same one may have been first to leave
            return self._named(service_name, override_id)
        finally:
            self._awaited.pop(override_id, None)
        return True

    def _named(self, service_name: str, override_id: int) -> bool:
        decision = self._newest.get(service_name)
        return decision is not None and any(
            verdict.override_id == override_id for verdict in decision.verdicts
        )
