"""What is shown of a forecast: the catalog's targets now, the newest figures on them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from api_gateway.projections.service_status import ServiceState
from common.events import ServiceForecast, SloForecast, SloStatus, first_spent
from common.slo import wording
from common.slo.freshness import UNTRUSTED
from common.slo.ordering import is_newer
from common.slo.vocabulary import DataStatus


@dataclass(frozen=True, slots=True)
class ForecastState:
    """A service's forecasts at one instant, in the order of its targets."""

    service_name: str
    evaluated_at: datetime
    data_status: DataStatus
    slos: tuple[SloForecast, ...]

    @property
    def first_spent(self) -> SloForecast:
        """The objective whose budget is spent first."""
        return first_spent(self.slos)


class ForecastBook:
    """The newest forecast of every service. The same records in any order end the same."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._newest: dict[str, ServiceForecast] = {}

    def apply(self, forecast: ServiceForecast) -> None:
        """Keep a forecast if it is newer than the one at hand."""
        if is_newer(forecast, self._newest.get(forecast.service_name)):
            self._newest[forecast.service_name] = forecast

    def newest(self, service_name: str) -> ServiceForecast | None:
        """Return the newest forecast as it was published, whatever its age."""
        return self._newest.get(service_name)

    def state(self, service: ServiceState, now: datetime) -> ForecastState:
        """Return what is shown of a service.

        A forecast counts only for the revision of a target that it was made for, and is not
        believed past its lifetime.
        """
        found = self._newest.get(service.service_name)
        age = timedelta(0) if found is None else now - found.evaluated_at
        made = {forecast.id: forecast for forecast in (found.slos if found else ())}
        slos = [_shown(service.service_name, slo, made.get(slo.id)) for slo in service.slos]
        if age > self._lifetime:
            slos = [_expired(slo, age) for slo in slos]
        return ForecastState(
            service.service_name,
            now if found is None else found.evaluated_at,
            _worst([service.data_status, first_spent(slos).data_status]),
            tuple(slos),
        )


def _shown(service_name: str, slo: SloStatus, forecast: SloForecast | None) -> SloForecast:
    if forecast is None or forecast.revision < slo.revision:
        return _none_yet(service_name, slo)
    return _believed(forecast, slo)


def _worst(statuses: Sequence[DataStatus]) -> DataStatus:
    return min(statuses, key=[*DataStatus].index)


def _believed(forecast: SloForecast, slo: SloStatus) -> SloForecast:
    """Return a forecast as the newest state of its counts lets it be believed."""
    status = _worst([forecast.data_status, slo.data_status])
    if status is forecast.data_status or status not in UNTRUSTED:
        return replace(forecast, data_status=status)
    said = f"The counts are out of date by now ({status})."
    return _doubted(forecast, status, f"the counts are out of date ({status})", said)


def _expired(forecast: SloForecast, age: timedelta) -> SloForecast:
    """Return a forecast that nobody has made anew when it should have been."""
    old = f"forecast is {wording.duration(age.total_seconds())} old"
    status = _worst([forecast.data_status, DataStatus.LAGGING])
    return _doubted(forecast, status, f"the {old}", f"This {old}.")


def _doubted(forecast: SloForecast, status: DataStatus, reason: str, said: str) -> SloForecast:
    return replace(
        forecast,
        data_status=status,
        confidence_level="low",
        confidence_reason=reason,
        forecast_message=f"{forecast.forecast_message} {said}",
    )


def _none_yet(service_name: str, slo: SloStatus) -> SloForecast:
    """Return what can be said of an objective that has not been forecast."""
    if slo.data_status is DataStatus.NO_DATA:
        return SloForecast.unreported(service_name, slo, "none")
    said = f"There is no forecast for {service_name} ({slo.name}) yet; one is being made."
    lagging = replace(slo, data_status=DataStatus.LAGGING)
    return SloForecast.unknown(lagging, "none", "pending", "no forecast yet", said)
