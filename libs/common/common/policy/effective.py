"""Find the policy of a service: by its name, else by its tier, else the default. Pure."""

from collections.abc import Iterable

from common.events import PolicyChanged
from common.policy.document import parse_policy
from common.policy.model import DEFAULT_POLICY_NAME, Policy, Tier


class PoliciesInForce:
    """Policies of files, and those of the API, which stand in for a file's of the same name.

    Where several policies name the same service or the same tier, the first by name holds.
    `files` must hold a policy named `default`.
    """

    def __init__(self, files: Iterable[Policy]) -> None:
        self._files = {policy.name: policy for policy in files}
        self._default = self._files[DEFAULT_POLICY_NAME]
        self._changes: dict[str, tuple[int, Policy | None]] = {}
        self._by_service: dict[str, Policy] = {}
        self._by_tier: dict[Tier, Policy] = {}
        self._arrange()

    def apply(self, change: PolicyChanged) -> bool:
        """Keep a change unless a newer one of its policy is known; tell whether it was kept.

        Raises InvalidPolicyError for a document that is no policy; the former one goes on.
        """
        known = self._changes.get(change.name)
        if known is not None and change.revision <= known[0]:
            return False
        policy = None if change.retired else parse_policy({**change.document, "name": change.name})
        self._changes[change.name] = change.revision, policy
        self._arrange()
        return True

    def policies(self) -> list[Policy]:
        """Return the policies in force, by name."""
        found = {**self._files, **{n: p for n, (_, p) in self._changes.items() if p is not None}}
        return [found[name] for name in sorted(found)]

    def policy_for(self, service_name: str, tier: Tier) -> Policy:
        """Return the policy that holds for a service of that tier."""
        return self._by_service.get(service_name) or self._by_tier.get(tier) or self._default

    def _arrange(self) -> None:
        self._by_service, self._by_tier = {}, {}
        for policy in self.policies():
            if policy.name == DEFAULT_POLICY_NAME:
                self._default = policy
            for service_name in policy.applies_to.services:
                self._by_service.setdefault(service_name, policy)
            for tier in policy.applies_to.tiers:
                self._by_tier.setdefault(tier, policy)
