"""Operations on gate policies: each is one transaction, with its event and its audit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from api_gateway.http.json_body import with_floats
from api_gateway.http.problems import invalid, shown_name
from api_gateway.loosening.domain import Governed, policy_loosenings
from api_gateway.loosening.edit import Edit, Terms, merged, named_services
from api_gateway.loosening.guard import LooseningGuard
from api_gateway.loosening.promises import EVERY_TIER
from api_gateway.loosening.repository import LooseningWriter
from api_gateway.policy.domain import StoredPolicy, policy_changed, policy_key
from api_gateway.policy.repository import PolicyReader, PolicyStore, PolicyWriter
from common.events import PolicyChanged
from common.http.problems import FieldError, Problem
from common.policy.document import InvalidPolicyError, parse_policy
from common.policy.effective import PoliciesInForce
from common.policy.model import Policy
from common.storage.audit import AuditEvent
from common.storage.audit_changes import FieldChange, field_changes

LAST_REVISION = 2**63 - 1
"""Of a policy as it is about to be: newer than all that there are."""


@dataclass(frozen=True, slots=True)
class ShownPolicy:
    """A policy in force; `stored` is its row where it was set over the API."""

    policy: Policy
    stored: StoredPolicy | None

    @property
    def source(self) -> Literal["file", "api"]:
        """Where it comes from."""
        return "file" if self.stored is None else "api"


async def policies_in_force(reader: PolicyReader, files: Iterable[Policy]) -> PoliciesInForce:
    """Return which policy holds for which service, as the reader's transaction sees it."""
    in_force = PoliciesInForce(files)
    for stored in await reader.policies():
        in_force.apply(policy_changed(stored))
    return in_force


class PolicyService:
    """Policies of files and of the API, which stand in for files' of the same name."""

    def __init__(self, store: PolicyStore, files: Sequence[Policy], guard: LooseningGuard) -> None:
        self._store, self._files, self._guard = store, tuple(files), guard

    async def in_force(self) -> PoliciesInForce:
        """Return which policy holds for which service now."""
        async with self._store.read() as reader:
            return await self.in_force_for(reader)

    async def in_force_for(self, reader: PolicyReader) -> PoliciesInForce:
        """Return which policy holds for which service, as the reader's transaction sees it."""
        return await policies_in_force(reader, self._files)

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

    async def put(self, name: str, document: dict[str, Any], by: Terms, now: datetime) -> bool:
        """Store a policy; tell whether none had the name. 422 names every fault."""
        policy = _parsed(name, document)
        async with self._store.write() as writer:
            old = await self._document_for(writer, name)
            await self._admit(writer, name, policy, by)
            await writer.put_policy(name, policy.policy_hash, policy.document)
            details = {"hash": policy.policy_hash, "document": policy.document}
            changes = field_changes(old, policy.document)
            await writer.record(_audit_event("policy.changed", name, by, now, details, changes))
        return old is None

    async def retire(self, name: str, by: Terms, now: datetime) -> None:
        """Take a policy of the API out of use; a file's of the same name holds again. 404, 409."""
        shown = await self.one(name)
        if shown.stored is None:
            detail = f"`{name}` comes from a file; put another in its place, or remove the file"
            raise invalid("name", "policy_from_file", detail, 409)
        async with self._store.write() as writer:
            old = await self._document_for(writer, name)
            await self._admit(writer, name, None, by)
            await writer.retire_policy(name)
            details = {"hash": shown.stored.hash}
            changes = field_changes(old, await self._document_for(writer, name))
            await writer.record(_audit_event("policy.deleted", name, by, now, details, changes))

    async def _document_for(self, reader: PolicyReader, name: str) -> dict[str, Any] | None:
        """Return the document in force under a name, of the API or of a file."""
        found = (await self.in_force_for(reader)).policies()
        return next((policy.document for policy in found if policy.name == name), None)

    async def _admit(
        self, writer: PolicyWriter, name: str, policy: Policy | None, by: Terms
    ) -> None:
        """Compare the policies in force with what they will be, for each service there is."""
        old, new = await self.in_force_for(writer), await self.in_force_for(writer)
        known = next((found for found in old.policies() if found.name == name), None)
        document = {} if policy is None else policy.document
        new.apply(PolicyChanged(LAST_REVISION, name, "", document, retired=policy is None))
        tiers = await LooseningWriter(writer.unit).tiers(())
        found = policy_loosenings(old, new, tiers)
        after = next((found for found in new.policies() if found.name == name), None)
        edit = Edit(
            subject=policy_key(name),
            title=f"policy {name}",
            services=named_services(found, tiers),
            loosened=merged(found.values()),
            before=None if known is None else known.document,
            after=None if policy is None else policy.document,
            promise=None if after is None else Governed(after, EVERY_TIER),
        )
        await self._guard.admit(writer.unit, edit, by)


def _audit_event(  # noqa: PLR0913, PLR0917 - who did what to which
    action: str,
    name: str,
    by: Terms,
    now: datetime,
    details: dict[str, Any],
    changes: Sequence[FieldChange],
) -> AuditEvent:
    details = {"reason": by.reason, **details}
    return AuditEvent(now, action, policy_key(name), None, details, changes, by.on_behalf_of)


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
