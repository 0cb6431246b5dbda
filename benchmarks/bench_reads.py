"""Hot reads: answers kept ready as bytes, against an empty GET and against PostgreSQL.

One gateway process on its own processor, wrk (apt-get install wrk) on the other with 16
connections that take gzip. In each round every operation has its turn in the same process; the
ratio is to the empty GET of the same round. Meanwhile a tenth of the services change each second.
Beside throughput stands what the gateway's process answers in a second of its own processor time,
which a busy machine changes less; PostgreSQL's own time is not in it.
"""

import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from real_run import options, postgres

from api_gateway.http.pagination import DEFAULT_LIMIT
from burnline.localstack.ports import LOOPBACK, free_port

SERVER = Path(__file__).with_name("read_server.py")
START_SECONDS = 60.0
MARK_EMPTY, MARK_POSTGRES = 0.95, 6.0
HOT = (
    "/api/summary",
    "/api/summary/heatmap",
    "/api/burn",
    "/api/release/service-0007",
)
EMPTY = "/empty"
FULL_LIST = "/api/burn?limit=1000"
SERVER_CPU, CLIENT_CPU = "0", "1"


@dataclass(frozen=True, slots=True)
class Pace:
    """Requests in a second, and in a second of the gateway's processor time."""

    per_second: float
    per_cpu_second: float

    def over(self, other: "Pace") -> "Pace":
        """Return the ratios to another pace."""
        return Pace(self.per_second / other.per_second, self.per_cpu_second / other.per_cpu_second)


class Gateway:
    """The process under load."""

    def __init__(self, address: str, process: psutil.Process) -> None:
        self._address, self._process = address, process

    def load(self, path: str, seconds: int, connections: int = 16) -> Pace:
        """Return the pace of a path; every answer must be a good one."""
        command = ("taskset", "-c", CLIENT_CPU, "wrk", "-t1", "--timeout", "30s")
        packed = (
            "-H",
            "Accept-Encoding: gzip",
            f"-c{connections}",
            f"-d{seconds}s",
            f"{self._address}{path}",
        )
        before = self._cpu_seconds()
        done = subprocess.run(  # noqa: S603 - our own command
            (*command, *packed), capture_output=True, text=True, check=True
        )
        told, spent = done.stdout, self._cpu_seconds() - before
        speed = re.search(r"Requests/sec:\s+([\d.]+)", told)
        count = re.search(r"(\d+) requests in", told)
        if speed is None or count is None or "Non-2xx" in told or "Socket errors" in told:
            raise RuntimeError(f"{path}: {told}")
        return Pace(float(speed[1]), int(count[1]) / spent)

    def sizes(self, path: str) -> str:
        """Return how long an answer is, plain and packed."""
        lengths = []
        for coding in ("identity", "gzip"):
            headers = {"Accept-Encoding": coding}
            found = httpx.get(
                f"{self._address}{path}", headers=headers, trust_env=False, timeout=60
            )
            lengths.append(int(found.headers["Content-Length"]) / 1000)
        return f"{lengths[0]:.1f} kB, {lengths[1]:.1f} kB packed"

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def gateway(url: str, services: int) -> Iterator[Gateway]:
    """Run the gateway on its own processor until the block ends."""
    port = free_port(LOOPBACK)
    command = ["taskset", "-c", SERVER_CPU, sys.executable, str(SERVER), url, str(services)]
    server = subprocess.Popen([*command, str(port)])  # noqa: S603 - our own command
    address = f"http://{LOOPBACK}:{port}"
    try:
        _wait(address, server)
        yield Gateway(address, psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(20)


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            httpx.get(f"{address}/api/summary", trust_env=False, timeout=30).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the gateway did not start")


def compare(served: Gateway, services: int, seconds: int, rounds: int) -> None:
    """Print each operation's pace beside the empty GET's, and beside PostgreSQL's."""
    hot = [*HOT, FULL_LIST] if services > DEFAULT_LIMIT else [*HOT]
    ratios: dict[str, list[Pace]] = {path: [] for path in hot}
    paces: dict[str, list[Pace]] = {path: [] for path in (EMPTY, *hot)}
    for _ in range(rounds):
        empty = served.load(EMPTY, seconds)
        paces[EMPTY].append(empty)
        for path in hot:
            pace = served.load(path, seconds)
            paces[path].append(pace)
            ratios[path].append(pace.over(empty))
    middle = _median(paces[EMPTY])
    print(f"{services} services; empty GET {middle.per_second:,.0f}/s", end=", ")
    print(f"{middle.per_cpu_second:,.0f} in a second of its processor time")
    for path in hot:
        ratio, spread = _median(ratios[path]), [r.per_second for r in ratios[path]]
        times = _median(paces[path]).over(_from_postgres(served, path, seconds))
        print(f"  {path}: {served.sizes(path)}")
        print(f"    of the empty GET {ratio.per_second:.2f}", end=" ")
        print(f"[{min(spread):.2f}..{max(spread):.2f}], by processor {ratio.per_cpu_second:.2f}")
        print(f"    times PostgreSQL {times.per_second:.1f}", end=", ")
        print(f"by processor {times.per_cpu_second:.1f}", flush=True)
    print(f"  marks: {MARK_EMPTY} of the empty GET, {MARK_POSTGRES} times PostgreSQL")


def _from_postgres(served: Gateway, path: str, seconds: int) -> Pace:
    """Return the pace of an answer that is built for each request, which takes a while."""
    return served.load(f"/from-postgres{path}", 4 * seconds, connections=2)


def _median(paces: list[Pace]) -> Pace:
    return Pace(
        statistics.median(pace.per_second for pace in paces),
        statistics.median(pace.per_cpu_second for pace in paces),
    )


if __name__ == "__main__":
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    given = options(__doc__, seconds=3, rounds=5)
    with postgres() as new_database:
        for count in (100, 1000):
            with gateway(new_database(f"reads_{count}"), count) as served:
                compare(served, count, given.seconds, given.rounds)
