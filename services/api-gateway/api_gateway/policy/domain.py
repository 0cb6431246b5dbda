"""Overrides and policies as stored, and the events that the gate reads. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from common.events import ChangeClass, OnUnknown, OverrideChanged, OverrideState, PolicyChanged

Phase = Literal["pending", "active", "expired", "used_up", "revoked", "replaced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideSpec:
    """What an override says, and for how long: the one list of its fields.

    `max_uses` None: any number; `version` and `change_class` None: any.
    """

    service_name: str
    decision: OnUnknown
    actor: str
    on_behalf_of: str | None = None
    reason: str
    ticket: str | None
    version: str | None
    change_class: ChangeClass | None
    created_at: datetime
    expires_at: datetime
    max_uses: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOverride(OverrideSpec):
    """An override that is requested."""

    state: Literal["pending", "active"]
    idempotency_key: str | None = None
    credential: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override(OverrideSpec):
    """A stored override. `state` is what was done to it; `phase_of` what it is by now."""

    id: int
    uses: int
    last_used_at: datetime | None
    approver: str | None
    approved_on_behalf_of: str | None
    state: OverrideState
    ended_by: str | None
    ended_on_behalf_of: str | None
    ended_at: datetime | None
    end_reason: str | None
    idempotency_key: str | None
    credential: str
    """That asked for it, by its id; empty for one from before it was kept."""
    revision: int


class StoredPolicy(PolicyChanged, frozen=True, kw_only=True, tag=False):
    """A policy set over the API; `document` has every field."""

    created_at: datetime
    updated_at: datetime


def phase_of(override: Override, now: datetime) -> Phase:
    """Return what the override is at `now`: its end needs nobody to write it down."""
    if override.state in {"revoked", "replaced"}:
        return override.state
    if override.expires_at <= now:
        return "expired"
    if override.max_uses is not None and override.uses >= override.max_uses:
        return "used_up"
    return override.state


def counts_until(override: Override) -> datetime:
    """Return when an override ends or has ended: at its time, by a person, or by its last use."""
    ends = [override.expires_at, override.ended_at]
    if override.max_uses is not None and override.uses >= override.max_uses:
        ends.append(override.last_used_at)
    return min(end for end in ends if end is not None)


def same_request(override: Override, new: NewOverride) -> bool:
    """Return whether a request that is sent again asks for what the first one did."""
    return _request(override) == _request(new)


def same_scope(one: Override, other: Override) -> bool:
    """Return whether both speak of the same changes, so that the later takes the other's place."""
    return _scope(one) == _scope(other)


def override_key(override_id: int) -> str:
    """Return the policies topic's key of an override."""
    return f"override/{override_id}"


def policy_key(name: str) -> str:
    """Return the policies topic's key of a policy."""
    return f"policy/{name}"


def override_changed(override: Override) -> OverrideChanged:
    """Return the event of the override's present revision."""
    return msgspec.convert(override, OverrideChanged, from_attributes=True)


def policy_changed(policy: StoredPolicy) -> PolicyChanged:
    """Return the event of the policy's present revision."""
    return msgspec.convert(policy, PolicyChanged, from_attributes=True)


def _request(override: Override | NewOverride) -> tuple[object, ...]:
    return (
        override.decision,
        override.actor,
        override.on_behalf_of,
        override.reason,
        override.ticket,
        *_scope(override),
        override.max_uses,
        override.expires_at - override.created_at,
    )


def _scope(override: Override | NewOverride) -> tuple[str, str | None, str | None]:
    return override.service_name, override.version, override.change_class
