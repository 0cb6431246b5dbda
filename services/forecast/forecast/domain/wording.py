"""The forecast as a plain sentence, with figures, units and horizon. Pure."""

from dataclasses import dataclass
from datetime import datetime

from common.slo.vocabulary import DataStatus

_MINUTES_UP_TO_HOURS, _HOURS_UP_TO_HOURS = 1.5, 48.0
_FAR_APART = 2.0
_UNITS = (
    (_MINUTES_UP_TO_HOURS, 1 / 60, "min"),
    (_HOURS_UP_TO_HOURS, 1.0, "h"),
    (float("inf"), 24.0, "days"),
)
_AFTERWORDS = {
    DataStatus.LAGGING: " The counts behind this are out of date: they lag.",
    DataStatus.STALE: " The counts behind this are out of date: the service has stopped reporting.",
    DataStatus.NO_TRAFFIC: " No requests are coming in at present.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sentence is made of; hours from now, None where the window ends before."""

    service_name: str
    slo_name: str
    window_days: int
    remaining_ratio: float
    burn_rate: float
    p10_hours: float | None
    p50_hours: float | None
    p90_hours: float | None
    last_hour_hours: float | None
    frozen: bool
    unblocked_at: datetime | None
    unblocked_at_present_rate: datetime | None
    data_status: DataStatus


def no_data_message(service_name: str, slo_name: str) -> str:
    """Return the sentence of an objective without counts."""
    return (
        f"Nothing has been reported for {service_name} ({slo_name}) yet, so there is nothing to "
        "forecast from."
    )


def message(of: Outcome) -> str:
    """Return the sentence of a service with counts."""
    budget = f"the {of.window_days} day budget of {of.service_name} ({of.slo_name})"
    if of.remaining_ratio <= 0:
        said = _spent(of, budget)
    elif of.p50_hours is not None:
        said = _will_be_spent(of, budget)
    else:
        said = _lasts(of, budget)
    if of.remaining_ratio > 0:
        said += _if_it_goes_on(of)
        said += _frozen(of)
    return said + _AFTERWORDS.get(of.data_status, "")


def _spent(of: Outcome, budget: str) -> str:
    used = f"T{budget[1:]} is spent, {percentage(1 - of.remaining_ratio)} of it is used."
    days, gone, present = of.window_days, of.unblocked_at, of.unblocked_at_present_rate
    if gone is None:
        return f"{used} It does not come back within {days} days, even if no more errors come."
    after = f"by {instant(present)}" if present else f"not within {days} days"
    return (
        f"{used} It comes back by {instant(gone)} if no more errors come; at the present error "
        f"rate {after}."
    )


def _will_be_spent(of: Outcome, budget: str) -> str:
    return (
        f"At the present trend {budget} is spent in about {duration(of.p50_hours or 0.0)}"
        f"{_interval(of)}; {percentage(of.remaining_ratio)} of it is left."
    )


def _interval(of: Outcome) -> str:
    if of.p10_hours is None:
        return ""
    low = duration(of.p10_hours)
    if of.p90_hours is None:
        return f" ({low} at the earliest, or not within {of.window_days} days)"
    high = duration(of.p90_hours)
    if low == high:
        return ""
    same_unit = low.split()[1] == high.split()[1]
    return f" ({low.split()[0] if same_unit else low} to {high})"


def _lasts(of: Outcome, budget: str) -> str:
    said = (
        f"T{budget[1:]} is not expected to be spent within {of.window_days} days; "
        f"{percentage(of.remaining_ratio)} of it is left, at a burn rate of {of.burn_rate:.2g}."
    )
    if of.p10_hours is None:
        return said
    return f"{said} In one of ten such cases it is spent within {duration(of.p10_hours)}."


def _if_it_goes_on(of: Outcome) -> str:
    """Return what an outage would do that does not end, where that is far from the trend."""
    hours, trend = of.last_hour_hours, of.p50_hours
    if hours is None or (trend is not None and trend < _FAR_APART * hours):
        return ""
    return f" If the errors of the last hour go on, it is spent in about {duration(hours)}."


def _frozen(of: Outcome) -> str:
    if not of.frozen or of.unblocked_at is None:
        return ""
    return f" The level is FREEZE until {instant(of.unblocked_at)} if no more errors come."


def instant(at: datetime) -> str:
    """Return an instant to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def percentage(ratio: float) -> str:
    """Return a ratio in per cent; what is above 0 never reads as none."""
    value = ratio * 100
    return "less than 1 %" if 0 < value < 1 else f"{value:.0f} %"


def duration(hours: float) -> str:
    """Return a duration in the unit that suits it: minutes, hours or days."""
    size, unit = next((size, unit) for limit, size, unit in _UNITS if hours < limit)
    return f"{hours / size:.0f} {unit}"
