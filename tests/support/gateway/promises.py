"""A service with random promises and counts, and edits of what is promised: for properties."""

import random
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from api_gateway.loosening.domain import Governed, ServicePromises
from common.events import PolicyChanged, SloStatus, TargetSpec
from common.policy.document import parse_policy
from common.policy.effective import PoliciesInForce
from common.policy.model import CHANGE_CLASSES, LEVELS, SEVERITY_ORDER, Policy, Tier
from common.slo.vocabulary import WINDOW_DAYS, DataStatus, SliType
from tests.support.gate_inputs import PAIR_WINDOWS, SERVICE, objective

DAY = 86_400
BOUNDS = (0.1, 0.5, 1.0)
SPANS = (*PAIR_WINDOWS, *(days * DAY for days in WINDOW_DAYS))
DEFAULT = TargetSpec.default(Decimal("0.999"), 30)
KNOWN = ("ALLOW", "WARN", "BLOCK")
POLICIES = ("default", "own", "tiered")
OBJECTIVES = [Decimal(text) for text in ("0.6", "0.7", "0.9", "0.99", "0.9999")]


@dataclass(frozen=True)
class Window:
    """Of a window: requests, failures, and how many were slower than each bound."""

    total: int
    failed: int
    slower: tuple[int, ...]


@dataclass(frozen=True)
class PromisedService:
    """A service: what is promised of it, and what was counted."""

    counted: dict[int, Window]
    status: DataStatus
    reported_seconds: int
    targets: dict[int, TargetSpec]
    tier: Tier
    policies: dict[str, Policy]

    @cached_property
    def in_force(self) -> PoliciesInForce:
        """Which policy holds for whom."""
        found = PoliciesInForce([parse_policy({"name": "default"})])
        for number, (name, policy) in enumerate(self.policies.items(), 1):
            found.apply(PolicyChanged(number, name, "", policy.document, retired=False))
        return found

    @cached_property
    def policy(self) -> Policy:
        """The policy that holds for the service."""
        return self.in_force.policy_for(SERVICE, self.tier)

    @property
    def promises(self) -> ServicePromises:
        """What the gateway compares."""
        return ServicePromises(self.targets, DEFAULT, Governed(self.policy, (self.tier,)))

    def slos(self) -> list[SloStatus]:
        """Return the figures of the objectives on what was counted."""
        return [self._slo(spec) for spec in self.targets.values() or (DEFAULT,)]

    def _slo(self, spec: TargetSpec) -> SloStatus:
        bad = {seconds: self._bad(spec, seconds) for seconds in SPANS}
        return objective(
            spec.name,
            short=bad[300],
            hour=bad[3600],
            day=bad[DAY],
            slo=bad[spec.window_days * DAY],
            pairs=bad,
            min_bad_events=spec.min_bad_events,
            status=self.status,
            ratio=spec.objective,
            reported_seconds=min(self.reported_seconds, spec.window_days * DAY),
            window_days=spec.window_days,
        )

    def _bad(self, spec: TargetSpec, seconds: int) -> tuple[int, int]:
        window = self.counted[seconds]
        if spec.sli_type is not SliType.LATENCY:
            return window.failed, window.total
        return window.slower[BOUNDS.index(spec.threshold_seconds or 0)], window.total


def counts(rng: random.Random) -> dict[int, Window]:
    """Return what was counted: each window holds the shorter ones."""
    found, total, failed, slower = {}, 0, 0, (0, 0, 0)
    outages = rng.sample(SPANS, rng.randrange(4))
    for seconds in sorted(set(SPANS)):
        came = rng.choice((0, 50, 10_000, 10_000))
        share = rng.choice((0.001, 0.02, 0.3, 1.0)) if seconds in outages else 0.0
        slow = sorted((int(came * rng.uniform(0, share)) for _ in BOUNDS), reverse=True)
        total, failed = total + came, failed + int(came * share)
        slower = (slower[0] + slow[0], slower[1] + slow[1], slower[2] + slow[2])
        found[seconds] = Window(total, failed, slower)
    return found


def spec_of(rng: random.Random, name: str) -> TargetSpec:
    """Return a target."""
    kind, ratio = rng.choice([*SliType]), rng.choice(OBJECTIVES)
    return TargetSpec(
        name,
        kind,
        ratio,
        rng.choice(WINDOW_DAYS),
        rng.choice(BOUNDS) if kind is SliType.LATENCY else None,
        1 - ratio if kind is SliType.ERROR_RATE else None,
        rng.choice((0, 1, 40)),
    )


