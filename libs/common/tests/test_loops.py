"""Loops go on after an outage, at once when woken, and end on a defect unless told otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from common.runtime.backoff import backoff_seconds
from common.runtime.loops import background, every
from tests.support.waiting import until

LONG_SECONDS = 60.0


class Work:
    """Counts its calls, and raises what it is given first."""

    def __init__(self, *errors: Exception, takes_seconds: float = 0.0) -> None:
        self.calls = 0
        self._errors, self._takes_seconds = list(errors), takes_seconds

    async def __call__(self) -> None:
        self.calls += 1
        await asyncio.sleep(self._takes_seconds)
        if self._errors:
            raise self._errors.pop(0)

    async def until(self, calls: int) -> None:
        await until(lambda: self.calls >= calls)


@pytest.fixture
async def run() -> AsyncIterator[Callable[..., asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []

    def start(seconds: float, work: Work, **options: object) -> asyncio.Task[None]:
        task = asyncio.create_task(every(seconds, "test", work, **options))  # type: ignore[arg-type]
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


Run = Callable[..., asyncio.Task[None]]


async def test_work_is_done_again_after_the_interval(run: Run) -> None:
    work = Work()
    run(0.01, work)
    await work.until(3)


async def test_who_wakes_the_loop_does_not_wait_for_the_interval(run: Run) -> None:
    work, woken = Work(), asyncio.Event()
    run(LONG_SECONDS, work, woken=woken)
    for calls in (1, 2, 3):
        await work.until(calls)
        woken.set()
    await work.until(4)


async def test_an_outage_is_outlived_and_success_is_seen(run: Run) -> None:
    work = Work(OSError("gone"), TimeoutError())
    with capture_logs() as logs:
        run(0.01, work)
        await work.until(3)
    retries = [(entry["loop"], entry["exc_info"]) for entry in logs]
    assert retries == [("test", None)] * 2
    name = "burnline_loop_last_success_timestamp_seconds"
    assert (REGISTRY.get_sample_value(name, {"loop": "test"}) or 0) > 0


async def test_what_has_failed_is_not_tried_again_before_the_interval(run: Run) -> None:
    work, woken = Work(OSError("gone")), asyncio.Event()
    run(LONG_SECONDS, work, woken=woken)
    await work.until(1)
    woken.set()
    await asyncio.sleep(0.05)
    assert work.calls == 1


async def test_what_takes_long_to_fail_is_not_tried_again_at_once(run: Run) -> None:
    work = Work(OSError("gone"), OSError("gone"), takes_seconds=0.05)
    run(0.04, work)
    began = asyncio.get_running_loop().time()
    await work.until(3)
    assert asyncio.get_running_loop().time() - began > 0.15  # without pauses 0.1


async def test_a_defect_ends_the_loop(run: Run) -> None:
    task = run(0.01, Work(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await task


async def test_a_loop_that_survives_a_defect_logs_it_as_one(run: Run) -> None:
    defect = ZeroDivisionError()
    work = Work(defect)
    with capture_logs() as logs:
        run(0.01, work, survives=(Exception,))
        await work.until(2)
    assert [entry["exc_info"] for entry in logs] == [defect]


async def test_loops_in_the_background_end_with_the_block_and_tell_what_ended_one() -> None:
    going_on, failing = Work(), Work(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        async with background(every(0.01, "a", going_on), every(0.01, "b", failing)):
            await going_on.until(2)
    calls = going_on.calls
    await asyncio.sleep(0.05)
    assert going_on.calls == calls


def test_pauses_double_up_to_the_longest_for_any_number_of_failures() -> None:
    assert [backoff_seconds(n, 0.1, 0.5) for n in (1, 2, 3, 4, 10**9)] == [0.1, 0.2, 0.4, 0.5, 0.5]
