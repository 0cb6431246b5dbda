"""From counts and a snapshot's figures to a forecast: every model, and what they say. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from msgspec.structs import replace

from common.arrays import Floats
from common.config.clock import MICROSECONDS, to_micros
from common.events import BurnRateSnapshot, Exhaustion, SloForecast, SloStatus
from common.slo.arithmetic import allowed_ratio
from common.slo.vocabulary import RiskLevel
from common.slo.windows import BURN_WINDOWS, DAY, HOUR, MINUTE
from forecast.domain import models
from forecast.domain.confidence import Freshness, confidence, trend
from forecast.domain.futures import drawn_gains, earlier, quantile
from forecast.domain.locks import level_lock_minutes, spread_over_minutes
from forecast.domain.models import RollingBudget
from forecast.domain.projection import (
    Present,
    burn_rate_line,
    expected_burn_rates,
    expected_requests,
)
from forecast.domain.wording import Wording, counts_are_read

DAY_HOURS = DAY // HOUR
LOOK_BACK_HOURS = DAY_HOURS
"""Hours of history before the SLO window: the budget's own course over the last day."""
DAY_MINUTES = DAY // MINUTE
LEAST_CONSUMED = 0.1
"""Days that have spent less of the budget do not spend all of it, in whatever order they come."""


@dataclass(frozen=True, slots=True)
class History:
    """An objective's counts: rows total and bad, the last column holds now and is not over yet.

    `hours` [2, SLO window and a day], `minutes` [2, a day or more]. A bucket is (start, end].
    """

    hours: Floats
    minutes: Floats


def look_ahead(
    slo: SloStatus, snapshot: BurnRateSnapshot, history: History, now: datetime
) -> SloForecast:
    """Return the forecast of one objective of a service.

    The snapshot says what is spent and how fresh it is; the history, what leaves the window. Both
    may be a few seconds apart. Raises ValueError where the objective leaves no budget.
    """
    if not slo.total:
        return SloForecast.unreported(snapshot.service_name, slo, models.ROLL_OFF)
    return _Look(slo, snapshot, history, now).forecast()


def catching_up(slo: SloStatus, service_name: str, now: datetime) -> SloForecast:
    """Return what can be said while the counts at hand are not those of the snapshot.

    That a budget is spent is known from the snapshot alone.
    """
    message = counts_are_read(slo, service_name)
    reason = "the counts are being read"
    found = SloForecast.unknown(slo, models.ROLL_OFF, "catching_up", reason, message)
    if slo.error_budget_remaining > 0:
        return found
    return replace(
        found,
        time_to_exhaustion_hours=0.0,
        projected_exhaustion_time=now,
        p10_hours=0.0,
        p50_hours=0.0,
        p90_hours=0.0,
    )


