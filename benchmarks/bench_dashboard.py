"""Interactions with the dashboard while many services report, in the browser's own measurement.

The whole stack runs as `make up` starts it, without the simulator; every service reports each ten
seconds, some of them badly. Debian's Chromium shows the overview and, in the same run, an empty
page; keys are pressed and buttons clicked on both in turn, and Event Timing tells how long each
took to the next frame.
"""

import os
import subprocess
import threading
import time
from datetime import UTC, datetime
from random import Random

from real_run import options

from burnline.localstack.dashboard import (
    DIRECTORY_VARIABLE,
    ensure_dashboard,
    ensure_modules,
    frontend_dir,
)
from burnline.localstack.runtimes import NODE, ensure, search_path
from tests.support.servers.stack import Stack, own_stack

REPORT_SECONDS = 10
MOST_SECONDS = 600
CHANCE_OF_TROUBLE = 0.02


class Reports(threading.Thread):
    """What services report, a tenth of them each second, until it is told to end."""

    def __init__(self, stack: Stack, names: list[str]) -> None:
        super().__init__(daemon=True)
        self._stack, self._names = stack, names
        self.ending = threading.Event()

    def run(self) -> None:
        """Report at an even pace."""
        chance = Random(7)
        with self._stack.client(self._stack.ingest_url) as client:
            for second in range(MOST_SECONDS):
                began = time.monotonic()
                part = self._names[second % REPORT_SECONDS :: REPORT_SECONDS]
                events = [_event(name, chance) for name in part]
                client.post("/v1/events", json=events).raise_for_status()
                if self.ending.wait(max(0.0, 1 - (time.monotonic() - began))):
                    return


def _event(name: str, chance: Random) -> dict[str, object]:
    bad = 200 if chance.random() < CHANCE_OF_TROUBLE else chance.randint(0, 2)
    return {
        "service": name,
        "source": "edge-proxy",
        "timestamp": datetime.now(UTC).isoformat(),
        "window_seconds": REPORT_SECONDS,
        "total": 1_000,
        "bad": bad,
    }


def measure(stack: Stack, services: int, rounds: int) -> None:
    """Let the browser measure while services report."""
    reports = Reports(stack, [f"service-{i:04d}" for i in range(services)])
    reports.start()
    environment = {
        **os.environ,
        "PATH": search_path(ensure(NODE, print)),
        "BURNLINE_URL": stack.api_url,
        "BURNLINE_INGEST_URL": stack.ingest_url,
        "BURNLINE_API_TOKEN": stack.variables["BURNLINE_API_TOKEN"],
        "BURNLINE_BENCH_SERVICES": str(services),
        "BURNLINE_BENCH_ROUNDS": str(rounds),
    }
    ensure_modules(frontend_dir())
    vitest = frontend_dir() / "node_modules" / "vitest" / "vitest.mjs"
    time.sleep(2 * REPORT_SECONDS)
    try:
        subprocess.run(  # noqa: S603 - our own command
            ("node", str(vitest), "run", "--config", "vitest.bench.config.ts"),  # noqa: S607
            cwd=frontend_dir(),
            env=environment,
            timeout=MOST_SECONDS,
            check=True,
        )
    finally:
        reports.ending.set()
        reports.join()


def main() -> None:
    """Run the stack, put load on it, measure, end it."""
    chosen = options(__doc__, services=500, rounds=20)
    with own_stack(**{DIRECTORY_VARIABLE: str(ensure_dashboard())}) as stack:
        measure(stack, chosen.services, chosen.rounds)


if __name__ == "__main__":
    main()
