"""Parse policy documents strictly: each fault names its field and the fix. Pure.

Fields that a document omits come from the documented default (`default_policy.yaml`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from pydantic import ValidationError

from common.invalid_field import InvalidFieldError
from common.patterns import in_words
from common.policy.model import (
    CHANGE_CLASSES,
    DEFAULT_POLICY_NAME,
    LEVELS,
    SEVERITY_ORDER,
    Level,
    Policy,
)

_RISK: Final[dict[Level, dict[str, str]]] = {
    "SAFE": dict.fromkeys(CHANGE_CLASSES, "ALLOW"),
    "OBSERVE": dict.fromkeys(CHANGE_CLASSES, "ALLOW"),
    "DANGER": dict.fromkeys(CHANGE_CLASSES, "WARN"),
    # a freeze stops deployments; a rollback ends one
    "FREEZE": {"feature": "BLOCK", "fix": "BLOCK", "security": "BLOCK", "rollback": "WARN"},
}
_BUDGET: Final = {"feature": "BLOCK", "fix": "ALLOW", "security": "ALLOW", "rollback": "WARN"}
_ON_UNKNOWN: Final = {"1": "BLOCK", "2": "WARN", "3": "WARN"}


class InvalidPolicyError(ValueError):
    """A document that is no policy; `faults` has at least one entry."""

    def __init__(self, faults: Sequence[InvalidFieldError]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


def parse_policy(document: Any) -> Policy:
    """Parse a policy document (data from JSON or YAML).

    Raises InvalidPolicyError with every fault found.
    """
    text = _as_json(document)
    if text is None:
        fault = InvalidFieldError(
            "body", "not_an_object", "must be an object with the policy's fields"
        )
        raise InvalidPolicyError([fault])
    try:
        policy = Policy.model_validate_json(text)
    except ValidationError as error:
        raise InvalidPolicyError([_fault(e) for e in error.errors()]) from None
    if faults := [*_misplaced(policy), *_milder_when_more_severe(policy)]:
        raise InvalidPolicyError(faults)
    return policy


def _as_json(document: Any) -> str | None:
    """Return the document as JSON, with what it leaves out; None where it is no object."""
    try:
        # keys become text, as `1` of YAML has to
        plain = json.loads(json.dumps(document, default=str))
    except (TypeError, ValueError, RecursionError):
        return None
    return json.dumps(_filled_in(plain)) if isinstance(plain, dict) else None


def _filled_in(document: dict[str, Any]) -> dict[str, Any]:
    return {
        **document,
        "risk": _every_level(document.get("risk", {})),
        "budget_exhausted": _over(_BUDGET, document.get("budget_exhausted", {})),
        "on_unknown": _over(_ON_UNKNOWN, document.get("on_unknown", {})),
        "conditions": _conditions(document.get("conditions", {})),
    }


def _conditions(given: Any) -> Any:
    if not isinstance(given, dict) or given.get("budget_evidence") is not None:
        return given
    return {**given, "budget_evidence": {}}


def _every_level(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    levels = {level: _for_every_class(given.get(level, {}), _RISK[level]) for level in LEVELS}
    default = _no_milder(_RISK["FREEZE"], levels["DANGER"])
    freeze = _for_every_class(given.get("FREEZE", {}), default)
    return {**given, **levels, "FREEZE": freeze}


def _no_milder(default: Mapping[str, str], lesser: Any) -> dict[str, str]:
    """Raise a default to what the document says of the level below it."""
    stated = {**default, **lesser} if isinstance(lesser, dict) else default
    order: dict[str, int] = {**SEVERITY_ORDER}
    return {
        change: max(decision, stated[change], key=lambda d: order.get(str(d), -1))
        for change, decision in default.items()
    }


def _over(default: Mapping[str, str], given: Any) -> Any:
    return {**default, **given} if isinstance(given, dict) else given


def _for_every_class(given: Any, default: Mapping[str, str]) -> Any:
    """Write one decision out for every class; classes that are not named keep the default."""
    return dict.fromkeys(CHANGE_CLASSES, given) if isinstance(given, str) else _over(default, given)


def _fault(error: Any) -> InvalidFieldError:
    field = _path(error["loc"])
    code, detail = str(error["type"]), str(error["msg"])
    if code == "extra_forbidden":
        detail = "is not a field of a policy; leave it out or mend its spelling"
    elif code == "missing":
        detail = "is required"
    elif code == "string_pattern_mismatch":
        detail = in_words(error["ctx"]["pattern"])
    elif "msg" in error:
        detail = detail[:1].lower() + detail[1:]
    return InvalidFieldError(field, code, detail)


def _path(location: Sequence[int | str]) -> str:
    parts = (f"[{p}]" if isinstance(p, int) else f".{p}" for p in location if p != "[key]")
    return "".join(parts).removeprefix(".") or "body"


def _misplaced(policy: Policy) -> Iterator[InvalidFieldError]:
    """Only the default policy holds for all services; any other says for which."""
    scope = policy.applies_to
    if policy.name == DEFAULT_POLICY_NAME and (scope.services or scope.tiers):
        yield InvalidFieldError(
            "applies_to",
            "default_applies_to_all",
            "the policy `default` holds for every service without one of its own; leave it out",
        )
    if policy.name != DEFAULT_POLICY_NAME and not (scope.services or scope.tiers):
        yield InvalidFieldError(
            "applies_to",
            "applies_to_nothing",
            "name at least one service or tier, such as {services: [checkout]} or {tiers: [1]}",
        )
    for field, values in (("services", scope.services), ("tiers", scope.tiers)):
        if len(set(values)) < len(values):
            yield InvalidFieldError(f"applies_to.{field}", "repeated", "names something twice")


def _milder_when_more_severe(policy: Policy) -> Iterator[InvalidFieldError]:
    """More errors must never let a change through that fewer have blocked."""
    for milder, severer in pairwise(LEVELS):
        for change in CHANGE_CLASSES:
            first = policy.risk[milder][change]
            second = policy.risk[severer][change]
            if SEVERITY_ORDER[second] < SEVERITY_ORDER[first]:
                yield InvalidFieldError(
                    f"risk.{severer}.{change}",
                    "milder_when_graver",
                    f"{second} is milder than {first} at {milder}; "
                    f"give {first} or a graver decision, or make {milder} milder",
                )
