"""Sums of events that count, by way of the columns that a batch of records becomes."""

from collections.abc import Iterable

from burnrate.domain.series_index import Roster
from burnrate.ingest.admitted import Admitted, Counted
from burnrate.ingest.aggregation import sum_up
from burnrate.ingest.batch_delta import BatchSums
from burnrate.ingest.columns import columns_of


def tally(admitted: Iterable[Admitted], roster: Roster | None = None) -> BatchSums:
    """Return the sums of a batch of events, all of which count."""
    own = Roster() if roster is None else roster
    return sum_up(columns_of([(i, Counted(a, None)) for i, a in enumerate(admitted)], own), own)
