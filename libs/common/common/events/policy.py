"""What users set for the gate: overrides and policies, and what they have made milder."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from common.events.decision import ChangeClass
from common.events.fields import Instant, ServiceName

OverrideState = Literal["pending", "active", "revoked", "replaced"]
LooseningState = Literal["pending", "standing", "ended", "withdrawn"]


class OverrideChanged(Struct, frozen=True, tag_field="type", tag="override_changed"):
    """An override as it stands. It counts while active, before `expires_at`, with uses left.

    `pending` waits for the second approver. The greater `revision` holds. `actor` and `approver`
    are kind and name of a credential (`key/ana`), what was typed stands beside each.
    """

    revision: int
    id: int
    service_name: ServiceName
    decision: Literal["ALLOW", "WARN", "BLOCK"]
    actor: str
    reason: str
    ticket: str | None
    version: str | None
    change_class: Annotated[ChangeClass | None, Meta(description="None: every class")]
    created_at: Instant
    expires_at: Instant
    max_uses: int | None
    uses: int
    approver: str | None
    state: OverrideState
    on_behalf_of: str | None = None
    approved_on_behalf_of: str | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Whether it counts: active, not ended, with uses left."""
        has_uses = self.max_uses is None or self.uses < self.max_uses
        return self.state == "active" and now < self.expires_at and has_uses


class PolicyChanged(Struct, frozen=True, tag_field="type", tag="policy_changed"):
    """A gate policy as its owner wants it; `document` is its whole text as data."""

    revision: int
    name: str
    hash: str
    document: dict[str, Any]
    retired: bool


class LoosenedField(Struct, frozen=True):
    """What of a promise was loosened: a field as it was, and as it is since; "" where it is not."""

    field: str
    before: str
    after: str


class LooseningChanged(Struct, frozen=True, tag_field="type", tag="loosening_changed"):
    """A change that made a promise milder, for as long as the gate shows it.

    It is shown from `loosened_at` until `until`, unless it was ended before. Without names in
    `services` it is about every service. The greater `revision` holds.
    """

    revision: int
    id: int
    subject: Annotated[str, Meta(description="What was changed, as `target/12` or `policy/tier-1`")]
    title: Annotated[str, Meta(description="The same in words")]
    services: tuple[ServiceName, ...]
    loosened: tuple[LoosenedField, ...]
    actor: str
    on_behalf_of: str | None
    reason: str
    loosened_at: Instant
    until: Instant
    state: LooseningState
