"""Settings of the ingest service, read from the environment."""

from typing import Self

from pydantic import AliasChoices, Field, model_validator

from common.config.settings import Settings
from common.events import COUNT_LIMIT

# its own, its own as they were called before, and those of every process
_WRITES_PER_SECOND = AliasChoices(
    "INGEST_WRITES_PER_SECOND", "INGEST_REQUESTS_PER_SECOND", "BURNLINE_WRITES_PER_SECOND"
)
_WRITE_BURST = AliasChoices("INGEST_WRITE_BURST", "INGEST_REQUEST_BURST", "BURNLINE_WRITE_BURST")


class IngestSettings(Settings):
    """Bounds of one request, and of all requests in flight."""

    port: int = Field(8001, ge=1, le=65_535, validation_alias="BURNLINE_INGEST_PORT")
    body_limit_bytes: int = Field(1_048_576, ge=1024, validation_alias="INGEST_BODY_LIMIT_BYTES")
    expanded_limit_bytes: int = Field(
        8_388_608, ge=1024, validation_alias="INGEST_EXPANDED_LIMIT_BYTES"
    )
    """Of a compressed body, once it is expanded."""
    max_events_per_request: int = Field(
        10_000, ge=1, validation_alias="INGEST_MAX_EVENTS_PER_REQUEST"
    )
    max_in_flight_events: int = Field(20_000, ge=1, validation_alias="INGEST_MAX_IN_FLIGHT_EVENTS")
    writes_per_second: float = Field(2000, gt=0, validation_alias=_WRITES_PER_SECOND)
    write_burst: int = Field(10_000, ge=1, validation_alias=_WRITE_BURST)
    """Of each key. What all keys together may have under way is bounded by the events."""
    new_services_per_hour: float = Field(500, gt=0, validation_alias="INGEST_NEW_SERVICES_PER_HOUR")
    new_services_burst: int = Field(1000, ge=1, validation_alias="INGEST_NEW_SERVICES_BURST")
    """How many services that the catalog does not have each key may bring."""
    max_count_per_report: int = Field(
        10**10, ge=1, lt=COUNT_LIMIT, validation_alias="INGEST_MAX_COUNT_PER_REPORT"
    )
    """What 2.7 million requests a second make in an hour, the longest report. A key may have
    another bound: whoever sends more can bring the sums of a service to their limit."""
    publish_timeout_seconds: float = Field(
        8.0, gt=0, le=60, validation_alias="INGEST_PUBLISH_TIMEOUT_SECONDS"
    )
    simulator_enabled: bool = Field(default=True, validation_alias="ENABLE_METRICS_SIMULATOR")
    simulator_seed: int = Field(7, ge=0, lt=2**32, validation_alias="METRICS_SIMULATOR_SEED")

    @model_validator(mode="after")
    def _one_request_fits(self) -> Self:
        if self.max_events_per_request > self.max_in_flight_events:
            raise ValueError(
                "INGEST_MAX_EVENTS_PER_REQUEST must not be above INGEST_MAX_IN_FLIGHT_EVENTS: "
                "the largest request would be refused for ever"
            )
        return self
