"""Model gate policies: the decision by risk and class of change, and without data. Pure.

`document.py` parses them, and fills in the default.
"""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.events import ChangeClass, OnUnknown
from common.slo.vocabulary import LONGEST_WINDOW_DAYS, SERVICE_NAME_PATTERN

DEFAULT_POLICY_NAME: Final = "default"
CHANGE_CLASSES: Final[tuple[ChangeClass, ...]] = get_args(ChangeClass)
MAX_OVERRIDE_HOURS: Final = 24
SEVERITY_ORDER: Final = {"ALLOW": 0, "WARN": 1, "UNKNOWN": 2, "BLOCK": 3}
"""Of several decisions the one with the greatest number holds."""

_MAX_SERVICES = 1_000
_MAX_DESCRIPTION = 1_000
_MAX_EVENTS = 1_000_000_000

KnownDecision = OnUnknown
Level = Literal["SAFE", "OBSERVE", "DANGER", "FREEZE"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
Tier = Literal[1, 2, 3]
TierKey = Literal["1", "2", "3"]
ByClass = dict[ChangeClass, KnownDecision]
Name = Annotated[str, StringConstraints(pattern=SERVICE_NAME_PATTERN)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True
    )


class AppliesTo(_Part):
    """Services by name, and tiers; both empty in the default policy only."""

    services: tuple[Name, ...] = Field((), max_length=_MAX_SERVICES)
    tiers: tuple[Tier, ...] = ()


class BudgetEvidence(_Part):
    """What suffices: so many bad events in the SLO window, or so many hours of it with reports."""

    min_bad_events: int = Field(10, ge=0, le=_MAX_EVENTS)
    min_reported_hours: int = Field(24, ge=0, le=LONGEST_WINDOW_DAYS * 24)


class Conditions(_Part):
    """What a block must rest on; where it does not, the policy only warns.

    `burn_pair`: a pair of windows of the SRE workbook burns above its threshold too.
    `min_bad_events`: at least so many bad events, in 24 h for a level, in the SLO window for a
    spent budget. `budget_evidence`: of a spent budget; documents have it always, and only what was
    stored before there was such a condition has None.
    """

    burn_pair: bool = False
    min_bad_events: int = Field(0, ge=0, le=_MAX_EVENTS)
    budget_evidence: BudgetEvidence | None = None


class Hysteresis(_Part):
    """A block is left only once all of these hold; None and 0 delay nothing.

    `burn_rate_below`: of the composite of every objective. `budget_remaining_above`: of the
    error budget of every objective, a ratio. `min_block_minutes`: since the block began.
    """

    burn_rate_below: float | None = Field(None, gt=0, le=2)
    budget_remaining_above: float | None = Field(None, ge=0, lt=1)
    min_block_minutes: float = Field(0, ge=0, le=1_440)


class ForecastRule(_Part):
    """Warn where the budget is forecast (P50) to be spent within so many hours; None: never."""

    warn_within_hours: float | None = Field(None, gt=0, le=2_160)


class OverrideRule(_Part):
    """What an override needs: a second approver in some tiers, and an end after so many hours."""

    second_approver_tiers: tuple[Tier, ...] = ()
    max_hours: float = Field(MAX_OVERRIDE_HOURS, gt=0, le=MAX_OVERRIDE_HOURS)


class Policy(_Part):
    """A policy with every field filled in."""

    name: Name
    description: str = Field("", max_length=_MAX_DESCRIPTION)
    applies_to: AppliesTo = AppliesTo()
    risk: dict[Level, ByClass]
    budget_exhausted: ByClass
    on_unknown: dict[TierKey, KnownDecision]
    no_traffic: Literal["UNKNOWN", "MEASURED"] = "UNKNOWN"
    conditions: Conditions = Conditions()
    hysteresis: Hysteresis = Hysteresis()
    forecast: ForecastRule = ForecastRule()
    overrides: OverrideRule = OverrideRule()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The policy as data, with every field that it was stored with."""
        found = self.model_dump(mode="json")
        if self.conditions.budget_evidence is None:
            del found["conditions"]["budget_evidence"]
        return found

    @cached_property
    def policy_hash(self) -> str:
        """SHA-256 of the document as JSON with sorted keys and without spaces, in hex."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def unknown_as(self, tier: Tier) -> KnownDecision:
        """Return what UNKNOWN means for a service of that tier."""
        key: dict[Tier, TierKey] = {1: "1", 2: "2", 3: "3"}
        return self.on_unknown[key[tier]]

    def needs_approver(self, tier: Tier) -> bool:
        """Return whether an override for a service of that tier waits for a second person."""
        return tier in self.overrides.second_approver_tiers
