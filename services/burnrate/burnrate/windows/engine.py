"""All series of a shard: their buckets, and the running sums of every window. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from burnrate.windows.rings import HUGE, Ring, RunningWindow, ring_of
from common.arrays import Flags, Ints
from common.counts.layout import RESOLUTIONS, TEN_SECONDS, bucket_of
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.windows import BURN_WINDOWS, DAY, PAIR_WINDOWS, window_buckets

OWN_WINDOWS = {**BURN_WINDOWS, **PAIR_WINDOWS}
"""The windows of every objective beside that of its SLO, by name (seconds)."""
WINDOW_SECONDS = (*OWN_WINDOWS.values(), *(days * DAY for days in WINDOW_DAYS))
"""The windows that have running sums: those of every objective, then those of SLOs."""
ROW_OF = {seconds: row for row, seconds in enumerate(WINDOW_SECONDS)}
"""Where the running sums of a window stand."""
SHALLOW_DAYS, DEEP_DAYS = 30, 90
_LEAST_SERIES, _MOST_SERIES = 80, 5120
_GROUP = 40  # series that take memory together: few, so that little of it is empty
_SHORTEST_BUCKETS = WINDOW_SECONDS[0] // TEN_SECONDS


@cache
def windows_of(ring: int, days: int) -> tuple[RunningWindow, ...]:
    """Return the windows that a ring serves for series which reach back so many days."""
    return tuple(
        RunningWindow(row, window_buckets(seconds))
        for row, seconds in enumerate(WINDOW_SECONDS)
        if ring_of(seconds) == ring and seconds <= days * DAY
    )


@dataclass(slots=True)
class Page:
    """Series `start` to `start + size`, of which `used` have been given out."""

    start: int
    size: int
    deep: bool
    rings: tuple[Ring, ...]
    used: int = 0
    unsummed: bool = False  # stored counts were put into the rings behind the sums' back

    @property
    def groups(self) -> int:
        """Return how many groups of series are in use."""
        return -(-self.used // _GROUP)

    @property
    def span(self) -> slice:
        """Return the series of these groups."""
        return slice(self.start, self.start + self.groups * _GROUP)


@dataclass(slots=True)
class Pages:
    """All pages, and for each series its page and its cell in each ring of that: [ring, series].

    A page is as large as all before it, up to a bound: growth copies no counts, and pages are few.
    """

    pages: list[Page] = field(default_factory=list)
    page_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    cells: Ints = field(default_factory=lambda: np.zeros((len(RESOLUTIONS), 0), np.int64))
    _free: dict[bool, list[int]] = field(default_factory=lambda: {False: [], True: []})

    def take(self, anchors: tuple[int, ...], *, deep: bool) -> int:
        """Return a place for a series; a new page's rings begin at these anchors."""
        if self._free[deep]:
            return self._free[deep].pop()
        own = [page for page in self.pages if page.deep == deep]
        if not own or own[-1].used == own[-1].size:
            own.append(self._new_page(sum(page.size for page in own), anchors, deep=deep))
        page = own[-1]
        page.used += 1
        return page.start + page.used - 1

    def free(self, series: int) -> None:
        """Clear the place of a series, and give it to another."""
        page = self.page(series)
        for ring in page.rings:
            ring.clear(series - page.start)
        self._free[page.deep].append(series)

    def page(self, series: int) -> Page:
        """Return the page of a series."""
        return self.pages[int(self.page_of[series])]

    def _new_page(self, there: int, anchors: tuple[int, ...], *, deep: bool) -> Page:
        size = min(max(there, _LEAST_SERIES), _MOST_SERIES)
        groups, days = (size // _GROUP, _GROUP), DEEP_DAYS if deep else SHALLOW_DAYS
        rings = tuple(
            Ring(length, windows_of(ring, days), groups, anchor)
            for ring, (length, anchor) in enumerate(zip(RESOLUTIONS, anchors, strict=True))
        )
        page = Page(len(self.page_of), size, deep, rings)
        cells = np.stack([ring.cells(np.arange(size)) for ring in rings])
        self.page_of = np.concatenate([self.page_of, np.full(size, len(self.pages))])
        self.cells = np.concatenate([self.cells, cells], axis=1)
        self.pages.append(page)
        return page


class Engine:
    """Rings and running sums. A series is a number; it belongs to the `owner` it was made for.

    `sums` is [row of ROW_OF, total or bad, series]. The row of 90 days is meant for series that
    are deep; others reach back 30 days, and have less than half the buckets.
    """

    def __init__(self, now_micros: int) -> None:
        self._now_micros = now_micros
        self._pages = Pages()
        self._huge: set[int] = set()
        self.sums: Ints = np.zeros((len(WINDOW_SECONDS), 2, 0), np.int64)
        self._touched: Flags = np.zeros(0, np.bool_)
        self._owners: Ints = np.zeros(0, np.int64)

    def new_series(self, owner: int, *, deep: bool) -> int:
        """Return a new series, all zero."""
        series = self._pages.take(tuple(map(self._anchor, RESOLUTIONS)), deep=deep)
        self._widen(len(self._pages.page_of))
        self._owners[series] = owner
        self._touched[series] = True
        return series

    def free_series(self, series: int) -> None:
        """Forget a series; its place is given to another."""
        self._pages.free(series)
        self.sums[:, :, series] = 0
        self._huge.discard(series)

    def is_deep(self, series: int) -> bool:
        """Return whether a series reaches back 90 days."""
        return self._pages.page(series).deep

    def take_touched(self) -> Ints:
        """Return the owners whose sums may have changed since this was last asked; repeats stand.

        Only those of running sums: a window of another length moves without it.
        """
        found = self._owners[np.flatnonzero(self._touched)]
        self._touched[:] = False
        return found

    def advance(self, now_micros: int) -> bool:
        """Let windows end at the bucket that holds `now`; return whether one has moved.

        Time does not go back.
        """
        self._settle()
        before = bucket_of(self._now_micros, TEN_SECONDS)
        self._now_micros = max(now_micros, self._now_micros)
        if bucket_of(self._now_micros, TEN_SECONDS) == before:
            return False
        for page in self._pages.pages:
            sums, touched = self._views(page)
            for ring in page.rings:
                ring.advance(self._anchor(ring.length_seconds), sums, touched)
        self._sum_huge()
        return True

    def add(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add ten-second buckets [n] with counts [n, 2] (total, bad); each cell stands once."""
        self._settle()
        if not len(series):
            return
        self._add_to_sums(series, buckets, counts)
        for page, own in self._by_page(series):
            cells, chosen, added = self._pages.cells[:, series[own]], buckets[own], counts[own]
            for ring, places in zip(page.rings, cells, strict=True):
                coarser = ring.length_seconds // TEN_SECONDS
                huge = ring.add(places, -(-chosen // coarser), added)
                if huge is not None:
                    self._huge.update(series[own][huge].tolist())
        self._sum_huge()

    def put(self, resolution: int, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Set stored counts [bucket, total or bad, series] in the ring of their resolution."""
        if not len(buckets):
            return
        ring = RESOLUTIONS.index(resolution)
        for page, own in self._by_page(series):
            cells = self._pages.cells[ring, series[own]]
            chosen: Ints | slice = own
            if len(own) == own[-1] - own[0] + 1 and (np.diff(own) == 1).all():
                chosen = slice(int(own[0]), int(own[-1]) + 1)  # a view, where it can be one
            page.rings[ring].put(cells, buckets, counts[:, :, chosen])
            page.unsummed = True
        self._huge.update(series[counts[:, 0].max(axis=0) > HUGE].tolist())
        self._touched[series] = True

    def window_sums(self, series: Ints, window_seconds: Ints) -> Ints:
        """Return [total or bad, n] sums of series, each over a window of its own length."""
        result = np.zeros((2, len(series)), np.int64)
        for page, own in self._by_page(series):
            lengths = window_seconds[own]
            for seconds in np.unique(lengths).tolist():
                ring, chosen = page.rings[ring_of(seconds)], own[lengths == seconds]
                cells = self._pages.cells[ring_of(seconds), series[chosen]]
                result[:, chosen] = ring.window_sums(cells, window_buckets(seconds))
        return result

    def _by_page(self, series: Ints) -> Iterator[tuple[Page, Ints]]:
        """Yield each page that has some of the series, and which these are."""
        numbers = self._pages.page_of[series]
        order = np.argsort(numbers, kind="stable")
        ends = np.cumsum(np.bincount(numbers, minlength=len(self._pages.pages)))
        start = 0
        for page, end in zip(self._pages.pages, ends.tolist(), strict=True):
            if end > start:
                yield page, order[start:end]
            start = end

    def _views(self, page: Page) -> tuple[Ints, Flags]:
        """Return sums [row, group, total or bad, series] and flags [group, series] of a page."""
        sums = self.sums[:, :, page.span].reshape(len(WINDOW_SECONDS), 2, page.groups, -1)
        return sums.transpose(0, 2, 1, 3), self._touched[page.span].reshape(page.groups, -1)

    def _add_to_sums(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        anchor = self._anchor(TEN_SECONDS)
        # in reach of every window
        fresh = (buckets > anchor - _SHORTEST_BUCKETS) & (buckets <= anchor)
        whole = np.zeros((2, len(self._touched)), np.int64)
        for column in (0, 1):
            np.add.at(whole[column], series[fresh], counts[fresh, column])
        here = np.flatnonzero(whole[0])
        self._touched[here] = True
        if 16 * len(here) > whole.shape[1]:  # one sweep costs less than so many places
            self.sums += whole
        else:
            self.sums[:, :, here] += whole[:, here]
        if not fresh.all():
            self._add_old(series[~fresh], buckets[~fresh], counts[~fresh])

    def _add_old(self, series: Ints, buckets: Ints, counts: Ints) -> None:
        """Add to the sums of those windows that reach each of the buckets, if any."""
        for ring, length in enumerate(RESOLUTIONS):
            anchor, own = self._anchor(length), -(-buckets // (length // TEN_SECONDS))
            for window in windows_of(ring, DEEP_DAYS):
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
        unsummed = [page for page in self._pages.pages if page.unsummed]
        for page in unsummed:
            sums, _ = self._views(page)
            for ring in page.rings:
                ring.sum_again(sums)
            page.unsummed = False
        if unsummed:
            self._sum_huge()

    def _anchor(self, length_seconds: int) -> int:
        return bucket_of(self._now_micros, length_seconds)

    def _widen(self, series: int) -> None:
        there = self.sums.shape[2]
        if series > there:
            self.sums = np.pad(self.sums, ((0, 0), (0, 0), (0, series - there)))
            self._touched = np.pad(self._touched, (0, series - there))
            self._owners = np.pad(self._owners, (0, series - there))
