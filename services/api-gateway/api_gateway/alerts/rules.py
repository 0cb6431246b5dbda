"""Operations on alert rules: each is one transaction, with its event and its audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api_gateway.alerts.domain import StoredRule
from api_gateway.alerts.repository import AlertReader, AlertStore, AlertWriter
from api_gateway.http.json_body import with_floats
from api_gateway.http.problems import existing, invalid, refusing, shown_name
from api_gateway.loosening.domain import loosenings
from api_gateway.loosening.edit import Edit, Terms, named_services
from api_gateway.loosening.guard import LooseningGuard
from api_gateway.loosening.repository import LooseningWriter
from common.alerting.default_rules import default_rules
from common.alerting.rules import Rule, read_rule, rule_document
from common.storage.audit import AuditEvent
from common.storage.audit_changes import FieldChange, field_changes

Source = Literal["default", "changed", "added"]
Shown = dict[str, "ShownRule"]


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule in force; `stored` is its row where it was set over the API."""

    rule: Rule
    stored: StoredRule | None

    @property
    def source(self) -> Source:
        """Where it comes from."""
        if self.stored is None:
            return "default"
        return "changed" if self.rule.name in default_rules() else "added"


class RuleService:
    """The default rules, and those of the API in their place or beside them."""

    def __init__(self, store: AlertStore, guard: LooseningGuard) -> None:
        self._store, self._guard = store, guard

    async def all(self) -> Shown:
        """Return the rules in force, by name."""
        async with self._store.read() as reader:
            return await _shown(reader)

    async def one(self, name: str) -> ShownRule:
        """Return a rule in force; 404."""
        return _existing(await self.all(), name)

    async def add(self, document: dict[str, Any], by: Terms, now: datetime) -> ShownRule:
        """Store a rule with a new name; 409 where there is one, 422 what cannot be."""
        rule = _read(document)
        async with self._store.write() as writer:
            shown = await _shown(writer)
            if rule.name in shown:
                detail = f"`{rule.name}` exists; change it by PATCH /api/rules/{rule.name}"
                raise invalid("rule.name", "duplicate_rule", detail, 409)
            await self._check(writer, shown, rule, "rule.")
            await self._admit(writer, None, rule, by)
            await writer.put_rule(rule.name, rule_document(rule))
            document = rule_document(rule)
            changes = field_changes(None, document)
            event = _audit_event("rule.added", rule.name, by, now, document, changes)
            await writer.record(event)
            return (await _shown(writer))[rule.name]

    async def change(
        self, name: str, changes: dict[str, Any], by: Terms, now: datetime
    ) -> ShownRule:
        """Store a rule with some fields changed; 404, 422."""
        async with self._store.write() as writer:
            shown = await _shown(writer)
            old = _existing(shown, name).rule
            if changes.get("name", name) != name:
                detail = f"must be `{name}` as in the path, or be left out"
                raise invalid("changes.name", "differs_from_path", detail)
            rule = _read({**rule_document(old), **changes}, "changes.")
            await self._check(writer, shown, rule, "changes.")
            await self._admit(writer, old, rule, by)
            await writer.put_rule(name, rule_document(rule))
            details, changed = with_floats(changes, "rule"), _changes(old, rule)
            await writer.record(_audit_event("rule.changed", name, by, now, details, changed))
            return (await _shown(writer))[name]

    async def remove(self, name: str, by: Terms, now: datetime) -> None:
        """Delete a rule of the API; the default of its name holds again. 404, 409."""
        async with self._store.write() as writer:
            old = _existing(await _shown(writer), name)
            if old.stored is None:
                detail = f"`{name}` is a default rule; disable it instead: `enabled` false"
                raise invalid("name", "default_rule", detail, 409)
            await self._admit(writer, old.rule, default_rules().get(name), by)
            await writer.retire_rule(name)
            changes = _changes(old.rule, default_rules().get(name))
            await writer.record(_audit_event("rule.deleted", name, by, now, {}, changes))

    async def _admit(
        self, writer: AlertWriter, old: Rule | None, new: Rule | None, by: Terms
    ) -> None:
        """Compare a rule with what it will be, on the services that it watches."""
        either = [rule for rule in (old, new) if rule is not None]
        tiers = await LooseningWriter(writer.unit).tiers(())
        watched = [
            name
            for name, tier in tiers.items()
            if any(rule.applies_to(name, tier) for rule in either)
        ]
        name = either[0].name
        edit = Edit(
            subject=f"rule/{name}",
            title=f"alert rule {name}",
            services=named_services(watched, tiers),
            loosened=loosenings(old, new) if watched else (),
            before=None if old is None else rule_document(old),
            after=None if new is None else rule_document(new),
            promise=new,
        )
        await self._guard.admit(writer.unit, edit, by)

    @staticmethod
    async def _check(reader: AlertReader, shown: Shown, rule: Rule, prefix: str) -> None:
        """Refuse channels that are not there, and rules that would inhibit each other."""
        known = {channel.name for channel in await reader.channels()}
        for number, channel in enumerate(rule.channels):
            if channel not in known:
                detail = f"there is no channel `{channel}`; there are {', '.join(sorted(known))}"
                raise invalid(f"{prefix}channels[{number}]", "unknown_channel", detail)
        rules = {**{name: s.rule for name, s in shown.items()}, rule.name: rule}
        if _inhibits(rules, rule.name, rule.name, set()):
            detail = f"`{rule.name}` would keep itself quiet, by way of the rules it inhibits"
            raise invalid(f"{prefix}inhibits", "circle", detail)


def _changes(old: Rule, new: Rule | None) -> list[FieldChange]:
    return field_changes(rule_document(old), None if new is None else rule_document(new))


def _audit_event(  # noqa: PLR0913, PLR0917 - who did what to which
    action: str,
    rule: str,
    by: Terms,
    now: datetime,
    details: dict[str, Any],
    changes: Sequence[FieldChange],
) -> AuditEvent:
    details = {"reason": by.reason, **details}
    return AuditEvent(now, action, f"rule/{rule}", None, details, changes, by.on_behalf_of)


async def rules_in_force(reader: AlertReader) -> dict[str, Rule]:
    """Return the rules in force, by name, as the reader's transaction sees them."""
    return {name: shown.rule for name, shown in (await _shown(reader)).items()}


async def _shown(reader: AlertReader) -> Shown:
    found = {name: ShownRule(rule, None) for name, rule in default_rules().items()}
    for stored in await reader.rules():
        found[stored.name] = ShownRule(read_rule(stored.document), stored)
    return dict(sorted(found.items()))


def _existing(shown: Shown, name: str) -> ShownRule:
    detail = f"There is no rule `{shown_name(name)}`; GET /api/rules lists those there are."
    return existing(shown.get(name), "unknown_rule", detail)


def _inhibits(rules: dict[str, Rule], name: str, target: str, seen: set[str]) -> bool:
    """Return whether a rule inhibits another, also by way of others."""
    if name in seen or name not in rules:
        return False
    seen.add(name)
    inhibited = rules[name].inhibits
    return target in inhibited or any(_inhibits(rules, n, target, seen) for n in inhibited)


def _read(document: dict[str, Any], prefix: str = "rule.") -> Rule:
    with refusing(prefix):
        return read_rule(with_floats(document, "rule"))
