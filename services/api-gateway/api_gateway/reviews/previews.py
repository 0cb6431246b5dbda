"""Reads what a preview needs: snapshots, decisions, policies, open alerts; and shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from api_gateway.alerts.domain import Alert, AlertQuery
from api_gateway.alerts.repository import AlertReader
from api_gateway.alerts.rules import rules_in_force
from api_gateway.burn.service import BurnHistories
from api_gateway.http.pagination import LARGEST_ID
from api_gateway.loosening.domain import Silenced
from api_gateway.loosening.edit import MOST_NAMED, Edit
from api_gateway.loosening.guard import LooseningGuard
from api_gateway.loosening.promises import spec_of
from api_gateway.loosening.repository import LooseningReader, LooseningStore
from api_gateway.loosening.schemas import LooseningPreview
from api_gateway.policy.policies import LAST_REVISION, PolicyService
from api_gateway.policy.repository import PolicyReader
from api_gateway.projections.handlers import Projections
from api_gateway.reviews.preview import (
    GateView,
    OpenAlert,
    effects,
    in_words,
    with_objectives,
    would_end,
)
from common.alerting.rules import Rule, read_rule
from common.alerting.silences import matches_all
from common.decisions import readings
from common.decisions.decision import Inputs, ShardSign, previous_of
from common.events import BurnRateSnapshot, PolicyChanged, TargetSpec
from common.policy.effective import PoliciesInForce
from common.policy.model import Tier
from common.slo.freshness import SHARD_SILENCE_SECONDS

MOST_ALERTS: Final = 1_000
SILENT_AFTER: Final = timedelta(seconds=SHARD_SILENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Setup:
    """What services are decided by: policies, rules, tiers, and the newest snapshot of each."""

    policies: PoliciesInForce
    rules: Mapping[str, Rule]
    tiers: Mapping[str, Tier]
    snapshots: Mapping[str, BurnRateSnapshot]


class Previews:
    """Shows what an edit would do, on the newest figures that the gateway has."""

    def __init__(  # noqa: PLR0913, PLR0917 - what an edit may touch
        self,
        store: LooseningStore,
        policies: PolicyService,
        histories: BurnHistories,
        projections: Projections,
        guard: LooseningGuard,
        default: TargetSpec,
    ) -> None:
        self._store, self._policies = store, policies
        self._histories, self._projections = histories, projections
        self._guard, self._default = guard, default

    async def show(self, edit: Edit, now: datetime) -> LooseningPreview:
        """Return what an edit would do."""
        async with self._store.write() as writer:
            needs_approval = await self._guard.demands_approval(writer.unit, edit)
            alerts = AlertReader(writer.unit.session)
            before = await self._setup(writer, edit)
            query = AlertQuery(LARGEST_ID, MOST_ALERTS, states=("firing", "acknowledged"))
            open_alerts = [a for a in await alerts.alerts(query) if a.service_name in before.tiers]
        after = await self._after(edit, before, now)
        found = [
            effect
            for name in before.snapshots
            if name in after.tiers
            for effect in effects(*(self._gate_view(of, name, now) for of in (before, after)))
        ]
        ending = [a for a in open_alerts if _ends(a, before, after)]
        silenced = _silenced(edit, open_alerts)
        return LooseningPreview.model_validate(
            {
                "loosens": bool(edit.loosened),
                "needs_reason": self._guard.demands_reason(edit),
                "needs_approval": needs_approval,
                "title": edit.title,
                "services": edit.services,
                "loosened": edit.loosened,
                "gate": [asdict(effect) for effect in found],
                "alerts_ending": [f"{a.rule} of {a.service_name}" for a in ending],
                "alerts_silenced": silenced,
                "text": in_words(found, len(ending), silenced),
            }
        )

    async def _setup(self, reader: LooseningReader, edit: Edit) -> Setup:
        names = edit.services or _subject_service(edit)
        tiers = await reader.tiers(names)
        if not names:
            tiers = dict(sorted(tiers.items())[:MOST_NAMED])
        session = reader.session
        newest = {name: self._projections.snapshots.newest(name) for name in tiers}
        return Setup(
            await self._policies.in_force_for(PolicyReader(session)),
            await rules_in_force(AlertReader(session)),
            tiers,
            {name: snapshot for name, snapshot in newest.items() if snapshot is not None},
        )

    async def _after(self, edit: Edit, before: Setup, now: datetime) -> Setup:
        """Return the setup as it would be."""
        kind, _, name = edit.subject.partition("/")
        if kind == "target":
            return replace(before, snapshots=await self._snapshots_after(edit, before, now))
        if kind == "policy":
            policies = await self._policies.in_force()
            document = edit.after or {}
            policies.apply(
                PolicyChanged(LAST_REVISION, name, "", document, retired=edit.after is None)
            )
            return replace(before, policies=policies)
        if kind == "rule":
            others = {n: rule for n, rule in before.rules.items() if n != name}
            own = {} if edit.after is None else {name: read_rule(edit.after)}
            return replace(before, rules={**others, **own})
        if kind == "service":
            tier = None if edit.after is None else edit.after["tier"]
            return replace(before, tiers={} if tier is None else {name: tier})
        return before

    async def _snapshots_after(
        self, edit: Edit, before: Setup, now: datetime
    ) -> dict[str, BurnRateSnapshot]:
        """Return the snapshot of a target's service, with the figures of the target to be."""
        number, found = int(edit.subject.partition("/")[2]), dict(before.snapshots)
        for name, snapshot in before.snapshots.items():
            slos = [slo for slo in snapshot.slos if slo.id not in {number, None}]
            spec = self._default if not slos else None
            if edit.after is not None:
                spec = spec_of(edit.after)
            if spec is not None:
                own = None if edit.after is None else number
                slos.append(await self._histories.status(snapshot, spec, own, now))
            found[name] = with_objectives(snapshot, slos)
        return found

    def _gate_view(self, setup: Setup, name: str, now: datetime) -> GateView:
        tier, snapshot = setup.tiers[name], setup.snapshots[name]
        decision = self._projections.decisions.newest(name)
        silent = self._projections.snapshots.silent(snapshot.shard, now)
        heard_at = now - SILENT_AFTER if silent else now
        inputs = Inputs(
            service_name=name,
            tier=tier,
            now=now,
            silent_after_seconds=SHARD_SILENCE_SECONDS,
            sign=ShardSign(snapshot.epoch, heard_at, snapshot.applied_through),
            snapshot=snapshot,
            forecast=self._projections.forecasts.newest(name),
            overrides=(),
            previous=None if decision is None else previous_of(decision),
        )
        return GateView(setup.policies.policy_for(name, tier), inputs)


def _subject_service(edit: Edit) -> tuple[str, ...]:
    """Return the service of an edit that loosens nothing, as far as it is about one."""
    for document in (edit.after, edit.before):
        if document is not None and "service_name" in document:
            return (document["service_name"],)
    return ()


def _ends(alert: Alert, before: Setup, after: Setup) -> bool:
    """Whether an alert that would go on without the edit would end with it."""
    name = alert.service_name
    own = OpenAlert(alert.rule, name, alert.slo or "", before.tiers[name])
    if name not in after.tiers:
        return True
    new = replace(own, tier=after.tiers[name])
    goes_on = not would_end(own, before.rules, _figures(before, name))
    return goes_on and would_end(new, after.rules, _figures(after, name))


def _figures(setup: Setup, name: str) -> readings.Inputs:
    return readings.Inputs(setup.snapshots.get(name))


def _silenced(edit: Edit, alerts: Sequence[Alert]) -> int:
    silence = edit.promise
    if not isinstance(silence, Silenced) or edit.after is None:
        return 0
    return sum(matches_all(silence.matchers, alert.labels) for alert in alerts)
