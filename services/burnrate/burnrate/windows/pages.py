"""Where series have their places: blocks of rings that are added as series come. Pure."""

from dataclasses import dataclass, field

import numpy as np

from burnrate.windows.rings import Ring, RunningWindow, ring_of
from common.arrays import Ints
from common.counts.layout import RESOLUTIONS
from common.slo.vocabulary import WINDOW_DAYS
from common.slo.windows import BURN_WINDOWS, DAY, PAIR_WINDOWS

OWN_WINDOWS = {**BURN_WINDOWS, **PAIR_WINDOWS}
"""The windows of every objective beside that of its SLO, by name (seconds)."""
WINDOW_SECONDS = (*OWN_WINDOWS.values(), *(days * DAY for days in WINDOW_DAYS))
"""The windows that have running sums: those of every objective, then those of SLOs."""
ROW_OF = {seconds: row for row, seconds in enumerate(WINDOW_SECONDS)}
"""Where the running sums of a window stand."""
SHALLOW_DAYS, DEEP_DAYS = 30, 90
_LEAST_SERIES, _MOST_SERIES = 80, 5120
_GROUP = 40  # series that take memory together: few, so that little of it is empty


def windows_of(ring: int, days: int) -> tuple[RunningWindow, ...]:
    """Return the windows that a ring serves for series which reach back so many days."""
    return tuple(
        RunningWindow(row, seconds // RESOLUTIONS[ring])
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
