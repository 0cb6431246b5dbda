"""All series of a shard: their rings, in pages, and the running sums of every window. Pure."""

from dataclasses import dataclass

import numpy as np

from burnrate.rings import (
    DAY,
    HOUR,
    HUGE,
    RESOLUTIONS,
    TEN_SECONDS,
    Flags,
    Ints,
    Ring,
    RunningWindow,
    bucket_of,
    ring_of,
)

WINDOW_SECONDS = (
    *(300, 1800, HOUR, 2 * HOUR, 6 * HOUR, DAY),
    *(days * DAY for days in (3, 7, 14, 28, 30, 90)),
)
ROW_OF = {seconds: row for row, seconds in enumerate(WINDOW_SECONDS)}
"""Where the running sums of a window stand."""
SHALLOW_DAYS, DEEP_DAYS = 30, 90
_RING_LENGTHS = RESOLUTIONS
_LEAST_PAGE, _MOST_PAGE = 64, 4096
_PAGE_SHARE = (
    4  # a new page is this part of what is there: growth copies nothing, and wastes little
)


def _windows(ring: int, days: int) -> tuple[RunningWindow, ...]:
    return tuple(
        RunningWindow(row, seconds // _RING_LENGTHS[ring])
        for row, seconds in enumerate(WINDOW_SECONDS)
        if ring_of(seconds) == ring and seconds <= days * DAY
    )


@dataclass(slots=True)
class _Page:
    """Series `start` to `start + size`, of which `used` have been given out."""

    start: int
    size: int
    deep: bool
    rings: tuple[Ring, ...]
    used: int = 0
    unsummed: bool = False  # stored counts were put into the rings behind the sums' back


class Engine:
    """Rings and running sums. A series is a number; it belongs to the `owner` it was made for.

    `sums` is [row of ROW_OF, total or bad, series]. The row of 90 days is meant for series that
    are deep; others reach back 30 days, and have less than half the buckets.
    """

    def __init__(self, now_micros: int) -> None:
        self._now_micros = now_micros
        self._pages: list[_Page] = []
        self._starts: Ints = np.zeros(0, np.int64)
        self._free: dict[bool, list[int]] = {False: [], True: []}
        self._huge: set[int] = set()
        self.sums: Ints = np.zeros((len(WINDOW_SECONDS), 2, 0), np.int64)
        self._touched: Flags = np.zeros(0, np.bool_)
        self._owners: Ints = np.zeros(0, np.int64)

    def new_series(self, owner: int, *, deep: bool) -> int:
        """Return a new series, all zero."""
        free = self._free[deep]
        series = free.pop() if free else self._next(deep=deep)
        self._owners[series] = owner
        self._touched[series] = True
        return series

    def free_series(self, series: int) -> None:
        """Forget a series; its place is given to another."""
        page = self._page(series)
        for ring in page.rings:
            ring.clear(series - page.start)
        self.sums[:, :, series] = 0
        self._huge.discard(series)
        self._free[page.deep].append(series)

    def is_deep(self, series: int) -> bool:
        """Tell whether a series reaches back 90 days."""
        return self._page(series).deep

    def take_touched(self) -> Ints:
        """Return the owners whose sums may have changed since this was last asked; repeats stand.

        Only those of running sums: a window of another length moves without it.
        """
        found = self._owners[np.flatnonzero(self._touched)]
        self._touched[:] = False
        return found

    def advance(self, now_micros: int) -> bool:
        """Let windows end at the bucket that holds `now`; tell whether one has moved.

        Time does not go back.
        """
        self._settle()
        before = bucket_of(self._now_micros, TEN_SECONDS)
        self._now_micros = max(now_micros, self._now_micros)
        if bucket_of(self._now_micros, TEN_SECONDS) == before:
            return False
        for page in self._pages:
            own = slice(page.start, page.start + page.used)
            for ring in page.rings:
                anchor = self._anchor(ring.length_seconds)
                ring.advance(anchor, self.sums[:, :, own], self._touched[own])
        self._sum_huge()
        return True

    def add(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add ten-second buckets [n] with counts [n, 2] (total, bad); each cell stands once."""
        self._settle()
        if not len(series):
            return
        self._add_to_sums(series, buckets, counts)
        pages = np.searchsorted(self._starts, series, "right") - 1
        for number in np.unique(pages):
            page, own = self._pages[number], pages == number
            columns, chosen, added = series[own] - page.start, buckets[own], counts[own]
            for ring in page.rings:
                coarser = ring.length_seconds // TEN_SECONDS
                huge = ring.add(columns, -(-chosen // coarser), added)
                self._huge.update((huge + page.start).tolist())
        self._sum_huge()

    def put(self, resolution: int, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Set stored counts [bucket, total or bad, series] in the ring of their resolution."""
        pages = np.searchsorted(self._starts, series, "right") - 1
        for number in np.unique(pages):
            page, own = self._pages[number], np.flatnonzero(pages == number)
            columns = _as_slice(series[own] - page.start)
            chosen = counts[:, :, own[0] : own[-1] + 1] if _is_run(own) else counts[:, :, own]
            page.rings[RESOLUTIONS.index(resolution)].put(columns, buckets, chosen)
            page.unsummed = True
        if len(buckets):
            most = counts[:, 0].max(axis=0)
            self._huge.update(series[most > HUGE].tolist())
        self._touched[series] = True

    def window_sums(self, series: Ints, window_seconds: Ints) -> Ints:
        """Return [total or bad, n] sums of series, each over a window of its own length."""
        result = np.zeros((2, len(series)), np.int64)
        pages = np.searchsorted(self._starts, series, "right") - 1
        kinds, kind_of = np.unique(np.stack([pages, window_seconds]), axis=1, return_inverse=True)
        for kind, (number, seconds) in enumerate(kinds.T.tolist()):
            own = np.flatnonzero(kind_of.reshape(-1) == kind)
            page = self._pages[number]
            ring = page.rings[ring_of(seconds)]
            buckets = -(-seconds // ring.length_seconds)
            result[:, own] = ring.window_sums(series[own] - page.start, buckets)
        return result

    def _add_to_sums(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        anchor = self._anchor(TEN_SECONDS)
        shortest = WINDOW_SECONDS[0] // TEN_SECONDS
        fresh = (buckets > anchor - shortest) & (buckets <= anchor)  # in reach of every window
        whole = np.zeros((2, len(self._touched)), np.int64)
        for column in (0, 1):
            np.add.at(whole[column], series[fresh], counts[fresh, column])
        here = np.flatnonzero(whole[0])
        self._touched[here] = True
        if 4 * len(here) > whole.shape[1]:
            self.sums += whole
        else:
            self.sums[:, :, here] += whole[:, here]
        if not fresh.all():
            self._add_old(series[~fresh], buckets[~fresh], counts[~fresh])

    def _add_old(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add to the sums of those windows that reach each of the buckets, if any."""
        for ring, length in enumerate(_RING_LENGTHS):
            anchor, own = self._anchor(length), -(-buckets // (length // TEN_SECONDS))
            for window in _windows(ring, DEEP_DAYS):
                reach = (own > anchor - window.buckets) & (own <= anchor) & (counts[:, 0] > 0)
                self._touched[series[reach]] = True
                for column in (0, 1):
                    added = counts[reach, column]
                    np.add.at(self.sums[window.row, column], series[reach], added)

    def _sum_huge(self) -> None:
        """Sum the windows of huge series from their buckets; they are rare."""
        if not self._huge:
            return
        series = np.array(sorted(self._huge), np.int64)
        self._touched[series] = True
        for row, seconds in enumerate(WINDOW_SECONDS):
            found = self.window_sums(series, np.full(len(series), seconds))
            self.sums[row][:, series] = found

    def _settle(self) -> None:
        for page in self._pages:
            if page.unsummed:
                own = slice(page.start, page.start + page.used)
                for ring in page.rings:
                    ring.sum_again(self.sums[:, :, own])
                page.unsummed = False
                self._sum_huge()

    def _anchor(self, length_seconds: int) -> int:
        return bucket_of(self._now_micros, length_seconds)

    def _page(self, series: int) -> _Page:
        return self._pages[int(np.searchsorted(self._starts, series, "right")) - 1]

    def _next(self, *, deep: bool) -> int:
        own = [page for page in self._pages if page.deep == deep]
        if not own or own[-1].used == own[-1].size:
            own.append(self._new_page(sum(page.size for page in own), deep=deep))
        page = own[-1]
        page.used += 1
        return page.start + page.used - 1

    def _new_page(self, there: int, *, deep: bool) -> _Page:
        wanted = 1 << max(there // _PAGE_SHARE, 1).bit_length() - 1
        size = min(max(wanted, _LEAST_PAGE), _MOST_PAGE)
        start = sum(page.size for page in self._pages)
        days = DEEP_DAYS if deep else SHALLOW_DAYS
        rings = tuple(
            Ring(length, _windows(ring, days), size, self._anchor(length))
            for ring, length in enumerate(_RING_LENGTHS)
        )
        self._pages.append(_Page(start, size, deep, rings))
        self._starts = np.array([page.start for page in self._pages], np.int64)
        self._widen(start + size)
        return self._pages[-1]

    def _widen(self, series: int) -> None:
        there = self.sums.shape[2]
        if series > there:
            more = max(series, 2 * there) - there
            self.sums = np.pad(self.sums, ((0, 0), (0, 0), (0, more)))
            self._touched = np.pad(self._touched, (0, more))
            self._owners = np.pad(self._owners, (0, more))


def _is_run(numbers: Ints) -> bool:
    return bool(numbers[-1] - numbers[0] + 1 == len(numbers) and (np.diff(numbers) == 1).all())


def _as_slice(numbers: Ints) -> Ints | slice:
    return slice(int(numbers[0]), int(numbers[-1]) + 1) if _is_run(numbers) else numbers
