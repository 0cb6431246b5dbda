"""The text of an alert: its message, labels (identity) and annotations (help). Pure."""

from typing import Final

from alerts.domain.configuration import Owner
from alerts.domain.readings import Inputs, Reading
from common.alerting.rules import Rule, RuleKind, Severity


def labels(rule: Rule, service_name: str, severity: Severity, owner: Owner) -> dict[str, str]:
    """Return the labels that identify an alert, without empty values."""
    found = {
        "alertname": rule.name,
        "service": service_name,
        "severity": severity,
        "tier": str(owner.tier),
        "team": owner.team,
    }
    return {name: value for name, value in found.items() if value}


def annotations(rule: Rule, message: str, reading: Reading, inputs: Inputs) -> dict[str, str]:
    """Return the annotations that help the person on call, without empty values."""
    found = {
        "summary": message,
        "description": rule.description,
        "runbook_url": rule.runbook_url,
        "slo": reading.slo or "",
        **_figures(reading.slo, inputs),
    }
    return {name: value for name, value in found.items() if value}


def message(rule: Rule, number: int, service_name: str, reading: Reading, inputs: Inputs) -> str:
    """Return the message of a rule's level, counted from 1."""
    overspent = rule.kind == "budget_left" and reading.observed < 0
    status = inputs.status.value.replace("_", " ")
    sentence = (_OVERSPENT if overspent else _SENTENCES[rule.kind]).format(
        level=rule.levels[number - 1],
        reading=reading,
        overspent=-reading.observed,
        cause="nobody counts its events" if inputs.silent else f"its data are {status}",
    )
    return f"{service_name} {sentence}"


def _figures(slo_name: str | None, inputs: Inputs) -> dict[str, str]:
    found: dict[str, str] = {}
    for slo in inputs.snapshot.slos if inputs.snapshot else ():
        if slo.name == slo_name:
            found["burn_rate_1h"] = f"{slo.burn_rate_1h:.3g}"
            found["error_budget_remaining"] = f"{slo.error_budget_remaining:.2%}"
    for forecast in inputs.forecast.slos if inputs.forecast else ():
        at = forecast.projected_exhaustion_time
        ahead = forecast.error_budget_remaining > 0  # what is spent has no end to wait for
        if forecast.name == slo_name and at is not None and ahead:
            found["exhausts_at"] = at.isoformat(timespec="seconds")
    return found


_SENTENCES: Final[dict[RuleKind, str]] = {
    "burn_rate": "burns its error budget {reading.observed:.3g} times as fast as it may "
    "({reading.slo}; threshold {reading.threshold:.3g})",
    "risk_level": "has reached the risk level {level.at_least_level}: its composite burn rate is "
    "{reading.observed:.3g} ({reading.slo}; threshold {reading.threshold:.3g})",
    "budget_left": "has {reading.observed:.1%} of its error budget left "
    "({reading.slo}; threshold {reading.threshold:.0%})",
    "exhaustion": "will have spent its error budget in {reading.observed:.1f} hours by the "
    "forecast ({reading.slo}; threshold {reading.threshold:g} hours)",
    "data_stale": "cannot be judged: {cause}",
    "constant_burn": "has burned its error budget at the same rate for a day, "
    "{reading.observed:.3g} times as fast as it may "
    "({reading.slo}; threshold {reading.threshold:g})",
    "good_over_total": "reports more good or bad events than in total: {reading.observed:.0f} "
    "events were refused of late (threshold {reading.threshold:.0f})",
}
_OVERSPENT: Final = (
    "has overspent its error budget by {overspent:.1%} "
    "({reading.slo}; threshold {reading.threshold:.0%} left)"
)
