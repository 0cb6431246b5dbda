"""What policies and rules say of loosening: who has to approve it, and what another tier means."""

from collections.abc import Sequence
from datetime import datetime

from api_gateway.alerts.repository import AlertReader
from api_gateway.alerts.rules import rules_in_force
from api_gateway.loosening.domain import Governed, Loosened, loosenings
from api_gateway.loosening.edit import Edit
from api_gateway.loosening.repository import LooseningReader
from api_gateway.policy.overrides import TIER_REMEMBERED
from api_gateway.policy.policies import policies_in_force
from api_gateway.policy.repository import PolicyReader, PolicyWriter
from api_gateway.storage.unit_of_work import UnitOfWork
from common.config.clock import Clock
from common.events import LoosenedField
from common.policy.model import Policy, Tier


class PoliciesOfLoosening:
    """Asks the policies and the rules in force, as the transaction of a write sees them."""

    def __init__(self, files: Sequence[Policy], clock: Clock) -> None:
        self._files, self._clock = tuple(files), clock

    async def needs_approval(self, unit: UnitOfWork, edit: Edit) -> bool:
        """Return whether one of the services has, or had of late, a tier that demands approval."""
        policies = await policies_in_force(PolicyReader(unit.session), self._files)
        if not any(policy.overrides.second_approver_tiers for policy in policies.policies()):
            return False
        tiers = await LooseningReader(unit.session).tiers(edit.services)
        had = {name: {tier} for name, tier in tiers.items()}
        for name in edit.services:
            since: datetime = self._clock() - TIER_REMEMBERED
            had.setdefault(name, set()).update(await PolicyWriter(unit).tiers_since(name, since))
        return any(
            policies.policy_for(name, tier).needs_approver(tier)
            for name, own in had.items()
            for tier in own
        )

    async def retiered(self, unit: UnitOfWork, name: str, old: Tier, new: Tier) -> Loosened:
        """Return what another tier loosens: by the policy that holds then, by rules that do not."""
        policies = await policies_in_force(PolicyReader(unit.session), self._files)
        one, other = (Governed(policies.policy_for(name, tier), (tier,)) for tier in (old, new))
        rules = await rules_in_force(AlertReader(unit.session))
        lost = [
            LoosenedField("rule", rule.name, "")
            for rule in rules.values()
            if rule.applies_to(name, old) and not rule.applies_to(name, new)
        ]
        found = (*loosenings(one, other), *lost)
        return (LoosenedField("tier", str(old), str(new)), *found) if found else ()
