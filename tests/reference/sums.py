"""Sums of events that count, by way of the columns that a batch of records becomes."""

from collections.abc import Iterable

from burnrate.admitted import Admitted, Counted
from burnrate.batch_sums import BatchSums
from burnrate.columns import columns_of
from burnrate.roster import Roster
from burnrate.tally import sum_up


def tally(admitted: Iterable[Admitted], roster: Roster | None = None) -> BatchSums:
    """Return the sums of a batch of events, all of which count."""
    own = Roster() if roster is None else roster
    return sum_up(columns_of([(i, Counted(a, None)) for i, a in enumerate(admitted)], own), own)
