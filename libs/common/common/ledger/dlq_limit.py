"""When too much of what comes is wrong, something is broken upstream: stop, do not drain. Pure.

What it says depends on the order of the records alone, not on how they were cut into batches.
"""

from dataclasses import dataclass

import numpy as np

from common.arrays import Flags, Ints

WINDOW_RECORDS = 1_000


@dataclass(frozen=True, slots=True)
class DlqLimits:
    """How much may be bad: a share of the last 1 000 records, and records in a row."""

    max_bad_ratio: float = 0.1  # 1 lets everything pass
    max_bad_run: int = 200  # this many in a row open it


class DlqLimit:
    """The last records of one shard. `refusal` looks at what comes next, `apply` accepts it.

    Before the first 1 000 records the missing ones count as good, so that one bad record at the
    start is not a share of 100 %.
    """

    def __init__(self, limits: DlqLimits) -> None:
        self._limits = limits
        self._window: Flags = np.zeros(WINDOW_RECORDS, np.bool_)
        self._run = 0

    def refusal(self, bad: Flags) -> str | None:
        """Return why the shard should stop within these records, in order; None to go on.

        `bad` has shape [n], true where a record is wrong. Nothing changes.
        """
        if not bad.any():
            return None  # good records only bring both figures down
        if self._longest_run(bad) >= self._limits.max_bad_run:
            return f"{self._limits.max_bad_run} records in a row are bad"
        worst = int(self._bad_in_window(bad).max())
        if worst > self._limits.max_bad_ratio * WINDOW_RECORDS:
            return (
                f"{worst} of the last {WINDOW_RECORDS} records are bad, "
                f"more than {self._limits.max_bad_ratio:.1%}"
            )
        return None

    def apply(self, bad: Flags) -> None:
        """Go on from these records: they are applied."""
        self._run = self._run_at_end(bad)
        self._window = np.concatenate((self._window, bad[-WINDOW_RECORDS:]))[-WINDOW_RECORDS:]

    def _bad_in_window(self, bad: Flags) -> Ints:
        """Return [n]: after each record, how many of the last 1 000 are bad."""
        sums = np.cumsum(np.concatenate((self._window, bad)), dtype=np.int64)
        result: Ints = sums[WINDOW_RECORDS:] - sums[: len(bad)]
        return result

    def _longest_run(self, bad: Flags) -> int:
        ends = np.flatnonzero(np.concatenate((~bad, [True])))  # a run ends before a good record
        lengths = np.diff(ends, prepend=-1) - 1
        lengths[0] += self._run
        return int(lengths.max())

    def _run_at_end(self, bad: Flags) -> int:
        good = np.flatnonzero(~bad)
        return int(len(bad) - 1 - good[-1]) if len(good) else self._run + len(bad)
