"""The forecast as a plain sentence, with figures, units and horizon. Pure."""

from dataclasses import dataclass

from common.events import SloForecast, SloStatus
from common.slo import wording
from common.slo.vocabulary import DataStatus

_FAR_APART = 2.0
_AFTERWORDS = {
    DataStatus.LAGGING: " The counts behind this are out of date: they lag.",
    DataStatus.SATURATED: " More requests are reported than can be counted.",
    DataStatus.STALE: " The counts behind this are out of date: the service has stopped reporting.",
    DataStatus.NO_TRAFFIC: " No requests are coming in at present.",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What a sentence is made of: a forecast, and hours to exhaustion at the last hour's rate."""

    forecast: SloForecast
    service_name: str
    window_days: int
    last_hour_hours: float | None
    frozen: bool
    by_bursts: bool = False

    def message(self) -> str:
        """Return the sentence of a service with counts."""
        of = self.forecast
        budget = f"the {self.window_days} day budget of {self.service_name} ({of.name})"
        if of.error_budget_remaining <= 0:
            said = self._spent(budget)
        else:
            trend = self._lasts(budget) if of.p50_hours is None else self._will_be_spent(budget)
            said = trend + self._if_it_goes_on() + self._until_unblocked()
        return said + self._if_nothing_was_slow() + _AFTERWORDS.get(of.data_status, "")

    def _if_nothing_was_slow(self) -> str:
        most = self.forecast.error_budget_remaining_most
        if most is None:
            return ""
        return (
            " Requests that may have been slow are taken for slow; if none of them was, "
            f"{wording.left(most)} of the budget is left."
        )

    def _spent(self, budget: str) -> str:
        of, days = self.forecast, self.window_days
        used = (
            f"T{budget[1:]} is spent, {wording.spent(1 - of.error_budget_remaining)} of it is used."
        )
        free, later = of.unblocked_at, of.unblocked_at_present_rate
        if free is None:
            return f"{used} It does not come back within {days} days, even if no more errors come."
        after = f"by {wording.minute(later)}" if later else f"not within {days} days"
        return (
            f"{used} It comes back by {wording.minute(free)} if no more errors come; "
            f"at the present error rate {after}."
        )

    def _will_be_spent(self, budget: str) -> str:
        of = self.forecast
        cause = (
            "With bursts of errors as in its window" if self.by_bursts else "At the present trend"
        )
        return (
            f"{cause} {budget} is spent in about {wording.about(of.p50_hours or 0.0)}"
            f"{self._interval()}; {wording.left(of.error_budget_remaining)} of it is left."
        )

    def _interval(self) -> str:
        of = self.forecast
        if of.p10_hours is None:
            return ""
        low = wording.about(of.p10_hours)
        if of.p90_hours is None:
            return f" ({low} at the earliest, or not within {self.window_days} days)"
        high = wording.about(of.p90_hours)
        return "" if low == high else f" ({wording.interval(low, high)})"

    def _lasts(self, budget: str) -> str:
        of = self.forecast
        said = (
            f"T{budget[1:]} is not expected to be spent within {self.window_days} days; "
            f"{wording.left(of.error_budget_remaining)} of it is left, at a burn rate of "
            f"{wording.burn_rate(of.current_burn_rate)}."
        )
        if of.p10_hours is None:
            return said
        return f"{said} In one of ten such cases it is spent within {wording.about(of.p10_hours)}."

    def _if_it_goes_on(self) -> str:
        """Return what an outage would do that does not end, where that is far from the trend."""
        hours, trend = self.last_hour_hours, self.forecast.p50_hours
        if hours is None or (trend is not None and trend < _FAR_APART * hours):
            return ""
        length = wording.about(hours)
        return f" If the errors of the last hour go on, it is spent in about {length}."

    def _until_unblocked(self) -> str:
        at = self.forecast.unblocked_at
        if not self.frozen or at is None:
            return ""
        return f" The level is FREEZE until {wording.minute(at)} if no more errors come."


def counts_are_read(slo: SloStatus, service_name: str) -> str:
    """Return the sentence of an objective whose counts have changed faster than they are read."""
    budget = f"the {slo.window_days} day budget of {service_name} ({slo.name})"
    why = "its counts have changed a lot and are being read."
    if slo.error_budget_remaining > 0:
        return f"When {budget} is spent is not known yet: {why}"
    used = wording.spent(1 - slo.error_budget_remaining)
    return f"T{budget[1:]} is spent, {used} of it is used. When it comes back is not known: {why}"
