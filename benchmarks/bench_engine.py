"""The window engine alone: time for each service and tick, for each event, and memory.

Time: a minute of ticks of 1 s in which every service reports each 10 s (1 report in 20 is late),
across the end of an hour, so that buckets of every length leave their windows. Baseline in the
same round: all windows summed again from their buckets. At the end of each run sampled services
are summed by hand from what went in. Memory: resident growth of a process of its own.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from burnrate.batch_sums import BatchSums
from burnrate.domain import default_target
from burnrate.measuring import Published
from burnrate.pages import SHALLOW_DAYS, WINDOW_SECONDS
from burnrate.rings import DAY, HOUR, MINUTE, TEN_SECONDS, Ints, bucket_of, ring_of
from burnrate.service_state import Moment, Room
from burnrate.shard_state import ShardState
from common.clock import to_micros

START = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
TICKS, REPORT_SECONDS, LATE_SHARE = 60, 10, 0.05
DEPTHS = {TEN_SECONDS: HOUR // TEN_SECONDS, MINUTE: DAY // MINUTE}
SAMPLES = 25
Blocks = dict[int, tuple[Ints, Ints]]


@dataclass
class Run:
    """A shard, what went into it, and how long its calls took (seconds)."""

    state: ShardState
    names: list[str]
    blocks: Blocks
    batches: list[BatchSums]
    published: Published
    ticks: list[float]
    folds: list[float]


def filled(services: int, days: int, *, keep: bool) -> Run:
    """Return a shard whose buckets are all full, measured once; `keep` what went in."""
    state = ShardState(START, Room(2 * services), lambda _: days > SHALLOW_DAYS)
    run = Run(state, [f"service-{i:05d}" for i in range(services)], {}, [], Published(), [], [])
    chance = np.random.default_rng(7)
    for resolution, depth in {**DEPTHS, HOUR: days * 24}.items():
        anchor = bucket_of(to_micros(START), resolution)
        parts = np.array_split(
            np.arange(anchor - depth + 1, anchor + 1), depth // 30 if keep else depth
        )
        kept = []
        for buckets in parts:
            found = np.full((len(buckets), services, 3), REPORT_SECONDS)
            found[:, :, 0] = chance.integers(900, 1100, found.shape[:2])
            found[:, :, 1] = chance.integers(0, 4, found.shape[:2])
            state.load_blocks(resolution, run.names, buckets, found)
            kept.append(found)
            if not keep:
                kept.clear()
        if keep:
            run.blocks[resolution] = np.concatenate(parts), np.concatenate(kept)
    target = default_target(Decimal("0.999"), days)
    for name in run.names:
        state.assign(name, [target])
    tick(run, START)
    return run


def tick(run: Run, now: datetime) -> int:
    """Measure, and take it as published; return how many services were to go out."""
    began = time.perf_counter()
    measured = run.state.measure(run.published, Moment(now, 0, 1, now, lagging=False))
    run.published.accept(measured)
    run.ticks.append(time.perf_counter() - began)
    return len(measured.worst)


def reports(run: Run, now: datetime, chance: np.random.Generator) -> BatchSums:
    """Return the reports of a tenth of the services."""
    second = round(now.timestamp())
    chosen = np.arange(second % REPORT_SECONDS, len(run.names), REPORT_SECONDS)
    n = len(chosen)
    late = np.where(chance.random(n) < LATE_SHARE, chance.integers(0, 7200, n), 0)
    total = chance.integers(900, 1100, n)
    bad = np.minimum(chance.integers(0, 4, n), total)
    ends = (second - late) * 1_000_000
    return BatchSums(
        tuple(run.names[i] for i in chosen),
        np.arange(n),
        -(-ends // (TEN_SECONDS * 1_000_000)),
        np.stack([total, bad], axis=1),
        np.full(n, REPORT_SECONDS),
        ends,
        {},
        {},
    )


def minute(run: Run) -> float:
    """Let a minute pass; return how many services were to go out, for each tick."""
    chance, out = np.random.default_rng(11), 0
    run.ticks.clear()
    for second in range(1, TICKS + 1):
        now = START + timedelta(seconds=second)
        out += tick(run, now)
        batch = reports(run, now, chance)
        began = time.perf_counter()
        run.state.fold(batch, now)
        run.folds.append(time.perf_counter() - began)
        run.batches.append(batch)
    tick(run, now)
    return out / TICKS


def naive(run: Run) -> float:
    """Return the seconds that it takes to sum every window of every series again."""
    series = np.arange(len(run.names))
    began = time.perf_counter()
    for seconds in (*WINDOW_SECONDS[:7], 30 * DAY):
        run.state.engine.window_sums(series, np.full(len(series), seconds))
    return time.perf_counter() - began


def check(run: Run) -> int:
    """Compare sampled services, in every window, with sums by hand; return how many agree."""
    end = to_micros(START + timedelta(seconds=TICKS))
    chosen = np.random.default_rng(13).choice(len(run.names), SAMPLES, replace=False).tolist()
    windows = [seconds for seconds in WINDOW_SECONDS if seconds <= 30 * DAY]
    for number in chosen:
        for row, seconds in enumerate(windows):
            length = (TEN_SECONDS, MINUTE, HOUR)[ring_of(seconds)]
            anchor = bucket_of(end, length)
            inside = range(anchor - seconds // length + 1, anchor + 1)
            expected = by_hand(run, number, length, inside)
            found = tuple(run.state.engine.sums[row, :, number].tolist())
            if found != expected:
                raise SystemExit(f"{run.names[number]}, {seconds} s: {found}, not {expected}")
    return len(chosen) * len(windows)


def by_hand(run: Run, number: int, length: int, inside: range) -> tuple[int, int]:
    """Return (total, bad) of one service in buckets of one length, bucket by bucket."""
    total = bad = 0
    buckets, blocks = run.blocks[length]
    for bucket, own in zip(buckets.tolist(), blocks[:, number].tolist(), strict=True):
        if bucket in inside:
            total, bad = total + own[0], bad + own[1]
    for batch in run.batches:
        for i in np.flatnonzero(batch.service == _place(batch, run.names[number])).tolist():
            if -(-int(batch.bucket[i]) * TEN_SECONDS // length) in inside:
                total, bad = total + int(batch.counts[i, 0]), bad + int(batch.counts[i, 1])
    return total, bad


def _place(batch: BatchSums, name: str) -> int:
    return batch.names.index(name) if name in batch.names else -1


def speed(services: int, rounds: int) -> None:
    """Print the time for each service and tick, and each event, beside the naive sums."""
    own, slowest, per_event, ratios, ways = [], [], [], [], 0
    for _ in range(rounds):
        run = filled(services, SHALLOW_DAYS, keep=True)
        out = minute(run)
        own.append(sum(run.ticks) / TICKS / services * 1e9)
        slowest.append(max(run.ticks) * 1e3)
        per_event.append(sum(run.folds) / sum(len(b.names) for b in run.batches) * 1e9)
        ratios.append(naive(run) / services * 1e9 / own[-1])
        ways += check(run)
    print(
        f"{services} services: {statistics.median(own):.1f} ns for each service and tick "
        f"[{min(own):.1f}..{max(own):.1f}], slowest tick {statistics.median(slowest):.2f} ms; "
        f"update {statistics.median(per_event):.0f} ns for each event; "
        f"summing anew costs {statistics.median(ratios):.0f} times as much; "
        f"{out:.0f} snapshots a tick; {ways} window sums equal those by hand"
    )


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def memory(services: int, days: int) -> float:
    """Return the resident bytes of each series when every bucket is full."""
    minute(filled(16, days, keep=False))  # what code and caches take once is no series'
    before = resident_bytes()
    run = filled(services, days, keep=False)
    minute(run)
    run.batches.clear()
    return (resident_bytes() - before) / services


def growth(services: int) -> tuple[float, float]:
    """Return the seconds of the longest fold and tick while services appear ten at a time."""
    run = Run(ShardState(START, Room(services)), [], {}, [], Published(), [], [])
    target, longest = default_target(Decimal("0.999"), 30), 0.0
    for first in range(0, services, 10):
        names = tuple(f"service-{first + i:05d}" for i in range(10))
        bucket = np.full(10, bucket_of(to_micros(START), TEN_SECONDS))
        counts, seconds = np.ones((10, 2), np.int64), np.full(10, 10)
        newest = np.full(10, to_micros(START))
        batch = BatchSums(names, np.arange(10), bucket, counts, seconds, newest, {}, {})
        began = time.perf_counter()
        run.state.fold(batch, START)
        longest = max(longest, time.perf_counter() - began)
        for name in run.state.take_unassigned():
            run.state.assign(name, [target])
        tick(run, START)
    return longest, max(run.ticks)


def alone(work: Callable[..., float], *arguments: int) -> float:
    """Return what a call gives in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def main() -> None:
    """Run the rounds and print medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for services in (1_000, 10_000):
        speed(services, rounds)
    for days in (30, 90):
        for services in (1_000, 4_000):
            kilobytes = alone(memory, services, days) / 1000
            print(f"{services} series of {days} days: {kilobytes:.1f} kB each")
    fold, ticked = growth(10_000)
    print(
        f"growing to 10000 services: longest fold {fold * 1e3:.1f} ms, tick {ticked * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main()
