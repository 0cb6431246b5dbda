"""Which facts deserve attention, and how much. Pure."""

from api_gateway.narrative.fact import Fact, Facts, sentence
from api_gateway.narrative.schemas import InsightAnswer, InsightSeverity
from common.slo.vocabulary import DataStatus, RiskLevel

_BY_VALUE: dict[tuple[str, object], InsightSeverity] = {
    ("level", RiskLevel.FREEZE): "critical",
    ("level", RiskLevel.DANGER): "warning",
    ("level", RiskLevel.OBSERVE): "info",
    ("data_status", DataStatus.NO_TRAFFIC): "info",
    ("release", "BLOCK"): "critical",
    ("release", "UNKNOWN"): "warning",
    ("release", "WARN"): "warning",
}
_BY_ID: dict[str, InsightSeverity] = {
    "data_status": "warning",
    "budget_exceeded": "critical",
    "burn_pair": "warning",
    "onset": "warning",
    "change_before_onset": "warning",
    "alerts": "warning",
    "evidence": "info",
    "coverage": "warning",
    "uncertain": "info",
}
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def insights(facts: Facts) -> list[InsightAnswer]:
    """Return what deserves attention, most severe first."""
    found = [
        InsightAnswer(severity=severity, text=sentence(fact.text), facts=[fact.id])
        for fact in facts
        if (severity := _severity(fact)) is not None
    ]
    return sorted(found, key=lambda insight: _ORDER[insight.severity])


def _severity(fact: Fact) -> InsightSeverity | None:
    if fact.id == "exhaustion":
        return "warning" if fact.value is not None else None
    return _BY_VALUE.get((fact.id, fact.value)) or _BY_ID.get(fact.id)
