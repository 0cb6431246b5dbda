"""Sums of events that count, by way of the columns that a batch of records becomes."""

from collections.abc import Iterable

from burnrate.domain.series_index import SeriesIndex
from burnrate.ingest.admitted import Admitted, Counted
from burnrate.ingest.aggregation import sum_up
from burnrate.ingest.batch_delta import BatchDelta
from burnrate.ingest.columns import columns_of


def tally(admitted: Iterable[Admitted], series: SeriesIndex | None = None) -> BatchDelta:
    """Return the sums of a batch of events, all of which count."""
    own = SeriesIndex() if series is None else series
    return sum_up(columns_of([(i, Counted(a, None)) for i, a in enumerate(admitted)], own), own)