def part_of_policy(rng: random.Random, part: str) -> Any:
    """Return one part of a policy's document."""
    rising = [sorted(rng.choices(KNOWN, k=4), key=SEVERITY_ORDER.__getitem__) for _ in range(4)]
    evidence = {
        "min_bad_events": rng.choice((0, 10, 5000)),
        "min_reported_hours": rng.choice((0, 24, 400)),
    }
    parts: dict[str, Any] = {
        "description": rng.choice(("", "what was agreed")),
        "risk": {
            level: {change: rising[i][place] for i, change in enumerate(CHANGE_CLASSES)}
            for place, level in enumerate(LEVELS)
        },
        "budget_exhausted": {change: rng.choice(KNOWN) for change in CHANGE_CLASSES},
        "on_unknown": {tier: rng.choice(KNOWN) for tier in "123"},
        "no_traffic": rng.choice(("UNKNOWN", "MEASURED")),
        "conditions": {
            "burn_pair": rng.random() < 0.5,
            "min_bad_events": rng.choice((0, 1, 100)),
            "budget_evidence": evidence,
        },
        "hysteresis": {
            "burn_rate_below": rng.choice((None, 0.5, 1.5)),
            "budget_remaining_above": rng.choice((None, 0.0, 0.5)),
            "min_block_minutes": rng.choice((0, 5, 90)),
        },
        "overrides": {"second_approver_tiers": rng.sample((1, 2, 3), rng.randrange(3))},
    }
    return parts[part]


PARTS = (
    "description",
    "risk",
    "budget_exhausted",
    "on_unknown",
    "no_traffic",
    "conditions",
    "hysteresis",
    "overrides",
)


def policy_of(rng: random.Random, name: str) -> Policy:
    """Return a policy that differs from the default in some parts."""
    scope: Any = {"services": [SERVICE]} if name == "own" else {"tiers": [rng.choice((1, 2, 3))]}
    own = {} if name == "default" else {"applies_to": scope}
    parts = rng.sample(PARTS, rng.randrange(5))
    return parse_policy({"name": name, **own, **{p: part_of_policy(rng, p) for p in parts}})


def promised_service(rng: random.Random) -> PromisedService:
    """Return a service with its counts, targets and policies."""
    names = rng.sample("abc", rng.choice((0, 1, 1, 1, 2, 3)))
    policies = rng.sample(POLICIES, rng.randrange(3))
    return PromisedService(
        counts(rng),
        rng.choice((DataStatus.OK, DataStatus.OK, DataStatus.OK, *DataStatus)),
        rng.choice((3600, 30 * DAY)),
        {number: spec_of(rng, name) for number, name in enumerate(names, 1)},
        rng.choice((1, 2, 3)),
        {name: policy_of(rng, name) for name in policies},
    )


def with_edited_targets(rng: random.Random, service: PromisedService) -> PromisedService:
    """Return the service after a target was created, changed or deleted."""
    targets, number = dict(service.targets), rng.randrange(1, 2 + max(1, len(service.targets)))
    asked = spec_of(rng, f"slo-{number}")
    if number not in targets:
        return replace(service, targets={**targets, number: asked})
    if rng.random() < 0.2:
        del targets[number]
        return replace(service, targets=targets)
    old, fields = targets[number], dict[str, Any]()
    for name in rng.sample(("objective", "window_days", "min_bad_events"), rng.randrange(3)):
        fields[name] = getattr(asked, name)
    if old.sli_type is SliType.LATENCY and rng.random() < 0.5:
        fields["threshold_seconds"] = rng.choice(BOUNDS)
    spec = asked if rng.random() < 0.2 else msgspec.structs.replace(old, **fields)
    return replace(service, targets={**targets, number: spec})


def with_edited_policies(rng: random.Random, service: PromisedService) -> PromisedService:
    """Return the service after a policy was set, changed in a part, or deleted."""
    policies, name = dict(service.policies), rng.choice(POLICIES)
    if name in policies and rng.random() < 0.25:
        del policies[name]
    elif name in policies:
        part = rng.choice(PARTS)
        policies[name] = parse_policy({**policies[name].document, part: part_of_policy(rng, part)})
    else:
        policies[name] = policy_of(rng, name)
    return replace(service, policies=policies)
