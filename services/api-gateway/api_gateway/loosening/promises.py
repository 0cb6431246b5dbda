"""Stored objects as promises: what a loosening has kept is compared with the present. Pure."""

from typing import Any, Final

import msgspec

from api_gateway.loosening.domain import Governed, Promise
from common.alerting.rules import read_rule
from common.events import TargetSpec
from common.policy.document import parse_policy
from common.policy.model import Tier

EVERY_TIER: Final[tuple[Tier, ...]] = (1, 2, 3)


def read_promise(subject: str, document: dict[str, Any]) -> Promise | None:
    """Return the promise of an object that was kept as data; None where its kind makes none."""
    match subject.partition("/")[0]:
        case "target":
            return spec_of(document)
        case "policy":
            return Governed(parse_policy(document), EVERY_TIER)
        case "rule":
            return read_rule(document)
        case _:
            return None


def spec_of(document: dict[str, Any]) -> TargetSpec:
    """Return a target's spec that was kept as data."""
    names = TargetSpec.__struct_fields__
    own = {name: value for name, value in document.items() if name in names}
    return msgspec.convert(own, TargetSpec)
