"""Sums of events that count, by way of the columns that a batch of records becomes."""

from collections.abc import Iterable

from burnrate.domain.batch import BatchDelta
from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.aggregation import aggregate
from burnrate.ingest.columns import Counted, columns_of


def delta_of(admitted: Iterable[Counted], series: SeriesIndex | None = None) -> BatchDelta:
    """Return the sums of a batch of events, all of which count."""
    own = SeriesIndex() if series is None else series
    return aggregate(columns_of([(i, a) for i, a in enumerate(admitted)], own), own)
