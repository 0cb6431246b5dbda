"""Announces again what is stored and not on its topic.

A topic can be lost, and the in-memory broker always loses it; the rows are the truth.
"""

from datetime import datetime

from api_gateway.alerts.domain import event_of
from api_gateway.alerts.ports import AlertStore
from api_gateway.api_keys.domain import key_changed
from api_gateway.api_keys.ports import KeyStore
from api_gateway.catalog.domain import service_changed, target_changed
from api_gateway.catalog.ports import Store
from api_gateway.policy.domain import override_changed, policy_changed
from api_gateway.policy.ports import IntentStore
from api_gateway.projections.snapshots import ReadModel
from common.access.key_cache import KeyRecords


async def reconcile_catalog(catalog: Store, read_model: ReadModel) -> int:
    """Announce what the catalog topic has lost; return how many entries that were."""
    async with catalog.write() as writer:
        services, targets = await writer.latest_revisions()
        lost_services = [s for s in services if not read_model.announced(service_changed(s))]
        lost_targets = [t for t in targets if not read_model.announced(target_changed(t))]
        await writer.announce(lost_services, lost_targets)
    return len(lost_services) + len(lost_targets)


async def reconcile_intents(intents: IntentStore, read_model: ReadModel, now: datetime) -> int:
    """Announce what the policies topic has lost; return how many entries that were."""
    async with intents.write() as writer:
        overrides, policies = await writer.wanted(now)
        lost = [o for o in overrides if not read_model.announced(override_changed(o))]
        lost_policies = [p for p in policies if not read_model.announced(policy_changed(p))]
        await writer.announce(lost, lost_policies)
    return len(lost) + len(lost_policies)


async def reconcile_alerts(alerts: AlertStore, read_model: ReadModel, now: datetime) -> int:
    """Announce what the rules topic has lost; return how many entries that were."""
    async with alerts.write() as writer:
        lost = [i for i in await writer.wanted(now) if not read_model.announced(event_of(i))]
        await writer.announce(lost)
    return len(lost)


async def reconcile_keys(keys: KeyStore, records: KeyRecords) -> int:
    """Announce what the keys topic has lost; return how many entries that were."""
    async with keys.write() as writer:
        lost = [key for key in await writer.wanted() if not records.announced(key_changed(key))]
        await writer.announce(lost)
    return len(lost)
