"""The figures of the executive view, from what is known of all services. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from api_gateway.narrative.fleet_facts import is_trusted, nearest_exhaustion
from api_gateway.narrative.service_context import ServiceContext
from api_gateway.summary.context import Events
from api_gateway.summary.schemas import (
    ActiveAlerts,
    ChangeSummary,
    Compliance,
    FleetFigures,
    LowBudget,
    NearExhaustion,
    Totals,
)
from common.slo.vocabulary import RiskLevel

MOST_LISTED = 5
MOST_BLOCKED = 50


def fleet_figures(
    contexts: Sequence[ServiceContext], events: Events, now: datetime
) -> FleetFigures:
    """Return totals and the services that stand out; levels and budgets of trusted figures only."""
    trusted = [context for context in contexts if is_trusted(context)]
    levels = Counter(context.state.risk_level for context in trusted)
    changes = sorted((c for s in contexts for c in s.changes), key=lambda c: c.at, reverse=True)
    return FleetFigures(
        totals=Totals(services=len(contexts), slos=sum(len(s.state.slos) for s in contexts)),
        services_by_risk_level={level: levels[level] for level in RiskLevel},
        services_unknown=len(contexts) - len(trusted),
        compliance=_compliance(trusted),
        lowest_budgets=_lowest_budgets(trusted),
        nearest_exhaustion=[
            NearExhaustion(
                service_name=context.name,
                tier=context.tier,
                time_to_exhaustion_hours=hours,
                projected_exhaustion_time=slo.projected_exhaustion_time,
                confidence_level=slo.confidence_level,
            )
            for hours, context, slo in nearest_exhaustion(contexts, now)[:MOST_LISTED]
        ],
        active_alerts=_alerts(contexts, events),
        blocked_releases=[
            s.name for s in contexts if s.release is not None and not s.release.allowed
        ][:MOST_BLOCKED],
        overridden_releases=[
            s.name for s in contexts if s.release is not None and s.release.override_id is not None
        ][:MOST_BLOCKED],
        changes_since_yesterday=len(changes),
        changes_read_at=events.changes_at,
        latest_changes=[
            ChangeSummary(service_name=c.service, kind=c.kind, version=c.version, at=c.at)
            for c in changes[:MOST_LISTED]
        ],
    )


def _lowest_budgets(trusted: Sequence[ServiceContext]) -> list[LowBudget]:
    lowest = sorted(trusted, key=lambda s: (s.state.error_budget_remaining, s.name))
    return [
        LowBudget(
            service_name=s.name,
            tier=s.tier,
            risk_level=s.state.risk_level,
            slo_name=s.state.least_budget.name,
            error_budget_remaining=s.state.error_budget_remaining,
            error_budget_remaining_most=s.state.error_budget_remaining_most,
        )
        for s in lowest[:MOST_LISTED]
    ]


def _compliance(trusted: Sequence[ServiceContext]) -> Compliance:
    within = sum(s.state.error_budget_remaining > 0 for s in trusted)
    ratio = within / len(trusted) if trusted else None
    return Compliance(within_budget=within, judged=len(trusted), ratio=ratio)


def _alerts(contexts: Sequence[ServiceContext], events: Events) -> ActiveAlerts:
    """Count the open alerts of services in use: those of now, or the last ones that are known."""
    episodes = (episode for s in contexts for episode in events.episodes.get(s.name, ()))
    open_now = Counter(episode.severity for episode in episodes)
    return ActiveAlerts(
        total=open_now.total(),
        page=open_now["page"],
        ticket=open_now["ticket"],
        info=open_now["info"],
        status=events.alerts.status,
        confirmed_at=events.alerts.at,
    )
