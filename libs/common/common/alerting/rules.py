"""Model alert rules, and validate their documents. Pure.

The burn-rate pairs and their severities follow Google's SRE workbook, chapter 5.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from common.invalid_field import InvalidFieldError
from common.patterns import NAME, in_words, whole
from common.slo.freshness import UNTRUSTED
from common.slo.vocabulary import DataStatus, RiskLevel
from common.slo.windows import BURN_PAIRS

Severity = Literal["page", "ticket", "info"]
AlertState = Literal["firing", "acknowledged", "resolved"]
HeldBy = Literal["inhibited", "silenced", "cooldown"]
EvidenceWindow = Literal["long", "slo"]
RuleKind = Literal[
    "risk_level",
    "burn_rate",
    "budget_left",
    "exhaustion",
    "data_stale",
    "constant_burn",
    "good_over_total",
]
SEVERITY_ORDER: Final = {"info": 1, "ticket": 2, "page": 3}
RISK_ORDER: Final = tuple(RiskLevel)
MAX_LEVELS: Final = 6
MAX_SELECTED: Final = 200
RULE_NAME_PATTERN = NAME
GLOB_PATTERN = r"^[a-z0-9*?._-]{1,63}$"
LONG_WINDOWS_SECONDS: Final = tuple(long for long, _ in BURN_PAIRS)

Duration = Annotated[int, Meta(ge=0, le=7 * 86_400)]
Name = Annotated[str, Meta(pattern=whole(RULE_NAME_PATTERN))]
Names = Annotated[tuple[Name, ...], Meta(max_length=MAX_SELECTED)]
Globs = Annotated[
    tuple[Annotated[str, Meta(pattern=whole(GLOB_PATTERN))], ...], Meta(max_length=MAX_SELECTED)
]
Tiers = Annotated[tuple[Literal[1, 2, 3], ...], Meta(max_length=3)]


class Level(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A threshold and its severity. Exactly the field of the rule's kind is given.

    `at_most_ratio` is the error budget left, `at_least_burn_rate` a multiple of 1.
    """

    severity: Severity
    at_least_level: RiskLevel | None = None
    long_windows_seconds: tuple[int, ...] | None = None
    at_most_ratio: Annotated[float, Meta(ge=-100, lt=1)] | None = None
    within_hours: Annotated[float, Meta(gt=0, le=2160)] | None = None
    statuses: tuple[DataStatus, ...] | None = None
    at_least_burn_rate: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    at_least_events: Annotated[int, Meta(ge=1)] | None = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A condition on services and what to do about it; levels go from the mildest on.

    It applies to services by name (globs) and tier; an empty list means all. It fires once the
    condition has held for `for_seconds`, and resolves once the measure has been on the good side
    of the threshold, by the factor `resolve_ratio`, for `resolve_for_seconds`. Burn rates count
    only with at least `min_bad_events` behind them: in the long window of their pair, or in the SLO
    window where `evidence_window` says so. While an episode of this rule is open, nobody
    is notified of those of the rules that it `inhibits` on the same objective, unless they are more
    severe or its risk level has risen since. An open episode is notified again once its burn rate
    is `renotify_ratio` times that of the last notification; never for None.
    """

    name: Name
    kind: RuleKind
    levels: Annotated[tuple[Level, ...], Meta(min_length=1, max_length=MAX_LEVELS)]
    description: Annotated[str, Meta(max_length=500)] = ""
    enabled: bool = True
    for_seconds: Duration = 0
    resolve_for_seconds: Duration = 120
    resolve_ratio: Annotated[float, Meta(gt=0, le=1)] = 0.9
    cooldown_seconds: Duration = 900
    renotify_ratio: Annotated[float, Meta(gt=1, le=1000)] | None = 2.0
    min_bad_events: Annotated[int, Meta(ge=0)] = 1
    evidence_window: EvidenceWindow = "long"
    channels: Names = ("simulated",)
    services: Globs = ()
    except_services: Globs = ()
    tiers: Tiers = ()
    except_tiers: Tiers = ()
    inhibits: Names = ()
    runbook_url: Annotated[str, Meta(max_length=512, pattern=r"^(https?://[^\s]+)?\Z")] = ""

    def applies_to(self, service_name: str, tier: int) -> bool:
        """Return whether the rule applies to a service."""
        if not self.enabled or tier in self.except_tiers or (self.tiers and tier not in self.tiers):
            return False
        if any(fnmatchcase(service_name, glob) for glob in self.except_services):
            return False
        return not self.services or any(fnmatchcase(service_name, g) for g in self.services)


_FIELDS: Final[dict[RuleKind, str]] = {
    "risk_level": "at_least_level",
    "burn_rate": "long_windows_seconds",
    "budget_left": "at_most_ratio",
    "exhaustion": "within_hours",
    "data_stale": "statuses",
    "constant_burn": "at_least_burn_rate",
    "good_over_total": "at_least_events",
}
_STRICTNESS: Final[dict[RuleKind, Callable[[Any], float]]] = {
    "risk_level": RISK_ORDER.index,
    "burn_rate": lambda windows: -max(windows),
    "budget_left": lambda ratio: -ratio,
    "exhaustion": lambda hours: -hours,
    "data_stale": lambda statuses: -len(statuses),
    "constant_burn": float,
    "good_over_total": float,
}
_REGEX = re.compile(r"matching regex '(?P<pattern>.*)'", re.DOTALL)
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?\Z", re.DOTALL)


def read_rule(document: object) -> Rule:
    """Parse the document (JSON or YAML as data) of a rule.

    Raises InvalidFieldError, which names the field and the fix.
    """
    try:
        rule = msgspec.convert(document, Rule, strict=True)
    except msgspec.ValidationError as error:
        raise _invalid_shape(str(error)) from None
    for number, level in enumerate(rule.levels):
        _check_level(rule, number, level)
    _check_order(rule)
    return rule


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return the rule as JSON data with every field."""
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(fields))
    return shown


