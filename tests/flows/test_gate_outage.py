"""Where the gate cannot know, it says so: each part is taken away in turn, and comes back."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest

from common.config.clock import rfc3339
from tests.support.flow import get, wait_for
from tests.support.servers.stack import Stack

SERVICE = "checkout"
DECIDED_FOR = timedelta(seconds=45)
LOOKS = 40


class Reporter(threading.Thread):
    """Reports good counts each second, whatever the answer: the service itself is well."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._stack, self._ended = stack, threading.Event()

    def run(self) -> None:
        with self._stack.client(self._stack.ingest_url) as client:
            for number in count():
                if self._ended.wait(1.0):
                    return
                self._report(client, number)

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def _report(self, client: httpx.Client, number: int) -> None:
        event = {
            "service": SERVICE,
            "source": "edge",
            "event_id": f"good-{number}",
            "timestamp": rfc3339(datetime.now(UTC)),
            "total": 100,
            "bad": 0,
        }
        try:
            client.post("/v1/events", json=event)
        except httpx.HTTPError:
            return  # a part is away, which is what this is about


@pytest.fixture(scope="module")
def reporting(new_stack: Callable[..., Stack]) -> Iterator[Stack]:
    stack = new_stack()
    reporter = Reporter(stack)
    reporter.start()
    yield stack
    reporter.stop()


@pytest.mark.parametrize("part", ["burnrate", "gate", "kafka"])
def test_an_outage_is_unknown_in_time_and_ends_by_itself(reporting: Stack, part: str) -> None:
    answer = wait_for(reporting, f"/api/release/{SERVICE}", allowed, seconds=240)
    begin, end = (datetime.fromisoformat(answer[name]) for name in ("evaluated_at", "expires_at"))
    assert end - begin <= DECIDED_FOR
    reporting.hold(part)
    reporting.signal(part, signal.SIGKILL)
    wait_for(reporting, f"/api/release/{SERVICE}", unknown)
    for _ in range(LOOKS):
        assert get(reporting, f"/api/release/{SERVICE}")["decision"] == "UNKNOWN"
        time.sleep(0.5)
    reporting.release(part)
    wait_for(reporting, f"/api/release/{SERVICE}", allowed, seconds=240)


def allowed(answer: dict[str, object]) -> bool:
    return answer["decision"] == "ALLOW"


def unknown(answer: dict[str, object]) -> bool:
    return answer["decision"] == "UNKNOWN"
