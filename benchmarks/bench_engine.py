"""The window engine alone: time for each service and tick, for each event, and memory.

Time: CPU time of a minute of ticks of 1 s in which every service reports each 10 s (1 report in
20 is late), across the end of an hour, so that buckets of every length leave their windows.
Baseline in the same round: all windows summed again from their buckets. At the end of each run
sampled services are summed by hand. Memory: resident growth of a process of its own.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import numpy as np
import psutil
from engine_run import REPORT_SECONDS, START, TICKS, Run, check, filled, minute, tick
from real_run import options

from burnrate.domain.batch import BatchDelta
from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment, ServiceQuota
from burnrate.evaluation.measuring import Published
from burnrate.evaluation.shard_state import ShardState
from burnrate.windows.engine import SHALLOW_DAYS, WINDOW_SECONDS
from common.config.clock import to_micros
from common.counts.layout import TEN_SECONDS, bucket_of
from common.slo.windows import DAY, HOUR, MINUTE


def catching_up(run: Run) -> float:
    """Return the seconds for each cell of a batch in which every service has one."""
    n, now = len(run.names), START + timedelta(seconds=TICKS)
    ends = np.full(n, to_micros(now))
    batch = BatchDelta(
        tuple(run.names),
        np.arange(n),
        ends // (TEN_SECONDS * 1_000_000),
        np.ones((n, 2), np.int64),
        np.full(n, REPORT_SECONDS),
        ends,
        {},
        {},
    )
    began = time.process_time_ns()
    run.state.apply(batch, now)
    return (time.process_time_ns() - began) / 1e9 / n


def naive(run: Run) -> float:
    """Return the seconds that it takes to sum every window of every series again."""
    series = np.arange(len(run.names))
    began = time.process_time_ns()
    for seconds in (*WINDOW_SECONDS[:7], 30 * DAY):
        run.state.engine.window_sums(series, np.full(len(series), seconds))
    return (time.process_time_ns() - began) / 1e9


def speed(services: int, rounds: int) -> None:
    """Print the time for each service and tick, and each event, beside the naive sums."""
    own, slowest, per_event, at_once, ratios, ways = [], [], [], [], [], 0
    for _ in range(rounds):
        run = filled(services, SHALLOW_DAYS, keep=True)
        out = minute(run)
        own.append(sum(run.ticks) / TICKS / services * 1e9)
        slowest.append(max(run.ticks) * 1e3)
        per_event.append(sum(run.applies) / sum(len(b.names) for b in run.batches) * 1e9)
        ratios.append(naive(run) / services * 1e9 / own[-1])
        ways += check(run)
        at_once.append(catching_up(run) * 1e9)
    print(
        f"{services} services: {statistics.median(own):.1f} ns for each service and tick "
        f"[{min(own):.1f}..{max(own):.1f}], slowest tick {statistics.median(slowest):.2f} ms; "
        f"update {statistics.median(per_event):.0f} ns for each event, "
        f"{statistics.median(at_once):.0f} ns where all come at once; "
        f"summing anew costs {statistics.median(ratios):.0f} times as much; "
        f"{out:.0f} snapshots a tick; {ways} window sums equal those by hand"
    )


def memory(services: int, days: int) -> float:
    """Return the resident bytes of each series when every bucket is full."""
    minute(filled(16, days, keep=False))  # what code and caches take once is no series'
    before = psutil.Process().memory_info().rss
    run = filled(services, days, keep=False)
    minute(run)
    run.batches.clear()
    return (psutil.Process().memory_info().rss - before) / services


def growth(services: int) -> tuple[float, float]:
    """Return the CPU seconds of the longest batch and tick while services appear ten at a time."""
    run = Run(ShardState(START, ServiceQuota(services)), [], {}, [], Published(), [], [])
    target, longest = Target.default(Decimal("0.999"), 30), 0.0
    for first in range(0, services, 10):
        names = tuple(f"service-{first + i:05d}" for i in range(10))
        bucket = np.full(10, bucket_of(to_micros(START), TEN_SECONDS))
        counts, seconds = np.ones((10, 2), np.int64), np.full(10, 10)
        newest = np.full(10, to_micros(START))
        batch = BatchDelta(names, np.arange(10), bucket, counts, seconds, newest, {}, {})
        began = time.process_time_ns()
        run.state.apply(batch, START)
        longest = max(longest, (time.process_time_ns() - began) / 1e9)
        for name in run.state.take_unassigned():
            run.state.assign(name, [target])
        tick(run, START)
    return longest, max(run.ticks)


def loading(services: int) -> tuple[float, float]:
    """Return the seconds to load what is kept of a shard, and to copy it in memory."""
    names, kept = [f"service-{i:05d}" for i in range(services)], []
    for resolution, depth in ((TEN_SECONDS, 720), (MINUTE, 1500), (HOUR, 720)):
        anchor = bucket_of(to_micros(START), resolution)
        counts = np.random.default_rng(depth).integers(1, 100, (depth, services, 3))
        kept.append((resolution, np.arange(anchor - depth + 1, anchor + 1), counts))
    began = time.perf_counter()
    copies = [counts.copy() for _, _, counts in kept]
    copied = time.perf_counter() - began
    state, began = ShardState(START, ServiceQuota(len(names) + len(copies))), time.perf_counter()
    for resolution, buckets, counts in kept:
        state.load_blocks(resolution, names, buckets, counts)
    state.measure(Published(), Moment(START, 0, 1, START, lagging=False))
    return time.perf_counter() - began, copied


def alone(work: Callable[..., float], *arguments: int) -> float:
    """Return what a call gives in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def main() -> None:
    """Run the rounds and print medians."""
    rounds = options(__doc__, rounds=5).rounds
    for services in (1_000, 10_000):
        speed(services, rounds)
    for days in (30, 90):
        for services in (1_000, 4_000):
            kilobytes = alone(memory, services, days) / 1000
            print(f"{services} series of {days} days: {kilobytes:.1f} kB each")
    loads = [loading(1_000) for _ in range(rounds)]
    loaded, copied = (statistics.median(times) * 1e3 for times in zip(*loads, strict=True))
    print(f"loading 1000 services of 30 days: {loaded:.0f} ms; a copy of the rows {copied:.0f} ms")
    applied, ticked = growth(10_000)
    print(
        f"growing to 10000 services: longest batch {applied * 1e3:.1f} ms, "
        f"tick {ticked * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
