"""The text of an alert: its message, labels (identity) and annotations (help). Pure."""

from collections.abc import Callable
from functools import partial
from math import isinf
from typing import Final

from alerts.domain.configuration import Owner
from common.alerting.rules import Level, Rule, RuleKind, Severity
from common.decisions.readings import Inputs, Reading
from common.slo import wording

Said = tuple[str, str]
"""What is said of a condition, and the threshold that is named behind it."""


def labels(
    rule: Rule, service_name: str, severity: Severity, owner: Owner, slo: str | None
) -> dict[str, str]:
    """Return the labels that identify an alert, without empty values."""
    found = {
        "alertname": rule.name,
        "service": service_name,
        "severity": severity,
        "tier": str(owner.tier),
        "team": owner.team,
        "slo": slo or "",
    }
    return {name: value for name, value in found.items() if value}


def annotations(rule: Rule, message: str, slo: str | None, inputs: Inputs) -> dict[str, str]:
    """Return the annotations that help the person on call, without empty values."""
    found = {
        "summary": message,
        "description": rule.description,
        "runbook_url": rule.runbook_url,
        "slo": slo or "",
        **_figures(slo, inputs),
    }
    return {name: value for name, value in found.items() if value}


def message(rule: Rule, number: int, service_name: str, reading: Reading, inputs: Inputs) -> str:
    """Return the message of a rule's level, counted from 1, with the figures of this moment.

    A condition that is not met at this moment stands in the past tense.
    """
    level = rule.levels[number - 1]
    if rule.kind == "data_stale":
        status = inputs.status.value.replace("_", " ")
        cause = "nobody counts its events" if inputs.silent else f"its data are {status}"
        return f"{service_name} {'cannot' if reading.met else 'could not'} be judged: {cause}"
    say = _SENTENCES[rule.kind] if reading.met else partial(_no_longer, rule.kind)
    said, threshold = say(reading, level)
    about = f"{reading.slo}; " if reading.slo else ""
    text = f"{service_name} {said} ({about}threshold {threshold})"
    return text + _uncertain(reading.slo, inputs) if reading.met else text


def _burning(reading: Reading, _level: Level) -> Said:
    rate, threshold = wording.compared(reading.observed, reading.threshold)
    return f"burns its error budget {rate} times as fast as it may", threshold


def _at_risk(reading: Reading, level: Level) -> Said:
    rate = wording.burn_rate(reading.observed, level=level.at_least_level)
    said = f"has reached the risk level {level.at_least_level}: its composite burn rate is {rate}"
    return said, wording.number(reading.threshold)


def _budget(reading: Reading, _level: Level) -> Said:
    left, threshold = _budget_left(reading)
    if reading.observed < 0:
        spent = wording.spent(-reading.observed)
        return f"has overspent its error budget by {spent}", f"{threshold} left"
    return f"has {left} of its error budget left", threshold


def _budget_left(reading: Reading) -> tuple[str, str]:
    left = wording.snapped(reading.observed, reading.threshold)
    return wording.left(left, [reading.threshold]), wording.objective(reading.threshold)


def _exhausting(reading: Reading, _level: Level) -> Said:
    hours, threshold = wording.compared(reading.observed, reading.threshold, 1)
    said = f"will have spent its error budget in {hours} hours by the forecast"
    return said, f"{threshold} hours"


def _constant(reading: Reading, _level: Level) -> Said:
    rate, threshold = wording.compared(reading.observed, reading.threshold)
    said = "has burned its error budget at the same rate for a day"
    return f"{said}, {rate} times as fast as it may", threshold


def _invalid_counts(reading: Reading, _level: Level) -> Said:
    events = f"{wording.number(reading.observed)} events were refused of late"
    said = f"reports more good or bad events than in total: {events}"
    return said, wording.number(reading.threshold)


def _no_longer(kind: RuleKind, reading: Reading, level: Level) -> Said:
    """Say that a condition was met before, with its figure now."""
    if kind == "budget_left":
        observed, threshold = _budget_left(reading)
    elif kind == "good_over_total":
        observed, threshold = wording.number(reading.observed), wording.number(reading.threshold)
    elif isinf(reading.observed):
        observed, threshold = "later than its SLO window", wording.number(reading.threshold)
    else:
        observed, threshold = wording.compared(reading.observed, reading.threshold)
    return _PAST[kind].format(level=level.at_least_level, observed=observed), threshold


def _uncertain(slo_name: str | None, inputs: Inputs) -> str:
    """Return how many requests may have been good, where the figure takes them for bad."""
    slos = inputs.snapshot.slos if inputs.snapshot else ()
    count = next((slo.uncertain for slo in slos if slo.name == slo_name), 0)
    return (
        f"; {wording.counted(count, 'request')} may have been fast and count as slow"
        if count
        else ""
    )


def _figures(slo_name: str | None, inputs: Inputs) -> dict[str, str]:
    found: dict[str, str] = {}
    if inputs.snapshot:
        # the text stays while the figures go on: it says of which moment it is
        found["figures_at"] = inputs.snapshot.evaluated_at.isoformat(timespec="seconds")
        found["snapshot_id"] = inputs.snapshot.snapshot_id
    for slo in inputs.snapshot.slos if inputs.snapshot else ():
        if slo.name == slo_name:
            found["burn_rate_1h"] = wording.burn_rate(slo.burn_rate_1h)
            found["error_budget_remaining"] = wording.left(slo.error_budget_remaining)
            if slo.error_budget_remaining_most is not None:
                most = wording.left(slo.error_budget_remaining_most)
                found["error_budget_remaining_most"] = most
    for forecast in inputs.forecast.slos if inputs.forecast else ():
        at = forecast.projected_exhaustion_time
        ahead = forecast.error_budget_remaining > 0  # what is spent has no end to wait for
        if forecast.name == slo_name and at is not None and ahead:
            found["exhausts_at"] = at.isoformat(timespec="seconds")
    return found


_SENTENCES: Final[dict[RuleKind, Callable[[Reading, Level], Said]]] = {
    "burn_rate": _burning,
    "risk_level": _at_risk,
    "budget_left": _budget,
    "exhaustion": _exhausting,
    "constant_burn": _constant,
    "good_over_total": _invalid_counts,
}
_PAST: Final[dict[RuleKind, str]] = {
    "burn_rate": "burned its error budget faster than it may; now {observed} times",
    "risk_level": "had reached the risk level {level}; its composite burn rate is now {observed}",
    "budget_left": "had less of its error budget left; now {observed}",
    "exhaustion": "was to spend its error budget sooner; hours ahead by the forecast: {observed}",
    "constant_burn": "burned its error budget at the same rate for a day; the least of its rates "
    "is now {observed}",
    "good_over_total": "reported more good or bad events than in total; now {observed} events "
    "were refused of late",
}
