"""A shard whose buckets are full, a minute of its life, and its windows summed by hand."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from burnrate.domain.batch import BatchDelta
from burnrate.domain.objectives import Target
from burnrate.domain.service_state import Moment, ServiceQuota
from burnrate.evaluation.measuring import Published
from burnrate.evaluation.shard_state import ShardState
from burnrate.windows.engine import SHALLOW_DAYS, WINDOW_SECONDS
from burnrate.windows.rings import ring_of
from common.arrays import Ints
from common.config.clock import to_micros
from common.counts.layout import TEN_SECONDS, bucket_of
from common.slo.windows import DAY, HOUR, MINUTE

START = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
TICKS, REPORT_SECONDS = 60, 10
_LATE_SHARE = 0.05
_DEPTHS = {TEN_SECONDS: HOUR // TEN_SECONDS, MINUTE: DAY // MINUTE}
_SAMPLES = 25
Blocks = dict[int, tuple[Ints, Ints]]


@dataclass
class Run:
    """A shard, what went into it, and how long its calls took (seconds)."""

    state: ShardState
    names: list[str]
    blocks: Blocks
    batches: list[BatchDelta]
    published: Published
    ticks: list[float]
    applies: list[float]


def filled(services: int, days: int, *, keep: bool) -> Run:
    """Return a shard whose buckets are all full, measured once; `keep` what went in."""
    state = ShardState(START, ServiceQuota(2 * services), lambda _: days > SHALLOW_DAYS)
    run = Run(state, [f"service-{i:05d}" for i in range(services)], {}, [], Published(), [], [])
    chance = np.random.default_rng(7)
    for resolution, depth in {**_DEPTHS, HOUR: days * 24}.items():
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
    target = Target.default(Decimal("0.999"), days)
    for name in run.names:
        state.assign(name, [target])
    tick(run, START)
    return run


def tick(run: Run, now: datetime) -> int:
    """Measure, and take it as published; return how many services were to go out."""
    began = time.process_time_ns()
    measured = run.state.measure(run.published, Moment(now, 0, 1, now, lagging=False))
    run.published.accept(measured)
    run.ticks.append((time.process_time_ns() - began) / 1e9)
    return len(measured.worst)


def reports(run: Run, now: datetime, chance: np.random.Generator) -> BatchDelta:
    """Return the reports of a tenth of the services."""
    second = round(now.timestamp())
    chosen = np.arange(second % REPORT_SECONDS, len(run.names), REPORT_SECONDS)
    n = len(chosen)
    late = np.where(chance.random(n) < _LATE_SHARE, chance.integers(0, 7200, n), 0)
    total = chance.integers(900, 1100, n)
    bad = np.minimum(chance.integers(0, 4, n), total)
    ends = (second - late) * 1_000_000
    return BatchDelta(
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
        began = time.process_time_ns()
        run.state.apply(batch, now)
        run.applies.append((time.process_time_ns() - began) / 1e9)
        run.batches.append(batch)
    tick(run, now)
    return out / TICKS


def check(run: Run) -> int:
    """Compare sampled services, in every window, with sums by hand; return how many agree."""
    end = to_micros(START + timedelta(seconds=TICKS))
    chosen = np.random.default_rng(13).choice(len(run.names), _SAMPLES, replace=False).tolist()
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


def _place(batch: BatchDelta, name: str) -> int:
    return batch.names.index(name) if name in batch.names else -1
