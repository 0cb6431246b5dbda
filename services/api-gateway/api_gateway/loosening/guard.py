"""Let a write pass that makes a promise milder: with a reason, and so that everybody sees it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from api_gateway.http.problems import invalid
from api_gateway.http.types import MIN_REASON_LENGTH
from api_gateway.loosening.domain import Loosened, loosenings
from api_gateway.loosening.edit import ApprovalNeededError, Edit, PreviewAskedError, Terms
from api_gateway.loosening.promises import read_promise
from api_gateway.loosening.repository import Loosening, LooseningWriter, loosening_key
from api_gateway.storage.unit_of_work import UnitOfWork
from common.access.principal import current_actor, current_credential
from common.config.clock import Clock, system_clock
from common.http.problems import Problem
from common.policy.model import Tier
from common.storage.audit import AuditEvent
from common.storage.audit_changes import FieldChange

SHOWN_FOR: Final = timedelta(hours=24)
_NAMED_FIELDS: Final = 5


class Policies(Protocol):
    """The policies in force: they stand above what they are asked of here."""

    async def needs_approval(self, unit: UnitOfWork, edit: Edit) -> bool:
        """Return whether a policy demands a second person."""

    async def retiered(self, unit: UnitOfWork, name: str, old: Tier, new: Tier) -> Loosened:
        """Return what another tier loosens."""


class LooseningGuard:
    """Asks each write for what it loosens; used inside the transaction of the write.

    `blocks` says whether the gate blocks a service now.
    """

    def __init__(
        self,
        policies: Policies,
        blocks: Callable[[str], bool] = lambda _: False,
        clock: Clock = system_clock,
    ) -> None:
        self._policies, self._blocks, self._clock = policies, blocks, clock

    async def admit(self, unit: UnitOfWork, edit: Edit, terms: Terms) -> None:
        """Record what a write loosens, and end those that it makes void.

        422 without the reason that it needs; raises NotMadeError for what is not to be written.
        """
        if terms.dry_run:
            raise PreviewAskedError(edit, terms)
        writer, now = LooseningWriter(unit), self._clock()
        await _end_restored(writer, edit, terms, now)
        if not edit.loosened:
            return
        if terms.reason is None and edit.demanded == "always":
            raise _reason_missing(edit)
        if terms.approval_of is None and await self.demands_approval(unit, edit):
            raise ApprovalNeededError(edit, terms)
        await record(writer, edit, terms, "standing", now)

    def blocks(self, service_name: str) -> bool:
        """Return whether the gate blocks a service now."""
        return self._blocks(service_name)

    async def retiered(self, unit: UnitOfWork, name: str, old: Tier, new: Tier) -> Loosened:
        """Return what another tier means for a service: its policy, the rules that watch it."""
        return () if old == new else await self._policies.retiered(unit, name, old, new)

    def demands_reason(self, edit: Edit) -> bool:
        """Return whether a person is asked for a reason.

        No request of before is refused for want of one where something new is declared, or a
        service is moved or deleted: that there was none is said wherever the loosening stands.
        """
        blocked = edit.demanded == "while_blocked" and any(map(self._blocks, edit.services))
        return bool(edit.loosened) and (blocked or edit.demanded == "always")

    async def demands_approval(self, unit: UnitOfWork, edit: Edit) -> bool:
        """Return whether an edit waits for another credential, where one has to say why."""
        return self.demands_reason(edit) and await self._policies.needs_approval(unit, edit)


async def record(
    writer: LooseningWriter, edit: Edit, terms: Terms, state: str, now: datetime
) -> Loosening:
    """Store a loosening as it is now, with its audit; an approved one goes on as it was asked."""
    until = min(now + SHOWN_FOR, edit.until or now + SHOWN_FOR)
    columns = {"subject": edit.subject, "loosened_at": now, "until": until, "state": state}
    if terms.approval_of is not None:
        stored = await writer.change(terms.approval_of, **columns, **_approval(terms))
    else:
        stored = await writer.add(
            **columns,
            title=edit.title,
            services=edit.services,
            loosened=edit.loosened,
            before=edit.before,
            after=edit.after,
            actor=current_actor(),
            credential=current_credential(),
            on_behalf_of=terms.on_behalf_of,
            reason=terms.reason or "",
        )
    action = "loosening.requested" if state == "pending" else "loosening.recorded"
    was = None if terms.approval_of is None else "pending"
    await writer.record(audit_event(action, stored, was, terms, now))
    return stored


def _approval(terms: Terms) -> dict[str, str | None]:
    return {"approver": terms.approver, "approved_on_behalf_of": terms.on_behalf_of}


def audit_event(
    action: str, loosening: Loosening, was: str | None, by: Terms, now: datetime
) -> AuditEvent:
    """Return the entry of the audit about a loosening, whose state has changed."""
    details = {
        "subject": loosening.subject,
        "loosened": [[part.field, part.before, part.after] for part in loosening.loosened],
        "services": [*loosening.services],
        "reason": by.reason or "",
        "until": loosening.until.isoformat(),
    }
    service = loosening.services[0] if len(loosening.services) == 1 else None
    changes = [FieldChange("state", was, loosening.state)]
    subject = loosening_key(loosening.id)
    return AuditEvent(now, action, subject, service, details, changes, by.on_behalf_of)


async def end(
    writer: LooseningWriter, loosening_id: int, action: str, by: Terms, now: datetime
) -> Loosening:
    """End a loosening, with its audit: `loosening.ended`, `.undone` or `.withdrawn`."""
    pending = action == "loosening.withdrawn"
    ended = await writer.change(
        loosening_id,
        state="withdrawn" if pending else "ended",
        ended_by=current_actor(),
        ended_at=now,
        ended_on_behalf_of=by.on_behalf_of,
        end_reason=by.reason,
    )
    was = "pending" if pending else "standing"
    await writer.record(audit_event(action, ended, was, by, now))
    return ended


async def _end_restored(writer: LooseningWriter, edit: Edit, terms: Terms, now: datetime) -> None:
    """End what is undone, and what is promised again as it was before."""
    if terms.undo_of is not None:
        await end(writer, terms.undo_of, "loosening.undone", terms, now)
    for known in await writer.standing_on(edit.subject, now):
        if _is_restored(known, edit):
            by = replace(terms, reason="what was promised before holds again")
            await end(writer, known.id, "loosening.ended", by, now)


def _is_restored(known: Loosening, edit: Edit) -> bool:
    if known.before is None or edit.after is None:
        return known.before is None and edit.after is None
    before = read_promise(known.subject, known.before)
    if before is None or edit.promise is None:
        return known.before == edit.after
    return not loosenings(before, edit.promise)


def _reason_missing(edit: Edit) -> Problem:
    parts = [
        f"{part.field} from {part.before or 'none'} to {part.after or 'none'}"
        for part in edit.loosened[:_NAMED_FIELDS]
    ]
    detail = (
        f"is required, of at least {MIN_REASON_LENGTH} characters, since {edit.title} is loosened: "
        f"{', '.join(parts)}"
    )
    return invalid("reason", "loosening_needs_reason", detail)
