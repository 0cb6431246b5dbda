"""Put an object as it was kept in the place of what it is: by the write that anybody would send."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from api_gateway.alerts.rules import RuleService
from api_gateway.alerts.service import AlertService
from api_gateway.catalog.edits import target_document
from api_gateway.catalog.schemas import NewTarget, ServiceUpdate, TargetUpdate
from api_gateway.catalog.service import Catalog
from api_gateway.http.problems import invalid
from api_gateway.loosening.edit import Document, Terms
from api_gateway.policy.policies import PolicyService
from common.alerting.rules import rule_document


class Rewriter:
    """Writes objects of every kind that can be loosened.

    What an object is `expected` to be stands beside what is `desired` (None: there is none), so
    that nobody's change in between is lost: 409.
    """

    def __init__(
        self, catalog: Catalog, policies: PolicyService, rules: RuleService, alerts: AlertService
    ) -> None:
        self._catalog, self._policies, self._rules, self._alerts = catalog, policies, rules, alerts

    async def put(
        self,
        subject: str,
        expected: Document | None,
        desired: Document | None,
        terms: Terms,
        now: datetime,
    ) -> None:
        """Make the object what is desired."""
        kind, _, name = subject.partition("/")
        if kind == "target":
            await self._target(int(name), expected, desired, terms)
        elif kind == "policy":
            await self._policy(name, expected, desired, terms, now)
        elif kind == "rule":
            await self._rule(name, expected, desired, terms, now)
        elif kind == "silence":
            await self._alerts.expire_silence(int(name), terms, now)
        elif desired is None:
            await self._catalog.retire_service(name, terms)
        else:
            await self._catalog.update_service(name, ServiceUpdate.model_validate(desired), terms)

    async def _target(
        self, target_id: int, expected: Document | None, desired: Document | None, terms: Terms
    ) -> None:
        if expected is None and desired is not None:
            body = NewTarget.model_validate(_with_decimals(desired))
            await self._catalog.create_target(desired["service_name"], body, terms)
            return
        _check(target_document(await self._catalog.target(target_id)), expected)
        if desired is None:
            await self._catalog.retire_target(target_id, terms)
        else:
            changes = TargetUpdate.model_validate(_with_decimals(desired))
            await self._catalog.update_target(target_id, changes, terms)

    async def _policy(
        self,
        name: str,
        expected: Document | None,
        desired: Document | None,
        terms: Terms,
        now: datetime,
    ) -> None:
        known = {shown.policy.name: shown.policy.document for shown in await self._policies.all()}
        if expected is not None:  # that of a file may hold where one of the API was deleted
            _check(known.get(name), expected)
        if desired is None:
            await self._policies.retire(name, terms, now)
        else:
            await self._policies.put(name, desired, terms, now)

    async def _rule(
        self,
        name: str,
        expected: Document | None,
        desired: Document | None,
        terms: Terms,
        now: datetime,
    ) -> None:
        own = (await self._rules.all()).get(name)
        _check(None if own is None else rule_document(own.rule), expected)
        if desired is None:
            await self._rules.remove(name, terms, now)
        elif own is None:
            await self._rules.add(desired, terms, now)
        else:
            await self._rules.change(name, desired, terms, now)


def _check(found: Document | None, expected: Document | None) -> None:
    if found != expected:
        detail = "was changed meanwhile by somebody else; set what you want"
        raise invalid("id", "changed_meanwhile", detail, 409)


def _with_decimals(document: Document) -> dict[str, Any]:
    """Return a target's document with the numbers that a request has; without what is None."""
    exact = ("objective", "max_error_ratio", "threshold_seconds")
    return {
        name: Decimal(str(value)) if name in exact else value
        for name, value in document.items()
        if value is not None
    }
