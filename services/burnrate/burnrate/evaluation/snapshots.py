"""Snapshots of services, made from the arrays of an evaluation. Pure."""

from collections.abc import Collection

from burnrate.domain.objectives import STATUSES, Target
from burnrate.domain.service_state import Moment
from burnrate.evaluation.figures import COVERED, LEVELS, SLO
from burnrate.evaluation.measuring import Measured, Sources
from burnrate.windows.engine import ROW_OF
from common.events import (
    BurnPair,
    BurnRateSnapshot,
    SloStatus,
    WindowRate,
    headline,
)
from common.slo.arithmetic import (
    FiguresIfGood,
    burn_rate,
    error_budget_remaining,
    figures_if_good,
)
from common.slo.freshness import stale_after_seconds
from common.slo.windows import (
    BURN_PAIRS,
    BURN_WINDOWS,
    HOUR,
    SHORT_WINDOW_SECONDS,
    at_least_two_reports,
)


def snapshots(
    of: Sources, measured: Measured, moment: Moment, asked: Collection[str] = ()
) -> list[BurnRateSnapshot]:
    """Return the snapshot of each service that is to go out.

    The moment's command is named in those that are asked for: the others have changed by chance
    and are no answer to it.
    """
    maker = _Maker(of, measured)
    return [maker.snapshot(row, moment, asked) for row in measured.worst.tolist()]


class _Maker:
    """The arrays as lists: one conversion for all services, and plain numbers in the events."""

    def __init__(self, of: Sources, measured: Measured) -> None:
        figures = measured.figures
        self._of, self._slots = of, measured.slots.tolist()
        self._row_of = {slot: row for row, slot in enumerate(self._slots)}
        self._counts = measured.counts.sums.tolist()
        columns = zip(
            measured.counts.partial.tolist(), measured.counts.uncertain.T.tolist(), strict=True
        )
        self._uncertain = {row: counts for row, counts in columns if any(counts)}
        self._reported_hours = measured.reported_hours.tolist()
        self._rates, self._composite = figures.rates.tolist(), figures.composite.tolist()
        self._levels, self._capped = figures.levels.tolist(), figures.capped.tolist()
        self._pairs, self._coverage = figures.pairs.tolist(), figures.coverage.tolist()
        self._statuses = measured.statuses.tolist()
        self._slo_statuses = measured.slo_statuses.tolist()

    def snapshot(self, worst: int, moment: Moment, asked: Collection[str]) -> BurnRateSnapshot:
        """Return the snapshot of the service whose worst objective is in that row."""
        table, slots = self._of.table, self._of.slots
        service = int(slots.service[self._slots[worst]])
        rows = [self._row_of[slot] for slot in slots.of_service[service]]
        slos = tuple(self._slo_status(row) for row in rows)
        name = table.names[service]
        least_known = min(rows, key=self._statuses.__getitem__)
        stream = int(slots.stream[self._slots[least_known]])
        resolution = int(table.resolution_seconds[stream])
        return BurnRateSnapshot(
            service_name=name,
            shard=moment.shard,
            epoch=moment.epoch,
            evaluated_at=moment.now,
            applied_through=moment.applied_through,
            data_status=STATUSES[self._statuses[least_known]],
            **headline(slos),
            resolution_seconds=resolution,
            short_window_seconds=at_least_two_reports(SHORT_WINDOW_SECONDS, resolution),
            stale_after_seconds=stale_after_seconds(resolution),
            newest_at=table.newest_at(stream),
            counters=table.counters_of(service),
            slos=slos,
            command_id=moment.command_id if name in asked else None,
        )

    def _slo_status(self, row: int) -> SloStatus:
        slot = self._slots[row]
        target = self._of.slots.target(slot)
        resolution = int(self._of.table.resolution_seconds[self._of.slots.stream[slot]])
        (total, bad), consumed = self._counts_of(SLO, row), self._rates[SLO][row]
        return SloStatus(
            **target.status_fields,
            total=total,
            bad=bad,
            burn_rate_5m=self._rates[0][row],
            burn_rate_1h=self._rates[1][row],
            burn_rate_24h=self._rates[2][row],
            composite_burn_rate=self._composite[row],
            error_budget_consumed=consumed,
            error_budget_remaining=error_budget_remaining(bad, total, target.objective),
            risk_level=LEVELS[self._levels[row]],
            risk_capped=self._capped[row],
            data_status=STATUSES[self._slo_statuses[row]],
            coverage_ratio=self._coverage[-1][row],
            windows=self._windows(row, resolution),
            burn_pairs=self._burn_pairs(row, target),
            uncertain=self._uncertain_of(SLO, row),
            reported_seconds=self._reported_hours[row] * HOUR,
            **self._if_good(row, target),
        )

    def _if_good(self, row: int, target: Target) -> FiguresIfGood:
        if row not in self._uncertain:
            return {}
        counts = [self._counts_of(window, row)[::-1] for window in COVERED]
        uncertain = [self._uncertain_of(window, row) for window in COVERED]
        return figures_if_good(counts, uncertain, target.objective)

    def _uncertain_of(self, window: int, row: int) -> int:
        found = self._uncertain.get(row)
        return found[window] if found else 0

    def _counts_of(self, window: int, row: int) -> tuple[int, int]:
        total, bad = self._counts[window]
        return total[row], bad[row]

    def _windows(self, row: int, resolution: int) -> dict[str, WindowRate]:
        return {
            name: WindowRate(
                at_least_two_reports(seconds, resolution),
                *self._counts_of(i, row),
                self._rates[i][row],
                self._uncertain_of(i, row),
                self._coverage[i][row],
            )
            for i, (name, seconds) in enumerate(BURN_WINDOWS.items())
        }

    def _burn_pairs(self, row: int, target: Target) -> tuple[BurnPair, ...]:
        found = []
        for rule in target.pairs():
            pair = (rule.long_seconds, rule.short_seconds)
            rate = self._pairs[BURN_PAIRS.index(pair)][row]
            _, bad = self._counts_of(ROW_OF[rule.long_seconds], row)
            least = self._least_of_pair(pair, row, target)
            found.append(BurnPair(*pair, rule.threshold, rate, bad, least))
        return tuple(found)

    def _least_of_pair(self, pair: tuple[int, int], row: int, target: Target) -> float | None:
        windows = [ROW_OF[seconds] for seconds in pair]
        uncertain = [self._uncertain_of(window, row) for window in windows]
        if not any(uncertain):
            return None
        counts = [self._counts_of(window, row) for window in windows]
        return min(
            burn_rate(bad - n, total, target.objective)
            for (total, bad), n in zip(counts, uncertain, strict=True)
        )
