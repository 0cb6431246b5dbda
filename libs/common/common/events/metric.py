"""What other systems send: counts of a service's requests."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from common.events.fields import (
    MAX_ATTRIBUTES,
    MAX_BOUNDS,
    MAX_WINDOW_SECONDS,
    AttributeName,
    AttributeValue,
    Bound,
    Count,
    IndicatorName,
    Seconds,
    ServiceName,
    plain_text,
)
from common.slo.streams import DEFAULT_INDICATOR, stream_of


class Latency(Struct, frozen=True):
    """Requests by duration: `counts[i]` are those above `bounds[i-1]` and up to `bounds[i]`.

    Bounds in seconds, strictly rising; one count more than bounds, the last for what is slower
    than every bound; counts are not cumulative and sum to the event's `total`. Percentiles and
    averages are refused: they cannot be added up.
    """

    bounds: Annotated[tuple[Bound, ...], Meta(min_length=1, max_length=MAX_BOUNDS)]
    counts: Annotated[tuple[Count, ...], Meta(min_length=2, max_length=MAX_BOUNDS + 1)]


class MetricEvent(Struct, frozen=True, omit_defaults=True):
    """What happened to a service in the `window_seconds` that end at `timestamp`.

    Counts are deltas, never running totals. Either `bad` or `good` is sent; what has been
    admitted has `bad`. Two events with the same service, indicator, source and event_id are one;
    without an event_id the content takes its place, so `source` or `event_id` must be there.
    Unknown fields are ignored on Kafka and refused over HTTP.
    """

    service: Annotated[ServiceName, Meta(description="The record's key as well")]
    timestamp: Annotated[
        datetime,
        Meta(
            tz=True,
            description="End of the window, RFC 3339 with an offset; at most 5 minutes "
            "after the broker takes the record and, by default, 24 hours before",
        ),
    ]
    total: Annotated[Count, Meta(description="Requests in the window")]
    bad: Annotated[Count, Meta(description="Failed requests, at most `total`")] | None = None
    good: Annotated[Count, Meta(description="Instead of `bad`, at most `total`")] | None = None
    source: Annotated[str, plain_text("Who counted, for example a proxy's name")] = ""
    event_id: Annotated[str, plain_text("Unique for the service and the source")] = ""
    window_seconds: Annotated[Seconds, Meta(ge=1, le=MAX_WINDOW_SECONDS)] = 10
    latency: Latency | None = None
    attributes: Annotated[
        dict[AttributeName, AttributeValue],
        Meta(max_length=MAX_ATTRIBUTES, description="Free text, not used in any sum"),
    ] = {}
    indicator: IndicatorName = DEFAULT_INDICATOR

    @property
    def stream(self) -> str:
        """The name of the stream that it is counted in."""
        return stream_of(self.service, self.indicator)
