"""An objective in words, without the name that its owner gave it. Pure."""

from api_gateway.projections.service_status import ServiceState
from common.events import SloStatus
from common.slo import wording


def failing(slo: SloStatus, count: int | None = None) -> str:
    """Return so many of what an objective counts as bad: "1 slow request", "no failed request"."""
    kind = "slow" if slo.threshold_seconds is not None else "failed"
    return f"no {kind} request" if count is None else wording.counted(count, f"{kind} request")


def objective_text(slo: SloStatus) -> str:
    """Return what is asked for, without the name that its owner gave it."""
    asked = wording.objective(slo.objective)
    if slo.threshold_seconds is not None:
        limit = wording.seconds(slo.threshold_seconds)
        what = f"{asked} of requests within {limit}"
    elif slo.max_error_ratio is not None:
        what = f"at most {wording.objective(slo.max_error_ratio)} of requests with errors"
    else:
        what = f"{asked} availability"
    return f"{what} over {wording.counted(slo.window_days, 'day')}"


def whose_budget(state: ServiceState, slo: SloStatus | None) -> str:
    """Return what to call the budget of an objective among those of its service."""
    if slo is None or len(state.slos) == 1:
        return "its error budget"
    return f"its budget for {objective_text(slo)}"
