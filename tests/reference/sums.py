"""Sums of events that count, by way of the columns that a batch of records becomes."""

from collections.abc import Iterable

from burnrate.batch_sums import BatchSums
from burnrate.columns import columns_of
from burnrate.judge import Admitted, Counted
from burnrate.slots import Slots
from burnrate.tally import sum_up


def tally(admitted: Iterable[Admitted], slots: Slots | None = None) -> BatchSums:
    """Return the sums of a batch of events, all of which count."""
    own = Slots() if slots is None else slots
    return sum_up(columns_of([(i, Counted(a, None)) for i, a in enumerate(admitted)], own), own)
