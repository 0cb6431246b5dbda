"""Which policy holds: service over tier over default, ties by name, the newest change of each."""

from typing import Any

import pytest

from common.events import PolicyChanged
from common.policy.document import InvalidPolicyError, parse_policy
from common.policy.effective import PoliciesInForce
from common.policy.files import read_policies
from common.policy.model import Policy, Tier


def policy(name: str, *, services: tuple[str, ...] = (), tiers: tuple[Tier, ...] = ()) -> Policy:
    applies_to = {"services": list(services), "tiers": list(tiers)}
    return parse_policy({"name": name, "applies_to": applies_to})


def change(revision: int, document: dict[str, Any], *, retired: bool = False) -> PolicyChanged:
    return PolicyChanged(revision, document["name"], "", document, retired)


def book(*policies: Policy) -> PoliciesInForce:
    return PoliciesInForce([*read_policies([]), *policies])


def named(policies: PoliciesInForce, service_name: str, tier: Tier) -> str:
    return policies.policy_for(service_name, tier).name


def test_a_service_goes_before_its_tier_and_a_tier_before_the_default() -> None:
    held = book(policy("a-tier", tiers=(1,)), policy("z-service", services=("checkout",)))
    assert named(held, "checkout", 1) == "z-service"
    assert named(held, "checkout", 3) == "z-service"
    assert named(held, "cart", 1) == "a-tier"
    assert named(held, "cart", 2) == "default"


@pytest.mark.parametrize("order", [1, -1])
def test_ties_are_broken_by_name_whatever_came_first(order: int) -> None:
    both = [
        policy("second", services=("checkout",), tiers=(1,)),
        policy("first", services=("checkout",), tiers=(1,)),
    ][::order]
    held = book(*both)
    assert named(held, "checkout", 2) == "first"
    assert named(held, "cart", 1) == "first"


def test_the_api_stands_in_for_a_file_until_its_policy_is_retired() -> None:
    held = book(policy("mine", tiers=(1,)))
    document = {"name": "mine", "applies_to": {"tiers": [2]}}
    assert held.apply(change(1, document))
    assert (named(held, "cart", 1), named(held, "cart", 2)) == ("default", "mine")
    assert held.apply(change(2, document, retired=True))
    assert (named(held, "cart", 1), named(held, "cart", 2)) == ("mine", "default")


def test_the_default_can_be_changed_and_comes_back() -> None:
    held = book()
    stricter = {"name": "default", "risk": {"DANGER": "BLOCK"}}
    assert held.apply(change(7, stricter))
    assert held.policy_for("cart", 3).risk["DANGER"]["fix"] == "BLOCK"
    assert held.apply(change(8, stricter, retired=True))
    assert held.policy_for("cart", 3).risk["DANGER"]["fix"] == "WARN"


def test_the_greater_revision_holds_whatever_the_order() -> None:
    held = book()
    newer = {"name": "x", "applies_to": {"tiers": [1]}}
    assert held.apply(change(5, newer))
    assert not held.apply(change(4, newer, retired=True))
    assert not held.apply(change(5, newer, retired=True))
    assert named(held, "cart", 1) == "x"


def test_an_unreadable_change_leaves_the_former_policy() -> None:
    held = book()
    good = {"name": "x", "applies_to": {"tiers": [1]}}
    held.apply(change(1, good))
    with pytest.raises(InvalidPolicyError):
        held.apply(change(2, {**good, "colour": "red"}))
    assert named(held, "cart", 1) == "x"
    assert [p.name for p in held.policies()] == ["default", "x"]
