"""Loosenings over HTTP: what an edit would do, and what was done."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Depends, Query
from pydantic import Field

from api_gateway.http.operations import LOCATION
from api_gateway.http.types import BY, Answer, Instant
from api_gateway.loosening.repository import Loosening
from common.events import ChangeClass, Decision, LooseningState
from common.http.problems import responses


async def _dry_run(
    dry_run: Annotated[  # noqa: FBT002 - a flag of the query
        bool, Query(description="Change nothing: answer 200 with what the change would do")
    ] = False,
) -> bool:
    return dry_run


DryRun = Annotated[bool, Depends(_dry_run)]


class LoosenedFieldAnswer(Answer):
    """A field that is milder; empty where there is none."""

    field: str = Field(examples=["objective"])
    before: str = Field(examples=["99.9%"])
    after: str = Field(examples=["99%"])


class GateEffect(Answer):
    """What the gate would decide otherwise, for one class of change."""

    service_name: str
    change_class: ChangeClass
    before: Decision
    after: Decision
    allowed_before: bool
    allowed_after: bool


class LooseningPreview(Answer):
    """What a change would do, by the figures of this moment; nothing was changed."""

    loosens: bool
    needs_reason: bool
    needs_approval: bool
    title: str
    services: list[str] = Field(description="That it is about; none: every service")
    loosened: list[LoosenedFieldAnswer]
    gate: list[GateEffect]
    alerts_ending: list[str] = Field(description="Open alerts that would end, as `rule of service`")
    alerts_silenced: int = Field(description="Open alerts that would notify nobody")
    text: str = Field(examples=["BLOCK would become ALLOW for features; 2 alerts would end"])


class LooseningAnswer(Answer):
    """A change that made a promise milder."""

    id: int
    subject: str = Field(examples=["target/12", "policy/default", "rule/burn-rate-page"])
    title: str
    services: list[str] = Field(description="That it is about; none: every service")
    loosened: list[LoosenedFieldAnswer]
    actor: str = Field(description=BY, examples=["key/ana"])
    on_behalf_of: str | None
    reason: str
    loosened_at: Instant
    until: Instant = Field(description="So long the gate names it among its reasons")
    approver: str | None = Field(description=BY)
    approved_on_behalf_of: str | None
    state: LooseningState
    is_shown: bool = Field(description="Whether the gate names it now")
    can_be_undone: bool = Field(description="POST .../undo puts back what was promised before")
    ended_by: str | None = Field(description=BY)
    ended_on_behalf_of: str | None
    ended_at: Instant | None
    end_reason: str | None

    @classmethod
    def of(cls, stored: Loosening, now: datetime) -> Self:
        """Return the answer for a loosening at `now`."""
        shown = stored.state == "standing" and now < stored.until
        fields = {name: getattr(stored, name, None) for name in cls.model_fields}
        undone = shown and is_undoable(stored)
        return cls.model_validate({**fields, "is_shown": shown, "can_be_undone": undone})


def is_undoable(stored: Loosening) -> bool:
    """Whether the object can be put back as it was; a service that was deleted is declared anew."""
    kind = stored.subject.partition("/")[0]
    return kind != "services" and (kind != "service" or stored.after is not None)


PREVIEWED: dict[int | str, dict[str, Any]] = {
    200: {"model": LooseningPreview, "description": "What it would do (`dry_run`)"}
}
MAY_WAIT: dict[int | str, dict[str, Any]] = {
    202: {
        "model": LooseningAnswer,
        "description": "Stored; it is done once another credential has approved it",
        **LOCATION,
    },
    **responses(409),
}