class _Look:
    """One objective at one instant; what several figures need is worked out once."""

    def __init__(
        self, slo: SloStatus, snapshot: BurnRateSnapshot, history: History, now: datetime
    ) -> None:
        self._slo, self._snapshot, self._history, self._now = slo, snapshot, history, now
        self._allowed = float(allowed_ratio(slo.objective))  # twelve nines keep their digits
        if not 0 < self._allowed < 1:
            raise ValueError(f"an objective of {slo.objective} leaves no budget to forecast")
        self._window_hours = slo.window_days * DAY_HOURS
        self._first_hours = _until_full(now, HOUR) / HOUR
        self._line = burn_rate_line(history.minutes, self._allowed)
        self._budget = self._rolling_budget()

    def _rolling_budget(self) -> RollingBudget:
        hours = self._history.hours
        total, bad = hours[:, -self._window_hours :]
        last_hour = float(self._history.minutes[0, -60:].sum())
        return RollingBudget(
            overspent=self._slo.bad / self._allowed - self._slo.total,
            leaving=bad / self._allowed - total,
            first_hours=self._first_hours,
            requests=expected_requests(hours[0], last_hour, self._window_hours + 1),
        )

    def forecast(self) -> SloForecast:
        slo, line = self._slo, self._line
        (p10, p50, p90, last_hour), bursts = self._spent_after()
        level, reason = confidence(line, self._freshness())
        found = SloForecast(
            id=slo.id,
            name=slo.name,
            default=slo.default,
            model=models.ROLL_OFF,
            time_to_exhaustion_hours=p50,
            projected_exhaustion_time=self._after(p50),
            p10_hours=p10,
            p50_hours=p50,
            p90_hours=p90,
            burn_rate_trend=trend(line),
            confidence_level=level,
            confidence_reason=reason,
            forecast_message="",
            data_points_used=line.points,
            current_burn_rate=slo.composite_burn_rate,
            error_budget_remaining=slo.error_budget_remaining,
            error_budget_remaining_most=slo.error_budget_remaining_most,
            slope_per_hour=line.slope_per_hour,
            fit_ratio=line.fit_ratio,
            unblocked_at=self._unblocked(0.0),
            unblocked_at_present_rate=self._unblocked(self._present_error_ratio()),
            data_status=slo.data_status,
            models=self._models(p50, last_hour),
            revision=slo.revision,
        )
        wording = Wording(
            found,
            self._snapshot.service_name,
            slo.window_days,
            last_hour,
            frozen=self._frozen,
            by_bursts=bursts,
        )
        return replace(found, forecast_message=wording.message())

    @property
    def _frozen(self) -> bool:
        return self._slo.risk_level is RiskLevel.FREEZE

    def _spent_after(self) -> tuple[list[float | None], bool]:
        """Return the hours to exhaustion: P10, P50, P90, and at the last hour's rate.

        And whether half of it is spent by bursts such as there were before it is by the trend.
        """
        if self._slo.error_budget_remaining <= 0:
            return [0.0, 0.0, 0.0, 0.0], False
        present = Present(
            self._line,
            self._slo.burn_rate_1h,
            int(self._history.minutes[1, -DAY_MINUTES:].sum()),
        )
        intervals = self._window_hours + 1
        expected = expected_burn_rates(present, self._first_hours, intervals)
        rates = np.vstack([expected, np.full(intervals, self._slo.burn_rate_1h)])
        p10, trend, p90, last_hour = models.roll_off(self._budget, rates, self._window_hours)
        drawn = self._drawn(intervals)
        p10, p50 = earlier(p10, quantile(drawn, 0.1)), earlier(trend, quantile(drawn, 0.5))
        return [p10, p50, p90, last_hour], p50 != trend

    def _drawn(self, intervals: int) -> list[float | None]:
        """Return the hours to exhaustion of futures drawn from the days of the SLO window."""
        if self._slo.error_budget_consumed < LEAST_CONSUMED:
            return []
        in_window = self._history.hours[:, -self._window_hours :]
        gains = drawn_gains(in_window, self._allowed, intervals)
        if gains is None:
            return []
        return models.drawn_roll_off(self._budget, gains, self._window_hours)

    def _models(self, published: float | None, last_hour: float | None) -> tuple[Exhaustion, ...]:
        """Return what each model says; the baselines stand beside ours for comparison only."""
        slo, window = self._slo, self._window_hours
        ago, remaining = self._budget_course()
        found = {
            models.ROLL_OFF: published,
            models.ROLL_OFF_LAST_HOUR: last_hour,
            models.LINEAR_REGRESSION: models.linear_regression(
                self._line, slo.error_budget_remaining, window
            ),
            models.WINDOW_OVER_BURN_RATE: models.window_over_burn_rate(
                slo.composite_burn_rate, window
            ),
            models.PREDICT_LINEAR: models.predict_linear(ago, remaining, window),
        }
        return tuple(Exhaustion(name, hours) for name, hours in found.items())

    def _budget_course(self) -> tuple[Floats, Floats]:
        """Return hours ago (negative) and the budget left then, at each full hour of a day."""
        running = np.cumsum(np.hstack([np.zeros((2, 1)), self._history.hours]), axis=1)
        ends = np.arange(running.shape[1] - 1 - LOOK_BACK_HOURS, running.shape[1] - 1)
        total, bad = running[:, ends] - running[:, np.maximum(ends - self._window_hours, 0)]
        seen = total > 0
        ago = np.arange(LOOK_BACK_HOURS - 1, -1, -1) + (1 - self._first_hours)
        remaining = 1 - bad[seen] / total[seen] / self._allowed
        now = self._slo.error_budget_remaining
        return np.append(-ago[seen], 0.0), np.append(remaining, now)

    def _unblocked(self, error_ratio: float) -> datetime | None:
        """Return when neither level nor budget blocks any more at that share of errors."""
        ends = [self._level_ends(error_ratio)] if self._frozen else []
        if self._slo.error_budget_remaining <= 0:
            rates = np.full((1, self._window_hours + 1), error_ratio / self._allowed)
            recovered = models.recovery(self._budget, rates, self._window_hours)
            ends.append(self._after(recovered[0]))
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def _level_ends(self, error_ratio: float) -> datetime | None:
        lengths = [self._slo.windows[name].window_seconds for name in BURN_WINDOWS]
        minutes = level_lock_minutes(
            self._history.minutes,
            [-(-seconds // MINUTE) for seconds in lengths],
            self._allowed,
            spread_over_minutes(self._budget.requests, self._first_hours, DAY_MINUTES),
            error_ratio,
        )
        if minutes is None:
            return None
        rest = _until_full(self._now, MINUTE)
        return self._now + timedelta(seconds=rest + minutes * MINUTE)

    def _present_error_ratio(self) -> float:
        shortest = self._slo.windows["5m"]
        return shortest.bad / shortest.total if shortest.total else 0.0

    def _freshness(self) -> Freshness:
        newest = self._snapshot.newest_at
        age = timedelta(0) if newest is None else max(timedelta(0), self._now - newest)
        resolution = timedelta(seconds=self._snapshot.resolution_seconds)
        covered = self._slo.recent.coverage_ratio
        return Freshness(self._slo.data_status, age, resolution, covered)

    def _after(self, hours: float | None) -> datetime | None:
        return None if hours is None else self._now + timedelta(hours=hours)


def _until_full(now: datetime, seconds: int) -> float:
    """Return the seconds until the next full minute or hour; 0 on it."""
    length = seconds * MICROSECONDS
    return -to_micros(now) % length / MICROSECONDS