def threshold_covers(kind: RuleKind, level: Level, other: Level) -> bool:
    """Return whether a level is reached wherever another one of the same kind of rule is."""
    own, known = getattr(level, _FIELDS[kind]), getattr(other, _FIELDS[kind])
    if isinstance(own, tuple):
        return {*known} <= {*own}
    return _STRICTNESS[kind](own) <= _STRICTNESS[kind](known)


def more_severe(one: Severity, other: Severity) -> Severity:
    """Return the more severe of two severities."""
    return one if SEVERITY_ORDER[one] >= SEVERITY_ORDER[other] else other


def _invalid_shape(message: str) -> InvalidFieldError:
    found = _PLACE.match(message)
    what, path = (found["what"], found["path"]) if found else (message, None)
    if pattern := _REGEX.search(what):
        what = in_words(pattern["pattern"].replace(r"\\", "\\"))
    return InvalidFieldError(path or "rule", "invalid_rule", what[:300])


def _check_level(rule: Rule, number: int, level: Level) -> None:
    expected, where = _FIELDS[rule.kind], f"levels[{number}]"
    for name in _FIELDS.values():
        given = getattr(level, name) is not None
        if given and name != expected:
            detail = f"does not belong to a {rule.kind} rule, whose levels have `{expected}`"
            raise InvalidFieldError(f"{where}.{name}", "unknown_field", detail)
    if getattr(level, expected) is None:
        detail = f"is required in each level of a {rule.kind} rule"
        raise InvalidFieldError(f"{where}.{expected}", "missing", detail)
    if rule.kind == "burn_rate":
        _check_choice(level.long_windows_seconds or (), LONG_WINDOWS_SECONDS, f"{where}.{expected}")
    elif rule.kind == "data_stale":
        _check_choice(level.statuses or (), UNTRUSTED, f"{where}.{expected}")
    elif level.at_least_level is RiskLevel.SAFE:
        detail = "SAFE is always reached; name OBSERVE, DANGER or FREEZE"
        raise InvalidFieldError(f"{where}.{expected}", "always_met", detail)


def _check_choice(given: Sequence[object], known: Sequence[object], field: str) -> None:
    if not given or any(value not in known for value in given):
        detail = f"must name at least one of {', '.join(map(str, known))}"
        raise InvalidFieldError(field, "unknown_value", detail)


def _check_order(rule: Rule) -> None:
    field = _FIELDS[rule.kind]
    strictness = [_STRICTNESS[rule.kind](getattr(level, field)) for level in rule.levels]
    severity = [SEVERITY_ORDER[level.severity] for level in rule.levels]
    for number in range(1, len(rule.levels)):
        if strictness[number] <= strictness[number - 1]:
            detail = "must be harder to reach than the level before; put the mildest first"
            raise InvalidFieldError(f"levels[{number}].{field}", "wrong_order", detail)
        if severity[number] < severity[number - 1]:
            detail = "must be at least as severe as the level before"
            raise InvalidFieldError(f"levels[{number}].severity", "wrong_order", detail)
