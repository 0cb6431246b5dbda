"""Operations on gate policies: each is one transaction, with its event and its audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api_gateway.http.json_body import with_floats
from api_gateway.http.problems import invalid, shown_name
from api_gateway.http.types import Statement
from api_gateway.policy.domain import StoredPolicy, policy_changed, policy_key
from api_gateway.policy.repository import PolicyReader, PolicyStore
from common.http.problems import FieldError, Problem
from common.policy.document import InvalidPolicyError, parse_policy
from common.policy.effective import PoliciesInForce
from common.policy.model import Policy
from common.storage.audit import AuditEvent
from common.storage.audit_changes import FieldChange, field_changes


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """A policy in force; `stored` is its row where it was set over the API."""

    policy: Policy
    stored: StoredPolicy | None

    @property
    def source(self) -> Literal["file", "api"]:
        """Where it comes from."""
        return "file" if self.stored is None else "api"


class PolicyService:
    """Policies of files and of the API, which stand in for files' of the same name."""

    def __init__(self, store: PolicyStore, files: Sequence[Policy]) -> None:
        self._store, self._files = store, tuple(files)

    async def in_force(self) -> PoliciesInForce:
        """Return which policy holds for which service now."""
        async with self._store.read() as reader:
            return await self.in_force_for(reader)

    async def in_force_for(self, reader: PolicyReader) -> PoliciesInForce:
        """Return which policy holds for which service, as the reader's transaction sees it."""
        in_force = PoliciesInForce(self._files)
        for stored in await reader.policies():
            in_force.apply(policy_changed(stored))
        return in_force

    async def all(self) -> list[ShownPolicy]:
        """Return the policies in force, by name."""
        async with self._store.read() as reader:
            stored = {policy.name: policy for policy in await reader.policies()}
            in_force = await self.in_force_for(reader)
        return [ShownPolicy(policy, stored.get(policy.name)) for policy in in_force.policies()]

    async def one(self, name: str) -> ShownPolicy:
        """Return a policy in force; 404."""
        for shown in await self.all():
            if shown.policy.name == name:
                return shown
        raise unknown_policy(name)

    async def put(self, name: str, document: dict[str, Any], by: Statement, now: datetime) -> bool:
        """Store a policy; tell whether none had the name. 422 names every fault."""
        policy = _parsed(name, document)
        async with self._store.write() as writer:
            old = await self._document_for(writer, name)
            await writer.put_policy(name, policy.policy_hash, policy.document)
            details = {"hash": policy.policy_hash, "document": policy.document}
            changes = field_changes(old, policy.document)
            await writer.record(_audit_event("policy.changed", name, by, now, details, changes))
        return old is None

    async def retire(self, name: str, by: Statement, now: datetime) -> None:
        """Take a policy of the API out of use; a file's of the same name holds again. 404, 409."""
        shown = await self.one(name)
        if shown.stored is None:
            detail = f"`{name}` comes from a file; put another in its place, or remove the file"
            raise invalid("name", "policy_from_file", detail, 409)
        async with self._store.write() as writer:
            old = await self._document_for(writer, name)
            await writer.retire_policy(name)
            details = {"hash": shown.stored.hash}
            changes = field_changes(old, await self._document_for(writer, name))
            await writer.record(_audit_event("policy.deleted", name, by, now, details, changes))

    async def _document_for(self, reader: PolicyReader, name: str) -> dict[str, Any] | None:
        """Return the document in force under a name, of the API or of a file."""
        found = (await self.in_force_for(reader)).policies()
        return next((policy.document for policy in found if policy.name == name), None)


def _audit_event(  # noqa: PLR0913, PLR0917 - who did what to which
    action: str,
    name: str,
    by: Statement,
    now: datetime,
    details: dict[str, Any],
    changes: Sequence[FieldChange],
) -> AuditEvent:
    details = {"reason": by.reason, **details}
    return AuditEvent(now, action, policy_key(name), None, details, changes, by.actor)


def unknown_policy(name: str) -> Problem:
    """Return the problem of a policy that is not in force."""
    detail = f"There is no policy `{shown_name(name)}`; GET /api/policies lists those there are."
    return Problem(404, "unknown_policy", detail)


def _parsed(name: str, document: dict[str, Any]) -> Policy:
    if document.get("name", name) != name:
        detail = f"must be `{name}` as in the path, or be left out"
        raise invalid("document.name", "differs_from_path", detail)
    try:
        return parse_policy({**with_floats(document, "document"), "name": name})
    except InvalidPolicyError as error:
        errors = [
            FieldError(field=f"document.{fault.field}", code=fault.code, detail=fault.detail)
            for fault in error.faults
        ]
        detail = f"{errors[0].field}: {errors[0].detail}"
        raise Problem(422, "invalid_request", detail, errors=errors) from None
