"""When too much of what comes is no event, something is broken upstream: stop, do not drain.

Pure. Events whose content is wrong do not count: whoever sends them would stop all others.

What it says depends on the order of the records, not on how they were cut into batches.
"""

from dataclasses import dataclass

import numpy as np

from common.arrays import Flags, Ints

WINDOW_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class DlqLimits:
    """How much may be unreadable: a share of the last 1 000 records, and records in a row."""

    max_bad_ratio: float = 0.1  # 1 lets everything pass
    max_bad_run: int = 200  # this many in a row open it


class DlqLimit:
    """The last records of one shard. `refusal` looks at what comes next, `apply` accepts it.

    Before the first 1 000 records the missing ones count as good, so that one that is unreadable
    at the start is not a share of 100 %.
    """

    def __init__(self, limits: DlqLimits) -> None:
        self._limits = limits
        self._window: Flags = np.zeros(WINDOW_RECORDS, np.bool_)
        self._run = 0

    def refusal(self, unreadable: Flags) -> str | None:
        """Return why the shard should stop within these records, in order; None to go on.

        `unreadable` has shape [n], true where a record is no event. Nothing changes.
        """
        if not unreadable.any():
            return None  # good records only bring both figures down
        if self._longest_run(unreadable) >= self._limits.max_bad_run:
            return f"{self._limits.max_bad_run} records in a row are unreadable"
        worst = int(self._unreadable_in_window(unreadable).max())
        if worst > self._limits.max_bad_ratio * WINDOW_RECORDS:
            return (
                f"{worst} of the last {WINDOW_RECORDS} records are unreadable, "
                f"more than {100 * self._limits.max_bad_ratio:g}%"
            )
        return None

    def apply(self, unreadable: Flags) -> None:
        """Go on from these records: they are applied."""
        self._run = self._run_at_end(unreadable)
        window = np.concatenate((self._window, unreadable[-WINDOW_RECORDS:]))
        self._window = window[-WINDOW_RECORDS:]

    def _unreadable_in_window(self, unreadable: Flags) -> Ints:
        """Return [n]: after each record, how many of the last 1 000 are unreadable."""
        sums = np.cumsum(np.concatenate((self._window, unreadable)), dtype=np.int64)
        result: Ints = sums[WINDOW_RECORDS:] - sums[: len(unreadable)]
        return result

    def _longest_run(self, unreadable: Flags) -> int:
        # a run ends before a record that is readable
        ends = np.flatnonzero(np.concatenate((~unreadable, [True])))
        lengths = np.diff(ends, prepend=-1) - 1
        lengths[0] += self._run
        return int(lengths.max())

    def _run_at_end(self, unreadable: Flags) -> int:
        good = np.flatnonzero(~unreadable)
        return int(len(unreadable) - 1 - good[-1]) if len(good) else self._run + len(unreadable)
