"""Futures drawn from the past: the days of the SLO window, one after another at random. Pure.

Errors that come in bursts have spent a budget long before their mean rate has: the course that is
expected passes below a threshold that most of what may happen crosses. Whole days are drawn, so
that a burst stays together and comes at its time of the day: a bootstrap of blocks (Carlstein,
Annals of Statistics 14, 1986).
"""

import numpy as np

from common.arrays import Floats

PATHS = 64
_BLOCK_HOURS = 24
_FEWEST_BLOCKS = 4
"""Fewer days than this say how a service began, not how its days are."""


def drawn_gains(hours: Floats, allowed_ratio: float, intervals: int) -> Floats | None:
    """Return the overspent requests of each hour to come, [PATHS, intervals].

    None where there were too few days, or no errors. `hours` is [total or bad, hours so far], the
    last of them not over yet; hours before the first report say nothing. The same counts draw the
    same futures.
    """
    total, bad = hours[:, :-1]
    seen = np.flatnonzero(total)
    known = len(total) - seen[0] if len(seen) else 0
    blocks = known // _BLOCK_HOURS
    if blocks < _FEWEST_BLOCKS or not bad.any():
        return None
    gains = (bad / allowed_ratio - total)[-blocks * _BLOCK_HOURS :].reshape(blocks, -1)
    random = np.random.default_rng(0)
    picked = random.integers(blocks, size=(PATHS, -(-intervals // _BLOCK_HOURS)))
    found: Floats = gains[picked].reshape(PATHS, -1)[:, :intervals]
    return found


def earlier(one: float | None, other: float | None) -> float | None:
    """Return the earlier of two times; None is never."""
    return min((time for time in (one, other) if time is not None), default=None)


def quantile(times: list[float | None], share: float) -> float | None:
    """Return the time by which so large a share of all had come; None: it has not."""
    come = sorted(time for time in times if time is not None)
    place = int(np.ceil(share * len(times))) - 1
    return come[place] if 0 <= place < len(come) else None
